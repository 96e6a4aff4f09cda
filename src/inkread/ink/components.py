"""Components: the connected parts of the ink of a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from inkread.geometry import Box, Boxes

Map = NDArray[np.float32]
Mask = NDArray[np.uint8]
_TABLES = 8  # a page has few tables; no more components than this are looked at for being one
_HELD = 0.045  # share of a table's box that the boxes of what stands in it take; more, where that is little
_HOLES = 3  # no digit has more holes that are
_LARGE_CELL = 0.004  # larger than this share of its box; rough chalk has many small ones
_CELL = 0.0003  # the cells of a page full of them are no larger than this


@dataclass(frozen=True)
class Components:
    """The N connected parts of a page's ink, with neighbours at the corners counted.

    boxes: (N, 4) int32: x, y, w, h in pixels of the page.
    areas: (N,) int32, in pixels.
    centres: (N, 2) float64, the centres of mass, x and y.
    labels: (H, W) int32, the page with the number of the part that each pixel belongs to, from 1; 0 is paper.
    """

    boxes: Boxes
    areas: NDArray[np.int32]
    centres: NDArray[np.float64]
    labels: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.areas)

    def mask(self, numbers: Sequence[int] | NDArray[np.intp], box: Box | None = None) -> Mask:
        """Return a map of the page, or of a box on it, uint8: 1 on the pixels of parts at these indices, from 0."""
        chosen = np.zeros(len(self) + 1, np.uint8)
        chosen[np.asarray(numbers) + 1] = 1
        x, y, w, h = box or (0, 0, *self.labels.shape[::-1])
        return np.asarray(chosen[self.labels[y : y + h, x : x + w]], np.uint8)

    @cached_property
    def at_edge(self) -> NDArray[np.bool_]:
        """Which parts touch an edge of the page, (N,)."""
        x, y, w, h = self.boxes.T
        height, width = self.labels.shape
        return np.asarray((x == 0) | (y == 0) | (x + w == width) | (y + h == height), np.bool_)

    @cached_property
    def holders(self) -> NDArray[np.bool_]:
        """Which parts hold others, as tables do, (N,): sparse, with much else in their box or with many holes."""
        held = np.zeros(len(self), bool)
        middles = self.boxes[:, :2] + self.boxes[:, 2:] / 2
        areas = self.boxes[:, 2].astype(float) * self.boxes[:, 3]
        for number in np.argsort(-areas)[:_TABLES]:
            if self.areas[number] > 0.3 * areas[number]:
                continue
            x, y, w, h = self.boxes[number]
            inside = ((middles > (x, y)) & (middles < (x + w, y + h))).all(axis=1) & (self.boxes[:, 3] > 5)
            inside &= areas < areas[number]  # a digit whose box holds the middle of the box around it holds nothing
            inside[number] = False
            share = areas[inside].sum() / areas[number]
            much = share > (_HELD if inside.sum() > 2 else 2 * _HELD)
            holes = _holes((self.labels[y : y + h, x : x + w] == number + 1).astype(np.uint8))
            large = sum(hole > _LARGE_CELL * areas[number] for hole in holes)
            held[number] = (much and max(holes, default=0) > _CELL * areas[number]) or large > _HOLES
        return held


def find_components(ink: Map) -> Components:
    """Return the connected parts of what is over 0.5 in ink, (H, W) float32 in 0..1."""
    solid = (ink > 0.5).astype(np.uint8)
    # Of OpenCV's algorithms, which give the same numbers, this one is the quickest where there is little ink.
    _, labels, stats, centres = cv2.connectedComponentsWithStatsWithAlgorithm(solid, 8, cv2.CV_32S, cv2.CCL_GRANA)
    return Components(
        boxes=np.asarray(stats[1:, :4], np.int32),
        areas=np.asarray(stats[1:, 4], np.int32),
        centres=np.asarray(centres[1:], np.float64),
        labels=np.asarray(labels, np.int32),
    )


def _holes(mask: Mask) -> list[float]:
    """Return the areas of the holes of a component, in pixels."""
    contours, hierarchy = cv2.findContours(mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    return [cv2.contourArea(contour) for contour, links in zip(contours, hierarchy[0], strict=True) if links[3] >= 0]
