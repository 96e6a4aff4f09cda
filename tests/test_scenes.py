"""Scenes and patches: pages that show what their labels say, from the same seed the same, with or without fonts."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from inkread.datasets.material import find_material
from inkread.drawing.canvas import InkCanvas
from inkread.drawing.noise import pick
from inkread.drawing.paper import document_ground
from inkread.drawing.scenes import SCENES, Scene, draw_scene
from inkread.drawing.signs import ABOVE, sign_ink
from inkread.drawing.stock import DrawnDigits, DrawnThings, Stock, WrittenDigits
from inkread.drawing.texts import number_text, word_text
from inkread.drawing.typefaces import STROKE_TYPEFACES, Typeface, typefaces
from inkread.drawing.writers import Writer, written_digit
from inkread.drawing.writing import Draft, strike_out, write_number, write_word
from inkread.errors import DataError
from inkread.marks import LETTER, MARKS, OTHER_INK, SIGNS, LabelledMark, normalise_page
from inkread.training.detector_material import HEIGHT, WIDTH, draw_again, draw_patch
from inkread.training.detector_targets import (
    CLASS,
    COUNTED,
    HEAT,
    IS_PRINTED,
    SIDES_FROM,
    WEIGHT,
    detector_targets,
)

NOTHING_BUT_STROKES = Stock(DrawnDigits(0), DrawnThings(0), STROKE_TYPEFACES)


def seeded(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.fixture(scope="module")
def faces() -> list[Typeface]:
    """Return some typefaces of each kind that was fetched; skip where none was."""
    try:
        material = find_material()
    except DataError as error:
        pytest.skip(f"needs fonts: {error.message}")
    found = typefaces(material.handwriting[:6], material.print[:3])
    return [*found.handwriting, *found.print]


def draft(seed: int = 0, *, stock: Stock = NOTHING_BUT_STROKES, height: float = 30, width: int = 900) -> Draft:
    """Return an empty page with a writer who leaves room between digits."""
    writer = replace(Writer.random(stock, rng=seeded(seed)), gap=0.3, joins=False)
    paper = np.ones((120, width), np.float32)
    return Draft(InkCanvas(120, width), paper, stock, writer, height, slope=0.0)


def read_back(marks: list[LabelledMark]) -> str:
    """Return the text of marks from left to right, letters as x."""
    return "".join((MARKS + "x")[mark.label] for mark in sorted(marks, key=lambda mark: mark.left + mark.right))


def ink_within(page: Draft, mark: LabelledMark) -> NDArray[np.float32]:
    rows = slice(int(mark.top) + 40, int(np.ceil(mark.bottom)) + 40)
    return page.canvas.ink[rows, int(mark.left) + 40 : int(np.ceil(mark.right)) + 40]


# What is written


@pytest.mark.parametrize("text", ["0123456789", "12.50", "1,234-", "12/05", "14:30", "98%", "3+4=7", "-7"])
def test_the_labels_of_a_number_are_its_text(text: str) -> None:
    for seed in range(4):
        page = draft(seed)
        end = write_number(page, text, (20, 40), rng=seeded(seed))
        assert [mark.label for mark in page.canvas.marks] == [MARKS.index(sign) for sign in text]
        assert read_back(page.canvas.marks) == text
        assert end > page.canvas.marks[-1].left


def test_every_mark_of_a_number_has_ink_to_its_edges() -> None:
    for seed in range(6):
        page = draft(seed)
        write_number(page, "4071,86-", (20, 40), rng=seeded(seed))
        for mark in page.canvas.marks:
            ink = ink_within(page, mark) > 0.3
            assert ink[0].any() and ink[-1].any() and ink[:, 0].any() and ink[:, -1].any()  # noqa: PT018 - one statement


def test_a_number_ends_before_what_it_may_not_reach() -> None:
    page = draft()
    write_number(page, "1234567890" * 3, (0, 40), rng=seeded(), until=300)
    assert 3 < len(page.canvas.marks) < 30
    assert all(mark.left < 330 for mark in page.canvas.marks)


def test_digits_are_as_high_as_they_should_be() -> None:
    writers = [Writer.random(NOTHING_BUT_STROKES, rng=seeded(seed)) for seed in range(40)]
    inks = [written_digit(writer, 5, 30.0, NOTHING_BUT_STROKES, rng=seeded()) for writer in writers]
    heights = [np.ptp(np.flatnonzero((ink > 0.3).any(axis=1))) + 1 for ink in inks]
    assert np.mean(heights) == pytest.approx(30, abs=3)
    assert all(ink.dtype == np.float32 and ink.min() >= 0 and ink.max() <= 1 for ink in inks)


@pytest.mark.parametrize("sign", SIGNS)
def test_every_sign_stands_where_it_belongs(sign: str) -> None:
    # Some people write the decimal point half-way up.
    lowest = {".": 0.35, ",": 0.6, "-": 0.2, "=": 0.1}.get(sign, -0.2)
    for seed in range(8):
        ink = sign_ink(sign, height=40, stroke=4, rng=seeded(seed))
        rows = np.flatnonzero((ink > 0.3).any(axis=1)) / 40 - ABOVE
        assert rows.size
        assert rows[0] > lowest
        assert rows[-1] < 1.45


def test_struck_out_digits_are_other_ink() -> None:
    page = draft()
    write_number(page, "123", (20, 40), rng=seeded())
    before = page.canvas.ink.sum()
    strike_out(page, [mark.area for mark in page.canvas.marks], rng=seeded())
    assert page.canvas.ink.sum() > before


@pytest.mark.parametrize("face", [*STROKE_TYPEFACES.handwriting, *STROKE_TYPEFACES.print])
def test_a_word_in_strokes_has_its_letters_where_their_ink_is(face: Typeface) -> None:
    _check_word(face)


def test_a_word_in_a_font_has_its_letters_where_their_ink_is(faces: list[Typeface]) -> None:
    for face in faces:
        _check_word(face)


def _check_word(face: Typeface) -> None:
    page = draft()
    end = write_word(page, "Summa 12.5", (20, 40), height=30, face=face, printed=True)
    assert read_back(page.canvas.marks) == "xxxxx12.5"
    assert all(mark.printed for mark in page.canvas.marks)
    assert all((ink_within(page, mark) > 0.3).any() for mark in page.canvas.marks)
    assert page.canvas.marks[-1].right == pytest.approx(end, abs=12)


def test_a_point_after_a_word_is_left_open() -> None:
    page = draft()
    write_word(page, "No. 7", (20, 40), height=30, face=STROKE_TYPEFACES.print[0], printed=False)
    assert [mark.label for mark in page.canvas.marks] == [LETTER, LETTER, 7]
    assert len(page.canvas.ignored) == 1


def test_texts_hold_nothing_but_what_has_a_class() -> None:
    for kind in ("amount", "cell", "text"):
        texts = [number_text(kind, seeded(seed)) for seed in range(300)]
        assert set("".join(texts)) <= set(MARKS)
        assert all(any(sign.isdigit() for sign in text) for text in texts)
        assert len(set(texts)) > 150
    assert all(word_text(seeded(seed)).strip() for seed in range(100))


def test_choices_come_as_often_as_they_should() -> None:
    rng = seeded()
    picked = [pick(((0.7, "often"), (0.3, "seldom")), rng) for _ in range(2000)]
    assert picked.count("often") / 2000 == pytest.approx(0.7, abs=0.04)


def test_drawn_digits_do_not_depend_on_what_was_asked_for_before() -> None:
    first, other = DrawnDigits(3), DrawnDigits(3)
    other.find(5, 1, 0)
    assert np.array_equal(first.find(7, 4, 1), other.find(7, 4, 1))
    assert not np.array_equal(first.find(7, 4, 1), DrawnDigits(4).find(7, 4, 1))


def test_written_digits_are_found_by_the_weight_of_their_strokes() -> None:
    images, labels = np.zeros((30, 28, 28), np.uint8), np.repeat(np.arange(10, dtype=np.uint8), 3)
    for index in range(30):
        images[index, 4:24, 10 : 12 + 2 * (index % 3)] = 255
    digits = WrittenDigits(images, labels)
    inked = [int((digits.find(4, weight)[0] > 0).sum()) for weight in (0.0, 0.5, 1.0)]
    assert inked == sorted(set(inked))
    assert digits.find(4, 0.5)[1] == pytest.approx(0, abs=0.01)


# Scenes


@pytest.mark.parametrize("kind", SCENES)
def test_a_scene_is_drawn_without_fonts_and_photographs(kind: str) -> None:
    for seed in range(3):
        scene = draw_scene(NOTHING_BUT_STROKES, (96, 200), rng=seeded(seed), kind=kind)
        assert scene.picture.dtype == np.uint8
        assert scene.picture.shape == (96, 200)
        assert (not scene.marks) or kind not in {"empty", "huge"}
        assert all(0 <= mark.label <= OTHER_INK for mark in scene.marks)
        assert all(mark.left < mark.right and mark.top < mark.bottom for mark in scene.marks)


def test_the_marks_of_a_scene_are_darker_than_what_is_around_them() -> None:
    seen = [
        _contrast(draw_scene(NOTHING_BUT_STROKES, (96, 240), rng=seeded(seed), kind="amount")) for seed in range(30)
    ]
    assert np.median(np.concatenate(seen)) > 0.8


def _contrast(scene: Scene) -> NDArray[np.float64]:
    """Return the darkest point of each mark, as the detector sees the page."""
    page = normalise_page(scene.picture)
    tops = [page[max(0, int(m.top)) : int(m.bottom), max(0, int(m.left)) : int(m.right)] for m in scene.marks]
    return np.array([part.max() for part in tops if part.size])


def test_the_same_seed_draws_the_same_scene_and_another_seed_another() -> None:
    first, again, other = (draw_scene(NOTHING_BUT_STROKES, (80, 160), rng=seeded(seed)) for seed in (4, 4, 5))
    assert np.array_equal(first.picture, again.picture)
    assert (first.marks, first.ignored) == (again.marks, again.ignored)
    assert not np.array_equal(first.picture, other.picture)


def test_a_photograph_is_a_ground_and_plain_paper_stands_in_for_it() -> None:
    photograph = np.tile(np.arange(200, dtype=np.uint8), (150, 1))
    shown = document_ground("photograph", (60, 90), (photograph,), rng=seeded())
    assert shown.shape == (60, 90)
    assert np.ptp(shown.mean(axis=0)) > 0.05
    assert document_ground("photograph", (60, 90), (), rng=seeded()).shape == (60, 90)


# How the detector sees a page


def test_ink_is_positive_and_paper_about_zero_however_bright_the_page() -> None:
    for paper, ink in ((250, 20), (140, 60)):
        grey = np.full((90, 140), paper, np.uint8)
        grey[40:50, 20:120] = ink
        page = normalise_page(grey)
        assert page.dtype == np.float32
        assert page[42:48, 30:110].min() > 0.7
        assert abs(float(page[5:15].mean())) < 0.25
        assert page.max() <= 3


@pytest.mark.parametrize("size", [(1, 1), (9, 40), (33, 33), (34, 200), (65, 12)])
def test_a_page_of_any_size_is_normalised(size: tuple[int, int]) -> None:
    grey = seeded().integers(0, 256, size, np.uint8)
    page = normalise_page(grey)
    assert page.shape == size
    assert np.isfinite(page).all()


# Patches and their targets


def test_a_patch_has_its_marks_within_it_and_repeats_with_its_seed() -> None:
    for seed in range(6):
        patch, again = (draw_patch(NOTHING_BUT_STROKES, rng=seeded(seed)) for _ in range(2))
        assert patch.page.shape == (HEIGHT, WIDTH)
        assert patch.page.dtype == np.float16
        assert np.array_equal(patch.page, again.page)
        assert patch.marks == again.marks
        for mark in patch.marks:
            assert 0 <= mark.left < mark.right <= WIDTH
            assert 0 <= mark.top < mark.bottom <= HEIGHT


def test_a_patch_that_is_seen_again_has_its_marks_moved_with_its_ink() -> None:
    patch = next(p for seed in range(9) if len((p := draw_patch(NOTHING_BUT_STROKES, rng=seeded(seed))).marks) > 5)
    again = draw_again(patch, rng=seeded(1))
    kept = [mark for mark in again.marks if mark.right - mark.left > 8]
    assert kept
    inked = [again.page[int(m.top) : int(m.bottom), int(m.left) : int(m.right)].max() for m in kept]
    assert np.median(inked) > 0.5
    assert not np.array_equal(again.page, patch.page)


def test_targets_say_class_and_sides_at_the_centre_of_each_mark() -> None:
    marks = [LabelledMark(20, 12, 36, 44, 7), LabelledMark(80, 20, 90, 24, MARKS.index("-"), printed=True)]
    targets = detector_targets(marks, [], (64, 128))
    assert targets.shape == (16, 32, 9)
    assert targets.dtype == np.float32
    assert (targets[..., HEAT] == 1).sum() == 2
    assert targets[7, 7, [HEAT, CLASS, IS_PRINTED]].tolist() == [1, 7, 0]
    assert targets[5, 21, [HEAT, CLASS, IS_PRINTED]].tolist() == [1, MARKS.index("-"), 1]
    x, y = 7 * 4 + 1.5, 7 * 4 + 1.5
    assert targets[7, 7, SIDES_FROM:].tolist() == [x - 20, y - 12, 36 - x, 44 - y]
    assert 0 < targets[7, 8, HEAT] < 1
    assert targets[15, 0, [HEAT, WEIGHT]].tolist() == [0, 0]
    assert (targets[..., COUNTED] == 1).all()


def test_what_is_left_open_does_not_count_but_where_a_mark_is() -> None:
    marks = [LabelledMark(20, 12, 36, 44, 7)]
    targets = detector_targets(marks, [(0, 0, 60, 64)], (64, 128))
    assert targets[7, 7, COUNTED] == 1
    assert targets[..., COUNTED].sum() == 1 + 16 * (32 - 15)


def test_heat_falls_from_the_centre() -> None:
    row = detector_targets([LabelledMark(40, 20, 80, 44, 3)], [], (64, 128))[8, 15:19, HEAT]
    assert all(near > far for near, far in pairwise(row))


def test_a_mark_beyond_the_patch_leaves_nothing() -> None:
    targets = detector_targets([LabelledMark(-30, 0, -10, 20, 3)], [], (64, 128))
    assert not targets[..., [HEAT, WEIGHT]].any()
