"""Lined paper: the ruled or squared lines all over a page, told from the pen and painted over.

Such lines are as dark as a pencil and often closer together than digits are high, so neither their depth nor their
place alone tells them from writing. But they run nearly straight across the page, level or upright, one like the other
and at one distance. They are found in the page's grey, before any threshold, and what a pen drew across them is mended.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from inkread.pictures.components import Mask
from inkread.pictures.glyphs import SIDE
from inkread.pictures.ink import noise_of
from inkread.pictures.page import Page

Grey = NDArray[np.uint8]
Columns = NDArray[np.float64]

_FEWEST = 3  # lines that make lined paper
_LOOKS = (0.06, 0.28, 0.5, 0.72, 0.94)  # where a page is looked at first, as shares of its side;
_BAND = 7  # pixels: over so many columns each, so that grain does not show
_SEEN = 4  # at so many of these places that many lines have to show
_FAINTEST = 5  # grey levels by which a line is darker than the paper
_GRAIN = 3.0  # and as many deviations of the noise, which fine squares would be taken for:
_NOISE = (0.8, 2.5)  # it lies between these
_STROKE = 0.013  # width of what is narrower than paper, as a share of the side of a square page
_FINE = 350  # pixels: a page with a shorter side is looked at enlarged,
_FINEST = 3  # no more than so many times
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
_PEN = 1.4  # times as dark as the line is what a pen drew on it


@dataclass(frozen=True, slots=True)
class Lines:
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


@dataclass(frozen=True, slots=True)
class Lined:
    """A page without its lines.

    page: it, with the lines painted over. level, upright: the lines, in its pixels; None where there are none that way.
    """

    page: Page
    level: Lines | None
    upright: Lines | None

    def crossed(self, boxes: NDArray[np.integer]) -> NDArray[np.bool_]:
        """Tell which boxes, (N, 4) as x, y, width and height, a line crosses elsewhere than at their rims."""
        crossed = np.zeros(len(boxes), np.bool_)
        if self.level:
            crossed |= self.level.crossed(boxes)
        if self.upright:
            crossed |= self.upright.crossed(boxes[:, [1, 0, 3, 2]])
        return crossed


def without_lines(page: Page) -> Lined | None:
    """Return a page without its ruled or squared lines; None for a page without such lines.

    They are darker than the paper, and may lean, fan out and bend as on a photo of a page; at least three go one way.
    What is darker on a line than the line is the pen's and stays, and so does what goes on at both sides of it.
    """
    if min(page.grey.shape) < SIDE or not (_looks_lined(page.grey) or _looks_lined(page.grey.T)):
        return None
    finer = min(_FINEST, -(-_FINE // min(page.grey.shape)))
    grey = cv2.resize(page.grey, None, fx=finer, fy=finer, interpolation=cv2.INTER_CUBIC) if finer > 1 else page.grey
    noise = float(np.clip(255 * noise_of(page.grey), *_NOISE))
    depth = _depth(np.asarray(grey, np.uint8))
    level, upright = _families(depth, (depth > max(_FAINTEST, _GRAIN * noise)).astype(np.uint8))
    if level is None and upright is None:
        return None
    painted = _painted(np.asarray(grey, np.uint8), depth, level, upright, noise)
    if finer > 1:
        painted = np.asarray(cv2.resize(painted, page.grey.shape[::-1], interpolation=cv2.INTER_AREA), np.uint8)
    level, upright = (lines and Lines(lines.rows[:, ::finer] / finer, lines.thickness) for lines in (level, upright))
    return Lined(replace(page, grey=painted), level, upright)


def _looks_lined(grey: Grey) -> bool:
    """Tell at a glance whether level lines may cross a page: whether several columns cross several dark places."""
    starts_at = (int(at * grey.shape[1]) for at in _LOOKS)
    bands = [grey[:, at : at + _BAND].mean(axis=1) for at in starts_at]
    soft = cv2.blur(np.stack(bands, axis=1).astype(np.uint8), (1, 3))
    window = _stroke(grey)
    dark = cv2.morphologyEx(soft, cv2.MORPH_CLOSE, np.ones((window, 1), np.uint8)) > soft + np.uint8(_FAINTEST)
    starts = (np.diff(dark.astype(np.int8), axis=0, prepend=0) == 1).sum(axis=0)
    return int((starts >= _FEWEST).sum()) >= _SEEN


def _stroke(grey: Grey) -> int:
    """Return the width in pixels, odd, that no stroke reaches."""
    return max(9, int(_STROKE * grey.size**0.5) | 1)


def _depth(grey: Grey) -> Grey:
    """Return by how many grey levels each pixel is darker than the paper around it."""
    window = (_stroke(grey), _stroke(grey))
    paper = cv2.blur(cv2.morphologyEx(grey, cv2.MORPH_CLOSE, np.ones(window, np.uint8)), window)
    return np.asarray(cv2.subtract(paper, grey), np.uint8)


def _families(depth: Grey, dark: Mask) -> tuple[Lines | None, Lines | None]:
    """Return the level and the upright lines; these with x and y exchanged. Each is easier to see without the other."""
    found: list[Lines | None] = [None, None]
    for turn in (0, 1, 0):
        if found[turn]:
            continue
        own = np.ascontiguousarray(dark.T) if turn else dark
        lines = found[turn] = _family(own)
        if lines:
            on, _ = _along(np.ascontiguousarray(depth.T) if turn else depth, lines)
            across = np.ones((_reach(lines) + 3, 1), np.uint8)  # what crosses them goes on
            rest = cv2.morphologyEx(np.where(on, 0, own).astype(np.uint8), cv2.MORPH_CLOSE, across)
            dark = np.ascontiguousarray(rest.T if turn else rest, np.uint8)
    return found[0], found[1]


def _family(dark: Mask) -> Lines | None:
    """Return the level lines of a page, given what is dark on it; None where there are none at one distance."""
    traces = list(_traces(dark))
    if len(traces) < _FEWEST:
        return None
    middle = dark.shape[1] // 2
    traces.sort(key=lambda trace: float(trace[0][middle]))
    thickness = float(np.median([thick for _, thick in traces]))
    rows = _apart([row for row, thick in traces if thick < _THICK * thickness], thickness)
    if len(rows) < _FEWEST:
        return None
    gaps = np.diff([row[middle] for row in rows])
    steps = gaps / np.median(gaps)
    if (np.abs(steps - np.maximum(1, np.rint(steps))) < _ALIKE).mean() < _REGULAR:
        return None
    return Lines(np.stack(_completed(rows, float(np.median(gaps)), dark)), thickness)


def _traces(dark: Mask) -> Iterator[tuple[Columns, float]]:
    """Yield the row of each long line at every column of the page, a parabola, and its thickness."""
    width = dark.shape[1]
    _, labels, stats, _ = cv2.connectedComponentsWithStats(_long_runs(dark), connectivity=8)
    for number in np.flatnonzero(stats[1:, cv2.CC_STAT_WIDTH] >= _ACROSS * width) + 1:
        x, y, w, h = stats[number, :4]
        line = (labels[y : y + h, x : x + w] == number) & (dark[y : y + h, x : x + w] > 0)
        counts = line.sum(axis=0)
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


def _reach(lines: Lines) -> int:
    """Return over how many pixels a line and its edges go."""
    return int(lines.thickness + 2)


def _along(depth: Grey, lines: Lines) -> tuple[NDArray[np.bool_], Grey]:
    """Return which pixels lie on lines, and how deep each line is there, without the strokes on it."""
    height, width = depth.shape
    on, deep, columns = np.zeros((height, width), bool), np.zeros((height, width), np.uint8), np.arange(width)
    deepest, half = cv2.dilate(depth, np.ones((3, 1), np.uint8)), lines.thickness / 2 + 0.5
    parts = np.array_split(columns, 10)
    at = np.clip(np.rint(lines.rows), 0, height - 1).astype(int)
    medians = np.array([np.median(deepest[at[:, part], part], axis=1) for part in parts])
    medians = np.minimum(medians, _UNEVEN * np.median(medians, axis=1, keepdims=True))  # a pen may go along a line,
    medians = np.maximum(medians, np.median(medians, axis=0) / _UNEVEN)  # which may end before the page does
    for row, own in zip(lines.rows, medians.T, strict=True):
        usual = np.interp(columns, [part.mean() for part in parts], own).astype(np.uint8)
        for offset in range(_reach(lines)):
            rows = np.floor(row - half).astype(int) + offset
            inside = (rows >= 0) & (rows < height) & (np.abs(rows - row) <= half)
            on[rows[inside], columns[inside]] = True
            deep[rows[inside], columns[inside]] = usual[inside]
    return on, deep


def _painted(grey: Grey, depth: Grey, level: Lines | None, upright: Lines | None, noise: float) -> Grey:
    """Return grey with the lines as light as the paper, but for the strokes on and across them."""
    nothing = np.zeros(grey.shape, bool), np.zeros_like(depth)
    on_level, level_depth = _along(depth, level) if level else nothing
    turned = _along(np.ascontiguousarray(depth.T), upright) if upright else nothing
    on_upright, upright_depth = (area.T for area in turned) if upright else nothing
    line, crossing = on_level | on_upright, on_level & on_upright
    beside = np.where(line, 0, depth).astype(np.uint8)
    down = _bridged(beside, _reach(level)) if level else nothing[1]
    across = _bridged(np.ascontiguousarray(beside.T), _reach(upright)).T if upright else nothing[1]
    strokes = np.where(crossing, np.maximum(down, across), np.where(on_level, down, across))
    # Where lines cross, two of them are as dark as a pen.
    single = cv2.dilate(crossing.astype(np.uint8), np.ones((3, 3), np.uint8)) == 0
    pen = single & (depth > _PEN * np.maximum(level_depth, upright_depth).astype(np.float32) + 2 * noise)
    kept = np.where(pen, np.maximum(depth, strokes), strokes)
    return np.where(line, cv2.add(grey, cv2.subtract(depth, kept)), grey).astype(np.uint8)


def _bridged(beside: Grey, reach: int) -> Grey:
    """Return how deep strokes are that go on above and below a pixel, within `reach`, upright or slanting."""
    bridges, width = np.zeros_like(beside), beside.shape[1]
    margin = 2 * (reach + 1)
    wide = cv2.copyMakeBorder(cv2.dilate(beside, np.ones((1, 3), np.uint8)), 0, 0, margin, margin, cv2.BORDER_CONSTANT)
    for slant in (-1, 0, 1):
        above, below = np.zeros_like(beside), np.zeros_like(beside)
        for offset in range(1, reach + 2):
            left, right = margin + slant * offset, margin - slant * offset
            np.maximum(above[offset:], wide[:-offset, left : left + width], out=above[offset:])
            np.maximum(below[:-offset], wide[offset:, right : right + width], out=below[:-offset])
        np.maximum(bridges, np.minimum(above, below), out=bridges)
    return bridges
