"""Aligned columns: the grid of a table that has no rules, from lines of numbers below each other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inkread.layout.grids import Grid, GridCell
from inkread.layout.page_marks import Marks
from inkread.layout.text_lines import Run
from inkread.marks import FIRST_SIGN
from inkread.quantiles import median

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class AlignedLimits:
    """The limits of this module. The unit is the height of the digits."""

    wide_gap: float = 0.9
    """A wider gap is between two columns."""
    gap: float = 0.4
    """Columns are at least this far apart."""
    rim: float = 0.5
    """The outer columns and rows reach this far beyond what is written in them."""
    wide: float = 3.0
    """A line tells how the page leans if it is at least this wide."""


LIMITS = AlignedLimits()


def aligned_grid(marks: Marks, lines: list[list[Run]]) -> Grid | None:
    """Return the grid of lines whose numbers stand below each other; None if it would have fewer than two cells.

    Each line is a row. Numbers that overlap from left to right are in one column. Words that overlap with no number
    have columns, too.
    """
    groups = [group for line in lines for group in _groups(marks, line)]
    numbers = [group for group in groups if (marks.kinds[group] < FIRST_SIGN).any()]
    if not numbers:
        return None
    height = median(marks.heights[[index for group in numbers for index in group]])
    lean = _lean(marks, lines, height)
    columns = _merged([_extent(marks, group, lean) for group in numbers], LIMITS.gap * height)
    others = [_extent(marks, group, lean) for group in groups]
    apart = [other for other in others if all(other[1] < low or other[0] > high for low, high in columns)]
    columns = sorted([*columns, *_merged(apart, LIMITS.gap * height)])
    rows = sorted(_level(marks, line, lean) for line in lines)
    if len(rows) * len(columns) < 2:
        return None
    rim = LIMITS.rim * height
    across = _borders(np.array([low for low, _ in columns]), np.array([high for _, high in columns]), rim)
    down = _borders(np.array(rows) - height / 2, np.array(rows) + height / 2, rim)
    x, y = np.meshgrid(across, down)
    # Lines fall by `lean` pixels per pixel to the right, and columns lean as much to the left.
    corners = np.stack([x - lean * y, y + lean * x], axis=-1) / (1 + lean**2)
    cells = tuple(GridCell(row, column) for row in range(len(rows)) for column in range(len(columns)))
    return Grid(corners, cells, np.arange(len(cells)).reshape(len(rows), len(columns)))


def _groups(marks: Marks, line: list[Run]) -> list[list[int]]:
    """Return the marks of a line in groups without a wide gap, from left to right.

    Numbers of one digit make the usual gap of a line wide, so here it does not count.
    """
    own = np.array(_marks(line), np.intp)
    own = own[np.argsort(marks.boxes[own, 0], kind="stable")]
    gaps = marks.boxes[own[1:], 0] - np.maximum.accumulate(marks.boxes[own, 2])[:-1]
    wide = LIMITS.wide_gap * median(marks.heights[own])
    return [group.tolist() for group in np.split(own, np.flatnonzero(gaps > wide) + 1)]


def _marks(line: list[Run]) -> list[int]:
    return [index for run in line for index in run.marks]


def _lean(marks: Marks, lines: list[list[Run]], height: float) -> float:
    """Return how many pixels lines fall per pixel to the right."""
    slopes = []
    for line in lines:
        x, y = _middles(marks, _marks(line)).T
        if np.ptp(x) > LIMITS.wide * height:
            slopes.append(float(np.polyfit(x, y, 1)[0]))
    return median(slopes) if slopes else 0.0


def _extent(marks: Marks, group: list[int], lean: float) -> tuple[float, float]:
    """Return the left and the right edge of some marks after the page is turned upright."""
    boxes = marks.boxes[group]
    shift = lean * (boxes[:, 1] + boxes[:, 3]) / 2
    return float((boxes[:, 0] + shift).min()), float((boxes[:, 2] + shift).max())


def _level(marks: Marks, line: list[Run], lean: float) -> float:
    x, y = _middles(marks, _marks(line)).T
    return float((y - lean * x).mean())


def _middles(marks: Marks, indices: list[int]) -> Floats:
    return (marks.boxes[indices, :2] + marks.boxes[indices, 2:]).astype(np.float64) / 2


def _merged(extents: list[tuple[float, float]], gap: float) -> list[tuple[float, float]]:
    """Return extents after joining those that overlap or are nearer than `gap`, from left to right."""
    found: list[tuple[float, float]] = []
    for low, high in sorted(extents):
        if found and low < found[-1][1] + gap:
            found[-1] = found[-1][0], max(found[-1][1], high)
        else:
            found.append((low, high))
    return found


def _borders(low: Floats, high: Floats, rim: float) -> Floats:
    """Return the borders of columns with these edges: in the middle between two, and `rim` outside the outer ones."""
    return np.array([low[0] - rim, *((high[:-1] + low[1:]) / 2), high[-1] + rim])
