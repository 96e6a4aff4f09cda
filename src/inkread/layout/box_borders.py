"""Box borders: printed vertical lines between boxes, which look like the digit 1 to the detector."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inkread.ink import Map
from inkread.layout.page_marks import Marks

_SURE = 0.7
"""A mark is a border only if the probability of a 1 is larger than this."""

_REACH = 0.14
"""The lines above and below a border are at most this far from the ends of its mark, in heights of the mark."""

_SIDE = 0.4
"""Such a line continues at least this far beside the border, in heights of the mark."""

_STRAIGHT = 0.025
"""The largest mean deviation of a border from a straight line, in heights of the mark."""

_SLOPE = 0.1
"""The largest slope of a border from the vertical."""

_LONGER = 0.9
"""A border reaches at most this far beyond its mark, in heights of the mark."""

_BROAD = 0.2
"""The largest width of a border, in heights of the mark."""


def without_box_borders(marks: Marks, ink: Map) -> Marks:
    """Return marks without those that are borders of printed boxes.

    ink: (H, W) float32 in 0..1. A border is straight, upright and thin, and ends at a horizontal line above and below.
    A person who writes a 1 in a box rarely draws it so.
    """
    ones = np.flatnonzero(marks.classes[:, 1] > _SURE)
    borders = [index for index in ones.tolist() if _is_border(ink, marks.boxes[index])]
    kept = np.ones(len(marks), bool)
    kept[borders] = False
    return marks.at(np.flatnonzero(kept))


def _is_border(ink: Map, box: NDArray[np.float32]) -> bool:
    left, top, right, bottom = box.tolist()
    height = bottom - top
    reach, side = _REACH * height + 1, _SIDE * height
    rows = slice(max(0, int(top + reach)), int(np.ceil(bottom - reach)))
    inside = ink[rows, max(0, int(left)) : int(np.ceil(right))] > 0.5
    filled = np.asarray(inside.any(axis=1), np.bool_)
    if len(filled) < 4 or filled.mean() < 0.95:
        return False
    widths = inside.sum(axis=1)[filled]
    if float(widths.mean()) > _BROAD * height:
        return False
    at = np.flatnonzero(filled)
    middles = (inside * np.arange(inside.shape[1])).sum(axis=1)[filled] / widths
    slope, start = np.polyfit(at, middles, 1)
    if abs(slope) > _SLOPE or np.abs(middles - slope * at - start).mean() > _STRAIGHT * height + 0.3:
        return False
    # A border that is longer than its mark is followed to its ends.
    first = max(0, int(left)) + start - slope * rows.start
    half = float(widths.mean()) / 2 + 1
    longest = _LONGER * height
    top, bottom = (
        _end(ink, first, slope, half, end, step, longest) for end, step in ((top + reach, -1), (bottom - reach, 1))
    )
    return all(
        _meets_line(ink, first + slope * end - half, first + slope * end + half, end, reach, side)
        for end in (top, bottom)
    )


def _end(ink: Map, first: float, slope: float, half: float, start: float, step: int, longest: float) -> float:
    """Return the row at which a straight stroke ends, from a row inside it on, upwards or downwards."""
    row = int(start)
    while 0 <= row < len(ink) and abs(row - start) < longest:
        x = first + slope * row
        if not (ink[row, max(0, int(x - half)) : int(np.ceil(x + half))] > 0.5).any():
            break
        row += step
    return float(row - step)


def _meets_line(ink: Map, left: float, right: float, end: float, reach: float, side: float) -> bool:
    """Return whether a horizontal line near the end of a mark continues to its left or right."""
    rows = slice(max(0, int(end - reach)), int(np.ceil(end + reach)))
    beside = (slice(max(0, int(left - side)), int(left)), slice(int(np.ceil(right)), int(np.ceil(right + side))))
    parts = [ink[rows, columns] > 0.5 for columns in beside]
    wanted = 0.8 * side
    return any(part.any(axis=0).sum() >= wanted and part.sum(axis=1).max(initial=0) >= 0.5 * wanted for part in parts)
