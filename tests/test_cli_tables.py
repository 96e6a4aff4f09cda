"""`inkread read` of tables: CSV as they stand, and the files of `--output`."""

from __future__ import annotations

import csv
import json
import re
import zipfile
from datetime import date, time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import inkread
from helpers.ended import Ended
from helpers.ruled import rules, written
from inkread import Reading
from inkread.cli import main
from inkread.csv_rows import CSV_COLUMNS
from inkread.errors import MissingExtra
from inkread.geometry import Box
from inkread.pictures.page import make_page
from inkread.readings import Digit, Number, Refusal, Sign
from inkread.tables.table import Cell, Table
from inkread.tables.workbook import Workbook, spreadsheet_value
from inkread.values import Notation

TEXTS = [["Total", "Sum"], ["12", ""], ["07", "345"]]
GRID = [["", ""], ["12", ""], ["07", "345"]]


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tables") / "table.png"
    Image.fromarray(written(rules(3, 2), TEXTS)).save(path)
    return path


def run(capsys: pytest.CaptureFixture[str], *words: str | Path) -> Ended:
    code = main([str(word) for word in words])
    captured = capsys.readouterr()
    return Ended(code, captured.out.splitlines(), captured.err.splitlines())


def number(text: str, *, confidence: float = 1.0, notation: Notation | None = None) -> Number:
    """Return a number whose digits and signs have a confidence."""
    row, box = (0.1,) * 10, Box(5, 5, 20, 20)
    characters = [Digit(int(c), confidence, row, box) if c.isdigit() else Sign(c, confidence, box) for c in text]
    return Number.of(characters, notation or Notation())


# CSV


def test_csv_of_a_table_is_the_table_as_it_stands(capsys: pytest.CaptureFixture[str], picture: Path) -> None:
    ended = run(capsys, "read", picture, "--as", "table", "--format", "csv")
    assert ended.code == 0
    assert list(csv.reader(ended.out)) == GRID


def test_tables_of_several_pictures_are_parted_by_an_empty_row(
    capsys: pytest.CaptureFixture[str], picture: Path, tmp_path: Path
) -> None:
    ended = run(capsys, "read", picture, tmp_path / "none.png", picture, "--as", "table", "--format", "csv")
    assert ended.code == 1
    assert list(csv.reader(ended.out)) == [*GRID, [], *GRID]
    assert any("none.png: no such file" in line for line in ended.err)


def test_csv_of_numbers_has_their_row_and_column_from_1(capsys: pytest.CaptureFixture[str], picture: Path) -> None:
    rows = list(csv.DictReader(run(capsys, "read", picture, "--format", "csv").out))
    assert [(row["text"], row["row"], row["column"]) for row in rows] == [
        ("12", "2", "1"),
        ("07", "3", "1"),
        ("345", "3", "2"),
    ]


# Output files


def test_output_writes_what_would_be_printed(capsys: pytest.CaptureFixture[str], picture: Path, tmp_path: Path) -> None:
    out = tmp_path / "numbers.csv"
    ended = run(capsys, "read", picture, "--output", out)
    assert (ended.code, ended.out) == (0, [])
    with out.open(newline="") as file:
        rows = list(csv.reader(file))
    assert tuple(rows[0]) == CSV_COLUMNS
    assert len(rows) == 4
    assert run(capsys, "read", picture, "--output", tmp_path / "x.jsonl").code == 0
    assert Reading.from_json((tmp_path / "x.jsonl").read_text()) == inkread.read(picture)
    assert run(capsys, "read", picture, "--as", "table", "--output", out, "--force").code == 0
    with out.open(newline="") as file:
        assert list(csv.reader(file)) == GRID


@pytest.mark.parametrize(("delimiter", "sign"), [(";", ";"), ("tab", "\t"), (",", ",")])
def test_cells_are_separated_as_the_spreadsheet_wants_it(
    capsys: pytest.CaptureFixture[str], picture: Path, tmp_path: Path, delimiter: str, sign: str
) -> None:
    out, chosen = tmp_path / "out.csv", ("--delimiter", delimiter)
    assert run(capsys, "read", picture, "--as", "table", "--output", out, *chosen).code == 0
    assert out.read_text() == f"{sign}\n12{sign}\n07{sign}345\n"
    heads = sign.join(CSV_COLUMNS)
    assert run(capsys, "read", picture, "--format", "csv", *chosen).out[0] == heads
    digits = run(capsys, "read", picture, "--format", "csv", "--digits", *chosen).out
    assert digits[1].split(sign)[5] == "1"


