"""Orientation: the quarter turns after which the marks on a page are legible."""

from __future__ import annotations

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

_EVIDENCE = 1.5
"""A page is turned if its marks together are at least this much more legible, in logarithms: turned pages are rare."""

_PART = 640
"""The longest side of the part of a page that is turned upside down for a trial, in pixels of its view."""

_FINER = 1.25
"""Turned pages are searched up to a scale this many times finer than that of the page as it is."""


def find_upright_marks(grey: NDArray[np.uint8], detector: Detector) -> tuple[int, Marks]:
    """Return the number of counter-clockwise quarter turns that make a page upright, and the marks on the turned page.

    grey: (H, W) uint8 with dark ink. A page with few or illegible marks may be a photograph taken from the side or
    upside down, so marks are looked for each way.
    """
    marks = find_marks(grey, detector)
    before, count = _legibility(marks)
    has_digits = bool((marks.kinds < CLASSES).any())
    if count < _FEWEST or before >= (_LEGIBLE if has_digits else _NOT_SIDEWAYS):
        return 0, marks
    best, most = (0, marks), _EVIDENCE
    if _reads_better_upside_down(grey, marks, detector):
        best = 2, find_marks_at(_turned(grey, 2), detector, marks.scale)
        most = max(most, _evidence(marks, best[1]))
    if before < _NOT_SIDEWAYS:
        finest = _FINER * marks.scale
        for turns in (1, 3):
            turned = find_marks(_turned(grey, turns), detector, finest=finest)
            if (evidence := _evidence(marks, turned)) > most:
                best, most = (turns, turned), evidence
    return best


def _reads_better_upside_down(grey: NDArray[np.uint8], marks: Marks, detector: Detector) -> bool:
    """Return whether the part of a page around the middle of its marks is more legible after a half turn."""
    side = int(_PART / marks.scale)
    corner = np.clip((np.sort(marks.boxes[:, :2], axis=0)[len(marks) // 2] - side / 2).astype(int), 0, None)
    x, y = np.minimum(corner, np.maximum(0, np.array(grey.shape[::-1]) - side)).tolist()
    within = (marks.boxes[:, :2] >= (x, y)) & (marks.boxes[:, 2:] <= (x + side, y + side))
    inside = np.flatnonzero(within[:, 0] & within[:, 1])
    part = _turned(grey[y : y + side, x : x + side], 2)
    return _evidence(marks.at(inside), find_marks_at(part, detector, marks.scale)) > _EVIDENCE


def _evidence(before: Marks, after: Marks) -> float:
    """Return how much more legible marks are after a turn than before, in logarithms; 0 if there are too few."""
    (one, count), (other, seen) = _legibility(before), _legibility(after)
    if min(count, seen) < _FEWEST:
        return 0.0
    return float(min(count, seen) * np.log(max(other, 1e-3) / max(one, 1e-3)))


def _turned(grey: NDArray[np.uint8], turns: int) -> NDArray[np.uint8]:
    return np.ascontiguousarray(np.rot90(grey, turns))


def _legibility(marks: Marks) -> tuple[float, int]:
    """Return the mean of how certain the marks and their classes are, 0 to 1, and the number of marks."""
    seen = marks.at(marks.certainties > _SEEN)
    if not len(seen):
        return 0.0, 0
    return float((seen.certainties * seen.classes.max(axis=1)).mean()), len(seen)
