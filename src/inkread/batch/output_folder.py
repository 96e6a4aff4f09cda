"""The folder of the results: files that are there whole or not at all, here or where PyArrow writes."""

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
"""Writes a file's content into the binary file that it is given."""


class LocalFolder:
    """A folder on this machine; what was written outlasts a power failure. One run at a time may hold it."""

    def __init__(self, place: Location) -> None:
        self.name = place.name
        self._path = Path(place.name)
        self._lock = -1

    def hold(self) -> None:
        """Make the folder, and keep other runs out until `release` or the end of this process.

        Raises `OptionError` where another run is in it.
        """
        self._path.mkdir(parents=True, exist_ok=True)
        try:
            import fcntl
        except ImportError:  # Windows has no such locks
            return
        self._lock = os.open(self._path, os.O_RDONLY)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self.release()
            if error.errno in (errno.EAGAIN, errno.EACCES):
                raise OptionError(f"{self.name}: another run is writing here; wait for its end") from None

    def release(self) -> None:
        """Let other runs in."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def names(self) -> list[str]:
        """Return the names of what lies in it."""
        return [path.name for path in self._path.iterdir()]

    def open(self, name: str) -> BinaryIO:
        """Return a file, open for reading."""
        return (self._path / name).open("rb")

    def write(self, name: str, write: Write) -> None:
        """Write a file whole or not at all."""
        with whole_file(self._path / name) as temporary, temporary.open("wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        if hasattr(os, "O_DIRECTORY"):
            folder = os.open(self._path, os.O_RDONLY)
            os.fsync(folder)  # the new name, too, is to outlast a power failure
            os.close(folder)

    def remove(self, name: str) -> None:
        """Remove a file."""
        (self._path / name).unlink(missing_ok=True)


class RemoteFolder:
    """The same where PyArrow writes; there, nothing keeps a second run out."""

    def __init__(self, place: Location) -> None:
        self.name = place.name
        self._system, self._path = place.resolved()

    def hold(self) -> None:
        """Make the folder."""
        self._system.create_dir(self._path, recursive=True)

    def release(self) -> None:
        """Do nothing: nothing is locked."""

    def names(self) -> list[str]:
        """Return the names of what lies in it."""
        from pyarrow import fs

        return [info.base_name for info in self._system.get_file_info(fs.FileSelector(self._path))]

    def open(self, name: str) -> BinaryIO:
        """Return a file, open for reading."""
        file: BinaryIO = self._system.open_input_file(f"{self._path}/{name}")
        return file

    def write(self, name: str, write: Write) -> None:
        """Write a file whole or not at all."""
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
    """Say of what the disk refuses that nothing is lost by it."""
    try:
        yield
    except OSError as error:
        cause = "the disk is full" if error.errno == errno.ENOSPC else error.strerror or " ".join(str(error).split())
        raise InkreadError(
            f"{name}: cannot be written ({cause}); mend that and run the same command again: it goes on from here",
            code="disk",
        ) from None
