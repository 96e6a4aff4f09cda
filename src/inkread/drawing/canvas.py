"""The canvas: the ink of a page while it is drawn, with its marks and the places that are ignored in training."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from inkread.marks import Area, LabelledMark

Ink = NDArray[np.float32]

MARGIN = 40
"""Pixels around the page that also hold ink, so that marks may cross its edge or be bent into the page."""

_VISIBLE = 0.35
"""Ink that is not stronger than this does not count for the box of a mark."""


class InkCanvas:
    """A page of `height` x `width` pixels to write on, with a margin of `MARGIN` around it.

    ink: (height + 2 MARGIN, width + 2 MARGIN) float32 from 0 (no ink) to 1 (full ink).
    marks: the visible marks, in the order in which they were written. Boxes may extend beyond the page.
    ignored: the places where it is unknown whether there is a mark. Training ignores them.
    """

    def __init__(self, height: int, width: int) -> None:
        self.height, self.width = height, width
        self.ink: Ink = np.zeros((height + 2 * MARGIN, width + 2 * MARGIN), np.float32)
        self.marks: list[LabelledMark] = []
        self.ignored: list[Area] = []

    def put(self, ink: Ink, x: float, y: float, strength: float = 1.0) -> Area | None:
        """Put ink, (h, w) float32 from 0 to 1, with its corner at x, y, and return the area of its visible part.

        Ink beyond the margin is lost, but the area includes it. Returns None for ink that is not visible.
        """
        left, top = round(x) + MARGIN, round(y) + MARGIN
        part = self.ink[max(0, top) : max(0, top + ink.shape[0]), max(0, left) : max(0, left + ink.shape[1])]
        if part.size == 0:
            return None
        above, before = max(0, -top), max(0, -left)
        shown = ink[above : above + part.shape[0], before : before + part.shape[1]]
        np.maximum(part, shown * np.float32(strength), out=part)
        x0, y0, w, h = cv2.boundingRect((ink > _VISIBLE).view(np.uint8))
        if not w:
            return None
        return (left - MARGIN + x0, top - MARGIN + y0, left - MARGIN + x0 + w, top - MARGIN + y0 + h)

    def label(self, area: Area, label: int, *, printed: bool = False) -> None:
        """Add a mark with this area and class."""
        self.marks.append(LabelledMark(*area, label, printed))

    def draw_line(self, points: list[tuple[float, float]], thickness: int) -> None:
        """Draw a line through points `(x, y)` of the page, with full ink."""
        way = np.array(points) + MARGIN
        cv2.polylines(self.ink, [way.astype(np.int32)], False, 1.0, thickness, cv2.LINE_AA)

    def clear(self, area: Area, reach: float) -> None:
        """Remove the ink of an area and the marks that overlap it, and ignore the places within `reach` pixels."""
        left, top, right, bottom = area

        def stays(other: Area) -> bool:
            return other[2] < left or other[0] > right or other[3] < top or other[1] > bottom

        self.marks = [mark for mark in self.marks if stays(mark.area)]
        self.ignored = [place for place in self.ignored if stays(place)]
        rows = slice(int(max(0, top + MARGIN)), int(bottom + MARGIN))
        self.ink[rows, int(max(0, left + MARGIN)) : int(right + MARGIN)] = 0
        self.ignored += [
            (left - reach, top - reach, right + reach, top + 2),
            (left - reach, bottom - 2, right + reach, bottom + reach),
            (left - reach, top, left + 1, bottom),
            (right - 2, top, right + reach, bottom),
        ]

    def open_up(self, unwanted: Callable[[LabelledMark], bool]) -> None:
        """Ignore the places of unwanted marks, and remove all marks."""
        self.ignored += [mark.area for mark in self.marks if unwanted(mark)]
        self.marks = []
