"""A single digit: from the ink of a page to the ink of the one digit on it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inkread.geometry import Box, Boxes, hull
from inkread.ink.components import Components, Map, find_components
from inkread.layout.patches import Patch, cut_out

_SPECK = 6
"""Components of fewer pixels are noise."""

_CRUMB = 0.02
"""A component with less ink than this share of the digit's is dirt."""

_GAP = 0.12
"""Parts of one digit are at most this share of its longer side apart."""

_MOST = 60
"""A digit's parts are among this many heaviest components."""


def find_digit(ink: Map) -> Patch | None:
    """Return the digit on a page that holds one, or None on a page without ink.

    ink: (H, W) float32 in 0..1. The digit is the heaviest
    component near the middle, with all that lies close enough to be a part of it; bars along the page's edges and dirt
    stay out.
    """
    found = find_components(ink)
    candidates = np.flatnonzero((found.areas >= _SPECK) & ~_page_edge_bars(found))
    # If there is only a frame, it is what was written.
    if not len(candidates):
        candidates = np.flatnonzero(found.areas >= _SPECK)
    if not len(candidates):
        return None
    weights = found.areas[candidates] * _nearness(found.centres[candidates], ink.shape)
    heaviest = candidates[np.argsort(-weights, kind="stable")[:_MOST]]
    return cut_out(ink, found, _parts(found.boxes, found.areas, heaviest))


def _page_edge_bars(found: Components) -> NDArray[np.bool_]:
    """Tell which components are bars along the edges of the page: black borders, table tops, page edges."""
    labels = found.labels
    height, width = labels.shape
    x, y, w, h = found.boxes.T
    lying = (w > 0.8 * width) & (h < 0.3 * height) & ((y == 0) | (y + h == height))
    standing = (h > 0.8 * height) & (w < 0.3 * width) & ((x == 0) | (x + w == width))
    edges = (labels[0], labels[-1], labels[:, 0], labels[:, -1])
    filled = [np.bincount(edge, minlength=len(found) + 1)[1:] > 0.8 * len(edge) for edge in edges]
    # Bars along several edges are one component.
    joined = np.sum(filled, axis=0) >= 2
    return np.asarray(lying | standing | joined, np.bool_)


def _nearness(centres: NDArray[np.float64], shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Return a weight for each centre, (N, 2), that falls from 1 in the middle of the page to 0.2 in its corners."""
    height, width = shape
    offset = np.hypot(centres[:, 0] / width - 0.5, centres[:, 1] / height - 0.5)
    return np.asarray(np.exp(-2.3 * offset), np.float64)


def _parts(boxes: Boxes, areas: NDArray[np.int32], heaviest: NDArray[np.intp]) -> list[int]:
    """Return the components that make up the digit: the first of `heaviest` and, again and again, its neighbours."""
    parts = [int(heaviest[0])]
    others = [int(other) for other in heaviest[1:] if areas[other] >= _CRUMB * areas[parts[0]]]
    while near := [other for other in others if _gap(hull(boxes[parts]), boxes[other]) <= _GAP * _side(boxes[parts])]:
        parts += near
        others = [other for other in others if other not in near]
    return parts


def _side(boxes: Boxes) -> int:
    return max(hull(boxes)[2:])


def _gap(one: Box, other: NDArray[np.int32]) -> float:
    """Return the distance between two boxes, 0 where they touch or overlap."""
    across = max(one[0] - other[0] - other[2], other[0] - one[0] - one[2], 0)
    down = max(one[1] - other[1] - other[3], other[1] - one[1] - one[3], 0)
    return float(np.hypot(across, down))
