"""Injection times: day/month order and what was assumed."""

from __future__ import annotations

import pytest

from dialysis.ingest.dates import DateOrder, date_order, iso_time, settle_orders

ASSUMED_DAY = "day/month order assumed: day before month"
ASSUMED_MONTH = "day/month order assumed: month before day"


@pytest.mark.parametrize(
    ("injected", "others", "day_first", "note"),
    [
        (["13/04/2024 09:53:42"], [], True, ""),
        (["04/13/2024 09:53:42"], [], False, ""),
        (["02/08/2023 17:08:21"], ["21/08/2024"], True, ""),
        (["02/08/2023 17:08:21"], ["10/17/2018"], False, ""),
        (["2/3/2024 10:00:00", "14/3/2024 10:00:00"], [], True, ""),
        (["13/04/2024 09:00", "04/13/2024 09:00"], [], None,
         "the file's dates fit neither day/month order"),
        (["04/01/2024 10:00:00", "04/02/2024 10:00:00"], [], False,
         f"{ASSUMED_MONTH} (the injections are closest together so)"),
        (["01/04/2024 10:00:00", "02/04/2024 10:00:00"], [], True,
         f"{ASSUMED_DAY} (the injections are closest together so)"),
        (["3.4.2024. 9:53:42"], [], True, f"{ASSUMED_DAY} (usual for dates with dots)"),
        (["1/5/2016 3:04:05 PM"], [], False, f"{ASSUMED_MONTH} (usual for times with AM and PM)"),
        (["1/5/2016 15:04:05"], [], True, f"{ASSUMED_DAY} (nothing in the file decides it)"),
        ([], ["21/08/2024"], True, ""),
        (["never"], [], True, f"{ASSUMED_DAY} (nothing in the file decides it)"),
    ],
)  # fmt: skip
def test_the_order_from_all_dates_of_a_file(
    injected: list[str], others: list[str], day_first: bool | None, note: str
) -> None:
    assert date_order(injected, others) == DateOrder(day_first, note)


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("13/04/2024 09:53:42", "2024-04-13T09:53:42"),
        ("13.4.2024. 9:53:42", "2024-04-13T09:53:42"),
        ("13-04-2024 09:53", "2024-04-13T09:53:00"),
        ("13/04/2024 12:00:01 AM", "2024-04-13T00:00:01"),
        ("13/04/2024 12:00:01 PM", "2024-04-13T12:00:01"),
        ("13/04/2024 1:00:01 p.m.", "2024-04-13T13:00:01"),
        ("2024/04/13 09:53:42", "2024-04-13T09:53:42"),
        ("2024-04-13T09:53:42", "2024-04-13T09:53:42"),
        ("13.04.2024, 09:53:42.250", "2024-04-13T09:53:42"),
        ("13-apr-2024 09:53", "2024-04-13T09:53:00"),
        ("13 April 2024 9:53:42 PM", "2024-04-13T21:53:42"),
        ("Apr 13, 2024 09:53:42", "2024-04-13T09:53:42"),
        ("1. Mär. 2024 09:53:42", "2024-03-01T09:53:42"),
        ("1 août 2024 09:53", "2024-08-01T09:53:00"),
        ("1 juin 2024 09:53", "2024-06-01T09:53:00"),
        ("1 juil. 2024 09:53", "2024-07-01T09:53:00"),
        ("1 mrt 2024 09:53", "2024-03-01T09:53:00"),
    ],
)
def test_times_in_iso_8601(text: str, iso: str) -> None:
    assert iso_time(text, DateOrder(True)) == (iso, "")


def test_month_first() -> None:
    assert iso_time("10/15/2018 12:32:32 PM", DateOrder(False)) == ("2018-10-15T12:32:32", "")


def test_the_note_stays_away_where_it_makes_no_difference() -> None:
    order = DateOrder(True, ASSUMED_DAY)
    assert iso_time("02/08/2023 10:00:00", order) == ("2023-08-02T10:00:00", ASSUMED_DAY)
    assert iso_time("08/08/2023 10:00:00", order) == ("2023-08-08T10:00:00", "")
    assert iso_time("2023-08-02 10:00:00", order) == ("2023-08-02T10:00:00", "")
    assert iso_time("02/08/23 10:00:00", order) == (
        "2023-08-02T10:00:00",
        f"{ASSUMED_DAY}; two-digit year read as 20yy",
    )


