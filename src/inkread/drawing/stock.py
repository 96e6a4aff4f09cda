"""The stock that pages are drawn from: digits, non-digits, typefaces and photographs."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from inkread.drawing.nondigits import FAMILIES, nondigit_ink
from inkread.drawing.shapes import MORE_SHAPES, SHAPES
from inkread.drawing.strokes import Hand, digit_strokes
from inkread.drawing.typefaces import Typefaces
from inkread.marks import Grey

Bitmap = NDArray[np.uint8]
"""The ink of one digit or thing, (h, w) uint8 with 255 = full ink."""

SIDE = 64
"""The side of drawn bitmaps, in pixels."""

HANDS = 2800
"""The number of hands that draw digits."""

THINGS = 4000
"""The number of non-digits."""

_FINER, _ROOM, _LONGER_SIDE = 2, 14, 100
"""Digits are drawn this many times larger and then reduced. In the larger drawing, the margin, which has room for the
thickest stroke, and the longer side of a digit have these many pixels."""

_FINE_STROKES, _BROAD_STROKES = (2.5, 11.0), (8.0, 20.0)
"""The thinnest and thickest stroke, in pixels of the larger drawing, of hands with fine pens, and of hands with
felt-tips, which are also like strokes after a threshold."""

_MORE = 0.68
"""The probability that a hand writes a digit in one of `MORE_SHAPES`."""

_INKED = 127
"""A pixel of an image belongs to a stroke if its grey is above this."""

_HALF_WIDTH_SHARE = 0.8
"""The quantile of the distances to the edge inside a stroke that is taken as half of its width."""

_LARGEST_SLANT = 0.8
"""The largest slant, as a shear. A larger slant that is computed from moments is not reliable, so it is clipped."""


class DrawnDigits:
    """Digits in all shapes, including `MORE_SHAPES`, by a fixed number of hands. Each is drawn when it is first used.

    The digits depend only on the seed, not on the order in which they are used.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._drawn: dict[tuple[int, int], tuple[Bitmap, ...]] = {}

    def find(self, hand: int, digit: int, variant: int) -> Bitmap:
        """Return variant 0 or 1 of a digit by hand number `hand` (below `HANDS`), (64, 64) uint8."""
        key = (hand, digit)
        if key not in self._drawn:
            self._drawn[key] = self._draw(hand, digit)
        return self._drawn[key][variant]

    def _draw(self, hand: int, digit: int) -> tuple[Bitmap, ...]:
        habits = np.random.default_rng((self._seed, hand))
        writer, width = (
            Hand.random(rng=habits),
            habits.uniform(*(_FINE_STROKES if habits.random() < 0.5 else _BROAD_STROKES)),
        )
        rng = np.random.default_rng((self._seed, hand, digit))
        shapes = list((MORE_SHAPES if rng.random() < _MORE else SHAPES)[digit])
        shape = shapes[rng.integers(len(shapes))]
        return tuple(_draw_digit(digit, shape, writer, width, rng) for _ in range(2))


def _draw_digit(digit: int, shape: str, hand: Hand, width: float, rng: np.random.Generator) -> Bitmap:
    canvas = np.zeros((_FINER * SIDE, _FINER * SIDE), np.uint8)
    for stroke in digit_strokes(digit, rng=rng, shape=shape, hand=hand):
        points = np.rint((stroke * _LONGER_SIDE + _ROOM) * 16).astype(np.int32)
        thickness = max(1, round(width * rng.uniform(0.85, 1.15)))
        cv2.polylines(canvas, [points], False, 255, thickness, cv2.LINE_AA, 4)
    return np.asarray(cv2.resize(canvas, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.uint8)


class DrawnThings:
    """Non-digits. Each is drawn when it is first used. They depend only on the seed."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._drawn: dict[int, tuple[Bitmap, bool]] = {}

    def find(self, number: int) -> tuple[Bitmap, bool]:
        """Return non-digit number `number` (below `THINGS`), (64, 64) uint8, and whether it is a letter."""
        if number not in self._drawn:
            self._drawn[number] = self._draw(number)
        return self._drawn[number]

    def _draw(self, number: int) -> tuple[Bitmap, bool]:
        rng = np.random.default_rng((self._seed, HANDS + number))
        family = list(FAMILIES)[rng.integers(len(FAMILIES))]
        ink = nondigit_ink(family, size=(SIDE, SIDE), rng=rng)
        return (ink * 255).astype(np.uint8), family == "letters"


class WrittenDigits:
    """Digits that people wrote, such as MNIST's, sorted by the width of their strokes.

    images: (N, 28, 28) uint8, 255 = ink.
    labels: (N,) uint8, 0 to 9. Each digit must occur at least once.
    """

    def __init__(self, images: NDArray[np.uint8], labels: NDArray[np.uint8]) -> None:
        self._images = images
        widths = np.array([_stroke_width(image) for image in images])
        of_digits = [np.flatnonzero(labels == digit) for digit in range(10)]
        self._by_width = [indices[np.argsort(widths[indices])] for indices in of_digits]

    def find(self, digit: int, weight: float) -> tuple[Bitmap, float]:
        """Return an image of a digit, (28, 28) uint8, and the shear to the right that would make it upright.

        weight: the share of the digit's images with thinner strokes, 0 to 1.
        """
        order = self._by_width[digit]
        image = self._images[order[int(min(max(weight, 0.0), 0.999) * len(order))]]
        return image, _slant(image)


def _stroke_width(image: Bitmap) -> float:
    """Return the width of the strokes of an image in pixels. It is 2 if there is no ink."""
    inside = cv2.distanceTransform(np.pad((image > _INKED).view(np.uint8), 1), cv2.DIST_L2, 3)
    distances = np.sort(inside[inside > 0])
    return 2 * float(distances[int(_HALF_WIDTH_SHARE * len(distances))]) if len(distances) else 2.0


def _slant(image: Bitmap) -> float:
    """Return the shear to the right, in pixels per pixel upwards, that would make an image upright."""
    moments = cv2.moments(image)
    return float(min(max(moments["mu11"] / max(moments["mu02"], 1e-3), -_LARGEST_SLANT), _LARGEST_SLANT))


@dataclass(frozen=True)
class Stock:
    """The material that pages are drawn from."""

    drawn: DrawnDigits
    """Digits drawn with strokes."""
    things: DrawnThings
    """Non-digits."""
    typefaces: Typefaces
    """Fonts that look like handwriting, and fonts of print."""
    written: WrittenDigits | None = None
    """Digits that people wrote; None to use drawn digits instead."""
    photographs: tuple[Grey, ...] = ()
    """Photographs for grounds and for pictures without digits. If empty, plain paper is used instead."""
