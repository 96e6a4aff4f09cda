"""Patches: the ink of one digit, cut out of its page."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from inkread.geometry import Box, hull
from inkread.ink.components import Components, Map


@dataclass(frozen=True, slots=True)
class Patch:
    """The ink of one digit: `box` is (x, y, w, h) in pixels of the page, `ink` its (h, w) float32 in 0..1."""

    box: Box
    ink: Map


def cut_out(ink: Map, found: Components, parts: list[int]) -> Patch:
    """Cut components out of the page, with the soft edge of their ink but without what else lies in their box."""
    x, y, w, h = box = hull(found.boxes[parts])
    own = found.mask(parts, box)
    soft = cv2.dilate(own, np.ones((3, 3), np.uint8)) > 0
    return Patch(box, ink[y : y + h, x : x + w] * soft)
