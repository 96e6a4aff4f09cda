"""Rules: printed lines on paper, solid or dotted, level or upright."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray


def draw_rule(
    paper: NDArray[np.float32],
    position: float,
    *,
    depth: float,
    rng: np.random.Generator,
    upright: bool = False,
    start: int = 0,
    thickness: int | None = None,
    dotted: bool = False,
    slope: float = 0.0,
) -> None:
    """Print a rule on paper, (height, width) float32, from `start` to the far edge.

    position: where it crosses the middle of the page, in pixels from the top, or from the left for an upright rule.
    depth: how much light it absorbs, 0 to 1.
    upright: whether it is upright, not level.
    thickness: its thickness in pixels; None for one to three at random. It does not apply to dotted rules.
    dotted: whether it is dotted.
    slope: how far it moves from its position for each pixel along it.
    """
    # An upright rule is a level rule on the transposed page.
    page = paper.T if upright else paper
    if page.shape[1] - start < 3:
        return
    if dotted:
        _draw_dots(page, position, depth, start, slope, rng)
        return
    thickness = thickness or int(rng.integers(1, 4))
    middle, end = page.shape[1] / 2, page.shape[1]
    points = [(start, position + slope * (start - middle)), (end, position + slope * (end - middle))]
    low = max(0, int(min(y for _, y in points)) - thickness - 1)
    high = int(max(y for _, y in points)) + thickness + 2
    band = page[low:high]
    if band.size == 0:
        return
    line = np.zeros(band.shape, np.float32)
    ends = [(int(x * 16), int((y - low) * 16)) for x, y in points]
    cv2.line(line, ends[0], ends[1], depth, thickness, cv2.LINE_AA, 4)
    band -= line


def _draw_dots(
    page: NDArray[np.float32], position: float, depth: float, start: int, slope: float, rng: np.random.Generator
) -> None:
    """Print dots or dashes, with two to seven pixels from one to the next."""
    pitch, thickness = int(rng.integers(2, 8)), int(rng.integers(1, 4))
    length = max(1, int(pitch * rng.uniform(0.35, 0.85)))
    for x in range(start, page.shape[1], pitch):
        y = max(0, int(position + slope * (x - page.shape[1] / 2)))
        page[y : y + thickness, x : x + length] -= depth
