"""Numbers and sheets: their digits are read in order, whatever page, and pages without digits are refused."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from typer.testing import CliRunner

from inkread import Reader, Reading
from inkread.cli.app import app
from inkread.drawing import draw_sheet
from inkread.drawing.nondigits import nondigit_ink
from inkread.evaluation.statistics import edit_distance
from inkread.options import Content
from inkread.pictures.page import WORKING_PIXELS
from inkread.readings import Line, Number

Picture = NDArray[np.uint8]
Lines = Sequence[str]

CONTENTS: tuple[Content, ...] = ("auto", "digit", "number", "lines")


def seeded(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def some(count: int, length: int, seed: int) -> list[str]:
    """Return lines of random digits."""
    rng = seeded(1000 + seed)
    return ["".join(map(str, rng.integers(0, 10, length))) for _ in range(count)]


@cache
def _drawn(lines: tuple[str, ...], seed: int, **options: Any) -> Picture:
    picture = draw_sheet(lines, rng=seeded(seed), **options)
    picture.flags.writeable = False
    return picture


def drawn(lines: Lines, seed: int, **options: Any) -> Picture:
    """Return `draw_sheet` of lines and a seed. Each page is drawn once, and tests that change a page copy it."""
    return _drawn(tuple(lines), seed, **options)


def share_right(reader: Reader, page: Callable[[Lines, int], Picture], pages: Sequence[Lines], **options: str) -> float:
    """Return the share of all signs, digits, spaces and line breaks, that are read right."""
    wrong = total = 0
    pictures = (page(lines, seed) for seed, lines in enumerate(pages))
    readings = reader.read_many(pictures, **options)  # type: ignore[call-overload]
    for reading, lines in zip(readings, pages, strict=True):
        truth = "\n".join(lines)
        wrong += edit_distance(reading.text, truth)
        total += len(truth)
    return 1 - wrong / total


def refusal(reading: Reading) -> str | None:
    return reading.refused.code if reading.refused else None


def ink_on_paper(ink: NDArray[np.float32]) -> Picture:
    return np.asarray(np.rint(240 - 220 * ink), np.uint8)


SHEETS = [some(3, 6, seed) for seed in range(10)]
SMALL = [some(3, 3, seed) for seed in range(10)]
"""As many sheets, hands and lines, for what does not go by how long lines are or how large the page is."""
NUMBERS = [some(1, 6, seed) for seed in range(20)]


# Drawn sheets


def test_a_drawn_sheet_is_the_same_for_the_same_seed_and_as_large_as_asked_for() -> None:
    first, again = (draw_sheet(["12", "34"], rng=seeded(3), size=(300, 400), ground="paper") for _ in range(2))
    assert np.array_equal(first, again)
    assert first.shape == (300, 400, 3)
    assert first.dtype == np.uint8
    assert draw_sheet(["12 34"], rng=seeded(3)).shape[1] > draw_sheet(["1234"], rng=seeded(3)).shape[1]


def test_what_cannot_be_drawn_on_a_sheet_is_named() -> None:
    with pytest.raises(ValueError, match="digits and spaces"):
        draw_sheet(["1a"], rng=seeded())
    with pytest.raises(ValueError, match="digits and spaces"):
        draw_sheet([" ", ""], rng=seeded())
    with pytest.raises(ValueError, match="more than 100 x 60"):
        draw_sheet(["1234"], rng=seeded(), size=(60, 100))


# Numbers and lines


@pytest.mark.parametrize("content", ["auto", "number", "lines"])
def test_a_number_is_read(reader: Reader, content: str) -> None:
    read = share_right(reader, drawn, NUMBERS, as_=content)
    assert read >= 0.97


@pytest.mark.parametrize("ground", ["plain", "paper", "ruled", "squared", "blackboard", "shadow"])
def test_a_sheet_is_read_line_by_line_on(reader: Reader, ground: str) -> None:
    assert share_right(reader, lambda lines, seed: drawn(lines, seed, ground=ground), SHEETS) >= 0.96


@pytest.mark.parametrize("slope", [-0.2, -0.1, 0.1, 0.2])
def test_lines_that_rise_or_fall_are_kept_apart(reader: Reader, slope: float) -> None:
    assert share_right(reader, lambda lines, seed: drawn(lines, seed, slope=slope), SHEETS) >= 0.96


@pytest.mark.parametrize("height", [16, 28, 120])
def test_writing_of_any_size_is_read(reader: Reader, height: int) -> None:
    assert share_right(reader, lambda lines, seed: drawn(lines, seed, height=height), SMALL) >= 0.96


@pytest.mark.parametrize("overlap", [1, 4])
def test_digits_that_touch_are_taken_apart(reader: Reader, overlap: int) -> None:
    def page(lines: Lines, seed: int) -> Picture:
        """Two numbers, drawn apart and pushed together until their nearest digits share this many columns."""
        inks = [draw_sheet([part], rng=seeded(seed), pen="felt-tip").min(axis=2) for part in (lines[0], lines[1])]
        parts = [ink[:, np.flatnonzero(ink.min(axis=0) < 120)[0] : np.flatnonzero(ink.min(axis=0) < 120)[-1] + 1]
                 for ink in inks]  # fmt: skip
        height = min(part.shape[0] for part in parts)
        left, right = (part[:height] for part in parts)
        canvas = np.full((height + 40, left.shape[1] + right.shape[1] - overlap + 60), 255, np.uint8)
        canvas[20:-20, 30 : 30 + left.shape[1]] = left
        view = canvas[20:-20, 30 + left.shape[1] - overlap :][:, : right.shape[1]]
        np.minimum(view, right, out=view)
        return canvas

    wrong = total = 0
    for seed in range(12):
        lines = [part[0] for part in (some(1, 3, seed), some(1, 3, 40 + seed))]
        wrong += edit_distance(reader.read(page(lines, seed)).text, "".join(lines))
        total += 6
    assert wrong <= 0.15 * total


def test_digits_of_different_sizes_stand_on_one_line(reader: Reader) -> None:
    assert share_right(reader, lambda lines, seed: drawn(lines, seed, uneven=0.15), NUMBERS) >= 0.96


def test_lines_of_different_sizes_are_read(reader: Reader) -> None:
    def page(lines: Lines, seed: int) -> Picture:
        parts = [draw_sheet([line], rng=seeded(seed), height=h) for line, h in zip(lines, (72, 48, 40), strict=True)]
        width = max(part.shape[1] for part in parts)
        return np.concatenate(
            [np.pad(part, ((0, 0), (0, width - part.shape[1]), (0, 0)), mode="edge") for part in parts]
        )

    assert share_right(reader, page, SMALL) >= 0.95


def test_wide_gaps_part_numbers(reader: Reader) -> None:
    pages = [[f"{a} {b}" for a, b in zip(some(2, 3, seed), some(2, 4, 50 + seed), strict=True)] for seed in range(10)]
    assert share_right(reader, drawn, pages) >= 0.97
    reading = reader.read(draw_sheet(["305 1768", "42 96 81"], rng=seeded(1)))
    assert reading.text == "305 1768\n42 96 81"
    assert [number.text for number in reading.numbers] == ["305", "1768", "42", "96", "81"]
    assert [[number.text for number in line.numbers] for line in reading.lines] == [["305", "1768"], ["42", "96", "81"]]
    assert [digit.number for digit in reading.digits] == [0] * 3 + [1] * 4 + [2, 2, 3, 3, 4, 4]
    assert [digit.line for digit in reading.digits] == [0] * 7 + [1] * 6


def test_of_several_rows_a_number_makes_one(reader: Reader) -> None:
    picture = draw_sheet(["386", "472"], rng=seeded(2))
    assert reader.read(picture, as_="lines").text == "386\n472"
    assert len(reader.read(picture, as_="number").lines) == 1


def test_of_many_digits_as_digit_reads_one_at_most(reader: Reader) -> None:
    for seed in range(5):
        reading = reader.read(draw_sheet(["38642"], rng=seeded(seed)), as_="digit", min_confidence=0)
        assert len(reading.digits) <= 1
    assert len(reader.read(draw_sheet(["38642"], rng=seeded(0)), as_="auto").digits) == 5


@pytest.mark.parametrize("content", CONTENTS)
def test_a_page_with_one_digit_is_read_as_whatever_it_is_called(reader: Reader, content: Content) -> None:
    pictures = {str(digit): draw_sheet([str(digit)], rng=seeded(20 + digit)) for digit in range(10)}
    assert sum(reader.read(picture, as_=content).text == text for text, picture in pictures.items()) >= 9


# Boxes


@pytest.mark.parametrize("slope", [0.0, 0.1])
def test_boxes_lie_in_the_picture_around_their_ink_from_left_to_right(reader: Reader, slope: float) -> None:
    picture = draw_sheet(["3086", "5274"], rng=seeded(4), slope=slope)
    reading = reader.read(picture)
    assert reading.text == "3086\n5274"
    covered = np.zeros(picture.shape[:2], bool)
    for digit in reading.digits:
        x, y, w, h = digit.box
        assert min(x, y) >= 0
        assert min(w, h) > 8
        assert (x + w <= picture.shape[1], y + h <= picture.shape[0]) == (True, True)
        covered[y : y + h, x : x + w] = True
    assert ((picture.max(axis=2) < 120) & ~covered).sum() == 0
    assert 40 < max(digit.box.h for digit in reading.digits) < 64
    for line in reading.lines:
        assert all(a.box.x < b.box.x for a, b in pairwise(line.digits))
    assert reading.lines[0].box.y < reading.lines[1].box.y


# Ruling


@pytest.mark.parametrize("ground", ["plain", "paper"])
def test_a_printed_row_of_boxes_is_no_writing(reader: Reader, ground: str) -> None:
    def page(lines: Lines, seed: int) -> Picture:
        return drawn(lines, seed, boxes=True, ground=ground)

    assert share_right(reader, page, SMALL) >= 0.97


@pytest.mark.parametrize("content", ["auto", "number", "lines"])
def test_printed_boxes_that_stand_apart_are_no_writing(reader: Reader, content: str) -> None:
    apart = [[" ".join(line) for line in lines] for lines in NUMBERS]
    wrong = 0
    for seed, (line,) in enumerate(apart):
        text = reader.read(drawn([line], seed, boxes=True), as_=content).text  # type: ignore[arg-type]
        wrong += edit_distance(text.replace(" ", ""), line.replace(" ", ""))
    assert wrong <= 0.05 * 6 * len(apart)


@pytest.mark.parametrize("slope", [0.0, 0.08])
@pytest.mark.parametrize("height", [28, 60])
def test_a_table_is_no_writing(reader: Reader, slope: float, height: int) -> None:
    def page(lines: Lines, seed: int) -> Picture:
        joined = [line.replace(" ", "") for line in lines]
        return drawn(joined, seed, boxes=True, leading=1.5, slope=slope, height=height)

    # A sloping table is as wide as a sheet, so that its rows lie beside each other.
    pages = SHEETS if slope else SMALL
    # Each cell of a table is a number.
    cells = [[" ".join(line.replace(" ", "")) for line in lines] for lines in pages]
    assert share_right(reader, page, cells) >= 0.97


def test_an_empty_table_is_refused(reader: Reader) -> None:
    picture = np.full((300, 400), 240, np.uint8)
    for at in range(20, 400, 60):
        cv2.line(picture, (at, 20), (at, 260), 60, 2)
    for at in range(20, 300, 60):
        cv2.line(picture, (20, at), (380, at), 60, 2)
    for content in ("auto", "number", "lines"):
        assert refusal(reader.read(picture, as_=content)) in {"blank", "no-digit"}


def test_a_line_under_a_number_is_no_digit(reader: Reader) -> None:
    def page(lines: Lines, seed: int) -> Picture:
        picture = drawn(lines, seed).copy()
        height, width, _ = picture.shape
        cv2.line(picture, (10, height - 14), (width - 10, height - 12), (30, 30, 30), 3)
        return picture

    assert share_right(reader, page, NUMBERS) >= 0.97


# Pages turned and framed


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_page_turned_by_quarters_is_read_upright(reader: Reader, turns: int) -> None:
    right = 0
    for seed in range(10):
        lines = ["".join(map(str, part)) for part in np.split(seeded(seed).permutation(10), 2)]
        picture = drawn(lines, seed)
        right += reader.read(np.rot90(picture, turns)).text == "\n".join(lines)
    assert right >= 9


def test_a_page_of_digits_that_are_some_upside_down_too_is_not_turned(reader: Reader) -> None:
    for seed in range(6):
        lines = ["".join(seeded(seed).permutation(list("01689"))), "96"]
        picture = drawn(lines, seed)
        assert np.array_equal(reader.steps(picture).page.colour, picture)


def test_the_boxes_of_a_turned_page_are_those_of_the_upright_one(reader: Reader) -> None:
    picture = draw_sheet(["23457", "74352"], rng=seeded(1))
    upright, turned = reader.read(picture), reader.read(np.rot90(picture))
    assert upright.text == turned.text == "23457\n74352"
    for one, other in zip(upright.digits, turned.digits, strict=True):
        assert np.abs(np.subtract(one.box, other.box)).max() <= 2


def test_a_page_called_one_digit_is_never_turned(reader: Reader) -> None:
    sideways = np.ascontiguousarray(np.rot90(draw_sheet(["23457", "74352"], rng=seeded(1))))
    assert reader.steps(sideways, as_="digit").ink.shape == sideways.shape[:2]
    assert reader.steps(sideways).ink.shape == sideways.shape[1::-1]


@pytest.mark.parametrize("edge", ["top", "bottom", "left", "right"])
def test_a_bar_along_an_edge_is_no_digit(reader: Reader, edge: str) -> None:
    def page(lines: Lines, seed: int) -> Picture:
        picture = drawn(lines, seed).copy()
        turns = ["top", "right", "bottom", "left"].index(edge)
        np.rot90(picture, turns)[:12] = 20
        return picture

    assert share_right(reader, page, SMALL) >= 0.97


# Lines and numbers as values


@pytest.fixture(scope="module")
def sheet(reader: Reader) -> Reading:
    return reader.read(draw_sheet(["305 1768", "42 96 81"], rng=seeded(1)))


def test_lines_and_numbers_say_what_their_digits_say(sheet: Reading) -> None:
    first, second = sheet.lines
    assert (first.text, str(second), str(first.numbers[1])) == ("305 1768", "42 96 81", "1768")
    assert first.digits + second.digits == sheet.digits
    assert first.numbers[0].digits == sheet.digits[:3]
    parts: list[Line | Number] = [*sheet.lines, *sheet.numbers]
    for part in parts:
        assert part.confidence == pytest.approx(math.prod(digit.confidence for digit in part.digits), abs=1e-5)
        left, top = (min(digit.box[axis] for digit in part.digits) for axis in (0, 1))
        right = max(digit.box.x + digit.box.w for digit in part.digits)
        bottom = max(digit.box.y + digit.box.h for digit in part.digits)
        assert part.box == (left, top, right - left, bottom - top)
    of_digits = first.confidence * second.confidence + 1e-5
    assert 0.8 * of_digits < (sheet.confidence or 0) <= of_digits, "what speaks against the page counts in its text"


def test_a_sheet_goes_through_json_and_back(sheet: Reading) -> None:
    again = Reading.from_json(sheet.to_json())
    assert again == sheet
    assert again.lines == sheet.lines
    assert [number.text for number in again.numbers] == ["305", "1768", "42", "96", "81"]


@pytest.fixture(scope="module")
def sheet_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sheets") / "sheet.png"
    Image.fromarray(draw_sheet(["305 1768", "42 96 81"], rng=seeded(1))).save(path)
    return path


def rows_of(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(printed(path, "csv"))))


def printed(path: Path, format_: str) -> str:
    return CliRunner().invoke(app, ["read", str(path), "--format", format_], obj={"debug": False}).stdout


def test_json_tells_lines(sheet_file: Path) -> None:
    values = json.loads(
        CliRunner().invoke(app, ["read", str(sheet_file), "--format", "json"], obj={"debug": False}).stdout
    )
    assert values["text"] == "305 1768\n42 96 81"
    assert values["lines"] == ["305 1768", "42 96 81"]
    assert [digit["line"] for digit in values["digits"]] == [0] * 7 + [1] * 6


def test_csv_tells_lines_and_numbers(sheet_file: Path) -> None:
    assert [(row["line"], row["text"], row["value"]) for row in rows_of(sheet_file)] == [
        ("1", "305", "305"),
        ("1", "1768", "1768"),
        ("2", "42", "42"),
        ("2", "96", "96"),
        ("2", "81", "81"),
    ]


# Refused pages, and pages that ask much


def test_words_are_refused(reader: Reader) -> None:
    words = [reader.read(ink_on_paper(nondigit_ink("words", size=(160, 240), rng=seeded(s)))) for s in range(30)]
    assert sum(refusal(word) == "no-digit" for word in words) >= 21


@pytest.fixture(scope="module")
def pages_of_words() -> list[Picture]:
    pages = []
    for seed in range(4):
        rng = seeded(seed)
        parts = [[nondigit_ink("words", size=(80, 160), rng=rng) for _ in range(2)] for _ in range(4)]
        pages.append(ink_on_paper(np.block(parts)))
    return pages


@pytest.mark.parametrize("content", ["auto", "number", "lines"])
def test_a_page_of_words_is_refused(reader: Reader, pages_of_words: list[Picture], content: Content) -> None:
    for page in pages_of_words:
        reading = reader.read(page, as_=content)
        # As one row, four lines of letters stand above each other, and some pass for a 1 or a 7.
        if content == "number" and not reading.refused:
            assert (reading.confidence or 0.0) < 0.3
        else:
            assert refusal(reading) == "no-digit"


BLANK: dict[str, Picture] = {
    "noise in colour": seeded().integers(0, 256, (300, 300, 3), dtype=np.uint8),
    "noise in grey": seeded().integers(0, 256, (300, 300), dtype=np.uint8),
    "noise in black and white": 255 * seeded().integers(0, 2, (300, 300), dtype=np.uint8),
    "all black": np.zeros((200, 300, 3), np.uint8),
    "one black pixel": np.zeros((1, 1), np.uint8),
    "one white pixel": np.full((1, 1), 255, np.uint8),
    "a strip": np.full((20, 30_000), 255, np.uint8),
    "a tower": np.full((30_000, 20), 255, np.uint8),
}


@pytest.mark.parametrize("content", CONTENTS)
@pytest.mark.parametrize("page", BLANK)
def test_a_page_without_writing_is_refused_as_whatever_it_is_called(
    reader: Reader, page: str, content: Content
) -> None:
    assert refusal(reader.read(BLANK[page], as_=content)) == "blank"


def test_five_hundred_digits_are_read(reader: Reader) -> None:
    lines = some(20, 25, 0)
    reading = reader.read(draw_sheet(lines, rng=seeded(), height=28))
    assert edit_distance(reading.text, "\n".join(lines)) <= 10
    assert len(reading.lines) == 20


# In a notebook


def test_a_notebook_shows_the_text_with_a_word_on_each_digit(sheet: Reading) -> None:
    page = sheet._repr_html_()
    assert page.count("<span") >= len(sheet.digits)
    assert page.count("<br>") == len(sheet.lines) - 1
    assert "http" not in page
    first = sheet.digits[0]
    assert f"at {first.box.x}, {first.box.y}, {first.box.w} x {first.box.h} pixels" in page


def test_a_notebook_shows_names_and_refusals_as_text() -> None:
    values = Reading("<b>&.png").to_dict() | {"refused": {"code": "blank", "message": "<nothing>"}}
    page = Reading.from_dict(values)._repr_html_()
    assert "&lt;b&gt;&amp;.png" in page
    assert "blank: &lt;nothing&gt;" in page
    assert "<b>" not in page


# Any page


@settings(max_examples=15, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 2**32 - 1),
    ground=st.sampled_from(["plain", "paper", "ruled", "squared", "shadow", "blackboard"]),
    height=st.sampled_from([20, 32, 48, 90]),
    slope=st.floats(-0.1, 0.1),
    boxed=st.booleans(),
    turns=st.integers(0, 3),
    megapixels=st.sampled_from([None, 0.3, 3, 24]),
)
def test_any_drawn_page_gives_digits_in_its_bounds_or_is_refused(
    reader: Reader, seed: int, ground: str, height: int, slope: float, boxed: bool, turns: int, megapixels: float | None
) -> None:
    rng = seeded(seed)
    lines = ["".join(map(str, rng.integers(0, 10, rng.integers(1, 8)))) for _ in range(rng.integers(1, 4))]
    page = draw_sheet(lines, rng=rng, ground=ground, height=height, slope=slope, boxes=boxed and ground == "paper")
    # It is turned before it is enlarged, which is faster.
    page = np.ascontiguousarray(np.rot90(page, turns))
    if megapixels:
        factor = (1e6 * megapixels / (page.shape[0] * page.shape[1])) ** 0.5
        page = np.asarray(cv2.resize(page, None, fx=factor, fy=factor, interpolation=cv2.INTER_LINEAR), np.uint8)
    reading = reader.read(page)
    assert (reading.refused is None) == bool(reading.digits)
    assert len(reading.digits) <= 2 * len("".join(lines)) + 2
    longer = max(page.shape[:2])
    for digit in reading.digits:
        assert min(digit.box) >= 0
        assert max(digit.box.x + digit.box.w, digit.box.y + digit.box.h) <= longer
        assert 0 <= digit.confidence <= 1
        assert math.isclose(sum(digit.probabilities), 1, abs_tol=1e-4)
    assert Reading.from_json(reading.to_json()) == reading


def test_a_page_of_small_writing_is_read_from_a_finer_page(reader: Reader) -> None:
    lines = some(6, 8, 3)
    small = draw_sheet(lines, rng=seeded(3), height=22)
    page = np.full((2600, 2600, 3), np.median(small, axis=(0, 1)), np.uint8)
    page[900 : 900 + small.shape[0], 700 : 700 + small.shape[1]] = small
    steps = reader.steps(page)
    assert steps.page.grey.size > WORKING_PIXELS
    assert edit_distance(steps.reading.text, "\n".join(lines)) <= 3
    for digit in steps.reading.digits:
        assert 690 < digit.box.x < 710 + small.shape[1]
