"""Values: what the text of a number means, where that is certain."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal
from typing import Literal, TypeAlias

NumberKind = Literal["integer", "decimal", "date", "time", "fraction", "percent", "other"]
"""What a number is. "other" is a text with signs whose meaning is not certain, such as 12.000 or 3+4."""

DecimalMark = Literal[".", ","]
"""The sign before the decimals of a number. The other one groups thousands."""

DateOrder = Literal["DMY", "MDY"]
"""The order of day, month and year in a date that does not begin with the year."""

Value: TypeAlias = Decimal | date | time | None
"""The value of a number; None if it is not certain."""

# A slash is a filler only beside another filler: 5/ may be half of a date.
_FILLED = re.compile(r"([=-]*)(.*?)((?:[-=.,]|/(?=[-=/])|(?<=[-=/])/)*)")
_NUMBER = re.compile(r"([+-]?)(\d[\d.,]*)")
_TIME = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?")
_DATE = re.compile(r"(\d{1,4})([/.-])(\d{1,2})\2(\d{1,4})")
_FRACTION = re.compile(r"\d+/\d+")


@dataclass(frozen=True, slots=True)
class Notation:
    """How numbers are written, where the text alone does not tell.

    decimal: the sign before the decimals; None if it is not known.
    order: the order of dates such as 5/6/2024; None if it is not known.
    """

    decimal: DecimalMark | None = None
    order: DateOrder | None = None


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a text is, and its value. The value of 98% is 98."""

    kind: NumberKind
    value: Value = None


def meaning(text: str, notation: Notation | None = None) -> Meaning:
    """Return what the text of a number means, given how numbers are written.

    text: digits and signs of `inkread.marks.SIGNS`.

    Dashes and other signs before or after a number that keep anybody from adding digits (`368-`, `350,-`, `=50=`)
    are not part of its value. A single dash before a number without such signs after it is a minus.
    """
    notation = notation or Notation()
    before, body, after = _parts(text)
    if dated := _dated(body, notation):
        return dated
    sign = before if before == "-" and not after else ""
    if body.endswith("%"):
        number = _number(sign + body[:-1], notation)
        return Meaning("percent", number.value) if number.value is not None else Meaning("other")
    return _number(sign + body, notation)


def value_text(value: Value) -> str | None:
    """Return a value as in JSON: a decimal with its trailing zeros, or an ISO date or time."""
    if isinstance(value, time):
        return value.isoformat("seconds" if value.second else "minutes")
    return value.isoformat() if isinstance(value, date) else None if value is None else str(value)


def value_of(kind: NumberKind, text: str | None) -> Value:
    """Return the value that `value_text` gives as `text`. Raises `ValueError` for any other text."""
    if text is None:
        return None
    if kind == "date":
        return date.fromisoformat(text)
    return time.fromisoformat(text) if kind == "time" else Decimal(text)


def _parts(text: str) -> tuple[str, str, str]:
    """Return a text as the fillers before it, the number, and the fillers after it."""
    found = _FILLED.fullmatch(text)
    before, body, after = found.groups() if found else ("", text, "")
    return before, body, after


def _dated(text: str, notation: Notation) -> Meaning | None:
    """Return what a text means if it looks like a time, a date or a fraction."""
    if found := _TIME.fullmatch(text):
        try:
            return Meaning("time", time(int(found[1]), int(found[2]), int(found[3] or 0)))
        except ValueError:
            return Meaning("other")
    if found := _DATE.fullmatch(text):
        days = set(_dates(found[1], found[3], found[4], notation))
        return Meaning("date", days.pop() if len(days) == 1 else None) if days else Meaning("other")
    return Meaning("fraction") if _FRACTION.fullmatch(text) else None


def _dates(first: str, second: str, third: str, notation: Notation) -> Iterator[date | None]:
    """Yield every day that three numbers may mean; None for a day in an unknown century."""
    if len(first) == 4:
        ways = [(first, second, third)] if len(third) <= 2 else []
    else:
        ways = [(third, second, first)] if notation.order != "MDY" else []
        ways += [(third, first, second)] if notation.order != "DMY" else []
    for year, month, day in ways:
        if max(len(day), len(month)) > 2 or len(year) not in (2, 4):
            continue
        try:
            # The 29th of February exists in the year 2000.
            found = date(int(year) if len(year) == 4 else 2000, int(month), int(day))
        except ValueError:
            continue
        yield found if len(year) == 4 else None


def _number(text: str, notation: Notation) -> Meaning:
    found = _NUMBER.fullmatch(text)
    if not found:
        return Meaning("other")
    plain = _plain(found[2], notation.decimal)
    if plain is None:
        return Meaning("other")
    return Meaning("decimal" if "." in plain else "integer", Decimal(found[1] + plain))


def _plain(text: str, decimal: DecimalMark | None) -> str | None:
    """Return a number without groups and with a decimal point; None if it is not certain where its decimals begin."""
    marks = [sign for sign in text if not sign.isdigit()]
    if not marks:
        return text
    if decimal is None:
        last = marks[-1]
        whole, _, rest = text.rpartition(last)
        if marks.count(last) > 1:
            decimal = "," if last == "." else "."
        elif len(marks) == 1 and len(rest) == 3 and len(whole) <= 3 and not whole.startswith("0"):
            return None
        else:
            decimal = "." if last == "." else ","
    group = "," if decimal == "." else "."
    shape = rf"(\d+|\d{{1,3}}({re.escape(group)}\d{{3}})+)({re.escape(decimal)}\d+)?"
    return text.replace(group, "").replace(decimal, ".") if re.fullmatch(shape, text) else None
