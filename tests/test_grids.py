"""Grids: boxes are places, whatever stands in them and however they were drawn."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from inkread import Reader
from inkread.drawing import draw_sheet
from inkread.ink.boxes import Cells, without_boxes
from inkread.ink.components import find_components
from inkread.ink.handwriting import strip_print

Ink = NDArray[np.float32]
SIDE = 50


def boxes(columns: int, rows: int = 1, *, gap: int = 0, lean: float = 0.0, thick: int = 2) -> Ink:
    """Return a page with so many boxes, which fall to the right by `lean` degrees."""
    canvas = np.zeros((rows * (SIDE + gap) + 120, columns * (SIDE + gap) + 120), np.uint8)
    for row in range(rows):
        for column in range(columns):
            corner = (60 + column * (SIDE + gap), 60 + row * (SIDE + gap))
            cv2.rectangle(canvas, corner, (corner[0] + SIDE, corner[1] + SIDE), 1, thick)
    height, width = canvas.shape
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), -lean, 1.0)
    return np.asarray(cv2.warpAffine(canvas.astype(np.float32), matrix, (width, height)), np.float32)


def cells_of(ink: Ink) -> Cells | None:
    return without_boxes(ink, find_components(ink))[1]


@pytest.mark.parametrize("lean", [-8.0, -3.0, 0.0, 1.0, 5.0])
@pytest.mark.parametrize(("columns", "rows", "gap"), [(6, 1, 0), (6, 1, 14), (5, 4, 0), (3, 2, 20)])
def test_empty_boxes_are_places_and_no_writing(columns: int, rows: int, gap: int, lean: float) -> None:
    ink = boxes(columns, rows, gap=gap, lean=lean)
    handwriting = strip_print(ink)
    assert handwriting.cells is not None
    assert len(handwriting.cells) == columns * rows
    assert abs(handwriting.cells.lean - lean) < 1.5
    assert (handwriting.ink > 0.5).sum() < 0.02 * (ink > 0.5).sum()
    assert np.abs(handwriting.cells.rectangles[:, 2:] - SIDE).max() < 8


def test_a_box_alone_is_one_only_with_something_in_it() -> None:
    empty = boxes(1)
    assert cells_of(empty) is None
    full = empty.copy()
    cv2.line(full, (85, 72), (85, 100), 1.0, 4)
    found = cells_of(full)
    assert found is not None
    assert len(found) == 1


@pytest.mark.parametrize("narrow", [6, 9, 14])
def test_zeros_are_no_boxes_however_narrow(narrow: int) -> None:
    canvas = np.zeros((100, 400), np.uint8)
    for x in range(40, 380, 40):
        cv2.ellipse(canvas, (x, 50), (narrow, 18), 0, 0, 360, 1, 3)
    assert cells_of(canvas.astype(np.float32)) is None


def test_lines_that_do_not_quite_meet_close_a_box() -> None:
    ink = boxes(4, gap=14)
    ink[58:64, 80:82] = 0  # a gap in the upper line of the first box
    found = cells_of(ink)
    assert found is not None
    assert len(found) == 4


def test_boxes_turn_with_their_page() -> None:
    found = cells_of(boxes(5, 2, lean=3))
    assert found is not None
    for turns in range(4):
        turned = found.turned(turns)
        again = turned.turned(4 - turns)
        assert np.allclose(again.rectangles, found.rectangles, atol=1e-6)
        assert turned.labels.shape == np.rot90(found.labels, turns).shape
        assert turned.lean == found.lean


def emptied(picture: NDArray[np.uint8], lines: Sequence[str], row: int, column: int) -> NDArray[np.uint8]:
    """Return a drawn sheet in boxes with the digit of one box painted over."""
    side = (picture.shape[1] - 2 * 0.6 * 48) / len(lines[0])
    x, y = round(0.6 * 48 + column * side), round(0.6 * 48 + row * 1.9 * 48)
    copy = picture.copy()
    copy[y + 6 : y + round(side) - 6, x + 6 : x + round(side) - 6] = np.median(picture, axis=(0, 1))
    return copy


def test_an_empty_box_is_an_empty_place(reader: Reader) -> None:
    lines = ["386427"]
    picture = draw_sheet(lines, rng=np.random.default_rng(3), boxes=True)
    assert reader.read(picture).text == "386427"
    assert reader.read(emptied(picture, lines, 0, 2)).text == "38 427"


@pytest.mark.parametrize("slope", [-0.09, -0.05, 0.05, 0.09])
def test_a_row_of_joined_boxes_that_leans_keeps_none_of_its_sides(reader: Reader, slope: float) -> None:
    read = 0
    for seed in range(8):
        rng = np.random.default_rng(seed)
        line = "".join(map(str, rng.integers(0, 10, 7)))
        reading = reader.read(draw_sheet([line], rng=rng, boxes=True, slope=slope))
        read += len(reading.digits) == len(line)
    assert read == 8


@pytest.mark.parametrize("content", ["auto", "number", "lines"])
@pytest.mark.parametrize("gap", [0, 14])
def test_empty_boxes_are_refused(reader: Reader, gap: int, content: str) -> None:
    for lean in (0.0, 3.0):
        page = np.rint(240 - 200 * boxes(8, 2, gap=gap, lean=lean)).astype(np.uint8)
        refused = reader.read(page, as_=content).refused  # type: ignore[arg-type]
        assert refused is not None
        assert refused.code in {"blank", "no-digit"}


def test_a_pen_much_fainter_than_its_boxes_is_seen(reader: Reader) -> None:
    for seed in range(4):
        plain = draw_sheet(["40715"], rng=np.random.default_rng(seed), pen="felt-tip")
        digits = reader.read(plain).digits
        page = np.rint(255 - 0.3 * (255.0 - plain)).astype(np.uint8)
        top, bottom = (edge([(d.box.y, d.box.y + d.box.h) for d in digits]) for edge in (np.min, np.max))
        middles = [(a.box.x + a.box.w + b.box.x) // 2 for a, b in pairwise(digits)]
        for left, right in pairwise([digits[0].box.x - 9, *middles, digits[-1].box.x + digits[-1].box.w + 9]):
            cv2.rectangle(page, (int(left), int(top) - 9), (int(right), int(bottom) + 9), (0, 0, 0), 3)
        assert reader.read(page).text.replace(" ", "") == "40715"
