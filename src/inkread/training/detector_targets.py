"""Targets: the right answers of the detector for a patch, as maps with one place for every fourth pixel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from inkread.marks import STRIDE, Area, LabelledMark

Targets: TypeAlias = NDArray[np.float32]
"""Targets of a patch, (H/4, W/4, 9) float32, in these channels."""

HEAT = 0
"""How near the centre of a mark is: 1 at the place of the centre, falling off around it as a Gaussian bell."""

COUNTED = 1
"""1 if the place counts in the loss of the centres, 0 if it is unknown whether it has a mark."""

WEIGHT = 2
"""The weight of the class, the sides and the print of a place: like the heat near a centre, 0 elsewhere."""

CLASS = 3
"""The class of the mark, 0 to 19."""

IS_PRINTED = 4
"""1 if the mark is printed, else 0."""

SIDES_FROM, SIDES_TO = 5, 9
"""How far the mark extends from this place to the left, up, to the right and down, in pixels."""

_BELL_SHARE, _LEAST_BELL = 0.14, 2.6
"""The standard deviation of the bell, as a share of the mark's side, and its minimum in pixels."""

_BELL_END = 3
"""The bell ends at this many standard deviations."""

_TAUGHT = 0.35
"""A place teaches class and sides if the bell is above this. The place of the centre has at least this weight."""


def detector_targets(marks: Sequence[LabelledMark], ignored: Sequence[Area], size: tuple[int, int]) -> Targets:
    """Return the targets of a patch of `size` (height, width) pixels. If marks overlap, the nearer one counts."""
    rows, columns = size[0] // STRIDE, size[1] // STRIDE
    targets = np.zeros((rows, columns, SIDES_TO), np.float32)
    targets[..., COUNTED] = 1
    for left, top, right, bottom in ignored:
        places = targets[_places(top, bottom), _places(left, right)]
        places[..., COUNTED] = 0
    centres = [centre for mark in marks if (centre := _add_mark(targets, mark))]
    for row, column in centres:
        targets[row, column, HEAT] = targets[row, column, COUNTED] = 1
    return targets


def _places(low: float, high: float) -> slice:
    """Return the places of the answer that an interval of pixels overlaps."""
    return slice(max(0, int(low // STRIDE)), max(0, int(-(-high // STRIDE))))


def _add_mark(targets: Targets, mark: LabelledMark) -> tuple[int, int] | None:
    """Add one mark and return the row and column of its centre, or None if the centre is outside the patch."""
    x, y = (mark.left + mark.right) / 2, (mark.top + mark.bottom) / 2
    row, column = int(y // STRIDE), int(x // STRIDE)
    if not (0 <= row < targets.shape[0] and 0 <= column < targets.shape[1]):
        return None
    rows, near_y = _reach(row, targets.shape[0], mark.bottom - mark.top)
    columns, near_x = _reach(column, targets.shape[1], mark.right - mark.left)
    bell = _bell(near_y - y, mark.bottom - mark.top)[:, None] * _bell(near_x - x, mark.right - mark.left)
    part = targets[rows, columns]
    np.maximum(part[..., HEAT], bell, out=part[..., HEAT])
    taught = (bell > part[..., WEIGHT]) & (bell > _TAUGHT)
    taught[row - rows.start, column - columns.start] = True
    part[taught, WEIGHT] = np.maximum(bell[taught], _TAUGHT)
    part[taught, CLASS], part[taught, IS_PRINTED] = mark.label, mark.printed
    sides = np.empty((*bell.shape, 4), np.float32)
    sides[..., 0], sides[..., 2] = near_x - mark.left, mark.right - near_x
    sides[..., 1], sides[..., 3] = (near_y - mark.top)[:, None], (mark.bottom - near_y)[:, None]
    part[taught, SIDES_FROM:SIDES_TO] = sides[taught]
    return row, column


def _deviation(side: float) -> float:
    return max(_LEAST_BELL, _BELL_SHARE * side)


def _bell(distance: NDArray[np.float64], side: float) -> NDArray[np.float64]:
    """Return the bell, 0 to 1, at distances in pixels from the centre of a mark with this side."""
    return np.asarray(np.exp(-(distance**2) / (2 * _deviation(side) ** 2)), np.float64)


def _reach(centre: int, places: int, side: float) -> tuple[slice, NDArray[np.float64]]:
    """Return the places around a centre that its bell reaches, and the pixel positions of their middles."""
    reach = int(_BELL_END * _deviation(side) / STRIDE) + 1
    low, high = max(0, centre - reach), min(places, centre + reach + 1)
    return slice(low, high), np.arange(low, high, dtype=np.float64) * STRIDE + (STRIDE - 1) / 2
