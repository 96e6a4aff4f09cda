"""Geometry: boxes, their hulls, and sizes. Importing this module is quick."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Boxes: TypeAlias = "NDArray[np.int32]"
"""N boxes, (N, 4): x, y, w, h in whole pixels."""


class Box(NamedTuple):
    """A rectangle in whole pixels of the upright picture: left and top edge, width and height."""

    x: int
    y: int
    w: int
    h: int

    def overlap(self, other: Box) -> float:
        """Return the intersection over union of two boxes, 0 to 1."""
        across = min(self.x + self.w, other.x + other.w) - max(self.x, other.x)
        down = min(self.y + self.h, other.y + other.h) - max(self.y, other.y)
        shared = max(across, 0) * max(down, 0)
        return shared / max(1, self.w * self.h + other.w * other.h - shared)


def hull(boxes: Boxes) -> Box:
    """Return the smallest box that holds all `boxes`."""
    x, y = boxes[:, :2].min(axis=0)
    right, bottom = (boxes[:, :2] + boxes[:, 2:]).max(axis=0)
    return Box(int(x), int(y), int(right - x), int(bottom - y))


def hull_of(boxes: Iterable[Box]) -> Box:
    """Return the smallest box that holds all `boxes`, which are not in an array."""
    left, top, right, bottom = zip(*((box.x, box.y, box.x + box.w, box.y + box.h) for box in boxes), strict=True)
    return Box(min(left), min(top), max(right) - min(left), max(bottom) - min(top))


def reduction(size: tuple[int, int], pixels: int) -> tuple[int, int] | None:
    """Return the size to which a picture is reduced to have `pixels`, or None if it is small enough already."""
    factor = (pixels / (size[0] * size[1])) ** 0.5
    if factor >= 1:
        return None
    return max(1, round(size[0] * factor)), max(1, round(size[1] * factor))
