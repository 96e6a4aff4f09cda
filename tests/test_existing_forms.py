"""`inkread fill` of forms that inkread has not printed: boxes on a reference picture, or the columns of a table."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from helpers.filled_sheets import DOTS, Writing, photographed, run, save, table, write_digits
from helpers.ruled import rules, written
from inkread.cli import main
from inkread.sheets.cell_reading import CellRule
from inkread.sheets.form_file import read_form
from inkread.sheets.page_layout import Rect
from inkread.values import Notation

FORM = """
title = "Weather log"
picture = "blank.png"
unit = "mm"
[[field]]
name = "station"
kind = "integer"
digits = 3
boxes = [[120, 40, 9, 11], [129, 40, 9, 11], [138, 40, 9, 11]]
[[field]]
name = "snow"
kind = "tick"
boxes = [[30, 40, 7, 7]]
[[field]]
name = "degrees"
kind = "decimal"
digits = 3
decimals = 1
min = -20
max = 50
boxes = [[90, 80, 40, 14]]
row_height = 14
rows = 5
"""
BOXES = {
    ("station", 0): [Rect(120 + 9 * at, 40, 9, 11) for at in range(3)],
    ("snow", 0): [Rect(30, 40, 7, 7)],
    **{("degrees", row): [Rect(96 + 9 * at, 81 + 14 * row, 9, 12) for at in range(3)] for row in range(5)},
}
WORDS = ["Ministry of Works", "Daily log of the station", "Snow on the ground", "Observer", "Remarks", "Form 12-B"]


def blank(*, words: bool = True) -> NDArray[np.uint8]:
    """Return a printed form, as a clerk had it in 1964: words, boxes and a table."""
    page = np.full((round(297 * DOTS), round(210 * DOTS)), 250, np.uint8)

    def at(x: float, y: float) -> tuple[int, int]:
        return round(x * DOTS), round(y * DOTS)

    for number, text in enumerate(WORDS if words else []):
        place = at(20 + 70 * (number % 2), 20 + 40 * (number // 2) + (130 if number > 3 else 0))
        cv2.putText(page, text, place, cv2.FONT_HERSHEY_COMPLEX, 0.9, 40, 2, cv2.LINE_AA)
    for row in range(5 if words else 0):
        cv2.putText(page, f"{6 + 3 * row} h", at(40, 90 + 14 * row), cv2.FONT_HERSHEY_COMPLEX, 0.8, 40, 2, cv2.LINE_AA)
    for x, y, w, h in (*BOXES["station", 0], *BOXES["snow", 0], *(Rect(90, 80 + 14 * row, 40, 14) for row in range(5))):
        cv2.rectangle(page, at(x, y), at(x + w, y + h), 60, 2)
    return page


def filled(writing: Writing) -> NDArray[np.uint8]:
    """Return the form with digits in its boxes."""
    page = blank()
    for place, text in writing.items():
        write_digits(page, BOXES[place], text)
    return page


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the form, which is the current one."""
    monkeypatch.chdir(tmp_path)
    save(blank(), Path("blank.png"))
    Path("form.toml").write_text(FORM, encoding="utf-8")
    return tmp_path


def test_boxes_on_a_reference_picture_are_read_on_photographs(capsys: pytest.CaptureFixture[str], here: Path) -> None:
    writing = {("station", 0): "407", ("snow", 0): "x", ("degrees", 0): "215", ("degrees", 2): "198"}
    save(photographed(filled(writing)), Path("a.png"))
    save(photographed(filled({("station", 0): "112"}), turns=2), Path("b.png"))
    assert run(capsys, "a.png", "b.png").code == 0
    assert table() == [
        "sheet,row,station,snow,degrees",
        "a.png,1,407,1,21.5",
        "a.png,3,407,1,19.8",
        "b.png,,112,,",
    ]
    lines = Path("data.audit.jsonl").read_text(encoding="utf-8").splitlines()
    values = [entry for entry in map(json.loads, lines) if entry["kind"] == "value"]
    assert len(values) == 14
    assert all(Path(entry["crop"]).is_file() for entry in values)


