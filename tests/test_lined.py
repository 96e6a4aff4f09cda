"""Lined paper: its lines are taken away, what is written across them stays."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from inkread import Reader
from inkread.drawing import draw_sheet

EXAMPLES = Path(__file__).parents[1] / "examples"
LINES = ["90210", "3846"]


def lined(ground: str, *, pen: str, seed: int, size: tuple[int, int] = (420, 560)) -> NDArray[np.uint8]:
    """A page with two numbers, each digit higher than the lines are apart."""
    return draw_sheet(LINES, rng=np.random.default_rng(seed), size=size, ground=ground, pen=pen, height=80)


def turned(picture: NDArray[np.uint8], degrees: float) -> NDArray[np.uint8]:
    """The page as a camera that is not held straight sees it, its lines fanning out."""
    height, width = picture.shape[:2]
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1)
    moved = cv2.transform(corners[None], turn)[0] + [[6, 5], [-12, -4], [10, 8], [-9, -5]]
    matrix = cv2.getPerspectiveTransform(corners, np.asarray(moved, np.float32))
    return np.asarray(cv2.warpPerspective(picture, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE), np.uint8)


@pytest.mark.parametrize("ground", ["ruled", "squared"])
@pytest.mark.parametrize("pen", ["pencil", "ballpoint", "felt-tip"])
def test_what_is_written_on_lined_paper_is_read(reader: Reader, ground: str, pen: str) -> None:
    texts = [reader.read(lined(ground, pen=pen, seed=seed)).text for seed in range(36)]
    assert texts.count("\n".join(LINES)) >= 30, texts


@pytest.mark.parametrize("degrees", [-5, 3])
@pytest.mark.parametrize("ground", ["ruled", "squared"])
def test_it_is_read_where_the_page_is_seen_at_an_angle(reader: Reader, ground: str, degrees: float) -> None:
    texts = [reader.read(turned(lined(ground, pen="ballpoint", seed=seed), degrees)).text for seed in range(6)]
    assert texts.count("\n".join(LINES)) >= 5, texts


def test_boxes_to_write_in_are_not_read(reader: Reader) -> None:
    """The lines of boxes run across the page at one distance, but none runs through a digit."""
    lines = ["31415", "92653", "58979", "32384", "62643"]
    table = draw_sheet(lines, rng=np.random.default_rng(2), boxes=True, leading=1.5, height=50)
    # Joined boxes are a table, each cell of which is a number.
    assert reader.read(table).text == "\n".join(map(" ".join, lines))


def test_the_example_on_ruled_paper_is_read(reader: Reader) -> None:
    assert reader.read(EXAMPLES / "8-ruled.jpg").text == "8"
