"""Reading: the digit is read right whatever paper, pen and light, and a page without writing is refused."""

from __future__ import annotations

import copy
import dataclasses
import io
import itertools
import json
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import inkread
from inkread import OptionError, PictureError, Reader, Reading
from inkread.datasets import Mnist
from inkread.drawing import digit_ink, digit_strokes, draw_digit, draw_ink
from inkread.readings import Number
from inkread.teaching.lessons import lessons_of
from inkread.values import Notation

Ink = NDArray[np.float32]
Picture = NDArray[np.uint8]
Colour = tuple[float, float, float]

SIZE = (200, 180)
LUMINANCE = np.array([0.299, 0.587, 0.114])
DOWN, ACROSS = (axis / side for axis, side in zip(np.indices(SIZE), SIZE, strict=True))
BLACK, WHITE, DARK, PALE = ((level,) * 3 for level in (0.0, 255.0, 25.0, 235.0))


def seeded(digit: int) -> np.random.Generator:
    return np.random.default_rng(100 + digit)


def ink_of(digit: int, pen: str = "felt-tip") -> Ink:
    return digit_ink(digit, rng=seeded(digit), size=SIZE, pen=pen)


def written(digit: int, width: float, shape: str | None = None) -> Ink:
    """Return the ink of a digit written with a pen of this width in pixels."""
    rng = seeded(digit)
    strokes = [130 * stroke + (25, 35) for stroke in digit_strokes(digit, rng=rng, shape=shape)]
    return draw_ink(strokes, size=SIZE, pen="screen", width=width, rng=rng)


def on(paper: Colour, pen: Colour, ink: Ink) -> Picture:
    """Return the picture of ink of one colour on paper of another."""
    ground = np.array(paper)
    return np.asarray(np.rint(ground + ink[..., None] * (np.array(pen) - ground)), np.uint8)


def as_bright(colour: Colour, other: Colour) -> Colour:
    """Return a colour made as bright as the other, so that nothing is left of the two in grey."""
    factor = LUMINANCE @ other / (LUMINANCE @ colour)
    red, green, blue = (float(factor * channel) for channel in colour)
    return red, green, blue


def lit(picture: Picture, light: NDArray[np.float64]) -> Picture:
    return np.rint(picture * light[..., None]).astype(np.uint8)


def grainy(picture: Picture, deviation: float) -> Picture:
    grain = np.random.default_rng(0).normal(0, deviation, picture.shape)
    return np.clip(picture + grain, 0, 255).astype(np.uint8)


def jpeg(picture: Picture, quality: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=quality)
    return file.getvalue()


def with_specks(picture: Picture) -> Picture:
    rng = np.random.default_rng(0)
    for _ in range(50):
        at = (int(rng.integers(SIZE[1])), int(rng.integers(SIZE[0])))
        cv2.circle(picture, at, int(rng.integers(0, 2)), DARK, -1)
    return picture


def framed(picture: Picture, top: int, right: int, bottom: int, left: int) -> Picture:
    """Return the picture with black bars of this width in pixels at its edges."""
    framed = np.zeros_like(picture)
    inside = slice(top, SIZE[0] - bottom), slice(left, SIZE[1] - right)
    framed[inside] = picture[inside]
    return framed


def cropped(picture: Picture, *, rows: bool, columns: bool) -> Picture:
    """Return the picture cut so tightly that strokes touch its edges."""
    dark = picture.max(axis=2) < 130
    if rows:
        picture = picture[np.flatnonzero(dark.any(axis=1))[0] : np.flatnonzero(dark.any(axis=1))[-1] + 1]
    if columns:
        picture = picture[:, np.flatnonzero(dark.any(axis=0))[0] : np.flatnonzero(dark.any(axis=0))[-1] + 1]
    return picture


def resized(picture: Picture, height: int, width: int) -> Picture:
    return np.asarray(Image.fromarray(picture).resize((width, height), Image.Resampling.BILINEAR))


