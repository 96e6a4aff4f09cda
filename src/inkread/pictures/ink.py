"""Ink: from a page to a map of its ink, whatever the paper, the pen and the light."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from inkread.pictures.opening import Page

Map = NDArray[np.float32]

COARSE_SIDE = 256
"""Side in pixels at which paper, polarity and stroke width are judged; strokes of a readable digit survive it."""

FAINTEST = 0.06
"""The smallest contrast, as a share of the grey scale, that counts as ink: below it lie paper grain and JPEG."""


def find_ink(page: Page) -> Map:
    """Return the ink of a page: (H, W) float32 in 0..1, 0 = paper, 1 = ink; all 0 where there is none.

    Ink is what differs from the paper around it over no more than the width of a stroke. The paper's level
    under every pixel is a grey closing with a window wider than the strokes (the bottom hat of mathematical
    morphology; Serra, "Image Analysis and Mathematical Morphology", 1982): shadows, folds and gradients are
    wider than strokes and stay with the paper, even where their edges are hard. The stroke width comes from a
    first coarse look.
    """
    grey = page.grey.astype(np.float32) / 255
    coarse = _shrunk(grey, COARSE_SIDE)
    if _is_light_on_dark(coarse):
        grey, coarse = 1 - grey, 1 - coarse
    width = _stroke_width(coarse) * (max(grey.shape) / max(coarse.shape))
    grey = _quiet(grey)
    depth = _paper(grey, 2.5 * width + 3) - grey
    return _contrast(depth, _noise(grey))


def _shrunk(grey: Map, side: float) -> Map:
    """Return `grey` with its longer side at most `side`."""
    factor = side / max(grey.shape)
    if factor >= 1:
        return grey
    return np.asarray(
        cv2.resize(grey, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA), np.float32
    )


def _is_light_on_dark(grey: Map) -> bool:
    """Tell whether the writing is lighter than its ground: whichever side of the paper deviates more."""
    difference = grey - _median(grey)
    dark = np.maximum(-difference - FAINTEST, 0).sum()
    light = np.maximum(difference - FAINTEST, 0).sum()
    return bool(light > dark)


def _median(grey: Map) -> Map:
    """Return the median of the surroundings of every pixel: the paper, wherever ink is in the minority."""
    window = min(255, max(3, int(0.6 * min(grey.shape)) | 1))
    padded = cv2.copyMakeBorder(np.rint(grey * 255).astype(np.uint8), *[window // 2] * 4, cv2.BORDER_REFLECT_101)
    inner = cv2.medianBlur(padded, window)[window // 2 :, window // 2 :][: grey.shape[0], : grey.shape[1]]
    return inner.astype(np.float32) / 255


def _stroke_width(grey: Map) -> float:
    """Return the width of the strokes in pixels: dark ink on lighter paper, at coarse scale."""
    depth = np.maximum(_median(grey) - grey, 0)
    level, _ = cv2.threshold(np.rint(depth * 255).astype(np.uint8), 0, 255, cv2.THRESH_OTSU)
    ink = (depth > max(level / 255, FAINTEST)).astype(np.uint8)
    inside = cv2.distanceTransform(cv2.copyMakeBorder(ink, 1, 1, 1, 1, cv2.BORDER_CONSTANT), cv2.DIST_L2, 5)
    ridge = inside[(inside > 0) & (inside >= cv2.dilate(inside, np.ones((3, 3))))]
    return 2 * float(np.percentile(ridge, 75)) if len(ridge) else 1.0


def _quiet(grey: Map) -> Map:
    return cv2.GaussianBlur(grey, (0, 0), 0.7)


def _paper(grey: Map, window: float) -> Map:
    """Return the level of the paper under every pixel, for strokes narrower than `window`."""
    factor = min(1.0, 12 / window)
    small = _shrunk(grey, factor * max(grey.shape))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (int(window * factor) | 1,) * 2)
    closed = cv2.morphologyEx(small, cv2.MORPH_CLOSE, kernel)
    closed = cv2.GaussianBlur(closed, (0, 0), kernel.shape[0] / 4)
    return np.asarray(cv2.resize(closed, grey.shape[::-1], interpolation=cv2.INTER_LINEAR), np.float32)


def _noise(grey: Map) -> float:
    """Return the standard deviation of the paper's noise (Immerkaer 1996, with a median against edges)."""
    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
    return float(np.median(np.abs(cv2.filter2D(grey, -1, kernel)))) / 6 / 0.6745


def _contrast(depth: Map, noise: float) -> Map:
    """Return ink from its depth below the paper: soft at the edge, full within, nothing where it is too faint."""
    floor = max(FAINTEST, 5 * noise)
    strong = depth[depth > floor]
    if len(strong) < 4:
        return np.zeros_like(depth)
    full = float(np.percentile(strong, 75))
    middle = max(floor, 0.45 * full)
    return np.clip((depth - middle) / (0.5 * middle) + 0.5, 0, 1).astype(np.float32)
