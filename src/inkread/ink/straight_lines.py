"""Straight lines: printed and hand-drawn boxes, tables and long lines, told from the writing in them and taken away."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from inkread.ink.components import Components, Map, Mask

_LARGE = 1.9  # a component with a longer side than this, in heights of the writing, may be ruling
_SPARSE = 0.4  # and fills no more of its box than this
_LINE = 1.45  # straight runs longer than this, in heights of the writing, are lines: longer than any stroke of a digit
_STEEPEST = 9  # degrees by which lines may lean from level or upright
_STUB = 0.58  # what is left at a line and no longer than this is a piece of it
_REACH = 0.12  # and reaches no further than this from it
_SHARE = 0.35  # of a component's ink that has to be in lines before it is taken for ruling


def without_ruling(ink: Map, height: float, components: Components, *, holders: NDArray[np.bool_] | None = None) -> Map:
    """Return ink without boxes, tables and long lines; what is written across them stays and is mended.

    ink: (H, W) float32 in 0..1, and its components. height: of the writing, in pixels. holders: for each component,
    whether other writing stands in it; these may be ruling however small. Lines are straight runs of ink, longer than
    strokes of digits are (a morphological opening with a line; Serra 1982), in components that are large and sparse.
    """
    kept = ink
    large = _sparse(components, height)
    others = np.zeros(len(components), bool) if holders is None else holders.copy()
    others[large] = False
    boxes = np.flatnonzero(others)
    for number in np.concatenate([large, boxes]):
        x, y, w, h = components.boxes[number]
        part = (components.labels[y : y + h, x : x + w] == number + 1).astype(np.uint8)
        # The sides of a box around one digit may be hardly longer than the digit.
        shortest = min(_LINE * height, max(0.75 * min(w, h), height)) if number in boxes else _LINE * height
        level, upright = lines_of(part, (shortest, shortest))
        if (level | upright).sum() < _SHARE * part.sum():
            continue
        if kept is ink:
            kept = ink.copy()
        erase(kept[y : y + h, x : x + w], part, level, upright, height)
    return kept


def erase(ink: Map, part: Mask, level: Mask, upright: Mask, height: float) -> None:
    """Take the lines of a component out of `ink`, the page where the component lies, and mend what they crossed.

    part, level, upright: the component's pixels, and those of them on its lines. height: of the writing, in pixels.
    """
    stays = _mended(part, level, upright, height)
    ink[(cv2.dilate(part, np.ones((3, 3), np.uint8)) > 0) & (cv2.dilate(stays, np.ones((3, 3), np.uint8)) == 0)] = 0


def _sparse(components: Components, height: float) -> NDArray[np.intp]:
    """Return the numbers of the components that are large and fill little of their box."""
    w, h = components.boxes[:, 2:].T
    large = np.maximum(w, h) > _LARGE * height
    sparse = (components.areas < _SPARSE * w * h) | (np.minimum(w, h) < 0.3 * height)
    return np.flatnonzero(large & sparse)


def lines_of(part: Mask, shortest: tuple[float, float], lean: float | None = None) -> tuple[Mask, Mask]:
    """Return the pixels of a component that lie on nearly level and on nearly upright lines.

    shortest: the length in pixels from which on level and upright runs are lines. lean: by how many degrees level lines
    fall to the right; None to find out.
    """
    lengths = [max(9, round(length)) for length in shortest]
    padded = cv2.copyMakeBorder(part, 1, 1, 1, 1, cv2.BORDER_CONSTANT)
    # Lines drawn by hand, or seen in perspective, waver by a pixel.
    thick = np.asarray(cv2.dilate(padded, np.ones((3, 3), np.uint8)), np.uint8)
    lean = _lean(thick, max(lengths)) if lean is None else lean
    found = []
    for turn, length in zip((0, 90), lengths, strict=True):
        mask = np.zeros_like(thick)
        for angle in (lean - 2, lean - 1, lean, lean + 1, lean + 2):
            needle = _needle(length, angle + turn)
            middles = cv2.erode(thick, needle)
            if middles.any():  # mostly no line is so long
                mask = np.maximum(mask, cv2.dilate(middles, needle))
        found.append(np.minimum(mask, padded)[1:-1, 1:-1])
    return found[0], found[1]


def _lean(thick: Mask, length: int) -> int:
    """Return the angle, in degrees, at which most of the ink lies on lines, level and upright together."""
    factor = min(1.0, 16 / length)
    size = [max(1, round(side * factor)) for side in thick.shape[::-1]]
    small = (cv2.resize(thick * 255, size, interpolation=cv2.INTER_AREA) > 60).astype(np.uint8)
    side = max(5, round(length * factor))

    def on_lines(angle: int) -> int:
        level, upright = (cv2.morphologyEx(small, cv2.MORPH_OPEN, _needle(side, angle + turn)) for turn in (0, 90))
        return int(np.maximum(level, upright).sum())

    return max(range(-_STEEPEST, _STEEPEST + 1), key=lambda angle: (on_lines(angle), -abs(angle)))


def _needle(length: int, angle: float) -> Mask:
    """Return a line of `length` pixels at `angle` degrees as a kernel."""
    reach = length // 2
    x, y = reach * np.cos(np.radians(angle)), reach * np.sin(np.radians(angle))
    width, height = round(abs(x)), round(abs(y))
    kernel = np.zeros((2 * height + 1, 2 * width + 1), np.uint8)
    ends = [(round(width + sign * x), round(height + sign * y)) for sign in (-1, 1)]
    cv2.line(kernel, ends[0], ends[1], 1)
    return kernel


def _mended(part: Mask, level: Mask, upright: Mask, height: float) -> Mask:
    """Return what is left of a component without its lines, with the strokes that a line crossed joined again."""
    rest = np.where(cv2.dilate(level | upright, np.ones((3, 3), np.uint8)) > 0, 0, part).astype(np.uint8)
    bridge = max(3, round(0.22 * height)) | 1
    for lines, kernel in ((level, np.ones((bridge, 1), np.uint8)), (upright, np.ones((1, bridge), np.uint8))):
        across = cv2.morphologyEx(rest, cv2.MORPH_CLOSE, kernel)
        crossed = (across > 0) & (cv2.dilate(lines, np.ones((5, 5), np.uint8)) > 0) & (part > 0)
        rest[crossed] = 1
    return _without_stubs(rest, level | upright, height)


def _without_stubs(rest: Mask, lines: Mask, height: float) -> Mask:
    """Return what is left of a component without the short pieces that end at a line: bends and ends of it."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(rest, connectivity=8)
    touching = np.unique(labels[cv2.dilate(lines, np.ones((5, 5), np.uint8)) > 0])
    short = [number for number in touching if number and max(stats[number, 2:4]) < _STUB * height]
    if short:
        distance = cv2.distanceTransform(1 - lines, cv2.DIST_L2, 3)
        reach = np.zeros(len(stats))
        np.maximum.at(reach, np.asarray(labels.ravel(), np.intp), distance.ravel())
        short = [number for number in short if reach[number] < _REACH * height]
    return np.where(np.isin(labels, short), 0, rest).astype(np.uint8)
