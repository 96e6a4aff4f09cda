"""Signs in numbers: where they stand, which of them belong together, and what is not a sign."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

import inkread
from inkread.drawing.canvas import MARGIN, InkCanvas
from inkread.drawing.writers import Writer
from inkread.drawing.writing import Draft, write_number
from inkread.layout.page_marks import Marks
from inkread.layout.text_lines import find_lines, find_lone_signs
from inkread.marks import FIRST_SIGN, MARK_CLASSES, MARKS, SIGNS
from inkread.readings import Reading
from inkread.recognition.signs import locate_signs
from inkread.training.detector_material import Drawing


def marks_of(*placed: tuple[str, float, float, float, float], sure: float = 0.95) -> Marks:
    """Return marks, each a character with its left, top, right and bottom edge."""
    classes = np.full((len(placed), MARK_CLASSES), (1 - sure) / (MARK_CLASSES - 1), np.float32)
    for row, (character, *_) in zip(classes, placed, strict=True):
        row[MARKS.index(character)] = sure
    boxes = np.array([place[1:] for place in placed], np.float32)
    count = len(placed)
    return Marks(boxes, np.full(count, 0.9, np.float32), classes, np.zeros(count, np.float32))


def texts_of(marks: Marks) -> list[str]:
    """Return the numbers of marks, as they are written."""
    lines = find_lines(marks)
    signs = {(sign.row, sign.number, sign.before): sign.sign for sign in locate_signs(marks, lines)}
    found = []
    for row, line in enumerate(lines):
        for number, run in enumerate(line):
            digits = iter(run.digits)
            found.append(
                "".join(
                    signs.get((row, number, at)) or str(marks.kinds[next(digits)])
                    for at in range(len(run.digits) + len(run.signs))
                )
            )
    return found


def row_of(text: str) -> list[tuple[str, float, float, float, float]]:
    """Return the places of characters side by side: digits 20 x 30, points on the line, the others in its middle."""
    placed, x = [], 0.0
    for character in text:
        if character == " ":
            x += 60
        elif character in ".,":
            placed.append((character, x, 26.0, x + 5, 32.0))
            x += 8
        elif character.isdigit():
            placed.append((character, x, 0.0, x + 20, 30.0))
            x += 24
        else:
            placed.append(
                (character, x, 0.0 if character in "/%" else 10.0, x + 15, 30.0 if character in "/%" else 20.0)
            )
            x += 18
    return placed


@pytest.mark.parametrize("text", ["12.50", "-7", "368-", "1.234,50", "25/12/2026", "14:30", "98%", "3+4=7", "12 50"])
def test_signs_stand_where_they_are_written(text: str) -> None:
    assert texts_of(marks_of(*row_of(text))) == text.split()


def test_a_sign_far_from_every_digit_is_reported_and_not_read() -> None:
    marks = marks_of(*row_of("12"), ("-", 200, 12, 220, 18), ("-", 30, 90, 50, 96))
    lines = find_lines(marks)
    assert texts_of(marks) == ["12"]
    assert find_lone_signs(marks, lines).tolist() == [2, 3]


def test_a_point_of_a_colon_is_not_another_sign() -> None:
    marks = marks_of(*row_of("14"), (":", 50, 8, 55, 28), (".", 50, 23, 55, 28), *[("3", 60.0, 0.0, 80.0, 30.0)])
    assert texts_of(marks) == ["14:3"]
    below = marks_of(*row_of("14"), (":", 50, 8, 55, 25), (".", 50, 24, 55, 30), *[("3", 60.0, 0.0, 80.0, 30.0)])
    assert texts_of(below) == ["14:3"], "its box ends above the lower point"


def test_a_sign_is_on_the_line_of_the_digit_beside_it() -> None:
    below = [(character, x, y + 45, r, b + 45) for character, x, y, r, b in row_of("7,5")]
    assert texts_of(marks_of(*row_of("12.50"), *below)) == ["12.50", "7,5"]


def test_points_and_commas_of_a_number_go_together() -> None:
    marks = marks_of(*row_of("1,234,50"))
    first = next(at for at, kind in enumerate(marks.kinds) if kind >= FIRST_SIGN)
    marks.classes[first, FIRST_SIGN : FIRST_SIGN + 2] = 0.4, 0.5
    assert SIGNS[:2] == ".,"
    assert texts_of(marks) == ["1.234,50"], "1,234,50 is unusual, and the first sign may be a point"


def test_a_clear_sign_stays_even_where_it_is_unusual() -> None:
    assert texts_of(marks_of(*row_of("1,234,50"), sure=0.999)) == ["1,234,50"]


def written(text: str, *, seed: int = 4) -> NDArray[np.uint8]:
    """Return a picture of a number as one of the drawn writers writes it, with digits 40 pixels high."""
    rng = np.random.default_rng(seed)
    stock = Drawing(0).stock()
    canvas = InkCanvas(110, 40 * (len(text) + 3))
    writer = replace(Writer.random(stock, rng=rng), slant=0.1, gap=0.15, stroke=0.1, joins=False)
    draft = Draft(canvas, np.ones((110, canvas.width), np.float32), stock, writer, height=40, slope=0)
    write_number(draft, text, (40, 35), rng=rng)
    ink = canvas.ink[MARGIN:-MARGIN, MARGIN:-MARGIN]
    return np.asarray(235 - 190 * ink, np.uint8)


@pytest.mark.parametrize(("text", "value"), [("12.50", "12.50"), ("-37", "-37"), ("98%", "98"), ("46+5", None)])
def test_a_drawn_number_is_read_with_its_signs(text: str, value: str | None) -> None:
    reading = inkread.read(written(text))
    assert reading.text == text
    (number,) = reading.to_dict()["numbers"]
    assert (number["text"], number["value"]) == (text, value)
    assert [sign.sign for sign in reading.signs] == [character for character in text if not character.isdigit()]
    assert Reading.from_json(reading.to_json()) == reading


@pytest.mark.parametrize("seed", [3, 4, 7, 17])
def test_the_rings_of_a_percent_sign_are_no_zeros(seed: int) -> None:
    assert inkread.read(written("5%", seed=seed)).text == "5%"


def test_the_confidence_of_a_text_counts_its_signs() -> None:
    reading = inkread.read(written("12.50"))
    (sign,) = reading.signs
    assert 0 < sign.confidence < 1
    assert reading.confidence is not None
    assert reading.confidence <= sign.confidence
