"""Locations: local files and folders, and those on any file system that PyArrow opens."""

from __future__ import annotations

import errno
import functools
import os
import sqlite3
import stat
from collections.abc import Callable, Iterable, Iterator
from hashlib import blake2b
from typing import Any, BinaryIO, NamedTuple

from inkread.errors import DataError, InkreadError, PictureError
from inkread.pictures.folders import entries_of
from inkread.pictures.opening import MAX_BYTES, content_of

Failed = Callable[[str, Exception], None]
"""A function that is called with the name of a folder that cannot be listed, and the error."""


class Location(NamedTuple):
    """A file or folder.

    name: an absolute path, or `scheme://host/path` as written, without percent-encoding.
    query: the part after `?`, with options for the file system such as `region=eu-west-1`.
    """

    name: str
    query: str = ""

    @classmethod
    def of(cls, name: str, *, beside: Location | None = None) -> Location:
        """Return the location with this name, relative to the current folder, or to the folder of the list `beside`."""
        if "://" in name:
            name, _, query = name.partition("?") if "=" in name.rpartition("?")[2] else (name, "", "")
            return cls(name.rstrip("/"), query)
        if beside is None or os.path.isabs(name):
            return cls(os.path.abspath(name))
        folder = beside.name.rpartition("/")[0]
        return cls(f"{folder}/{name}", beside.query) if beside.remote else cls(os.path.abspath(f"{folder}/{name}"))

    @property
    def remote(self) -> bool:
        """Whether PyArrow opens it."""
        return "://" in self.name

    @property
    def shown(self) -> str:
        """The name in results. It is valid text, whatever bytes the file name contains."""
        return self.name.encode("utf-8", "backslashreplace").decode()

    def resolved(self) -> tuple[Any, str]:
        """Return PyArrow's file system and the path on it. Raises `DataError` if the file system cannot be opened."""
        from pyarrow import fs

        if not self.remote:
            return fs.LocalFileSystem(), self.name
        scheme, _, rest = self.name.partition("://")
        if scheme in {"http", "https"}:
            raise DataError(f"{self.name}: is an address on the web; download the files and name their folder")
        host, _, path = rest.partition("/")
        try:
            system, base = _file_system(f"{scheme}://{host or '/'}", self.query)
        except (OSError, ValueError, TypeError, ImportError) as error:
            # PyArrow raises TypeError for an unknown option.
            raise DataError(f"{self.name}: PyArrow cannot open this file system ({error}); check the address") from None
        return system, f"{base.rstrip('/')}/{path}"

    def kind(self) -> str:
        """Return "folder", "file", or "" if nothing is there. Raises `DataError` if the file system does not answer."""
        if not self.remote:
            return "folder" if os.path.isdir(self.name) else "file" if os.path.lexists(self.name) else ""
        system, path = self.resolved()
        try:
            info = system.get_file_info(path)
        except OSError as error:
            raise DataError(f"{self.name}: cannot be accessed ({error})") from None
        return "folder" if info.type.name == "Directory" else "file" if info.is_file else ""

    def open(self) -> BinaryIO:
        """Return the file, opened for reading with random access. Raises `OSError`, also for a pipe or a device."""
        if not self.remote:
            if _never_ends(self.name):
                raise OSError(errno.EINVAL, "is a pipe or a device, not a file", self.name)
            return open(self.name, "rb")
        system, path = self.resolved()
        file: BinaryIO = system.open_input_file(path)
        return file

    def content(self, name: str) -> bytes:
        """Return the bytes of a picture. Raises `PictureError`, whose message calls the picture `name`."""
        if not self.remote:
            if _never_ends(self.name):
                raise PictureError(f"{name}: is a pipe or a device, not a file; name a picture", code="unreadable")
            return content_of(self.name, name)
        try:
            system, path = self.resolved()
            with system.open_input_stream(path) as stream:
                return content_of(stream.read(MAX_BYTES + 1), name)
        except FileNotFoundError:
            raise PictureError(f"{name}: no such file; check the name", code="missing") from None
        except (OSError, DataError) as error:
            raise PictureError(f"{name}: cannot be read ({error}); check its permissions", code="unreadable") from None

    def walk(self, *, without: str, failed: Failed) -> Iterator[tuple[Location, int]]:
        """Yield the files of a folder and its subfolders, unsorted, with their sizes in bytes; -1 if not known.

        without: folders that contain a file with this name are skipped. Hidden files and folders are skipped too.
        """
        list_folder = _list_remote if self.remote else _list_local
        folders = [self]
        while folders:
            folder = folders.pop()
            below: list[Location] = []
            try:
                for place, size, is_folder in list_folder(folder, without):
                    if not is_folder:
                        yield place, size
                    else:
                        below.append(place)
            except OSError as error:
                failed(folder.shown, error)
            folders += reversed(below)


