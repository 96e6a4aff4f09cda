"""Patches: the ink of one digit, cut out of its page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from inkread.geometry import Box, hull
from inkread.ink import Components, Map

_RIM = 0.12
"""Ink up to this far outside the box of a mark may belong to the mark. The unit is the height of the mark."""

_INSIDE = 0.6
"""A connected part of the ink belongs to a mark if at least this share of it is inside the mark's box."""

_WHOLE_INSIDE = 0.25
"""The same share for a part that ends within the rim on all sides, such as the flag of a 5."""

_WIDE_RIM, _MOSTLY_INSIDE = 0.4, 0.75
"""If ink reaches beyond the rim, it belongs to the mark up to this far outside, if this share of it is inside."""


@dataclass(frozen=True, slots=True)
class Patch:
    """The ink of one digit.

    box: (x, y, w, h) in pixels of the page.
    ink: (h, w) float32 in 0..1.
    """

    box: Box
    ink: Map


def cut_out(ink: Map, found: Components, parts: list[int]) -> Patch:
    """Cut components out of the page with the soft edge of their ink, but without other ink in their box."""
    x, y, w, h = box = hull(found.boxes[parts])
    mask = found.mask(parts, box)
    soft = cv2.dilate(mask, np.ones((3, 3), np.uint8)) > 0
    return Patch(box, ink[y : y + h, x : x + w] * soft)


def cut_out_mark(ink: Map, boxes: NDArray[np.float32], index: int, neighbours: Sequence[int]) -> Patch:
    """Cut one mark out of the page, without ink that belongs to its neighbours or passes through its box.

    ink: (H, W) float32 in 0..1.
    boxes: (N, 4) float32, the left, top, right and bottom edges of the marks on the page.
    index: the index of the mark.
    neighbours: the indices of marks whose boxes may overlap with its box.
    """
    patch, cut = _cut(ink, boxes, index, neighbours, rim=_RIM, inside=_INSIDE)
    if not cut:
        return patch
    wide, _ = _cut(ink, boxes, index, neighbours, rim=_WIDE_RIM, inside=_MOSTLY_INSIDE)
    return wide if wide.ink.sum() >= patch.ink.sum() else patch


def _cut(
    ink: Map, boxes: NDArray[np.float32], index: int, neighbours: Sequence[int], *, rim: float, inside: float
) -> tuple[Patch, bool]:
    """Return the ink of a mark, and whether it reaches the edge of what was looked at.

    rim: how far outside the box of the mark ink is looked at, in heights of the mark.
    inside: the share of a connected part that must be inside the box.
    """
    left, top, right, bottom = boxes[index].tolist()
    rim = rim * (bottom - top) + 1
    frame = _frame(left - rim, top - rim, right + rim, bottom + rim, ink.shape)
    x, y, w, h = frame
    part = ink[y : y + h, x : x + w].copy()
    own = _within(boxes[index], frame)
    count, labels = cv2.connectedComponents((part > 0.5).astype(np.uint8), connectivity=8)
    areas, held = np.bincount(labels.ravel(), minlength=count), np.bincount(labels[own], minlength=count)
    whole = np.ones(count, bool)
    whole[np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])] = False
    kept = (held >= np.where(whole, _WHOLE_INSIDE, inside) * areas).astype(np.uint8)
    kept[0] = 0
    part *= cv2.dilate(kept[labels], np.ones((3, 3), np.uint8))
    for other in neighbours:
        part[_within(boxes[other], frame) & ~own] = 0
    if not (part > 0.5).any():
        return Patch(_frame(left, top, right, bottom, ink.shape), np.zeros((1, 1), np.float32)), False
    a, b, c, d = cv2.boundingRect((part > 0.5).astype(np.uint8))
    cut = a == 0 or b == 0 or a + c == w or b + d == h
    return Patch(Box(x + a, y + b, c, d), part[b : b + d, a : a + c]), cut


def _frame(left: float, top: float, right: float, bottom: float, shape: tuple[int, ...]) -> Box:
    """Return the smallest box of whole pixels around these edges, clipped to a page of `shape`."""
    x, y = min(max(0, int(left)), shape[1] - 1), min(max(0, int(top)), shape[0] - 1)
    return Box(x, y, max(1, min(shape[1], int(np.ceil(right))) - x), max(1, min(shape[0], int(np.ceil(bottom))) - y))


def _within(box: NDArray[np.float32], frame: Box) -> NDArray[np.bool_]:
    """Return which pixels of a frame, (h, w), are inside a box. The box is its left, top, right and bottom edge."""
    left, top, right, bottom = box.tolist()
    mask = np.zeros((frame.h, frame.w), bool)
    rows = slice(max(0, int(top) - frame.y), max(0, int(np.ceil(bottom)) - frame.y))
    mask[rows, max(0, int(left) - frame.x) : max(0, int(np.ceil(right)) - frame.x)] = True
    return mask
