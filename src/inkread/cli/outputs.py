"""`--output` of `inkread read`: the readings as a CSV, JSON Lines or XLSX file, which appears when it is complete."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from inkread.errors import OptionError
from inkread.files import check_folder, check_outputs, writable

if TYPE_CHECKING:
    from inkread.tables.workbook import Workbook

OUTPUT_HELP = (
    "Write the readings to a file instead of stdout: .csv, .jsonl, or .xlsx with the extra 'xlsx'. A .xlsx file has a "
    "worksheet per page, with tables as they stand, and colours unsure cells with the picture beside."
)

OutputFormat = Literal["csv", "json", "xlsx"]

_FORMATS: dict[str, OutputFormat] = {".csv": "csv", ".jsonl": "json", ".xlsx": "xlsx"}


def check_output(output: Path, inputs: Sequence[str | Path | None], *, force: bool) -> OutputFormat:
    """Return the format of a file by its suffix, before anything is read.

    inputs: the files and folders that are read, none of which is replaced. force: whether another file may be.

    Raises `OptionError` for another suffix, and for a file that cannot be written or must not be replaced, and
    `MissingExtra` if XLSX files cannot be written.
    """
    found = _FORMATS.get(output.suffix.lower())
    if found is None:
        raise OptionError(f"{output}: --output writes .csv, .jsonl and .xlsx; name such a file")
    check_folder(output)
    check_outputs([output], inputs, force=force)
    if found == "xlsx":
        from inkread.tables.workbook import check_extra

        check_extra()
    return found


@contextmanager
def open_workbook(path: Path) -> Iterator[Workbook]:
    """Yield a workbook that is written to `path` if no error occurs."""
    from inkread.tables.workbook import Workbook

    with writable(path) as temporary:
        book = Workbook(temporary)
        yield book
        book.close()
