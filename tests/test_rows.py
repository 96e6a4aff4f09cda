"""Rows: pieces of ink find their lines, straight_lines is taken away, and the likeliest digits are read out of them."""

from __future__ import annotations

from collections.abc import Collection

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from inkread.geometry import Box
from inkread.glyphs import CLASSES, NON_DIGIT
from inkread.ink import straight_lines
from inkread.ink.components import find_components
from inkread.ink.handwriting import strip_print, writing_height
from inkread.layout.candidates import CandidateRow, InkGroup, make_row, parts_of
from inkread.layout.patches import Patch
from inkread.layout.rows import find_rows
from inkread.recognition.decoding import best_path, best_paths

Ink = NDArray[np.float32]
Span = tuple[int, int]

HEIGHT = 40


def patch(x: int, y: int = 0, w: int = 20, h: int = HEIGHT) -> Patch:
    return Patch(Box(x, y, w, h), np.ones((h, w), np.float32))


def row(
    pieces: int, *, cut: Collection[int] = (), small: Collection[int] = (), uncut: tuple[Span, ...] = ()
) -> CandidateRow:
    """Return a row of so many pieces; `cut` are the places, from 0, at which ink was cut."""
    spans = {(a, b): patch(30 * a) for a in range(pieces) for b in range(a + 1, pieces + 1)}
    singles = tuple((at, at + 1) for at in range(pieces))
    cuts, smalls = tuple(at in cut for at in range(pieces - 1)), tuple(at in small for at in range(pieces))
    return CandidateRow(pieces, spans, uncut or singles, cuts, smalls, HEIGHT)


def likely(digit: float, none: float = 0.0) -> NDArray[np.float32]:
    """Return probabilities, (11,): of one digit, of none, and the rest spread over the other digits."""
    own = np.full(CLASSES + 1, (1 - digit - none) / (CLASSES - 1), np.float32)
    own[3], own[NON_DIGIT] = digit, none
    return own


def page_with(*boxes: tuple[int, int, int, int], size: tuple[int, int] = (200, 400)) -> Ink:
    """Return a page with a filled rectangle in each box."""
    ink = np.zeros(size, np.float32)
    for x, y, w, h in boxes:
        ink[y : y + h, x : x + w] = 1
    return ink


def rings(*corners: tuple[int, int], size: tuple[int, int] = (200, 400)) -> Ink:
    """Return a page with a 0, 24 pixels wide and 40 high, at each corner."""
    canvas = np.zeros(size, np.uint8)
    for x, y in corners:
        cv2.ellipse(canvas, (x + 12, y + 20), (10, 18), 0, 0, 360, 1, 4)
    return canvas.astype(np.float32)


def boxes_of(rows: list[CandidateRow]) -> list[list[Box]]:
    """Return the boxes of each row's pieces."""
    return [[row.spans[at, at + 1].box for at in range(row.pieces)] for row in rows]


def rows_on(ink: Ink, *, single_row: bool = False) -> list[CandidateRow]:
    return find_rows(strip_print(ink), single_row=single_row)


def parts_at(*corners: int, across: int = 20) -> list[int]:
    """Return the numbers into which digits, so many pixels wide, at these left edges part."""
    places = [InkGroup((patch(x, w=across),), Box(x, 0, across, HEIGHT)) for x in corners]
    return parts_of([(at, at + 1) for at in range(len(places))], make_row(places))


def without_ruling(ink: Ink, height: float) -> Ink:
    return straight_lines.without_ruling(ink, height, find_components(ink))


def height_of(ink: Ink) -> float:
    return writing_height(find_components(ink))


# The best path


def test_pieces_that_are_surely_digits_are_the_path() -> None:
    path = best_path(row(2), {(0, 1): likely(0.9), (1, 2): likely(0.8), (0, 2): likely(0.1, 0.8)})
    assert path.spans == ((0, 1), (1, 2))
    assert path.skipped == ()
    assert path.score == pytest.approx(np.log(0.9 * 0.8), abs=1e-5)


def test_pieces_that_are_a_digit_together_are_taken_together() -> None:
    path = best_path(row(2), {(0, 1): likely(0.4, 0.5), (1, 2): likely(0.4, 0.5), (0, 2): likely(0.9)})
    assert path.spans == ((0, 2),)


