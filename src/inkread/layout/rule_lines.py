"""Rule lines: which pieces of rules are of one rule, and which of them are the walls of a grid."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from inkread.layout.rules import Pieces
from inkread.quantiles import median

Floats = NDArray[np.float64]

Ends: TypeAlias = tuple[float | None, float | None]
"""Where rules end in the open, before the first and after the last rule that crosses them."""


@dataclass(frozen=True, slots=True)
class RuleLineLimits:
    """The limits of this module, each with its unit."""

    long: float = 0.45
    """Pieces of at least this share of the longest one tell how the grid lies."""
    slope: float = 0.12
    """Pieces whose slope differs from that of the long ones by more than this are not rules of the grid."""
    together: float = 0.22
    """Pieces are of the same rule if they are nearer than this, in the usual distance of rules."""
    short: float = 0.06
    """The same for a short piece and a long rule, since strokes of digits are near rules, too."""
    corner: float = 0.03
    """A short rule ends at most this far from the rules that it meets, in distances between them, and a pixel."""
    at_least: float = 6.0
    """Two rules are at least this far apart, in pixels. Nearer ones are a double rule."""
    parts: int = 16
    """The side of a cell is looked at in this many parts."""
    wall: float = 0.5
    """A side of a cell is a wall if there is ink in more than this share of its parts."""
    whole: float = 0.9
    """Every rule has at least one wall between two others with ink in this share of its parts."""
    thicker: float = 1.3
    """A short rule is at most this many times thicker than the long ones."""
    even: float = 0.65
    """The lighter parts of a short rule are at least this dark, in its median depth."""
    open_end: float = 0.4
    """Rules that end this far outside the last one that crosses them enclose open cells. The unit is a usual cell."""
    bend_pixels: int = 200
    """About so many pixels of a rule tell how it bends."""
    agree: float = 0.6
    """They do if at least this share of them ends there."""


LIMITS = RuleLineLimits()


@dataclass(frozen=True, slots=True)
class Pencil:
    """Lines that meet in one point, as parallel lines do in a photograph: across = a + (slope + turn * a) * along.

    `a` is the line's number: where it crosses the middle. The middles of both directions are subtracted before.
    """

    slope: float
    turn: float

    def number(self, along: Floats, across: Floats) -> Floats:
        """Return the number of the line through each point."""
        return np.asarray((across - self.slope * along) / np.maximum(1 + self.turn * along, 0.05), np.float64)


def fit_pieces(pieces: Pieces, middle: Floats) -> tuple[Pieces, Pencil] | None:
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
    return pieces.at(kept), Pencil(slope, turn)


@dataclass(frozen=True, slots=True)
class PiecePlaces:
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

    def lines(self, clusters: NDArray[np.intp]) -> Lines:
        """Return the rules that pieces form: `clusters`, (N,), has the index of the rule of each, -1 for none."""
        owners = clusters[self.pieces.owners]
        kept = owners >= 0
        owners, numbers, along = owners[kept], self.numbers[kept], self.along[kept]
        used, owners = np.unique(owners, return_inverse=True)
        levels = _means(numbers, owners, len(used))
        order = np.argsort(levels, kind="stable")
        place = np.zeros(len(order), np.intp)
        place[order] = np.arange(len(order))
        return Lines(numbers, along, place[owners], levels[order])


@dataclass(frozen=True, slots=True)
class Lines:
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

    def at(self, chosen: NDArray[np.bool_]) -> Lines:
        """Return the rules for which `chosen`, (N,), is true."""
        index = np.cumsum(chosen) - 1
        kept = chosen[self.owners]
        return Lines(self.numbers[kept], self.along[kept], index[self.owners[kept]], self.levels[chosen])

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

    def bends(self, crossing: Floats) -> Floats:
        """Return how far each rule is from its level at each crossing rule, (N, len(crossing))."""
        bent = np.zeros((len(self.levels), len(crossing)))
        order = np.argsort(self.owners, kind="stable")
        ends = np.searchsorted(self.owners[order], np.arange(len(self.levels) + 1))
        for rule, (start, end) in enumerate(itertools.pairwise(ends.tolist())):
            # A few of its pixels tell how a rule bends.
            own = order[start : end : max(1, (end - start) // LIMITS.bend_pixels)]
            along, off = self.along[own], self.numbers[own] - self.levels[rule]
            if np.ptp(along) > LIMITS.agree * (crossing[-1] - crossing[0]):
                bent[rule] = np.polyval(np.polyfit(along, off, 2), np.clip(crossing, along.min(), along.max()))
        return bent


def find_walls(pixels: list[PiecePlaces]) -> list[Lines] | None:
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
        whole = [lines[way].coverage(lines[1 - way].levels).max(axis=1) >= LIMITS.whole for way in (0, 1)]
        if whole[0].all() and whole[1].all():
            break
        lines = [one.at(kept) for one, kept in zip(lines, whole, strict=True)]
    if min(len(one.levels) for one in lines) < 2:
        return None
    lines = [_with_short_pieces(pixels[way], lines[way], lines[1 - way].levels, steps[way]) for way in (0, 1)]
    return lines if min(len(one.levels) for one in lines) >= 2 else None


def _step(pixels: PiecePlaces) -> float:
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


def _with_short_pieces(pixels: PiecePlaces, strong: Lines, crossing: Floats, step: float) -> Lines:
    """Return the long rules of one direction with their short pieces, and those that fill only the side of a cell."""
    levels, thickness, near = pixels.levels, pixels.thickness(), max(LIMITS.at_least, LIMITS.short * step)
    apart = np.abs(levels[:, None] - strong.levels[None])
    own = np.where(apart.min(axis=1) <= near, apart.argmin(axis=1), -1)
    low, high = pixels.ends()
    slack = LIMITS.corner * np.diff(crossing) + 1
    reaches = (low[:, None] <= crossing[None, :-1] + slack) & (high[:, None] >= crossing[None, 1:] - slack)
    thin = thickness <= LIMITS.thicker * median(thickness[own >= 0])
    short = (own < 0) & thin & reaches.any(axis=1)
    short[short] = pixels.pieces.evenness(np.flatnonzero(short)) > LIMITS.even
    own = np.where(short, _clusters(levels, short, near) + len(strong.levels), own)
    return pixels.lines(own)


def open_ends(lines: Lines, crossing: Floats) -> Ends:
    """Return where rules end before the first and after the last rule that crosses them; None if they end there."""
    far = LIMITS.open_end * median(np.diff(crossing))
    low, high = np.full(len(lines.levels), np.inf), np.full(len(lines.levels), -np.inf)
    np.minimum.at(low, lines.owners, lines.along)
    np.maximum.at(high, lines.owners, lines.along)
    found: list[float | None] = []
    for ends, end, side in ((crossing[0] - low, crossing[0], -1), (high - crossing[-1], crossing[-1], 1)):
        beyond = ends > far
        found.append(float(end) + side * median(ends[beyond]) if beyond.mean() >= LIMITS.agree else None)
    return found[0], found[1]


def with_ends(levels: Floats, ends: Ends) -> Floats:
    """Return the levels of rules with those of the open ends, which count as rules."""
    first, last = ends
    return np.array([*([] if first is None else [first]), *levels, *([] if last is None else [last])])


def with_rows(values: NDArray[Any], ends: Ends, fill: float) -> NDArray[Any]:
    """Return values of rules, (N, M), with a row of `fill` for each open end."""
    first, last = (np.full((int(end is not None), values.shape[1]), fill, values.dtype) for end in ends)
    return np.concatenate([first, values, last])
