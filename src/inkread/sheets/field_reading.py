"""Field reading: from the ink in the boxes of a field to its value, or to the reason why there is none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from inkread.expecting.decoding import Slot, likeliest_fit
from inkread.glyphs import CLASSES, NON_DIGIT
from inkread.sheets.box_ink import BoxInk
from inkread.sheets.field_rules import FieldRule, rule_of
from inkread.sheets.forms import Field

Outcome = Literal["value", "empty", "struck", "unsure", "unfit"]
"""What became of a field: it has a value, nothing is written, what was written was struck out, the reading is not sure
enough, or what is written clearly is no value that the form allows."""

Probabilities = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class FieldLimits:
    """The limits of this module, each with its unit."""

    blank: float = 0.45
    """A box with less ink than this, in square millimetres, is empty."""
    struck: tuple[float, float] = (0.62, 0.72)
    """A box of a digit with a larger share of ink than the second was filled; between the two it is not certain."""
    bold: tuple[float, float] = (0.82, 0.9)
    """But with a smaller share of ink than the first, and a digit that is at least this likely, the box has a digit of
    a thick pen. Of 153 scribbles of `benchmarks/forms.py`, the lightest has a share of 0.87, and the likeliest digit a
    probability of 0.28; the 12 boldest of 22 000 digits have a share of 0.62 to 0.75, and a probability from 0.92."""
    tick: tuple[float, float] = (0.4, 1.3)
    """A box with less ink than the first, in square millimetres, is not ticked, and with more than the second it is."""
    filled: tuple[float, float] = (0.62, 0.75)
    """A box of a tick with a larger share of ink than the second was filled; between the two it is not certain."""
    minus: float = 0.45
    """A sign that is at most this many times as high as wide is a minus,"""
    plus: float = 0.65
    """and one that is at least this many times as high as wide is a plus."""
    confidence: float = 0.84
    """A reading with a smaller probability is unsure. Chosen by `benchmarks/forms.py` with digits of the choosing half
    and of USPS, so that at most 3% of the values of the choosing half are flagged."""
    invalid: float = 0.02
    """How often people write what the form does not allow."""
    non_digit: float = 0.05
    """The odds that ink in a box is no digit, compared with those of ink anywhere, which the network knows."""


LIMITS = FieldLimits()


@dataclass(frozen=True, slots=True)
class FieldReading:
    """What was read in a field.

    read: the likeliest text as it is written, "_" for an empty box and "?" for one without a digit; for ticks, the
        choices with a tick.
    value: the value; empty unless the outcome is "value", or the likeliest value if it is "unsure".
    confidence: the probability, 0 to 1, that the outcome and the value are right.
    probabilities: for each box of a digit, those of the ten digits and of no digit, (N, 11); empty for ticks.
    """

    outcome: Outcome
    read: str
    value: str
    confidence: float
    probabilities: tuple[tuple[float, ...], ...] = ()


def read_ticks(field: Field, inks: Sequence[BoxInk]) -> FieldReading:
    """Return what a tick or a choice says. A box that is filled completely does not count."""
    names = field.choices or ("1",)
    ticked, doubtful, filled = [], False, False
    for name, ink in zip(names, inks, strict=True):
        low, high = LIMITS.tick
        if ink.share >= LIMITS.filled[1]:
            filled = True
            continue
        doubtful |= low <= ink.area < high or ink.share >= LIMITS.filled[0]
        if ink.area >= low:
            ticked.append(name)
    read = ", ".join(ticked)
    if doubtful or len(ticked) > 1:
        return FieldReading("unsure", read, ticked[0] if len(ticked) == 1 else "", 0.5)
    if ticked:
        return FieldReading("value", read, ticked[0], 1.0)
    return FieldReading("struck" if filled else "empty", "", "", 1.0)


def read_number(field: Field, inks: Sequence[BoxInk], sign: BoxInk | None, rows: Probabilities) -> FieldReading:
    """Return what a number, a day or a time says.

    inks: one for each box of a digit. sign: that of the box of a sign, if there is one.
    rows: (N, 11), the probabilities of the digits in the boxes; those of empty boxes do not count.
    """
    likeliest = rows[:, :CLASSES].max(axis=1).tolist()
    shares = [_struck_share(ink, likely) for ink, likely in zip(inks, likeliest, strict=True)]
    blank = [ink.area < LIMITS.blank for ink in inks]
    minus = _minus(sign)
    kept = tuple(tuple(round(float(value), 5) for value in row) for row in rows)
    if any(share >= LIMITS.struck[1] for share in shares):
        return FieldReading("struck", "", "", 1.0, kept)
    if all(blank):
        return FieldReading("empty", "", "", 1.0) if minus is False else FieldReading("unsure", "-", "", 0.5, kept)
    written = _written(field, blank, rows, minus=minus is True)
    if written is None or minus is None or any(share >= LIMITS.struck[0] for share in shares):
        return FieldReading("unsure", _shown(field, blank, rows), "", 0.3, kept)
    return _decoded(rule_of(field), written, _legible(blank, rows), kept)


def _struck_share(ink: BoxInk, likeliest: float) -> float:
    """Return the share of a box that may have been filled to strike it out: 0 if it has a clear digit of a thick pen.

    likeliest: the probability of the likeliest digit.
    """
    share, least = LIMITS.bold
    return 0.0 if ink.share < share and likeliest >= least else ink.share


def _minus(sign: BoxInk | None) -> bool | None:
    """Tell whether a box of a sign has a minus; None if it is not certain."""
    if sign is None or sign.area < LIMITS.tick[0] / 2:
        return False
    _, _, w, h = cv2.boundingRect((sign.ink > 0.5).astype(np.uint8))
    if sign.share >= LIMITS.struck[0]:
        return None
    if h <= LIMITS.minus * w:
        return True
    return False if LIMITS.plus * w <= h <= w / LIMITS.plus else None


def _written(field: Field, blank: Sequence[bool], rows: Probabilities, *, minus: bool) -> list[Slot] | None:
    """Return what each character of a number may be; None if boxes are empty where none may be.

    A number with fewer digits than boxes stands at one end of them.
    """
    slots: list[Slot] = [(("-", 1.0),)] if minus else []
    whole = len(rows) - field.decimals if field.kind in ("integer", "decimal") else 0
    present = [at for at in range(whole) if not blank[at]]
    if whole and (not present or present[-1] - present[0] + 1 != len(present)):
        return None
    if present and present[0] != 0 and present[-1] != whole - 1:
        return None
    if any(blank[whole:]):
        return None
    at = 0
    for mark in field.template.removeprefix("-" if field.signed else ""):
        if mark != "#":
            slots.append(((mark, 1.0),))
            continue
        if not (at < whole and blank[at]):
            digits = rows[at, :CLASSES] / max(float(rows[at, :CLASSES].sum()), 1e-9)
            slots.append([(str(digit), float(likely)) for digit, likely in enumerate(digits)])
        at += 1
    return slots


def _legible(blank: Sequence[bool], rows: Probabilities) -> float:
    """Return the probability that all ink is digits."""
    none = [float(row[NON_DIGIT]) for row, empty in zip(rows, blank, strict=True) if not empty]
    return prod((1 - each) / (1 - each + LIMITS.non_digit * each) for each in none)


def _decoded(rule: FieldRule, slots: list[Slot], legible: float, kept: tuple[tuple[float, ...], ...]) -> FieldReading:
    """Return the likeliest value that the form allows, or that there is none."""
    best = [max(slot, key=lambda option: option[1]) for slot in slots]
    read, likely = "".join(character for character, _ in best), prod(chance for _, chance in best)
    fit = likeliest_fit(slots, rule, rule.notation)
    if fit is None:
        sure = likely * legible >= LIMITS.confidence
        return FieldReading("unfit" if sure else "unsure", read, "", round(likely * legible, 5), kept)
    # The probability of all texts that fit, from the share that the likeliest has among them.
    chances = [dict(slot).get(character, 0.0) for slot, character in zip(slots, fit.characters, strict=True)]
    within = min(1.0, prod(chances) / fit.confidence)
    allowed = within / (within + LIMITS.invalid * (1 - within))
    confidence = fit.confidence * allowed * legible
    value = rule.value_of("".join(fit.characters))
    if confidence >= LIMITS.confidence:
        return FieldReading("value", read, value, round(confidence, 5), kept)
    unfit = (1 - allowed) * likely * legible >= LIMITS.confidence and "".join(fit.characters) != read
    if unfit:
        return FieldReading("unfit", read, "", round((1 - allowed) * likely * legible, 5), kept)
    return FieldReading("unsure", read, value, round(confidence, 5), kept)


def _shown(field: Field, blank: Sequence[bool], rows: Probabilities) -> str:
    """Return the likeliest characters of the boxes, with the printed ones between them."""
    text, at = "", 0
    for mark in field.template.removeprefix("-" if field.signed else ""):
        if mark != "#":
            text += mark
            continue
        digit = int(rows[at].argmax())
        text += "_" if blank[at] else "?" if digit == NON_DIGIT else str(digit)
        at += 1
    return text
