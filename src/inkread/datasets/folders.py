"""Labelled pictures: a folder with folders named 0 to 9, or an index file."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from inkread.errors import DataError


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

    An index is a CSV file with the columns `file`, relative to the index, and `label`. The columns `kind`, `capture`
    and `source` (or `source_repo`) are optional. Raises `DataError` if there are no labelled pictures.
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
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{data}: not a CSV index ({error}); see 'inkread evaluate --help'") from None
    if not rows or not {"file", "label"} <= rows[0].keys():
        raise DataError(f"{data}: an index needs a header with 'file' and 'label' and at least one row")
    return [_parse_row(data, number, row) for number, row in enumerate(rows, start=2)]


def _parse_row(data: Path, number: int, row: dict[str, str | None]) -> LabelledPicture:
    label = row["label"] or ""
    if not row["file"] or not label or set(label) - set("0123456789|"):
        raise DataError(f"{data}: row {number} needs a file and a label of digits, lines joined by '|', not {label!r}")
    source = row.get("source") or row.get("source_repo") or ""
    return LabelledPicture(data.parent / row["file"], label, row.get("kind") or "", row.get("capture") or "", source)
