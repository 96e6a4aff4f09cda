"""Orientation: the quarter turns after which the marks on a page are legible."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

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

_FINER = 1.25
"""Turned pages are searched up to a scale this many times finer than that of the page as it is."""


def find_upright_marks(grey: NDArray[np.uint8], detector: Detector) -> tuple[int, Marks]:
    """Return the number of counter-clockwise quarter turns that make a page upright, and the marks on the turned page.

    grey: (H, W) uint8 with dark ink. A page with few or illegible marks may be a photograph taken from the side or
    upside down, so marks are looked for each way.
    """
    marks = find_marks(grey, detector)
    before, count = _legibility(marks)
    if count < _FEWEST or before >= _LEGIBLE:
        return 0, marks
    over = find_marks_at(_turned(grey, 2), detector, marks.scale)
    ways = [(2, over)]
    if before < _NOT_SIDEWAYS:
        finest = _FINER * marks.scale
        ways += [(turns, find_marks(_turned(grey, turns), detector, finest=finest)) for turns in (1, 3)]
    best, most = (0, marks), _EVIDENCE
    for turns, turned in ways:
        after, seen = _legibility(turned)
        evidence = min(count, seen) * np.log(max(after, 1e-3) / before)
        if seen >= _FEWEST and evidence > most:
            best, most = (turns, turned), evidence
    return best


def _turned(grey: NDArray[np.uint8], turns: int) -> NDArray[np.uint8]:
    return np.ascontiguousarray(np.rot90(grey, turns))


def _legibility(marks: Marks) -> tuple[float, int]:
    """Return the mean of how certain the marks and their classes are, 0 to 1, and the number of marks."""
    seen = marks.at(marks.certainties > _SEEN)
    if not len(seen):
        return 0.0, 0
    return float((seen.certainties * seen.classes.max(axis=1)).mean()), len(seen)
