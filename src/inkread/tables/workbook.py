"""Workbooks: readings as an XLSX file, with a worksheet for each page and a picture beside each unsure value."""

from __future__ import annotations

import re
from datetime import date, time
from decimal import Decimal
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

from inkread.errors import MissingExtra, PictureError
from inkread.geometry import Box
from inkread.pictures.page import Page
from inkread.readings import Number, Reading
from inkread.style import SURE
from inkread.tables.table import Cell, Table

MOST_DIGITS = 15
"""A spreadsheet keeps so many digits of a number. A longer one is text."""

FIRST_YEAR = 1900
"""The first year of a spreadsheet's dates."""

_CROP_HEIGHT, _CROP_WIDTH = 28, 220
"""The height of a crop and its largest width, in pixels of the worksheet."""

MOST_CROPS = 500
"""At most so many crops are put on a worksheet; cells are coloured all the same."""

_LONGEST_NAME = 31
"""The longest name of a worksheet."""

YELLOW = "#FFF2A8"

PLAIN = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
"""The settings with which texts stay texts."""

_HEADS = ("line", "number", "kind", "confidence")


def check_extra() -> None:
    """Raise `MissingExtra` if XLSX files cannot be written."""
    if find_spec("xlsxwriter") is None:
        raise MissingExtra("an .xlsx file", "xlsx")


class Workbook:
    """An XLSX file. It is written when it is closed.

    path: the file to write. Raises `MissingExtra` without XlsxWriter.
    """

    def __init__(self, path: Path) -> None:
        check_extra()
        import xlsxwriter

        self._book = xlsxwriter.Workbook(str(path), PLAIN)
        self._formats: dict[tuple[str, bool], Any] = {}
        self._names: set[str] = set()

    def add(self, reading: Reading, page: Page) -> None:
        """Add the worksheet of a page: its tables as grids, then the other numbers, a row each."""
        sheet = _Sheet(self, self._book.add_worksheet(self._name(reading.picture)), page)
        if reading.refused:
            sheet.texts([f"not read: {reading.refused.code}", reading.refused.message])
            return
        for table in reading.tables:
            sheet.table(table, reading)
        others = [number for number in reading.numbers if number.row is None]
        if others:
            sheet.numbers(others)

    def failure(self, name: str, error: PictureError) -> None:
        """Add the worksheet of a picture that could not be read."""
        sheet = self._book.add_worksheet(self._name(name))
        sheet.write_string(0, 0, f"not read: {error.code}")
        sheet.write_string(0, 1, error.message)

    def close(self) -> None:
        """Write the file."""
        self._book.close()

    def format(self, pattern: str, *, unsure: bool) -> Any:
        """Return the format of cells with a pattern of digits, "" for text, and with a colour if they are unsure."""
        key = pattern, unsure
        if key not in self._formats:
            colour = {"bg_color": YELLOW} if unsure else {}
            self._formats[key] = self._book.add_format({"num_format": pattern or "@", **colour})
        return self._formats[key]

    def _name(self, picture: str) -> str:
        """Return a name for a worksheet that no other has, with the characters and the length that are allowed."""
        plain = re.sub(r"[\[\]:*?/\\\x00-\x1f']", "_", Path(picture).name)[:_LONGEST_NAME].strip() or "page"
        name, number = plain, 2
        while name.casefold() in self._names or name.casefold() == "history":
            ending = f"-{number}"
            name, number = plain[: _LONGEST_NAME - len(ending)] + ending, number + 1
        self._names.add(name.casefold())
        return name