@pytest.mark.parametrize(
    ("whole", "spans"),
    [(likely(0.2), ((0, 2),)), (likely(0.12, 0.1), ((0, 2),)), (likely(0.07, 0.26), ((0, 1), (1, 2)))],
)
def test_ink_is_cut_only_where_two_digits_are_much_likelier(
    whole: NDArray[np.float32], spans: tuple[Span, ...]
) -> None:
    """Two digits of 0.99 have 0.98, but touch once in ten times."""
    lattice = {(0, 1): likely(0.99), (1, 2): likely(0.99), (0, 2): whole}
    assert best_path(row(2, cut={0}, uncut=((0, 2),)), lattice).spans == spans
    assert best_path(row(2), lattice).spans == ((0, 1), (1, 2))


def test_dirt_is_passed_over_without_a_word() -> None:
    lattice = {(0, 1): likely(0.9), (1, 2): likely(0.3), (2, 3): likely(0.9)}
    path = best_path(row(3, small={1}), lattice)
    assert path.spans == ((0, 1), (2, 3))
    assert path.skipped == ()
    assert best_path(row(3), lattice).spans == ((0, 1), (1, 2), (2, 3))


def test_a_small_piece_that_is_surely_a_digit_is_no_dirt() -> None:
    assert best_path(row(1, small={0}), {(0, 1): likely(0.9)}).spans == ((0, 1),)


def test_what_is_surely_no_digit_is_passed_over_and_reported() -> None:
    path = best_path(row(3), {(0, 1): likely(0.9), (1, 2): likely(0.02, 0.97), (2, 3): likely(0.9)})
    assert path.spans == ((0, 1), (2, 3))
    assert path.skipped == (1,)


def test_what_may_well_be_a_digit_is_one() -> None:
    assert best_path(row(1), {(0, 1): likely(0.4, 0.5)}).spans == ((0, 1),)


def test_a_cut_word_is_passed_over_as_a_whole() -> None:
    cut = row(2, cut={0}, uncut=((0, 2),))
    path = best_path(cut, {(0, 1): likely(0.1, 0.5), (1, 2): likely(0.1, 0.5), (0, 2): likely(0.01, 0.99)})
    assert path.spans == ()
    assert path.skipped == (0,)


def test_digits_that_touch_are_taken_apart_though_together_they_are_none() -> None:
    apart = {(0, 1): likely(0.9), (1, 2): likely(0.9), (0, 2): likely(0.01, 0.99)}
    touching = row(2, cut={0}, uncut=((0, 2),))
    assert best_path(touching, apart, among_digits=True).spans == ((0, 1), (1, 2))
    assert best_path(touching, apart).spans == (), "among letters it is rather another letter"


def test_digits_that_touch_are_taken_apart_though_together_they_may_be_a_digit() -> None:
    apart = {(0, 1): likely(0.9), (1, 2): likely(0.9), (0, 2): likely(0.35, 0.6)}
    touching = row(2, cut={0}, uncut=((0, 2),))
    assert best_path(touching, apart).spans == ((0, 2),)
    assert [path.spans for path in best_paths([touching], [apart])] == [((0, 1), (1, 2))]
    surely = apart | {(0, 2): likely(0.6, 0.35)}
    assert [path.spans for path in best_paths([touching], [surely])] == [((0, 2),)], "what is a digit stays whole"


def test_certainty_has_a_floor() -> None:
    path = best_path(row(1), {(0, 1): np.zeros(CLASSES + 1, np.float32)})
    assert np.isfinite(path.score)
    assert path.spans == ((0, 1),) or path.skipped == (0,)


def test_a_long_row_takes_the_best_of_all_ways() -> None:
    lattice = {(at, at + 1): likely(0.3, 0.1) for at in range(6)}
    lattice |= {(at, at + 2): likely(0.95) for at in (0, 2, 4)} | {(at, at + 2): likely(0.5) for at in (1, 3)}
    assert best_path(row(6), lattice).spans == ((0, 2), (2, 4), (4, 6))


# Rows


