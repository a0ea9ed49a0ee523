"""What every reader must do, and the seam a new one plugs into."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from dialysis.chromatogram import Chromatogram, VendorReport
from dialysis.errors import ExportFormatError
from dialysis.ingest import READERS, BadExport, Reader, example, read
from dialysis.ingest.checks import check_chromatogram, check_report
from dialysis.ingest.reader import quoted
from dialysis.ingest.registry import supported_table
from tests.contract._ingest_files import SAMPLES
from tests.contract._text_files import CONFIGS, FOLDER_KEYS

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs" / "formats.md"
NOWHERE = Path("not") / "there"
KEYS = [reader.key for reader in READERS]
FILE_KEYS = [key for key in KEYS if key not in FOLDER_KEYS]


def reader_of(key: str) -> Reader:
    reader = next(reader for reader in READERS if reader.key == key)
    return reader.configured(CONFIGS.get(key, {}))


def read_all(reader: Reader, content: bytes) -> int:
    """Number of chromatograms and reports; BadExport is the only exception allowed."""
    try:
        traces = reader.read(NOWHERE, content)
        for trace in traces:
            if isinstance(trace, Chromatogram):
                check_chromatogram(trace)
            else:
                check_report(trace)
    except BadExport as error:
        assert error.problem.found
        assert error.problem.expected
        return 0
    assert traces
    return len(traces)


def assert_same(one: Chromatogram | VendorReport, two: Chromatogram | VendorReport) -> None:
    """Equal points and units; of reports, equal peaks."""
    assert one.unit == two.unit
    if isinstance(one, Chromatogram) and isinstance(two, Chromatogram):
        np.testing.assert_array_equal(one.signal, two.signal)
        np.testing.assert_array_equal(one.times_s, two.times_s)
    else:
        assert one.vendor_peaks == two.vendor_peaks


def test_long_cells_are_cut_in_messages() -> None:
    assert quoted("1\t2") == r"'1\t2'"
    assert quoted("a" * 60) == "'" + "a" * 60 + "'"
    assert quoted("a" * 10**6) == "'" + "a" * 60 + "…'"


def cut_like(
    full: Chromatogram | VendorReport, cut: Chromatogram | VendorReport
) -> Chromatogram | VendorReport:
    """As many points of a whole trace as a cut one has."""
    if isinstance(full, Chromatogram) and isinstance(cut, Chromatogram):
        return replace(full, signal=full.signal[: cut.n_points])
    return full


def test_every_reader_has_a_sample_and_a_key_of_its_own() -> None:
    assert len(set(KEYS)) == len(KEYS)
    assert sorted(KEYS) == sorted([*SAMPLES, *FOLDER_KEYS])


def test_the_config_schema_offers_every_reader() -> None:
    schema = yaml.safe_load((ROOT / "workflow" / "schemas" / "study.schema.yaml").read_text())
    assert schema["properties"]["ingest"]["properties"]["format"]["enum"] == ["auto", *KEYS]


def test_the_docs_list_what_the_registry_has() -> None:
    assert supported_table() in DOCS.read_text(encoding="utf-8")


@pytest.mark.parametrize("key", KEYS)
def test_every_reader_says_what_it_is(key: str) -> None:
    reader = reader_of(key)
    assert re.fullmatch(r"[a-z0-9_]+", reader.key)
    assert reader.name
    assert reader.yields
    assert reader.verified
    assert all(ending.startswith(".") for ending in reader.extensions)


@pytest.mark.parametrize("key", FILE_KEYS)
class TestEveryReader:
    def test_claims_its_own_format_only(self, key: str) -> None:
        reader = reader_of(key)
        claimed = [name for name, content in SAMPLES.items() if reader.sniff(content, NOWHERE)]
        assert claimed == ([] if key == "delimited" else [key])
        assert not reader.sniff(b"", NOWHERE)
        assert not reader.sniff(b"0.0005 36.03 x\n0.0021 36.04 y\n", NOWHERE)

    def test_opens_no_file_and_leaves_the_file_fields_empty(self, key: str) -> None:
        for item in reader_of(key).read(NOWHERE, SAMPLES[key]):
            assert (item.file, item.format, item.sha256) == ("", "", "")
            if isinstance(item, Chromatogram):
                assert item.signal.dtype == np.float64
                assert item.signal.ndim == 1
            else:
                assert reader_of(key).reports

    def test_is_repeatable(self, key: str) -> None:
        reader = reader_of(key)
        first, second = reader.read(NOWHERE, SAMPLES[key]), reader.read(NOWHERE, SAMPLES[key])
        for one, two in zip(first, second, strict=True):
            assert_same(one, two)
            assert (one.header, one.injected_at) == (two.header, two.injected_at)

    def test_options_of_the_study_make_another_reader(self, key: str) -> None:
        reader = reader_of(key)
        other = reader.configured({"decimal": ",", "date_order": "dmy"})
        assert (type(other), other.options.marks.decimal) == (type(reader), ",")
        assert reader.options.marks.decimal == "auto"

    def test_every_cut_is_an_error_or_keeps_every_point(self, key: str) -> None:
        """A cut may also leave results without their trace, which `read` refuses."""
        reader, content = reader_of(key), SAMPLES[key]
        whole = reader.read(NOWHERE, content)
        n_refused = 0
        for length in range(len(content)):
            try:
                found = reader.read(NOWHERE, content[:length])
            except BadExport:
                n_refused += 1
                continue
            if isinstance(whole[0], Chromatogram) and isinstance(found[0], VendorReport):
                n_refused += 1
                continue
            assert len(found) == len(whole)
            for cut, full in zip(found, whole, strict=True):
                assert_same(cut, full if reader.counts_points else cut_like(full, cut))
        # Without a number of points a cut between two lines can't be seen.
        assert n_refused > (0.9 if reader.counts_points else 0.8) * len(content)

    @settings(max_examples=400, deadline=None, derandomize=True)
    @given(data=st.data())
    def test_damaged_bytes_never_raise_anything_else(self, key: str, data: st.DataObject) -> None:
        content = bytearray(SAMPLES[key])
        for _ in range(data.draw(st.integers(1, 4))):
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
        stop = data.draw(st.integers(0, len(content)) | st.just(len(content)))
        read_all(reader_of(key), bytes(content[:stop]))

    @settings(max_examples=100, deadline=None, derandomize=True)
    @given(content=st.binary(max_size=200))
    def test_any_bytes_at_all(self, key: str, content: bytes) -> None:
        read_all(reader_of(key), content)

    @settings(max_examples=100, deadline=None, derandomize=True)
    @given(tail=st.binary(max_size=100), at=st.integers(0, 200))
    def test_foreign_bytes_after_a_good_start(self, key: str, tail: bytes, at: int) -> None:
        read_all(reader_of(key), SAMPLES[key][:at] + tail)


def docs_example() -> type[Reader]:
    """The reader that docs/formats.md shows, as it stands there."""
    text = DOCS.read_text(encoding="utf-8")
    code = re.search(r"```python\n(.*?)```", text, re.DOTALL)
    assert code is not None
    names: dict[str, object] = {}
    exec(compile(code[1], str(DOCS), "exec"), names)  # the point of the test
    found = names["ToyReader"]
    assert isinstance(found, type) and issubclass(found, Reader)
    return found


def test_the_example_module_is_the_reader_of_the_docs_and_runs(
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = DOCS.read_text(encoding="utf-8")
    code = re.search(r"class ToyReader.*?(?=\n```)", text, re.DOTALL)
    assert code is not None
    assert code[0] in Path(example.__file__).read_text(encoding="utf-8")
    example.main()
    assert capsys.readouterr().out == "toy: 3 points of nA on ECD-1\n"


class TestTheReaderOfTheDocs:
    def test_reads(self, tmp_path: Path) -> None:
        path = tmp_path / "x.toy"
        path.write_bytes(b"TOY ECD-1\n0.0 1\n0.5 2.5\n1.0 1\n")
        [trace] = read(path, readers=(*READERS, docs_example()()))
        assert (trace.format, trace.file, trace.channel, trace.unit) == (
            "toy",
            str(path),
            "ECD-1",
            "nA",
        )
        np.testing.assert_array_equal(trace.times_s, [0, 30, 60])
        np.testing.assert_array_equal(trace.signal, [1, 2.5, 1])
        assert len(trace.sha256) == 64

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (
                b"TOY E\n0 1\n0.5 x\n",
                "x.toy, line 3: found '0.5 x'; expected minutes and nA. The file is cut short or "
                "altered: export the injection again, or copy it again.",
            ),
            (
                b"TOY E\n0 1\n0.5 nan\n1 2\n",
                "x.toy, channel 'E', point 2: found a signal of nan; expected a finite number. The "
                "file is cut short or altered: export the injection again, or copy it again.",
            ),
            (
                b"TOY E\n0 1\n0.5 1\n0.5 2\n",
                "x.toy, channel 'E', point 3: found time 30 s after 30 s; expected times that "
                "increase from point to point. The file is cut short or altered: export the "
                "injection again, or copy it again.",
            ),
        ],
    )
    def test_the_seam_names_the_file_and_checks_the_trace(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, message: str
    ) -> None:
        monkeypatch.chdir(tmp_path)
        Path("x.toy").write_bytes(content)
        with pytest.raises(ExportFormatError) as error:
            read("x.toy", readers=(*READERS, docs_example()()))
        assert str(error.value) == message

    def test_two_readers_that_fit_are_not_chosen_between(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        Path("x.cdf").write_bytes(SAMPLES["andi"])
        toy = docs_example()
        greedy = type("Greedy", (toy,), {"sniff": lambda self, head, path: True})
        with pytest.raises(ExportFormatError) as error:
            read("x.cdf", readers=(*READERS, greedy()))
        assert str(error.value) == (
            "x.cdf, byte 0: found a file that fits ANDI/AIA netCDF and Toy text; expected one that "
            "fits one format. Set ingest.format to andi or toy."
        )
        assert read("x.cdf", "andi", readers=(*READERS, greedy()))[0].format == "andi"
