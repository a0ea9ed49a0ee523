"""The mapping assistant: from a folder of exports to a study's tables, as far as files tell."""

from dialysis.init.animals import AnimalList, read_animal_list
from dialysis.init.answers import Answers, Group, MixPart, read_group, read_mix
from dialysis.init.layouts import read_layout
from dialysis.init.report import ToDo, to_do_text
from dialysis.init.study import Initiated, init_study

__all__ = [
    "AnimalList",
    "Answers",
    "Group",
    "Initiated",
    "MixPart",
    "ToDo",
    "init_study",
    "read_animal_list",
    "read_group",
    "read_layout",
    "read_mix",
    "to_do_text",
]
