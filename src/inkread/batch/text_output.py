"""The results of a small job as one CSV or JSON Lines file. It appears when it is complete."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa

from inkread.batch.locations import Location
from inkread.batch.output_folder import disk_errors
from inkread.errors import OptionError
from inkread.files import check_outputs, whole_file

CSV_COLUMNS = (
    "path",
    "size",
    "width",
    "height",
    "text",
    "confidence",
    "refusal",
    "error",
    "message",
    "model",
    "inkread",
    "milliseconds",
)
"""`refusal` and `error` contain the code, and `message` the sentence of either. Lines of a text are joined by `|`."""


class Text:
    """A file of results with one line per picture.

    Raises `OptionError` if the file is remote, is one of the inputs, or exists and `force` is false.
    """

    def __init__(
        self, out: Location, format_: Literal["csv", "jsonl"], inputs: Iterable[str | None], *, force: bool
    ) -> None:
        self.name = out.name
        if out.remote:
            raise OptionError(
                f"{out.name}: --format {format_} only writes local files; name one, or use --format parquet"
            )
        check_outputs([out.name], inputs, force=force)
        self._open = ExitStack()
        self._csv = format_ == "csv"
        with disk_errors(self.name):
            Path(out.name).parent.mkdir(parents=True, exist_ok=True)
            temporary = self._open.enter_context(whole_file(out.name))
            self._file = self._open.enter_context(temporary.open("w", encoding="utf-8", newline=""))
        self._rows = csv.DictWriter(self._file, CSV_COLUMNS, lineterminator="\n")
        if self._csv:
            self._rows.writeheader()

    def earlier(self) -> Iterator[pa.Table]:
        """Yield nothing, since a file cannot be continued."""
        yield from ()

    def add(self, table: pa.Table) -> None:
        """Write rows."""
        with disk_errors(self.name):
            for row in table.to_pylist():
                if self._csv:
                    self._rows.writerow(_flat(row))
                else:
                    self._file.write(json.dumps(row, ensure_ascii=False) + "\n")

    def close(self, *, complete: bool) -> None:
        """Move the file to its place if it is complete, otherwise delete it."""
        if complete:
            with disk_errors(self.name):
                self._open.close()
        else:
            self._open.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    said = row["refusal"] or row["error"] or {"message": None}
    codes = {name: (row[name] or {"code": None})["code"] for name in ("refusal", "error")}
    text = None if row["text"] is None else row["text"].replace("\n", "|")
    values = {**row, **codes, "text": text, "message": said["message"]}
    return {name: values[name] for name in CSV_COLUMNS}
