"""Exporting and importing lessons, to move them to another machine or profile.

An exported folder holds a picture of each digit in folders named 0 to 9, so that `inkread evaluate --data` and
`inkread train --own` can use it too, and `taught.json` with the exact glyphs.
"""

from __future__ import annotations

import base64
import json
import os
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from inkread.datasets.folders import LabelledPicture, labelled_pictures
from inkread.errors import DataError, OptionError, PictureError
from inkread.files import whole_folder
from inkread.geometry import Box
from inkread.reader import Reader
from inkread.teaching.lessons import Lesson, box_of, lessons_of, png

LIST_NAME = "taught.json"

LARGEST_LIST = 100_000_000
"""Bytes of a list that can be imported: about 80 000 digits."""

LARGEST_IMPORT = 500_000_000
"""Bytes of a list and its digits' pictures together, after unpacking: about 80 000 digits with pictures."""

_BYTES_PER_VALUE = 40
"""The least bytes of a list per value in it; those of an export have 90. A zip of 96 kB can hold 33 million values,
which take gigabytes as soon as they are parsed."""

LARGEST_CROP = 1 << 15
"""Bytes of a digit's picture that can be imported; even noise of `CROP_SIDE` pixels takes no more."""

LONGEST_NAME = 4096
"""Characters of a picture's name that can be imported; paths are shorter."""

Read = Callable[[str, int], bytes]
"""Returns a file of an export by its name, up to a number of bytes; empty if there is no such file."""

_WANTED = (
    "name a folder that 'inkread teach --export' wrote, the zip that the page exports, or a folder with folders 0 to 9"
)
_PNG_HEAD = b"\x89PNG\r\n\x1a\n"
_PNG = re.compile("[0-9]{1,20}[.]png")
_TIME = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{5,20}(Z|[+-][0-9:]{2,8})?")


