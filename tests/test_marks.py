"""Marks: what the shipped detector finds on a page, at which scale, and how lines and numbers come of it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from inkread.drawing.pictures import digit_ink
from inkread.drawing.strokes import Hand
from inkread.errors import ModelError
from inkread.geometry import Box
from inkread.glyphs import CLASSES
from inkread.layout.box_borders import without_box_borders
from inkread.layout.doubtful_marks import (
    find_doubtful_marks,
    find_weak_digits,
    suppress_covered,
    with_odds,
)
from inkread.layout.page_marks import Marks, _covered_by_surer, _with_hidden, find_marks, shared_boxes
from inkread.layout.patches import Patch
from inkread.layout.text_lines import characters, find_lines
from inkread.loading import SHIPPED, load_classifier
from inkread.marks import LETTER, MARK_CLASSES, MARKS
from inkread.models.detector import SHIPPED_DETECTOR, Detector, load_detector
from inkread.models.probabilities import pool_opinions
from inkread.reader import Reader
from inkread.readings import Reading
from inkread.recognition.recognise import LocatedDigit, PageReader, Recognition

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


def test_no_digit_falls_out_of_a_sheared_view() -> None:
    views: list[NDArray[Any]] = []
    detector = load_detector()

    class Keeping:
        def outputs(self, view: NDArray[Any]) -> NDArray[Any]:
            views.append(view)
            return detector.outputs(view)

    page = np.full((900, 300), 235, np.uint8)
    page[20:60, 5:9] = page[840:880, 291:295] = page[440:480, 140:144] = 180
    find_marks(page, Keeping())  # type: ignore[arg-type]
    sheared = [view for view in views if view.shape[1] / view.shape[0] > 0.5]
    assert sheared
    for view in sheared:
        ink = np.flatnonzero((view > 0.5).any(axis=0))
        assert ink[0] > 0
        assert ink[-1] < view.shape[1] - 1


@pytest.mark.parametrize(("second", "certainty", "found"), [(22, 0.8, 3), (14, 0.8, 2), (22, 0.4, 2), (40, 0.8, 2)])
def test_a_leaning_digit_under_the_box_of_its_neighbour_is_found(second: int, certainty: float, found: int) -> None:
    # A 1 and a 5 were found. Sheared, the page shows another 1 at x = `second`, beside the first at x = 12.
    five = ("5", (60.0, 10.0, 85.0, 50.0), 0.9)
    seen = _marks(("1", (0, 10, 24, 50), 0.9), five)
    upright = _marks(("1", (7, 10, 17, 50), 0.9), five, ("1", (second - 5, 10, second + 5, 50), certainty))
    marks = _with_hidden(seen, upright, upright)
    assert len(marks) == found
    if found == 3:
        # Its box is that of the leaning stroke.
        assert marks.boxes[2].tolist() == [12, 10, 32, 50]


def test_lines_are_parted_where_rows_are() -> None:
    lines = find_lines(find_marks(_page(30), load_detector()))
    assert [sum(len(run.digits) for run in line) for line in lines] == [5, 4]


def _random_boxes(count: int) -> NDArray[np.float32]:
    """Return boxes of which many overlap, (count, 4) float32."""
    rng = np.random.default_rng(count)
    corners = rng.uniform(0, 12 * count**0.5, (count, 2))
    return np.hstack([corners, corners + rng.uniform(2, 30, (count, 2))]).astype(np.float32)


# Boxes are compared 64 at a time.
@pytest.mark.parametrize("count", [0, 1, 2, 63, 64, 65, 200])
@pytest.mark.parametrize("of_both", [False, True])
def test_boxes_that_share_much_are_those_of_comparing_each_with_each(count: int, of_both: bool) -> None:
    boxes = _random_boxes(count)
    near, far = np.maximum(boxes[:, None, :2], boxes[None, :, :2]), np.minimum(boxes[:, None, 2:], boxes[None, :, 2:])
    shared = np.prod(np.maximum(far - near, 0), axis=2)
    areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    whole = areas[:, None] + areas - shared if of_both else np.minimum(areas[:, None], areas)
    pairs = [sorted(pair) for pair in shared_boxes(boxes, 0.3, of_both=of_both)]
    assert sorted(pairs) == np.argwhere(np.triu(shared > 0.3 * whole, 1)).tolist()


def test_a_mark_that_only_covered_ones_cover_is_kept() -> None:
    # Each box covers half of the next one; the second is covered by the first, so it does not count against the third.
    boxes = np.array([[0, 0, 20, 20], [6, 0, 26, 20], [12, 0, 32, 20]], np.float32)
    assert _covered_by_surer(boxes).tolist() == [False, True, False]


def test_the_shipped_detector_is_small() -> None:
    assert SHIPPED_DETECTOR.stat().st_size < 2_600_000


def _comb(text: str, *, height: int = 60, tilt: float = 0.0) -> NDArray[Any]:
    """Return digits in printed boxes side by side, each box as high as two digits, (H, W) uint8."""
    rng = np.random.default_rng(5)
    side = 2 * height
    page = np.full((side + 40, side * len(text) + 40), 250, np.uint8)
    for column, digit in enumerate(text):
        left = 20 + side * column
        cv2.rectangle(page, (left, 20), (left + side, 20 + side), 40, 3)
        ink = digit_ink(int(digit), rng=rng, size=(height, height), pen="felt-tip", shape="plain", share=0.95)
        top = 20 + height // 2
        part = page[top : top + height, left + height // 2 : left + height // 2 + height]
        np.minimum(part, (250 - 220 * ink).astype(np.uint8), out=part)
    turn = cv2.getRotationMatrix2D((page.shape[1] / 2, page.shape[0] / 2), tilt, 1)
    return np.asarray(cv2.warpAffine(page, turn, page.shape[::-1], borderValue=250), np.uint8)


@pytest.mark.parametrize("tilt", [0.0, 2.0, -3.0])
def test_borders_of_boxes_are_not_ones(tilt: float) -> None:
    assert _read(_comb("70312", tilt=tilt)).text.replace(" ", "") == "70312"


def test_a_one_without_a_line_at_both_ends_is_no_border() -> None:
    ink = np.zeros((120, 200), np.float32)
    ink[30:90, 40:44] = 1
    ink[88:92, :] = 1
    ink[30:90, 140:144] = 1
    ink[28:32, 100:200] = 1
    boxes = np.array([[38, 30, 46, 90], [138, 30, 146, 90]], np.float32)
    classes = np.eye(MARK_CLASSES, dtype=np.float32)[[1, 1]]
    marks = Marks(boxes, np.ones(2, np.float32), classes, np.zeros(2, np.float32))
    assert without_box_borders(marks, ink).boxes[:, 0].tolist() == [38]


def test_a_large_digit_beside_small_print_is_read() -> None:
    page = np.full((300, 600), 245, np.uint8)
    cv2.putText(page, "Examination", (20, 60), cv2.FONT_HERSHEY_DUPLEX, 0.9, 20, 2, cv2.LINE_AA)
    page[130:280, 340:490] = _page(75, ("7",))[:150, :150]
    reading = _read(page)
    assert reading.text == "7"
    assert any(unread.reason in {"print", "word"} for unread in reading.unread)


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_turned_page_is_read_upright(turns: int) -> None:
    reading = _read(np.ascontiguousarray(np.rot90(_page(40, seed=7), turns)))
    assert reading.text == "\n".join(ROWS)


def test_a_page_without_ink_costs_no_view(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Detector, "outputs", None)
    assert _read(np.full((300, 400), 240, np.uint8)).refused


def test_two_readers_agree_by_their_weights() -> None:
    own = np.array([[0.6, 0.3, *[0.0125] * 8, 0.0]], np.float32)
    detected = np.array([[0.1, 0.8, *[0.0125] * 8]], np.float32)
    assert pool_opinions(own, detected, 0.0)[:, :10].argmax() == 0
    assert pool_opinions(own, detected, 0.9).argmax() == 1
    assert pool_opinions(own, detected, 0.5).sum() == pytest.approx(1)
    unsure = np.array([[0.6, 0.3, *[0.0125] * 8, 0.9]], np.float32)
    unsure[:, :10] *= 0.1
    assert pool_opinions(unsure, detected, 0.5)[:, :10].argmax() == 1


def test_odds_move_a_letter_to_a_digit() -> None:
    classes = np.zeros((1, MARK_CLASSES), np.float32)
    classes[0, 5], classes[0, LETTER] = 0.1, 0.9
    marks = Marks(np.zeros((1, 4), np.float32), np.ones(1, np.float32), classes, np.zeros(1, np.float32))
    moved = with_odds(marks, np.array([0]), np.array([49], np.float32))
    assert moved.kinds[0] == 5
    assert moved.classes.sum() == pytest.approx(1)
    assert with_odds(marks, np.array([0]), np.array([1], np.float32)).classes == pytest.approx(classes)


def test_a_damaged_detector_of_a_model_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "detector").mkdir()
    shutil.copy(SHIPPED / "model.onnx", tmp_path / "model.onnx")
    (tmp_path / "detector" / "model.onnx").write_bytes((SHIPPED / "model.onnx").read_bytes())
    with pytest.raises(ModelError, match="detector"):
        Reader(tmp_path)


def _marks(*named: tuple[str, tuple[float, float, float, float], float]) -> Marks:
    """Return marks of these likeliest classes, boxes and certainties; "a" is a letter."""
    kinds = [LETTER if name == "a" else MARKS.index(name) for name, _, _ in named]
    boxes = np.array([box for _, box, _ in named], np.float32)
    certainties = np.array([certainty for _, _, certainty in named], np.float32)
    return Marks(boxes, certainties, np.eye(MARK_CLASSES, dtype=np.float32)[kinds], np.zeros(len(named), np.float32))


def _written(marks: Marks) -> list[tuple[str, str]]:
    """Return the kind of each run, and its digits and signs."""
    names = [*MARKS, "a", "?"]
    return [
        (run.kind, "".join(names[marks.kinds[at]] for at in characters(marks, run)))
        for line in find_lines(marks)
        for run in line
    ]


def test_a_weak_digit_beside_digits_is_looked_at_again() -> None:
    digits = (("5", (40, 10, 60, 40), 0.9), ("0", (70, 10, 90, 40), 0.9))
    assert find_weak_digits(_marks(("/", (10, 8, 34, 42), 0.3), *digits)).tolist() == [0]
    assert not len(find_weak_digits(_marks(("1", (44, 12, 52, 38), 0.3), *digits)))  # a stroke of the 5
    assert not len(find_weak_digits(_marks(("1", (10, 80, 34, 110), 0.3), *digits)))  # on another line
    assert not len(find_weak_digits(_marks(("1", (10, 8, 34, 42), 0.1), *digits)))


def test_letters_side_by_side_are_a_word_and_not_doubted() -> None:
    number = (("2", (10, 10, 30, 40), 0.9), ("0", (32, 10, 52, 40), 0.9))
    letters = [("a", (56.0 + 22 * at, 10.0, 76.0 + 22 * at, 40.0), 0.8) for at in range(4)]
    assert find_doubtful_marks(_marks(*number, letters[0])).tolist() == [2]
    assert not len(find_doubtful_marks(_marks(*number, *letters)))


def test_a_sign_that_may_be_a_digit_is_looked_at_again() -> None:
    marks = _marks(("=", (10, 14, 30, 38), 0.9), ("2", (34, 10, 54, 40), 0.9), ("0", (58, 10, 78, 40), 0.9))
    assert not len(find_doubtful_marks(marks))
    marks.classes[0, [5, MARKS.index("=")]] = 0.2, 0.8
    assert find_doubtful_marks(marks).tolist() == [0]
    marks.boxes[0, 1] = 30
    assert not len(find_doubtful_marks(marks)), "it is lower than digits"


def test_a_number_that_touches_a_word_is_read() -> None:
    letters = [("a", (54.0 + 22 * at, 10.0, 76.0 + 22 * at, 40.0), 0.8) for at in range(4)]
    marks = _marks(("2", (10, 10, 30, 40), 0.9), ("0", (32, 10, 54, 40), 0.9), *letters)
    assert _written(marks) == [("number", "20"), ("word", "")]


def test_a_small_raised_stroke_after_a_day_is_no_digit() -> None:
    day = (("1", (10, 10, 20, 40), 0.9), ("8", (24, 10, 44, 40), 0.9))
    assert _written(_marks(*day, ("1", (48, 11, 52, 27), 0.7))) == [("number", "18")]
    assert _written(_marks(*day, ("1", (48, 10, 52, 40), 0.7))) == [("number", "181")]


def test_slashes_in_a_number_with_a_point_are_leaning_ones() -> None:
    end = (("9", (66, 10, 86, 40), 0.9), ("3", (90, 10, 110, 40), 0.9), ("7", (114, 10, 134, 40), 0.9))
    start = (("2", (10, 10, 30, 40), 0.9), ("/", (32, 10, 50, 40), 0.9))
    assert _written(_marks(*start, *end)) == [("number", "2/937")]
    pointed = _marks(*start, (".", (56, 36, 60, 40), 0.9), *end)
    assert _written(pointed) == [("number", "2/.937")]
    assert len(find_lines(pointed)[0][0].digits) == 5


def test_slashes_in_a_number_that_begins_with_one_are_leaning_ones() -> None:
    marks = _marks(("/", (10, 10, 30, 40), 0.9), ("/", (32, 10, 50, 40), 0.9), ("9", (54, 10, 74, 40), 0.9))
    assert len(find_lines(marks)[0][0].digits) == 3


def test_a_doubtful_digit_that_surer_ones_cover_is_a_stroke_of_theirs() -> None:
    stroke = ("1", (22.0, 12.0, 42.0, 38.0), 0.5)
    beside = _marks(("3", (10, 10, 28, 40), 0.9), stroke, ("4", (36, 10, 60, 40), 0.9))
    assert suppress_covered(beside).certainties[1] < 0.25
    alone = _marks(("3", (10, 10, 28, 40), 0.9), stroke)
    assert suppress_covered(alone).certainties[1] == np.float32(0.5)


def _seen_at(box: Box, digit: int, *, legibility: float = 1.0) -> Recognition:
    """Return what is found on a page with one digit in a box."""
    ink = np.ones((box.h, box.w), np.float32)
    probabilities = np.eye(CLASSES + 1, dtype=np.float32)[[digit]]
    place = LocatedDigit(Patch(box, ink))
    return Recognition((place,), np.zeros((1, 28, 28), np.float32), probabilities, legibility=legibility)


@pytest.mark.parametrize(("top", "height", "read"), [(30, 150, 7), (0, 279, 3)])
def test_the_frame_of_a_page_is_no_large_digit(top: int, height: int, read: int) -> None:
    class Seeing(PageReader):
        def lines(self, *_: Any) -> Recognition:
            return _seen_at(Box(90, 190, 12, 16), 3, legibility=0.3)

        def single(self, _: Any) -> Recognition:
            return _seen_at(Box(60, top, 70, height), 7)

    reader = Seeing(load_detector(), load_classifier())
    found = reader.auto(np.zeros((279, 134), np.uint8), np.zeros((279, 134), np.float32))
    assert found.probabilities[0].argmax() == read
