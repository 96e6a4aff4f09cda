"""Marks: what the shipped detector finds on a page, at which scale, and how lines and numbers come of it."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from inkread.drawing.pictures import digit_ink
from inkread.drawing.strokes import Hand
from inkread.geometry import Box
from inkread.layout.page_marks import find_marks
from inkread.layout.text_lines import find_lines
from inkread.models.detector import SHIPPED_DETECTOR, load_detector
from inkread.reader import Reader
from inkread.readings import Reading

ROWS = ("90210", "4758")


def _page(height: int, rows: tuple[str, ...] = ROWS, *, seed: int = 3) -> NDArray[Any]:
    """Return a page with rows of drawn digits `height` pixels high, (H, W) uint8."""
    rng = np.random.default_rng(seed)
    hand = Hand.random(rng=rng)
    page = np.full((2 * height * len(rows) + height, height * (max(map(len, rows)) + 2)), 245, np.uint8)
    for row, text in enumerate(rows):
        for column, digit in enumerate(text):
            shape = "closed" if digit == "4" else "plain" if digit != "9" else "straight"
            ink = digit_ink(
                int(digit), rng=rng, size=(height, height), pen="felt-tip", hand=hand, shape=shape, share=0.9
            )
            top, left = height // 2 + 2 * height * row, height // 2 + int(0.9 * height * column)
            part = page[top : top + height, left : left + height]
            np.minimum(part, (245 - 220 * ink).astype(np.uint8), out=part)
    return page


def _read(picture: NDArray[Any]) -> Reading:
    return Reader(profile=None).read(picture)


@pytest.mark.parametrize("height", [14, 24, 40, 90, 200])
def test_digits_of_any_height_are_found_and_read(height: int) -> None:
    assert _read(_page(height)).text == "\n".join(ROWS)


def test_light_writing_on_a_dark_ground_is_read_alike() -> None:
    assert _read(255 - _page(40)).text == "\n".join(ROWS)


def test_each_digit_stands_in_its_box() -> None:
    page = _page(60, ("2580",))
    digits = _read(page).digits
    assert len(digits) == 4
    for column, digit in enumerate(digits):
        assert digit.box.overlap(Box(33 + 54 * column, 30, 54, 60)) > 0.3


def test_an_empty_page_has_no_marks() -> None:
    found = _read(np.full((300, 400), 240, np.uint8))
    assert found.text == ""
    assert found.unread == ()


def test_printed_words_beside_a_number_are_unread_with_their_place() -> None:
    page = np.full((120, 620), 250, np.uint8)
    cv2.putText(page, "Examination", (10, 80), cv2.FONT_HERSHEY_DUPLEX, 1.6, 20, 3, cv2.LINE_AA)
    page[:, 400:] = np.minimum(page[:, 400:], cv2.resize(_page(60, ("75",)), (220, 120)))
    found = _read(page)
    assert [unread.reason for unread in found.unread if unread.box.x < 300]
    assert all(digit.box.x > 340 for digit in found.digits)


def test_the_work_follows_from_what_is_on_a_page() -> None:
    seen: list[int] = []
    detector = load_detector()

    class Counting:
        def outputs(self, view: NDArray[Any]) -> NDArray[Any]:
            seen.append(view.size)
            return detector.outputs(view)

    find_marks(_page(700, ("7",)), Counting())  # type: ignore[arg-type]
    assert sum(seen) < 30_000


def test_lines_are_parted_where_rows_are() -> None:
    lines = find_lines(find_marks(_page(30), load_detector()))
    assert [sum(len(run.digits) for run in line) for line in lines] == [5, 4]


def test_the_shipped_detector_is_small() -> None:
    assert SHIPPED_DETECTOR.stat().st_size < 2_600_000