def plain(digit: int) -> Picture:
    return on(PALE, DARK, ink_of(digit))


RED, GREEN, BLUE, ORANGE = (220.0, 40.0, 40.0), (40.0, 160.0, 60.0), (60.0, 80.0, 255.0), (140.0, 70.0, 20.0)

PAGES: dict[str, Callable[[int], Picture | bytes]] = {
    "black on white": lambda digit: on(WHITE, BLACK, ink_of(digit)),
    "white on black": lambda digit: on(BLACK, WHITE, ink_of(digit)),
    "light grey on dark grey": lambda digit: on((90,) * 3, (130,) * 3, ink_of(digit)),
    "dark grey on light grey": lambda digit: on((130,) * 3, (90,) * 3, ink_of(digit)),
    "faint": lambda digit: on((250,) * 3, (225,) * 3, ink_of(digit)),
    "light that falls off to a quarter": lambda digit: lit(plain(digit), 1 - 0.75 * ACROSS),
    "light that falls off, on a dark ground": lambda digit: lit(on((60,) * 3, PALE, ink_of(digit)), 1 - 0.6 * DOWN),
    "a hard shadow on the left": lambda digit: lit(plain(digit), np.where(ACROSS < 0.5, 0.5, 1)),
    "a hard shadow below": lambda digit: lit(plain(digit), np.where(DOWN > 0.55, 0.5, 1)),
    "a hard shadow across": lambda digit: lit(plain(digit), np.where(ACROSS + 0.7 * DOWN < 0.85, 0.45, 1)),
    "red on equally bright green": lambda digit: on(as_bright(GREEN, RED), RED, ink_of(digit)),
    "green on equally bright red": lambda digit: on(RED, as_bright(GREEN, RED), ink_of(digit)),
    "blue on equally bright orange": lambda digit: on(ORANGE, as_bright(BLUE, ORANGE), ink_of(digit)),
    "yellow on white": lambda digit: on(WHITE, (255, 240, 0), ink_of(digit)),
    "poor JPEG": lambda digit: jpeg(on((200,) * 3, (60,) * 3, ink_of(digit)), 5),
    "grain": lambda digit: grainy(plain(digit), 25),
    "grain in a poor JPEG": lambda digit: jpeg(grainy(on((200,) * 3, (60,) * 3, ink_of(digit)), 12), 15),
    "specks of dirt": lambda digit: with_specks(plain(digit)),
    "black bars at two edges": lambda digit: framed(plain(digit), 0, 14, 0, 14),
    "black bars at the top and on the left": lambda digit: framed(plain(digit), 16, 0, 0, 12),
    "a black frame": lambda digit: framed(plain(digit), 14, 17, 10, 12),
    "a hairline": lambda digit: on(PALE, DARK, written(digit, 1)),
    # Not slashed: with so thick a pen the halves of the 0 are the rings of an 8.
    "a thick marker": lambda digit: on(PALE, DARK, written(digit, 26, "plain" if digit == 0 else None)),
    "strokes touching all edges": lambda digit: cropped(plain(digit), rows=True, columns=True),
    "strokes touching the top and bottom": lambda digit: cropped(plain(digit), rows=True, columns=False),
    "ruled paper": lambda digit: draw_digit(digit, rng=seeded(digit), size=SIZE, ground="ruled", pen="felt-tip"),
    "squared paper": lambda digit: draw_digit(digit, rng=seeded(digit), size=SIZE, ground="squared", pen="felt-tip"),
    "the shadow of a phone": lambda digit: draw_digit(digit, rng=seeded(digit), size=SIZE, ground="shadow"),
    "pencil": lambda digit: draw_digit(digit, rng=seeded(digit), size=SIZE, ground="paper", pen="pencil"),
    "ballpoint": lambda digit: draw_digit(digit, rng=seeded(digit), size=SIZE, ground="vignette", pen="ballpoint"),
    "a blackboard": lambda digit: draw_digit(digit, rng=seeded(digit), size=SIZE, ground="blackboard"),
    "small": lambda digit: resized(plain(digit), 31, 28),
    "large": lambda digit: resized(plain(digit), 1600, 1440),
    "a corner of a wide page": lambda digit: np.pad(plain(digit), ((0, 0), (0, 300), (0, 0)), mode="edge"),
}


