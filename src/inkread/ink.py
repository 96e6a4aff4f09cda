"""Ink: finds the ink of a page on any paper, from any pen, in any light, and its connected components."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from inkread.geometry import Box, Boxes
from inkread.pictures.page import Page
from inkread.quantiles import median, quantile

Map = NDArray[np.float32]
Mask = NDArray[np.uint8]

COARSE_SIDE = 256
"""The longer side in pixels at which paper, polarity and stroke width are estimated. The strokes of a readable digit
are still visible at this size."""

DENSE = 0.1
"""A page can be dense if the smaller of its deviations, dark or light, is more than this share of the larger. The share
is at most 0.07 on real pages; its median is 0.4 for digits cropped to their edges."""

FAINTEST = 0.06
"""The smallest contrast, as a share of the grey scale, that counts as ink. Paper grain and JPEG noise are fainter."""


def find_ink(page: Page) -> Map:
    """Return the ink of a page: (H, W) float32 in 0..1, 0 = paper, 1 = ink. All are 0 if the page has no ink.

    Ink differs from the paper around it and is no wider than a stroke. The level of the paper under every pixel is a
    grey closing with a window wider than the strokes (the bottom hat of mathematical morphology; Serra, "Image Analysis
    and Mathematical Morphology", 1982). Shadows, folds and gradients are wider than strokes, so they count as paper,
    even if their edges are hard. The stroke width and the polarity come from a coarse view. The writing is dark or
    light, whichever deviates more from the paper. For a digit cropped to its edges, the corners decide instead.
    """
    grey = _unit(page.grey)
    coarse, paper, light, dense = _coarse_look(grey)
    if light:
        grey, coarse, paper = 1 - grey, 1 - coarse, 1 - paper
    if dense:
        paper = np.full_like(coarse, quantile(coarse, 0.98))
    width = _stroke_width(coarse, paper) * (max(grey.shape) / max(coarse.shape))
    noise = noise_of(page.grey)
    grey = _smooth(grey)
    paper = _paper(grey, 2.5 * width + 3)
    return _contrast(paper - grey, paper, max(FAINTEST, 3 * noise), 2 * width + 3)


def darken_writing(page: Page) -> NDArray[np.uint8]:
    """Return the grey of a page, (H, W) uint8, with dark writing on a lighter ground. Light writing is inverted."""
    light = _coarse_look(_unit(page.grey))[2]
    return np.asarray(255 - page.grey if light else page.grey, np.uint8)


def _coarse_look(grey: Map) -> tuple[Map, Map, bool, bool]:
    """Return a coarse view of a page, its paper, whether its writing is light, and whether the page is dense."""
    coarse = _shrink(grey, COARSE_SIDE)
    paper = _median(coarse)
    dark, light = _deviations(coarse, paper)
    dense = min(dark, light) > DENSE * max(dark, light) and _touches_all_edges(coarse)
    return coarse, paper, _has_dark_corners(coarse) if dense else light > dark, dense


def _unit(grey: NDArray[np.uint8]) -> Map:
    """Return grey levels as shares of the grey scale."""
    return np.asarray(grey / np.float32(255), np.float32)


def _shrink(grey: Map, side: float) -> Map:
    """Return `grey`, reduced so that its longer side is at most `side`."""
    factor = side / max(grey.shape)
    if factor >= 1:
        return grey
    height, width = (max(1, round(length * factor)) for length in grey.shape)
    return np.asarray(cv2.resize(grey, (width, height), interpolation=cv2.INTER_AREA), np.float32)


def _touches_all_edges(grey: Map) -> bool:
    """Return whether the ink of a page touches all its edges, while the corners are alike.

    This is true for a digit cropped to its edges, since digits are round. Such a page has so much ink that the median
    of the surroundings may be ink instead of paper. The corners of a page in a hard shadow are not alike.
    """
    corners = _corners(grey)
    edges = (grey[0], grey[-1], grey[:, 0], grey[:, -1])
    touched = all(np.abs(edge - median(corners)).max() > 2 * FAINTEST for edge in edges)
    return touched and bool(np.ptp(corners) < 2 * FAINTEST)


def _has_dark_corners(grey: Map) -> bool:
    return median(_corners(grey)) < (quantile(grey, 0.02) + quantile(grey, 0.98)) / 2


def _corners(grey: Map) -> Map:
    return np.array([grey[0, 0], grey[0, -1], grey[-1, 0], grey[-1, -1]], np.float32)


def _deviations(grey: Map, paper: Map) -> tuple[float, float]:
    """Return how much darker and how much lighter than paper a page is, summed over its pixels."""
    darker, lighter = paper - grey, grey - paper
    return float(np.clip(darker - FAINTEST, 0, 1).sum()), float(np.clip(lighter - FAINTEST, 0, 1).sum())


def _median(grey: Map) -> Map:
    """Return the median of the surroundings of every pixel. It is the paper if less than half of them is ink."""
    # The median is smooth, so a reduced size is enough. At full size it would take most of the time of an ink map.
    small = _shrink(grey, COARSE_SIDE / 2)
    window = max(3, int(0.6 * min(small.shape)) | 1)
    rim, (height, width) = window // 2, small.shape
    levels = np.rint(small * 255).astype(np.uint8)
    padded = cv2.copyMakeBorder(levels, rim, rim, rim, rim, cv2.BORDER_REFLECT_101)
    usual = np.bincount(levels.ravel()).argmax()
    # On a screenshot, one level can be the majority in every window.
    if 2 * np.count_nonzero(padded != usual) < window * window:
        return np.full_like(grey, usual / 255)
    median = _unit(np.asarray(cv2.medianBlur(padded, window), np.uint8)[rim : rim + height, rim : rim + width])
    return np.asarray(cv2.resize(median, grey.shape[::-1]), np.float32)


def _stroke_width(grey: Map, paper: Map) -> float:
    """Return the width of the strokes in pixels, for dark ink on lighter paper at the coarse size."""
    # This is faster than `np.maximum` with a number.
    depth = np.clip(paper - grey, 0, 1)
    level, _ = cv2.threshold(np.rint(depth * 255).astype(np.uint8), 0, 255, cv2.THRESH_OTSU)
    ink = (depth > max(level / 255, FAINTEST)).astype(np.uint8)
    # Only the box of the ink needs to be measured.
    x, y, w, h = cv2.boundingRect(ink)
    if not w:
        return 1.0
    part = cv2.copyMakeBorder(ink[y : y + h, x : x + w], 1, 1, 1, 1, cv2.BORDER_CONSTANT)
    inside = cv2.distanceTransform(part, cv2.DIST_L2, 5)
    ridge = inside[(inside > 0) & (inside >= cv2.dilate(inside, np.ones((3, 3))))]
    return 2 * quantile(ridge, 0.75)


def _smooth(grey: Map) -> Map:
    return np.asarray(cv2.GaussianBlur(grey, (0, 0), 0.7), np.float32)


def _paper(grey: Map, window: float) -> Map:
    """Return the level of the paper under every pixel, for strokes narrower than `window`."""

    def closed(small: Map, disc: NDArray[np.uint8]) -> Map:
        level = cv2.morphologyEx(small, cv2.MORPH_CLOSE, disc)
        smooth = cv2.GaussianBlur(level, (0, 0), len(disc) / 4)
        # Smoothing must not lift the dark side of an edge.
        return np.asarray(np.minimum(smooth, level), np.float32)

    return _at_scale(grey, window, closed)


def _at_scale(grey: Map, window: float, work: Callable[[Map, NDArray[np.uint8]], Map]) -> Map:
    """Return `work` of `grey` and a disc of `window` pixels.

    The time grows with the area of the disc, so a large disc and `grey` are reduced first.
    """
    factor = min(1.0, 12 / window)
    small = _shrink(grey, factor * max(grey.shape))
    return np.asarray(cv2.resize(work(small, _disc(window * factor)), grey.shape[::-1]), np.float32)


def noise_of(grey: NDArray[np.uint8]) -> float:
    """Return the standard deviation of the paper's noise as a share of the grey scale (Immerkaer 1996).

    The median is used instead of the mean, so that edges do not count. It comes from a histogram, since sorting a page
    takes longer than everything else here.
    """
    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
    change = np.abs(cv2.filter2D(grey, cv2.CV_16S, kernel)).view(np.uint16)
    if 2 * np.count_nonzero(change) < change.size:
        return 0.0
    up_to = np.cumsum(cv2.calcHist([change], [0], None, [8 * 255 + 1], [0, 8 * 255 + 1]))
    middle = np.searchsorted(up_to, [(change.size - 1) // 2, change.size // 2], side="right").mean()
    return float(middle) / 255 / 6 / 0.6745


def _contrast(depth: Map, paper: Map, faintest: float, window: float) -> Map:
    """Return ink from its depth below the paper: soft at the edges, 1 inside, 0 if it is too faint.

    The edge of a stroke is where the depth is about half of the largest depth within `window` pixels. So a faint stroke
    next to a dark one is not broken, and a blurred stroke is not thickened. A stroke is kept only if some part of it is
    at least half as deep as full ink. Fainter ink, such as writing that shows through, is removed.
    """
    # Relative to the paper, strokes in the shadow are as deep as strokes in the light, so they are not taken for print.
    light = np.clip(paper, 0.2, 1)
    printed = _print_level(depth / light, faintest)
    floor = np.maximum(faintest, printed * light) if printed else np.float32(faintest)
    strong = depth[depth > floor]
    if len(strong) < 4:
        return np.zeros_like(depth)
    full = quantile(strong, 0.8)
    local = _at_scale(depth, window, lambda small, disc: np.asarray(cv2.dilate(small, disc), np.float32))
    # This works in place, since allocating memory for a page takes longer than the arithmetic.
    edge = np.clip(local, 0, full, out=local)
    edge *= 0.45
    np.clip(edge, floor, 1, out=edge)
    ink = depth - edge
    edge *= 0.5
    ink /= edge
    ink += 0.5
    np.clip(ink, 0, 1, out=ink)
    ink *= _keep_seeded(ink > 0.25, depth > 0.5 * full)
    return ink


def _print_level(depth: Map, floor: float) -> float:
    """Return the depth up to which ink is print of the paper, such as ruled and squared lines. 0 if there is no print.

    On ruled paper, the middles of the strokes have two depths, one for the print and one for the pen. Otsu's method
    (1979) separates them. The print extends from one edge of the page to the other. A pen that runs dry also leaves two
    depths, but not all over the page.
    """
    middles = (depth > floor) & (depth >= cv2.dilate(depth, _disc(3)))
    depths = depth[middles]
    if len(depths) < 50:
        return 0.0
    level = cv2.threshold(np.rint(depths * 255).astype(np.uint8), 0, 255, cv2.THRESH_OTSU)[0] / 255
    faint, dark = depths[depths <= level], depths[depths > level]
    if len(faint) == 0 or len(dark) == 0 or dark.mean() < 1.6 * faint.mean():
        return 0.0
    between = len(faint) * len(dark) * float(dark.mean() - faint.mean()) ** 2 / len(depths) ** 2
    if between < 0.75 * depths.var():
        return 0.0
    _, _, w, h = cv2.boundingRect((middles & (depth <= level)).astype(np.uint8))
    spans = max(w / depth.shape[1], h / depth.shape[0]) > 0.9
    return float(np.sqrt(faint.mean() * dark.mean())) if spans else 0.0


def _keep_seeded(mask: NDArray[np.bool_], seeds: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the connected parts of `mask` that hold a seed (hysteresis; Canny 1986)."""
    count, labels = cv2.connectedComponentsWithAlgorithm(mask.view(np.uint8), 8, cv2.CV_32S, cv2.CCL_GRANA)
    kept = np.zeros(count, bool)
    kept[labels[seeds]] = True
    kept[0] = False
    return mask if kept[1:].all() else np.asarray(kept[labels])


def _disc(diameter: float) -> NDArray[np.uint8]:
    side = int(diameter) | 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)), np.uint8)


