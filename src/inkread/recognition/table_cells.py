"""The cells of the tables of a page: which numbers are in each, and what else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from inkread.geometry import Box
from inkread.ink import Map
from inkread.layout.cells import Cells
from inkread.layout.doubtful_marks import find_unsure_digits
from inkread.layout.grids import GridCell
from inkread.layout.page_marks import Marks
from inkread.layout.text_lines import Run
from inkread.marks import LETTER
from inkread.tables.table import CellState

_SEEN = 0.4
"""A mark that is not a number is something in a cell if its probability of a centre is larger than this."""

_INSET = 0.14
"""Ink this near to the side of a cell, in heights of the cell, may be its rule."""

_SPECK = 0.2
"""Ink that is not this high or wide, in heights of the cell, is dirt."""


@dataclass(frozen=True, slots=True)
class LocatedCell:
    """A cell of a table.

    place: its row and column, and how many it spans.
    state: what is in it.
    numbers: its numbers, each with the index of its row on the page and its index in that row.
    box: where it is, in pixels of the page.
    """

    place: GridCell
    state: CellState
    numbers: tuple[tuple[int, int], ...]
    box: Box


@dataclass(frozen=True, slots=True)
class LocatedTable:
    """A table with its numbers of rows and columns, and its cells, row by row."""

    rows: int
    columns: int
    cells: tuple[LocatedCell, ...]


def locate_tables(marks: Marks, cells: Cells, numbers: list[list[Run]], ink: Map) -> Iterator[LocatedTable]:
    """Yield the tables of a page, from top to bottom.

    numbers: the numbers of each line that are read.
    ink: (H, W) float32 in 0..1.
    """
    within: dict[int, list[tuple[int, int]]] = {}
    for row, line in enumerate(numbers):
        for number, run in enumerate(line):
            within.setdefault(int(cells.fields[run.first]), []).append((row, number))
    unsure = set(cells.fields[find_unsure_digits(marks)].tolist())
    digits = (marks.certainties > _SEEN) & (marks.kinds < 10)
    words = set(cells.fields[(marks.certainties > _SEEN) & (marks.kinds >= LETTER)].tolist())
    words |= set(cells.fields[digits & (marks.printed > 0.5)].tolist())
    unsure |= set(cells.fields[digits].tolist())
    start = 0
    for index in sorted(range(len(cells.grids)), key=lambda index: float(cells.grids[index].corners[..., 1].min())):
        grid, start = cells.grids[index], cells.starts[index]
        located = []
        for at, place in enumerate((GridCell(0, 0, 1, grid.columns),) if cells.combs[index] else grid.cells):
            own, field = tuple(within.get(start + at, ())), start + at
            state: CellState = "value"
            if not own and field in words:
                state = "other"
            elif not own:
                state = "unread" if field in unsure else _state_of_ink(grid.outline(place), ink)
            located.append(LocatedCell(place, state, own, grid.box(place)))
        yield LocatedTable(grid.rows, grid.columns, tuple(located))


def _state_of_ink(outline: NDArray[np.float64], ink: Map) -> CellState:
    """Return whether a cell without marks is empty. `outline`: (4, 2), its corners on the page."""
    middle = outline.mean(axis=0)
    height = float(np.linalg.norm(outline[3] - outline[0]) + np.linalg.norm(outline[2] - outline[1])) / 2
    width = float(np.linalg.norm(outline[1] - outline[0]) + np.linalg.norm(outline[2] - outline[3])) / 2
    least = min(height, width)
    inner = np.rint(middle + (outline - middle) * (1 - 2 * _INSET * least / np.array([width, height]))).astype(np.int32)
    x, y, w, h = cv2.boundingRect(inner)
    x, y = max(0, x), max(0, y)
    part = ink[y : y + h, x : x + w]
    if not part.size:
        return "empty"
    mask = np.zeros(part.shape, np.uint8)
    cv2.fillConvexPoly(mask, inner - (x, y), 1)
    solid = (part > 0.5).view(np.uint8) & mask
    _, _, stats, _ = cv2.connectedComponentsWithStats(solid, connectivity=8)
    sides = stats[1:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]].max(axis=1, initial=0)
    return "other" if (sides > _SPECK * least).any() else "empty"
