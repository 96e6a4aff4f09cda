"""The folder of the results, local or where PyArrow writes. Each file appears complete or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from inkread.batch.locations import Location
from inkread.errors import InkreadError, OptionError
from inkread.files import whole_file

Write = Callable[[Any], None]
"""A function that writes a file's content to an open binary file."""


class LocalFolder:
    """A local folder. Written files survive a power failure. One run at a time may lock it."""

    def __init__(self, place: Location) -> None:
        self.name = place.name
        self._path = Path(place.name)
        self._lock = -1

    def hold(self) -> None:
        """Create and lock the folder, until `release` or the end of this process.

        Raises `OptionError` if another run holds the lock.
        """
        self._path.mkdir(parents=True, exist_ok=True)
        try:
            import fcntl
        except ImportError:
            # Windows has no such locks.
            return
        self._lock = os.open(self._path, os.O_RDONLY)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self.release()
            if error.errno in (errno.EAGAIN, errno.EACCES):
                raise OptionError(f"{self.name}: another run is writing here; wait until it has finished") from None

    def release(self) -> None:
        """Unlock the folder."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def names(self) -> list[str]:
        """Return the names of the files and folders in it."""
        return [path.name for path in self._path.iterdir()]

    def open(self, name: str) -> BinaryIO:
        """Return a file, opened for reading."""
        return (self._path / name).open("rb")

    def write(self, name: str, write: Write) -> None:
        """Write a file completely or not at all."""
        with whole_file(self._path / name) as temporary, temporary.open("wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        # The new name must survive a power failure too.
        if hasattr(os, "O_DIRECTORY"):
            folder = os.open(self._path, os.O_RDONLY)
            os.fsync(folder)
            os.close(folder)

    def remove(self, name: str) -> None:
        """Remove a file."""
        (self._path / name).unlink(missing_ok=True)


class RemoteFolder:
    """A folder that PyArrow writes to. It cannot be locked, so nothing keeps a second run out."""

    def __init__(self, place: Location) -> None:
        self.name = place.name
        self._system, self._path = place.resolved()

    def hold(self) -> None:
        """Create the folder."""
        self._system.create_dir(self._path, recursive=True)

    def release(self) -> None:
        """Do nothing, since nothing is locked."""

    def names(self) -> list[str]:
        """Return the names of the files and folders in it."""
        from pyarrow import fs

        return [info.base_name for info in self._system.get_file_info(fs.FileSelector(self._path))]

    def open(self, name: str) -> BinaryIO:
        """Return a file, opened for reading."""
        file: BinaryIO = self._system.open_input_file(f"{self._path}/{name}")
        return file

    def write(self, name: str, write: Write) -> None:
        """Write a file completely or not at all."""
        stem, dot, suffix = name.rpartition(".")
        temporary = f"{self._path}/.{stem}-{secrets.token_hex(4)}{dot}{suffix}"
        try:
            with self._system.open_output_stream(temporary) as file:
                write(file)
            self._system.move(temporary, f"{self._path}/{name}")
        except BaseException:
            with contextlib.suppress(OSError):
                self._system.delete_file(temporary)
            raise

    def remove(self, name: str) -> None:
        """Remove a file."""
        self._system.delete_file(f"{self._path}/{name}")


@contextlib.contextmanager
def disk_errors(name: str) -> Iterator[None]:
    """Turn an `OSError` of the disk into an `InkreadError` that says how to continue."""
    try:
        yield
    except OSError as error:
        cause = "the disk is full" if error.errno == errno.ENOSPC else error.strerror or " ".join(str(error).split())
        raise InkreadError(
            f"{name}: cannot be written ({cause}); fix that and run the same command again to continue",
            code="disk",
        ) from None
