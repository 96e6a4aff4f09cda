"""Ruled lines: those all over a page, as curves, told from writing by their length and their distance."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from inkread.ink.components import Mask

Grey = NDArray[np.uint8]
Columns = NDArray[np.float64]

FEWEST = 3
"""Lines that make lined paper."""

_STEEPEST = 9  # degrees by which lines may lean
_FAN = (-2.4, -1.2, 0.0, 1.2, 2.4)  # degrees by which some lean otherwise: seen at an angle, or on bent paper
_RUN = 1 / 6  # of the side of a page: over so much of it
_DENSE = 0.75  # a line is dark for this share
_ACROSS = 0.6  # and runs over this share of the page in all;
_BENDING = 0.8  # a shorter one is taken for straight
_THICK = 1.6  # times as thick as most of them are two lines, with writing between them
_BENT = 2.5  # pixels by which it may leave a parabola
_ALIKE = 0.2  # lines are at one distance, or a multiple of it, give or take this share of it:
_REGULAR = 0.7  # this share of them
_THERE = 0.5  # where the distance says that there is one more, it is dark for this share
_SLACK = 0.15  # give or take this share of the distance
_RIM = 0.2  # the rim of a box, as a share of its side
_UNEVEN = 1.25  # times as dark as most lines beside it, or as most of itself, a line may be


@dataclass(frozen=True, slots=True)
class RuledLines:
    """K nearly level lines across a page; of upright ones, with x and y exchanged.

    rows: (K, W) float64, the row of each line at every column, from the uppermost down; also beyond the page.
    thickness: in pixels of the page as it was looked at, which may be enlarged.
    """

    rows: NDArray[np.float64]
    thickness: float

    def crossed(self, boxes: NDArray[np.integer]) -> NDArray[np.bool_]:
        """Tell which boxes, (N, 4) as x, y, width and height, a line crosses elsewhere than at their rims."""
        x, y, w, h = boxes.T
        at = self.rows[:, np.clip(x + w // 2, 0, self.rows.shape[1] - 1)]
        return np.asarray(((at > y + _RIM * h) & (at < y + (1 - _RIM) * h)).any(axis=0), np.bool_)

    @property
    def reach(self) -> int:
        """Over how many pixels a line and its edges go."""
        return int(self.thickness + 2)

    def along(self, depth: Grey) -> tuple[NDArray[np.bool_], Grey]:
        """Return which pixels lie on lines, and how deep each line is there, without the strokes on it."""
        height, width = depth.shape
        on, deep, columns = np.zeros((height, width), bool), np.zeros((height, width), np.uint8), np.arange(width)
        deepest, half = cv2.dilate(depth, np.ones((3, 1), np.uint8)), self.thickness / 2 + 0.5
        parts = np.array_split(columns, 10)
        at = np.clip(np.rint(self.rows), 0, height - 1).astype(int)
        medians = np.array([np.median(deepest[at[:, part], part], axis=1) for part in parts])
        medians = np.minimum(medians, _UNEVEN * np.median(medians, axis=1, keepdims=True))  # a pen may go along a line,
        medians = np.maximum(medians, np.median(medians, axis=0) / _UNEVEN)  # which may end before the page does
        for row, own in zip(self.rows, medians.T, strict=True):
            usual = np.interp(columns, [part.mean() for part in parts], own).astype(np.uint8)
            for offset in range(self.reach):
                rows = np.floor(row - half).astype(int) + offset
                inside = (rows >= 0) & (rows < height) & (np.abs(rows - row) <= half)
                on[rows[inside], columns[inside]] = True
                deep[rows[inside], columns[inside]] = usual[inside]
        return on, deep


def find_lines(depth: Grey, dark: Mask) -> tuple[RuledLines | None, RuledLines | None]:
    """Return the level and the upright lines of a page; None where there are none that way.

    depth: (H, W) uint8, by how much each pixel is darker than paper. dark: where that is more than noise. Each kind is
    easier to see without the other.
    """
    found: list[RuledLines | None] = [None, None]
    for turn in (0, 1, 0):
        if found[turn]:
            continue
        own = np.ascontiguousarray(dark.T) if turn else dark
        lines = found[turn] = _family(own)
        if lines:
            on, _ = lines.along(np.ascontiguousarray(depth.T) if turn else depth)
            across = np.ones((lines.reach + 3, 1), np.uint8)  # what crosses them goes on
            rest = cv2.morphologyEx(np.where(on, 0, own).astype(np.uint8), cv2.MORPH_CLOSE, across)
            dark = np.ascontiguousarray(rest.T if turn else rest, np.uint8)
    return found[0], found[1]


def _family(dark: Mask) -> RuledLines | None:
    """Return the level lines of a page, given what is dark on it; None where there are none at one distance."""
    traces = list(_traces(dark))
    if len(traces) < FEWEST:
        return None
    middle = dark.shape[1] // 2
    traces.sort(key=lambda trace: float(trace[0][middle]))
    thickness = float(np.median([thick for _, thick in traces]))
    rows = _apart([row for row, thick in traces if thick < _THICK * thickness], thickness)
    if len(rows) < FEWEST:
        return None
    gaps = np.diff([row[middle] for row in rows])
    distance = float(np.median(gaps))
    if distance <= thickness:  # curves that cross are no lines
        return None
    steps = gaps / distance
    if (np.abs(steps - np.maximum(1, np.rint(steps))) < _ALIKE).mean() < _REGULAR:
        return None
    return RuledLines(np.stack(_completed(rows, distance, dark)), thickness)


def _traces(dark: Mask) -> Iterator[tuple[Columns, float]]:
    """Yield the row of each long line at every column of the page, a parabola, and its thickness."""
    width = dark.shape[1]
    _, labels, stats, _ = cv2.connectedComponentsWithStats(_long_runs(dark), connectivity=8)
    for number in np.flatnonzero(stats[1:, cv2.CC_STAT_WIDTH] >= _ACROSS * width) + 1:
        x, y, w, h = stats[number, :4]
        line = (labels[y : y + h, x : x + w] == number) & (dark[y : y + h, x : x + w] > 0)
        counts = line.sum(axis=0)
        if not counts.any():
            continue
        thickness = float(np.median(counts[counts > 0]))
        columns = np.flatnonzero((counts > 0) & (counts <= 2 * thickness))  # elsewhere a stroke crosses it
        if len(columns) < _ACROSS / 2 * width:
            continue
        rows = (np.arange(h) @ line)[columns] / counts[columns]
        middles = [[float(np.median(part)) for part in np.array_split(values, 8)] for values in (columns, rows)]
        parabola = np.polyfit(np.array(middles[0]), np.array(middles[1]), 2 if w > _BENDING * width else 1)
        if np.median(np.abs(np.polyval(parabola, columns) - rows)) <= _BENT:
            yield y + np.polyval(parabola, np.arange(width) - x), thickness


def _long_runs(dark: Mask) -> Mask:
    """Return what is dark on nearly level runs that are mostly dark, with gaps in them closed."""
    height, width = dark.shape
    length = max(31, round(_RUN * width)) | 1
    lean, on = _lean(dark), np.zeros_like(dark)
    for fan in _FAN:
        turn = _sheared(width, np.tan(np.radians(lean + fan)))
        level = cv2.warpAffine(dark, turn, (width, height), flags=cv2.INTER_NEAREST)
        thick = cv2.dilate(level, np.ones((3, 1), np.uint8))
        share = cv2.boxFilter(thick, cv2.CV_32F, (length, 1), borderType=cv2.BORDER_REFLECT)
        runs = thick * (share > _DENSE)
        back = cv2.warpAffine(runs, turn, (width, height), flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP)
        on = np.maximum(on, back)
    return np.asarray(cv2.morphologyEx(on, cv2.MORPH_CLOSE, np.ones((3, length), np.uint8)), np.uint8)


def _lean(dark: Mask) -> float:
    """Return the angle in degrees by which most lines fall to the right: that at which their rows are most unlike."""
    factor = min(1.0, 400 / max(dark.shape))
    width, height = (max(1, round(side * factor)) for side in dark.shape[::-1])
    small = cv2.resize(dark.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA)

    def unlike(angle: float) -> float:
        level = cv2.warpAffine(small, _sheared(width, np.tan(np.radians(angle))), (width, height))
        return float((np.diff(level.sum(axis=1)) ** 2).sum())

    return float(max(np.arange(-_STEEPEST, _STEEPEST + 0.1, 0.5), key=unlike))


def _sheared(width: int, slope: float) -> NDArray[np.float64]:
    """Return the affine map that makes lines level which fall by a slope; the middle of the page stays."""
    return np.array([[1, 0, 0], [-slope, 1, slope * width / 2]], np.float64)


def _apart(rows: list[Columns], thickness: float) -> list[Columns]:
    """Return lines, from the uppermost down, without those that are pieces of the one before."""
    kept = rows[:1]
    for row in rows[1:]:
        if np.median(row - kept[-1]) > thickness + 1:
            kept.append(row)
    return kept


def _completed(rows: list[Columns], distance: float, dark: Mask) -> list[Columns]:
    """Return lines, and those that are missing among and beside them and show about where they have to be."""
    middle = dark.shape[1] // 2
    complete = rows[:1]
    for before, after in pairwise(rows):
        steps = max(1, round(float(after[middle] - before[middle]) / distance))
        between = [before + (after - before) * step / steps for step in range(1, steps)]
        complete += [line for row in between if (line := _near(row, distance, dark)) is not None] + [after]
    return _beyond(_beyond(complete[::-1], distance, dark)[::-1], distance, dark)


def _beyond(rows: list[Columns], distance: float, dark: Mask) -> list[Columns]:
    """Return lines and those that follow the last one, each as far and as much turned from it as that from another."""
    rows = rows.copy()
    while True:
        ahead = rows[-1] - rows[-2]
        row = rows[-1] + ahead / max(1, round(float(np.abs(np.median(ahead))) / distance))
        if row.max() < 0 or row.min() >= len(dark) or np.abs(np.median(row - rows[-1])) < distance / 2:
            return rows
        line = _near(row, distance, dark)
        if line is None:
            return rows
        rows.append(line)


def _near(row: Columns, distance: float, dark: Mask) -> Columns | None:
    """Return the line that lies about where one is expected; None where it is not dark there, or not on the page."""
    at, columns = np.rint(row).astype(int), np.arange(len(row))
    slack = max(1, round(_SLACK * distance))
    seen = []
    for shift in range(-slack, slack + 1):
        inside = (at + shift >= 1) & (at + shift < len(dark) - 1)
        if inside.mean() < _ACROSS / 2:
            continue
        rows, own = at[inside] + shift, columns[inside]
        share = (dark[rows - 1, own] | dark[rows, own] | dark[rows + 1, own]).mean()
        seen.append((float(share), -abs(shift), shift))
    if not seen or max(seen)[0] < _THERE:
        return None
    return row + max(seen)[2]
