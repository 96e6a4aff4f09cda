"""Wear: the effects of pens, scanners, cameras and thresholds on a page."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from inkread.marks import Grey

Ink = NDArray[np.float32]
Light = NDArray[np.float32]

_KEPT_INK, _LARGEST_BLACK = 0.75, 0.45
"""A binarised page keeps more than the first share of its ink, and less than the second share of its area is black."""

_TRIES = 3
"""The number of thresholds that are tried before a page stays grey."""


def bend(ink: Ink, height: float, *, rng: np.random.Generator) -> Ink:
    """Return ink, (h, w) float32, distorted by shifts of a hundredth to a twentieth of a digit's height."""
    rows, columns = ink.shape
    amount = np.float32(height * rng.uniform(0.01, 0.05))
    cells = (int(max(2, rows / height / 0.8)), int(max(2, columns / height / 0.8)))
    shifts = rng.standard_normal((*cells, 2), np.float32) * amount
    fields = cv2.resize(shifts, (columns, rows), interpolation=cv2.INTER_CUBIC)
    across = fields[..., 0] + np.arange(columns, dtype=np.float32)[None]
    down = fields[..., 1] + np.arange(rows, dtype=np.float32)[:, None]
    return np.asarray(cv2.remap(ink, across, down, cv2.INTER_LINEAR), np.float32)


def swell(ink: Ink, pixels: int) -> Ink:
    """Return ink with strokes that are a pixel wider (1) or narrower (-1)."""
    change = cv2.dilate if pixels > 0 else cv2.erode
    return np.asarray(change(ink, np.ones((2, 2), np.uint8)), np.float32)


def press(ink: Ink, height: float, *, rng: np.random.Generator) -> Ink:
    """Return the ink of a pen with uneven pressure. Every fifth pen also skips, as on rough paper."""
    rows, columns = ink.shape
    cells = (max(2, int(2 * rows / height)), max(2, int(2 * columns / height)))
    touch = cv2.resize(rng.standard_normal(cells, np.float32), (columns, rows))
    load = np.clip(1 + np.float32(rng.uniform(0, 0.35)) * touch, 0.35, 1.2)
    if rng.random() < 0.2:
        skipped = rng.random(ink.shape, np.float32) > rng.uniform(0.4, 0.9)
        load *= 1 - np.float32(rng.uniform(0, 0.7)) * skipped
    return np.asarray(np.clip(ink * load, 0, 1), np.float32)


def darken_edge(light: Light, *, rng: np.random.Generator) -> tuple[int, int]:
    """Darken a strip at the left or right of a page, like a gutter or a scanner's lid, and return its two edges."""
    width, value = int(rng.uniform(0.03, 0.3) * light.shape[1]), rng.uniform(0, 0.25)
    left, right = (0, width) if rng.random() < 0.5 else (light.shape[1] - width, light.shape[1])
    light[:, left:right] = value
    return left, right


def take_picture(light: Light, ink: Ink, *, binarised: bool, rng: np.random.Generator) -> Grey:
    """Return the picture of a page, (h, w) uint8. Some are enlarged, blurred, JPEG-compressed, binarised or speckled.

    ink: the ink of the page, (h, w) float32 from 0 to 1. A threshold that loses it is not used.
    """
    if rng.random() < 0.25:
        light = _coarsen(light, rng)
    if rng.random() < 0.45:
        light = np.asarray(cv2.GaussianBlur(light, (0, 0), rng.uniform(0.3, 1.2)), np.float32)
    picture = (np.clip(light, 0, 1) * 255).astype(np.uint8)
    if rng.random() < 0.4:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 95))]
        picture = np.asarray(cv2.imdecode(cv2.imencode(".jpg", picture, quality)[1], cv2.IMREAD_GRAYSCALE), np.uint8)
    if binarised:
        picture = _binarise(picture, ink, rng)
    return _speckle(picture, rng) if rng.random() < 0.1 else picture


def _coarsen(light: Light, rng: np.random.Generator) -> Light:
    """Return a page that was reduced and enlarged again."""
    scale = rng.uniform(0.4, 0.9)
    how = cv2.INTER_CUBIC if rng.random() < 0.7 else cv2.INTER_LINEAR
    small = cv2.resize(light, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, light.shape[::-1], interpolation=how), np.float32)


def _binarise(picture: Grey, ink: Ink, rng: np.random.Generator) -> Grey:
    """Return a picture in black and white, or unchanged if no threshold separates its ink from its paper."""
    inked = ink > 0.5 * max(0.2, float(ink.max()))
    for _ in range(_TRIES):
        binary = _through_threshold(picture, rng)
        black = binary < 128
        if not inked.any() or (black[inked].mean() > _KEPT_INK and black.mean() < _LARGEST_BLACK):
            return _soften(binary) if rng.random() < 0.5 else binary
    return picture


def _through_threshold(picture: Grey, rng: np.random.Generator) -> Grey:
    """Return a picture in black and white, by a global or a local threshold. Some have specks or gaps removed."""
    if rng.random() < 0.55:
        binary = cv2.threshold(picture, 0, 255, cv2.THRESH_OTSU)[1]
    else:
        side, below = (11, 15, 25, 41)[rng.integers(4)], rng.uniform(6, 18)
        binary = cv2.adaptiveThreshold(
            picture, 255, cv2.ADAPTIVE_THRESH_GAUSSIAN_C, cv2.THRESH_BINARY, side, float(below)
        )
    if rng.random() < 0.4:
        how = cv2.MORPH_OPEN if rng.random() < 0.5 else cv2.MORPH_CLOSE
        binary = cv2.morphologyEx(binary, how, np.ones((2, 2), np.uint8))
    return np.asarray(binary, np.uint8)


def _soften(binary: Grey) -> Grey:
    """Return a picture that was reduced and enlarged again, so that its edges are grey."""
    small = cv2.resize(binary, None, fx=0.7, fy=0.7, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, binary.shape[::-1]), np.uint8)


def _speckle(picture: Grey, rng: np.random.Generator) -> Grey:
    """Return a picture with black or white dots, on at most one pixel in a hundred."""
    count = int(picture.size * rng.uniform(0.0005, 0.01))
    rows, columns = (rng.integers(0, side, count) for side in picture.shape)
    dirty = picture.copy()
    dirty[rows, columns] = 0 if rng.random() < 0.5 else 255
    return dirty