@pytest.mark.parametrize(
    "text", ["31-feb-2024 10:00", "1 jui 2024 10:00", "1 foo 2024 10:00", "28-jan-20",
             "soon", "31/02/2024 10:00:00", "13/04/2024 25:00:00", "13/04/2024 13:00:00 PM",
             "13/04/2024", "13/04-2024 10:00"],
)  # fmt: skip
def test_what_is_no_time_is_said_to_be_none(text: str) -> None:
    assert iso_time(text, DateOrder(True)) == ("", f"injection time '{text}' is not understood")


def test_a_named_month_needs_no_order() -> None:
    neither = DateOrder(None, "the file's dates fit neither day/month order")
    year = "two-digit year read as 20yy"
    assert iso_time("28-jan-20 20:11", neither) == ("2020-01-28T20:11:00", year)


class TestDeclaredOrder:
    @pytest.mark.parametrize(
        ("declared", "text", "iso"),
        [
            ("dmy", "02/08/2023 10:00:00", "2023-08-02T10:00:00"),
            ("mdy", "02/08/2023 10:00:00", "2023-02-08T10:00:00"),
            ("mdy", "02.08.2023 10:00:00", "2023-02-08T10:00:00"),
            ("dmy", "2023-08-02 10:00:00", "2023-08-02T10:00:00"),
        ],
    )
    def test_is_taken_without_a_note(self, declared: str, text: str, iso: str) -> None:
        order = date_order([text], ["01/13/2023"], declared)
        assert iso_time(text, order) == (iso, "")

    def test_year_first(self) -> None:
        order = date_order(["20-01-28 20:11"], declared="ymd")
        year = "two-digit year read as 20yy"
        assert iso_time("20-01-28 20:11", order) == ("2020-01-28T20:11:00", year)
        assert iso_time("2020-01-28 20:11", order) == ("2020-01-28T20:11:00", "")

    def test_that_does_not_fit_leaves_no_time(self) -> None:
        assert iso_time("28/01/2020 20:11", date_order([], declared="mdy")) == (
            "",
            "injection time '28/01/2020 20:11' is not understood",
        )


def test_no_time_and_no_order() -> None:
    assert iso_time("", DateOrder(True, ASSUMED_DAY)) == ("", "")
    neither = DateOrder(None, "the file's dates fit neither day/month order")
    assert iso_time("13/04/2024 09:00:00", neither) == ("", neither.note)
    assert iso_time("2024-04-13 09:00:00", neither) == ("2024-04-13T09:00:00", "")


class TestTheRunSettlesWhatFilesLeaveOpen:
    def test_by_injections_that_are_certain(self) -> None:
        times = [
            ("2024-12-08T23:00:00", f"{ASSUMED_DAY} (nothing in the file decides it)"),
            ("2024-08-13T00:10:00", ""),
        ]
        assert settle_orders(times) == [
            (
                "2024-08-12T23:00:00",
                f"{ASSUMED_MONTH} (the run's injections are closest together so)",
            ),
            ("2024-08-13T00:10:00", ""),
        ]

    def test_not_when_the_order_fits_already(self) -> None:
        times = [("2024-08-12T23:00:00", f"{ASSUMED_DAY} (x)"), ("2024-08-13T00:10:00", "")]
        assert settle_orders(times) == times

    def test_not_when_it_makes_no_difference(self) -> None:
        times = [("2024-08-02T10:00:00", f"{ASSUMED_DAY} (x)")] * 2
        assert settle_orders(times) == times

    def test_offsets_and_missing_times_do_not_disturb(self) -> None:
        times = [
            ("", "injection time 'soon' is not understood"),
            ("2024-12-08T23:00:00", f"{ASSUMED_DAY} (x); two-digit year read as 20yy"),
            ("2024-08-13T00:10:00+02:00", ""),
        ]
        assert settle_orders(times)[1] == (
            "2024-08-12T23:00:00",
            f"{ASSUMED_MONTH} (the run's injections are closest together so); "
            "two-digit year read as 20yy",
        )
        assert settle_orders([]) == []
        assert settle_orders(times[:1]) == times[:1]