def test_pieces_stand_in_rows_from_top_to_bottom_and_left_to_right() -> None:
    ink = rings((200, 120), (40, 30), (120, 120), (120, 34), (40, 116), (200, 26))
    found = boxes_of(rows_on(ink))
    assert [[box[0] // 10 * 10 for box in boxes] for boxes in found] == [[40, 120, 200]] * 2
    assert [max(box[1] for box in boxes) < 60 for boxes in found] == [True, False]
    assert [len(boxes) for boxes in boxes_of(rows_on(ink, single_row=True))] == [6]


def test_a_page_without_ink_has_no_rows() -> None:
    assert rows_on(np.zeros((50, 60), np.float32)) == []
    assert rows_on(page_with((10, 10, 2, 2))) == []
    assert rows_on(page_with((10, 10, 2, 5))) == []  # no digit is so small
    assert len(rows_on(page_with((10, 10, 2, 6)))) == 1


def test_a_row_that_rises_is_one_row() -> None:
    climbing = [(20 + 50 * at, 150 - 15 * at) for at in range(7)]
    assert [len(boxes) for boxes in boxes_of(rows_on(rings(*climbing)))] == [7]


def test_a_bar_just_above_a_digit_is_a_part_of_it() -> None:
    near, far = (page_with((50, 60, 20, 40), (48, y, 24, 5), (150, 60, 20, 40)) for y in (50, 10))
    assert boxes_of(rows_on(near)) == [[(48, 50, 24, 50), (150, 60, 20, 40)]]
    assert (48, 50, 24, 50) not in [box for boxes in boxes_of(rows_on(far)) for box in boxes]


def test_a_speck_on_a_digit_is_a_part_of_it_and_one_far_off_is_none() -> None:
    ink = page_with((50, 60, 20, 40), (150, 60, 20, 40), (72, 60, 4, 4), (300, 150, 4, 4))
    assert boxes_of(rows_on(ink)) == [[(50, 60, 26, 40), (150, 60, 20, 40)]]


def test_a_bar_along_an_edge_is_beside_the_sheet() -> None:
    assert boxes_of(rows_on(page_with((0, 0, 8, 200), (50, 60, 20, 40)))) == [[(50, 60, 20, 40)]]
    assert boxes_of(rows_on(page_with((0, 0, 8, 200)))) == [[(0, 0, 8, 200)]]


def test_what_fills_a_corner_is_beside_the_sheet() -> None:
    assert boxes_of(rows_on(page_with((0, 0, 30, 40), (50, 10, 20, 40)))) == [[(50, 10, 20, 40)]]


def test_digits_that_touch_are_cut_and_may_be_one() -> None:
    ink = np.maximum(rings((50, 60), (80, 60)), page_with((70, 79, 14, 3)))
    (found,) = rows_on(ink)
    assert (0, found.pieces) in found.uncut
    assert (0, found.pieces) in found.spans
    assert all(found.cut)
    ends = {found.spans[0, end].box[0] + found.spans[0, end].box[2] for end in range(1, found.pieces)}
    assert any(74 <= end <= 80 for end in ends)


def test_pieces_far_apart_are_never_one_digit() -> None:
    (near,), (far,) = (rows_on(page_with((50, 60, 12, 40), (x, 60, 12, 40))) for x in (70, 90))
    assert ((0, 2) in near.spans, (0, 2) in far.spans) == (True, False)


# Numbers


def test_wide_gaps_part_a_row_into_numbers() -> None:
    assert parts_at(0, 30, 60, 150, 180, 270) == [0, 0, 0, 1, 1, 2]


def test_even_gaps_part_nothing_however_wide() -> None:
    assert parts_at(0, 100, 200, 300) == [0, 0, 0, 0]


def test_a_gap_that_is_less_than_the_height_parts_nothing() -> None:
    assert parts_at(0, 22, 44, 94) == [0, 0, 0, 0]
    assert parts_at(0, 22, 44, 104) == [0, 0, 0, 1]


def test_one_digit_and_none_have_no_gaps() -> None:
    assert parts_at(5) == [0]
    assert parts_of([], row(1)) == []


# The height of the writing


def test_the_writing_is_as_high_as_most_of_it() -> None:
    assert height_of(page_with(*((20 + 40 * at, 50, 20, 40) for at in range(5)), (250, 40, 30, 80))) == 40
    dirt = [(10 + 12 * at, 150, 4, 4) for at in range(30)]
    assert height_of(page_with(*((20 + 40 * at, 50, 20, 40) for at in range(5)), *dirt)) == 40


def test_neither_bars_along_the_edge_nor_a_table_count() -> None:
    assert height_of(page_with((0, 0, 8, 200), (50, 60, 20, 40))) == 40
    assert height_of(page_with((0, 0, 8, 200))) == 200
    assert height_of(np.maximum(table(3, 2, 80), rings(*cells(3, 2, 80)))) == pytest.approx(40, abs=2)


# Ruling


def table(across: int, down: int, side: int, *, size: tuple[int, int] = (200, 400)) -> Ink:
    """Return a table whose cells have so many pixels, from (10, 10)."""
    canvas = np.zeros(size, np.uint8)
    for at in range(across + 1):
        cv2.line(canvas, (10 + at * side, 10), (10 + at * side, 10 + down * side), 1, 2)
    for at in range(down + 1):
        cv2.line(canvas, (10, 10 + at * side), (10 + across * side, 10 + at * side), 1, 2)
    return canvas.astype(np.float32)


def cells(across: int, down: int, side: int) -> list[tuple[int, int]]:
    """Return the corners at which a ring stands in the middle of each cell."""
    inset = 10 + (side - 24) // 2, 10 + (side - 40) // 2
    return [(inset[0] + x * side, inset[1] + y * side) for y in range(down) for x in range(across)]


@pytest.mark.parametrize("side", [60, 80])
def test_a_table_is_taken_away_and_its_digits_stay(side: int) -> None:
    digits = rings(*cells(4, 2, side))
    left = without_ruling(np.maximum(table(4, 2, side), digits), HEIGHT)
    assert np.array_equal(left > 0.5, digits > 0.5)
    assert [len(boxes) for boxes in boxes_of(rows_on(np.maximum(table(4, 2, side), digits)))] == [4, 4]


def test_a_table_of_very_many_cells_is_taken_away_too() -> None:
    page = np.zeros((20 * 60 + 21, 24 * 60 + 21), np.uint8)
    for at in range(21):
        cv2.line(page, (10, 10 + 60 * at), (10 + 24 * 60, 10 + 60 * at), 1, 2)
    for at in range(25):
        cv2.line(page, (10 + 60 * at, 10), (10 + 60 * at, 10 + 20 * 60), 1, 2)
    for x, y in cells(24, 20, 60):
        cv2.ellipse(page, (x + 12, y + 20), (9, 17), 0, 0, 360, 1, 3)
    assert [len(boxes) for boxes in boxes_of(rows_on(page.astype(np.float32)))] == [24] * 20


def test_a_digit_across_a_line_keeps_its_strokes() -> None:
    digits = rings((60, 60), (120, 60), (180, 60))
    lines = page_with((10, 92, 360, 3))
    left = without_ruling(np.maximum(digits, lines), HEIGHT)
    assert (left[:, :50] > 0.5).sum() == (left[:, 220:] > 0.5).sum() == 0
    assert (left[digits > 0.5] > 0.5).mean() > 0.9
    assert [len(boxes) for boxes in boxes_of(rows_on(np.maximum(digits, lines)))] == [3]


def test_a_page_without_ruling_is_left_as_it_is() -> None:
    ink = rings((40, 60), (100, 60), (160, 60))
    assert without_ruling(ink, HEIGHT) is ink


def test_a_leaning_table_is_taken_away() -> None:
    ink = np.maximum(table(4, 2, 60), rings(*cells(4, 2, 60)))
    matrix = cv2.getRotationMatrix2D((130, 70), 5, 1.0)
    leaning = np.asarray(cv2.warpAffine(ink, matrix, (400, 200)), np.float32)
    digits = np.asarray(cv2.warpAffine(rings(*cells(4, 2, 60)), matrix, (400, 200)), np.float32)
    left = without_ruling(leaning, HEIGHT) > 0.5
    assert (left & (digits < 0.1)).sum() <= 0.02 * (digits > 0.5).sum()
    assert left[digits > 0.6].mean() > 0.97


def test_a_large_sign_with_a_straight_stroke_is_no_ruling() -> None:
    canvas = np.zeros((200, 400), np.uint8)
    cv2.circle(canvas, (150, 100), 40, 1, 4)
    cv2.line(canvas, (150, 60), (150, 140), 1, 4)
    assert np.array_equal(without_ruling(canvas.astype(np.float32), HEIGHT) > 0.5, canvas > 0)


@pytest.mark.parametrize(("count", "radius"), [(150, 1), (30, 3)])
def test_a_slanted_digit_on_a_page_full_of_specks_is_no_table(count: int, radius: int) -> None:
    rng = np.random.default_rng(0)
    canvas = np.zeros((300, 300), np.uint8)
    cv2.polylines(canvas, [np.array([[60, 60], [230, 60], [110, 250]], np.int32)], False, 1, 9)
    for x, y in rng.integers(5, 290, (count, 2)):
        cv2.circle(canvas, (int(x), int(y)), radius, 1, -1)
    ink = canvas.astype(np.float32)
    assert height_of(ink) > 150
    assert without_ruling(ink, height_of(ink)) is ink
    uncut = [row.spans[whole].box for row in rows_on(ink) for whole in row.uncut]
    largest = max(uncut, key=lambda box: box[3])
    x, y, w, h = largest  # specks close by may have joined
    assert max(x, y) <= 60
    assert x + w >= 228
    assert y + h >= 248
