"""`inkread sheet`: forms, what is wrong with them, and the PDF that is printed."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from helpers.ended import Ended
from inkread.cli import main
from inkread.errors import DataError
from inkread.sheets.codes import CORNERS, DICTIONARY, MARKER_IDS, SheetCode
from inkread.sheets.form_file import read_form
from inkread.sheets.page_layout import SheetLayout
from inkread.sheets.placing import lay_out
from inkread.sheets.printing import print_sheets, write_pdf
from inkread.sheets.sheet_text import TextStyle, width_of, wrapped

FORMS = sorted((Path(__file__).parents[1] / "examples" / "forms").glob("*.toml"))

SMALLEST = """
title = "Temperatures"
paper = "A4"
[[field]]
name = "day"
label = "Day"
kind = "integer"
digits = 2
min = 1
max = 31
rows = 12
[[field]]
name = "max"
label = "Maximum"
kind = "decimal"
digits = 3
decimals = 1
rows = 12
"""

SINGLE = """
title = "Visit"
[[field]]
name = "number"
kind = "integer"
digits = 3
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the smallest form, which is the current one."""
    (tmp_path / "form.toml").write_text(SMALLEST, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], *words: str | Path) -> Ended:
    code = main([str(word) for word in words])
    captured = capsys.readouterr()
    return Ended(code, captured.out.splitlines(), captured.err.splitlines())


def laid_out(text: str, folder: Path) -> SheetLayout:
    path = folder / "other.toml"
    path.write_text(text, encoding="utf-8")
    return lay_out(read_form(path))


def rendered(path: Path, page: int = 0, dots: int = 150) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Return a page of a PDF in grey, drawn at some dots per inch."""
    pdfium = pytest.importorskip("pypdfium2", reason="needs the extra 'pdf'")
    document = pdfium.PdfDocument(path)
    try:
        return np.asarray(document[page].render(scale=dots / 72).to_pil().convert("L"))
    finally:
        document.close()


# The page


def test_a_sheet_is_printed_with_its_layout(capsys: pytest.CaptureFixture[str], here: Path) -> None:
    assert run(capsys, "sheet", "form.toml", "out.pdf", "--layout", "out.json") == Ended(0, ["out.pdf: 1 page"], [])
    layout = json.loads((here / "out.json").read_text())
    assert (layout["unit"], layout["paper"]) == ("mm", {"name": "A4", "width": 210.0, "height": 297.0})
    fields = [(entry["name"], entry["page"], entry["row"], len(entry["boxes"])) for entry in layout["fields"]]
    assert sorted(fields) == [
        *(("day", 1, row, 2) for row in range(12)),
        *(("max", 1, row, 3) for row in range(12)),
    ]
    for entry in layout["fields"]:
        assert all((w, h) == (8, 10) for _, _, w, h in entry["boxes"])
        assert [box[0] for box in entry["boxes"]] == sorted(box[0] for box in entry["boxes"])


def test_the_boxes_lie_where_the_layout_says(here: Path) -> None:
    layout = print_sheets(Path("form.toml"), Path("out.pdf"))
    grey = rendered(here / "out.pdf")
    for boxes in layout.pages[0].fields:
        for box in boxes.boxes:
            left, top, right, bottom = (
                round(side * 150 / 25.4) for side in (box.x, box.y, box.x + box.w, box.y + box.h)
            )
            assert (grey[top + 4 : bottom - 4, left + 4 : right - 4] == 255).all()
            assert grey[top - 2 : top + 3, left + 9].min() < 215
            assert grey[top + 9, right - 2 : right + 3].min() < 215
    # Boxes are grey, so that a threshold takes them away.
    first = layout.pages[0].fields[0].boxes[0]
    across = slice(round((first.x - 1) * 150 / 25.4), round((first.x + 9) * 150 / 25.4))
    assert grey[round((first.y + 5) * 150 / 25.4), across].min() > 120


