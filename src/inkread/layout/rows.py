"""Rows: from the handwriting of a page to its rows, each with the digits that it may hold."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inkread.geometry import Box, Boxes, hull
from inkread.ink.boxes import Cells, turned
from inkread.ink.handwriting import Handwriting, writing_height
from inkread.layout.candidates import CandidateRow, InkGroup, make_row
from inkread.layout.patches import cut_out

_SPECK = 6  # components of fewer pixels are noise
_LEGIBLE = 6  # no digit is smaller, in pixels along its longer side

# All of these are in heights of the writing.
_CRUMB = 0.14  # pieces with no side longer than this are dirt, unless they lie close to something larger
_CLOSE = 0.16  # dirt within this distance of a larger piece may be a part of it
_ABOVE = 0.3  # a bar this far above or below, and mostly over each other, belongs to the same digit
_TALLEST = 1.7  # what is joined up and down is no higher than this
_SMALL = 0.45  # groups less high than this are bars, dots and dirt
_SAME_ROW = 0.35  # groups that share this much of their height, and not of `height`, stand in one row
_LOWEST = 0.4  # rows lower than this are dirt
_ROOMY = 3  # boxes higher than this are frames around free writing,
_TIGHT = 0.7  # and boxes lower than this the squares of the paper

# And these in heights of a box.
_BROAD = 1.4  # boxes broader than this are for numbers
_LITTLE = 0.25  # what is smaller is no digit but what was left of a line


def find_rows(handwriting: Handwriting, *, single_row: bool = False) -> list[CandidateRow]:
    """Return the rows of what is written on a page, from top to bottom; none on a page without writing.

    single_row: whether all writing is taken for one row. The work grows with the ink, not with the square of the number
    of digits.
    """
    components = handwriting.components
    boxes = components.boxes
    kept = np.flatnonzero(components.areas >= _SPECK)
    if not len(kept) or boxes[kept, 2:].max() < _LEGIBLE:
        return []
    height = writing_height(components, kept)
    places = _places(handwriting, kept, height)
    outlines = np.array([place.box for place in places], np.int32).reshape(-1, 4)
    rows = [np.argsort(outlines[:, 0])] if single_row and len(places) else _in_rows(outlines, height)
    found = [make_row([places[index] for index in row]) for row in rows]
    return [row for row in found if row.height > _LOWEST * height or len(found) == 1]


def _places(handwriting: Handwriting, kept: NDArray[np.intp], height: float) -> list[InkGroup]:
    """Return what stands together on a page: parts of one digit, or all that is in one box."""
    components, cells = handwriting.components, handwriting.cells
    boxes = components.boxes
    if cells is None:
        return [_free(handwriting, group) for group in _grouped(boxes, kept, height)]
    of_cell = cells.around(components.centres[kept])
    sides = cells.rectangles[of_cell, 3]
    of_cell[(sides > _ROOMY * height) | (sides < _TIGHT * height)] = -1
    places = [_free(handwriting, group) for group in _grouped(boxes, kept[of_cell < 0], height)]
    order = np.argsort(of_cell, kind="stable")
    numbers, starts = np.unique(of_cell[order], return_index=True)
    for number, own in zip(numbers, np.split(kept[order], starts[1:]), strict=True):
        if number >= 0 and (place := _boxed(handwriting, cells, int(number), own, height)):
            places.append(place)
    return places


def _free(handwriting: Handwriting, group: list[int]) -> InkGroup:
    """Return the place of a group of components around which there is no box."""
    patch = cut_out(handwriting.ink, handwriting.components, group)
    if handwriting.cells is None:
        return InkGroup((patch,), patch.box)
    x, y, w, h = patch.box
    middle = turned(np.array([[x + w / 2, y + h / 2]]), handwriting.cells.lean)[0]
    return InkGroup((patch,), _around(middle, (w, h)))


def _boxed(
    handwriting: Handwriting, cells: Cells, number: int, own: NDArray[np.intp], height: float
) -> InkGroup | None:
    """Return the place of what stands in a box; None where that is too little to be a digit."""
    x, y, w, h = cells.rectangles[number]
    boxes = handwriting.components.boxes
    groups = [group for group in _grouped(boxes, own, height) if max(hull(boxes[group])[2:]) >= _LITTLE * h]
    if not groups:
        return None
    patches = [cut_out(handwriting.ink, handwriting.components, group) for group in groups]
    patches.sort(key=lambda patch: patch.box[0] + patch.box[2] / 2)
    return InkGroup(tuple(patches), _around((x, y), (w, h)), boxed=True, single=bool(w <= _BROAD * h))


def _around(middle: tuple[float, float] | NDArray[np.float64], size: tuple[float, float]) -> Box:
    return Box(
        round(middle[0] - size[0] / 2),
        round(middle[1] - size[1] / 2),
        max(1, round(size[0])),
        max(1, round(size[1])),
    )


def _grouped(boxes: Boxes, kept: NDArray[np.intp], height: float) -> list[list[int]]:
    """Return components as groups that surely belong together: bars above, broken strokes, dirt on a digit."""
    large = [int(n) for n in kept if max(boxes[n, 2:]) > _CRUMB * height]
    groups = [[n] for n in sorted(large, key=lambda n: int(boxes[n, 0]))]
    groups = _stacked(boxes, groups, height)
    hulls = np.array([hull(boxes[group]) for group in groups], np.int32).reshape(-1, 4)
    for crumb in (int(n) for n in kept if 3 <= max(boxes[n, 2:]) <= _CRUMB * height):
        if len(hulls):
            gaps = _gaps(boxes[crumb], hulls)
            nearest = int(np.argmin(gaps))
            if gaps[nearest] <= _CLOSE * height:
                groups[nearest].append(crumb)
    return groups


def _stacked(boxes: Boxes, groups: list[list[int]], height: float) -> list[list[int]]:
    """Join groups, sorted by their left edge, that lie over each other with little between them."""
    done: list[tuple[list[int], Box]] = []
    active: list[tuple[list[int], Box]] = []  # those that reach as far right as the next group begins
    for one in groups:
        group, box = one, hull(boxes[one])
        still = []
        for other, outline in active:
            if outline[0] + outline[2] <= box[0]:
                done.append((other, outline))
            elif _over(outline, box, height):
                group, box = other + group, hull(np.array([outline, box], np.int32))
            else:
                still.append((other, outline))
        active = [*still, (group, box)]
    return [group for group, _ in done + active]


def _over(one: Box, other: Box, height: float) -> bool:
    shared = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    between = max(one[1], other[1]) - min(one[1] + one[3], other[1] + other[3])
    tall = max(one[1] + one[3], other[1] + other[3]) - min(one[1], other[1])
    high = max(height, one[3], other[3])
    return shared >= 0.5 * min(one[2], other[2]) and between <= _ABOVE * height and tall <= _TALLEST * high


def _in_rows(hulls: Boxes, height: float) -> list[NDArray[np.intp]]:
    """Return the indices of each row's groups from left to right, rows from top to bottom.

    From left to right, a group goes on the row whose last group it overlaps most in height: so rows may rise, fall
    and bend. Small groups, bars and dots, join afterwards the row that passes nearest to them; rows of small groups
    alone are dirt where there is writing.
    """
    large = hulls[:, 3] >= _SMALL * height
    if not large.any():
        large[:] = True
    rows: list[list[int]] = []
    tops, bottoms = np.zeros(len(hulls)), np.zeros(len(hulls))  # of each row at its last groups
    order = np.argsort(hulls[:, 0] + hulls[:, 2] / 2, kind="stable")
    for index in order[large[order]]:
        _, y, _, h = hulls[index]
        count = len(rows)
        shares = _shared((y, y + h), tops[:count], bottoms[:count])
        at = int(np.argmax(shares)) if count and shares.max() > _SAME_ROW else count
        if at == count:
            rows.append([])
        rows[at].append(int(index))
        tops[at], bottoms[at] = _band(hulls[rows[at][-3:]])
    bands = [list(row) for row in rows]
    for index in order[~large[order]]:
        best = min(range(len(rows)), key=lambda number: _off(hulls[index], hulls[bands[number]]))
        if _off(hulls[index], hulls[bands[best]]) < 0.5 * height:
            rows[best].append(int(index))
    rows.sort(key=lambda row: float(np.mean(hulls[row, 1] + hulls[row, 3] / 2)))
    return [np.array(sorted(row, key=lambda index: hulls[index, 0] + hulls[index, 2] / 2), np.intp) for row in rows]


def _shared(one: tuple[int, int], tops: NDArray[np.float64], bottoms: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how much a stretch, (start, end), and each of others share, of the shorter of the two."""
    shared = np.minimum(one[1], bottoms) - np.maximum(one[0], tops)
    return np.asarray(shared / np.maximum(1.0, np.minimum(one[1] - one[0], bottoms - tops)), np.float64)