class _Sheet:
    """One worksheet, filled from top to bottom."""

    def __init__(self, book: Workbook, sheet: Any, page: Page) -> None:
        self.book, self.sheet, self.page = book, sheet, page
        self.next, self.crops = 0, 0

    def texts(self, texts: list[str]) -> None:
        """Add a row of texts."""
        for column, text in enumerate(texts):
            self.sheet.write_string(self.next, column, text)
        self.next += 1

    def table(self, table: Table, reading: Reading) -> None:
        """Add a table as it stands, and an empty row. Crops of unsure cells are at the right end of their row."""
        beside = [table.columns + 1] * table.rows
        for cell in table.cells:
            numbers = [reading.numbers[index] for index in cell.numbers]
            unsure = cell.state == "unread" or any(number.confidence < SURE for number in numbers)
            row = self.next + cell.row
            if cell.rows * cell.columns > 1:
                last = row + cell.rows - 1, cell.column + cell.columns - 1
                self.sheet.merge_range(row, cell.column, *last, "", self.book.format("", unsure=unsure))
            self._write(row, cell.column, numbers, cell.text, unsure=unsure)
            if unsure:
                self._label(row, beside[cell.row], cell)
                self.crop(row, beside[cell.row] + 1, cell.box)
                beside[cell.row] += 2
        self.next += table.rows + 1

    def numbers(self, numbers: list[Number]) -> None:
        """Add numbers, a row each, with the crops of unsure ones in the last column."""
        self.texts(list(_HEADS))
        for number in numbers:
            unsure = number.confidence < SURE
            self.sheet.write_number(self.next, 0, number.line + 1)
            self._write(self.next, 1, [number], number.text, unsure=unsure)
            self.sheet.write_string(self.next, 2, number.kind)
            self.sheet.write_number(self.next, 3, number.confidence)
            if unsure:
                self.crop(self.next, 4, number.box)
            self.next += 1

    def crop(self, row: int, column: int, box: Box) -> None:
        """Put a part of the picture into a row."""
        if self.crops >= MOST_CROPS:
            return
        self.crops += 1
        x, y, w, h = self.page.located(box)
        edge = 0.15 * h
        left, top = max(0, int(x - edge)), max(0, int(y - edge))
        part = self.page.colour[top : int(y + h + edge) + 1, left : int(x + w + edge) + 1]
        if not part.size:
            return
        put_crop(self.sheet, row, column, Image.fromarray(part))

    def _label(self, row: int, column: int, cell: Cell) -> None:
        """Write which cell of the worksheet the crop to the right is of."""
        from xlsxwriter.utility import xl_rowcol_to_cell

        self.sheet.write_string(row, column, f"{xl_rowcol_to_cell(row, cell.column)}:")

    def _write(self, row: int, column: int, numbers: list[Number], text: str, *, unsure: bool) -> None:
        """Write numbers as a number, a date or a time if there is one that is nothing else, and as text otherwise."""
        value = spreadsheet_value(numbers[0]) if len(numbers) == 1 else text
        pattern = _pattern(numbers[0], value) if len(numbers) == 1 else ""
        form = self.book.format(pattern, unsure=unsure)
        if isinstance(value, float):
            self.sheet.write_number(row, column, value, form)
        elif isinstance(value, date | time):
            self.sheet.write_datetime(row, column, value, form)
        elif value:
            self.sheet.write_string(row, column, value, form)
        elif unsure:
            self.sheet.write_blank(row, column, None, form)


def put_crop(sheet: Any, row: int, column: int, picture: Image.Image) -> None:
    """Put a picture into a cell of a worksheet of XlsxWriter, reduced to the height of a row that it makes higher."""
    factor, file = min(_CROP_HEIGHT / picture.height, _CROP_WIDTH / picture.width), BytesIO()
    picture.resize((max(1, round(picture.width * factor)), max(1, round(picture.height * factor)))).save(file, "PNG")
    # The height of a row is in points, of which three are as high as four pixels.
    sheet.set_row(row, 0.75 * (_CROP_HEIGHT + 4))
    sheet.insert_image(row, column, "crop.png", {"image_data": file, "x_offset": 2, "y_offset": 2})


def spreadsheet_value(number: Number) -> float | date | time | str:
    """Return what a cell of a spreadsheet holds: a number, a date or a time where that keeps what is written.

    A number with leading zeros or more than 15 digits, and one whose value is not certain, is text.
    """
    if isinstance(number.value, Decimal):
        kept = not re.match(r"[-+]?0[0-9]", number.text) and len(number.digits) <= MOST_DIGITS
        share = 100 if number.kind == "percent" else 1
        return float(number.value / share) if kept else number.text
    if isinstance(number.value, date):
        return number.value if number.value.year >= FIRST_YEAR else number.text
    return number.text if number.value is None else number.value


def _pattern(number: Number, value: float | date | time | str) -> str:
    """Return how a value is shown, as a spreadsheet's number format; "" for text."""
    if isinstance(value, float) and isinstance(number.value, Decimal):
        exponent = number.value.as_tuple().exponent
        decimals = -exponent if isinstance(exponent, int) and exponent < 0 else 0
        return ("0." + "0" * decimals if decimals else "0") + ("%" if number.kind == "percent" else "")
    if isinstance(value, time):
        return "hh:mm:ss" if value.second else "hh:mm"
    return "yyyy-mm-dd" if isinstance(value, date) else ""
