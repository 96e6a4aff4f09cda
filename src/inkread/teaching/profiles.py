"""Profiles: the taught digits of one person, and the file that keeps them."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from inkread.errors import OptionError

if TYPE_CHECKING:
    from inkread.teaching.lessons import Lesson
    from inkread.teaching.store import Store

DEFAULT_PROFILE = "default"

NO_PROFILE = "none"
"""The command line's name for reading without taught digits; no profile has this name."""

STORE_NAME = "taught.sqlite"

_NAME = re.compile(r"[\w][\w.-]{0,63}")


class Profile:
    """The taught digits of one person's handwriting. Several programs may use a profile at the same time.

    name: up to 64 letters, digits, `_`, `.` and `-`.
    path: the file that holds all profiles; None for the one in the user's data folder.

    Raises `OptionError` for an invalid name. All methods raise `DataError` for a file that is damaged or was written by
    a later version of inkread.
    """

    def __init__(self, name: str = DEFAULT_PROFILE, *, path: str | os.PathLike[str] | None = None) -> None:
        if not _NAME.fullmatch(name) or name == NO_PROFILE:
            raise OptionError(
                f"profile {name!r}: the name of a profile has up to 64 letters, digits, '_', '.' and '-', and is not "
                f"{NO_PROFILE!r}"
            )
        self.name = name
        self.path = Path(path) if path is not None else data_folder() / STORE_NAME

    @property
    def store(self) -> Store:
        """The file that keeps it. Imported on first use, because most readings do not need it."""
        from inkread.teaching.store import Store

        return Store(self.path)

    def mark(self) -> bytes | None:
        """Return bytes that change whenever the file changes, or None if there is no file; takes a few microseconds.

        Every change increments a counter of four bytes in the header of a SQLite file
        (https://sqlite.org/fileformat2.html, 1.3.7). The inode, size and time tell one file from another.
        """
        try:
            with self.path.open("rb") as file:
                about = os.fstat(file.fileno())
                return file.read(28)[24:] + repr((about.st_ino, about.st_size, about.st_mtime_ns)).encode()
        except OSError:
            # In a folder without read permission nothing was taught. For an unreadable file, the store gives the error.
            return b"unreadable" if os.path.exists(self.path) else None  # noqa: PTH110 - Path's raises in such a folder

    def lessons(self, *, newest: int | None = None, before: int | None = None) -> list[Lesson]:
        """Return the lessons, oldest first.

        newest: return only this number of the newest ones; None for all.
        before: return only those with a smaller id than this; None for all.
        """
        return self.store.lessons(self.name, newest=newest, before=before) if self.mark() else []

    def count(self) -> int:
        """Return the number of lessons."""
        return self.store.count(self.name) if self.mark() else 0

    def add(self, lessons: Iterable[Lesson]) -> list[Lesson]:
        """Store lessons, all or none, and return them with `id` and `instead_of` set.

        A glyph that was taught with another label gets the new label. If it was taught with the same label, it keeps
        its id. Raises `OptionError` if two of the lessons have the same glyph and different labels.
        """
        return self.store.add(self.name, list(lessons))

    def forget(self, ids: Sequence[int] | None = None) -> int:
        """Delete the lessons with these ids, or all for None, and return their number.

        Raises `OptionError`, and deletes nothing, if this profile has no lesson with one of the ids.
        """
        return self.store.forget(self.name, ids) if self.mark() or ids else 0

    def others(self) -> list[str]:
        """Return the names of all profiles in the file."""
        return self.store.profiles() if self.mark() else []

    def check_taught(self) -> None:
        """Raise `OptionError` if nothing was taught under a name other than the default: it may be misspelt."""
        names = self.others() if self.name != DEFAULT_PROFILE else [self.name]
        if self.name not in names:
            there = f"profiles: {', '.join(names)}" if names else "nothing was taught yet"
            raise OptionError(
                f"profile {self.name!r}: nothing was taught under this name ({there}); teach it with 'inkread teach "
                f"LABEL PICTURE --profile {self.name}', or read without a profile: --profile {NO_PROFILE}"
            )


def data_folder() -> Path:
    """Return INKREAD_HOME, or else the platform's folder for inkread's data; it may not exist."""
    if home := os.environ.get("INKREAD_HOME"):
        return Path(home)
    # `Path.expanduser` raises for users without a home folder, such as services; they have taught nothing.
    return Path(os.path.expanduser(_platform_data()), "inkread")  # noqa: PTH111


def _platform_data() -> str:
    if sys.platform == "win32":
        return os.environ.get("LOCALAPPDATA") or "~/AppData/Local"
    if sys.platform == "darwin":
        return "~/Library/Application Support"
    return os.environ.get("XDG_DATA_HOME") or "~/.local/share"
