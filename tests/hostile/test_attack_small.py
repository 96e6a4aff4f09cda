"""Small attacks: lines of a foreign library, formulas in names, a full disk, damaged cells of the store."""

from __future__ import annotations

import contextlib
import csv
import io
import os
import pickle
import sqlite3
import zipfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from inkread import DataError, PictureError, Reader
from inkread.cli.main import main
from inkread.csv_rows import as_cell
from inkread.expecting.expectation import read_allowed
from inkread.sheets.form_file import read_form
from inkread.sheets.forms import Field
from inkread.sheets.table import Merged, Records
from inkread.teaching import Lesson, Profile
from inkread.teaching.store import Store

PLAIN = Path(__file__).parents[2] / "examples" / "3-plain.png"


def taught(path: Path, count: int = 3) -> Profile:
    """Return a profile with some lessons."""
    profile, rng = Profile(path=path / "taught.sqlite"), np.random.default_rng(0)
    profile.add([Lesson(3, rng.integers(0, 255, (28, 28), np.uint8), crop=bytes(9000)) for _ in range(count)])
    return profile


def test_libtiff_writes_no_lines_of_its_own(capfd: pytest.CaptureFixture[str]) -> None:
    file = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 255, (80, 80), dtype=np.uint8)
    Image.fromarray(noise).save(file, "TIFF", compression="tiff_lzw")
    broken = file.getvalue()[:20] + b"\xff" * 2980 + file.getvalue()[3000:]
    with pytest.raises(PictureError, match="damaged"):
        Reader(profile=None).read(broken)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("text", ["=cmd|'/c calc'!A1.png", "+1+1", "-2+3", "@SUM(A1)", "=50=", "\t=1", "-7-"])
def test_a_formula_becomes_a_text(text: str) -> None:
    assert as_cell(text) == f"'{text}"


@pytest.mark.parametrize("value", ["-7", "+12.50", "-1.234,5", "-3%", "-7?", "7.png", "", None, -7])
def test_numbers_and_plain_names_stay(value: object) -> None:
    assert as_cell(value) == value


def test_a_picture_named_like_a_formula_is_no_formula_in_csv(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("=cmd.png").write_bytes(PLAIN.read_bytes())
    assert main(["read", "=cmd.png", "missing.png", "--format", "csv"]) == 1
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["picture"] for row in rows] == ["'=cmd.png", "missing.png"]


def test_a_picture_named_like_a_formula_is_no_formula_in_a_workbook(tmp_path: Path) -> None:
    pytest.importorskip("xlsxwriter", reason="needs the extra 'xlsx'")
    from inkread.tables.workbook import Workbook

    book = Workbook(tmp_path / "out.xlsx")
    book.failure("=cmd.png", PictureError("=cmd.png: is no picture"))
    book.close()
    with zipfile.ZipFile(tmp_path / "out.xlsx") as archive:
        assert b"<f>" not in archive.read("xl/worksheets/sheet1.xml")
        assert b"<t>=cmd.png: is no picture</t>" in archive.read("xl/sharedStrings.xml")


def test_lessons_are_deleted_on_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(sqlite3.Connection):
        """A disk on which no journal fits any more."""

        def executemany(self, *words: object) -> sqlite3.Cursor:
            if self.execute("PRAGMA journal_mode").fetchone() != ("memory",):
                raise sqlite3.OperationalError("database or disk is full")
            return super().executemany(*words)  # type: ignore[arg-type]

    profile = taught(tmp_path)
    monkeypatch.setattr(Store, "_connect", lambda self: sqlite3.connect(self.path, isolation_level=None, factory=Full))
    assert profile.forget([1]) == 1
    assert [lesson.id for lesson in profile.lessons()] == [2, 3]


@pytest.mark.parametrize("damage", ["box = '[1'", "box = '7'", "taught = x'00'", "crop = 'text'", "picture = x'00'"])
def test_a_damaged_cell_of_the_store_is_told_as_damage(tmp_path: Path, damage: str) -> None:
    profile = taught(tmp_path)
    with contextlib.closing(sqlite3.connect(profile.path, isolation_level=None)) as db:
        db.execute(f"UPDATE lessons SET {damage} WHERE id = 2")  # noqa: S608 - the damage is our own
    with pytest.raises(DataError, match=r"taught.sqlite: is damaged .*; move it away and teach again"):
        profile.lessons()


def test_a_reader_goes_to_another_process_with_its_profile(tmp_path: Path) -> None:
    again = pickle.loads(pickle.dumps(Reader("tiny", profile=taught(tmp_path))))  # noqa: S301 - our own bytes
    assert again.read(PLAIN).text == "3"
    assert again.profile.count() == 3


def test_a_choice_like_a_formula_is_no_formula_in_the_table_of_sheets() -> None:
    field = Field("a", "a", "choice", choices=("=cmd", "b"))
    records = Records()
    records.places = {("1", "a", 0): Merged("value", "=cmd", ()), ("2", "a", 0): Merged("unsure", "-7", ())}
    assert records.csv_text([field]) == "sheet,a\n1,'=cmd\n2,-7?\n"


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a\0b.csv", None, "cannot be read .*null"),
        ("wide.csv", "a,b\n1," + "9" * 200_000, "are not CSV .*131072"),
        ("missing.csv", None, "cannot be read .*No such file"),
    ],
)
def test_a_hostile_list_of_allowed_values_is_told(tmp_path: Path, name: str, content: str | None, said: str) -> None:
    if content:
        (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=f"the allowed values {said}"):
        read_allowed(tmp_path / name, "b")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names")
def test_a_pipe_in_place_of_a_form_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "form.toml")
    with pytest.raises(DataError, match=r"form.toml: not a form; name a TOML file"):
        read_form(tmp_path / "form.toml")


def test_standard_input_without_an_end_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Endless(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
            return len(buffer)

    monkeypatch.setattr("inkread.pictures.opening.MAX_BYTES", 1_000_000)
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BufferedReader(Endless())))
    assert main(["read", "-"]) == 1
    assert "<stdin>: over 1 megabytes and certainly over the limit" in capsys.readouterr().err
