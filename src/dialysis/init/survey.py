"""What a folder of exports holds, injection by injection."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dialysis.chromatogram import Chromatogram, VendorPeak, VendorReport
from dialysis.ingest import READERS, Reader
from dialysis.ingest.dates import settle_orders
from dialysis.ingest.pairing import same_injection
from dialysis.init.kinds import declared_kind
from dialysis.inspect import Inspection, inspect_files


@dataclass(frozen=True, eq=False)
class Injected:
    """One injection, as its export files or a results table have it.

    Parameters
    ----------
    files : tuple of str
        Its files, relative to the folder; empty for a row of a results table.
    section : str
        Which injection inside the file.
    name, stem : str
        Sample name in the export, and name of the file (or section).
    folder : str
        Subfolder of the files.
    vial, injected_at, time_note : str
        As the export gives them; what was assumed about the time.
    declared : str
        Kind that the export says; empty when it says none.
    inj_uL, dilution : float or None
        As the export gives them.
    volume : str
        Injected volume of a unit that the export does not say (ANDI); empty for others.
    channels : tuple of str
        Detector channels.
    trace : bool
        Whether there is a trace.
    format, unit : str
        Key of the reader, and the signal unit.
    vendor_peaks : mapping of str to tuple of VendorPeak
        The vendor's integration by channel.
    """

    files: tuple[str, ...]
    section: str
    name: str
    stem: str
    folder: str
    vial: str
    injected_at: str
    time_note: str
    declared: str
    inj_uL: float | None
    dilution: float | None
    volume: str
    channels: tuple[str, ...]
    trace: bool
    format: str
    unit: str
    vendor_peaks: Mapping[str, tuple[VendorPeak, ...]]


@dataclass(frozen=True, eq=False)
class Survey:
    """Injections of a folder, and what was found besides.

    Parameters
    ----------
    injected : tuple of Injected
        By file and section.
    inspection : Inspection
        What `dialysis inspect` says of the folder.
    """

    injected: tuple[Injected, ...]
    inspection: Inspection


def survey_folder(
    folder: Path,
    format: str = "auto",
    readers: Sequence[Reader] = READERS,
    files: Sequence[str] = (),
) -> Survey:
    """Read every export in a folder and its subfolders.

    Parameters
    ----------
    folder : Path
        The folder.
    format : str
        Key of a reader, or ``"auto"``.
    readers : sequence of Reader
        Readers to choose from.
    files : sequence of str
        The only files that are read, relative to the folder; all without any.

    Returns
    -------
    Survey
        Channels in files of their own and the vendor's reports in others are put together by
        sample name and injection time.
    """
    items: list[Injected] = []

    def seen(item: Chromatogram | VendorReport) -> None:
        items.append(_injected(item, folder))

    paths = [folder / name for name in files] or [folder]
    inspection = inspect_files(paths, format, readers, each=seen)
    inspection = replace(inspection, folder=folder.as_posix())
    # A day/month order that one file leaves open is settled by the others.
    times = settle_orders([(item.injected_at, item.time_note) for item in items])
    settled = [
        replace(item, injected_at=time, time_note=note)
        for item, (time, note) in zip(items, times, strict=True)
    ]
    return Survey(tuple(_together(settled)), inspection)


def _injected(item: Chromatogram | VendorReport, folder: Path) -> Injected:
    file = Path(item.file).relative_to(folder)
    parent = file.parent.as_posix()
    return Injected(
        files=(file.as_posix(),),
        section=item.section,
        name=item.sample_name.strip(),
        stem=file.stem,
        folder="" if parent == "." else parent,
        vial=item.vial,
        injected_at=item.injected_at,
        time_note=item.injected_at_note,
        declared=declared_kind(item.header),
        inj_uL=item.injection_uL,
        dilution=item.dilution,
        volume=item.header.get("sample_injection_volume", "").removesuffix(".0"),
        channels=(item.channel,),
        trace=isinstance(item, Chromatogram),
        format=item.format,
        unit=item.unit,
        vendor_peaks={item.channel: item.vendor_peaks} if item.vendor_peaks else {},
    )


def _together(items: Iterable[Injected]) -> list[Injected]:
    """Put channels and reports of one injection together, in the order of the first of them."""
    out: list[Injected] = []
    at: dict[tuple[str, str], list[int]] = {}
    in_file: dict[tuple[str, str], int] = {}
    for item in items:
        place = in_file.get((item.files[0], item.section))
        if place is None and item.injected_at:
            alike = at.get((item.folder, item.name), [])
            place = next((n for n in alike if _one_injection(out[n], item)), None)
        if place is None:
            in_file[item.files[0], item.section] = len(out)
            at.setdefault((item.folder, item.name), []).append(len(out))
            out.append(item)
        else:
            out[place] = _joined(out[place], item)
    return out


def _one_injection(one: Injected, other: Injected) -> bool:
    """Whether another file is another channel of an injection, or its report."""
    if not one.injected_at or not same_injection(one.injected_at, other.injected_at):
        return False
    shared = set(one.channels) & set(other.channels)
    return not shared or one.trace != other.trace


def _joined(one: Injected, other: Injected) -> Injected:
    first, second = (one, other) if one.trace or not other.trace else (other, one)
    return replace(
        first,
        files=tuple(dict.fromkeys([*first.files, *second.files])),
        channels=tuple(dict.fromkeys([*first.channels, *second.channels])),
        declared=first.declared or second.declared,
        vendor_peaks={**second.vendor_peaks, **first.vendor_peaks},
    )


def natural_key(text: str) -> tuple[tuple[int, int, str], ...]:
    """Key for sorting names with numbers in them: 2 before 10."""
    return tuple(
        (0, int(part), "") if part.isdecimal() else (1, 0, part.casefold())
        for part in re.split(r"(\d+)", text)
        if part
    )
