"""Handwritten signs: points, commas, dashes, slashes, colons, percent, plus and equals signs."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

Ink = NDArray[np.float32]

PAD = 3
"""Empty pixels at the left and right of a sign."""

ABOVE = 0.15
"""The space above the top of the digits in the ink map of a sign, in heights of a digit."""

_HEIGHT = 1.6
"""The height of the ink map of a sign, in heights of a digit. A comma extends below the line."""

_FINER = 4
"""Signs are drawn this many times larger and then reduced, which makes their edges smooth."""

_WIDTHS = {".": 0.25, ",": 0.3, "-": 0.6, "/": 0.6, ":": 0.25, "%": 0.85, "+": 0.6, "=": 0.6}
"""The usual width of each sign, in heights of a digit."""


class _Brush:
    """Draws in a box as wide as the sign and as high as a digit. In the box, x and y go from 0 to 1."""

    def __init__(self, width: float, height: float, stroke: float, rng: np.random.Generator) -> None:
        self.rng, self.height = rng, height
        self._width = width
        self.thickness = max(2, int(stroke * _FINER * rng.uniform(0.8, 1.2)))
        self.canvas = np.zeros((int(height * _HEIGHT) * _FINER, (int(width) + 2 * PAD) * _FINER), np.uint8)

    def jitter(self, deviation: float = 0.05) -> float:
        return float(self.rng.normal(0, deviation))

    def curve(self, *points: tuple[float, float]) -> None:
        way = np.array([self._at(*point) for point in points], np.int32)
        cv2.polylines(self.canvas, [way], False, 255, self.thickness, cv2.LINE_AA)

    def blob(self, x: float, y: float, low: float, high: float) -> None:
        """Fill an ellipse whose radii are `low` to `high` times the thickness of the stroke."""
        radii = [max(2, int(self.thickness * self.rng.uniform(low, high))) for _ in range(2)]
        cv2.ellipse(self.canvas, self._at(x, y), radii, 0, 0, 360, 255, -1)

    def ring(self, x: float, y: float, radius: float) -> None:
        """Draw a circle. Its radius is in heights of a digit."""
        cv2.circle(self.canvas, self._at(x, y), int(radius * self.height * _FINER), 255, self.thickness)

    def _at(self, x: float, y: float) -> tuple[int, int]:
        return int((x * self._width + PAD) * _FINER), int((y + ABOVE) * self.height * _FINER)


def sign_ink(sign: str, *, height: float, stroke: float, rng: np.random.Generator) -> Ink:
    """Return the ink of a sign, (h, w) float32 from 0 to 1.

    sign: one of `inkread.marks.SIGNS`.
    height: the height of the digits next to it, in pixels.
    stroke: the width of the pen in pixels.

    The top of the digits is `ABOVE` heights below the first row. The sign begins `PAD` pixels from the left.
    """
    width = _WIDTHS[sign] * height * rng.uniform(0.65, 1.35)
    if sign in "-=" and rng.random() < 0.2:
        width *= rng.uniform(1.3, 2.4)
    brush = _Brush(width, height, stroke, rng)
    _SIGNS[sign](brush, rng)
    rows, columns = brush.canvas.shape
    small = cv2.resize(brush.canvas, (columns // _FINER, rows // _FINER), interpolation=cv2.INTER_AREA)
    return small / np.float32(255)


def _point(brush: _Brush, rng: np.random.Generator) -> None:
    """Draw a spot or, three times in ten, a short dash on the line. Some people write the point half-way up."""
    if rng.random() < 0.7:
        brush.blob(0.5, (0.52 if rng.random() < 0.08 else 0.94) + brush.jitter(), 0.5, 1.1)
        return
    half = rng.uniform(0.1, 0.3)
    brush.curve((0.5 - half, 0.92 + brush.jitter()), (0.5 + half, 0.95 + brush.jitter()))


def _comma(brush: _Brush, rng: np.random.Generator) -> None:
    foot = rng.uniform(1.02, 1.3)
    brush.curve((0.55 + brush.jitter(), 0.84 + brush.jitter()), (0.62 + brush.jitter(), 0.95),
                (0.25 + brush.jitter(0.15), foot))  # fmt: skip


def _dash(brush: _Brush, rng: np.random.Generator) -> None:
    _level(brush, rng.uniform(0.42, 0.72))


def _equals(brush: _Brush, rng: np.random.Generator) -> None:
    middle = rng.uniform(0.42, 0.72)
    for side in (-0.5, 0.5):
        _level(brush, middle + side * rng.uniform(0.14, 0.42))


def _level(brush: _Brush, y: float) -> None:
    """Draw a nearly level stroke across the sign."""
    tilt = brush.jitter(0.06)
    brush.curve((0, y + tilt), (0.5, y + brush.jitter(0.03)), (1, y - tilt + brush.jitter(0.03)))


def _slash(brush: _Brush, rng: np.random.Generator) -> None:
    """Draw a slash. It is nearly always longer than the digits are high, unlike a leaning 1."""
    above, below = rng.uniform(0.0, 0.13), rng.uniform(1.02, 1.3)
    brush.curve((1, -above), (0.5 + brush.jitter(0.04), 0.5), (0, below))


def _colon(brush: _Brush, rng: np.random.Generator) -> None:
    for y in (rng.uniform(0.3, 0.45), rng.uniform(0.75, 0.95)):
        brush.blob(0.5 + brush.jitter(0.1), y, 0.5, 1.0)


def _plus(brush: _Brush, rng: np.random.Generator) -> None:
    half, middle = rng.uniform(0.25, 0.45), rng.uniform(0.5, 0.6)
    brush.curve((0, middle + brush.jitter()), (1, middle + brush.jitter()))
    brush.curve((0.5 + brush.jitter(), middle - half), (0.5 + brush.jitter(), middle + half))


def _percent(brush: _Brush, rng: np.random.Generator) -> None:
    brush.curve((0.85, 0.05 + brush.jitter()), (0.12, 0.97 + brush.jitter()))
    radius = 0.14 * rng.uniform(0.8, 1.3)
    brush.ring(0.22, 0.25, radius)
    brush.ring(0.8, 0.78, radius)


_SIGNS: dict[str, Callable[[_Brush, np.random.Generator], None]] = {
    ".": _point,
    ",": _comma,
    "-": _dash,
    "/": _slash,
    ":": _colon,
    "%": _percent,
    "+": _plus,
    "=": _equals,
}
