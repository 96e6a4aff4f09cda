"""Grids: the rows, columns and cells that the rules of a table enclose, on a page that may lean or be photographed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inkread.geometry import Box
from inkread.layout.rule_lines import Pencil, PiecePlaces, find_walls, fit_pieces, open_ends, with_ends, with_rows
from inkread.layout.rules import Pieces, Rules, find_rules
from inkread.quantiles import median

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class GridLimits:
    """The limits of this module."""

    least: int = 5
    """A grid has at least this many pieces of rules: two cells side by side have five."""
    most_frames: int = 60
    """At most this many frames of a page are looked at, the largest first."""
    walls: float = 0.7
    """At least this share of the sides of squares have a wall. Patterns and strokes cross without enclosing much."""
    most_cells: int = 20_000
    """A frame with more squares than this is no table."""


LIMITS = GridLimits()


@dataclass(frozen=True, slots=True)
class GridCell:
    """A cell of a grid: its first row and column, and how many of each it spans."""

    row: int
    column: int
    rows: int = 1
    columns: int = 1


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """The grid of a table.

    corners: (R + 1, C + 1, 2) float64, x and y of the corners of its R rows and C columns, in pixels of the page.
    cells: its cells, row by row.
    owners: (R, C), the index of the cell that each square belongs to; -1 for a square that nothing encloses.
    """

    corners: Floats
    cells: tuple[GridCell, ...]
    owners: NDArray[np.intp]

    @property
    def rows(self) -> int:
        """The number of its rows."""
        return len(self.owners)

    @property
    def columns(self) -> int:
        """The number of its columns."""
        return int(self.owners.shape[1])

    @property
    def row_height(self) -> float:
        """The usual height of its rows, in pixels."""
        return median(np.linalg.norm(np.diff(self.corners, axis=0), axis=2))

    def outline(self, cell: GridCell) -> Floats:
        """Return the corners of a cell, (4, 2) float64, in pixels of the page: from the left upper one clockwise."""
        top, left, bottom, right = cell.row, cell.column, cell.row + cell.rows, cell.column + cell.columns
        return self.corners[[top, top, bottom, bottom], [left, right, right, left]]

    def box(self, cell: GridCell) -> Box:
        """Return the box of a cell, in whole pixels of the page."""
        outline = self.outline(cell)
        left, top = np.floor(outline.min(axis=0)).astype(int).tolist()
        right, bottom = np.ceil(outline.max(axis=0)).astype(int).tolist()
        return Box(max(0, left), max(0, top), max(1, right - max(0, left)), max(1, bottom - max(0, top)))

    def turned(self, turns: int, size: tuple[int, int]) -> Grid:
        """Return the grid after a number of counter-clockwise quarter turns of a page, of width and height `size`."""
        grid = self
        for _ in range(turns % 4):
            grid, size = grid._turned_once(size[0]), size[::-1]
        return grid

    def _turned_once(self, width: int) -> Grid:
        corners = np.stack([self.corners[..., 1], width - self.corners[..., 0]], axis=-1)
        cells = [
            GridCell(self.columns - cell.column - cell.columns, cell.row, cell.columns, cell.rows)
            for cell in self.cells
        ]
        order = sorted(range(len(cells)), key=lambda at: (cells[at].row, cells[at].column))
        new = np.full(len(cells) + 1, -1, np.intp)
        new[order] = np.arange(len(cells))
        return Grid(np.rot90(corners), tuple(cells[at] for at in order), new[np.rot90(self.owners)])

    def locate(self, points: Floats) -> NDArray[np.intp]:
        """Return the index of the cell that each point, (N, 2), is in; -1 outside."""
        rows = _between(self.corners, points)
        columns = _between(self.corners.transpose(1, 0, 2)[..., ::-1], points[:, ::-1])
        inside = (rows >= 0) & (rows < self.rows) & (columns >= 0) & (columns < self.columns)
        found = np.full(len(points), -1, np.intp)
        found[inside] = self.owners[rows[inside], columns[inside]]
        return found


def find_grids(grey: NDArray[np.uint8]) -> list[Grid]:
    """Return the grids of a page with at least two cells, from the largest on, in pixels of the page.

    grey: (H, W) uint8 with dark ink on a lighter ground. Grids may lean, be photographed at an angle, and be drawn by
    hand. Cells that are cut off by the edge of the page, or open at the end of their rules, belong to the grid.
    """
    frames, scale = find_rules(grey, least=LIMITS.least, most=LIMITS.most_frames)
    found: list[Grid] = []
    for rules in frames:
        grid = _grid(rules)
        if grid is not None and not any(_is_within(grid, larger) for larger in found):
            found.append(grid)
    return [Grid(grid.corners / scale, grid.cells, grid.owners) for grid in found]


def _is_within(grid: Grid, larger: Grid) -> bool:
    """Return whether the middle of a grid is in another one. Letters have strokes that enclose something, too."""
    return bool(larger.locate(grid.corners.mean(axis=(0, 1))[None])[0] >= 0)


def _between(corners: Floats, points: Floats) -> NDArray[np.intp]:
    """Return between which two lying rules, whose places are `corners`, (R + 1, C + 1, 2), each point is: 0 to R - 1.

    -1 stands for above the first, and R for below the last.
    """
    above = np.stack([np.interp(points[:, 0], rule[:, 0], rule[:, 1]) for rule in corners])
    return np.asarray((above <= points[:, 1]).sum(axis=0) - 1, np.intp)


def _grid(rules: Rules) -> Grid | None:
    """Return the grid of a frame, or None if it has none."""
    middle = np.array([median(rules.lying.along), median(rules.standing.along)])
    lying, standing = fit_pieces(rules.lying, middle), fit_pieces(rules.standing, middle[::-1])
    if lying is None or standing is None:
        return None
    walls = find_walls([_places(*lying, standing[1], middle), _places(*standing, lying[1], middle[::-1])])
    if walls is None:
        return None
    rows, columns = walls
    ends_of_rows, ends_of_columns = open_ends(rows, columns.levels), open_ends(columns, rows.levels)
    v, u = with_ends(rows.levels, ends_of_columns), with_ends(columns.levels, ends_of_rows)
    if not 2 <= (len(u) - 1) * (len(v) - 1) <= LIMITS.most_cells:
        return None
    lying_walls = with_rows(rows.walls(u), ends_of_columns, fill=True)
    standing_walls = with_rows(columns.walls(v), ends_of_rows, fill=True).T
    if min(lying_walls.mean(), standing_walls.mean()) < LIMITS.walls:
        return None
    cells, owners = _cells(lying_walls, standing_walls)
    if len(cells) < 2:
        return None
    number_v = v[:, None] + with_rows(rows.bends(u), ends_of_columns, fill=0)
    number_u = u[None] + with_rows(columns.bends(v), ends_of_rows, fill=0).T
    return Grid(_points(number_u, number_v, lying[1], standing[1], middle), cells, owners)


def _places(pieces: Pieces, pencil: Pencil, crossing: Pencil, middle: Floats) -> PiecePlaces:
    """Return pieces with where their pixels are in the grid: the numbers of the lines through them."""
    along, across = pieces.along - middle[0], pieces.across - middle[1]
    return PiecePlaces(pieces, pencil.number(along, across), crossing.number(across, along))


def _cells(lying: NDArray[np.bool_], standing: NDArray[np.bool_]) -> tuple[tuple[GridCell, ...], NDArray[np.intp]]:
    """Return the cells between walls, and the index of the cell of each square, (R, C), -1 for none.

    lying: (R + 1, C) where there is a wall above and below the squares. standing: (R, C + 1), to the left and right.

    Squares without a wall between them are one cell if they form a rectangle. If they do not, walls are missing by
    mistake, and each square is a cell.
    """
    rows, columns = len(standing), lying.shape[1]
    outside = _outside(lying, standing)
    parent = np.arange(rows * columns)

    def root(at: int) -> int:
        while parent[at] != at:
            parent[at] = parent[parent[at]]
            at = int(parent[at])
        return at

    for row, column in np.argwhere(~lying[1:-1] & ~outside[:-1] & ~outside[1:]).tolist():
        parent[root(row * columns + column)] = root((row + 1) * columns + column)
    for row, column in np.argwhere(~standing[:, 1:-1] & ~outside[:, :-1] & ~outside[:, 1:]).tolist():
        parent[root(row * columns + column)] = root(row * columns + column + 1)
    groups: dict[int, list[int]] = {}
    for at in np.flatnonzero(~outside).tolist():
        groups.setdefault(root(at), []).append(at)
    found: list[GridCell] = []
    for members in groups.values():
        squares = [divmod(at, columns) for at in members]
        top, left = (min(square[way] for square in squares) for way in (0, 1))
        bottom, right = (max(square[way] for square in squares) for way in (0, 1))
        cell = GridCell(top, left, bottom - top + 1, right - left + 1)
        found += [cell] if cell.rows * cell.columns == len(members) else [GridCell(*square) for square in squares]
    found.sort(key=lambda cell: (cell.row, cell.column))
    owners = np.full((rows, columns), -1, np.intp)
    for index, cell in enumerate(found):
        owners[cell.row : cell.row + cell.rows, cell.column : cell.column + cell.columns] = index
    return tuple(found), owners


def _outside(lying: NDArray[np.bool_], standing: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which squares, (R, C), are outside: two of their sides are open to the outside.

    So the empty corner of a table with headers above and at its left is outside, but not a cell with one faint side.
    """
    found = np.zeros((len(standing) + 2, lying.shape[1] + 2), bool)
    found[[0, -1]] = found[:, [0, -1]] = True
    while True:
        sides = [found[:-2, 1:-1] & ~lying[:-1], found[2:, 1:-1] & ~lying[1:],
                 found[1:-1, :-2] & ~standing[:, :-1], found[1:-1, 2:] & ~standing[:, 1:]]  # fmt: skip
        more = (np.sum(sides, axis=0) >= 2) & ~found[1:-1, 1:-1]
        if not more.any():
            return found[1:-1, 1:-1]
        found[1:-1, 1:-1] |= more


def _points(u: Floats, v: Floats, across: Pencil, down: Pencil, middle: Floats) -> Floats:
    """Return where lines with these numbers cross on the page, (R, C, 2) float64: x and y."""
    m, n = across.slope + across.turn * v, down.slope + down.turn * u
    x = (u + n * v) / (1 - m * n)
    return np.stack([x, v + m * x], axis=-1) + middle
