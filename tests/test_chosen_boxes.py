"""Boxes that somebody has chosen: exactly these digits are read, and the text follows."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi.testclient import TestClient

import inkread
from helpers.asking import problem
from inkread import OptionError, Reader, Reading
from inkread.geometry import Box, hull_of
from inkread.web.app import make_app

FORM = Path(inkread.__file__).parent / "web" / "static" / "examples" / "form.jpg"
SIDEWAYS = Path(__file__).parents[1] / "examples" / "6-sideways.jpg"


@pytest.fixture(scope="module")
def found(reader: Reader) -> Reading:
    """Return the reading of the form without chosen boxes."""
    return reader.read(FORM)


def test_the_places_that_were_found_give_the_same_text_and_boxes(found: Reading, reader: Reader) -> None:
    again = reader.read(FORM, boxes=[digit.box for digit in found.digits])
    assert (again.text, [digit.box for digit in again.digits]) == (found.text, [digit.box for digit in found.digits])
    assert "." in again.text, "the signs beside them stay"
    assert (again.confidence or 0) > (found.confidence or 1), "nobody doubts where the digits are"


def test_a_place_that_is_taken_away_is_not_read(found: Reading, reader: Reader) -> None:
    first, *others = [digit.box for digit in found.digits]
    assert reader.read(FORM, boxes=others).text == found.text[1:]
    assert reader.read(FORM, boxes=[first]).text == found.text[0]


def test_places_are_split_and_merged(found: Reading, reader: Reader) -> None:
    boxes = [digit.box for digit in found.digits]
    x, y, w, h = boxes[0]
    split = reader.read(FORM, boxes=[(x, y, w // 2, h), (x + w // 2, y, w - w // 2, h), *boxes[1:]])
    assert (len(split.digits), split.lines[0].text[-4:]) == (len(found.digits) + 1, found.text[1:5])
    merged = reader.read(FORM, boxes=[hull_of(boxes[:2]), *boxes[2:]])
    assert (len(merged.digits), merged.lines[0].text[-3:]) == (len(found.digits) - 1, found.text[2:5])


def test_a_place_that_was_not_read_can_be_chosen(found: Reading, reader: Reader) -> None:
    [place, *_] = found.unread
    boxes = [*(digit.box for digit in found.digits), place.box]
    reading = reader.read(FORM, boxes=boxes)
    assert len(reading.digits) == len(boxes)
    assert place.box not in [unread.box for unread in reading.unread]


def test_the_place_may_be_larger_than_the_ink(found: Reading, reader: Reader) -> None:
    boxes = [digit.box for digit in found.digits]
    x, y, w, h = boxes[-1]
    reading = reader.read(FORM, boxes=[*boxes[:-1], (x, y - 8, w + 6, h + 8)])
    assert (reading.text, reading.digits[-1].box) == (found.text, boxes[-1])


def test_a_page_that_is_turned_is_read_at_the_same_places(reader: Reader) -> None:
    before = reader.read(SIDEWAYS)
    after = reader.read(SIDEWAYS, boxes=[digit.box for digit in before.digits])
    assert (after.text, after.digits[0].box) == (before.text, before.digits[0].box)


def test_without_any_place_nothing_is_read(reader: Reader) -> None:
    reading = reader.read(FORM, boxes=[])
    assert (reading.text, reading.refused is None) == ("", False)


def test_a_minimum_holds_for_chosen_places_too(found: Reading, reader: Reader) -> None:
    boxes = [digit.box for digit in found.digits]
    refused = reader.read(FORM, boxes=boxes, min_confidence=1.0).refused
    assert refused is not None
    assert refused.code == "unsure"


@pytest.mark.parametrize("box", [(1, 2, 3), (1, 2, 0, 4), (1, 2, float("nan"), 4), (1, 2, 3, 1e300)])
def test_what_is_no_box_is_a_bad_option(reader: Reader, box: tuple[float, ...]) -> None:
    with pytest.raises(OptionError, match=r"^boxes=1,2,.*: give x,y,w,h of each digit"):
        reader.read(FORM, boxes=[box])


def test_there_may_be_only_so_many(reader: Reader) -> None:
    with pytest.raises(OptionError, match="at most 5,000 digits"):
        reader.read(FORM, boxes=[Box(1, 1, 1, 1)] * 5001)


def test_the_service_reads_explains_and_refuses_chosen_places(found: Reading) -> None:
    client = TestClient(make_app(profile=None), base_url="http://127.0.0.1")
    boxes = ";".join(",".join(map(str, digit.box)) for digit in found.digits[1:])
    content = FORM.read_bytes()
    assert client.post(f"/api/read?boxes={boxes}", content=content).json()["text"] == found.text[1:]
    told = client.post(f"/api/explain?boxes={boxes}&digit=1", content=content).json()
    assert told["read_as"] == found.text[1]
    assert client.post("/api/read?boxes=", content=content).json()["text"] == ""
    for bad in ("1,2,3", "1,2,0,4", "x"):
        assert problem(client.post(f"/api/read?boxes={bad}", content=content)) == (400, "bad-option")
