"""Cells: which cell of a grid each mark of a page is in, and which grids are tables or rows of boxes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inkread.glyphs import CLASSES
from inkread.layout.grids import Grid
from inkread.layout.page_marks import Marks
from inkread.marks import FIRST_SIGN, LETTER, MARKS, OTHER_INK
from inkread.quantiles import median

Floats = NDArray[np.float64]

_POINTS = tuple(MARKS.index(sign) for sign in ".,")
LONE_SIGNS = tuple(MARKS.index(sign) for sign in "-+%=")
"""Signs that mean something alone in a cell."""

_CURVED = (0, *range(2, CLASSES))
"""Digits that are no parts of rules, however narrow they are."""


@dataclass(frozen=True, slots=True)
class CellLimits:
    """The limits of this module, each with its unit."""

    certain: float = 0.4
    """A mark counts if its probability of a centre is larger than this."""
    across: float = 0.3
    """On a table, at most this share of the digits is written across its rules."""
    middle: float = 0.85
    """A digit is across a rule if this much of its box, around its middle, is in two cells."""
    on_rule: float = 0.25
    """A thin mark is a part of a rule if the rule is nearer to its middle than this, in widths of the mark."""
    thin: float = 1.5
    """A mark is thin if it is this many times longer than wide."""
    many_squares: int = 8
    """Squared paper has at least this many rows and columns,"""
    alike: float = 1.25
    """of squares whose sides differ at most by this factor,"""
    few_filled: float = 0.25
    """and there is writing in less than this share of them."""
    box_aspect: float = 1.45
    """A box for one digit is at most this many times wider than high,"""
    boxes_alike: float = 1.6
    """and the width of a box differs from the usual one at most by this factor,"""
    most_alike: float = 0.5
    """for at least this share of the boxes in a row, since there may be gaps between them,"""
    single: float = 0.6
    """and at least this share of those that are filled have one digit."""


LIMITS = CellLimits()


@dataclass(frozen=True, slots=True)
class Cells:
    """The grids of a page, and where the N marks of the page are in them.

    grids: the tables, and the rows of boxes.
    combs: for each grid, whether it is a row of boxes with one digit in each: together they are one number.
    grid_of: (N,) the index of the grid that each mark is in; -1 for none.
    cell_of: (N,) the index of its cell in that grid; -1 for none.
    fields: (N,) a number for its cell, or for its row of boxes; -1 for none.
    in_comb: (N,) whether it is in a row of boxes.
    starts: for each grid, the number of its first field; the others follow in the order of its cells.
    """

    grids: tuple[Grid, ...]
    combs: tuple[bool, ...]
    grid_of: NDArray[np.intp]
    cell_of: NDArray[np.intp]
    fields: NDArray[np.intp]
    in_comb: NDArray[np.bool_]
    starts: tuple[int, ...]

    @classmethod
    def of(cls, marks: Marks, grids: Sequence[Grid] = (), combs: Sequence[bool] = ()) -> Cells:
        """Return where marks are in grids."""
        grid_of, cell_of = np.full(len(marks), -1, np.intp), np.full(len(marks), -1, np.intp)
        places = _places(marks)
        for index, grid in enumerate(grids):
            found = grid.locate(places)
            inside = (found >= 0) & (grid_of < 0)
            grid_of[inside], cell_of[inside] = index, found[inside]
        starts = np.cumsum([0, *(len(grid.cells) for grid in grids)])
        in_comb = np.array([*combs, False], bool)[grid_of]
        fields = np.where(grid_of < 0, -1, starts[grid_of] + np.where(in_comb, 0, cell_of))
        return cls(tuple(grids), tuple(combs), grid_of, cell_of, fields, in_comb, tuple(starts.tolist()))

    def row(self, mark: int) -> tuple[int, int] | None:
        """Return the grid and the row in it that a mark is in; None for none."""
        grid, cell = int(self.grid_of[mark]), int(self.cell_of[mark])
        return None if grid < 0 else (grid, self.grids[grid].cells[cell].row)


def find_cells(
    marks: Marks, grids: Sequence[Grid], *, insist: bool, only_combs: bool = False
) -> tuple[Marks, tuple[Grid, ...], tuple[bool, ...]]:
    """Return the marks of a page without those that are rules, its tables, and which of these are rows of boxes.

    insist: whether the page is known to have a table. Otherwise grids with digits across their rules are not tables,
        and neither is squared paper.
    only_combs: whether only rows of boxes count.
    """
    text = _text(marks)
    places, sizes = _places(marks)[text], (marks.boxes[text, 2:] - marks.boxes[text, :2]).astype(np.float64)
    digits = marks.kinds[text] < FIRST_SIGN
    chosen: list[Grid] = []
    for grid in grids:
        cells = grid.locate(places)
        comb = _is_comb(grid, cells[(cells >= 0) & digits])
        if insist or ((comb if only_combs else comb or _is_large(grid)) and _holds_writing(grid, cells, places, sizes)):
            chosen.append(grid)
    marks = _without_rules(marks, chosen)
    text = _text(marks) & (marks.kinds < FIRST_SIGN)
    combs = [_is_comb(grid, cells[cells >= 0]) for grid in chosen for cells in [grid.locate(_places(marks)[text])]]
    return marks, tuple(chosen), tuple(combs)


def _without_rules(marks: Marks, grids: Sequence[Grid]) -> Marks:
    """Return marks without those that are parts of the rules of a grid.

    In a row of boxes, a 1 may be as straight and as high as the rules. It makes two narrow boxes of one, and is kept.
    """
    middles = marks.middles.astype(np.float64)
    width, height = (marks.boxes[:, 2:] - marks.boxes[:, :2]).astype(np.float64).T
    kept, straight = np.ones(len(marks), bool), ~np.isin(marks.kinds, _CURVED)
    for grid in grids:
        widths = _widths(grid)
        narrow = widths < median(widths) / LIMITS.boxes_alike if grid.rows == 1 else np.zeros(len(widths), bool)
        suspect = np.array([*(narrow[cell.column] for cell in grid.cells), False], bool)
        for way, long, wide in ((0, height, width), (1, width, height)):
            thin = straight & (long > LIMITS.thin * wide)
            step = np.zeros_like(middles)
            step[:, way] = LIMITS.on_rule * wide + 1
            before, after = grid.locate(middles - step), grid.locate(middles + step)
            kept &= ~(thin & (before != after) & ~suspect[before] & ~suspect[after])
    return marks if kept.all() else marks.at(kept)


def _places(marks: Marks) -> Floats:
    """Return the point of each mark that decides on its cell, (N, 2): its middle; of points and commas, their top."""
    middles = marks.middles.astype(np.float64)
    points = np.isin(marks.kinds, _POINTS)
    middles[points, 1] = marks.boxes[points, 1]
    return middles


def _text(marks: Marks) -> NDArray[np.bool_]:
    """Return which marks are digits or letters."""
    known = (marks.kinds < FIRST_SIGN) | (marks.kinds == LETTER)
    return np.asarray((marks.certainties > LIMITS.certain) & known, np.bool_)


def _is_large(grid: Grid) -> bool:
    """Return whether a grid has several rows and columns, or many of one."""
    return min(grid.rows, grid.columns) > 1 or len(grid.cells) > 2


def _holds_writing(grid: Grid, cells: NDArray[np.intp], places: Floats, sizes: Floats) -> bool:
    """Return whether the digits and letters on a grid, of these sizes at these places, are in its cells.

    cells: the index of the cell that each place is in, -1 for none.

    Nothing is written in most squares of squared paper, and strokes of digits are no rules.
    """
    off = LIMITS.middle / 2 * sizes
    around = [grid.locate(places + off * sign) for sign in ((-1, -1), (1, -1), (-1, 1), (1, 1))]
    near = np.any([found >= 0 for found in (cells, *around)], axis=0)
    across = np.any([found != cells for found in around], axis=0)[near]
    if len(across) and across.mean() > LIMITS.across:
        return False
    filled = len(set(cells[cells >= 0].tolist()))
    return (filled > 0 or min(grid.rows, grid.columns) > 1) and not _is_squared(grid, filled)


def _is_squared(grid: Grid, filled: int) -> bool:
    """Return whether a grid is squared paper, with writing in some squares."""
    if min(grid.rows, grid.columns) < LIMITS.many_squares or filled >= LIMITS.few_filled * len(grid.cells):
        return False
    sides = np.concatenate([_widths(grid), _heights(grid)])
    return bool(np.sort(sides)[-2] < LIMITS.alike * median(sides)) and len(grid.cells) > 0.9 * grid.rows * grid.columns


def _is_comb(grid: Grid, cells: NDArray[np.intp]) -> bool:
    """Return whether a grid is a row of boxes for one digit each; `cells` are the cells that digits are in."""
    if grid.rows != 1 or len(grid.cells) < 2 or not len(cells):
        return False
    widths = _widths(grid)
    usual = median(widths)
    narrow = usual <= LIMITS.box_aspect * median(_heights(grid))
    alike = (widths <= LIMITS.boxes_alike * usual) & (widths >= usual / LIMITS.boxes_alike)
    filled = np.bincount(cells)
    single = (filled == 1).sum() >= LIMITS.single * (filled > 0).sum()
    return bool(narrow and alike.mean() >= LIMITS.most_alike and single)


def _widths(grid: Grid) -> Floats:
    """Return the width of each column, (C,), in pixels."""
    return np.asarray(np.linalg.norm(np.diff(grid.corners, axis=1), axis=2).mean(axis=0), np.float64)


def _heights(grid: Grid) -> Floats:
    return np.asarray(np.linalg.norm(np.diff(grid.corners, axis=0), axis=2).mean(axis=1), np.float64)


def lone_signs(marks: Marks, cells: Cells, least: float) -> NDArray[np.intp]:
    """Return the indices of the signs that are alone in their cell, and surer than `least`."""
    fields = cells.fields
    taken = set(fields[_text(marks) | ((marks.kinds == OTHER_INK) & (marks.certainties > LIMITS.certain))].tolist())
    signs = np.flatnonzero(np.isin(marks.kinds, LONE_SIGNS) & (marks.certainties > least) & (fields >= 0))
    return np.array([sign for sign in signs.tolist() if int(fields[sign]) not in taken], np.intp)
