"""`inkread fill`: photographs of filled-in sheets become a table, and no value is passed off as another."""

from __future__ import annotations

import base64
import json
import re
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from helpers.ended import Ended
from helpers.filled_sheets import Writing, filled_page, photographed, run, save, table
from inkread.cli import main
from inkread.errors import DataError
from inkread.glyphs import SIDE
from inkread.sheets import audit as audits
from inkread.sheets.audit import Audit
from inkread.sheets.box_ink import BoxInk
from inkread.sheets.field_reading import read_number
from inkread.sheets.form_file import read_form
from inkread.sheets.forms import Field
from inkread.sheets.page_layout import SheetLayout
from inkread.sheets.placing import lay_out
from inkread.sheets.table import Records

FORM = """
title = "Visits"
[[field]]
name = "number"
kind = "integer"
digits = 3
allowed = ["123", "456", "007"]
[[field]]
name = "class"
kind = "choice"
choices = ["red", "green"]
[[field]]
name = "paid"
kind = "tick"
[[field]]
name = "day"
kind = "integer"
digits = 2
max = 31
rows = 6
[[field]]
name = "degrees"
kind = "decimal"
digits = 3
decimals = 1
min = -40
rows = 6
"""

MANY_PAGES = 'title = "Long"\n[[field]]\nname = "n"\nkind = "integer"\ndigits = 12\nrows = 20\n'

