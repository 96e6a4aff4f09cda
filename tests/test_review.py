"""`inkread review`: a person looks at the unsure values, the worst first, and every answer is kept."""

from __future__ import annotations

import base64
import contextlib
import csv
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import cv2
import numpy as np
import pytest

from inkread.cli import main
from inkread.errors import DataError, OptionError
from inkread.reviewing import review as module
from inkread.reviewing.review import Review, ReviewAnswer
from inkread.reviewing.second_choice import second_choice
from inkread.sheets.audit import Audit
from inkread.sheets.data_file import write_table
from inkread.sheets.form_file import read_form
from inkread.sheets.forms import fields_as_json, fields_from_json
from inkread.sheets.table import Records, _merge
from inkread.teaching.lessons import png
from inkread.teaching.profiles import Profile

FORM = """
title = "Days"
[[field]]
name = "day"
label = "Day"
kind = "integer"
digits = 2
max = 31
rows = 4
[[field]]
name = "degrees"
label = "Degrees"
kind = "decimal"
digits = 3
decimals = 1
min = -40
rows = 4
"""


def boxes(*digits: tuple[int, int, float]) -> list[list[float]]:
    """Return the probabilities of boxes: of each, the likeliest digit, the second, and how likely the first is."""
    rows = []
    for first, second, sure in digits:
        row = [0.0] * 11
        row[first], row[second] = sure, 1 - sure
        rows.append(row)
    return rows


def value(field: str, row: int, read: str, confidence: float, outcome: str = "unsure", **more: Any) -> dict[str, Any]:
    return {
        "kind": "value", "picture": "a.jpg", "sha256": "1", "picture_page": 1, "sheet": "0001", "page": 1,
        "field": field, "row": row, "box": [0, 0, 1, 1], "crop": f"data.crops/{field}-{row}.png", "outcome": outcome,
        "read": read, "value": read, "changed_to": None, "confidence": confidence, "probabilities": [], **more,
    }  # fmt: skip


PAGE = {"kind": "page", "picture": "a.jpg", "sha256": "1", "picture_page": 1, "sheet": "0001", "page": 1}