@dataclass(frozen=True)
class Components:
    """The N connected components of a page's ink. Pixels that touch at a corner are connected.

    boxes: (N, 4) int32: x, y, w, h in pixels of the page.
    areas: (N,) int32, in pixels.
    centres: (N, 2) float64, the centres of mass, x and y.
    labels: (H, W) int32, for each pixel of the page the number of its component, from 1; 0 is paper.
    """

    boxes: Boxes
    areas: NDArray[np.int32]
    centres: NDArray[np.float64]
    labels: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.areas)

    def mask(self, numbers: Sequence[int] | NDArray[np.intp], box: Box | None = None) -> Mask:
        """Return a uint8 map of the page, or of a box on it: 1 on the components at these indices, counted from 0."""
        chosen = np.zeros(len(self) + 1, np.uint8)
        chosen[np.asarray(numbers) + 1] = 1
        x, y, w, h = box or (0, 0, *self.labels.shape[::-1])
        return np.asarray(chosen[self.labels[y : y + h, x : x + w]], np.uint8)


def find_components(ink: Map) -> Components:
    """Return the connected components of the pixels above 0.5 in ink, (H, W) float32 in 0..1."""
    solid = (ink > 0.5).astype(np.uint8)
    # All of OpenCV's algorithms give the same numbers. This one is the fastest if there is little ink.
    _, labels, stats, centres = cv2.connectedComponentsWithStatsWithAlgorithm(solid, 8, cv2.CV_32S, cv2.CCL_GRANA)
    return Components(
        boxes=np.asarray(stats[1:, :4], np.int32),
        areas=np.asarray(stats[1:, 4], np.int32),
        centres=np.asarray(centres[1:], np.float64),
        labels=np.asarray(labels, np.int32),
    )
