"""The table of data: what the audit says about each field, as rows and columns."""

from __future__ import annotations

import csv
import hashlib
import io
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from inkread.csv_rows import Delimiter, as_cell, delimiter_sign
from inkread.errors import DataError
from inkread.files import file_sha256, whole_file
from inkread.sheets.audit import Audit, Entry, complete_values
from inkread.sheets.forms import Field

SETTLED = ("value", "empty", "struck", "unreadable")
"""The outcomes that a person need not check. Only a person says that something is unreadable."""

TO_CHECK = "?"
"""What follows a value that a person must check, and stands for one that was not seen."""


@dataclass(frozen=True, slots=True)
class Merged:
    """What all photographs and reviews say about a field of a sheet.

    outcome: that of the review, or else of the reading; "unsure" if photographs differ, or a later one from the review.
    entries: the entries of the audit, oldest first.
    differs: whether they give different values.
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
        if self.outcome == "unreadable":
            return self.outcome
        return "" if self.outcome in ("empty", "struck") else self.value + TO_CHECK

    @property
    def to_check(self) -> bool:
        """Whether a person must look at it."""
        return self.outcome not in SETTLED


Place = tuple[str, str, int]
"""The name of a sheet and of a field, and the row of the field, from 0."""


def merged(entries: Iterable[Entry]) -> dict[Place, Merged]:
    """Return what the audit says about each field of each sheet."""
    grouped: dict[Place, list[Entry]] = {}
    for entry in complete_values(entries):
        grouped.setdefault((entry["sheet"], entry["field"], entry["row"]), []).append(entry)
    return {place: _merge(tuple(found)) for place, found in grouped.items()}


def _merge(entries: tuple[Entry, ...]) -> Merged:
    """Return what several photographs say. A sure value holds against an unsure one, and never against another.

    What a person said holds against what was read before.
    """
    reviews = [at for at, each in enumerate(entries) if each["kind"] == "review"]
    since = entries[reviews[-1] if reviews else 0 :]
    settled = list({(each["outcome"], each["value"]): each for each in since if each["outcome"] in SETTLED}.values())
    if len(settled) > 1:
        # The earlier value is not replaced.
        return Merged("unsure", settled[0]["value"], entries, differs=True)
    if settled:
        return Merged(settled[0]["outcome"], settled[0]["value"], entries)
    last = entries[-1]
    return Merged(last["outcome"], last["value"] or last["read"], entries)


def csv_text(fields: Sequence[Field], places: dict[Place, Merged], delimiter: str = ",") -> str:
    """Return the table as CSV: a row for each sheet, or for each row of its tables in which something is written.

    delimiter: the character between the cells of a row.
    """
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator="\n")
    tables = any(field.rows for field in fields)
    writer.writerow(["sheet", *(["row"] if tables else []), *(field.name for field in fields)])
    for sheet in sorted({place[0] for place in places}, key=_sheet_order):
        # The texts of a choice may begin like a formula.
        writer.writerows(map(as_cell, row) for row in _rows(fields, places, sheet, tables=tables))
    return text.getvalue()


def _rows(fields: Sequence[Field], places: dict[Place, Merged], sheet: str, *, tables: bool) -> Iterator[list[str]]:
    if not tables:
        yield [sheet, *(_cell(places, (sheet, field.name, 0)) for field in fields)]
        return
    last = max(field.rows or 0 for field in fields)
    written = [
        row for row in range(last) if any(_said(places, (sheet, field.name, row)) for field in fields if field.rows)
    ]
    # What stands alone is not lost if all tables are empty.
    for row in written or [-1]:
        cells = (_cell(places, (sheet, field.name, row if field.rows else 0)) for field in fields)
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


def check_unchanged(audit: Audit) -> None:
    """Raise `DataError` if somebody has changed the table since it was written from its audit."""
    # A program may have ended after it noted the checksum of a table and before it wrote the table.
    known = [entry["sha256"] for entry in audit.of_kind("data")[-2:]]
    if audit.data.exists() and file_sha256(audit.data) not in known:
        raise DataError(
            f"{audit.data}: was changed since inkread wrote it, and would lose these changes; move it away, and it is "
            f"written again from {audit.path.name}"
        )


def write_table(
    audit: Audit, fields: Sequence[Field], places: dict[Place, Merged], delimiter: Delimiter | None = None
) -> None:
    """Write the table of an audit, unless it is on the disk already.

    delimiter: what separates its cells; None for what it has, or a comma.
    """
    if not places:
        return
    last = audit.of_kind("data")[-1:]
    sign = delimiter_sign(delimiter) if delimiter or not last else last[0].get("delimiter", ",")
    content = csv_text(fields, places, sign).encode()
    checksum = hashlib.sha256(content).hexdigest()
    if audit.data.exists() and last and last[0]["sha256"] == checksum == file_sha256(audit.data):
        return
    audit.append([{"kind": "data", "file": audit.data.name, "sha256": checksum, "delimiter": sign}])
    with whole_file(audit.data) as temporary:
        temporary.write_bytes(content)
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
