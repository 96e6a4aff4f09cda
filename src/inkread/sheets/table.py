"""The table of data: what the audit says about each field, as rows and columns."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from inkread.csv_rows import as_cell
from inkread.sheets.audit import Audit, Entry
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

    @property
    def crops(self) -> list[str]:
        """The names of the pictures of the field: the latest two."""
        return list(dict.fromkeys(each["crop"].rpartition("/")[2] for each in self.entries))[-2:]


Place = tuple[str, str, int]
"""The name of a sheet and of a field, and the row of the field, from 0."""


class Records:
    """What an audit says about each field of each sheet, kept up to date while the audit grows.

    places: what is said about each field, in the order in which they were read.
    """

    def __init__(self) -> None:
        self.places: dict[Place, Merged] = {}
        self._followed = 0
        self._waiting: list[Entry] = []
        # The rows of each sheet as CSV, and the separator that they have. Few sheets change at a time.
        self._texts: dict[str, str] = {}
        self._texts_have = ""

    def follow(self, audit: Audit) -> set[Place]:
        """Take in what was added to an audit since the last time, and return the fields that it is about."""
        new = audit.entries[self._followed :]
        self._followed += len(new)
        found: dict[Place, list[Entry]] = {}
        for entry in self._complete(new):
            found.setdefault((entry["sheet"], entry["field"], entry["row"]), []).append(entry)
        for place, entries in found.items():
            before = self.places[place].entries if place in self.places else ()
            self.places[place] = _merge((*before, *entries))
            self._texts.pop(place[0], None)
        return set(found)

    def csv_text(self, fields: Sequence[Field], delimiter: str = ",") -> str:
        """Return the table as CSV: a row for each sheet, or for each row of its tables in which something is written.

        delimiter: the character between the cells of a row.
        """
        if delimiter != self._texts_have:
            self._texts, self._texts_have = {}, delimiter
        for sheet in {place[0] for place in self.places} - set(self._texts):
            rows = ([*head, *map(self.cell, places)] for head, places in self.rows(fields, sheet))
            # Names of pictures, and what people type, may begin like a formula. What ends in "?" is none.
            safe = ([cell if cell.endswith(TO_CHECK) else str(as_cell(cell)) for cell in row] for row in rows)
            self._texts[sheet] = _csv(safe, delimiter)
        return _csv([heads(fields)], delimiter) + "".join(self._texts[sheet] for sheet in self.sheets())

    def sheets(self) -> list[str]:
        """Return the names of the sheets: numbered ones first, each kind by number."""
        return sorted(dict.fromkeys(place[0] for place in self.places), key=_sheet_order)

    def rows(self, fields: Sequence[Field], sheet: str) -> Iterator[tuple[list[str], list[Place]]]:
        """Yield the rows of a sheet: the cells that tell the sheet and the row, and the fields in the others."""
        if not any(field.rows for field in fields):
            yield [sheet], [(sheet, field.name, 0) for field in fields]
            return
        last = max(field.rows or 0 for field in fields)
        columns = [field for field in fields if field.rows]
        written = [row for row in range(last) if any(self._said((sheet, field.name, row)) for field in columns)]
        # What stands alone is not lost if all tables are empty.
        for row in written or [-1]:
            head = [sheet, str(row + 1) if row >= 0 else ""]
            yield head, [(sheet, field.name, row if field.rows else 0) for field in fields]

    def cell(self, place: Place) -> str:
        """Return what stands in a cell. A table with fewer rows than another, or without writing, has empty cells."""
        if place in self.places:
            return self.places[place].cell
        return TO_CHECK if place[2] == 0 else ""

    def _said(self, place: Place) -> bool:
        """Tell whether something is written in a field, as far as is known."""
        return place in self.places and self.places[place].outcome != "empty"

    def _complete(self, entries: Iterable[Entry]) -> Iterator[Entry]:
        """Yield the values of pages that were written whole, and what people said about them, oldest first.

        A program may have ended in the middle of a page.
        """
        for entry in entries:
            if entry["kind"] == "value":
                self._waiting.append(entry)
            elif entry["kind"] == "review":
                yield entry
            elif entry["kind"] == "page":
                yield from (value for value in self._waiting if value["sheet"] == entry["sheet"])
                self._waiting = []


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


def heads(fields: Sequence[Field]) -> list[str]:
    """Return the names of the columns."""
    return ["sheet", *(["row"] if any(field.rows for field in fields) else []), *(field.name for field in fields)]


def _csv(rows: Iterable[Sequence[str]], delimiter: str) -> str:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator="\n").writerows(rows)
    return text.getvalue()


def _sheet_order(sheet: str) -> tuple[int, int, str]:
    """Return what sorts sheets: numbered ones first, each kind by number; those of existing forms by their pictures."""
    if sheet.isdecimal() or re.fullmatch(r"unnumbered \d+", sheet):
        return int(not sheet.isdecimal()), int(sheet.rsplit(maxsplit=1)[-1]), ""
    return 2, 0, sheet
