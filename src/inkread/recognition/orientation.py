"""Orientation: the quarter turns after which the marks on a page are legible."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inkread.glyphs import CLASSES
from inkread.layout.page_marks import Marks, find_marks, find_marks_at
from inkread.models.detector import Detector

_FEWEST = 3
"""Fewer marks do not tell which way up a page is."""

_SEEN = 0.25
"""Certainty from which on a mark counts."""

_LEGIBLE = 0.84
"""A page whose marks are at least this legible is the right way up."""

_NOT_SIDEWAYS = 0.66
"""A page whose marks are at least this legible is the right way up or upside down."""

_SOME = 0.5
"""A way is worth reading if its marks together are at least this much more legible, in logarithms."""

_PART = 640
"""The longest side of the part of a page that is turned upside down for a trial, in pixels of its view."""

_FINER = 1.25
"""Turned pages are searched up to a scale this many times finer than that of the page as it is."""


@dataclass(frozen=True, slots=True)
class Way:
    """A page after some quarter turns.

    turns: the number of counter-clockwise quarter turns. marks: the marks on the turned page.
    evidence: how much more legible they are than on the page as it is, in logarithms.
    """

    turns: int
    marks: Marks
    evidence: float = 0.0


def find_ways(grey: NDArray[np.uint8], detector: Detector) -> list[Way]:
    """Return the page as it is, and the ways to turn it that make its marks more legible.

    grey: (H, W) uint8 with dark ink. A page with few or illegible marks may be a photograph taken from the side or
    upside down, so marks are looked for each way.
    """
    marks = find_marks(grey, detector)
    ways = [Way(0, marks)]
    legible, count = legibility(marks)
    has_digits = bool((marks.kinds < CLASSES).any())
    if count < _FEWEST or legible >= (_LEGIBLE if has_digits else _NOT_SIDEWAYS):
        return ways
    if _reads_better_upside_down(grey, marks, detector):
        ways.append(_way(2, marks, find_marks_at(_turned(grey, 2), detector, marks.scale)))
    if legible < _NOT_SIDEWAYS:
        finest = _FINER * marks.scale
        ways += [_way(turns, marks, find_marks(_turned(grey, turns), detector, finest=finest)) for turns in (1, 3)]
    return [way for way in ways if way.turns == 0 or way.evidence > _SOME]


def _way(turns: int, before: Marks, after: Marks) -> Way:
    return Way(turns, after, _evidence(before, after))


def _reads_better_upside_down(grey: NDArray[np.uint8], marks: Marks, detector: Detector) -> bool:
    """Return whether the part of a page around the middle of its marks is more legible after a half turn."""
    side = int(_PART / marks.scale)
    corner = np.clip((np.sort(marks.boxes[:, :2], axis=0)[len(marks) // 2] - side / 2).astype(int), 0, None)
    x, y = np.minimum(corner, np.maximum(0, np.array(grey.shape[::-1]) - side)).tolist()
    within = (marks.boxes[:, :2] >= (x, y)) & (marks.boxes[:, 2:] <= (x + side, y + side))
    inside = np.flatnonzero(within[:, 0] & within[:, 1])
    part = _turned(grey[y : y + side, x : x + side], 2)
    return _evidence(marks.at(inside), find_marks_at(part, detector, marks.scale)) > _SOME


def _turned(grey: NDArray[np.uint8], turns: int) -> NDArray[np.uint8]:
    return np.ascontiguousarray(np.rot90(grey, turns))


def _evidence(before: Marks, after: Marks) -> float:
    """Return how much more legible marks are after a turn than before, in logarithms; 0 if there are too few."""
    (one, count), (other, seen) = legibility(before), legibility(after)
    if min(count, seen) < _FEWEST:
        return 0.0
    return float(min(count, seen) * np.log(max(other, 1e-3) / max(one, 1e-3)))


def legibility(marks: Marks) -> tuple[float, int]:
    """Return the geometric mean of how certain the marks and their classes are, 0 to 1, and the number of marks."""
    seen = marks.at(marks.certainties > _SEEN)
    if not len(seen):
        return 0.0, 0
    return float(np.exp(np.log(seen.certainties * seen.classes.max(axis=1)).mean())), len(seen)
