"""The tables that stages hand to each other and that a lab fills in.

One module per stage; `inputs` holds those of `config/<study>/`.
"""

from dialysis.tables._table import Column, Kind, Table

__all__ = ["Column", "Kind", "Table"]
