"""Profiles: whose hand was taught, where that is kept, and what can be done with it."""

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
"""What the command line takes for reading without anything that was taught; no profile has this name."""

STORE_NAME = "taught.sqlite"

_NAME = re.compile(r"[\w][\w.-]{0,63}")


class Profile:
    """What was taught of one hand. Several programs may use a profile at the same time.

    name: letters, digits, `_`, `.` and `-`, 64 at most.
    path: the file that holds all profiles; None for the one in the user's data folder.

    Raises `OptionError` for a name that cannot be one. All methods raise `DataError` for a file that is damaged or was
    written by a later version of inkread.
    """

    def __init__(self, name: str = DEFAULT_PROFILE, *, path: str | os.PathLike[str] | None = None) -> None:
        if not _NAME.fullmatch(name) or name == NO_PROFILE:
            raise OptionError(
                f"profile {name!r}: a profile has a name of letters, digits, '_', '.' and '-', 64 at most, and not "
                f"{NO_PROFILE!r}"
            )
        self.name = name
        self.path = Path(path) if path is not None else data_folder() / STORE_NAME

    @property
    def store(self) -> Store:
        """The file behind it; looked up late, since most readings need none."""
        from inkread.teaching.store import Store

        return Store(self.path)

    def mark(self) -> bytes | None:
        """Return what changes whenever the file does, in some microseconds; None where there is no file.

        Every change counts up four bytes of the head of a SQLite file (https://sqlite.org/fileformat2.html, 1.3.7);
        size and place tell one file from another.
        """
        try:
            with self.path.open("rb") as file:
                about = os.fstat(file.fileno())
                return file.read(28)[24:] + repr((about.st_ino, about.st_size, about.st_mtime_ns)).encode()
        except OSError:  # where the folder may not be looked into, nothing was taught; of a file, the store says more
            return b"unreadable" if os.path.exists(self.path) else None  # noqa: PTH110 - Path's raises in such a folder

    def lessons(self, *, newest: int | None = None, before: int | None = None) -> list[Lesson]:
        """Return what was taught, oldest first.

        newest: only so many, the last ones; None for all. before: only those with a smaller id than this one.
        """
        return self.store.lessons(self.name, newest=newest, before=before) if self.mark() else []

    def count(self) -> int:
        """Return how many lessons there are."""
        return self.store.count(self.name) if self.mark() else 0

    def add(self, lessons: Iterable[Lesson]) -> list[Lesson]:
        """Keep lessons, all or none, and return them with their ids, and with the label each takes the place of.

        A glyph that was taught with another label gets the new one; with the same label, it keeps its id. Raises
        `OptionError` where two of the lessons have the same glyph and different labels.
        """
        return self.store.add(self.name, list(lessons))

    def forget(self, ids: Sequence[int] | None = None) -> int:
        """Forget the lessons with these ids, None for all, and return how many they were.

        Raises `OptionError`, and forgets nothing, where an id is none of this profile's.
        """
        return self.store.forget(self.name, ids) if self.mark() or ids else 0

    def others(self) -> list[str]:
        """Return the names of all profiles in the file."""
        return self.store.profiles() if self.mark() else []

    def check_taught(self) -> None:
        """Raise `OptionError` where nothing was taught under a name other than the default: it may be misspelt."""
        names = self.others() if self.name != DEFAULT_PROFILE else [self.name]
        if self.name not in names:
            there = f"there are: {', '.join(names)}" if names else "nothing was taught yet"
            raise OptionError(
                f"profile {self.name!r}: nothing was taught under this name ({there}); teach it with 'inkread teach "
                f"LABEL PICTURE --profile {self.name}', or read without: --profile {NO_PROFILE}"
            )


def data_folder() -> Path:
    """Return the folder of inkread's own data, where the platform wants it or INKREAD_HOME says; it may not exist."""
    if home := os.environ.get("INKREAD_HOME"):
        return Path(home)
    # Path's own raises for users without a home, as services may be; they have taught nothing.
    return Path(os.path.expanduser(_platform_data()), "inkread")  # noqa: PTH111


def _platform_data() -> str:
    if sys.platform == "win32":
        return os.environ.get("LOCALAPPDATA") or "~/AppData/Local"
    if sys.platform == "darwin":
        return "~/Library/Application Support"
    return os.environ.get("XDG_DATA_HOME") or "~/.local/share"
