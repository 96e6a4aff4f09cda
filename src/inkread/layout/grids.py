"""Grids: the rows, columns and cells that the rules of a table enclose, on a page that may lean or be photographed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inkread.geometry import Box
from inkread.layout.rules import Pieces, Rules, find_rules
from inkread.quantiles import median

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class GridLimits:
    """The limits of this module, each with its unit."""

    least: int = 5
    """A grid has at least this many pieces of rules: two cells side by side have five."""
    most_frames: int = 60
    """At most this many frames of a page are looked at, the largest first."""
    most_cells: int = 20_000
    """A frame with more squares than this is no table."""
    long: float = 0.45
    """Pieces of at least this share of the longest one tell how the grid lies."""
    slope: float = 0.12
    """Pieces whose slope differs from that of the long ones by more than this are not rules of the grid."""
    together: float = 0.22
    """Pieces are of the same rule if they are nearer than this, in the usual distance of rules."""
    short: float = 0.06
    """The same for a short piece and a long rule, since strokes of digits are near rules, too."""
    corner: float = 2.0
    """A short rule ends at most this far from the rules that it meets, in pixels."""
    at_least: float = 6.0
    """Two rules are at least this far apart, in pixels. Nearer ones are a double rule."""
    parts: int = 16
    """The side of a cell is looked at in this many parts."""
    wall: float = 0.5
    """A side of a cell is a wall if there is ink in more than this share of its parts."""
    whole: float = 0.9
    """Every rule has at least one wall between two others with ink in this share of its parts."""
    thicker: float = 1.6
    """A short rule is at most this many times thicker than the long ones, and a pixel."""
    even: float = 0.5
    """The lighter parts of a short rule are at least this dark, in its median depth."""
    open_end: float = 0.4
    """Rules that end this far outside the last one that crosses them enclose open cells. The unit is a usual cell."""
    agree: float = 0.6
    """They do if at least this share of them ends there."""


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
        return self.owners.shape[1]

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


@dataclass(frozen=True, slots=True)
class _Pencil:
    """Lines that meet in one point, as parallel lines do in a photograph: across = a + (slope + turn * a) * along.

    `a` is the line's number: where it crosses the middle. The middles of both directions are subtracted before.
    """

    slope: float
    turn: float

    def number(self, along: Floats, across: Floats) -> Floats:
        """Return the number of the line through each point."""
        return np.asarray((across - self.slope * along) / np.maximum(1 + self.turn * along, 0.05), np.float64)


def _grid(rules: Rules) -> Grid | None:
    """Return the grid of a frame, or None if it has none."""
    middle = np.array([median(rules.lying.along), median(rules.standing.along)])
    fitted = _fit(rules.lying, middle), _fit(rules.standing, middle[::-1])
    if fitted[0] is None or fitted[1] is None:
        return None
    (lying, across), (standing, down) = fitted
    # The numbers of the lines through all pixels: v of the lying ones, u of the standing ones.
    pixels = [
        _Pixels(lying, across.number(lying.along - middle[0], lying.across - middle[1]),
                down.number(lying.across - middle[1], lying.along - middle[0])),
        _Pixels(standing, down.number(standing.along - middle[1], standing.across - middle[0]),
                across.number(standing.across - middle[0], standing.along - middle[1])),
    ]  # fmt: skip
    lines = _only_walls(pixels)
    if lines is None:
        return None
    open_ends = [_open_ends(lines[0], lines[1].levels), _open_ends(lines[1], lines[0].levels)]
    levels = [_with_ends(lines[1 - way].levels, open_ends[way]) for way in (0, 1)]
    # Levels of the standing rules come first: they part the lying ones.
    u, v = levels
    if len(u) < 2 or len(v) < 2 or not 2 <= (len(u) - 1) * (len(v) - 1) <= LIMITS.most_cells:
        return None
    walls_lying = _with_open_walls(lines[0].walls(u), open_ends[1])
    walls_standing = _with_open_walls(lines[1].walls(v), open_ends[0]).T
    cells, owners = _cells(walls_lying, walls_standing)
    if len(cells) < 2:
        return None
    bends = lines[0].bends(u, v, open_ends[1]), lines[1].bends(v, u, open_ends[0])
    number_v, number_u = v[:, None] + bends[0], u[None] + bends[1].T
    return Grid(_points(number_u, number_v, across, down, middle), cells, owners)


def _fit(pieces: Pieces, middle: Floats) -> tuple[Pieces, _Pencil] | None:
    """Return the pieces that are rules of the grid, and how they lie; None if there are fewer than two."""
    count = np.bincount(pieces.owners, minlength=len(pieces))
    along, across = pieces.along - middle[0], pieces.across - middle[1]
    x, y = (np.bincount(pieces.owners, values, len(pieces)) / count for values in (along, across))
    off_x, off_y = along - x[pieces.owners], across - y[pieces.owners]
    spread = np.maximum(np.bincount(pieces.owners, off_x * off_x, len(pieces)), 1e-6)
    slopes = np.bincount(pieces.owners, off_x * off_y, len(pieces)) / spread
    long = pieces.lengths >= LIMITS.long * pieces.lengths.max()
    usual = median(slopes[long])
    long &= np.abs(slopes - usual) < LIMITS.slope
    numbers = y - slopes * x
    slope, turn = usual, 0.0
    # Only rules far from each other tell how much they turn.
    if long.sum() >= 3 and np.ptp(numbers[long]) > 0.1 * pieces.lengths[long].max():
        turn, slope = np.polyfit(numbers[long], slopes[long], 1, w=np.sqrt(pieces.lengths[long])).tolist()
    elif long.sum() == 2 and np.ptp(numbers[long]) > 0.1 * pieces.lengths[long].max():
        turn = float(np.diff(slopes[long])[0] / np.diff(numbers[long])[0])
        slope = float(slopes[long][0] - turn * numbers[long][0])
    kept = np.abs(slopes - slope - turn * numbers) < LIMITS.slope
    if kept.sum() < 2:
        return None
    return pieces.at(kept), _Pencil(slope, turn)


@dataclass(frozen=True, slots=True)
class _Pixels:
    """The pieces of rules of one direction, with the place of their pixels in the grid's coordinates.

    numbers: (P,) the number of the line that each pixel is on.
    along: (P,) the number of the crossing line that each pixel is on.
    """

    pieces: Pieces
    numbers: Floats
    along: Floats

    @property
    def levels(self) -> Floats:
        """The number of the line that each piece is on, (N,)."""
        return _means(self.numbers, self.pieces.owners, len(self.pieces))

    def long(self) -> NDArray[np.bool_]:
        """Return which pieces are long."""
        lengths = self.pieces.lengths
        return np.asarray(lengths >= LIMITS.long * lengths.max(), np.bool_)

    def thickness(self) -> Floats:
        """Return the thickness of each piece, (N,), in pixels."""
        return np.asarray(np.bincount(self.pieces.owners, minlength=len(self.pieces)) / self.pieces.lengths, np.float64)

    def ends(self) -> tuple[Floats, Floats]:
        """Return the first and the last place of each piece along it, (N,) each."""
        low, high = np.full(len(self.pieces), np.inf), np.full(len(self.pieces), -np.inf)
        np.minimum.at(low, self.pieces.owners, self.along)
        np.maximum.at(high, self.pieces.owners, self.along)
        return low, high

    def lines(self, clusters: NDArray[np.intp]) -> _Lines:
        """Return the rules that pieces form: `clusters`, (N,), has the index of the rule of each, -1 for none."""
        owners = clusters[self.pieces.owners]
        kept = owners >= 0
        owners, numbers, along = owners[kept], self.numbers[kept], self.along[kept]
        used, owners = np.unique(owners, return_inverse=True)
        levels = _means(numbers, owners, len(used))
        order = np.argsort(levels, kind="stable")
        place = np.zeros(len(order), np.intp)
        place[order] = np.arange(len(order))
        return _Lines(numbers, along, place[owners], levels[order])


@dataclass(frozen=True, slots=True)
class _Lines:
    """The rules of one direction in the grid's coordinates.

    numbers: (P,) the number of the line that each pixel is on.
    along: (P,) the number of the crossing line that each pixel is on.
    owners: (P,) the index of the rule that each pixel belongs to.
    levels: (N,) the number of each rule, in ascending order.
    """

    numbers: Floats
    along: Floats
    owners: NDArray[np.intp]
    levels: Floats

    def at(self, chosen: NDArray[np.bool_]) -> _Lines:
        """Return the rules for which `chosen`, (N,), is true."""
        index = np.cumsum(chosen) - 1
        kept = chosen[self.owners]
        return _Lines(self.numbers[kept], self.along[kept], index[self.owners[kept]], self.levels[chosen])

    def coverage(self, crossing: Floats) -> Floats:
        """Return the share of parts with ink of each rule between each two crossing rules, (N, len(crossing) - 1)."""
        parts, count = LIMITS.parts, len(crossing) - 1
        edges = np.interp(np.arange(count * parts + 1) / parts, np.arange(count + 1), crossing)
        part = np.searchsorted(edges, self.along, side="right") - 1
        inside = (part >= 0) & (part < count * parts)
        inked = np.zeros((len(self.levels), count * parts), bool)
        inked[self.owners[inside], part[inside]] = True
        return np.asarray(inked.reshape(len(self.levels), count, parts).mean(axis=2), np.float64)

    def walls(self, crossing: Floats) -> NDArray[np.bool_]:
        """Return where each rule is a wall between two crossing rules, (N, len(crossing) - 1)."""
        return np.asarray(self.coverage(crossing) > LIMITS.wall, np.bool_)

    def bends(self, crossing: Floats, levels: Floats, ends: tuple[float | None, float | None]) -> Floats:
        """Return how far each rule, also those at open ends, is from its level at each crossing rule.

        crossing: (M,) numbers of crossing rules. levels: (N,) those of the rules, with open ends. Returns (N, M).
        """
        bent = np.zeros((len(self.levels), len(crossing)))
        for rule in range(len(self.levels)):
            own = self.owners == rule
            along, off = self.along[own], self.numbers[own] - self.levels[rule]
            if np.ptp(along) > LIMITS.agree * (crossing[-1] - crossing[0]):
                fit = np.polyfit(along, off, 2)
                bent[rule] = np.polyval(fit, np.clip(crossing, along.min(), along.max()))
        first, last = (np.zeros((int(end is not None), len(crossing))) for end in ends)
        return np.concatenate([first, bent, last])


def _clusters(levels: Floats, near: float, first: Floats) -> NDArray[np.intp]:
    """Return the cluster of each level, (N,). Each joins the nearest cluster within `near`, or begins another one.

    first: levels of clusters that are there already.
    """
    found = np.zeros(len(levels), np.intp)
    middles = np.concatenate([first, np.zeros(len(levels))])
    sizes, count = np.ones(len(middles)), len(first)
    for at, level in enumerate(levels.tolist()):
        apart = np.abs(middles[:count] - level)
        nearest = int(apart.argmin()) if count else 0
        if not count or apart[nearest] > near:
            nearest, count = count, count + 1
            middles[nearest], sizes[nearest] = level, 0
        sizes[nearest] += 1
        middles[nearest] += (level - middles[nearest]) / sizes[nearest]
        found[at] = nearest
    return found


def _means(values: Floats, owners: NDArray[np.intp], count: int) -> Floats:
    return np.asarray(np.bincount(owners, values, count) / np.bincount(owners, minlength=count), np.float64)


def _only_walls(pixels: list[_Pixels]) -> list[_Lines] | None:
    """Return the rules of both directions that are a wall between two others; None if too few are left.

    Rules along much of the grid support each other. A short one must fill the whole side of a cell between two of them
    in one piece, be as thin as they are, and evenly dark; strokes of digits and words are not.
    """
    steps = [_step(one) for one in pixels]
    lines = [
        one.lines(_clusters(one.levels, one.long(), max(LIMITS.at_least, LIMITS.together * step)))
        for one, step in zip(pixels, steps, strict=True)
    ]
    for _ in range(4):
        if min(len(one.levels) for one in lines) < 2:
            return None
        whole = [(lines[way].coverage(lines[1 - way].levels) >= LIMITS.whole).any(axis=1) for way in (0, 1)]
        if whole[0].all() and whole[1].all():
            break
        lines = [one.at(kept) for one, kept in zip(lines, whole, strict=True)]
    return [_with_short_pieces(pixels[way], lines[way], lines[1 - way].levels, steps[way]) for way in (0, 1)]


def _step(pixels: _Pixels) -> float:
    """Return the usual distance of the long pieces, 0 if there is none."""
    steps = np.diff(np.sort(pixels.levels[pixels.long()]))
    steps = steps[steps > LIMITS.at_least]
    return median(steps) if len(steps) else 0.0


def _clusters(levels: Floats, chosen: NDArray[np.bool_], near: float) -> NDArray[np.intp]:
    """Return the cluster of each level, (N,), -1 if it is not chosen. No cluster is wider than `near`."""
    found = np.full(len(levels), -1, np.intp)
    start, number = -np.inf, -1
    for at in np.argsort(levels, kind="stable").tolist():
        if chosen[at]:
            if levels[at] - start > near:
                start, number = levels[at], number + 1
            found[at] = number
    return found


def _means(values: Floats, owners: NDArray[np.intp], count: int) -> Floats:
    return np.asarray(np.bincount(owners, values, count) / np.bincount(owners, minlength=count), np.float64)


def _with_short_pieces(pixels: _Pixels, strong: _Lines, crossing: Floats, step: float) -> _Lines:
    """Return the long rules of one direction with their short pieces, and those that fill only the side of a cell."""
    levels, thickness, near = pixels.levels, pixels.thickness(), max(LIMITS.at_least, LIMITS.short * step)
    apart = np.abs(levels[:, None] - strong.levels[None])
    own = np.where(apart.min(axis=1) <= near, apart.argmin(axis=1), -1)
    low, high = pixels.ends()
    slack = (1 - LIMITS.whole) / 2 * np.diff(crossing) + LIMITS.corner
    reaches = (low[:, None] <= crossing[None, :-1] + slack) & (high[:, None] >= crossing[None, 1:] - slack)
    thin = thickness <= LIMITS.thicker * median(thickness[own >= 0]) + 1
    short = (own < 0) & thin & reaches.any(axis=1)
    for piece in np.flatnonzero(short).tolist():
        short[piece] = pixels.pieces.evenness(piece) > LIMITS.even
    own = np.where(short, _clusters(levels, short, near) + len(strong.levels), own)
    return pixels.lines(own)


def _open_ends(lines: _Lines, crossing: Floats) -> tuple[float | None, float | None]:
    """Return where rules end before the first and after the last rule that crosses them; None if they end there."""
    steps = np.diff(crossing)
    far = LIMITS.open_end * median(steps)
    low = np.full(len(lines.levels), np.inf)
    np.minimum.at(low, lines.owners, lines.along)
    high = np.full(len(lines.levels), -np.inf)
    np.maximum.at(high, lines.owners, lines.along)
    found: list[float | None] = []
    for ends, side in ((crossing[0] - low, -1), (high - crossing[-1], 1)):
        beyond = ends > far
        if beyond.mean() < LIMITS.agree or len(ends) < 2:
            found.append(None)
            continue
        end = median(ends[beyond])
        found.append((crossing[0] if side < 0 else crossing[-1]) + side * end)
    return found[0], found[1]


def _with_ends(levels: Floats, ends: tuple[float | None, float | None]) -> Floats:
    first, last = ends
    return np.array([*([first] if first is not None else []), *levels, *([last] if last is not None else [])])


def _with_open_walls(walls: NDArray[np.bool_], ends: tuple[float | None, float | None]) -> NDArray[np.bool_]:
    """Return the walls of rules, (N, M), with one more rule for each open end, which counts as a wall."""
    first, last = (np.ones((int(end is not None), walls.shape[1]), bool) for end in ends)
    return np.concatenate([first, walls, last])


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
        row, column = np.divmod(np.array(members), columns)
        cell = GridCell(*(int(value) for value in (row.min(), column.min(), np.ptp(row) + 1, np.ptp(column) + 1)))
        if cell.rows * cell.columns == len(members):
            found.append(cell)
        else:
            found += [GridCell(int(r), int(c)) for r, c in zip(row, column, strict=True)]
    found.sort(key=lambda cell: (cell.row, cell.column))
    owners = np.full((rows, columns), -1, np.intp)
    for index, cell in enumerate(found):
        owners[cell.row : cell.row + cell.rows, cell.column : cell.column + cell.columns] = index
    return tuple(found), owners


def _outside(lying: NDArray[np.bool_], standing: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which squares, (R, C), are outside: two of their sides are open to the outside.

    So the empty corner of a table that has headers above and at its left is outside, but not a cell with one faint side.
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


def _points(u: Floats, v: Floats, across: _Pencil, down: _Pencil, middle: Floats) -> Floats:
    """Return where lines with these numbers cross on the page, (R, C, 2) float64: x and y."""
    m, n = across.slope + across.turn * v, down.slope + down.turn * u
    x = (u + n * v) / (1 - m * n)
    return np.stack([x, v + m * x], axis=-1) + middle
