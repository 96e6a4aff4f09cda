"""Lined paper: its lines are taken away, what is written across them stays."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from inkread import Reader
from inkread.drawing import GROUNDS, draw_digit, draw_sheet
from inkread.pictures.opening import open_picture

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
    texts = [reader.read(lined(ground, pen=pen, seed=seed)).text for seed in range(6)]
    assert texts.count("\n".join(LINES)) >= 5, texts


@pytest.mark.parametrize("degrees", [-5, 3])
@pytest.mark.parametrize("ground", ["ruled", "squared"])
def test_it_is_read_where_the_page_is_seen_at_an_angle(reader: Reader, ground: str, degrees: float) -> None:
    texts = [reader.read(turned(lined(ground, pen="ballpoint", seed=seed), degrees)).text for seed in range(6)]
    assert texts.count("\n".join(LINES)) >= 5, texts


def test_all_lines_go(reader: Reader) -> None:
    page = open_picture(lined("squared", pen="felt-tip", seed=0))
    found = without_lines(page)
    assert found is not None
    assert found.level is not None
    assert found.upright is not None
    assert min(len(found.level.rows), len(found.upright.rows)) >= 8
    before, after = (float((255 - grey.astype(float)).std()) for grey in (page.grey[:60], found.page.grey[:60]))
    assert after < before / 2, "the margin above the writing is as even as paper"


@pytest.mark.parametrize("ground", [ground for ground in GROUNDS if ground not in ("ruled", "squared")])
def test_paper_without_lines_stays_as_it_is(ground: str) -> None:
    rng = np.random.default_rng(4)
    sheet = draw_sheet(["111117", "714411", "447171", "117714"], rng=rng, ground=ground, height=40)
    for picture in (sheet, draw_digit(1, rng=rng, ground=ground)):
        assert without_lines(open_picture(picture)) is None


def test_two_lines_are_no_lined_paper() -> None:
    picture = draw_sheet(["12345"], rng=np.random.default_rng(1), height=60)
    picture[[4, 5, -6, -5]] = 90
    assert without_lines(open_picture(picture)) is None


def test_boxes_to_write_in_stay_boxes(reader: Reader) -> None:
    """Their lines run across the page at one distance, but none runs through a digit."""
    lines = ["31415", "92653", "58979", "32384", "62643"]
    table = draw_sheet(lines, rng=np.random.default_rng(2), boxes=True, leading=1.5, height=50)
    page = open_picture(table)
    assert without_lines(page) is not None
    _, handwriting = find_handwriting(page)
    assert handwriting.cells is not None
    assert len(handwriting.cells) == 25
    assert reader.read(table).text == "\n".join(lines)


def test_a_stroke_along_a_line_is_kept_where_it_is_darker() -> None:
    picture = np.full((400, 400), 250, np.uint8)
    picture[20::40] = 190
    picture[180, 100:200] = 40  # drawn along a line, with a pen
    found = without_lines(open_picture(np.dstack([picture] * 3)))
    assert found is not None
    assert found.page.grey[180, 110:190].max() < 80
    assert found.page.grey[220, 110:190].min() > 235


def test_the_example_on_ruled_paper_is_found(reader: Reader) -> None:
    with Image.open(EXAMPLES / "8-ruled.jpg") as image:
        found = without_lines(open_picture(image))
    assert found is not None
    assert found.level is not None
    assert reader.read(EXAMPLES / "8-ruled.jpg").text == "8"
