"""Drawn tables for tests: rules, digits in cells, and how the page lies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from inkread.drawing import draw_digit

Page = NDArray[np.uint8]

TALL, WIDE, MARGIN = 60, 110, 40
"""The height and width of a cell, and the space around a table, in pixels."""


def rules(rows: int, columns: int, *, missing: Sequence[tuple[str, int, int]] = (), thick: int = 2) -> Page:
    """Return a page with the rules of a table, (H, W) uint8.

    missing: sides of cells without a rule: "above" or "left", and the row and the column.
    """
    page = np.full((rows * TALL + 2 * MARGIN, columns * WIDE + 2 * MARGIN), 245, np.uint8)
    for row in range(rows + 1):
        for column in range(columns + 1):
            x, y = MARGIN + column * WIDE, MARGIN + row * TALL
            if column < columns and ("above", row, column) not in missing:
                cv2.line(page, (x, y), (x + WIDE, y), 60, thick)
            if row < rows and ("left", row, column) not in missing:
                cv2.line(page, (x, y), (x, y + TALL), 60, thick)
    return page


def written(page: Page, texts: Sequence[Sequence[str]], *, tall: int = TALL, wide: int = WIDE) -> Page:
    """Return a page with texts in the cells of a table: digits, "-" for a dash, and other texts as print."""
    page, side = page.copy(), int(0.6 * tall)
    for row, of_row in enumerate(texts):
        for column, text in enumerate(of_row):
            x, y = MARGIN + column * wide + wide // 2 - side * len(text) // 2, MARGIN + row * tall + int(0.2 * tall)
            if text == "-":
                cv2.line(page, (x, y + side // 2), (x + side // 2, y + side // 2), 20, 3)
            elif text.isdigit():
                for at, digit in enumerate(text):
                    rng = np.random.default_rng(10 * int(digit) + 3)
                    drawn: Any = draw_digit(int(digit), rng=rng, size=(side, side), pen="felt-tip", ground="plain")
                    part = page[y : y + side, x + at * side : x + (at + 1) * side]
                    np.minimum(part, drawn.min(axis=2), out=part)
            else:
                place = (MARGIN + column * wide + 10, y + side - 6)
                cv2.putText(page, text, place, cv2.FONT_HERSHEY_DUPLEX, 0.7, 30, 1, cv2.LINE_AA)
    return page


def leaning(page: Page, degrees: float) -> Page:
    """Return a page after a turn, as large as it needs to be."""
    height, width = page.shape
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1)
    more = int(abs(np.sin(np.radians(degrees))) * max(page.shape))
    matrix[:, 2] = matrix[:, 2] + more / 2
    return np.asarray(cv2.warpAffine(page, matrix, (width + more, height + more), borderValue=(245,)), np.uint8)


def photographed(page: Page) -> Page:
    """Return a page as a camera sees it from the side, half in a shadow."""
    height, width = page.shape
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    seen = np.array([[0.05, 0.1], [0.97, 0.02], [0.92, 0.95], [0.1, 0.9]], np.float32) * (width, height)
    matrix = cv2.getPerspectiveTransform(corners, seen.astype(np.float32))
    picture = cv2.warpPerspective(page, matrix, (width, height), borderValue=(245,)).astype(np.float32)
    picture[:, width // 2 :] *= 0.6
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), 0.8), np.uint8)
