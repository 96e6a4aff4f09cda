"""Page edges: what lies beside the sheet, told from the writing on it."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from inkread.geometry import Boxes
from inkread.ink.components import Components, Map

_SPECK = 6  # components of fewer pixels are noise
_REMAINS = 0.02  # share of the ink beside the sheet that has to be on it


def without_page_edges(ink: Map, components: Components) -> Map:
    """Return ink without what lies beside the sheet: bars along edges and whatever fills a corner.

    A page that would be left without ink stays as it is: then that is what was written.
    """
    if not components.at_edge.any():
        return ink
    boxes, areas = components.boxes, components.areas
    bars = _bars(boxes, ink.shape)
    beside = page_edge_bars(components) | _at_corners(boxes, ink.shape) | bars
    for number in np.flatnonzero(bars):  # and the broken line that the edge of a sheet leaves along its shadow
        beside |= _along(boxes, boxes[number], ink.shape) & (areas < 0.25 * areas[number])
    if not beside.any() or areas[~beside].sum() < _REMAINS * areas[beside].sum() or areas[~beside].max() < _SPECK:
        return ink
    gone = components.mask(np.flatnonzero(beside))
    return np.where(cv2.dilate(gone, np.ones((3, 3), np.uint8)) > 0, 0, ink).astype(np.float32)


def _bars(boxes: Boxes, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Tell which components are long and thin, and lie along an edge of a page of `shape`, (height, width)."""
    x, y, w, h = boxes.T
    standing = ((x == 0) | (x + w == shape[1])) & (h > 0.25 * shape[0]) & (w < 0.12 * h)
    lying = ((y == 0) | (y + h == shape[0])) & (w > 0.25 * shape[1]) & (h < 0.12 * w)
    return np.asarray(standing | lying, np.bool_)


def _along(boxes: Boxes, bar: NDArray[np.int32], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Tell which components lie within three thicknesses of a bar from the edge of the page that it lies along."""
    x, y, w, h = boxes.T
    reach = 3 * min(bar[2:])
    if bar[3] > bar[2]:
        within = x + w <= reach if bar[0] == 0 else x >= shape[1] - reach
    else:
        within = y + h <= reach if bar[1] == 0 else y >= shape[0] - reach
    return np.asarray(within, np.bool_)


def _at_corners(boxes: Boxes, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Tell which components touch two edges, that meet, of a page of `shape`, (height, width), and no other edge."""
    x, y, w, h = boxes.T
    across = (x == 0).astype(int) + (x + w == shape[1])
    down = (y == 0).astype(int) + (y + h == shape[0])
    return np.asarray((across == 1) & (down == 1), np.bool_)


def page_edge_bars(found: Components) -> NDArray[np.bool_]:
    """Tell which components are bars along edges of the page: black borders, table tops, page edges."""
    labels = found.labels
    height, width = labels.shape
    x, y, w, h = found.boxes.T
    lying = (w > 0.8 * width) & (h < 0.3 * height) & ((y == 0) | (y + h == height))
    standing = (h > 0.8 * height) & (w < 0.3 * width) & ((x == 0) | (x + w == width))
    edges = (labels[0], labels[-1], labels[:, 0], labels[:, -1])
    filled = [np.bincount(edge, minlength=len(found) + 1)[1:] > 0.8 * len(edge) for edge in edges]
    joined = np.sum(filled, axis=0) >= 2  # bars along several edges are one component
    return np.asarray(lying | standing | joined, np.bool_)
