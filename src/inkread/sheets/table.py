"""The table of data: what the audit says about each field, as rows and columns."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from inkread.sheets.audit import Entry, complete_values
from inkread.sheets.forms import Form

_SETTLED = ("value", "empty", "struck")

TO_CHECK = "?"
"""What follows a value that a person must check, and stands for one that was not seen."""


@dataclass(frozen=True, slots=True)
class Merged:
    """What all photographs say about a field of a sheet.

    outcome: that of the reading; "unsure" if photographs differ.
    entries: the entries of the audit, oldest first.
    differs: whether photographs give different values.
    """

    outcome: str
    value: str
    entries: tuple[Entry, ...]
    differs: bool = False

    @property
    def cell(self) -> str:
        """What stands in the table: the value, with a question mark if it must be checked."""
        if self.outcome == "value":
            return self.value
        return "" if self.outcome in ("empty", "struck") else self.value + TO_CHECK

    @property
    def to_check(self) -> bool:
        """Whether a person must look at it."""
        return self.outcome not in _SETTLED


Place = tuple[str, str, int]
"""The name of a sheet and of a field, and the row of the field, from 0."""


def merged(entries: Iterable[Entry]) -> dict[Place, Merged]:
    """Return what the audit says about each field of each sheet."""
    grouped: dict[Place, list[Entry]] = {}
    for entry in complete_values(entries):
        grouped.setdefault((entry["sheet"], entry["field"], entry["row"]), []).append(entry)
    return {place: _merge(tuple(found)) for place, found in grouped.items()}


def _merge(entries: tuple[Entry, ...]) -> Merged:
    """Return what several photographs say. A sure value holds against an unsure one, and never against another."""
    settled = list({(each["outcome"], each["value"]): each for each in entries if each["outcome"] in _SETTLED}.values())
    if len(settled) > 1:
        # The earlier value is not replaced.
        return Merged("unsure", settled[0]["value"], entries, differs=True)
    if settled:
        return Merged(settled[0]["outcome"], settled[0]["value"], entries)
    last = entries[-1]
    return Merged(last["outcome"], last["value"] or last["read"], entries)


def csv_text(form: Form, places: dict[Place, Merged], delimiter: str = ",") -> str:
    """Return the table as CSV: a row for each sheet, or for each row of its tables in which something is written.

    delimiter: the character between the cells of a row.
    """
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator="\n")
    tables = any(field.rows for field in form.fields)
    writer.writerow(["sheet", *(["row"] if tables else []), *(field.name for field in form.fields)])
    for sheet in sorted({place[0] for place in places}, key=_sheet_order):
        writer.writerows(_rows(form, places, sheet, tables=tables))
    return text.getvalue()


def _rows(form: Form, places: dict[Place, Merged], sheet: str, *, tables: bool) -> Iterator[list[str]]:
    if not tables:
        yield [sheet, *(_cell(places, (sheet, field.name, 0)) for field in form.fields)]
        return
    last = max(field.rows or 0 for field in form.fields)
    written = [
        row
        for row in range(last)
        if any(_said(places, (sheet, field.name, row)) for field in form.fields if field.rows)
    ]
    # What stands alone is not lost if all tables are empty.
    for row in written or [-1]:
        cells = (_cell(places, (sheet, field.name, row if field.rows else 0)) for field in form.fields)
        yield [sheet, *([str(row + 1), *cells] if row >= 0 else ["", *cells])]


def _said(places: dict[Place, Merged], place: Place) -> bool:
    """Tell whether something is written in a field, as far as is known."""
    return place in places and places[place].outcome != "empty"


def _cell(places: dict[Place, Merged], place: Place) -> str:
    """Return what stands in a cell. A table with fewer rows than another, or without writing, has empty cells."""
    if place in places:
        return places[place].cell
    return TO_CHECK if place[2] == 0 else ""


def _sheet_order(sheet: str) -> tuple[bool, int]:
    """Return what sorts sheets: numbered ones first, each kind by number."""
    return not sheet.isdigit(), int(sheet.rsplit(maxsplit=1)[-1])
