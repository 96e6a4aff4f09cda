"""Which pictures are done: a set of paths whose memory does not grow with it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from hashlib import blake2b

from inkread.errors import InkreadError

CACHE = 1_000  # kibibytes that SQLite keeps in memory; what is beyond lies in a temporary file


class DonePaths:
    """A set of paths, kept as 16 bytes each in a temporary database that goes away with this process.

    Two of a thousand million paths have the same 16 bytes with a probability of 1 in 10 ** 21.
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
            message = f"the list of what is done does not fit into the folder for temporary files ({error})"
            raise InkreadError(f"{message}; make room or set TMPDIR, and run the same command again") from None

    def close(self) -> None:
        """Forget everything."""
        self._database.close()
