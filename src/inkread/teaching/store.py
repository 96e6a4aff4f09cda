"""The store: one SQLite file that holds all lessons. It survives crashes, and several programs can use it at once.

It uses SQLite's rollback journal and full synchronisation: a lesson that was acknowledged is on the disk, and a change
that a crash interrupted leaves no trace. The journal is beside the file only during a change.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inkread.errors import DataError, OptionError
from inkread.geometry import Box
from inkread.glyphs import CLASSES
from inkread.teaching.lessons import Lesson

VERSION = 1

# The application id, which tells this file from other SQLite files.
_APPLICATION = 0x1D1617

# How many other networks' features are kept.
_MODELS = 4

# How many seconds to wait for another program's change.
_PATIENCE = 10.0

_SCHEMA = """
    CREATE TABLE lessons (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        profile TEXT NOT NULL,
        label INTEGER NOT NULL CHECK (label BETWEEN 0 AND 9),
        glyph BLOB NOT NULL CHECK (length(glyph) = 784),
        picture TEXT NOT NULL,
        box TEXT,
        crop BLOB NOT NULL,
        taught TEXT NOT NULL,
        UNIQUE (profile, glyph)
    );
    CREATE TABLE features (
        lesson INTEGER NOT NULL REFERENCES lessons (id) ON DELETE CASCADE,
        model TEXT NOT NULL,
        probabilities BLOB NOT NULL,
        features BLOB NOT NULL,
        PRIMARY KEY (lesson, model)
    );
"""

# Words of SQLite's messages, and the codes that they get.
_CODES = {"locked": "locked", "is full": "disk-full"}

# The largest number that SQLite can store.
_LARGEST = 2**63 - 1

_COLUMNS = "id, label, glyph, picture, box, crop, taught"


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """How a network sees a lesson's glyph: probabilities, (11,) float32, and features, (K,) float32."""

    probabilities: NDArray[np.float32]
    features: NDArray[np.float32]

    @property
    def is_whole(self) -> bool:
        """Whether all numbers are there and finite; those of a damaged file are computed again."""
        return len(self.probabilities) == CLASSES + 1 and bool(
            np.isfinite(self.probabilities).all() and np.isfinite(self.features).all()
        )


