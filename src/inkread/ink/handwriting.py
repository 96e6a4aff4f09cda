"""Handwriting: the ink of a page without its print, and the boxes that it stands in."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from inkread.ink.boxes import Cells, without_boxes
from inkread.ink.components import Components, Map, Mask, find_components
from inkread.ink.ink import find_ink
from inkread.ink.page_edges import without_page_edges
from inkread.ink.ruled_paper import without_lines
from inkread.ink.straight_lines import without_ruling
from inkread.pictures.page import WORKING_PIXELS, Page

_LEGIBLE = 6  # pixels: what is less high is dirt,
_SMALL = 28  # writing less high than this is read better from a larger page,
_COMFORTABLE = 40  # on which it is as high as this,
_FINEST = 4  # but which is no more than so many times larger than others
_CROSSED = 0.3  # share of the writing that lines cross, from which on they are no boxes to write in
_BRUSH = 25  # pixels: the width over which print is painted over


@dataclass(frozen=True, slots=True)
class Handwriting:
    """What is written on a page.

    ink: (H, W) float32 in 0..1, without what lies beside the sheet and without printed boxes and lines.
    components: its connected parts.
    cells: the boxes that stood around it; None without any.
    """

    ink: Map
    components: Components
    cells: Cells | None = None

    def turned(self, turns: int) -> Handwriting:
        """Return it after so many quarter turns of the page against the clock."""
        ink = np.ascontiguousarray(np.rot90(self.ink, turns))
        return Handwriting(ink, find_components(ink), self.cells and self.cells.turned(turns))


def strip_print(ink: Map) -> Handwriting:
    """Return what is written on a page, given its ink, (H, W) float32 in 0..1.

    A page that is clean already is labelled only once.
    """
    components = find_components(ink)
    sheet = without_page_edges(ink, components)
    if sheet is not ink:
        components = find_components(sheet)
    if not len(components):
        return Handwriting(sheet, components)
    inside, cells = without_boxes(sheet, components)
    if cells is not None:
        components = find_components(inside)
    if not len(components):
        return Handwriting(inside, components, cells)
    clean = without_ruling(inside, writing_height(components), components, holders=components.holders)
    return Handwriting(clean, components if clean is inside else find_components(clean), cells)


def find_handwriting(page: Page) -> tuple[Map, Handwriting]:
    """Return the ink of a page, as large as the page, and what is written on it.

    On lined paper it is looked for where the lines were painted over, unless they are boxes to write in.
    """
    ruled = without_lines(page)
    if ruled is None:
        return _handwriting_among_print(page)
    ink = find_ink(ruled.page)
    found = strip_print(ink)
    boxes = found.components.boxes
    if len(boxes) and ruled.level and ruled.upright:
        large = boxes[boxes[:, 3] > writing_height(found.components) / 2]
        if ruled.crossed(large).mean() > _CROSSED:
            return ink, found
    boxed = _handwriting_among_print(page)
    return boxed if boxed[1].cells else (ink, found)


def _handwriting_among_print(page: Page) -> tuple[Map, Handwriting]:
    """Return the ink of a page and what is written on it, beside boxes and some lines.

    Where print is darker than the pen, ink as faint as the pen's is not seen beside it. So pages with boxes are looked
    at once more with the boxes painted over.
    """
    ink = find_ink(page)
    found = strip_print(ink)
    if found.cells is None:
        return ink, found
    gone = cv2.dilate(((ink > 0.5) & (found.ink <= 0.5)).astype(np.uint8), np.ones((5, 5), np.uint8))
    faint = np.where(gone > 0, 0, find_ink(replace(page, grey=_painted_over(page.grey, np.asarray(gone, np.uint8)))))
    both = np.maximum(found.ink, faint).astype(np.float32)
    return np.maximum(ink, both), Handwriting(both, find_components(both), found.cells)


def finer(page: Page, handwriting: Handwriting) -> int | None:
    """Return in how many pixels of working size small writing on a reduced page can be read.

    None where it is large enough, or the picture has no more to show.
    """
    boxes, whole = handwriting.components.boxes, page.size[0] * page.size[1]
    if page.grey.size >= whole or not len(boxes):
        return None
    height = writing_height(handwriting.components)
    if not _LEGIBLE <= height < _SMALL:
        return None
    return min(whole, _FINEST * WORKING_PIXELS, round(page.grey.size * (_COMFORTABLE / height) ** 2))


def _painted_over(grey: NDArray[np.uint8], gone: Mask) -> NDArray[np.uint8]:
    """Return a page's grey with the pixels that are 1 in `gone` as light as what is left around them."""
    left = (1 - gone).astype(np.float32)
    window = (_BRUSH, _BRUSH)
    around = cv2.blur(grey * left, window) / np.maximum(cv2.blur(left, window), 1e-6)
    return np.where(gone > 0, np.rint(around), grey).astype(np.uint8)


def writing_height(components: Components, of: NDArray[np.intp] | None = None) -> float:
    """Return the height of most of the writing: the median of the heights of components, each weighing its square.

    of: which components count, None for all. What holds other writing, as a table does, and bars along the edges of the
    page do not count, unless there is nothing else.
    """
    counted = np.full(len(components), of is None)
    if of is not None:
        counted[of] = True
    w, h = components.boxes[:, 2:].T
    others = ~components.holders & ~(components.at_edge & (np.maximum(w, h) > 4 * np.minimum(w, h)))
    others = others & counted if (others & counted).any() else counted
    heights = np.sort(h[others]).astype(float)
    weights = np.cumsum(heights**2)
    return float(heights[np.searchsorted(weights, weights[-1] / 2)])