VALUES = [
    value("day", 0, "17", 0.6, probabilities=boxes((1, 7, 0.99), (7, 1, 0.6))),
    value("degrees", 0, "12.5", 0.98, "value"),
    value("day", 1, "28", 0.3, probabilities=boxes((2, 7, 0.99), (8, 3, 0.3))),
    value("degrees", 1, "9.1", 0.9, probabilities=boxes((9, 4, 0.9), (1, 7, 0.99))),
]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A table with three unsure values and a sure one."""
    form, path = tmp_path / "form.toml", tmp_path / "data.csv"
    form.write_text(FORM, encoding="utf-8")
    fields = read_form(form).fields
    (tmp_path / "data.crops").mkdir()
    for each in VALUES:
        crop = np.full((60, 120), 250, np.uint8)
        cv2.putText(crop, each["read"], (10, 45), cv2.FONT_HERSHEY_SIMPLEX, 1.4, 30, 3)
        cv2.imwrite(str(tmp_path / each["crop"]), crop)
    with Audit(path, "ada") as audit:
        audit.append([{"kind": "form", "form": "DAYS", "geometry": "1", "fields": fields_as_json(fields)}])
        audit.append([*VALUES, PAGE])
        records = Records()
        records.follow(audit)
        write_table(audit, fields, records)
    return path


def table(data: Path) -> list[list[str]]:
    with data.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))[1:]


def reviews(data: Path) -> list[dict[str, Any]]:
    lines = data.with_name("data.audit.jsonl").read_text(encoding="utf-8").splitlines()
    return [entry for entry in map(json.loads, lines) if entry["kind"] == "review"]


def said(state: dict[str, Any], outcome: Any = "value", value: str = "", **more: Any) -> ReviewAnswer:
    return ReviewAnswer(tuple(state["item"]["place"]), state["item"]["seen"], outcome, value, **more)


def test_the_worst_value_comes_first_and_the_errors_to_expect_fall(data: Path) -> None:
    review = Review(data, "bob")
    state, seen = review.state(), []
    while state["item"]:
        seen.append((tuple(state["item"]["place"][1:]), state["left"], state["expected"]))
        state = review.answer(said(state, value=state["item"]["value"]))
    assert seen == [(("day", 1), 3, 1.22), (("day", 0), 2, 0.52), (("degrees", 1), 1, 0.12)]
    assert (state["left"], state["expected"]) == (0, 0.02)
    # Whoever wants to may go on with what needs no check.
    more = review.state(more=True)
    assert more["item"]["place"] == ("0001", "degrees", 0)
    state = review.answer(said(more, value="12.5", more=True))
    assert (state["item"], state["expected"]) == (None, 0.0)


def test_an_answer_is_in_the_table_and_the_audit_before_the_next_is_asked(data: Path) -> None:
    assert table(data)[1] == ["0001", "2", "28?", "9.1?"]
    review = Review(data, "bob")
    review.answer(said(review.state(), value="23"))
    assert table(data)[1] == ["0001", "2", "23", "9.1?"]
    [entry] = reviews(data)
    assert (entry["by"], entry["changed_to"], entry["was"]["value"]) == ("bob", "23", "28")


@pytest.mark.parametrize(("outcome", "cell"), [("empty", ""), ("struck", ""), ("unreadable", "unreadable")])
def test_an_outcome_that_is_no_value_is_kept_by_name(data: Path, outcome: str, cell: str) -> None:
    review = Review(data, "bob")
    state = review.answer(said(review.state(), outcome))
    assert (state["left"], table(data)[1][2], reviews(data)[0]["outcome"]) == (2, cell, outcome)


def test_who_comes_later_does_not_overwrite(data: Path) -> None:
    ada, bob = Review(data, "ada"), Review(data, "bob")
    seen_by_bob = bob.state()
    ada.answer(said(ada.state(), value="23"))
    state = bob.answer(said(seen_by_bob, value="29"))
    assert state["note"] == "ada was faster: 23. Nothing was replaced."
    assert (table(data)[1][2], len(reviews(data))) == ("23", 1)
    # Whoever has seen the answer may change it.
    bob.answer(said(state, value="29"))
    assert [entry["by"] for entry in reviews(data)] == ["ada", "bob"]
    assert table(data)[1][2] == "29"


def test_a_review_goes_on_where_it_stopped(data: Path) -> None:
    first = Review(data, "bob")
    first.answer(said(first.state(), value="23"))
    assert Review(data, "bob").state()["item"]["place"] == ("0001", "day", 0)


def test_what_the_form_does_not_allow_is_asked_again(data: Path) -> None:
    review = Review(data, "bob")
    state = review.answer(said(review.state(), value="85"))
    assert state["refused"].startswith("The form does not allow 85.")
    assert reviews(data) == []
    review.answer(said(state, value="85", sure=True))
    assert table(data)[1][2] == "85"


def test_a_later_photograph_does_not_replace_a_review_in_silence(data: Path) -> None:
    review = Review(data, "bob")
    review.answer(said(review.state(), value="23"))
    with Audit(data, "ada") as audit:
        audit.append([value("day", 1, "28", 0.99, "value"), PAGE])
    item = review.state()["item"]
    assert (item["place"], item["value"], item["second"]) == (("0001", "day", 1), "23", "28")


def test_a_table_that_was_changed_by_hand_is_refused(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    review = Review(data, "bob")
    state = review.state()
    data.write_text("mine", encoding="utf-8")
    with pytest.raises(DataError, match="was changed since inkread wrote it"):
        review.answer(said(state, value="23"))
    assert (data.read_text(encoding="utf-8"), reviews(data)) == ("mine", [])
    assert main(["review", str(data)]) == 4
    assert "move it away" in capsys.readouterr().err


def glyphs(count: int) -> str:
    """Return what an audit keeps of the glyphs of some boxes, each a little lighter than the one before."""
    strip = np.hstack([np.full((28, 28), 255 - at, np.uint8) for at in range(count)])
    return base64.b64encode(png(strip)).decode()


def test_corrections_are_taught_when_asked(data: Path, tmp_path: Path) -> None:
    profile = Profile("bob", path=tmp_path / "taught.sqlite")
    sure = boxes((2, 7, 0.99), (8, 3, 0.6))
    with Audit(data, "ada") as audit:
        audit.append([value("day", 2, "28", 0.1, probabilities=sure, glyphs=glyphs(2)), PAGE])
    place = ("0001", "day", 2)
    Review(data, "bob").answer(ReviewAnswer(place, 1, "value", "23"))
    assert profile.lessons() == []
    review = Review(data, "bob", profile)
    review.answer(ReviewAnswer(place, 2, "value", "23"))
    [lesson] = profile.lessons()
    assert (lesson.label, int(lesson.glyph[0, 0]), lesson.picture) == (3, 254, "a.jpg")
    assert reviews(data)[-1]["taught"] == [lesson.id]
    # Another answer for the same field takes the lesson back.
    review.answer(ReviewAnswer(place, 3, "value", "29"))
    assert [lesson.label for lesson in profile.lessons()] == [9]
    review.answer(ReviewAnswer(place, 4, "unreadable"))
    assert profile.lessons() == []


def test_a_day_and_a_decimal_comma_are_taken_as_people_type_them(tmp_path: Path) -> None:
    (tmp_path / "form.toml").write_text(
        'title = "T"\n[[field]]\nname = "d"\nkind = "date"\n[[field]]\nname = "n"\nkind = "decimal"\ndigits = 3\n'
        "decimals = 1\n",
        encoding="utf-8",
    )
    fields, path = read_form(tmp_path / "form.toml").fields, tmp_path / "data.csv"
    day = {**value("d", 0, "05/11/2026", 0.6), "value": "2026-11-05"}
    with Audit(path, "ada") as audit:
        audit.append([{"kind": "form", "fields": fields_as_json(fields)}, day, value("n", 0, "12.5", 0.7), PAGE])
    review = Review(path, "bob")
    state = review.answer(said(review.state(), value="2026-11-05"))
    review.answer(said(state, value="12,6"))
    assert table(path) == [["0001", "2026-11-05", "12.6"]]


def test_an_answer_looks_at_nothing_but_its_value(tmp_path: Path) -> None:
    form, path = tmp_path / "form.toml", tmp_path / "data.csv"
    form.write_text(FORM.replace("rows = 4\n", ""), encoding="utf-8")
    sheets = [f"{number:04d}" for number in range(1, 501)]
    many = [{**entry, "sheet": sheet} for sheet in sheets for entry in (value("day", 0, "17", 0.6), PAGE)]
    with Audit(path, "ada") as audit:
        audit.append([{"kind": "form", "fields": fields_as_json(read_form(form).fields)}, *many])
    review = Review(path, "bob")
    with (
        patch("inkread.sheets.table._merge", wraps=_merge) as merging,
        patch("json.loads", wraps=json.loads) as parsing,
    ):
        review.answer(said(review.state(), value="17"))
    assert merging.call_count == 1
    assert sum(len(call.args[0]) for call in parsing.call_args_list) < 1000
    assert len(table(path)) == len(sheets)


def test_a_large_workbook_is_written_when_the_review_ends(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "QUICK_WORKBOOK", 1)
    workbook = data.with_suffix(".xlsx")
    review = Review(workbook, "bob")
    before = workbook.read_bytes()
    review.answer(said(review.state(), value="23"))
    assert workbook.read_bytes() == before
    review.close()
    assert workbook.read_bytes() != before
    # The other table of the audit is written when it is opened.
    Review(data, "bob")
    assert table(data)[1][2] == "23"


def test_nobody_is_taught_without_a_profile(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["review", str(data), "--teach", "--profile", "none"]) == 2
    assert "there is no profile to teach" in capsys.readouterr().err


def test_a_table_without_an_audit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="there is no audit beside it"):
        Review(tmp_path / "other.csv")
    assert not (tmp_path / "other.audit.jsonl").exists()


def test_the_second_choice_is_one_that_the_form_allows(tmp_path: Path) -> None:
    (tmp_path / "form.toml").write_text(FORM, encoding="utf-8")
    day, degrees = fields_from_json(fields_as_json(read_form(tmp_path / "form.toml").fields))
    # 71 is likelier than 14, but no day.
    unclear = value("day", 0, "11", 0.5, probabilities=boxes((1, 7, 0.6), (1, 4, 0.8)))
    assert second_choice(day, unclear) == "14"
    # The first box is empty; what a network says about it does not count.
    short = value("degrees", 0, "9.1", 0.5, probabilities=boxes((3, 5, 0.5), (9, 4, 0.6), (1, 7, 0.9)))
    assert second_choice(degrees, short) == "4.1"


@pytest.fixture
def address(data: Path) -> Iterator[str]:
    with served("review", str(data), "--user", "bob", "--no-browser") as line:
        yield line.split()[4].rstrip("/")


@contextlib.contextmanager
def served(*words: str) -> Iterator[str]:
    """Give the first line that a command prints, which serves until then."""
    command = [sys.executable, "-m", "inkread", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            line = server.stdout.readline() if server.stdout else ""
            yield line
        finally:
            server.terminate()
            server.wait()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_keyboard_alone_is_enough(browser: Any, address: str, data: Path, scheme: str) -> None:
    from axe_playwright_python.sync_playwright import Axe
    from playwright.sync_api import expect

    with browser.new_context(color_scheme=scheme, viewport={"width": 360, "height": 800}) as context:
        page = context.new_page()
        foreign: list[str] = []
        page.on(
            "request", lambda request: None if request.url.startswith(f"{address}/") else foreign.append(request.url)
        )
        page.goto(address)
        box = page.locator("#value")

        def is_fine() -> None:
            found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
            assert [(rule["id"], rule["nodes"][0]["html"]) for rule in found] == []
            assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0

        expect(page.locator("#left")).to_have_text("3 left; 1.2 errors expected in the rest")
        expect(box).to_be_focused()
        expect(box).to_have_value("28")
        is_fine()
        page.keyboard.press("?")
        expect(page.locator("#keys")).to_be_visible()
        is_fine()
        page.keyboard.press("Escape")
        page.keyboard.type("23")
        page.keyboard.press("Enter")
        expect(box).to_have_value("17")
        assert table(data)[1][2] == "23"
        page.keyboard.press("Backspace")
        expect(box).to_have_value("23")
        page.keyboard.press("s")
        expect(box).to_have_value("17")
        # Closing the browser loses nothing.
        page.reload()
        expect(box).to_have_value("17")
        page.keyboard.press("ArrowDown")
        expect(box).to_have_value("11")
        page.keyboard.press("Enter")
        expect(box).to_have_value("9.1")
        page.keyboard.press("u")
        expect(page.locator("#done")).to_be_focused()
        is_fine()
        page.keyboard.press("m")
        expect(box).to_have_value("12.5")
        page.keyboard.press("Enter")
        expect(page.locator("#done")).to_be_focused()
        assert foreign == []
    assert table(data) == [["0001", "1", "11", "12.5"], ["0001", "2", "", "unreadable"]]
    assert [entry["outcome"] for entry in reviews(data)] == ["value", "struck", "value", "unreadable", "value"]


def test_the_page_of_inkread_web_reviews_the_tables_that_were_named(
    browser: Any, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from axe_playwright_python.sync_playwright import Axe
    from playwright.sync_api import expect

    everywhere = "0.0.0.0"  # noqa: S104
    assert main(["web", "--host", everywhere, "--port", "0", "--no-browser", "--review", str(data)]) == 2
    assert "could change the tables; use --host 127.0.0.1" in capsys.readouterr().err
    words = ["web", "--port", "0", "--no-browser", "--profile", "none", "--review", str(data), "--user", "bob"]
    with served(*words) as line, browser.new_context(viewport={"width": 360, "height": 800}) as context:
        page, address = context.new_page(), line.split()[3]
        page.goto(address)
        page.get_by_role("tab", name="Review").click()
        listed = page.get_by_role("listitem").filter(has_text="data.csv")
        expect(listed).to_contain_text("3 of 4 values left; 1.2 errors expected in the rest")
        found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
        assert [(rule["id"], rule["nodes"][0]["html"]) for rule in found] == []
        listed.get_by_role("link").press("Enter")
        expect(page.locator("#value")).to_have_value("28")
        page.keyboard.type("23")
        page.keyboard.press("Enter")
        expect(page.locator("#value")).to_have_value("17")
        page.get_by_role("link", name="All tables").click()
        expect(listed).to_contain_text("2 of 4 values left")
        # Nothing beside the table can be opened.
        for other in ("review/2/", "review/1/data.audit.jsonl", "review/1/crops/%2e%2e/data.audit.jsonl"):
            assert page.request.get(address + other).status == 404
    assert [entry["by"] for entry in reviews(data)] == ["bob"]
