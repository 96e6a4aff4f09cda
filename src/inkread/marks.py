"""Marks: what the detector may find on a page, and how it sees the page; where reading and its training meet.

The detector takes a page as `normalise_page` gives it and answers at every `STRIDE`-th pixel, `(H/4, W/4, 26)`: how
likely the centre of a mark is there, the mark's class, its sides, and whether it is printed.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

SIGNS = ".,-/:%+="
"""The signs that numbers hold."""

MARKS = "0123456789" + SIGNS
"""The marks that are text: a mark's class is its index here."""

FIRST_SIGN = 10
"""The class of the first of the signs."""

LETTER = len(MARKS)
"""The class of a letter, printed or written."""

OTHER_INK = LETTER + 1
"""The class of ink that is not text: ticks, scribbles, drawings, struck-out digits."""

MARK_CLASSES = OTHER_INK + 1
"""The number of classes."""

STRIDE = 4
"""Pixels of the page per place of the detector's answer, across and down."""

MULTIPLE = 16
"""The detector takes pages whose height and width are multiples of this many pixels."""

SIDE_UNIT = 8.0
"""Pixels per unit of the sides that the detector gives."""

CENTRE = 0
"""Channel of the answer: the logit of a mark's centre."""

CLASSES_FROM, CLASSES_TO = 1, 1 + MARK_CLASSES
"""Channels of the answer: the logits of the classes."""

SIDES_FROM, SIDES_TO = CLASSES_TO, CLASSES_TO + 4
"""Channels of the answer: how far the mark reaches to the left, up, to the right and down, in `SIDE_UNIT`s."""

PRINTED = SIDES_TO
"""Channel of the answer: the logit of print, against handwriting."""

CHANNELS = PRINTED + 1
"""The number of channels of the answer."""

Area: TypeAlias = tuple[float, float, float, float]
"""A rectangle by its left, top, right and bottom edge, in pixels, which need not be whole."""

Grey: TypeAlias = NDArray[np.uint8]
"""A grey picture, (H, W) uint8 with 255 = white."""

# The side in pixels of the neighbourhood whose mean counts as paper. It is wider than a digit.
_SURROUNDINGS = 65
# The side in pixels of a block of the page. Each block has one depth of ink.
_BLOCK = 32
# The depth of the page is that of its blocks at this share from the deepest, so that a smear does not decide.
_DEEPEST_SHARE = 0.05
# The smallest depth of a page, as a share of white. Otherwise grain alone would become as deep as ink.
_LEAST_DEPTH = 0.08
# Ink, in units of the page's depth, is clipped to these bounds.
_BOUNDS = (-2.0, 3.0)


class LabelledMark(NamedTuple):
    """One mark of a drawn page: its edges in pixels, its class (0 to 19), and whether it is printed."""

    left: float
    top: float
    right: float
    bottom: float
    label: int
    printed: bool = False

    @property
    def area(self) -> Area:
        """Its edges."""
        return self[:4]


def normalise_page(grey: Grey) -> NDArray[np.float32]:
    """Return a page, (H, W) uint8, as the detector sees it: (H, W) float32, paper about 0 and ink positive to 3."""
    light = grey.astype(np.float32) / np.float32(255)
    darker = _surroundings(light) - light
    return np.clip(darker / np.float32(_depth(darker)), *_BOUNDS)


def _surroundings(light: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the mean of the neighbourhood of each pixel, the page mirrored at its edges."""
    side = (_SURROUNDINGS, _SURROUNDINGS)
    if min(light.shape) > _SURROUNDINGS // 2 + 1:
        return np.asarray(cv2.blur(light, side, borderType=cv2.BORDER_REFLECT), np.float32)
    # A page smaller than half of the neighbourhood is mirrored more than once.
    room = _SURROUNDINGS // 2 + 1
    wide = cv2.copyMakeBorder(light, room, room, room, room, cv2.BORDER_REFLECT)
    return np.asarray(cv2.blur(wide, side)[room:-room, room:-room], np.float32)


def _depth(darker: NDArray[np.float32]) -> float:
    """Return the depth of the page's ink: that of its deepest blocks, in shares of white."""
    relief = np.abs(cv2.GaussianBlur(darker, (0, 0), 1))
    rows, columns = (side // _BLOCK * _BLOCK for side in relief.shape)
    if not rows or not columns:
        return max(_LEAST_DEPTH, float(relief.max()))
    highest = cv2.dilate(relief[:rows, :columns], np.ones((_BLOCK, _BLOCK), np.uint8))
    blocks = np.sort(highest[_BLOCK // 2 :: _BLOCK, _BLOCK // 2 :: _BLOCK], axis=None)
    return max(_LEAST_DEPTH, float(blocks[-max(1, int(len(blocks) * _DEEPEST_SHARE))]))