def _never_ends(name: str) -> bool:
    """Return whether a name is that of a pipe, a device or a socket, which may keep its reader waiting for ever."""
    try:
        mode = os.stat(name).st_mode
    except (OSError, ValueError):
        return False
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)


@functools.cache
def _file_system(root: str, query: str) -> tuple[Any, str]:
    """Return a file system and the path of its root. Opening one may contact a server."""
    from pyarrow import fs

    system, base = fs.FileSystem.from_uri(f"{root}?{query}" if query else root)
    return system, base


def _list_local(folder: Location, without: str) -> Iterator[tuple[Location, int, bool]]:
    if os.path.exists(os.path.join(folder.name, without)):
        return
    for path, is_folder in entries_of(folder.name):
        yield Location(path), -1, is_folder


def _list_remote(folder: Location, without: str) -> Iterator[tuple[Location, int, bool]]:
    from pyarrow import fs

    system, path = folder.resolved()
    found = system.get_file_info(fs.FileSelector(path))
    if any(info.base_name == without for info in found):
        return
    for info in found:
        if not info.base_name.startswith("."):
            is_folder = info.type == fs.FileType.Directory
            yield Location(f"{folder.name}/{info.base_name}", folder.query), -1 if is_folder else info.size, is_folder


GROUP_CHUNK = 512
"""Rows of a Parquet file in one chunk. Reading a row unpacks its row group up to that row."""

CHUNK_BYTES = 16_000_000
"""The most bytes of contents in one chunk, for entries that carry their contents."""


class Entry(NamedTuple):
    """A picture of the input.

    path: its unique name, as in the results.
    file: the file that contains it.
    size: its size in bytes; -1 if not known before it is read.
    offset: where it begins in a tar file, or the first row of its row group in a Parquet file; otherwise 0.
    row: its row in a Parquet file; otherwise -1.
    group: the row group of that row; otherwise -1.
    content: the bytes of the picture, if they cannot be read from the file separately.
    """

    path: str
    file: Location
    size: int = -1
    offset: int = 0
    row: int = -1
    group: int = -1
    content: bytes | None = None


def chunks(entries: Iterable[Entry], limit: Callable[[], int]) -> Iterator[list[Entry]]:
    """Yield entries in chunks. Rows of a Parquet file share a chunk only with rows of their row group.

    `limit` is called for each chunk and returns its largest number of entries.
    """
    chunk: list[Entry] = []
    size, most = 0, limit()
    for entry in entries:
        full = len(chunk) >= (GROUP_CHUNK if entry.group >= 0 else most) or size >= CHUNK_BYTES
        if chunk and (full or _place(entry) != _place(chunk[0])):
            yield chunk
            chunk, size, most = [], 0, limit()
        chunk.append(entry)
        size += len(entry.content or b"")
    if chunk:
        yield chunk


def _place(entry: Entry) -> tuple[Location, int] | None:
    return (entry.file, entry.group) if entry.group >= 0 else None


CACHE = 1_000
"""Kibibytes that SQLite keeps in memory. The rest goes to a temporary file."""


class DonePaths:
    """A set of paths, stored as 16-byte hashes in a temporary database that is deleted when the process ends.

    Among a billion paths, the probability that any two have the same hash is about 1 in 10 ** 21.
    """

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.execute(f"PRAGMA cache_size = -{CACHE}")
        self._database.execute("PRAGMA journal_mode = OFF")
        self._database.execute("PRAGMA synchronous = OFF")
        self._database.execute("CREATE TABLE seen (key BLOB PRIMARY KEY) WITHOUT ROWID")
        self._database.execute("BEGIN")

    def add(self, path: str) -> bool:
        """Add a path; return whether it is new."""
        return self.add_all((path,)) == 1

    def add_all(self, paths: Iterable[str]) -> int:
        """Add paths; return how many were new."""
        keys = ((blake2b(path.encode(), digest_size=16).digest(),) for path in paths)
        try:
            return self._database.executemany("INSERT OR IGNORE INTO seen VALUES (?)", keys).rowcount
        except sqlite3.Error as error:
            message = f"the list of finished pictures does not fit into the folder for temporary files ({error})"
            raise InkreadError(f"{message}; free space or set TMPDIR, and run the same command again") from None

    def close(self) -> None:
        """Delete the database."""
        self._database.close()
