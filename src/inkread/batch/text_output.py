"""The results of a small job as one CSV or JSON Lines file. It appears when it is complete."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pyarrow as pa

from inkread.batch.locations import Location
from inkread.batch.output_folder import disk_errors
from inkread.csv_rows import CSV_COLUMNS, as_cell, csv_rows
from inkread.errors import OptionError
from inkread.files import check_outputs, whole_file


class Text:
    """A CSV file with the rows of `inkread.csv_rows`, or a file with a JSON object for each picture or page.

    out: the file; it is CSV if its name ends in `.csv`.
    delimiter: the character between the cells of CSV.

    Raises `OptionError` if the file is remote, is one of the inputs, or exists and `force` is false.
    """

    def __init__(self, out: Location, inputs: Iterable[str | None], *, force: bool, delimiter: str = ",") -> None:
        self.name = out.name
        if out.remote:
            raise OptionError(f"{out.name}: only folders of Parquet files are written there; name a folder")
        check_outputs([out.name], inputs, force=force)
        self._open = ExitStack()
        with disk_errors(self.name):
            Path(out.name).parent.mkdir(parents=True, exist_ok=True)
            temporary = self._open.enter_context(whole_file(out.name))
            self._file = self._open.enter_context(temporary.open("w", encoding="utf-8", newline=""))
        self._rows = None
        if out.name.lower().endswith(".csv"):
            self._rows = csv.DictWriter(self._file, CSV_COLUMNS, delimiter=delimiter, lineterminator="\n")
            self._rows.writeheader()

    def earlier(self) -> Iterator[pa.Table]:
        """Yield nothing, since a file cannot be continued."""
        yield from ()

    def add(self, table: pa.Table) -> None:
        """Write rows."""
        with disk_errors(self.name):
            for row in table.to_pylist():
                if self._rows is not None:
                    self._rows.writerows({key: as_cell(each) for key, each in line.items()} for line in csv_rows(row))
                else:
                    self._file.write(json.dumps(_as_printed(row), ensure_ascii=False) + "\n")

    def close(self, *, complete: bool) -> None:
        """Move the file to its place if it is complete, otherwise delete it."""
        if complete:
            with disk_errors(self.name):
                self._open.close()
        else:
            self._open.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)


def _as_printed(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row with the keys that `inkread read --format json` prints: those of a reading, or of a failure."""
    if row["error"]:
        return {name: value for name, value in row.items() if value is not None}
    return {name: value for name, value in row.items() if name != "error"}