def test_an_existing_output_and_an_input_are_kept(
    capsys: pytest.CaptureFixture[str], picture: Path, tmp_path: Path
) -> None:
    old = tmp_path / "old.csv"
    old.write_text("old")
    assert run(capsys, "read", picture, "--output", old).code == 2
    linked = tmp_path / "linked.csv"
    linked.hardlink_to(picture)
    before = picture.read_bytes()
    ended = run(capsys, "read", picture, "--output", linked, "--force")
    assert ended.code == 2
    assert "this command reads that file" in ended.err[0]
    assert (old.read_text(), picture.read_bytes()) == ("old", before)


@pytest.mark.parametrize("suffix", [".csv", ".xlsx"])
def test_an_output_is_written_whole_or_not_at_all(
    capsys: pytest.CaptureFixture[str],
    picture: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    suffix: str,
) -> None:
    if suffix == ".xlsx":
        pytest.importorskip("xlsxwriter", reason="needs the extra 'xlsx'")

    def broken(reading: Reading) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr("inkread.cli.read_fast.count_unread", broken)
    assert run(capsys, "read", picture, "--output", tmp_path / f"out{suffix}").code == 130
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--output", "out.txt"], "--output writes .csv, .jsonl and .xlsx"),
        (["--output", "none/out.csv"], "there is no folder none"),
        (["--output", "out.csv", "--format", "json"], "do not go together"),
        (["--output", "out.jsonl", "--digits"], "--digits is for --format csv"),
        (["--delimiter", ";"], "--delimiter is for CSV; add --format csv, or write a .csv file with --output"),
        (["--delimiter", ";", "--output", "out.xlsx"], "--delimiter is for CSV"),
        (["--delimiter", ":", "--format", "csv"], "--delimiter"),
    ],
)
def test_a_wrong_output_is_one_line_before_anything_is_read(
    capsys: pytest.CaptureFixture[str], words: list[str], why: str
) -> None:
    ended = run(capsys, "read", "missing.png", *words)
    assert ended.code == 2
    assert len(ended.err) == 1
    assert why in ended.err[0]


def test_a_workbook_without_the_extra_ends_with_3(
    capsys: pytest.CaptureFixture[str], picture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inkread.tables.workbook.find_spec", lambda name: None)
    ended = run(capsys, "read", picture, "--output", tmp_path / "out.xlsx")
    assert ended.code == 3
    assert "extra 'xlsx'" in ended.err[0]
    with pytest.raises(MissingExtra):
        Workbook(tmp_path / "out.xlsx")


# Workbooks


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12", 12.0),
        ("12.50", 12.5),
        ("-7", -7.0),
        ("0.5", 0.5),
        ("0", 0.0),
        ("98%", 0.98),
        ("007", "007"),
        ("-05", "-05"),
        ("123456789012345", 123456789012345.0),
        ("1234567890123456", "1234567890123456"),
        ("120/80", "120/80"),
        ("=7", 7.0),
        ("1+2", "1+2"),
        ("-", "-"),
        ("14:30", time(14, 30)),
        ("2026-11-27", date(2026, 11, 27)),
        ("1815-06-18", "1815-06-18"),
    ],
)
def test_a_spreadsheet_keeps_what_is_written(text: str, value: object) -> None:
    found = spreadsheet_value(number(text))
    assert found == value
    assert type(found) is type(value)


def workbook(tmp_path: Path, *readings: Reading) -> zipfile.ZipFile:
    pytest.importorskip("xlsxwriter", reason="needs the extra 'xlsx'")
    book = Workbook(tmp_path / "book.xlsx")
    page = make_page(Image.fromarray(np.full((100, 200), 255, np.uint8)))
    for reading in readings:
        book.add(reading, page)
    book.close()
    return zipfile.ZipFile(tmp_path / "book.xlsx")


