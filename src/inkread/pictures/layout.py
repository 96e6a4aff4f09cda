"""Layout: from the ink of a page to the ink of its digit."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Map = NDArray[np.float32]
Box = tuple[int, int, int, int]

_BRIDGE = 0.06  # gaps up to this share of the digit's height part strokes of one digit
_CRUMB = 0.02  # a component with less ink than this share of the digit's is dirt


@dataclass(frozen=True, slots=True)
class Patch:
    """The ink of one digit: `box` is (x, y, w, h) in pixels of the page, `ink` its (h, w) float32 in 0..1."""

    box: Box
    ink: Map


def find_digit(ink: Map) -> Patch | None:
    """Return the digit on a page that holds one, or None on a blank page.

    ink: (H, W) float32 in 0..1.
    """
    solid = (ink > 0.5).astype(np.uint8)
    count, labels, stats, centres = cv2.connectedComponentsWithStats(solid, connectivity=8)
    if count < 2:
        return None
    stats, centres = stats[1:], centres[1:]
    strokes = _strokes(stats, centres, ink.shape)
    if not len(strokes):
        return None
    members = _joined(stats, strokes)
    x, y = stats[members, :2].min(axis=0)
    right, bottom = (stats[members, :2] + stats[members, 2:4]).max(axis=0)
    own = np.isin(labels[y:bottom, x:right], np.array(members) + 1)
    own = cv2.dilate(own.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    patch = np.where(own, ink[y:bottom, x:right], 0).astype(np.float32)
    return Patch(box=(int(x), int(y), int(right - x), int(bottom - y)), ink=patch)


def _strokes(stats, centres, shape):
    height, width = shape
    x, y, w, h, area = stats.T.astype(float)
    offset = np.hypot((centres[:, 0] - width / 2) / width, (centres[:, 1] - height / 2) / height)
    extent = np.hypot(w, h)
    weight = area * np.exp(-2*offset)
    touching = (x <= 0) | (y <= 0) | (x + w >= width) | (y + h >= height)
    weight = weight * np.where(touching, 0.3, 1)
    order = np.argsort(-weight, kind="stable")[:60]
    return order[area[order] >= 6]


def _joined(stats, order):
    members = [int(order[0])]
    area = stats[:, 4]
    rest = [int(i) for i in order[1:] if area[i] >= _CRUMB * area[order[0]]]
    changed = True
    while changed:
        changed = False
        x0, y0 = stats[members, :2].min(axis=0)
        x1, y1 = (stats[members, :2] + stats[members, 2:4]).max(axis=0)
        reach = 0.12 * max(x1 - x0, y1 - y0)
        for i in rest:
            x, y, w, h = stats[i, :4]
            dx = max(x - x1, x0 - (x + w), 0); dy = max(y - y1, y0 - (y + h), 0)
            if np.hypot(dx, dy) <= reach:
                members.append(i); rest.remove(i); changed = True
                break
    return members
