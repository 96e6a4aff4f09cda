"""Exchange: lessons out to a folder and in again, from one machine or profile to another.

The folder holds a picture of each digit in folders named 0 to 9, so that it serves as labelled pictures, too, for
`inkread evaluate --data` and `inkread train --own`; and `taught.json`, which keeps the glyphs to the last bit.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from inkread.datasets.folders import LabelledPicture, labelled_pictures
from inkread.errors import DataError, OptionError, PictureError
from inkread.files import whole_folder
from inkread.reader import Reader
from inkread.readings import Box
from inkread.teaching.gathering import lessons_of
from inkread.teaching.lessons import Lesson, png

LIST_NAME = "taught.json"

_LONGEST_NAME = 4096  # of a picture: no file system has longer paths


def export(lessons: list[Lesson], folder: Path) -> None:
    """Write lessons to a new folder, whole or not at all. Raises `OptionError` for one that holds something already."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise OptionError(f"{folder}: holds something already; name a new folder")
    with whole_folder(folder) as new:
        for name, content in exported(lessons):
            (new / name).parent.mkdir(exist_ok=True)
            (new / name).write_bytes(content)


def exported(lessons: list[Lesson]) -> Iterator[tuple[str, bytes]]:
    """Yield the files of an exported folder, by their names in it."""
    for lesson in lessons:
        yield _file(lesson), lesson.crop or png(255 - lesson.glyph)
    entries = [{**lesson.to_dict(), "file": _file(lesson), "glyph": _text(lesson)} for lesson in lessons]
    yield LIST_NAME, (json.dumps({"taught": entries}, indent=1) + "\n").encode()


def imported(folder: Path, reader: Reader) -> Iterator[Lesson | PictureError]:
    """Yield the lessons of a folder: an exported one, or any with pictures of single digits in folders named 0 to 9.

    In the place of a picture that cannot be taught, the reason. Raises `DataError` for a folder with neither.
    """
    if (folder / LIST_NAME).is_file():
        yield from _listed(folder)
        return
    if not folder.is_dir():
        what = "is a file (unpack an archive first)" if folder.is_file() else "no such folder"
        raise DataError(f"{folder}: {what}; name a folder that 'inkread teach --export' wrote, or with folders 0 to 9")
    for picture in labelled_pictures(folder):
        yield _looked_at(picture, reader)


def _looked_at(picture: LabelledPicture, reader: Reader) -> Lesson | PictureError:
    try:
        return lessons_of(reader.steps(picture.path, as_="digit"), picture.label)[0]
    except PictureError as error:
        return error


def _file(lesson: Lesson) -> str:
    return f"{lesson.label}/{lesson.id:06d}.png"


def _text(lesson: Lesson) -> str:
    return base64.b64encode(lesson.glyph.tobytes()).decode("ascii")


def _listed(folder: Path) -> Iterator[Lesson]:
    path = folder / LIST_NAME
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))["taught"]
    except (OSError, ValueError, RecursionError, TypeError, KeyError):
        raise DataError(f"{path}: is damaged; export it again") from None
    if not isinstance(entries, list):
        raise DataError(f"{path}: is damaged, 'taught' is no list; export it again")
    for number, entry in enumerate(entries, 1):
        try:
            yield _lesson(folder, entry)
        except (OSError, ValueError, TypeError, KeyError, AttributeError, OverflowError, OptionError):
            raise DataError(f"{path}: is damaged, entry {number} holds no digit; export it again") from None


def _lesson(folder: Path, entry: dict[str, Any]) -> Lesson:
    """Return the lesson of an entry; anything that is not as we wrote it raises one of the errors above."""
    glyph = np.frombuffer(base64.b64decode(entry["glyph"], validate=True), np.uint8).reshape(28, 28)
    label, box, picture = int(entry["label"]), entry["box"], str(entry["picture"])
    if len(picture) > _LONGEST_NAME:
        raise ValueError("no picture has so long a name")
    file = folder / str(label) / Path(entry["file"]).name  # a name of ours has one folder; no other leads elsewhere
    crop = file.read_bytes() if file.is_file() else b""
    return Lesson(label, glyph, picture, Box(*map(int, box)) if box else None, crop, str(entry["taught"]))
