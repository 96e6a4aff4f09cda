"""What the text of a number means, and where it is not certain."""

from __future__ import annotations

import string
from datetime import date, time
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inkread.marks import SIGNS
from inkread.values import Notation, Value, meaning, value_of, value_text


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("7", "integer", Decimal(7)),
        ("007", "integer", Decimal(7)),
        ("-7", "integer", Decimal(-7)),
        ("+7", "integer", Decimal(7)),
        ("12.50", "decimal", Decimal("12.50")),
        ("12,5", "decimal", Decimal("12.5")),
        ("-12,5", "decimal", Decimal("-12.5")),
        ("1.234,50", "decimal", Decimal("1234.50")),
        ("1,234.50", "decimal", Decimal("1234.50")),
        ("12.500.000", "integer", Decimal(12500000)),
        ("0.125", "decimal", Decimal("0.125")),
        ("1234.567", "decimal", Decimal("1234.567")),
        ("98%", "percent", Decimal(98)),
        ("1,5%", "percent", Decimal("1.5")),
        ("14:30", "time", time(14, 30)),
        ("14:30:05", "time", time(14, 30, 5)),
        ("25/12/2026", "date", date(2026, 12, 25)),
        ("12/25/2026", "date", date(2026, 12, 25)),
        ("5-5-2024", "date", date(2024, 5, 5)),
        ("2024-02-29", "date", date(2024, 2, 29)),
        ("120/80", "fraction", None),
    ],
)
def test_the_value_is_what_the_text_means(text: str, kind: str, value: Value) -> None:
    found = meaning(text)
    assert (found.kind, found.value) == (kind, value)


@pytest.mark.parametrize(
    ("text", "value"),
    [("368-", 368), ("350,-", 350), ("350.--", 350), ("=50=", 50), ("-368-", 368), ("1.000.000//", 1000000)],
)
def test_fillers_are_not_part_of_the_value(text: str, value: int) -> None:
    assert meaning(text).value == value


@pytest.mark.parametrize("text", ["12.000", "1,234", "3+4=7", "1.23.4", "25:10", "12-34-5678", "5/", "2024-02-30", "-"])
def test_a_text_whose_meaning_is_not_certain_has_no_value(text: str) -> None:
    assert (meaning(text).kind, meaning(text).value) == ("other", None)


def test_a_date_whose_order_or_century_is_not_known_has_no_value() -> None:
    assert [(meaning(text).kind, meaning(text).value) for text in ("5/6/2024", "31.12.24")] == [("date", None)] * 2


def test_the_notation_decides_what_the_text_alone_does_not_tell() -> None:
    assert meaning("12.000", Notation(decimal=".")).value == Decimal("12.000")
    assert meaning("12.000", Notation(decimal=",")).value == 12000
    assert meaning("12.5", Notation(decimal=",")).value is None
    assert meaning("5/6/2024", Notation(order="DMY")).value == date(2024, 6, 5)
    assert meaning("5/6/2024", Notation(order="MDY")).value == date(2024, 5, 6)
    assert meaning("25/12/2024", Notation(order="MDY")).value is None


def test_json_keeps_trailing_zeros_and_iso_dates() -> None:
    texts = [value_text(meaning(text).value) for text in ("12.50", "25/12/2026", "14:30", "14:30:05", "12.000")]
    assert texts == ["12.50", "2026-12-25", "14:30", "14:30:05", None]


@given(st.text(string.digits + SIGNS, min_size=1, max_size=24))
def test_every_text_has_a_meaning_and_its_value_survives_json(text: str) -> None:
    found = meaning(text)
    assert value_of(found.kind, value_text(found.value)) == found.value