FULL: Writing = {
    ("number", 0): "123",
    ("class", 0): "_x",
    ("paid", 0): "x",
    ("day", 0): "05",
    ("degrees", 0): "-125",
    ("day", 1): "27",
    ("degrees", 1): "080",
}
TABLE = [
    "sheet,row,number,class,paid,day,degrees",
    "0007,1,123,green,1,5,-12.5",
    "0007,2,123,green,1,27,8.0",
]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the form, which is the current one."""
    (tmp_path / "form.toml").write_text(FORM, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def layout_of(text: str = FORM) -> SheetLayout:
    path = Path("layout.toml")
    path.write_text(text, encoding="utf-8")
    return lay_out(read_form(path))


def photo(name: str, writing: Writing, serial: int = 7, page: int = 1, form: str = FORM, **how: Any) -> str:
    """Write the photograph of a filled-in sheet, and return its name."""
    return str(save(photographed(filled_page(layout_of(form), page, serial, writing), **how), Path(name)))


def entries(kind: str) -> list[dict[str, Any]]:
    lines = Path("data.audit.jsonl").read_text(encoding="utf-8").splitlines()
    return [entry for entry in map(json.loads, lines) if entry["kind"] == kind]


# What is read


def test_a_photograph_becomes_rows_with_an_audit(capsys: pytest.CaptureFixture[str], here: Path) -> None:
    assert run(capsys, photo("a.jpg", FULL)) == Ended(0, ["data.csv: 1 sheet, 15 values, 0 to check"], [])
    assert table() == TABLE
    values = {(entry["field"], entry["row"]): entry for entry in entries("value")}
    degrees = values["degrees", 0]
    assert (degrees["outcome"], degrees["read"], degrees["value"]) == ("value", "-12.5", "-12.5")
    assert (degrees["picture"], degrees["by"], degrees["changed_to"]) == ("a.jpg", "ada", None)
    assert len(degrees["sha256"]) == 64
    assert [len(row) for row in degrees["probabilities"]] == [11, 11, 11]
    assert values["day", 3]["outcome"] == "empty"
    assert all(Path(entry["crop"]).read_bytes().startswith(b"\x89PNG") for entry in values.values())
    # The crop of a choice shows the labels beside its boxes.
    with Image.open(values["class", 0]["crop"]) as crop:
        assert crop.width / 6 > 50
    x, y, w, h = degrees["box"]
    assert 0 < x < x + w < 1350
    assert 0 < y < y + h < 1874


def test_a_table_keeps_its_delimiter_until_another_is_asked_for(capsys: pytest.CaptureFixture[str], here: Path) -> None:
    assert run(capsys, photo("a.jpg", FULL), "--delimiter", ";").code == 0
    assert table() == [line.replace(",", ";") for line in TABLE]
    assert run(capsys, photo("b.jpg", FULL, serial=8)).code == 0
    assert table()[0] == TABLE[0].replace(",", ";")
    assert run(capsys, "a.jpg", "--delimiter", ",").code == 0
    assert table()[:3] == TABLE


@pytest.mark.parametrize(("turns", "covered"), [(1, ()), (2, (3,)), (3, (1,))])
def test_a_sheet_is_read_whichever_way_it_lies_and_with_a_corner_covered(
    capsys: pytest.CaptureFixture[str], here: Path, turns: int, covered: tuple[int, ...]
) -> None:
    assert run(capsys, photo("a.jpg", FULL, turns=turns, covered=covered)).code == 0
    assert table() == TABLE


def test_a_scan_that_lost_the_grey_lines_is_read(capsys: pytest.CaptureFixture[str], here: Path) -> None:
    scan = filled_page(layout_of(), 1, 7, FULL)
    scan[scan > 130] = 255
    assert run(capsys, str(save(scan, Path("scan.png")))).code == 0
    assert table() == TABLE


def test_outcomes_are_told_apart(capsys: pytest.CaptureFixture[str], here: Path) -> None:
    writing = {
        ("number", 0): "12#/456",
        ("class", 0): "xx",
        ("paid", 0): "#",
        ("day", 0): "3#",
        ("day", 1): "85",
        ("day", 2): "_4",
        ("day", 3): "9",
        ("degrees", 0): "15_",
        ("degrees", 1): "-",
    }
    said = run(capsys, photo("a.jpg", writing))
    values = {(entry["field"], entry["row"]): (entry["outcome"], entry["value"]) for entry in entries("value")}
    assert values["number", 0] == ("value", "456")
    assert values["class", 0] == ("unsure", "")
    assert values["paid", 0] == ("struck", "")
    assert values["day", 0] == ("struck", "")
    assert values["day", 1] == ("unfit", "")
    # What a review may correct has its glyphs, for teaching.
    glyphs = {(entry["field"], entry["row"]): entry["glyphs"] for entry in entries("value") if "glyphs" in entry}
    assert set(glyphs) == {("day", 1), ("degrees", 0), ("degrees", 1)}
    with Image.open(BytesIO(base64.b64decode(glyphs["day", 1]))) as strip:
        assert strip.size == (2 * SIDE, SIDE)
    assert values["day", 2] == ("value", "4")
    assert values["day", 3] == ("value", "9")
    assert values["day", 4] == ("empty", "")
    assert values["degrees", 0] == ("unsure", "")
    assert values["degrees", 1] == ("unsure", "")
    assert said.out == ["data.csv: 1 sheet, 15 values, 4 to check"]
    assert table()[1:] == [
        '0007,1,456,"red, green?",,,15._?',
        '0007,2,456,"red, green?",,85?,-?',
        '0007,3,456,"red, green?",,4,',
        '0007,4,456,"red, green?",,9,',
    ]


@pytest.mark.parametrize(
    ("share", "likely", "outcome"),
    [
        (0.3, 0.98, "value"),
        (0.65, 0.98, "value"),
        (0.75, 0.98, "value"),
        (0.65, 0.3, "unsure"),
        (0.75, 0.3, "struck"),
        (0.88, 0.98, "struck"),
    ],
)
def test_a_clear_digit_of_a_thick_pen_is_not_struck_out(share: float, likely: float, outcome: str) -> None:
    row = np.full((1, 11), (1 - likely) / 10, np.float32)
    row[0, 8] = likely
    ink = BoxInk(np.ones((4, 4), np.float32), 40.0, share)
    assert read_number(Field("one", "One", "integer", digits=1), [ink], None, row).outcome == outcome


def test_a_list_gives_its_values_as_it_has_them(capsys: pytest.CaptureFixture[str], here: Path) -> None:
    run(capsys, photo("a.jpg", {("number", 0): "_07"}), photo("b.jpg", {("number", 0): "789"}, serial=8))
    assert table()[1:] == ["0007,,007,,,,", "0008,,789?,,,,"]


# What is not read


def test_a_picture_without_a_sheet_is_said_and_the_others_are_read(
    capsys: pytest.CaptureFixture[str], here: Path
) -> None:
    covered = photo("c.jpg", FULL, covered=(2, 3))
    edited = photo("e.jpg", {}, form=FORM.replace("rows = 6", "rows = 5"))
    other = photo("o.jpg", {}, form=MANY_PAGES)
    said = run(capsys, covered, edited, other, "none.jpg", photo("a.jpg", FULL))
    before, now = layout_of(FORM.replace("rows = 6", "rows = 5")).geometry, layout_of().geometry
    assert said.code == 1
    assert said.err == [
        "inkread: c.jpg: sheet not found: corners 2 and 3 are covered (upper right, lower right)",
        (
            "inkread: e.jpg: this sheet of VISITS was printed before the form was edited "
            f"({before}, and the form is {now} now); use the form as it was"
        ),
        "inkread: o.jpg: this is a sheet of LONG, and the form is VISITS; name the other form",
        "inkread: none.jpg: no such file; check the name and the folder",
    ]
    assert table() == TABLE


def test_nothing_is_written_without_a_sheet(capsys: pytest.CaptureFixture[str], here: Path) -> None:
    name = photo("c.jpg", FULL, covered=(1, 2, 3, 4))
    before = sorted(here.iterdir())
    assert run(capsys, name) == Ended(
        1, [], ["inkread: c.jpg: sheet not found: none of the black squares in its corners is on the picture"]
    )
    assert sorted(here.iterdir()) == before


# Several photographs


def test_pages_are_put_together_and_a_missing_one_is_said(capsys: pytest.CaptureFixture[str], here: Path) -> None:
    Path("form.toml").write_text(MANY_PAGES, encoding="utf-8")
    pages = [
        photo("b.jpg", {("n", 19): "11"}, 7, 2, MANY_PAGES),
        photo("a.jpg", {("n", 0): "22"}, 7, 1, MANY_PAGES),
        photo("c.jpg", {("n", 0): "33"}, 8, 1, MANY_PAGES),
    ]
    assert run(capsys, *pages).err == ["inkread: sheet 0008: page 2 of 2 is missing"]
    assert table() == ["sheet,row,n", "0007,1,22", "0007,20,11", "0008,1,33"]


def test_sheets_without_a_number_are_put_together_in_the_order_of_the_files(
    capsys: pytest.CaptureFixture[str], here: Path
) -> None:
    Path("form.toml").write_text(MANY_PAGES, encoding="utf-8")
    pages = [photo(f"{at}.jpg", {("n", 0): f"{at}"}, 0, page, MANY_PAGES) for at, page in enumerate((1, 2, 1), 1)]
    assert run(capsys, *pages).err == [
        "inkread: sheets without a serial number were put together in the order of the files",
        "inkread: sheet unnumbered 2: page 2 of 2 is missing",
    ]
    assert table() == ["sheet,row,n", "unnumbered 1,1,1", "unnumbered 2,1,3"]


def test_more_photographs_are_added_and_none_is_read_twice(capsys: pytest.CaptureFixture[str], here: Path) -> None:
    first = photo("a.jpg", FULL)
    run(capsys, first)
    before = Path("data.audit.jsonl").read_text()
    again = run(capsys, first)
    assert again == Ended(
        0, ["data.csv: 1 sheet, 15 values, 0 to check"], ["inkread: 1 page was read before and not read again"]
    )
    assert Path("data.audit.jsonl").read_text() == before
    run(capsys, first, photo("b.jpg", {("number", 0): "456"}, serial=8))
    assert table() == [*TABLE, "0008,,456,,,,"]
    assert Path("data.audit.jsonl").read_text().startswith(before)


def test_a_folder_is_read_again_without_its_crops(capsys: pytest.CaptureFixture[str], here: Path) -> None:
    photo("a.jpg", FULL)
    run(capsys, ".")
    assert run(capsys, ".").code == 0
    assert table() == TABLE


def test_a_later_photograph_never_replaces_a_value_in_silence(capsys: pytest.CaptureFixture[str], here: Path) -> None:
    run(capsys, photo("a.jpg", FULL), photo("same.jpg", FULL, turns=2))
    assert table() == TABLE
    said = run(capsys, photo("b.jpg", {**FULL, ("day", 1): "24"}))
    sides = "27 in a.jpg and 27 in same.jpg and 24 in b.jpg"
    assert said.err == [f"inkread: sheet 0007, day row 2: {sides}; it is marked in the table"]
    assert said.out == ["data.csv: 1 sheet, 15 values, 1 to check"]
    assert table()[2] == "0007,2,123,green,1,27?,8.0"
    [conflict] = entries("conflict")
    assert conflict["values"] == ["27", "27", "24"]
    assert len({Path(crop).read_bytes() for crop in conflict["crops"]}) == 3


# The files


def test_a_table_that_was_changed_by_hand_is_not_replaced(capsys: pytest.CaptureFixture[str], here: Path) -> None:
    name = photo("a.jpg", FULL)
    run(capsys, name)
    Path("data.csv").write_text("mine\n")
    said = run(capsys, name)
    assert said.code == 4
    assert said.err[0].startswith("inkread: data.csv: was changed since inkread wrote it")
    assert "move it away" in said.err[0]
    assert Path("data.csv").read_text() == "mine\n"
    Path("data.csv").rename("other.csv")
    assert run(capsys, name).code == 0
    assert table() == TABLE


def test_a_workbook_has_the_same_table_with_the_unsure_cells_yellow_and_their_crops_beside(
    capsys: pytest.CaptureFixture[str], here: Path
) -> None:
    name = photo("a.jpg", {**FULL, ("class", 0): "xx"})
    command = ["fill", name, "--form", "form.toml", "--output", "data.xlsx", "--user", "ada"]
    assert main(command) == 0
    with zipfile.ZipFile("data.xlsx") as book:
        texts = re.findall(r"<t[^>]*>([^<]*)</t>", book.read("xl/sharedStrings.xml").decode())
        rows = re.findall(r"<row.*?</row>", book.read("xl/worksheets/sheet1.xml").decode(), re.DOTALL)
        cells = [re.findall(r'r="([A-Z]+)\d+"(?: s="(\d+)")?(?: t="(s)")?><v>([^<]*)<', row) for row in rows]
        crops = [name for name in book.namelist() if name.startswith("xl/media/")]
        assert "FFFFF2A8" in book.read("xl/styles.xml").decode()
    shown = [[texts[int(value)] if kind else float(value) for _, _, kind, value in row] for row in cells]
    unsure = ["red, green?"]
    assert shown[0] == TABLE[0].split(",")
    assert shown[1] == ["0007", 1.0, "123", *unsure, 1.0, 5.0, -12.5, "class:"]
    assert shown[2] == ["0007", 2.0, "123", *unsure, 1.0, 27.0, 8.0, "class:"]
    yellow = {style for row in cells[1:] for column, style, *_ in row if column == "D"}
    assert len(yellow) == 1
    assert yellow.isdisjoint({style for row in cells for column, style, *_ in row if column in "ABCEFGH"})
    # The same field is in both rows, and its picture is kept once.
    assert len(crops) == 1
    # What was not changed is not written again, and what was changed by hand is not replaced.
    audit = Path("data.audit.jsonl").read_bytes()
    assert main(command) == 0
    assert Path("data.audit.jsonl").read_bytes() == audit
    Path("data.xlsx").write_bytes(b"mine")
    capsys.readouterr()
    assert main(command) == 4
    assert "was changed since inkread wrote it" in capsys.readouterr().err


def test_what_cannot_be_the_table_is_refused(capsys: pytest.CaptureFixture[str], here: Path) -> None:
    name = photo("a.jpg", {})
    Path("data.csv").write_text("mine\n")
    assert run(capsys, name).err == [
        "inkread: data.csv: exists already, and no audit beside it says what it is; name another file"
    ]
    code = main(["fill", name, "--form", "form.toml", "--output", "data.ods"])
    assert (code, capsys.readouterr().err) == (
        2,
        "inkread: data.ods: the table is written as CSV or XLSX; name a file that ends in .csv or .xlsx\n",
    )
    assert not Path("data.audit.jsonl").exists()


def test_a_table_of_another_form_is_refused(capsys: pytest.CaptureFixture[str], here: Path) -> None:
    run(capsys, photo("a.jpg", FULL))
    Path("form.toml").write_text(MANY_PAGES, encoding="utf-8")
    said = run(capsys, "a.jpg")
    assert said.code == 4
    assert "has the sheets of another form, VISITS" in said.err[0]


def test_an_audit_is_locked_and_survives_an_end_in_the_middle(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audits, "_PATIENCE", 0.2)
    with Audit(here / "data.csv", "ada") as audit:
        audit.append([{"kind": "form"}])
        with pytest.raises(DataError, match="another program uses it"), Audit(here / "data.csv", "bob"):
            pass
    path = here / "data.audit.jsonl"
    with path.open("a") as file:
        file.write('{"kind": "value", "sheet": "0001", "fie')
    with Audit(here / "data.csv", "ada") as audit:
        assert [entry["kind"] for entry in audit.entries] == ["form"]
        audit.append([{"kind": "conflict"}])
    with Audit(here / "data.csv", "ada") as audit:
        assert [entry["kind"] for entry in audit.entries] == ["form", "conflict"]
    path.write_text(path.read_text().replace('"conflict"', "conflict"))
    with pytest.raises(DataError, match="line 3 is damaged"), Audit(here / "data.csv", "ada"):
        pass


def test_values_of_a_page_that_was_not_ended_do_not_count(here: Path) -> None:
    value = {"kind": "value", "sheet": "0001", "field": "n", "row": 0, "outcome": "value", "value": "7"}
    records = Records()
    with Audit(here / "data.csv", "ada") as audit:
        audit.append([value])
        assert records.follow(audit) == set()
        audit.append([{"kind": "page", "sheet": "0001"}])
        assert records.follow(audit) == {("0001", "n", 0)}


def test_an_audit_that_is_opened_again_has_what_others_wrote(here: Path) -> None:
    mine, theirs = Audit(here / "data.csv", "ada"), Audit(here / "data.csv", "bob")
    for audit, kind in ((mine, "form"), (theirs, "conflict"), (mine, "note")):
        with audit:
            audit.append([{"kind": kind}])
    with theirs:
        assert [entry["kind"] for entry in theirs.entries] == ["form", "conflict", "note"]
    with theirs.path.open("ab") as file:
        file.write(b"no entry\n")
    with pytest.raises(DataError, match="line 4 is damaged"), mine:
        pass
    theirs.path.rename(here / "old.jsonl")
    theirs.path.write_text('{"kind": "form"}\n', encoding="utf-8")
    with pytest.raises(DataError, match="was replaced by another file"), theirs:
        pass
