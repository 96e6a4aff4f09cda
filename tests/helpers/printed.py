"""Pictures with print: a page of handwriting below printed words, and words alone."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from inkread.drawing import draw_sheet

FORM_LINES = ("90210", "4758")
"""The handwriting on `form`."""

BELOW_PRINT = (0, 60, 700, 360)
"""The part of `form` that has all of its handwriting and none of its print."""


def form() -> NDArray[Any]:
    """Return a page with three printed words above two handwritten numbers, (420, 700, 3) uint8."""
    page = draw_sheet(list(FORM_LINES), rng=np.random.default_rng(1), size=(420, 700), height=60, ground="plain")
    return _with_words(np.array(page), across=3)


def word_alone() -> NDArray[Any]:
    """Return a page with a printed word and nothing else, (90, 300, 3) uint8."""
    return _with_words(np.full((90, 300, 3), 245, np.uint8), across=1)


def _with_words(page: NDArray[Any], *, across: int) -> NDArray[Any]:
    for column in range(across):
        place = (20 + 225 * column, 40)
        cv2.putText(page, "Examination", place, cv2.FONT_HERSHEY_DUPLEX, 0.9, (30, 30, 30), 2, cv2.LINE_AA)
    return page
