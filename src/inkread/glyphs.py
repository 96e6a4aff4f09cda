"""Glyphs: from the ink of one digit to the 28x28 image the network sees, as MNIST's makers did it."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from inkread.quantiles import quantile

Map = NDArray[np.float32]

CLASSES = 10
"""What a glyph may be: the digits 0 to 9."""

NON_DIGIT = CLASSES
"""The eleventh class: what is not a digit. A model may do without it."""

SIDE = 28
"""Side of a glyph in pixels."""

INNER = 20
"""The longer side of a digit's box within its glyph, in pixels."""

CENTRE = 14.0
"""Where a digit's centre of mass lies, as a pixel index: MNIST's lie at 14.00 +- 0.29 in both directions."""

STROKE = (2.0, 2.8)
"""Strokes thinner or thicker than this, in glyph pixels, are brought to it. By the same measure the middle half
of MNIST's digits lies between 1.99 and 2.74."""

_FINE = 4  # strokes are reshaped at this many times the glyph's resolution or more
_FINEST = 16 * _FINE  # and at no more than this, or the work would grow with the square of a long line


def normalise(inks: Sequence[Map]) -> Map:
    """Return the glyphs, (N, 28, 28) float32 in 0..1, of N digits' ink, each (h, w) float32 in 0..1."""
    glyphs = np.zeros((len(inks), SIDE, SIDE), np.float32)
    for glyph, ink in zip(glyphs, inks, strict=True):
        glyph[...] = normalise_one(ink)
    return glyphs


def normalise_one(ink: Map) -> Map:
    """Return the glyph, (28, 28) float32 in 0..1, of one digit's ink, (h, w) float32 in 0..1.

    The rule of MNIST (LeCun et al. 1998, "Gradient-based learning applied to document recognition", section
    III.A): the ink's box is scaled, keeping its aspect, so that its longer side is 20 pixels, and is put with
    its centre of mass at the middle of 28x28. Before that the stroke is brought near the width that MNIST's
    pens left. An ink map without any ink gives an empty glyph.
    """
    if not (ink > 0.5).any():
        return np.zeros((SIDE, SIDE), np.float32)
    ink = _cropped(ink)
    factor = _factor(ink)
    fine = _scaled(ink, factor)
    if not (fine > 0.5).any():  # a hairline or dots, spread thin over the fewer pixels
        fine /= fine.max()
    return _placed(_with_mnist_stroke(fine, factor * (max(ink.shape) - 2 * _RIM) / INNER))


def stroke_width(ink: Map) -> float:
    """Return the mean width of the strokes of `ink`, in its pixels: twice their area by their outline."""
    solid = (ink > 0.5).astype(np.uint8)
    contours, _ = cv2.findContours(solid, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    outline = sum(cv2.arcLength(contour, True) for contour in contours)
    return 2 * float(solid.sum()) / max(outline, 1.0)


_RIM = 2  # pixels of paper left around the ink, so that its edges stay soft


def _cropped(ink: Map) -> Map:
    """Return the part of `ink` that holds ink, with its rim."""
    x, y, w, h = cv2.boundingRect((ink > 0.5).astype(np.uint8))
    return _padded(ink, _RIM)[y : y + h + 2 * _RIM, x : x + w + 2 * _RIM]


def _padded(ink: Map, rim: int) -> Map:
    """Return ink with so many pixels of paper around it."""
    return np.asarray(cv2.copyMakeBorder(ink, rim, rim, rim, rim, cv2.BORDER_CONSTANT), np.float32)


def _factor(ink: Map) -> float:
    """Return how much to scale cropped ink: to the fine resolution, but no hairline to less than 1.5 pixels."""
    unit = INNER / (max(ink.shape) - 2 * _RIM)
    return float(max(unit * _FINE, min(1.0, 1.5 / stroke_width(ink), unit * _FINEST)))


def _scaled(ink: Map, factor: float) -> Map:
    way = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    height, width = (max(1, round(side * factor)) for side in ink.shape)
    return np.asarray(cv2.resize(ink, (width, height), interpolation=way), np.float32)


def _with_mnist_stroke(fine: Map, unit: float) -> Map:
    """Widen or narrow the strokes of `fine` to `STROKE`, evenly on both sides.

    unit: pixels of `fine` to one of the glyph. The signed distance to the outline moves the outline by a fraction
    of a pixel without changing its form.
    """
    fine = _padded(fine, int(3 * unit))
    width = stroke_width(fine) / unit
    wanted = float(np.clip(width, *STROKE))
    # Widening lengthens the box, which is then scaled back to 20 and the stroke with it: aim past it by that much.
    outwards = (wanted - width) * (1 + wanted / INNER) * unit / 2
    solid = fine > 0.5
    if outwards < 0:  # the thinnest parts of an uneven stroke must stay
        inside = _depth_within(solid)
        outwards = min(0.0, max(outwards, 0.2 * unit - _thinnest(inside)))
        return np.asarray(np.clip(inside + outwards + 0.5, 0, 1) * solid, np.float32)
    if outwards <= 0.5:  # the next pixel is a whole one away: most strokes stay as they are
        return solid.astype(np.float32)
    return np.asarray(np.clip(outwards + 0.5 - _depth_within(~solid), 0, 1), np.float32)


def _depth_within(mask: NDArray[np.bool_]) -> Map:
    """Return the distance of every pixel of `mask` to the nearest one outside it, 0 outside."""
    distance = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    # OpenCV's last digit depends on where the memory lies; ridges, where two distances are alike, would too.
    return np.asarray(np.rint(distance * 1024) / 1024, np.float32)


def _thinnest(inside: Map) -> float:
    """Return half the width of the stroke where it is thin, from the distances to the outline within it."""
    ridge = inside[(inside > 0) & (inside >= cv2.dilate(inside, np.ones((3, 3), np.uint8)))]
    return quantile(ridge, 0.1)


def _placed(fine: Map) -> Map:
    """Reduce the fine ink to 20 pixels along its longer side and put its centre of mass at the middle."""
    _, _, w, h = cv2.boundingRect((fine > 0.5).astype(np.uint8))
    factor = INNER / max(w, h)
    moments = cv2.moments(fine)
    x, y = moments["m10"] / moments["m00"], moments["m01"] / moments["m00"]
    # Area sampling at a sub-pixel offset: map to a grid of _FINE x _FINE samples a pixel, then average them.
    scale = factor * _FINE
    centre = (CENTRE + 0.5) * _FINE - 0.5
    matrix = np.array([[scale, 0, centre - scale * x], [0, scale, centre - scale * y]])
    samples = cv2.warpAffine(fine, matrix, (SIDE * _FINE, SIDE * _FINE), flags=cv2.INTER_LINEAR)
    glyph = cv2.resize(samples, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return np.clip(glyph, 0, 1).astype(np.float32)
