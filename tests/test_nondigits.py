"""Non-digits: every family draws what it should, and nothing that could be taken for a digit."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from inkread.drawing import nondigits
from inkread.drawing.nondigits import DOODLES, FAMILIES, FOREIGN, HELD_OUT, LETTERS, MARKS, nondigit_ink

EVERY_FAMILY = (*FAMILIES, *HELD_OUT)
LOOK_ALIKES = "OoIlSsZzBbgqDQ"
SIZES = [(112, 112), (40, 40), (90, 160), (160, 90), (61, 47)]


def drawn(family: str, seed: int, size: tuple[int, int] = (112, 112)) -> NDArray[np.float32]:
    return nondigit_ink(family, size=size, rng=np.random.default_rng(seed))


def written(family: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return what a family of written signs writes for 600 seeds."""
    texts: list[str] = []

    def noted(text: str, size: tuple[int, int], rng: np.random.Generator) -> NDArray[np.float32]:
        texts.append(text)
        return np.zeros(size, np.float32)

    monkeypatch.setattr(nondigits, "_hershey", noted)
    for seed in range(600):
        drawn(family, seed, (8, 8))
    return texts


@pytest.mark.parametrize("family", EVERY_FAMILY)
@pytest.mark.parametrize("size", SIZES)
def test_every_family_leaves_ink_and_paper_in_a_frame_of_any_size(family: str, size: tuple[int, int]) -> None:
    for seed in range(12):
        ink = drawn(family, seed, size)
        assert ink.dtype == np.float32
        assert ink.shape == size
        assert ink.min() == 0
        assert 0.7 < ink.max() <= 1
        assert 0.005 < (ink > 0.3).mean() < 0.5


@pytest.mark.parametrize("family", EVERY_FAMILY)
def test_another_seed_draws_another_nondigit(family: str) -> None:
    assert len({drawn(family, seed).tobytes() for seed in range(8)}) >= 7


@pytest.mark.parametrize("family", EVERY_FAMILY)
def test_the_same_seed_draws_the_same_nondigit(family: str) -> None:
    for seed in range(4):
        assert np.array_equal(drawn(family, seed), drawn(family, seed))


# Texture may go to the edge, and of a thousand words in thick strokes one does.
@pytest.mark.parametrize("family", [family for family in EVERY_FAMILY if family not in {"textures", "words"}])
@pytest.mark.parametrize("size", [(112, 112), (90, 160), (160, 90)])
def test_what_is_drawn_lies_whole_within_the_frame(family: str, size: tuple[int, int]) -> None:
    for seed in range(30):
        ink = drawn(family, seed, size)
        assert not np.concatenate([ink[0], ink[-1], ink[:, 0], ink[:, -1]]).any()


def test_an_unknown_family_is_named_with_those_there_are() -> None:
    with pytest.raises(ValueError, match="no family 'digits' of non-digits") as raised:
        drawn("digits", 0)
    assert all(family in str(raised.value) for family in EVERY_FAMILY)


def test_what_refusal_is_measured_by_is_no_family_of_training() -> None:
    assert FAMILIES
    assert HELD_OUT
    assert not FAMILIES.keys() & HELD_OUT.keys()


def test_no_letter_resembles_a_digit() -> None:
    assert not set(LETTERS) & set(LOOK_ALIKES)
    assert LETTERS.isalpha()
    assert len(set(LETTERS)) == len(LETTERS)


def test_no_mark_is_a_digit_or_an_upright_line() -> None:
    assert not set(MARKS) & set("0123456789|!/\\()")
    assert not any(mark.isalnum() for mark in MARKS)


def test_no_foreign_letter_is_a_digit_or_written_like_one() -> None:
    assert FOREIGN.isalpha()
    assert not FOREIGN.isascii()
    # The Cyrillic ze, o and be, the Greek omicron and iota, the Hebrew vav and final nun: 3, 0, 6, 0, 1, 1, 1.
    assert not set(FOREIGN) & set("ЗзОоБбΟοΙιוןס")


def test_letters_are_single_and_all_of_them_come(monkeypatch: pytest.MonkeyPatch) -> None:
    assert set(written("letters", monkeypatch)) == set(LETTERS)


def test_marks_are_single_and_all_of_them_come(monkeypatch: pytest.MonkeyPatch) -> None:
    assert set(written("marks", monkeypatch)) == set(MARKS)


def test_words_have_two_to_four_small_letters(monkeypatch: pytest.MonkeyPatch) -> None:
    words = written("words", monkeypatch)
    assert {len(word) for word in words} == {2, 3, 4}
    assert set("".join(words)) == set(LETTERS.lower())


def test_the_typeface_has_every_foreign_letter() -> None:
    typeface = nondigits._typeface(40)
    missing = bytes(typeface.getmask("\uffff"))
    shapes = {bytes(typeface.getmask(letter)) for letter in FOREIGN}
    assert missing not in shapes
    assert len(shapes) == len(set(FOREIGN))


def test_a_larger_frame_gives_larger_print() -> None:
    for seed in range(5):
        small, large = (cv2.boundingRect((drawn("foreign", seed, (s, s)) > 0.5).astype(np.uint8)) for s in (50, 150))
        assert large[3] / small[3] == pytest.approx(3, rel=0.2)


def test_print_is_never_one_upright_line_alone() -> None:
    for seed in range(300):
        _, _, width, _ = cv2.boundingRect((drawn("rules", seed) > 0.5).astype(np.uint8))
        assert width > 0.25 * 112


def test_every_doodle_comes_as_it_is_written_down(monkeypatch: pytest.MonkeyPatch) -> None:
    drawings: list[list[NDArray[np.float64]]] = []

    def noted(ways: list[NDArray[np.float64]], size: tuple[int, int], rng: np.random.Generator) -> NDArray[np.float32]:
        drawings.append(ways)
        return np.zeros(size, np.float32)

    monkeypatch.setattr(nondigits, "_draw_lines", noted)
    for seed in range(200):
        drawn("doodles", seed)
    for form in DOODLES.values():
        strokes = [np.array([knot.split(",") for knot in stroke.split()], float) for stroke in form.split("/")]
        assert min(stroke.min() for stroke in strokes) >= 0
        assert max(stroke.max() for stroke in strokes) <= 100
        alike = [ways for ways in drawings if [len(way) for way in ways] == [len(stroke) for stroke in strokes]]
        # Uneven by 2.5 hundredths of the frame, the standard deviation.
        assert any(np.abs(np.concatenate(ways) - np.concatenate(strokes)).max() < 10 for ways in alike)