@pytest.mark.parametrize("form", FORMS, ids=lambda path: path.stem)
def test_each_page_of_an_example_has_its_codes(tmp_path: Path, form: Path) -> None:
    layout = lay_out(read_form(form))
    write_pdf(layout, tmp_path / "out.pdf", [7, 8])
    for index, (serial, page) in enumerate((s, p) for s in (7, 8) for p in layout.pages):
        grey = rendered(tmp_path / "out.pdf", index)
        corners, ids, _ = cv2.aruco.ArucoDetector(cv2.aruco.getPredefinedDictionary(DICTIONARY)).detectMarkers(grey)
        found = {int(id_): np.asarray(corner).reshape(4, 2) for id_, corner in zip(ids.ravel(), corners, strict=True)}
        assert sorted(found) == sorted(MARKER_IDS.values())
        for corner, place in layout.markers.items():
            middle = np.array([place.x + place.w / 2, place.y + place.h / 2]) * 150 / 25.4
            assert np.abs(found[MARKER_IDS[corner]].mean(axis=0) - middle).max() < 1.5
        for place in layout.codes:
            x, y, w, h = (round(side * 150 / 25.4) for side in place)
            text = cv2.QRCodeDetector().detectAndDecode(
                np.ascontiguousarray(grey[y - 20 : y + h + 20, x - 20 : x + w + 20])
            )[0]
            assert SheetCode.of(text) == SheetCode(layout.form.name, layout.geometry, serial, page.number)


@pytest.mark.parametrize("form", FORMS, ids=lambda path: path.stem)
def test_nothing_on_a_page_overlaps(form: Path) -> None:
    layout = lay_out(read_form(form))
    width, height = layout.size
    for page in layout.pages:
        boxes = [box for each in page.fields for box in each.all_boxes]
        boxes += [*layout.markers.values(), *layout.codes]
        for at, one in enumerate(boxes):
            assert 10 <= one.x <= one.x + one.w <= width - 10
            assert 10 <= one.y <= one.y + one.h <= height - 10
            for other in boxes[:at]:
                apart = max(other.x - one.x - one.w, one.x - other.x - other.w)
                below = max(other.y - one.y - one.h, one.y - other.y - other.h)
                assert max(apart, below) > 1


def test_fonts_are_embedded_and_the_same_form_gives_the_same_bytes(here: Path) -> None:
    for name in ("one.pdf", "two.pdf"):
        print_sheets(Path("form.toml"), Path(name), copies=2)
    content = Path("one.pdf").read_bytes()
    assert content == Path("two.pdf").read_bytes()
    assert b"/FontFile2" in content
    assert b"/Subtype /Image" not in content


def test_rows_that_do_not_fit_go_on_beside_the_table_and_then_on_the_next_page(tmp_path: Path) -> None:
    layout = laid_out(SMALLEST.replace("rows = 12", "rows = 50"), tmp_path)
    assert len(layout.pages) == 2
    for name in ("day", "max"):
        rows = [(boxes.row, page.number) for page in layout.pages for boxes in page.fields if boxes.field.name == name]
        assert [row for row, _ in rows] == list(range(50))
        assert {page for _, page in rows} == {1, 2}
    first = [boxes.boxes[0] for boxes in layout.pages[0].fields if boxes.field.name == "day"]
    assert len({box.x for box in first}) == 2


def test_papers_and_orientations(tmp_path: Path) -> None:
    assert laid_out(SMALLEST, tmp_path).size == (210, 297)
    assert laid_out(SMALLEST.replace("A4", "Letter"), tmp_path).size == (215.9, 279.4)
    landscape = SMALLEST.replace('"A4"', '"A4"\norientation = "landscape"')
    assert laid_out(landscape, tmp_path).size == (297, 210)


def test_a_number_alone_has_boxes_for_a_second_try_and_one_below_zero_a_box_for_its_sign(tmp_path: Path) -> None:
    layout = laid_out(SINGLE + "min = -20\n", tmp_path)
    [boxes] = layout.pages[0].fields
    assert (len(boxes.boxes), len(boxes.again)) == (3, 3)
    assert boxes.sign is not None
    assert boxes.sign_again is not None
    assert boxes.sign.x + boxes.sign.w < boxes.boxes[0].x
    assert laid_out(SINGLE, tmp_path).pages[0].fields[0].sign is None