def test_a_picture_of_something_else_is_refused(capsys: pytest.CaptureFixture[str], here: Path) -> None:
    save(np.asarray(np.random.default_rng(0).integers(0, 255, (600, 800)), np.uint8), Path("noise.png"))
    # Of a table alone, nobody can tell one row from the next.
    table_alone = blank(words=False)
    table_alone[: round(70 * DOTS)] = 250
    save(np.roll(table_alone, round(14 * DOTS), axis=0), Path("slipped.png"))
    said = run(capsys, "noise.png", "slipped.png")
    assert said.code == 1
    assert said.err[0].startswith("inkread: noise.png: does not show the form of the reference picture")
    assert len(said.err) == 2
    assert not Path("data.csv").exists()


def test_columns_of_a_table_are_fields(capsys: pytest.CaptureFixture[str], here: Path) -> None:
    texts = [["Total", "Sum"], ["12", ""], ["07", "345"]]
    save(written(rules(3, 2), texts), Path("log.png"))
    save(written(rules(4, 2), [*texts, ["8", "9"]]), Path("longer.png"))
    Path("form.toml").write_text(
        'title = "Log"\ntable = [3, 2]\nfirst_row = 2\n'
        '[[field]]\nname = "sum"\nkind = "integer"\ndigits = 3\ncolumn = 2\nrows = 2\n'
        '[[field]]\nname = "total"\nkind = "integer"\ndigits = 2\ncolumn = 1\nrows = 2\n',
        encoding="utf-8",
    )
    said = run(capsys, "log.png", "longer.png")
    assert said.code == 1
    [message] = said.err
    assert "no table of 3 rows and 2 columns is found, but one of 4 rows and 2; crop it" in message
    assert [line.replace("?", "") for line in table()] == ["sheet,row,sum,total", "log.png,1,,12", "log.png,2,345,7"]


@pytest.mark.parametrize(("text", "value"), [("21.5", "21.5"), ("21,5", "21.5"), ("215", "21.5"), ("-7,5", "-7.5")])
def test_decimals_are_taken_as_people_write_them(here: Path, text: str, value: str) -> None:
    rule = CellRule.of(read_form(Path("form.toml")).fields[2])
    assert rule.fits(text, Notation())
    assert rule.plain(text) == value


@pytest.mark.parametrize("text", ["21", "1234", "99.5", "2.15", "21.55"])
def test_what_could_mean_two_things_does_not_fit(here: Path, text: str) -> None:
    assert not CellRule.of(read_form(Path("form.toml")).fields[2]).fits(text, Notation())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("unit = \"mm\"", "unit = \"cm\""), "unit = \"cm\": it is one of mm, px"),
        (('picture = "blank.png"\nunit = "mm"\n', ""), "field 1 'station': boxes are on a picture of the form"),
        (("[[30, 40, 7, 7]]", "[[30, 40, 7, 0]]"), "field 2 'snow': one of its boxes has no width or no height"),
        (("[[30, 40, 7, 7]]", "[[30, 40, 7]]"), "field 2 'snow': boxes are a list of [x, y, width, height]"),
        (("[[30, 40, 7, 7]]", "[[30, 40, 7, nan]]"), "field 2 'snow': boxes has NaN: this must be a length"),
        (("[129, 40, 9, 11], ", ""), "field 1 'station': there are 2 boxes; give 1 or 3"),
        (("row_height = 14\n", ""), "field 3 'degrees': rows and row_height, the distance of two rows, belong"),
        (("rows = 5", "rows = 50"), "field 'degrees' is outside blank.png"),
        (('unit = "mm"', 'table = [3, 2]'), "a form has a picture with boxes, or a table, and not both"),
        (("blank.png", "none.png"), "none.png: no such file"),
    ],
)  # fmt: skip
def test_a_wrong_form_is_told_with_its_place(
    capsys: pytest.CaptureFixture[str], here: Path, change: tuple[str, str], message: str
) -> None:
    assert change[0] in FORM
    Path("form.toml").write_text(FORM.replace(*change), encoding="utf-8")
    said = run(capsys, "blank.png")
    assert said.code == 4
    assert message in said.err[0]


def test_an_existing_form_is_not_printed(capsys: pytest.CaptureFixture[str], here: Path) -> None:
    assert main(["sheet", "form.toml", "out.pdf"]) == 4
    assert "it cannot be printed" in capsys.readouterr().err
