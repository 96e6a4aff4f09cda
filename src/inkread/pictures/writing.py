"""Writing: the ink of a page without what is no writing, and the boxes that it stands in."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from inkread.pictures.components import Components, Map, find_components
from inkread.pictures.grids import Cells, without_grids
from inkread.pictures.ink import find_ink
from inkread.pictures.page import WORKING_PIXELS, Page
from inkread.pictures.ruling import Mask, without_ruling
from inkread.pictures.surroundings import without_surroundings

_TABLES = 8  # a page has few tables; no more components than this are looked at for being one
_HELD = 0.045  # share of a table's box that the boxes of what stands in it take; more, where that is little
_HOLES = 3  # no digit has more holes that are
_LARGE_CELL = 0.004  # larger than this share of its box; rough chalk has many small ones
_LEGIBLE = 6  # pixels: what is less high is dirt,
_SMALL = 28  # writing less high than this is read better from a larger page,
_COMFORTABLE = 40  # on which it is as high as this,
_FINEST = 4  # but which is no more than so many times larger than others
_BRUSH = 25  # pixels: the width over which print is painted over
_CELL = 0.0003  # the cells of a page full of them are no larger than this


@dataclass(frozen=True, slots=True)
class Writing:
    """What is written on a page.

    ink: (H, W) float32 in 0..1, without what lies beside the sheet and without printed boxes and lines.
    components: its connected parts.
    cells: the boxes that stood around it; None without any.
    """

    ink: Map
    components: Components
    cells: Cells | None = None

    def turned(self, turns: int) -> Writing:
        """Return it after so many quarter turns of the page against the clock."""
        ink = np.ascontiguousarray(np.rot90(self.ink, turns))
        return Writing(ink, find_components(ink), self.cells and self.cells.turned(turns))


def find_writing(ink: Map) -> Writing:
    """Return what is written on a page, given its ink, (H, W) float32 in 0..1.

    A page that is clean already is labelled only once.
    """
    components = find_components(ink)
    sheet = without_surroundings(ink, components)
    if sheet is not ink:
        components = find_components(sheet)
    if not len(components):
        return Writing(sheet, components)
    inside, cells = without_grids(sheet, components)
    if cells is not None:
        components = find_components(inside)
    if not len(components):
        return Writing(inside, components, cells)
    held = _holders(components)
    height = _height(components, held, np.ones(len(components), bool))
    clean = without_ruling(inside, height, components, holders=held)
    return Writing(clean, components if clean is inside else find_components(clean), cells)


def writing_on(page: Page) -> tuple[Map, Writing]:
    """Return the ink of a page, as large as the page, and what is written on it.

    Where print is darker than the pen, ink as faint as the pen's is not seen beside it. So pages with boxes are looked
    at once more with the boxes painted over.
    """
    ink = find_ink(page)
    found = find_writing(ink)
    if found.cells is None:
        return ink, found
    gone = cv2.dilate(((ink > 0.5) & (found.ink <= 0.5)).astype(np.uint8), np.ones((5, 5), np.uint8))
    faint = np.where(gone > 0, 0, find_ink(replace(page, grey=_painted_over(page.grey, np.asarray(gone, np.uint8)))))
    both = np.maximum(found.ink, faint).astype(np.float32)
    return np.maximum(ink, both), Writing(both, find_components(both), found.cells)


def finer(page: Page, writing: Writing) -> int | None:
    """Return in how many pixels of working size small writing on a reduced page can be read.

    None where it is large enough, or the picture has no more to show.
    """
    boxes, whole = writing.components.boxes, page.size[0] * page.size[1]
    if page.grey.size >= whole or not len(boxes):
        return None
    height = writing_height(writing.components)
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
    every = np.arange(len(components))
    return _height(components, _holders(components), np.isin(every, every if of is None else of))


def _height(components: Components, held: NDArray[np.bool_], counted: NDArray[np.bool_]) -> float:
    """Return `writing_height`, given which components hold others and which count."""
    boxes, shape = components.boxes, components.labels.shape
    x, y, w, h = boxes.T
    at_edge = (x == 0) | (y == 0) | (x + w == shape[1]) | (y + h == shape[0])
    others = ~held & ~(at_edge & (np.maximum(w, h) > 4 * np.minimum(w, h)))
    others = others & counted if (others & counted).any() else counted
    heights = np.sort(boxes[others, 3]).astype(float)
    weights = np.cumsum(heights**2)
    return float(heights[np.searchsorted(weights, weights[-1] / 2)])


def _holders(components: Components) -> NDArray[np.bool_]:
    """Tell which components hold others, as tables do: sparse, with much else in their box or with many holes."""
    boxes, labels = components.boxes, components.labels
    held = np.zeros(len(boxes), bool)
    middles = boxes[:, :2] + boxes[:, 2:] / 2
    areas = boxes[:, 2].astype(float) * boxes[:, 3]
    for number in np.argsort(-areas)[:_TABLES]:
        x, y, w, h = boxes[number]
        own = (labels[y : y + h, x : x + w] == number + 1).astype(np.uint8)
        if own.sum() > 0.3 * areas[number]:
            continue
        inside = ((middles > (x, y)) & (middles < (x + w, y + h))).all(axis=1) & (boxes[:, 3] > 5)
        inside &= areas < areas[number]  # a digit whose box holds the middle of the box around it holds nothing
        inside[number] = False
        share = areas[inside].sum() / areas[number]
        much = share > (_HELD if inside.sum() > 2 else 2 * _HELD)
        held[number] = (much and _holes(own, least=_CELL) > 0) or _holes(own, least=_LARGE_CELL) > _HOLES
    return held


def _holes(mask: Mask, *, least: float) -> int:
    """Return how many holes a component has, those smaller than a share of its box left out."""
    contours, hierarchy = cv2.findContours(mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    inner = (contour for contour, links in zip(contours, hierarchy[0], strict=True) if links[3] >= 0)
    return sum(cv2.contourArea(contour) > least * mask.size for contour in inner)
