"""The file of the table of data, as CSV or XLSX: written from the audit, whole or not at all; changes by hand are seen.

In a workbook, values that must be checked are yellow, with their crops at the end of the row.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from datetime import date, datetime, time
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Any

from PIL import Image

from inkread.csv_rows import Delimiter, delimiter_sign
from inkread.errors import DataError
from inkread.files import file_sha256, whole_file
from inkread.sheets.audit import Audit, Entry
from inkread.sheets.forms import Field
from inkread.sheets.table import Merged, Place, Records, heads
from inkread.tables.workbook import FIRST_YEAR, MOST_CROPS, MOST_DIGITS, PLAIN, YELLOW, check_extra, put_crop

_WRITTEN = datetime(2000, 1, 1)
"""The same table always gives the same file, whenever it is written, so that a change by hand is seen."""


def check_unchanged(audit: Audit) -> None:
    """Raise `DataError` if somebody has changed the table since it was written from its audit."""
    # A program may have ended after it noted the checksum of a table and before it wrote the table.
    known = [entry["sha256"] for entry in _written(audit)]
    if audit.data.exists() and file_sha256(audit.data) not in known:
        raise DataError(
            f"{audit.data}: was changed since inkread wrote it, and would lose these changes; move it away, and it is "
            f"written again from {audit.path.name}"
        )


def _written(audit: Audit) -> list[Entry]:
    """Return the entries about the last two times that the table was written as this kind of file, the last first."""
    kind = audit.data.suffix
    found = (each for each in reversed(audit.entries) if each["kind"] == "data" and each["file"].endswith(kind))
    return list(islice(found, 2))


def write_table(audit: Audit, fields: Sequence[Field], records: Records, delimiter: Delimiter | None = None) -> None:
    """Write the table of an audit, as CSV or XLSX by its name, unless it is on the disk already.

    delimiter: what separates the cells of CSV; None for what it has, or a comma.
    """
    if not records.places:
        return
    last = next(iter(_written(audit)), {})
    sign = delimiter_sign(delimiter) if delimiter or not last else last.get("delimiter", ",")
    if audit.data.suffix.lower() == ".xlsx":
        content = workbook(fields, records, audit.crops)
    else:
        content = records.csv_text(fields, sign).encode()
    checksum = hashlib.sha256(content).hexdigest()
    if audit.data.exists() and last and last["sha256"] == checksum == file_sha256(audit.data):
        return
    audit.append([{"kind": "data", "file": audit.data.name, "sha256": checksum, "delimiter": sign}])
    with whole_file(audit.data) as temporary:
        temporary.write_bytes(content)
        with temporary.open("rb") as file:
            os.fsync(file.fileno())


def workbook(fields: Sequence[Field], records: Records, crops: Path) -> bytes:
    """Return an XLSX file with the rows and columns that the table has as CSV.

    crops: the folder with the pictures of the fields.

    What must be checked is text with its question mark, so that nobody adds it up. Raises `MissingExtra` without
    XlsxWriter.
    """
    check_extra()
    import xlsxwriter

    file = BytesIO()
    book = xlsxwriter.Workbook(file, {"in_memory": True, **PLAIN})
    book.set_properties({"created": _WRITTEN})
    table = _DataSheet(book, fields, records, crops)
    for sheet in records.sheets():
        for head, places in records.rows(fields, sheet):
            table.row(head, places)
    book.close()
    return file.getvalue()


class _DataSheet:
    """The worksheet, filled from top to bottom."""

    def __init__(self, book: Any, fields: Sequence[Field], records: Records, crops: Path) -> None:
        self.sheet, self.records, self.crops_folder = book.add_worksheet("data"), records, crops
        self.fields = {field.name: field for field in fields}
        self.bold, self.unsure = book.add_format({"bold": True}), book.add_format({"bg_color": YELLOW})
        self.formats: dict[str, Any] = {}
        self.book = book
        self.columns = len(heads(fields))
        self.next, self.crops = 1, 0
        self.sheet.freeze_panes(1, 0)
        for column, name in enumerate(heads(fields)):
            self.sheet.write_string(0, column, name, self.bold)

    def row(self, head: list[str], places: list[Place]) -> None:
        """Add a row."""
        self.sheet.write_string(self.next, 0, head[0])
        if any(head[1:]):
            self.sheet.write_number(self.next, 1, int(head[1]))
        beside = self.columns + 1
        for column, place in enumerate(places, len(head)):
            now = self.records.places.get(place)
            if now and now.outcome == "value":
                self._value(column, self.fields[place[1]], now.value)
            elif text := self.records.cell(place):
                self.sheet.write_string(self.next, column, text, self.unsure if now is None or now.to_check else None)
            if now and now.to_check:
                beside = self._crops(beside, place[1], now)
        self.next += 1

    def _value(self, column: int, field: Field, text: str) -> None:
        """Write a value as a number, a day or a time of day if it is one."""
        value, pattern = _typed(field, text)
        if pattern not in self.formats:
            self.formats[pattern] = self.book.add_format({"num_format": pattern})
        if isinstance(value, float):
            self.sheet.write_number(self.next, column, value, self.formats[pattern])
        elif isinstance(value, date | time):
            self.sheet.write_datetime(self.next, column, value, self.formats[pattern])
        else:
            self.sheet.write_string(self.next, column, value, self.formats[pattern])

    def _crops(self, column: int, name: str, now: Merged) -> int:
        """Put the pictures of a field beside its row, and return the next free column."""
        self.sheet.write_string(self.next, column, f"{name}:")
        for crop in now.crops:
            path = self.crops_folder / crop
            if self.crops < MOST_CROPS and path.is_file():
                column, self.crops = column + 1, self.crops + 1
                with Image.open(path) as picture:
                    put_crop(self.sheet, self.next, column, picture)
        return column + 1


def _typed(field: Field, text: str) -> tuple[float | date | time | str, str]:
    """Return what a cell holds, and how a spreadsheet shows it.

    Names of persons and things are texts, even if they consist of digits: those from a list or with a check digit.
    """
    try:
        if field.kind == "date" and (day := date.fromisoformat(text)).year >= FIRST_YEAR:
            return day, "yyyy-mm-dd"
        if field.kind == "time":
            return time.fromisoformat(text), "hh:mm"
        name = field.allowed is not None or field.check is not None
        if field.kind == "tick" or (field.kind in ("integer", "decimal") and not name and field.digits <= MOST_DIGITS):
            return float(text), "0." + "0" * field.decimals if field.decimals else "0"
    except ValueError:
        # A person may have kept what the form does not allow.
        pass
    return text, "@"