class Store:
    """The file with all profiles. The first change creates it, with its folder.

    All methods raise `DataError` for a file that is damaged, of a later version, or cannot be used.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def lessons(self, profile: str, *, newest: int | None = None, before: int | None = None) -> list[Lesson]:
        """Return the lessons of a profile, oldest first; see `Profile.lessons`."""
        query = f"SELECT {_COLUMNS} FROM lessons WHERE profile = ? AND id < ? ORDER BY id DESC LIMIT ?"  # noqa: S608
        bounds = (_LARGEST if before is None else before, -1 if newest is None else newest)
        with self._reading() as db:
            return [_lesson(*row) for row in db.execute(query, (profile, *bounds))][::-1]

    def count(self, profile: str) -> int:
        """Return the number of lessons in a profile."""
        with self._reading() as db:
            return int(db.execute("SELECT count(*) FROM lessons WHERE profile = ?", (profile,)).fetchone()[0])

    def profiles(self) -> list[str]:
        """Return the names of the profiles that have lessons."""
        with self._reading() as db:
            return [name for (name,) in db.execute("SELECT DISTINCT profile FROM lessons ORDER BY profile")]

    def add(self, profile: str, lessons: Sequence[Lesson], model: str = "", seen: Sequence[Seen] = ()) -> list[Lesson]:
        """Store lessons, all or none, and how a network sees each if that is known; see `Profile.add`."""
        _check_agree(lessons)
        with self._changing() as db:
            kept = [_add(db, profile, lesson) for lesson in lessons]
            if seen:
                _keep_seen(db, model, {lesson.id or 0: view for lesson, view in zip(kept, seen, strict=True)})
            return kept

    def forget(self, profile: str, ids: Sequence[int] | None) -> int:
        """Delete lessons of a profile; see `Profile.forget`."""
        # Deleting nothing does not create the file.
        if not self.path.exists():
            return len(_forgettable(profile, set(), ids))
        try:
            return self._delete(profile, ids, journal="DELETE")
        except DataError as error:
            if error.code != "disk-full":
                raise
        # A full disk has no room for the journal. Deleting lessons is a way to make some.
        return self._delete(profile, ids, journal="MEMORY")

    def _delete(self, profile: str, ids: Sequence[int] | None, *, journal: str) -> int:
        with self._changing(journal) as db:
            known = {id_ for (id_,) in db.execute("SELECT id FROM lessons WHERE profile = ?", (profile,))}
            gone = _forgettable(profile, known, ids)
            db.executemany("DELETE FROM lessons WHERE id = ?", [(id_,) for id_ in gone])
            return len(gone)

    def seen(self, profile: str, model: str, *, since: int = 0) -> dict[int, Seen]:
        """Return how a network sees the lessons of a profile, by id, as far as that is known.

        model: the network's key, with its SHA-256.
        since: the smallest id that is looked up.
        """
        with self._reading() as db:
            rows = db.execute(
                "SELECT lesson, probabilities, f.features FROM features f JOIN lessons ON lessons.id = lesson "
                "WHERE profile = ? AND model = ? AND lesson >= ?",
                (profile, model, since),
            )
            found = {id_: Seen(*(np.frombuffer(values, np.float32) for values in row)) for id_, *row in rows}
            return {id_: seen for id_, seen in found.items() if seen.is_whole}

    def keep_seen(self, model: str, seen: Mapping[int, Seen]) -> None:
        """Store how a network sees lessons, except for lessons that were deleted meanwhile.

        The same is kept for a few other networks, so that two programs do not undo each other's work.
        """
        with self._changing() as db:
            _keep_seen(db, model, seen)

    @contextlib.contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """Give a connection that sees one consistent state of the file."""
        with self._explain_errors(), contextlib.closing(self._connect()) as db:
            db.execute("BEGIN")
            # The program that created the file may have ended before its first change.
            if self._is_new(db):
                with contextlib.closing(_empty()) as empty:
                    yield empty
                return
            yield db

    @contextlib.contextmanager
    def _changing(self, journal: str = "DELETE") -> Iterator[sqlite3.Connection]:
        """Give a connection whose changes are all committed, unless an error occurs.

        journal: "DELETE" keeps the journal on the disk, "MEMORY" does not survive a crash during the change.
        """
        with self._explain_errors():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # Handwriting is private. SQLite gives its journal the permissions of the file.
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
            with contextlib.closing(self._connect()) as db:
                db.execute("PRAGMA foreign_keys = ON")
                db.execute("PRAGMA temp_store = MEMORY")
                db.execute(f"PRAGMA journal_mode = {journal}")
                # No other program can change the file between this program's reads and writes.
                db.execute("BEGIN IMMEDIATE")
                if self._is_new(db):
                    for statement in _SCHEMA.split(";"):
                        db.execute(statement)
                    db.execute(f"PRAGMA application_id = {_APPLICATION}")
                    db.execute(f"PRAGMA user_version = {VERSION}")
                yield db
                db.execute("COMMIT")

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self.path, timeout=_PATIENCE, isolation_level=None)

    def _is_new(self, db: sqlite3.Connection) -> bool:
        """Tell whether the file is still empty in this transaction. Raises `DataError` for another program's file."""
        (version,) = db.execute("PRAGMA user_version").fetchone()
        (application,) = db.execute("PRAGMA application_id").fetchone()
        if version == 0 and not db.execute("SELECT 1 FROM sqlite_master").fetchone():
            return True
        if application != _APPLICATION:
            raise DataError(f"{self.path}: is not a store of lessons; name another folder in INKREAD_HOME")
        if version > VERSION:
            raise DataError(f"{self.path}: was written by a later inkread; update it, or read with --profile none")
        return False

    @contextlib.contextmanager
    def _explain_errors(self) -> Iterator[None]:
        """Turn errors of SQLite and of the disk into one line that says what to do."""
        try:
            yield
        except sqlite3.OperationalError as error:
            code = next((code for word, code in _CODES.items() if word in str(error)), None)
            way = "close the other program that uses it" if code == "locked" else "check the disk and the permissions"
            raise DataError(
                f"{self.path}: cannot be used ({error}); {way}, or read with --profile none", code=code
            ) from None
        except (sqlite3.DatabaseError, ValueError, TypeError) as error:
            # SQLite does not check the types of the values in a damaged file.
            raise DataError(
                f"{self.path}: is damaged ({error}); move it away and teach again, or read with --profile none"
            ) from None
        except OSError as error:
            raise DataError(
                f"{self.path}: cannot be used ({error.strerror}); name another folder in INKREAD_HOME"
            ) from None


