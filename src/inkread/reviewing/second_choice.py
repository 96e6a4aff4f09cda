"""The second choice: what a field says if its likeliest reading is wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from inkread.glyphs import CLASSES
from inkread.sheets.audit import Entry
from inkread.sheets.field_rules import FieldRule, rule_of
from inkread.sheets.forms import Field

_MARK = re.compile(r"[\d_?]")
"""What stands for a box in a text that was read."""


def second_choice(field: Field, entry: Entry) -> str:
    """Return the value that is second in likelihood, of those that the form allows; empty if there is none.

    entry: the value in the audit.
    """
    if field.kind in ("tick", "choice"):
        return next((each for each in entry["read"].split(", ") if each != entry["value"]), "")
    rule = rule_of(field)
    ranked = sorted(_switched(entry["read"], entry["probabilities"]), reverse=True)
    texts = [text for _, text in [(1.0, entry["read"]), *ranked]]
    return next((value for text in texts if (value := _value(rule, text)) not in ("", entry["value"])), "")


def _value(rule: FieldRule, text: str) -> str:
    """Return the value of a text; empty if the form does not allow it."""
    text = text.replace("_", "")
    return rule.value_of(text) if rule.fits(text, rule.notation) else ""


def _switched(read: str, probabilities: Sequence[Sequence[float]]) -> Iterator[tuple[float, str]]:
    """Yield the texts with another digit in one box, and how likely each is, compared with the one that was read."""
    places = [found.start() for found in _MARK.finditer(read)]
    for place, chances in zip(places, _boxes(read, places, probabilities), strict=False):
        if read[place].isdigit():
            sure = max(chances[int(read[place])], 1e-9)
            for digit in range(CLASSES):
                if digit != int(read[place]):
                    yield chances[digit] / sure, f"{read[:place]}{digit}{read[place + 1 :]}"


def _boxes(read: str, places: Sequence[int], rows: Sequence[Sequence[float]]) -> Sequence[Sequence[float]]:
    """Return the probabilities of the boxes with ink. A number with fewer digits than boxes stands at one end."""
    left_over = len(rows) - len(places)
    if left_over <= 0:
        return rows
    decimals = len(read.partition(".")[2])
    at_left = [*rows[: len(places) - decimals], *rows[len(rows) - decimals :]]
    return max((rows[left_over:], at_left), key=lambda boxes: _agreement(read, places, boxes))


def _agreement(read: str, places: Sequence[int], boxes: Sequence[Sequence[float]]) -> float:
    return sum(box[int(read[place])] for place, box in zip(places, boxes, strict=True) if read[place].isdigit())