def test_dates_and_times_have_their_separators(tmp_path: Path) -> None:
    text = 'title = "T"\n[[field]]\nname = "d"\nkind = "date"\n[[field]]\nname = "t"\nkind = "time"\n'
    layout = laid_out(text, tmp_path)
    assert [len(boxes.boxes) for boxes in layout.pages[0].fields] == [8, 4]
    printed = [text.text for text in layout.pages[0].texts]
    assert printed.count("/") == 4  # with those of the second try
    assert printed.count(":") == 2
    assert "day / month / year" in printed


def test_the_geometry_tells_an_edited_form(tmp_path: Path) -> None:
    first = laid_out(SMALLEST, tmp_path).geometry
    assert re.fullmatch("[0-9A-F]{8}", first)
    changes = [("rows = 12", "rows = 11"), ("decimals = 1", "decimals = 2"), ("A4", "Letter"), ('"max"', '"most"')]
    for before, after in changes:
        assert laid_out(SMALLEST.replace(before, after), tmp_path).geometry != first
    # What may be written can change after a form was printed.
    for before, after in [("max = 31", "max = 30"), ('label = "Day"', 'label = "Date"')]:
        assert laid_out(SMALLEST.replace(before, after), tmp_path).geometry == first


def test_labels_in_other_scripts_are_printed(tmp_path: Path) -> None:
    text = SINGLE + 'label = "Größe № 5, ψ → ½ Температура"\n'
    write_pdf(laid_out(text, tmp_path), tmp_path / "out.pdf")
    with pytest.raises(DataError, match=r"field 1 'number': the character '温' cannot be printed"):
        laid_out(SINGLE + 'label = "温度"\n', tmp_path)


# Copies and files


def test_copies_have_serial_numbers(capsys: pytest.CaptureFixture[str], here: Path) -> None:
    said = run(capsys, "sheet", "form.toml", "out.pdf", "--copies", "3", "--first", "31")
    assert said == Ended(0, ["out.pdf: 3 copies of 1 page, from No. 0031"], [])
    assert rendered(here / "out.pdf", 2, 20).size


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["form.toml", "out.pdf"], 2, "out.pdf: exists already; name another file, or replace it with --force"),
        (["form.toml", "form.toml"], 2, "form.toml: sheets are written as a PDF; name a file that ends in .pdf"),
        (["form.toml", "no/x.pdf"], 2, "no/x.pdf: there is no folder no; make it first"),
        (
            ["form.toml", "x.pdf", "--layout", "form.toml", "--force"],
            2,
            ("form.toml: this command reads that file, and never replaces it; name another file"),
        ),
        (
            ["form.toml", "x.pdf", "--layout", "x.pdf"],
            2,
            ("x.pdf: the PDF has this name; name another file with --layout"),
        ),
        (["form.toml", "x.pdf", "--copies", "0"], 2, "0 copies from No. 1: serial numbers are 1 to 9999"),
        (
            ["form.toml", "x.pdf", "--copies", "2", "--first", "9999"],
            2,
            ("2 copies from No. 9999: serial numbers are 1 to 9999"),
        ),
        (["form.toml", "x.pdf", "--first", "2"], 2, "--first is the serial number of the first copy; add --copies N"),
        (["none.toml", "x.pdf"], 4, "none.toml: the form cannot be read (No such file or directory); check its name"),
        ([".", "x.pdf"], 4, ".: not a form; name a TOML file of at most 1 MB"),
    ],
)
def test_what_cannot_be_printed_is_said_and_nothing_is_written(
    capsys: pytest.CaptureFixture[str], here: Path, words: list[str], code: int, said: str
) -> None:
    Path("out.pdf").write_bytes(b"mine")
    before = sorted(here.iterdir())
    assert run(capsys, "sheet", *words) == Ended(code, [], [f"inkread: {said}"])
    assert sorted(here.iterdir()) == before
    assert Path("out.pdf").read_bytes() == b"mine"


