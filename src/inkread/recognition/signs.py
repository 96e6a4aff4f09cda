"""Signs: the signs of numbers, each chosen so that it goes with the others of its number."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inkread.geometry import Box
from inkread.layout.page_marks import Marks
from inkread.layout.text_lines import Run, characters
from inkread.marks import FIRST_SIGN, LETTER, SIGNS

_USUAL = 2000.0
"""Signs that form a date or an amount with groups of three digits are this many times likelier than others."""

_MARKS = tuple(SIGNS.index(sign) for sign in ".,")
_OF_DATES = tuple(SIGNS.index(sign) for sign in "./-")


@dataclass(frozen=True, slots=True)
class LocatedSign:
    """A sign and its place.

    sign: one of `inkread.marks.SIGNS`.
    confidence: the probability of the sign, 0 to 1.
    probabilities: the probability of each of `inkread.marks.SIGNS`; they sum to at most 1.
    box: where it is, in pixels of the page.
    row: the index of its row on the page.
    number: the index of its number in that row.
    before: the number of digits and signs before it in its number.
    """

    sign: str
    confidence: float
    probabilities: tuple[float, ...]
    box: Box
    row: int
    number: int
    before: int


def locate_signs(marks: Marks, numbers: list[list[Run]]) -> Iterator[LocatedSign]:
    """Yield the signs of the numbers of each line."""
    for row, line in enumerate(numbers):
        for number, run in enumerate(line):
            if not run.signs:
                continue
            order = characters(marks, run)
            places = [before for before, index in enumerate(order) if index in run.signs]
            own = np.array([order[before] for before in places], np.intp)
            likely = marks.classes[own, FIRST_SIGN:LETTER]
            chosen = _choose_signs(likely, np.diff([-1, *places, len(order)]) - 1)
            for index, before, kind, row_of in zip(own.tolist(), places, chosen, likely, strict=True):
                each = tuple((marks.certainties[index] * row_of).tolist())
                yield LocatedSign(SIGNS[kind], each[kind], each, marks.box(index), row, number, before)


def _choose_signs(likely: NDArray[np.float32], lengths: NDArray[np.intp]) -> tuple[int, ...]:
    """Return the index of each sign of a number in `SIGNS`.

    likely: (S, 8), the probability of each sign.
    lengths: (S + 1,), the number of digits before, between and after the signs.

    Points and commas look alike, but 1.234,50 is usual and 1,234,50 is not.
    """
    logs = np.log(likely + 1e-4)
    rows = np.arange(len(logs))
    best = tuple(logs.argmax(axis=1).tolist())
    score = float(logs[rows, best].sum())
    for usual in _usual_signs(lengths.tolist()):
        if (found := float(logs[rows, usual].sum() + np.log(_USUAL))) > score:
            best, score = usual, found
    return best


def _usual_signs(lengths: list[int]) -> Iterator[tuple[int, ...]]:
    """Yield the signs that numbers with digits in groups of these lengths usually have."""
    first, *middle, last = lengths
    if not middle or not first or not last:
        return
    if first <= 3 and all(length == 3 for length in middle):
        for group, decimal in (_MARKS, _MARKS[::-1]):
            yield (*[group] * len(middle), decimal if last < 3 else group)
    if len(middle) == 1 and middle[0] <= 2 and sorted((first, last)) in ([1, 4], [2, 4], [1, 2], [2, 2]):
        for sign in _OF_DATES:
            yield (sign, sign)
