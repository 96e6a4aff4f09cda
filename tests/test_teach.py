"""Teaching: what is corrected once is right from then on, and nothing else changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import inkread
from conftest import WriteNetwork
from inkread import Box, ModelError, OptionError, PictureError, Reader
from inkread.drawing import draw_digit, draw_sheet
from inkread.loading import SHIPPED, load_classifier
from inkread.teaching import Lesson, Profile
from inkread.teaching.lessons import as_bytes

EXAMPLES = Path(__file__).parents[1] / "examples"
SEVEN = EXAMPLES / "7-shadow.jpg"


@pytest.fixture
def taught_reader(tmp_path: Path) -> Reader:
    """A reader with an empty profile of its own."""
    return Reader(profile=Profile(path=tmp_path / "taught.sqlite"))


def nudged(path: Path, pixels: int) -> Image.Image:
    """The picture again, a little smaller: the same hand, but not the same glyph to the last bit."""
    with Image.open(path) as image:
        return image.resize((image.width - pixels, image.height - pixels))


def no_digit() -> NDArray[np.uint8]:
    """A picture of a bold triangle with a bar below it, which is refused."""
    picture = np.full((160, 160), 255, np.uint8)
    for row in range(90):
        picture[30 + row, 80 - row // 2 : 80 + row // 2 + 1] = 0
    picture[135:140, 30:130] = 0
    return picture


def test_a_taught_picture_is_read_as_taught(taught_reader: Reader) -> None:
    assert taught_reader.read(SEVEN).text == "7"
    (lesson,) = taught_reader.teach(3, SEVEN)
    assert (lesson.label, lesson.picture, lesson.instead_of) == (3, str(SEVEN), None)
    reading = taught_reader.read(SEVEN)
    assert reading.text == "3"
    assert reading.digits[0].confidence > 0.99
    assert sum(reading.digits[0].probabilities) == pytest.approx(1, abs=1e-5)


def test_what_looks_like_it_is_read_so_too(taught_reader: Reader) -> None:
    taught_reader.teach(3, SEVEN)
    assert taught_reader.read(nudged(SEVEN, 3)).text == "3"


def test_what_is_far_from_it_stays_as_it_was(taught_reader: Reader, reader: Reader) -> None:
    taught_reader.teach(3, SEVEN)
    for path in sorted(EXAMPLES.glob("[0-689]*.*g")):
        before, after = reader.read(path), taught_reader.read(path)
        assert before.text == after.text
        np.testing.assert_allclose(before.digits[0].probabilities, after.digits[0].probabilities, atol=0.02)


def test_teaching_again_with_the_right_label_puts_it_right_and_says_so(taught_reader: Reader) -> None:
    (first,) = taught_reader.teach(3, SEVEN)
    (second,) = taught_reader.teach(7, SEVEN)
    assert second.instead_of == 3
    assert taught_reader.read(SEVEN).text == "7"
    assert taught_reader.profile is not None
    assert [lesson.id for lesson in taught_reader.profile.lessons()] == [second.id]
    assert second.id != first.id


def test_two_similar_pictures_may_carry_different_labels(taught_reader: Reader) -> None:
    taught_reader.teach(3, SEVEN)
    for pixels in (1, 2, 3):
        taught_reader.teach(5, nudged(SEVEN, pixels))
    assert taught_reader.read(SEVEN).text == "3"
    assert [taught_reader.read(nudged(SEVEN, pixels)).text for pixels in (1, 2, 3)] == ["5"] * 3


def test_a_refused_picture_is_read_once_it_was_taught(taught_reader: Reader) -> None:
    assert taught_reader.read(no_digit(), as_="digit").refused is not None
    taught_reader.teach(4, no_digit(), as_="digit")
    assert taught_reader.read(no_digit(), as_="digit").text == "4"


def test_the_digits_of_a_number_are_taught_in_reading_order(taught_reader: Reader) -> None:
    sheet = draw_sheet(["12"], rng=np.random.default_rng(5))
    text = taught_reader.read(sheet).text
    assert len(text) == 2
    lessons = taught_reader.teach("98", sheet)
    assert [lesson.label for lesson in lessons] == [9, 8]
    assert lessons[0].box is not None
    assert lessons[1].box is not None
    assert lessons[0].box.x < lessons[1].box.x
    assert taught_reader.read(sheet).text == "98"


def test_one_digit_of_many_is_taught_by_its_box(taught_reader: Reader) -> None:
    sheet = draw_sheet(["12"], rng=np.random.default_rng(5))
    first, second = taught_reader.read(sheet).digits
    taught_reader.teach(6, sheet, box=second.box)
    assert taught_reader.read(sheet).text == f"{first.digit}6"
    with pytest.raises(PictureError, match="no digit at"):
        taught_reader.teach(6, sheet, box=Box(0, 0, 2, 2))


def test_a_glyph_is_taught_without_a_picture(taught_reader: Reader) -> None:
    glyph = as_bytes(taught_reader.steps(SEVEN).glyphs)[0]
    (lesson,) = taught_reader.teach_lessons([Lesson(3, glyph)])
    assert (lesson.box, lesson.crop) == (None, b"")
    assert taught_reader.read(SEVEN).text == "3"


@pytest.mark.parametrize("label", ["", "x", "7a", "-1", "٣"])
def test_a_label_is_made_of_digits(taught_reader: Reader, label: str) -> None:
    with pytest.raises(OptionError, match="label"):
        taught_reader.teach(label, SEVEN)


def test_a_picture_without_so_many_digits_is_not_taught(taught_reader: Reader) -> None:
    with pytest.raises(PictureError, match="the label has 2 digits, but 1 is found"):
        taught_reader.teach("77", SEVEN)
    with pytest.raises(PictureError, match="no writing"):
        taught_reader.teach(7, np.full((100, 100), 255, np.uint8))
    assert taught_reader.profile is not None
    assert taught_reader.profile.lessons() == []


def test_the_same_digit_under_two_labels_at_once_is_refused(taught_reader: Reader) -> None:
    glyph = as_bytes(taught_reader.steps(SEVEN).glyphs)[0]
    with pytest.raises(OptionError, match="taught as 3 and as 7"):
        taught_reader.teach_lessons([Lesson(3, glyph, "a.png"), Lesson(7, glyph, "b.png")])
    assert taught_reader.profile is not None
    assert taught_reader.profile.lessons() == []


def test_what_another_reader_teaches_counts_at_once(taught_reader: Reader) -> None:
    other = Reader(profile=taught_reader.profile)
    assert other.read(SEVEN).text == "7"
    (lesson,) = taught_reader.teach(3, SEVEN)
    assert other.read(SEVEN).text == "3"
    assert taught_reader.profile is not None
    taught_reader.profile.forget([lesson.id or 0])
    assert other.read(SEVEN).text == "7"
    assert taught_reader.read(SEVEN).text == "7"


def test_profiles_are_kept_apart(tmp_path: Path) -> None:
    path = tmp_path / "taught.sqlite"
    anna, bob = (Reader(profile=Profile(name, path=path)) for name in ("anna", "bob"))
    anna.teach(3, SEVEN)
    assert (anna.read(SEVEN).text, bob.read(SEVEN).text) == ("3", "7")


def test_another_model_learns_from_the_same_lessons(taught_reader: Reader) -> None:
    taught_reader.teach(3, SEVEN)
    tiny = Reader("tiny", profile=taught_reader.profile)
    assert tiny.read(SEVEN).text == "3"
    assert taught_reader.read(SEVEN).text == "3"


def test_a_reader_without_a_profile_reads_as_if_nothing_had_been_taught(taught_reader: Reader) -> None:
    with pytest.raises(OptionError, match="no profile"):
        Reader(profile=None).teach(3, SEVEN)


def test_the_default_profile_counts_for_every_reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INKREAD_HOME", str(tmp_path))
    Reader().teach(3, SEVEN)
    assert (tmp_path / "taught.sqlite").is_file()
    assert Reader().read(SEVEN).text == "3"
    assert Reader(profile=None).read(SEVEN).text == "7"


def test_a_network_without_features_reads_but_cannot_be_taught(
    tmp_path: Path, write_network: WriteNetwork, taught_reader: Reader
) -> None:
    taught_reader.teach(3, SEVEN)
    foreign = Reader(write_network(tmp_path / "foreign.onnx"), profile=taught_reader.profile)
    foreign.read(SEVEN)
    with pytest.raises(ModelError, match="cannot be taught"):
        foreign.teach(3, SEVEN)


def test_a_network_is_given_its_features(tmp_path: Path, write_network: WriteNetwork) -> None:
    from inkread.foreign.to_onnx import expose_features

    for name, softmax in (("logits", False), ("probabilities", True)):
        path = write_network(tmp_path / f"{name}.onnx", softmax=softmax)
        glyphs = np.random.default_rng(0).random((3, 28, 28), np.float32)
        before = load_classifier(path).classify(glyphs)
        # The second time, there is nothing left to do.
        for _ in range(2):
            expose_features(path)
        after, features = load_classifier(path).classify_with_features(glyphs)
        np.testing.assert_array_equal(before, after)
        np.testing.assert_allclose(features, glyphs.reshape(3, 784))


@pytest.mark.parametrize("folder", [SHIPPED, SHIPPED / "tiny"])
def test_the_shipped_models_can_be_taught(folder: Path) -> None:
    classifier = load_classifier(folder)
    assert classifier.has_features
    assert classifier.sha256 == classifier.card.model_sha256


def test_many_digits_are_read_the_same_in_any_company(taught_reader: Reader) -> None:
    taught_reader.teach(3, SEVEN)
    glyphs = np.random.default_rng(0).random((200, 28, 28), np.float32)
    together = taught_reader.classifier.classify(glyphs)
    np.testing.assert_allclose(together[150:151], taught_reader.classifier.classify(glyphs[150:151]), atol=1e-5)
    np.testing.assert_allclose(together.sum(axis=1), 1, atol=1e-5)
    assert taught_reader.classifier.classify(glyphs[:0]).shape == (0, 11)


def test_a_corrected_hand_is_read_better_and_others_as_before(tmp_path: Path, reader: Reader) -> None:
    """A hand that writes what the network takes for a 1 where it means a 7: two are taught, the others follow."""
    rng = np.random.default_rng(11)
    ones = [draw_digit(1, rng=rng, shape="plain") for _ in range(8)]
    taught_reader = Reader(profile=Profile(path=tmp_path / "taught.sqlite"))
    for picture in ones[:3]:
        taught_reader.teach(7, picture, as_="digit")
    answers = [taught_reader.read(picture, as_="digit").text for picture in ones[3:]]
    assert answers.count("7") >= 4


def test_the_public_reader_goes_by_what_was_taught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INKREAD_HOME", str(tmp_path))
    assert inkread.read(SEVEN).text == "7"


@pytest.mark.parametrize(
    ("label", "glyph", "named"),
    [
        (12, np.zeros((28, 28), np.uint8), "not 12"),
        ("7", np.zeros((28, 28), np.uint8), "not '7'"),
        (7, np.zeros((28, 28)), "float64"),
        (7, np.zeros((8, 28), np.uint8), r"\(8, 28\)"),
    ],
)
def test_a_lesson_is_a_digit_and_a_glyph(label: Any, glyph: Any, named: str) -> None:
    with pytest.raises(OptionError, match=named):
        Lesson(label, glyph)


def test_a_box_may_be_four_numbers_as_json_has_them(taught_reader: Reader) -> None:
    (box,) = (digit.box for digit in taught_reader.read(SEVEN).digits)
    (lesson,) = taught_reader.teach(3, SEVEN, box=list(box))
    assert lesson.box == box
    for wrong in ((1, 2, 3), "7", (1, 2, 3, "x")):
        with pytest.raises(OptionError, match="four numbers"):
            taught_reader.teach(3, SEVEN, box=wrong)  # type: ignore[arg-type]


def test_a_numpy_label_is_kept_as_a_number(taught_reader: Reader) -> None:
    glyph = as_bytes(taught_reader.steps(SEVEN).glyphs)[0]
    taught_reader.teach_lessons([Lesson(int(label), glyph) for label in np.array([7])])
    taught_reader.teach_lessons([Lesson(np.int64(7), glyph)])  # type: ignore[arg-type]
    assert taught_reader.read(SEVEN).text == "7"