# Mistakes in forms

FIELD = 'title = "T"\n[[field]]\nname = "a"\n'
NUMBER = FIELD + 'kind = "integer"\ndigits = 2\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("title = ", "this is not TOML: Invalid value (at end of document)"),
        ('paper = "A4"', 'there is no title; add a line such as title = "..."'),
        ("title = 3", "title = 3: this must be a text in quotes"),
        ('title = " "', "the title is empty"),
        ('title = "T"', "there is no field; describe each with a table [[field]]"),
        ('title = "T"\nfield = 3', "there is no field; describe each with a table [[field]]"),
        ('titel = "T"', "unknown key 'titel'; did you mean 'title'?"),
        (NUMBER.replace("[[", 'paper = "A5"\n[['), 'paper = "A5": it is one of A4, Letter'),
        (NUMBER.replace("[[", 'orientation = "up"\n[['), 'orientation = "up": it is one of portrait, landscape'),
        (FIELD, "field 1 'a': there is no kind; it is one of integer, decimal, date, time, tick, choice"),
        (FIELD + 'kind = "intger"', "field 1 'a': kind = \"intger\": did you mean 'integer'?"),
        (FIELD + 'kind = "integer"', "field 1 'a': there is no digits; add a line such as digits = 1"),
        (NUMBER.replace("= 2", "= 20"), "field 1 'a': digits = 20: this is a whole number from 1 to 12"),
        (NUMBER.replace("= 2", "= true"), "field 1 'a': digits = true: this is a whole number from 1 to 12"),
        (NUMBER + "digit = 2", "field 1 'a': unknown key 'digit'; did you mean 'digits'?"),
        (
            NUMBER + "font = 2",
            (
                "field 1 'a': unknown key 'font'; the keys here are name, label, kind, rows, boxes, row_height, "
                "digits, decimals, min, max, allowed, allowed_column, check, order, choices, column"
            ),
        ),
        (NUMBER + "decimals = 1", "field 1 'a': a field of the kind 'integer' has no decimals; decimal may have it"),
        (NUMBER + "rows = 0", "field 1 'a': rows = 0: this is a whole number from 1 to 1000"),
        (NUMBER + "min = 5\nmax = 4", "field 1 'a': min = 5 is above max = 4"),
        (NUMBER + "min = 100", "field 1 'a': min = 100, but 2 boxes hold at most 99"),
        (NUMBER + 'min = "1"', "field 1 'a': min = \"1\": this must be a number"),
        (NUMBER + "min = nan", "field 1 'a': min = NaN: this must be a number"),
        (NUMBER + 'check = "lun"', "field 1 'a': check = \"lun\": did you mean 'luhn'?"),
        (
            NUMBER + 'allowed = ["1", "200"]',
            ("field 1 'a': '200' is allowed, but cannot be written into its boxes, which hold 11"),
        ),
        (
            NUMBER + 'allowed = ["1"]\nmin = 2',
            ("field 1 'a': no allowed value is within min and max and has a right check digit"),
        ),
        (
            NUMBER + 'allowed_column = "x"',
            ("field 1 'a': allowed_column names a column of the file of 'allowed', which is not there"),
        ),
        (
            NUMBER.replace('"a"', '"a b"'),
            ("field 1 'a b': a name has letters, digits, _ and - only; the label may have others"),
        ),
        (NUMBER.replace('"a"', '"Sheet"'), "field 1 'Sheet': the data has a column of this name; choose another"),
        (
            NUMBER + "".join(NUMBER.splitlines(keepends=True)[1:]).replace('"a"', '"A"'),
            "field 2 'A': another field has this name",
        ),
        (
            NUMBER + "rows = 3\n" + "".join(NUMBER.splitlines(keepends=True)[1:]).replace('"a"', '"b"') + "rows = 4",
            "field 2 'b': rows = 4, but 'a' beside it in the table has 3; give both the same number",
        ),
        (FIELD + 'kind = "decimal"\ndigits = 1', "field 1 'a': digits = 1: this is a whole number from 2 to 12"),
        (
            FIELD + 'kind = "decimal"\ndigits = 3\ndecimals = 3',
            "field 1 'a': decimals = 3: this is a whole number from 1 to 2",
        ),
        (
            FIELD + 'kind = "date"\nmin = 3',
            "field 1 'a': min = 3: this must be a day without quotes, such as 2026-01-31",
        ),
        (
            FIELD + 'kind = "time"\nmax = 3',
            "field 1 'a': max = 3: this must be a time without quotes, such as 08:00:00",
        ),
        (FIELD + 'kind = "choice"', 'field 1 \'a\': the choices are a list of texts, such as choices = ["1", "2"]'),
        (FIELD + 'kind = "choice"\nchoices = ["a"]', "field 1 'a': there is 1 choice; give 2 to 20, each once"),
        (
            FIELD + 'kind = "tick"\nmin = 1',
            "field 1 'a': a field of the kind 'tick' has no min; integer, decimal, date and time may have it",
        ),
    ],
)
def test_a_wrong_form_gets_one_line_with_the_place(
    capsys: pytest.CaptureFixture[str], here: Path, text: str, said: str
) -> None:
    Path("form.toml").write_text(text, encoding="utf-8")
    assert run(capsys, "sheet", "form.toml", "out.pdf") == Ended(4, [], [f"inkread: form.toml: {said}"])
    assert not Path("out.pdf").exists()


