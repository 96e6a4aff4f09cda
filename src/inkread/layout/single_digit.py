"""A single digit: cuts it out of the ink of a page that holds only one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inkread.geometry import Box, Boxes, hull
from inkread.ink import Components, Map, find_components
from inkread.layout.patches import Patch, cut_out

_SPECK = 6
"""Components with fewer pixels than this are noise."""

_RULE = 15
"""What reaches from one edge of the page to the other is a rule if it is this many times longer than wide."""

_CRUMB = 0.02
"""A component with less ink than this share of the digit's is dirt."""

_GAP = 0.12
"""The largest gap between the parts of one digit, as a share of its longer side."""

_MOST = 60
"""Only this many of the heaviest components can be parts of the digit."""


def find_digit(ink: Map) -> Patch | None:
    """Return the digit on a page that holds one, or None on a page without ink.

    ink: (H, W) float32 in 0..1.

    The digit is the heaviest component near the middle, together with the components close enough to be a part of it.
    Bars along the edges of the page, rules across it and dirt are excluded.
    """
    found = find_components(ink)
    candidates = np.flatnonzero((found.areas >= _SPECK) & ~_page_edge_bars(found))
    # If the page holds nothing but a frame, the frame is the writing.
    if not len(candidates):
        candidates = np.flatnonzero(found.areas >= _SPECK)
    if not len(candidates):
        return None
    weights = found.areas[candidates] * _nearness(found.centres[candidates], ink.shape)
    heaviest = candidates[np.argsort(-weights, kind="stable")[:_MOST]]
    return cut_out(ink, found, _parts(found.boxes, found.areas, heaviest))


def _page_edge_bars(found: Components) -> NDArray[np.bool_]:
    """Return which components, (N,), are bars along the edges of the page or across it: borders, table tops, rules."""
    labels = found.labels
    height, width = labels.shape
    x, y, w, h = found.boxes.T
    lying = (w > 0.8 * width) & (h < 0.3 * height) & ((y == 0) | (y + h == height))
    standing = (h > 0.8 * height) & (w < 0.3 * width) & ((x == 0) | (x + w == width))
    rules = ((h == height) & (h > _RULE * w)) | ((w == width) & (w > _RULE * h))
    edges = (labels[0], labels[-1], labels[:, 0], labels[:, -1])
    filled = [np.bincount(edge, minlength=len(found) + 1)[1:] > 0.8 * len(edge) for edge in edges]
    # Bars along several edges are one component.
    joined = np.sum(filled, axis=0) >= 2
    return np.asarray(lying | standing | rules | joined, np.bool_)


def _nearness(centres: NDArray[np.float64], shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Return a weight, (N,), for each centre, (N, 2): from 1 in the middle of the page down to 0.2 in its corners."""
    height, width = shape
    offset = np.hypot(centres[:, 0] / width - 0.5, centres[:, 1] / height - 0.5)
    return np.asarray(np.exp(-2.3 * offset), np.float64)


def _parts(boxes: Boxes, areas: NDArray[np.int32], heaviest: NDArray[np.intp]) -> list[int]:
    """Return the components of the digit: the first of `heaviest`, its neighbours, their neighbours, and so on."""
    parts = [int(heaviest[0])]
    others = [int(other) for other in heaviest[1:] if areas[other] >= _CRUMB * areas[parts[0]]]
    while near := [other for other in others if _gap(hull(boxes[parts]), boxes[other]) <= _GAP * _side(boxes[parts])]:
        parts += near
        others = [other for other in others if other not in near]
    return parts


def _side(boxes: Boxes) -> int:
    return max(hull(boxes)[2:])


def _gap(one: Box, other: NDArray[np.int32]) -> float:
    """Return the distance between two boxes, 0 if they touch or overlap."""
    across = max(one[0] - other[0] - other[2], other[0] - one[0] - one[2], 0)
    down = max(one[1] - other[1] - other[3], other[1] - one[1] - one[3], 0)
    return float(np.hypot(across, down))
