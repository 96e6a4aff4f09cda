"""Pens: draw strokes as ink, which is wider and darker where the hand presses hard or moves slowly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from inkread.drawing.noise import cloud, drift
from inkread.drawing.strokes import STEPS, Stroke

Colour = tuple[int, int, int]

FINER = 4
"""Ink is drawn this many times larger and then reduced, which makes its edges smooth."""

SHIFT = 4
"""The number of fractional bits in coordinates for cv2, so that they are in sixteenths of a pixel."""


@dataclass(frozen=True)
class Pen:
    """The properties of a pen's lines on paper."""

    width: tuple[float, float]
    """The widths of the thinnest and thickest line, in heights of a digit."""
    colours: tuple[Colour, ...]
    """The colours of its ink on light paper, RGB."""
    give: float
    """The largest share of the width that pressure adds or removes."""
    fade: float
    """The share of the ink that is missing where the hand hardly presses."""
    tooth: float = 0.0
    """How much the roughness of the paper breaks the line, from 0 (not at all) to 1 (completely)."""
    bleed: float = 0.0
    """The unevenness of the edge, in widths of the line."""


PENS: dict[str, Pen] = {
    "ballpoint": Pen((0.014, 0.032), ((28, 42, 120), (20, 24, 60), (36, 36, 40)), give=0.22, fade=0.5, tooth=0.3),
    "pencil": Pen((0.018, 0.036), ((70, 70, 74), (88, 88, 90)), give=0.3, fade=0.45, tooth=0.65),
    "felt-tip": Pen((0.04, 0.065), ((22, 24, 34), (24, 52, 150), (170, 28, 36)), give=0.18, fade=0.12, bleed=0.015),
    "marker": Pen((0.08, 0.12), ((20, 20, 24), (20, 60, 140), (16, 96, 60)), give=0.2, fade=0.15, bleed=0.012),
    "chalk": Pen((0.055, 0.085), ((52, 48, 46),), give=0.3, fade=0.3, tooth=0.8, bleed=0.05),
    "screen": Pen((0.04, 0.1), ((0, 0, 0), (0, 0, 0), (30, 60, 200)), give=0.12, fade=0.0),
}
LIGHT_COLOURS: tuple[Colour, ...] = ((246, 244, 236), (255, 255, 255), (248, 236, 170), (206, 228, 244))