@pytest.mark.parametrize("page", PAGES)
def test_the_digit_is_read_right_on(page: str) -> None:
    texts = {digit: inkread.read(PAGES[page](digit)).text for digit in range(10)}
    assert texts == {digit: str(digit) for digit in range(10)}


@pytest.mark.parametrize("page", [page for page in PAGES if "equally bright" in page])
def test_colours_that_are_equally_bright_leave_nothing_in_grey(page: str) -> None:
    """Show that the pages above ask for more than luminance."""
    assert np.ptp(np.asarray(PAGES[page](3), float) @ LUMINANCE) < 2


def test_all_that_makes_up_a_digit_is_in_its_box() -> None:
    ink = written(5, 8)
    # The pen was lifted.
    ink[70:78] = 0
    box = inkread.read(on(PALE, DARK, ink)).digits[0].box
    rows, columns = np.flatnonzero((ink > 0.5).any(axis=1)), np.flatnonzero((ink > 0.5).any(axis=0))
    assert abs(box.x - columns[0]) <= 2
    assert abs(box.y - rows[0]) <= 2
    assert abs(box.x + box.w - 1 - columns[-1]) <= 2
    assert abs(box.y + box.h - 1 - rows[-1]) <= 2


def test_what_lies_apart_from_the_digit_is_not_in_its_box() -> None:
    ink = written(5, 8)
    alone = inkread.read(on(PALE, DARK, ink))
    page = np.pad(ink, ((0, 0), (0, 120)))
    page[150:180, 250:280] = 1
    page[10:14, 200:290] = 1
    reading = inkread.read(on(PALE, DARK, page))
    assert reading.text == "5"
    assert reading.digits[0].box == alone.digits[0].box


# Blank pages


def flat(level: float) -> NDArray[np.float64]:
    return np.full(SIZE, level)


BLANK: dict[str, NDArray[np.float64]] = {
    "white": flat(255),
    "black": flat(0),
    "grey": flat(127),
    "grain": flat(127) + np.random.default_rng(0).normal(0, 5, SIZE),
    "heavy grain": flat(127) + np.random.default_rng(0).normal(0, 20, SIZE),
    "grain on dark": flat(50) + np.random.default_rng(0).normal(0, 10, SIZE),
    "a gradient": 120 + 80 * DOWN,
    "a gradient to the dark": 10 + 80 * ACROSS * DOWN,
    "a gradient with grain": 120 + 80 * DOWN + np.random.default_rng(0).normal(0, 5, SIZE),
    "the edge of a shadow": np.where(ACROSS < 0.5, 200, 120),
    "a speck": np.where((ACROSS == 0.5) & (DOWN == 0.5), 0, 255),
}


@pytest.mark.parametrize("page", BLANK)
@pytest.mark.parametrize("form", ["as it is", "JPEG"])
def test_a_page_without_writing_is_refused(page: str, form: str) -> None:
    picture = np.clip(BLANK[page], 0, 255).astype(np.uint8)
    reading = inkread.read(picture if form == "as it is" else jpeg(picture, 90))
    assert reading.refused is not None
    assert reading.refused.code == "blank"
    assert reading.refused.message == "there is no writing on this picture"
    assert (reading.text, reading.lines, reading.digits, reading.confidence) == ("", (), (), None)


def test_a_blank_sheet_of_paper_is_refused() -> None:
    for seed in range(5):
        ground = inkread.drawing.lay_ground("paper", size=SIZE, rng=np.random.default_rng(seed))
        sheet = inkread.drawing.photograph(ground.paper * ground.light, rng=np.random.default_rng(seed))
        reading = inkread.read(sheet)
        assert reading.refused is not None
        assert reading.refused.code == "blank"