def test_a_roster_is_read_from_beside_the_form(capsys: pytest.CaptureFixture[str], here: Path) -> None:
    (here / "deep").mkdir()
    form = here / "deep" / "form.toml"
    form.write_text(NUMBER + 'allowed = "roster.csv"\nallowed_column = "number"\n', encoding="utf-8")
    missing = run(capsys, "sheet", form, "out.pdf")
    assert missing.code == 4
    assert missing.err == [
        (
            f"inkread: {form}: field 1 'a': {here}/deep/roster.csv: the allowed values cannot be read (No such file or "
            "directory); check the path"
        )
    ]
    (here / "deep" / "roster.csv").write_text("number,name\n12,Ada\n07,Ben\n", encoding="utf-8")
    assert run(capsys, "sheet", form, "out.pdf").code == 0
    assert read_form(form).fields[0].allowed == frozenset({"12", "07"})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "".join(f'[[field]]\nname = "f{at}"\nkind = "integer"\ndigits = 9\nrows = 2\n' for at in range(4)),
            "the table f0 to f3 is",
        ),
        (f'above = """{"long " * 900}"""\n[[field]]\nname = "a"\nkind = "tick"\n', None),
        ('[[field]]\nname = "a"\nkind = "choice"\nchoices = ["x", "' + "y" * 180 + '"]\n', "the field 'a' is"),
    ],
)
def test_what_is_wider_than_the_page_is_said(tmp_path: Path, text: str, said: str | None) -> None:
    if said is None:
        assert len(laid_out(f'title = "T"\n{text}', tmp_path).pages) >= 1
        return
    with pytest.raises(DataError, match=said):
        laid_out(f'title = "T"\n{text}', tmp_path)


# Text


def test_lines_end_between_words_and_long_words_are_broken() -> None:
    style = TextStyle(9)
    lines = wrapped("one two three\nfour " + "x" * 60, style, 20)
    assert all(width_of(line, style) <= 20 for line in lines)
    assert "".join(lines).replace(" ", "") == "onetwothreefour" + "x" * 60
    assert lines.index("four") > 0


def test_a_code_says_what_it_was_made_of() -> None:
    code = SheetCode("FORM-1", "0123ABCD", 42, 3)
    assert SheetCode.of(code.text) == code
    assert code.cells().shape == (25, 25)
    assert SheetCode.of("https://example.org") is None
    assert list(CORNERS) == [1, 2, 3, 4]
