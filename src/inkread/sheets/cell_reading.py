"""Cell reading: from what is read in a cell of an existing form, a whole number in one box, to the value of a field."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from inkread.expecting import Expect
from inkread.expecting.fitting import fit_numbers
from inkread.readings import Number, Reading
from inkread.sheets.field_reading import FieldReading
from inkread.sheets.field_rules import FieldRule, rule_of
from inkread.sheets.forms import Field
from inkread.values import Notation

_ENOUGH = 0.9
"""A reading with a smaller probability is unsure. Chosen by `benchmarks/existing.py`, where 0.85 leaves twice as many
wrong values, and 0.95 flags a fifth more."""

_CHANGED = 0.5
"""A text that the form has changed is at most this certain, so that a person looks at it."""


@dataclass(frozen=True, slots=True)
class CellRule:
    """Which texts fit a cell; an `inkread.expecting.decoding.Expectation`.

    People write decimals with a point or a comma, and in logs with neither, but then with all of their digits.
    """

    rule: FieldRule
    expect: Expect

    @classmethod
    def of(cls, field: Field) -> CellRule:
        """Return the rule of a number."""
        whole = rf"\d{{1,{field.digits - field.decimals}}}"
        pattern = rf"({whole}[.,]\d{{{field.decimals}}}|\d{{{field.digits}}})" if field.decimals else whole
        return cls(rule_of(field), Expect(f"-?{pattern}"))

    def may_begin(self, text: str) -> bool:
        """Tell whether a text that fits may begin like this."""
        return self.expect.may_begin(text)

    def fits(self, text: str, notation: Notation) -> bool:
        """Tell whether a whole text fits."""
        return self.expect.fits(text, notation) and self.rule.fits(self.plain(text), self.rule.notation)

    def plain(self, text: str) -> str:
        """Return a text that fits with a decimal point."""
        decimals = self.rule.field.decimals
        digits = re.sub(r"[.,]", "", text)
        return f"{digits[:-decimals]}.{digits[-decimals:]}" if decimals else digits


def read_cell(field: Field, reading: Reading) -> FieldReading:
    """Return what the picture of a cell says."""
    if reading.refused and reading.refused.code == "blank":
        return FieldReading("empty", "", "", 1.0)
    reasons = {each.reason for each in reading.unread}
    if reading.refused:
        return FieldReading("struck", "", "", 1.0) if reasons == {"struck"} else FieldReading("unsure", "", "", 0.3)
    found = read_numbers(field, reading.numbers, reading.confidence or 0.0)
    if reasons & {"struck", "unsure", "word"} and found.outcome != "unsure":
        return FieldReading("unsure", found.read, found.value, min(found.confidence, _CHANGED), found.probabilities)
    return found


def read_numbers(field: Field, numbers: Sequence[Number], confidence: float = 1.0) -> FieldReading:
    """Return what the numbers in a cell say.

    confidence: the probability that they are all that is written, and right.
    """
    read = " ".join(number.text for number in numbers)
    if not any(number.digits for number in numbers):
        return FieldReading("unsure", read, "", 0.3)
    rule = CellRule.of(field)
    fitted = fit_numbers(numbers, rule, rule.rule.notation, together=True)
    kept = tuple((*each.probabilities, each.non_digit) for number in numbers for each in number.digits)
    sure = min(confidence, *(number.confidence for number in numbers))
    if fitted.unfit is not None:
        return FieldReading("unfit" if sure >= _ENOUGH else "unsure", read, "", round(sure, 5), kept)
    [number] = fitted.numbers
    sure = min(sure, number.confidence) if number.read is None else min(number.confidence, _CHANGED)
    value = rule.rule.value_of(rule.plain(number.text))
    return FieldReading("value" if sure >= _ENOUGH else "unsure", read, value, round(sure, 5), kept)