# Confidence


def test_probabilities_are_ten_and_sum_to_one() -> None:
    (digit,) = inkread.read(plain(6)).digits
    assert len(digit.probabilities) == 10
    assert sum(digit.probabilities) == pytest.approx(1, abs=1e-5)
    assert min(digit.probabilities) >= 0
    assert digit.digit == 6
    assert digit.confidence == digit.probabilities[6] == max(digit.probabilities)


def test_a_text_is_at_most_as_sure_as_its_digit() -> None:
    reading = inkread.read(plain(6))
    assert 0.9 < (reading.confidence or 0) <= reading.digits[0].confidence
    alone = inkread.read(plain(6), as_="digit")
    assert alone.confidence == alone.digits[0].confidence


def test_a_reading_that_is_less_sure_than_asked_for_is_refused_with_both_candidates() -> None:
    sure = inkread.read(plain(4))
    assert sure.confidence is not None
    second = int(np.argsort(sure.digits[0].probabilities)[-2])
    reading = inkread.read(plain(4), min_confidence=(1 + sure.confidence) / 2)
    assert reading.refused is not None
    assert reading.refused.code == "unsure"
    assert reading.refused.message.startswith(f"4 or {second}, but only {sure.confidence:.1%} sure")
    assert (reading.text, reading.digits, reading.confidence) == ("", (), None)


def test_a_reading_that_is_as_sure_as_asked_for_is_given() -> None:
    sure = inkread.read(plain(4))
    assert sure.confidence is not None
    assert inkread.read(plain(4), min_confidence=sure.confidence) == sure


@pytest.mark.parametrize("confidence", [-0.1, 1.1, float("nan"), float("inf")])
def test_a_confidence_lies_between_0_and_1(confidence: float) -> None:
    with pytest.raises(OptionError, match="between 0 and 1") as caught:
        inkread.read(plain(4), min_confidence=confidence)
    assert caught.value.exit_code == 2


def test_what_a_picture_holds_is_a_digit_a_number_a_sheet_or_auto() -> None:
    for content in ("auto", "digit", "number", "lines"):
        assert inkread.read(plain(4), as_=content).text == "4"
    with pytest.raises(OptionError, match="as_='page': a picture holds 'auto', 'digit', 'number', 'lines'"):
        inkread.read(plain(4), as_="page")  # type: ignore[arg-type]


# Many pictures


def test_many_pictures_keep_their_order(reader: Reader) -> None:
    digits = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3, 2, 3, 8, 4]
    pictures = [np.kron(plain(digit), np.ones((1 + digit % 2,) * 2 + (1,), np.uint8)) for digit in digits]
    for workers in (1, 3, None):
        texts = [reading.text for reading in reader.read_many(pictures, workers=workers)]
        assert texts == [str(digit) for digit in digits]


def test_nothing_to_read_gives_nothing(reader: Reader) -> None:
    assert list(reader.read_many([])) == []


def test_only_a_few_of_a_million_pictures_are_held_at_once(reader: Reader) -> None:
    taken = itertools.count()
    picture = plain(2)

    def pictures() -> Iterator[Picture]:
        for _ in range(1_000_000):
            assert next(taken) < 100
            yield picture

    readings = reader.read_many(pictures(), workers=2)
    assert [next(readings).text for _ in range(10)] == ["2"] * 10
    assert next(taken) <= 10 + 2 * 2


def test_an_abandoned_row_of_pictures_ends_its_threads(reader: Reader) -> None:
    before = threading.active_count()
    readings = reader.read_many(itertools.repeat(plain(2)), workers=2)
    next(readings)
    readings.close()  # type: ignore[attr-defined]
    assert threading.active_count() == before


