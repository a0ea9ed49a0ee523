"""What `ingest` hands on: `ingest/<run>/{traces.parquet,manifest.csv,vendor_peaks.csv}`."""

from __future__ import annotations

from dialysis.tables._table import Column, Table

_INJECTION = (
    Column("injection_id", "text", "Key of everything measured.", required=True),
    Column("run", "text", "HPLC sequence.", required=True),
    Column("channel", "text", "Detector channel as the export names it."),
)

RUN_FILES = Table(
    "files",
    "One row per injection of a run: where its data are (a slice of injections.csv).",
    (
        Column("injection_id", "text", "Key of everything measured.", required=True),
        Column("run", "text", "HPLC sequence.", required=True),
        Column("injection_file", "text", "Export file or files.", required=True),
        Column("section", "text", "Which injection inside the file."),
        Column("injected_at", "text", "Injection time, where the export has none."),
    ),
    key=("injection_id",),
)

TRACES = Table(
    "traces",
    "One row per injection × channel, with the arrays inside.",
    (
        *_INJECTION,
        Column("detector", "text", "Detector as the export names it."),
        Column("unit", "text", "Signal unit as the export gives it."),
        Column("start_s", "number", "Time of the first point, s.", required=True),
        Column(
            "interval_s",
            "number",
            "Distance of the points (median), s.",
            required=True,
            minimum=0,
            exclusive_minimum=True,
        ),
        Column("n_points", "integer", "Number of points.", required=True, minimum=2),
        Column(
            "time_s",
            "array",
            "Times in s, float64; missing when sampling is uniform (start_s + i·interval_s).",
        ),
        Column("signal", "array", "Signal in `unit`, float64.", required=True),
        Column("injected_at", "text", "Injection time, ISO 8601; empty when not known."),
        Column("sample_name", "text", "As the export gives it."),
        Column("vial", "text", "As the export gives it."),
        Column("method", "text", "As the export gives it."),
    ),
    key=("injection_id", "channel"),
)

MANIFEST = Table(
    "manifest",
    "One row per injection × channel: which bytes it was read from.",
    (
        *_INJECTION,
        Column("file", "text", "Export file, relative to raw/<study>/.", required=True),
        Column("section", "text", "Which injection inside the file."),
        Column("sha256", "text", "Of the file.", required=True),
        Column("size_bytes", "integer", "Of the file.", required=True, minimum=0),
        Column("format", "text", "Reader that read it.", required=True),
        Column("injected_at", "text", "Injection time, ISO 8601; empty when not known."),
        Column("injected_at_note", "text", "What was assumed about it."),
        Column("sample_name", "text", "As the export gives it."),
        Column("vial", "text", "As the export gives it."),
        Column("unit", "text", "Signal unit."),
        Column("n_points", "integer", "Number of points.", required=True),
        Column("interval_s", "number", "Distance of the points, s.", required=True),
        Column("first_s", "number", "First time, s.", required=True),
        Column("last_s", "number", "Last time, s.", required=True),
        Column("signal_min", "number", "Smallest signal.", required=True),
        Column("signal_max", "number", "Largest signal.", required=True),
        Column("report_file", "text", "File of the vendor's peaks, where it is another one."),
        Column("report_sha256", "text", "Of that file."),
    ),
    key=("injection_id", "channel"),
)

VENDOR_PEAKS = Table(
    "vendor_peaks",
    "One row per peak of the vendor's own integration, where the export holds one.",
    (
        *_INJECTION,
        Column("rt_min", "number", "Retention time, min.", required=True),
        Column("name", "text", "Peak name."),
        Column("area", "number", "Area, signal unit × s."),
        Column("height", "number", "Height, signal unit."),
        Column("start_min", "number", "Start, min."),
        Column("end_min", "number", "End, min."),
        Column("baseline_start", "number", "Baseline at its start, signal unit."),
        Column("baseline_end", "number", "Baseline at its end, signal unit."),
        Column("baseline_start_min", "number", "Time of baseline_start, min."),
        Column("baseline_end_min", "number", "Time of baseline_end, min."),
        Column("code", "text", "The vendor's integration code or mark."),
    ),
)
