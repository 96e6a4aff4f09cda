"""Sources: turns the inputs (folders, globs, lists, archives, pictures) into a stream of entries."""

from __future__ import annotations

import csv
import glob
import sys
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from fnmatch import fnmatchcase
from io import TextIOWrapper
from typing import TextIO

import pyarrow as pa

from inkread.batch.archives import members, path_column, table_entries
from inkread.batch.locations import DonePaths, Entry, Location
from inkread.batch.manifest import MANIFEST
from inkread.errors import DataError
from inkread.files import csv_table
from inkread.pictures.folders import picture_endings

STDIN = "-"
LISTS = (".txt", ".lst")
CSVS = (".csv", ".tsv")
PARQUET = (".parquet", ".pq")
TARS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")


class Sources:
    """The pictures of folders, globs, lists, archives and single files.

    inputs: the names that the user gave; "-" is a list on standard input. Every file of a glob or a list counts as a
        picture. In folders and tar files, a file counts as a picture by its suffix. Hidden files and the results of
        other runs are skipped, and links to folders are not followed. Tar and Parquet files in folders are opened too.

    passed_over: how many files in folders and archives were skipped because their suffix is not that of a picture.
    troubles: folders and files that could not be listed, with the cause.

    Raises `DataError` for an input that does not exist.
    """

    def __init__(self, inputs: Sequence[str]) -> None:
        self.inputs = inputs
        self.passed_over = 0
        self.troubles: list[str] = []
        self._endings = picture_endings()
        for name in inputs:
            _check(name)

    def entries(self) -> Iterator[Entry]:
        """Yield every picture, unsorted. A picture that is listed twice is yielded twice."""
        for name in self.inputs:
            place = Location.of(name)
            if name == STDIN:
                yield from _of_lines(sys.stdin, None)
            elif _is_glob(name) and not place.kind():
                yield from self._of_glob(place)
            elif place.kind() == "folder":
                yield from self._of_folder(place)
            else:
                yield from self._of_file(place, -1)

    def _of_glob(self, pattern: Location) -> Iterator[Entry]:
        if not pattern.remote:
            for name in glob.iglob(pattern.name, recursive=True):
                place = Location(name)
                yield from self._of_folder(place) if place.kind() == "folder" else self._of_file(place, -1)
            return
        parts = pattern.name.split("/")
        fixed = next(number for number, part in enumerate(parts) if glob.has_magic(part))
        top = Location("/".join(parts[:fixed]), pattern.query)
        for place, size in top.walk(without=MANIFEST, failed=self._note_failure):
            if _fits(place.name.split("/")[fixed:], parts[fixed:]):
                yield from self._of_file(place, size)

    def _of_folder(self, folder: Location) -> Iterator[Entry]:
        """Yield the pictures in a folder. Links to other folders are not followed."""
        for place, size in folder.walk(without=MANIFEST, failed=self._note_failure):
            name = place.name.lower()
            if name.endswith(self._endings):
                yield Entry(place.shown, place, size)
            elif name.endswith((*TARS, *PARQUET)):
                yield from self._of_file(place, size)
            else:
                self.passed_over += 1

    def _of_file(self, file: Location, size: int) -> Iterator[Entry]:
        """Yield the pictures of a list or an archive, or the file itself."""
        name = file.name.lower()
        if name.endswith(TARS):
            listed = self._pictures(members(file))
        elif name.endswith(PARQUET):
            listed = table_entries(file)
        elif name.endswith((*LISTS, *CSVS)):
            listed = _of_list(file)
        else:
            yield Entry(file.shown, file, size)
            return
        try:
            yield from listed
        except (OSError, EOFError, ValueError, csv.Error, tarfile.TarError, pa.ArrowException, DataError) as error:
            self._note_failure(file.shown, error)

    def _pictures(self, entries: Iterable[Entry]) -> Iterator[Entry]:
        """Yield the entries whose suffix is that of a picture.

        Another one with a name that was there already gets its number among the entries, since both are pictures.
        """
        with closing(DonePaths()) as names:
            for number, entry in enumerate(self._named_like_pictures(entries), start=1):
                yield entry if names.add(entry.path) else entry._replace(path=f"{entry.path} ({number})")

    def _named_like_pictures(self, entries: Iterable[Entry]) -> Iterator[Entry]:
        for entry in entries:
            parts = entry.path[len(entry.file.shown) + 1 :].split("/")
            is_hidden = any(part.startswith(".") and part not in {".", ".."} for part in parts)
            if parts[-1].lower().endswith(self._endings) and not is_hidden:
                yield entry
            else:
                self.passed_over += 1

    def _note_failure(self, name: str, error: Exception) -> None:
        cause = " ".join(str(getattr(error, "strerror", None) or error).split())
        self.troubles.append(cause if cause.startswith(name) else f"{name}: {cause}")


def _check(name: str) -> None:
    """Raise `DataError` before reading if an input does not exist."""
    place = Location.of(name)
    if name == STDIN or place.kind():
        return
    if not _is_glob(name):
        raise DataError(f"{name or 'an empty name'}: no such file or folder; check the name")
    if not place.remote and next(glob.iglob(place.name, recursive=True), None) is None:
        raise DataError(f"{name}: no file matches this pattern; check the folder and the suffix")


def _is_glob(name: str) -> bool:
    return glob.has_magic(name)


def _fits(parts: list[str], pattern: list[str]) -> bool:
    """Return whether the parts of a path match a pattern, in which `**` matches any number of folders."""
    if not pattern:
        return not parts
    if pattern[0] == "**":
        return any(_fits(parts[start:], pattern[1:]) for start in range(len(parts) + 1))
    return bool(parts) and fnmatchcase(parts[0], pattern[0]) and _fits(parts[1:], pattern[1:])


def _of_list(file: Location) -> Iterator[Entry]:
    """Yield the pictures of a text file with one path per line, or of a CSV file with a column of paths."""
    with file.open() as stream, TextIOWrapper(stream, "utf-8-sig", "surrogateescape", newline="") as text:
        if not file.name.lower().endswith(CSVS):
            yield from _of_lines(text, file)
            return
        rows = csv_table(text)
        column = path_column(list(rows.fieldnames or ()), file.shown)
        yield from _of_names((row[column] or "" for row in rows), file)


def _of_lines(text: TextIO, file: Location | None) -> Iterator[Entry]:
    yield from _of_names((line.rstrip("\r\n") for line in text), file)


def _of_names(names: Iterable[str], file: Location | None) -> Iterator[Entry]:
    for name in names:
        if name:
            place = Location.of(name, beside=file)
            yield Entry(place.shown, place)
