"""The stock that pages are drawn from: digits, things that are no digits, typefaces, photographs."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from inkread.drawing.more_shapes import MORE_SHAPES
from inkread.drawing.nondigits import FAMILIES, nondigit_ink
from inkread.drawing.shapes import SHAPES
from inkread.drawing.strokes import Hand, digit_strokes
from inkread.drawing.typefaces import Typefaces
from inkread.marks import Grey

Bitmap = NDArray[np.uint8]
"""Ink of one thing, (h, w) uint8 with 255 = full ink."""

SIDE = 64
"""Side of the bitmaps that are drawn, in pixels."""

HANDS = 2800
"""Hands that draw digits."""

THINGS = 4000
"""Things that are no digits."""

# Digits are drawn at twice their size, with room for the thickest stroke, and then reduced.
_FINER, _ROOM, _LONGER_SIDE = 2, 14, 100
# Stroke widths of two kinds of hands, in pixels of the finer drawing: of a fine pen, and of felt-tips and thresholds.
_FINE_STROKES, _BROAD_STROKES = (2.5, 11.0), (8.0, 20.0)
# How often a hand writes a digit in one of `MORE_SHAPES`.
_MORE = 0.68
# A point of the image belongs to the stroke from this grey on.
_INKED = 127
# Of the distances to the edge within a stroke, the one at this share is half of its width.
_HALF_WIDTH_SHARE = 0.8
# Slants as the shear that moments give, beyond which they say nothing.
_LARGEST_SLANT = 0.8


class DrawnDigits:
    """Digits in all shapes, those of `MORE_SHAPES` too, by a fixed number of hands, each drawn when it is asked for.

    The digits follow from the seed alone, whatever is asked for first.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._drawn: dict[tuple[int, int], tuple[Bitmap, ...]] = {}

    def find(self, hand: int, digit: int, variant: int) -> Bitmap:
        """Return one of two variants, 0 or 1, of a digit by hand number `hand` (below `HANDS`), (64, 64) uint8."""
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
        return tuple(_drawn_digit(digit, shape, writer, width, rng) for _ in range(2))


def _drawn_digit(digit: int, shape: str, hand: Hand, width: float, rng: np.random.Generator) -> Bitmap:
    canvas = np.zeros((_FINER * SIDE, _FINER * SIDE), np.uint8)
    for stroke in digit_strokes(digit, rng=rng, shape=shape, hand=hand):
        points = np.rint((stroke * _LONGER_SIDE + _ROOM) * 16).astype(np.int32)
        thickness = max(1, round(width * rng.uniform(0.85, 1.15)))
        cv2.polylines(canvas, [points], False, 255, thickness, cv2.LINE_AA, 4)
    return np.asarray(cv2.resize(canvas, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.uint8)


class DrawnThings:
    """Things that are no digits, each drawn when it is first asked for; they follow from the seed alone."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._drawn: dict[int, tuple[Bitmap, bool]] = {}

    def find(self, number: int) -> tuple[Bitmap, bool]:
        """Return thing number `number` (below `THINGS`), (64, 64) uint8, and whether it is a letter."""
        if number not in self._drawn:
            self._drawn[number] = self._draw(number)
        return self._drawn[number]

    def _draw(self, number: int) -> tuple[Bitmap, bool]:
        rng = np.random.default_rng((self._seed, HANDS + number))
        family = list(FAMILIES)[rng.integers(len(FAMILIES))]
        ink = nondigit_ink(family, size=(SIDE, SIDE), rng=rng)
        return (ink * 255).astype(np.uint8), family == "letters"


class WrittenDigits:
    """Digits that people wrote, such as MNIST's, in the order of how thick their strokes are.

    images: (N, 28, 28) uint8, 255 = ink. labels: (N,) uint8, 0 to 9; each digit is there at least once.
    """

    def __init__(self, images: NDArray[np.uint8], labels: NDArray[np.uint8]) -> None:
        self._images = images
        widths = np.array([_stroke_width(image) for image in images])
        of_digits = [np.flatnonzero(labels == digit) for digit in range(10)]
        self._by_width = [indices[np.argsort(widths[indices])] for indices in of_digits]

    def find(self, digit: int, weight: float) -> tuple[Bitmap, float]:
        """Return an image of a digit, (28, 28) uint8, and the slant to the right that would make it upright.

        weight: the share of the digit's images with thinner strokes, 0 to 1.
        """
        order = self._by_width[digit]
        image = self._images[order[int(min(max(weight, 0.0), 0.999) * len(order))]]
        return image, _slant(image)


def _stroke_width(image: Bitmap) -> float:
    """Return the width of the strokes of an image in pixels; a usual one where there is no ink."""
    inside = cv2.distanceTransform(np.pad((image > _INKED).view(np.uint8), 1), cv2.DIST_L2, 3)
    distances = np.sort(inside[inside > 0])
    return 2 * float(distances[int(_HALF_WIDTH_SHARE * len(distances))]) if len(distances) else 2.0


def _slant(image: Bitmap) -> float:
    """Return the slant to the right, in pixels for one up, that would make an image upright."""
    moments = cv2.moments(image)
    return float(min(max(moments["mu11"] / max(moments["mu02"], 1e-3), -_LARGEST_SLANT), _LARGEST_SLANT))


@dataclass(frozen=True)
class Stock:
    """All that pages are drawn from."""

    drawn: DrawnDigits
    """Digits drawn by strokes."""
    things: DrawnThings
    """What is no digit."""
    typefaces: Typefaces
    """Fonts that look like handwriting, and fonts of print."""
    written: WrittenDigits | None = None
    """Digits that people wrote; None for drawn digits in their place."""
    photographs: tuple[Grey, ...] = ()
    """Photographs as grounds and as pictures without digits; none for plain paper in their place."""
