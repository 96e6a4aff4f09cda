"""Labelled pictures: a folder with folders named 0 to 9, or an index file."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from inkread.errors import DataError
from inkread.files import csv_table

PICTURE_COLUMNS = ("picture", "path", "file", "uri", "url", "file_name", "filename")
"""Column names that are looked for, in this order, to find the paths of pictures in a list."""


@dataclass(frozen=True, slots=True)
class LabelledPicture:
    """A picture with its label.

    label: the digits in reading order, lines joined by "|".
    kind, capture, source: what kind of picture it is, how it was taken and where it comes from; each may be empty.
        Scores are also given for each of these groups.
    """

    path: Path
    label: str
    kind: str = ""
    capture: str = ""
    source: str = ""


def labelled_pictures(data: Path) -> list[LabelledPicture]:
    """Return the pictures of a folder with folders named 0 to 9, or of an index file, in a fixed order.

    An index is a CSV file with a column of `PICTURE_COLUMNS`, whose paths are relative to the index, and the column
    `label`. The columns `kind`, `capture` and `source` (or `source_repo`) are optional. Commas, semicolons or tabs part
    the columns. Raises `DataError` if there are no labelled pictures.
    """
    if data.is_dir():
        return _of_folders(data)
    if data.is_file():
        return _of_index(data)
    raise DataError(f"{data}: no such folder or file; name 'mnist', a folder with folders 0 to 9, or an index.csv")


def _of_folders(data: Path) -> list[LabelledPicture]:
    known = set(Image.registered_extensions()) | {".heic", ".heif"}
    pictures = [
        LabelledPicture(path, str(digit))
        for digit in range(10)
        for path in sorted((data / str(digit)).glob("*"))
        if path.suffix.lower() in known
    ]
    if not pictures:
        raise DataError(f"{data}: no pictures in folders named 0 to 9; put each picture into the folder of its digit")
    return pictures


def _of_index(data: Path) -> list[LabelledPicture]:
    try:
        with data.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv_table(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{data}: not a CSV index ({error}); see 'inkread evaluate --help'") from None
    column = next((name for name in PICTURE_COLUMNS if rows and name in rows[0]), None)
    if column is None or "label" not in rows[0]:
        raise DataError(f"{data}: an index needs a header with 'picture' and 'label' and at least one row")
    return [_parse_row(data, number, row, row[column]) for number, row in enumerate(rows, start=2)]


def _parse_row(data: Path, number: int, row: dict[str, str | None], picture: str | None) -> LabelledPicture:
    label = row["label"] or ""
    if not picture or not label or set(label) - set("0123456789|"):
        raise DataError(
            f"{data}: row {number} needs a picture and a label of digits, lines joined by '|', not {label!r}"
        )
    source = row.get("source") or row.get("source_repo") or ""
    return LabelledPicture(data.parent / picture, label, row.get("kind") or "", row.get("capture") or "", source)
