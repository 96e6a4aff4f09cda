"""Components: the connected parts of the ink of a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from inkread.geometry import Box, Boxes

Map = NDArray[np.float32]
Mask = NDArray[np.uint8]


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