def _forgettable(profile: str, known: set[int], ids: Sequence[int] | None) -> set[int]:
    """Return the ids to delete. Raises `OptionError` for an id that the profile does not have."""
    gone = known if ids is None else set(ids)
    if unknown := sorted(gone - known):
        raise OptionError(f"profile {profile!r}: has no lesson {unknown[0]}; 'inkread teach --list' shows its lessons")
    return gone


def _empty() -> sqlite3.Connection:
    """Return an empty store in memory."""
    db = sqlite3.connect(":memory:")
    db.executescript(_SCHEMA)
    return db


def _add(db: sqlite3.Connection, profile: str, lesson: Lesson) -> Lesson:
    """Insert a lesson, replacing an older one with the same glyph, and return it as it is stored.

    If the older one has the same label, it is the same lesson, taught again, and keeps its number.
    """
    glyph = lesson.glyph.tobytes()
    old = db.execute("SELECT id, label FROM lessons WHERE profile = ? AND glyph = ?", (profile, glyph)).fetchone()
    number, label = old or (None, lesson.label)
    same = number if label == lesson.label else None
    box = json.dumps(lesson.box) if lesson.box else None
    values = (profile, same, lesson.label, glyph, lesson.picture, box, lesson.crop, lesson.taught)
    added = db.execute(
        f"INSERT OR REPLACE INTO lessons (profile, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
        values,
    )
    return replace(lesson, id=added.lastrowid, instead_of=label if label != lesson.label else None)


def _keep_seen(db: sqlite3.Connection, model: str, seen: Mapping[int, Seen]) -> None:
    """Store how a network sees lessons, by their ids."""
    (models,) = db.execute("SELECT count(DISTINCT model) FROM features WHERE model <> ?", (model,)).fetchone()
    if models >= _MODELS:
        db.execute("DELETE FROM features WHERE model <> ?", (model,))
    db.executemany(
        "INSERT OR REPLACE INTO features SELECT id, ?, ?, ? FROM lessons WHERE id = ?",
        [(model, view.probabilities.tobytes(), view.features.tobytes(), id_) for id_, view in seen.items()],
    )


def _check_agree(lessons: Sequence[Lesson]) -> None:
    """Raise `OptionError` if a glyph has two labels. One of them is wrong, and only the user knows which."""
    labels: dict[bytes, Lesson] = {}
    for lesson in lessons:
        first = labels.setdefault(lesson.glyph.tobytes(), lesson)
        if first.label != lesson.label:
            names = " and ".join(dict.fromkeys((first.picture or "a glyph", lesson.picture or "a glyph")))
            raise OptionError(
                f"{names}: the same digit would be taught as {first.label} and as {lesson.label}; nothing was taught; "
                "remove the wrong one",
                code="two-labels",
            )


def _lesson(id_: int, label: int, glyph: bytes, picture: str, box: str | None, crop: bytes, taught: str) -> Lesson:
    """Return the lesson of a row. Raises `ValueError` or `TypeError` for a damaged one."""
    if (
        not isinstance(label, int)
        or not isinstance(crop, bytes)
        or not all(isinstance(text, str) for text in (picture, taught))
    ):
        raise TypeError(f"lesson {id_} has values of other types")
    image = np.frombuffer(glyph, np.uint8).reshape(28, 28)
    return Lesson(label, image, picture, Box(*json.loads(box)) if box else None, crop, taught, id_)
