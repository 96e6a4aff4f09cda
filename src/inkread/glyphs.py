"""Glyphs: from the ink of one digit to the 28x28 image that the network sees, by MNIST's conventions."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from inkread.quantiles import quantile

Map = NDArray[np.float32]

CLASSES = 10
"""The number of digits, 0 to 9."""

NON_DIGIT = CLASSES
"""The index of the eleventh class, non-digit. A model may lack it."""

SIDE = 28
"""Side of a glyph in pixels."""

INNER = 20
"""The longer side of a digit's box inside its glyph, in pixels."""

CENTRE = 14.0
"""The pixel index of a digit's centre of mass. MNIST's are at 14.00 +- 0.29 in both directions."""

STROKE = (2.0, 2.8)
"""The smallest and largest stroke width, in glyph pixels. Other widths are brought to the nearer one. Half of MNIST's
digits have a width between 1.99 and 2.74, measured in the same way."""

# Strokes are reshaped at a resolution of at least this many times the glyph's.
_FINE = 4

# The largest such factor. Without it, the work would grow with the square of a line's length.
_FINEST = 16 * _FINE


def normalise(inks: Sequence[Map]) -> Map:
    """Return the glyphs, (N, 28, 28) float32 in 0..1, of the ink of N digits, each (h, w) float32 in 0..1."""
    glyphs = np.zeros((len(inks), SIDE, SIDE), np.float32)
    for glyph, ink in zip(glyphs, inks, strict=True):
        glyph[...] = normalise_one(ink)
    return glyphs


def normalise_one(ink: Map) -> Map:
    """Return the glyph, (28, 28) float32 in 0..1, of one digit's ink, (h, w) float32 in 0..1.

    It follows MNIST (LeCun et al. 1998, "Gradient-based learning applied to document recognition", section III.A). The
    ink's box is scaled, without changing its aspect ratio, so that its longer side is 20 pixels. Its centre of mass is
    put at the middle of 28x28. Before that, the stroke width is brought near MNIST's. A map without ink gives an empty
    glyph.
    """
    if not (ink > 0.5).any():
        return np.zeros((SIDE, SIDE), np.float32)
    ink = _crop(ink)
    factor = _factor(ink)
    fine = _scale(ink, factor)
    # A hairline or dots may be spread so thin over fewer pixels that no pixel is dark.
    if not (fine > 0.5).any():
        fine /= fine.max()
    return _place(_with_mnist_stroke(fine, factor * (max(ink.shape) - 2 * _RIM) / INNER))


def stroke_width(ink: Map) -> float:
    """Return the mean stroke width of `ink`, in its pixels: twice the area divided by the length of the outline."""
    solid = (ink > 0.5).astype(np.uint8)
    contours, _ = cv2.findContours(solid, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    outline = sum(cv2.arcLength(contour, True) for contour in contours)
    return 2 * float(solid.sum()) / max(outline, 1.0)


# Pixels of paper around the ink, which keep its edges soft.
_RIM = 2


def _crop(ink: Map) -> Map:
    """Return the part of a map that has ink, with its rim."""
    x, y, w, h = cv2.boundingRect((ink > 0.5).astype(np.uint8))
    return _pad(ink, _RIM)[y : y + h + 2 * _RIM, x : x + w + 2 * _RIM]


def _pad(ink: Map, rim: int) -> Map:
    """Return ink with `rim` pixels of paper around it."""
    return np.asarray(cv2.copyMakeBorder(ink, rim, rim, rim, rim, cv2.BORDER_CONSTANT), np.float32)


def _factor(ink: Map) -> float:
    """Return the scale for cropped ink: to the fine resolution, but a hairline stays at least 1.5 pixels wide."""
    unit = INNER / (max(ink.shape) - 2 * _RIM)
    return float(max(unit * _FINE, min(1.0, 1.5 / stroke_width(ink), unit * _FINEST)))


def _scale(ink: Map, factor: float) -> Map:
    way = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    height, width = (max(1, round(side * factor)) for side in ink.shape)
    return np.asarray(cv2.resize(ink, (width, height), interpolation=way), np.float32)


def _with_mnist_stroke(fine: Map, unit: float) -> Map:
    """Widen or narrow the strokes of `fine` to `STROKE`, evenly on both sides.

    unit: pixels of `fine` per pixel of the glyph.

    The signed distance to the outline allows moving the outline by a fraction of a pixel without changing its shape.
    """
    fine = _pad(fine, int(3 * unit))
    width = stroke_width(fine) / unit
    wanted = float(np.clip(width, *STROKE))
    # Widening also lengthens the box. Scaling it back to 20 pixels narrows the stroke again, so widen by more.
    outwards = (wanted - width) * (1 + wanted / INNER) * unit / 2
    solid = fine > 0.5
    if outwards < 0:
        # The thinnest parts of an uneven stroke must not vanish.
        inside = _depth_within(solid)
        outwards = min(0.0, max(outwards, 0.2 * unit - _thinnest(inside)))
        return np.asarray(np.clip(inside + outwards + 0.5, 0, 1) * solid, np.float32)
    # The next pixel is one pixel away, so a smaller step changes nothing. This is the case for most strokes.
    if outwards <= 0.5:
        return solid.astype(np.float32)
    return np.asarray(np.clip(outwards + 0.5 - _depth_within(~solid), 0, 1), np.float32)


def _depth_within(mask: NDArray[np.bool_]) -> Map:
    """Return the distance of every pixel of `mask` to the nearest pixel outside it; 0 outside."""
    distance = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    # The last digit of OpenCV's result depends on the memory address. On ridges, where two distances are equal, that
    # would change which pixels are found.
    return np.asarray(np.rint(distance * 1024) / 1024, np.float32)


def _thinnest(inside: Map) -> float:
    """Return half the width of the thin parts of a stroke, from the distances to the outline inside it."""
    ridge = inside[(inside > 0) & (inside >= cv2.dilate(inside, np.ones((3, 3), np.uint8)))]
    return quantile(ridge, 0.1)


def _place(fine: Map) -> Map:
    """Reduce fine ink to 20 pixels along its longer side, and put its centre of mass at the middle."""
    _, _, w, h = cv2.boundingRect((fine > 0.5).astype(np.uint8))
    factor = INNER / max(w, h)
    moments = cv2.moments(fine)
    x, y = moments["m10"] / moments["m00"], moments["m01"] / moments["m00"]
    # Area sampling at a sub-pixel offset: map to a grid of _FINE x _FINE samples per pixel, then average them.
    scale = factor * _FINE
    centre = (CENTRE + 0.5) * _FINE - 0.5
    matrix = np.array([[scale, 0, centre - scale * x], [0, scale, centre - scale * y]])
    samples = cv2.warpAffine(fine, matrix, (SIDE * _FINE, SIDE * _FINE), flags=cv2.INTER_LINEAR)
    glyph = cv2.resize(samples, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return np.clip(glyph, 0, 1).astype(np.float32)