def _band(last: Boxes) -> tuple[float, float]:
    """Return top and bottom of a row at its last groups: as high as the highest, at the height of the last."""
    tallest = float(last[:, 3].max())
    middle = last[-1, 1] + last[-1, 3] / 2
    return middle - tallest / 2, middle + tallest / 2


def _off(box: NDArray[np.int32], row: Boxes) -> float:
    """Return how far a small group lies from the nearest group of a row, beside it counting little."""
    across = np.maximum(np.maximum(row[:, 0] - box[0] - box[2], box[0] - row[:, 0] - row[:, 2]), 0)
    down = np.maximum(np.maximum(row[:, 1] - box[1] - box[3], box[1] - row[:, 1] - row[:, 3]), 0)
    return float((down + 0.3 * across).min())


def _gaps(box: NDArray[np.int32], others: Boxes) -> NDArray[np.float64]:
    """Return the distance from a box to each of the others, (N,), 0 where they touch or overlap."""
    across = np.maximum(others[:, 0] - box[0] - box[2], box[0] - others[:, 0] - others[:, 2])
    down = np.maximum(others[:, 1] - box[1] - box[3], box[1] - others[:, 1] - others[:, 3])
    return np.asarray(np.hypot(np.maximum(across, 0), np.maximum(down, 0)), np.float64)