def test_an_error_stands_in_the_place_of_its_picture(reader: Reader) -> None:
    pictures: list[Any] = [plain(1), b"no picture", plain(2), "nope.png", plain(3)]
    outcomes = list(reader.read_many(pictures, workers=2, errors="yield"))
    kinds = [outcome.code if isinstance(outcome, PictureError) else outcome.text for outcome in outcomes]
    assert kinds == ["1", "not-a-picture", "2", "missing", "3"]


def test_read_many_raises_when_the_turn_of_the_picture_has_come(reader: Reader) -> None:
    readings = reader.read_many([plain(1), plain(2), b"no picture", plain(3)], workers=2)
    assert next(readings).text == "1"
    assert next(readings).text == "2"
    with pytest.raises(PictureError):
        next(readings)
    assert list(readings) == []


def test_read_many_may_be_ended_from_a_thread_of_its_own(reader: Reader) -> None:
    begun, ended = threading.Event(), threading.Event()
    failures: list[RuntimeError] = []

    class Ending(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            begun.wait(10)
            try:
                readings.close()  # type: ignore[attr-defined]
            except RuntimeError as error:
                failures.append(error)
            ended.set()
            return super().read(size)

    readings = reader.read_many([plain(1), Ending()], workers=2)
    assert next(readings).text == "1"
    begun.set()
    assert ended.wait(10)
    assert failures == []


def test_read_many_knows_two_ways_with_errors(reader: Reader) -> None:
    with pytest.raises(OptionError, match="errors='skip': this is 'raise' or 'yield'"):
        reader.read_many([], errors="skip")  # type: ignore[call-overload]


def test_what_is_printed_of_steps_and_readings_has_no_arrays(reader: Reader) -> None:
    steps = reader.steps(plain(4))
    for shown in (steps, steps.page, steps.reading, reader.card, lessons_of(steps, "4")):
        assert "dtype" not in repr(shown)


def test_many_pictures_are_judged_like_one(reader: Reader) -> None:
    (outcome,) = reader.read_many([plain(4)], min_confidence=1)
    assert outcome.refused is not None
    assert outcome.refused.code == "unsure"
    with pytest.raises(OptionError):
        list(reader.read_many([plain(4)], min_confidence=2))


def test_a_reader_may_be_shared_by_threads(reader: Reader) -> None:
    texts: dict[int, str] = {}

    def read(digit: int) -> None:
        texts[digit] = reader.read(plain(digit)).text

    threads = [threading.Thread(target=read, args=(digit,)) for digit in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert texts == {digit: str(digit) for digit in range(10)}


# Readings as values


@pytest.fixture(params=["read", "blank", "unsure"])
def reading(request: pytest.FixtureRequest) -> Reading:
    if request.param == "blank":
        return inkread.read(np.full((50, 50), 255, np.uint8))
    return inkread.read(plain(8), min_confidence=1.0 if request.param == "unsure" else 0.0)


def test_a_reading_goes_through_json_and_back(reading: Reading) -> None:
    text = reading.to_json()
    assert "\n" not in text
    assert Reading.from_json(text) == reading
    assert Reading.from_dict(reading.to_dict()) == reading
    assert json.loads(text) == reading.to_dict()


def test_a_name_in_any_script_stays_readable_in_json() -> None:
    assert '"picture": "пять.png"' in Reading("пять.png").to_json()


def test_what_is_no_json_of_a_reading_is_refused() -> None:
    with pytest.raises(ValueError, match="Expecting value"):
        Reading.from_json("not json")
    with pytest.raises(KeyError):
        Reading.from_json("{}")


def test_a_reading_travels_to_other_processes_without_its_picture(reading: Reading) -> None:
    travelled = pickle.loads(pickle.dumps(reading))  # noqa: S301 - our own bytes
    assert travelled == reading
    assert len(pickle.dumps(reading)) < 2000
    with pytest.raises(ValueError, match="read the picture again"):
        travelled.figure()


def test_readings_compare_and_hash_by_what_they_say(reading: Reading) -> None:
    again = copy.deepcopy(Reading.from_json(reading.to_json()))
    assert again == reading
    assert hash(again) == hash(reading)
    assert again != dataclasses.replace(reading, picture="another")


def test_a_reading_does_not_change() -> None:
    reading = inkread.read(plain(8))
    for thing, name in (
        (reading, "picture"),
        (reading, "numbers"),
        (reading, "confidence"),
        (reading.digits[0], "digit"),
        (reading.digits[0], "probabilities"),
    ):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(thing, name, None)
    assert isinstance(reading.digits, tuple)
    assert isinstance(reading.digits[0].probabilities, tuple)
    with pytest.raises(AttributeError):
        reading.digits[0].box.x = 3  # type: ignore[misc]


def test_a_reading_from_json_has_no_figure() -> None:
    reading = Reading.from_json(inkread.read(plain(8)).to_json())
    with pytest.raises(ValueError, match="read the picture again to draw its steps"):
        reading.figure()


@pytest.mark.usefixtures("without_mnist")
def test_a_reading_shows_its_steps_even_of_a_file_that_was_closed_since(tmp_path: Path) -> None:
    path = tmp_path / "eight.png"
    Image.fromarray(plain(8)).save(path)
    with path.open("rb") as file:
        reading = inkread.read(file)
    figure = reading.figure()
    figure.savefig(tmp_path / "steps.png")
    with Image.open(tmp_path / "steps.png") as image:
        assert image.width > 1000
        assert len(np.unique(np.asarray(image.convert("L")))) > 100
    titles = {axes.get_title(loc="left") for axes in figure.axes}
    assert {"Picture", "Page", "Ink", "Glyph", "Probabilities"} <= titles


@pytest.mark.usefixtures("without_mnist")
def test_a_refused_reading_shows_its_steps_too(reading: Reading) -> None:
    if reading.refused:
        reading.figure().canvas.draw()


def test_the_lines_of_a_reading_are_joined_by_line_breaks() -> None:
    digit = inkread.read(plain(8)).digits[0]
    one, two = dataclasses.replace(digit, digit=1), dataclasses.replace(digit, digit=2, line=1)
    reading = Reading("sheet", (Number.of([one, digit], Notation()), Number.of([two], Notation())))
    assert [line.text for line in reading.lines] == ["18", "2"]
    assert reading.text == "18\n2"


# The package


def test_the_public_names_are_sorted_and_all_there() -> None:
    ours = {
        name for name, value in vars(inkread).items() if str(getattr(value, "__module__", "")).startswith("inkread")
    }
    assert sorted(inkread.__all__) == inkread.__all__ == dir(inkread)
    assert {name for name in ours if not name.startswith("_")} <= set(inkread.__all__)
    assert all(getattr(inkread, name) is not None for name in inkread.__all__)


def test_reading_imports_no_training_framework_and_nothing_slow_that_it_can_do_without(tmp_path: Path) -> None:
    path = tmp_path / "four.png"
    Image.fromarray(plain(4)).save(path)
    code = (
        "import sys, inkread\n"
        f"assert inkread.read({str(path)!r}).text == '4'\n"
        "slow = {'matplotlib', 'typer', 'rich', 'pydantic', 'numpy.ma'}\n"
        "print(sorted(({'tensorflow', 'keras', 'jax', 'torch'} | slow) & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("inverted", [False, True], ids=["light on dark", "dark on light"])
def test_digits_cropped_to_their_edges_are_read(mnist: Mnist, reader: Reader, inverted: bool) -> None:
    """Half of such a picture is ink, so what most of it shows is not the paper."""
    right = 0
    for image, label in zip(mnist.train_images[:150], mnist.train_labels[:150], strict=True):
        rows, columns = np.nonzero(image > 30)
        crop = image[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
        right += reader.read(255 - crop if inverted else crop).text == str(label)
    assert right >= 0.9 * 150
