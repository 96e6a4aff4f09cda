"""Locations: files and folders on this machine, or on any file system that PyArrow opens."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterable, Iterator
from typing import Any, BinaryIO, NamedTuple

from inkread.errors import DataError, PictureError
from inkread.pictures.opening import MAX_BYTES, content_of

Failed = Callable[[str, Exception], None]
"""What is called with the name of a folder that cannot be listed, and why."""


class Location(NamedTuple):
    """A file or folder.

    name: an absolute path, or `scheme://host/path` as it is written, without percent-encoding.
    query: what followed a `?` with options for the file system, such as `region=eu-west-1`.
    """

    name: str
    query: str = ""

    @classmethod
    def of(cls, name: str, *, beside: Location | None = None) -> Location:
        """Return the location that a user names, relative to this process's folder or to that of a list."""
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
        """Its name in results: text whatever bytes the file's name is made of."""
        return self.name.encode("utf-8", "backslashreplace").decode()

    def resolved(self) -> tuple[Any, str]:
        """Return PyArrow's file system and the path there; raises `DataError` for one that cannot be opened."""
        from pyarrow import fs

        if not self.remote:
            return fs.LocalFileSystem(), self.name
        scheme, _, rest = self.name.partition("://")
        host, _, path = rest.partition("/")
        try:
            system, base = _file_system(f"{scheme}://{host or '/'}", self.query)
        except (OSError, ValueError, TypeError, ImportError) as error:  # TypeError: an option that it does not know
            raise DataError(f"{self.name}: no file system that PyArrow opens ({error})") from None
        return system, f"{base.rstrip('/')}/{path}"

    def kind(self) -> str:
        """Return "folder", "file", or "" where there is nothing; raises `DataError` where that cannot be told."""
        if not self.remote:
            return "folder" if os.path.isdir(self.name) else "file" if os.path.lexists(self.name) else ""
        system, path = self.resolved()
        try:
            info = system.get_file_info(path)
        except OSError as error:
            raise DataError(f"{self.name}: cannot be looked up ({error})") from None
        return "folder" if info.type.name == "Directory" else "file" if info.is_file else ""

    def open(self) -> BinaryIO:
        """Return the file, open for reading anywhere in it."""
        if not self.remote:
            return open(self.name, "rb")
        system, path = self.resolved()
        file: BinaryIO = system.open_input_file(path)
        return file

    def content(self, name: str) -> bytes:
        """Return the bytes of a picture; raises `PictureError`, speaking of it as `name`."""
        if not self.remote:
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
        """Yield the files of a folder and of those in it, as they lie, with their bytes; -1 where these are not known.

        without: folders that hold a file of this name are passed over, as is what is hidden.
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


@functools.cache
def _file_system(root: str, query: str) -> tuple[Any, str]:
    """Return a file system and the path of its root; opening one may ask a server."""
    from pyarrow import fs

    system, base = fs.FileSystem.from_uri(f"{root}?{query}" if query else root)
    return system, base


def _list_local(folder: Location, without: str) -> Iterator[tuple[Location, int, bool]]:
    if os.path.exists(os.path.join(folder.name, without)):
        return
    with os.scandir(folder.name) as entries:  # as they lie on the disk: a million names are not held to be sorted
        for entry in entries:
            is_folder = entry.is_dir(follow_symlinks=False)
            is_file = entry.is_file() or (entry.is_symlink() and not os.path.exists(entry.path))  # to become an error
            if not entry.name.startswith(".") and (is_folder or is_file):
                yield Location(entry.path), -1, is_folder


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
"""Rows of a Parquet file that are handed out together: whoever reads one unpacks its row group up to it."""

CHUNK_BYTES = 16_000_000
"""No more than this of contents that travel with their entries, in one chunk."""


class Entry(NamedTuple):
    """A picture of the input.

    path: its name in the results, and what tells it from all others.
    file: where the file lies that holds it.
    size: its bytes; -1 where only reading it tells.
    offset: where it begins in a tar file, or the first row of its row group in a Parquet file; else 0.
    row: its row, where the file is Parquet; else -1.
    group: the row group of that row; else -1.
    content: the picture itself, where it cannot be read from the file on its own.
    """

    path: str
    file: Location
    size: int = -1
    offset: int = 0
    row: int = -1
    group: int = -1
    content: bytes | None = None


def chunks(entries: Iterable[Entry], limit: Callable[[], int]) -> Iterator[list[Entry]]:
    """Yield entries together; rows of a Parquet file only with those of their row group.

    `limit` says, each time, how many to hand out together.
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
