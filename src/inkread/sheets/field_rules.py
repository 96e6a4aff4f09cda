"""Field rules: which texts may be written into a field, and what they mean."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal
from functools import cache

from inkread.expecting import Expect
from inkread.sheets.forms import Field
from inkread.values import DateOrder, Notation, meaning, value_text

_ORDERS: dict[str, DateOrder | None] = {"DMY": "DMY", "MDY": "MDY", "YMD": None}

_DAYS = {"D": r"(0[1-9]|[12]\d|3[01])", "M": r"(0[1-9]|1[0-2])", "Y": r"(1[5-9]|2\d)\d{2}"}
"""What a day, a month and a year look like. The years are those of the Gregorian calendar, 1500 to 2999."""

_TIME = r"([01]\d|2[0-3]):[0-5]\d"


@dataclass(frozen=True, slots=True)
class FieldRule:
    """Which texts fit a field with a template; an `inkread.expecting.decoding.Expectation`.

    expect: what is expected of the text.
    notation: how its numbers are written.
    """

    field: Field
    expect: Expect
    notation: Notation

    def may_begin(self, text: str) -> bool:
        """Tell whether a text that fits may begin like this."""
        return self.expect.may_begin(text)

    def fits(self, text: str, notation: Notation) -> bool:
        """Tell whether a whole text fits."""
        if not self.expect.fits(text, notation):
            return False
        if self.field.kind not in ("date", "time"):
            return True
        value, low, high = meaning(text, notation).value, self.field.minimum, self.field.maximum
        if isinstance(value, date):
            after = not isinstance(low, date) or low <= value
            return after and (not isinstance(high, date) or value <= high)
        if isinstance(value, time):
            after = not isinstance(low, time) or low <= value
            return after and (not isinstance(high, time) or value <= high)
        return False

    def value_of(self, text: str) -> str:
        """Return the value of a text that fits, as it stands in the data.

        Numbers have no zeros before them, unless they are from a list or have a check digit: those are names.
        """
        if self.field.allowed is not None:
            return next(each for each in self.field.allowed if _plain(each) == _plain(text))
        if self.field.check:
            return text
        return value_text(meaning(_plain(text), self.notation).value) or text


@cache
def rule_of(field: Field) -> FieldRule:
    """Return the rule of a field that is no tick and no choice."""
    if field.kind == "date":
        separator = "-" if field.order == "YMD" else "/"
        pattern = separator.join(_DAYS[letter] for letter in field.order)
        return FieldRule(field, Expect(pattern), Notation(order=_ORDERS[field.order]))
    notation = Notation(decimal=".")
    if field.kind == "time":
        return FieldRule(field, Expect(_TIME), notation)
    low, high = (bound if isinstance(bound, Decimal) else None for bound in (field.minimum, field.maximum))
    allowed = None if field.allowed is None else _padded(field)
    pattern = rf"-?\d{{1,{field.digits - field.decimals}}}" + (rf"\.\d{{{field.decimals}}}" if field.decimals else "")
    return FieldRule(field, Expect(pattern, low, high, allowed, field.check), notation)


def _padded(field: Field) -> set[str]:
    """Return the allowed texts with as many zeros before them as people may write or leave away."""
    whole = field.digits - field.decimals
    texts = set()
    for text in field.allowed or ():
        plain = _plain(text)
        sign, number = ("-", plain[1:]) if plain.startswith("-") else ("", plain)
        length = len(number.partition(".")[0])
        texts |= {sign + "0" * zeros + number for zeros in range(whole - length + 1)}
    return texts


def _plain(text: str) -> str:
    """Return a number without zeros before it."""
    return re.sub(r"^(-?)0+(?=\d)", r"\1", text)