def draw_ink(
    strokes: Sequence[Stroke], *, size: tuple[int, int], pen: str, width: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Return the ink of strokes, `(height, width)` float32 from 0 (no ink) to 1 (full ink).

    strokes: each is `(n, 2)` points `(x, y)` in pixels, at least two and as dense as those of `digit_strokes`.
    size: `(height, width)`.
    pen: a key of `PENS`.
    width: the width of its line in pixels.

    Ink outside the frame is lost.
    """
    kind = find_pen(pen)
    ink = np.zeros(size, np.float32)
    for stroke in strokes:
        _add_stroke(ink, stroke, kind, width, rng)
    if kind.bleed:
        ink = _bleed(ink, kind.bleed * width, width, rng)
    if kind.tooth:
        ink = _rub(ink, kind.tooth, width, rng)
    return ink


def find_pen(name: str) -> Pen:
    """Return the pen with this name, or raise `ValueError`."""
    if name not in PENS:
        raise ValueError(f"there is no pen {name!r}; pens are {', '.join(PENS)}")
    return PENS[name]


def _touch(stroke: Stroke, *, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return how firmly a pen touches at each point of a stroke, `(n,)` from 0 (hardly) to 1 (hard)."""
    count = len(stroke)
    pressure = 0.6 + 0.13 * drift(count, scale=0.2 * STEPS, rng=rng) + 0.05 * drift(count, scale=0.04 * STEPS, rng=rng)
    landing = np.minimum(1, np.arange(count) / (rng.uniform(0.01, 0.06) * STEPS))
    lifting = np.minimum(1, np.arange(count)[::-1] / (rng.uniform(0.02, 0.2) * STEPS))
    # A slow pen leaves more ink, which looks like pressure.
    firm = pressure + 0.45 * (0.6 - _speed(stroke)) - 0.25 * (1 - landing) - 0.4 * (1 - lifting)
    return np.clip(firm, 0, 1)


def _speed(stroke: Stroke) -> NDArray[np.float64]:
    """Return `(n,)` speeds from 0 to 1. Hands slow down at the ends and, by the one-third power law, in bends."""
    ahead = np.gradient(stroke, axis=0)
    turning = np.abs(np.gradient(np.unwrap(np.arctan2(ahead[:, 1], ahead[:, 0])))) * STEPS
    reach = min(5, len(stroke) // 2)
    curvature = np.convolve(np.pad(turning, reach, mode="edge"), np.ones(2 * reach + 1) / (2 * reach + 1), mode="valid")
    along = np.linspace(0, np.pi, len(stroke))
    return np.asarray((1 + curvature / 3) ** (-1 / 3) * np.sqrt(0.3 + 0.7 * np.sin(along)), np.float64)


def _add_stroke(ink: NDArray[np.float32], stroke: Stroke, pen: Pen, width: float, rng: np.random.Generator) -> None:
    """Add one stroke to `ink`. At crossings with earlier strokes, the ink adds up."""
    firm = _touch(stroke, rng=rng)
    radii = width / 2 * (1 + pen.give * (2 * firm - 1))
    loads = 1 - pen.fade * (1 - firm)
    low = np.maximum(np.floor(stroke.min(axis=0) - width - 1).astype(int), 0)
    high = np.minimum(np.ceil(stroke.max(axis=0) + width + 2).astype(int), ink.shape[::-1])
    if (low >= high).any():
        return
    patch = _patch(stroke - low, radii, loads, (high - low)[::-1])
    part = ink[low[1] : high[1], low[0] : high[0]]
    part += patch * (1 - part)


def _patch(
    points: Stroke, radii: NDArray[np.float64], loads: NDArray[np.float64], size: NDArray[np.int_]
) -> NDArray[np.float32]:
    canvas = np.zeros(size * FINER, np.uint8)
    way = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    # The discs are one fine pixel apart, so that the edge is smooth.
    at = np.linspace(0, way[-1], max(2, round(float(way[-1]) * FINER)))
    x, y, radius, load = (np.interp(at, way, values) for values in (points[:, 0], points[:, 1], radii, loads))
    scale = FINER << SHIFT
    columns, rows = (np.rint((along + 0.5) * scale - (1 << SHIFT) / 2).astype(int).tolist() for along in (x, y))
    # The values are computed before the loop. Computing them in the loop takes longer than drawing the discs.
    discs = zip(columns, rows, np.rint(radius * scale).astype(int).tolist(), (255 * load).tolist(), strict=True)
    for column, row, reach, shade in discs:
        cv2.circle(canvas, (column, row), reach, shade, -1, cv2.LINE_8, SHIFT)
    small = cv2.resize(canvas, (int(size[1]), int(size[0])), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float32) / np.float32(255)


def _bleed(ink: NDArray[np.float32], amount: float, width: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """Make the edges uneven by moving every point a little. `amount` is in pixels."""
    rows, columns = np.indices(ink.shape, np.float32)
    lumps = max(1.5, 0.25 * width)
    across = columns + amount * cloud(ink.shape, scale=lumps, rng=rng)
    down = rows + amount * cloud(ink.shape, scale=lumps, rng=rng)
    return np.asarray(cv2.remap(ink, across, down, cv2.INTER_LINEAR), np.float32)


def _rub(ink: NDArray[np.float32], tooth: float, width: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """Remove ink in the hollows of the paper. Light ink misses more of them."""
    coarse = cloud(ink.shape, scale=max(2, 0.25 * width), rng=rng)
    fine = cloud(ink.shape, scale=max(1.2, 0.06 * width), rng=rng)
    reached = np.clip(0.6 + 2 * (ink - 0.6) - 0.3 * coarse - 0.45 * fine, 0, 1)
    return np.asarray(ink * (1 - tooth * (1 - reached)), np.float32)