def texts(book: zipfile.ZipFile) -> list[str]:
    """Return the texts of all cells that hold text."""
    return re.findall(r"<t[^>]*>(.*?)</t>", book.read("xl/sharedStrings.xml").decode())


def cells(book: zipfile.ZipFile, sheet: int = 1) -> dict[str, tuple[str, str]]:
    """Return the type and the content of each cell of a worksheet: "" for a number, "s" for the index of a text."""
    found = re.findall(
        r'<c r="(\w+)"(?: s="\d+")?(?: t="(\w+)")?><v>(.*?)</v>',
        book.read(f"xl/worksheets/sheet{sheet}.xml").decode(),
    )
    return {name: (kind, value) for name, kind, value in found}


def a_table() -> Reading:
    """Return a reading with a table of two rows, the second of which has an unsure number."""
    numbers = (number("12.50"), number("007"), number("1+2"), number("33", confidence=0.6))
    box = Box(10, 10, 40, 20)
    of = (
        Cell(0, 0, 1, 1, "value", (0,), box, "12.50"),
        Cell(0, 1, 1, 1, "value", (1,), box, "007"),
        Cell(1, 0, 1, 1, "value", (2,), box, "1+2"),
        Cell(1, 1, 1, 1, "value", (3,), box, "33"),
    )
    placed = tuple(Number(n.characters, n.kind, n.value, n.confidence, row=0, column=0) for n in numbers)
    return Reading("a.png", placed, 0.5, tables=(Table(2, 2, of),))


def test_a_worksheet_has_the_table_with_numbers_as_numbers(tmp_path: Path) -> None:
    book = workbook(tmp_path, a_table())
    found = cells(book)
    assert (found["A1"], found["B2"][0]) == (("", "12.5"), "")
    assert [texts(book)[int(found[name][1])] for name in ("B1", "A2")] == ["007", "1+2"]
    assert "<f>" not in book.read("xl/worksheets/sheet1.xml").decode()


def test_an_unsure_cell_is_coloured_and_has_its_picture_beside(tmp_path: Path) -> None:
    book = workbook(tmp_path, a_table())
    styles = book.read("xl/styles.xml").decode()
    assert styles.count("FFFFF2A8") == 1
    fills = re.findall(r'<xf numFmtId="\d+" fontId="0" fillId="(\d+)"', styles.split("<cellXfs")[1])
    (style,) = re.findall(r'<c r="B2" s="(\d+)"', book.read("xl/worksheets/sheet1.xml").decode())
    assert fills[int(style)] == "2"
    assert [name for name in book.namelist() if name.startswith("xl/media/")] == ["xl/media/image1.png"]
    assert "B2:" in texts(book)


def test_each_page_has_a_worksheet_with_a_name_of_its_own(tmp_path: Path) -> None:
    plain = Reading("folder/[a]:b*?.png", (number("12"), number("0012")), 0.9)
    refused = Reading("folder/[a]:b*?.png", refused=Refusal("blank", "there is no writing on this picture"))
    book = workbook(tmp_path, plain, refused, Reading("x" * 60, (number("=1"),), 1.0))
    names = re.findall(r'<sheet name="(.*?)"', book.read("xl/workbook.xml").decode())
    assert names == ["_a__b__.png", "_a__b__.png-2", "x" * 31]
    assert [name for name in texts(book) if name.startswith("not read")] == ["not read: blank"]
    assert cells(book)["B2"] == ("", "12")


def test_the_command_writes_a_workbook(capsys: pytest.CaptureFixture[str], picture: Path, tmp_path: Path) -> None:
    pytest.importorskip("xlsxwriter", reason="needs the extra 'xlsx'")
    out = tmp_path / "out.xlsx"
    ended = run(capsys, "read", picture, tmp_path / "none.png", "--output", out)
    assert (ended.code, ended.out) == (1, [])
    book = zipfile.ZipFile(out)
    found = cells(book)
    assert (found["A2"], found["B3"]) == (("", "12"), ("", "345"))
    assert "not read: missing" in texts(book)
    assert json.dumps(ended.err).count("none.png") == 1