def export(lessons: list[Lesson], folder: Path) -> None:
    """Write lessons to a new folder, completely or not at all. Raises `OptionError` for a folder that is not empty."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise OptionError(f"{folder}: is not an empty folder; name a new one")
    with whole_folder(folder) as new:
        for name, content in export_files(lessons):
            (new / name).parent.mkdir(exist_ok=True)
            (new / name).write_bytes(content)


def export_files(lessons: list[Lesson]) -> Iterator[tuple[str, bytes]]:
    """Yield the name and content of each file of an exported folder."""
    for lesson in lessons:
        yield _file(lesson), lesson.crop or png(255 - lesson.glyph)
    entries = [{**lesson.to_dict(), "file": _file(lesson), "glyph": _text(lesson)} for lesson in lessons]
    yield LIST_NAME, (json.dumps({"taught": entries}, indent=1) + "\n").encode()


def import_lessons(place: Path, reader: Reader) -> Iterator[Lesson | PictureError]:
    """Yield the lessons of an exported folder, of its zip, or of pictures of single digits in folders 0 to 9.

    Yields the error instead of the lesson for a picture that cannot be taught. Raises `DataError` for anything else.
    """
    if place.is_dir() and os.path.lexists(place / LIST_NAME):
        yield from _read_list(place / LIST_NAME, partial(_in_folder, place))
    elif place.is_dir():
        for picture in labelled_pictures(place):
            yield _lesson_of_picture(place, picture, reader)
    elif place.is_file():
        yield from _read_zip(place)
    else:
        what = "is neither a folder nor a file" if place.exists() else "no such folder or file"
        raise DataError(f"{place}: {what}; {_WANTED}")


def _lesson_of_picture(folder: Path, picture: LabelledPicture, reader: Reader) -> Lesson | PictureError:
    if not _belongs(folder, picture.path):
        return PictureError(f"{picture.path}: is not a file inside this folder; copy the picture into it")
    try:
        return lessons_of(reader.steps(picture.path, as_="digit"), picture.label)[0]
    except PictureError as error:
        return error


def _file(lesson: Lesson) -> str:
    return f"{lesson.label}/{lesson.id:06d}.png"


def _text(lesson: Lesson) -> str:
    return base64.b64encode(lesson.glyph.tobytes()).decode("ascii")


def _read_zip(path: Path) -> list[Lesson]:
    """Return the lessons in a zip of an exported folder. Nothing is written to the disk."""
    try:
        with zipfile.ZipFile(path) as archive:
            if LIST_NAME not in archive.namelist():
                raise DataError(f"{path}: has no {LIST_NAME} at its top level; unpack it and name its folder of digits")
            return _read_list(path, partial(_in_archive, archive))
    except (zipfile.BadZipFile, NotImplementedError, ValueError):
        raise DataError(f"{path}: is a file but not a zip; {_WANTED}") from None


def _read_list(path: Path, read: Read) -> list[Lesson]:
    """Return the lessons of a list. Raises `DataError`, which names the fault."""
    left = LARGEST_IMPORT

    def read_within(name: str, most: int) -> bytes:
        nonlocal left
        content = read(name, most)
        left -= len(content)
        if left < 0:
            raise ValueError(f"it has over {LARGEST_IMPORT // 1_000_000} megabytes; export it in parts")
        return content

    try:
        entries = _entries(read_within(LIST_NAME, LARGEST_LIST))
        return [_lesson(number, entry, read_within) for number, entry in enumerate(entries, start=1)]
    except OSError as error:
        raise DataError(
            f"{path}: cannot be read ({error.strerror or error}); check its permissions, or export it again"
        ) from None
    except ValueError as error:
        raise DataError(f"{path}: is damaged ({error}); export it again") from None


def _entries(content: bytes) -> list[Any]:
    if sum(map(content.count, (b",", b"[", b"{"))) > 1000 + len(content) // _BYTES_PER_VALUE:
        raise ValueError("it has many more values than a list of digits")
    # Thousands of nested brackets raise RecursionError.
    try:
        listed = json.loads(content)
    except (ValueError, RecursionError):
        raise ValueError("it is not JSON") from None
    entries = listed.get("taught") if isinstance(listed, dict) else None
    if not isinstance(entries, list):
        raise ValueError("it has no list 'taught'")  # noqa: TRY004 - a fault of the file
    return entries


def _lesson(number: int, entry: Any, read: Read) -> Lesson:
    """Return the lesson of an entry of the list."""
    values = entry if isinstance(entry, dict) else {}
    label, picture, taught = (values.get(key) for key in ("label", "picture", "taught"))
    glyph, box = _glyph(values.get("glyph")), _box(values.get("box"))
    if type(label) is not int or not 0 <= label <= 9:
        wrong = "the label is not 0 to 9"
    elif glyph is None:
        wrong = "the glyph is not 28 x 28 bytes in base64"
    elif not isinstance(picture, str) or len(picture) > LONGEST_NAME:
        wrong = f"the picture has no name of up to {LONGEST_NAME} characters"
    elif not isinstance(taught, str) or not _TIME.fullmatch(taught):
        wrong = "the time is not written as 2026-01-31T12:00:00+00:00"
    elif values.get("box") and box is None:
        wrong = "the box is not four numbers"
    else:
        return Lesson(label, glyph, picture, box, _crop(label, values.get("file"), read), taught)
    raise ValueError(f"digit {number} of the list: {wrong}")


def _glyph(text: object) -> NDArray[np.uint8] | None:
    try:
        return np.frombuffer(base64.b64decode(str(text), validate=True), np.uint8).reshape(28, 28)
    except ValueError:
        return None


def _box(values: Any) -> Box | None:
    try:
        return box_of(values)
    except OptionError:
        return None


def _crop(label: int, file: object, read: Read) -> bytes:
    """Return the picture of a digit; empty if it is missing or its name is not one that an export writes."""
    name = str(file).rpartition("/")[2]
    content = read(f"{label}/{name}", LARGEST_CROP) if _PNG.fullmatch(name) else b""
    if content and not content.startswith(_PNG_HEAD):
        raise ValueError(f"{label}/{name} is not a PNG")
    return content


def _in_folder(folder: Path, name: str, most: int) -> bytes:
    path = folder / name
    if not os.path.lexists(path):
        return b""
    if not _belongs(folder, path):
        raise ValueError(f"{name} is not a file inside this folder")
    with path.open("rb") as file:
        return _read_bounded(file, name, most)


def _belongs(folder: Path, path: Path) -> bool:
    """Return whether a path is a regular file inside a folder, wherever links lead to."""
    return path.is_file() and path.resolve().is_relative_to(folder.resolve())


def _in_archive(archive: zipfile.ZipFile, name: str, most: int) -> bytes:
    if name not in archive.NameToInfo:
        return b""
    if archive.getinfo(name).compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise ValueError(f"{name} is compressed by another method than deflate")
    # A file with a password raises RuntimeError.
    try:
        with archive.open(name) as file:
            return _read_bounded(file, name, most)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError):
        raise ValueError(f"{name} cannot be unpacked") from None


def _read_bounded(file: IO[bytes], name: str, most: int) -> bytes:
    """Return the content of a file. Raises `ValueError` if it has more than `most` bytes, without reading them all."""
    content = file.read(most + 1)
    if len(content) > most:
        raise ValueError(f"{name} has over {most} bytes")
    return content
