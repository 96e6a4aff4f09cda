"""The store: one SQLite file that holds what was taught, whole after a crash and safe between programs.

It keeps SQLite's rollback journal and its full synchronisation: a lesson that was acknowledged is on the disk, and one
that a crash cut short is gone as if it had never begun. The journal lies beside the file only during a change.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inkread.errors import DataError, OptionError
from inkread.geometry import Box
from inkread.teaching.lessons import Lesson

VERSION = 1

_APPLICATION = 0x1D1617  # tells our files from other SQLite files
_MODELS = 4  # networks whose features are kept beside those of the one that asks
_PATIENCE = 10.0  # seconds to wait for another program's change
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
_LARGEST = 2**63 - 1  # number that SQLite can hold
_COLUMNS = "id, label, glyph, picture, box, crop, taught"


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """How a network sees a lesson's glyph: probabilities, (11,) float32, and features, (K,) float32."""

    probabilities: NDArray[np.float32]
    features: NDArray[np.float32]


class Store:
    """The file with all profiles. It is made, with its folder, by the first change.

    All methods raise `DataError` for a file that is damaged, of a later version or not to be used.
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
        """Return how many lessons a profile has."""
        with self._reading() as db:
            return int(db.execute("SELECT count(*) FROM lessons WHERE profile = ?", (profile,)).fetchone()[0])

    def profiles(self) -> list[str]:
        """Return the names of the profiles that hold a lesson."""
        with self._reading() as db:
            return [name for (name,) in db.execute("SELECT DISTINCT profile FROM lessons ORDER BY profile")]

    def add(self, profile: str, lessons: Sequence[Lesson], model: str = "", seen: Sequence[Seen] = ()) -> list[Lesson]:
        """Keep lessons, all or none, with how a network sees each if that is known; see `Profile.add`."""
        _check_agree(lessons)
        with self._changing() as db:
            kept = [_added(db, profile, lesson) for lesson in lessons]
            if seen:
                _keep_seen(db, model, {lesson.id or 0: own for lesson, own in zip(kept, seen, strict=True)})
            return kept

    def forget(self, profile: str, ids: Sequence[int] | None) -> int:
        """Delete lessons of a profile; see `Profile.forget`."""
        if not self.path.exists():  # what cannot be forgotten makes no file
            return len(_forgettable(profile, set(), ids))
        with self._changing() as db:
            own = {id_ for (id_,) in db.execute("SELECT id FROM lessons WHERE profile = ?", (profile,))}
            gone = _forgettable(profile, own, ids)
            db.executemany("DELETE FROM lessons WHERE id = ?", [(id_,) for id_ in gone])
            return len(gone)

    def seen(self, profile: str, model: str) -> dict[int, Seen]:
        """Return how the network with this SHA-256 sees the lessons of a profile, by id, where that is known."""
        with self._reading() as db:
            rows = db.execute(
                "SELECT lesson, probabilities, f.features FROM features f JOIN lessons ON lessons.id = lesson "
                "WHERE profile = ? AND model = ?",
                (profile, model),
            )
            return {id_: Seen(*(np.frombuffer(values, np.float32) for values in row)) for id_, *row in rows}

    def keep_seen(self, model: str, seen: Mapping[int, Seen]) -> None:
        """Keep how a network sees lessons, but for those that are gone meanwhile.

        What a few other networks saw is kept, too, so that two programs do not undo each other's work.
        """
        with self._changing() as db:
            _keep_seen(db, model, seen)

    @contextlib.contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """Give a connection that sees one state of the file, as no other program changes it meanwhile."""
        with self._explained(), contextlib.closing(self._connected()) as db:
            db.execute("BEGIN")
            if self._is_new(db):  # begun by a program that came to an end before its first change
                with contextlib.closing(_empty()) as empty:
                    yield empty
                return
            yield db

    @contextlib.contextmanager
    def _changing(self) -> Iterator[sqlite3.Connection]:
        """Give a connection whose changes are kept, all of them, when it is left without an error."""
        with self._explained():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.closing(self._connected()) as db:
                db.execute("PRAGMA foreign_keys = ON")
                db.execute("BEGIN IMMEDIATE")  # so that no other program changes between our look and our change
                if self._is_new(db):
                    for statement in _SCHEMA.split(";"):
                        db.execute(statement)
                    db.execute(f"PRAGMA application_id = {_APPLICATION}")
                    db.execute(f"PRAGMA user_version = {VERSION}")
                yield db
                db.execute("COMMIT")

    def _connected(self) -> sqlite3.Connection:
        return sqlite3.connect(self.path, timeout=_PATIENCE, isolation_level=None)

    def _is_new(self, db: sqlite3.Connection) -> bool:
        """Tell whether nothing is in the file yet, as one transaction sees it. Raises `DataError` for one not ours."""
        (version,) = db.execute("PRAGMA user_version").fetchone()
        (application,) = db.execute("PRAGMA application_id").fetchone()
        if version == 0 and not db.execute("SELECT 1 FROM sqlite_master").fetchone():
            return True
        if application != _APPLICATION:
            raise DataError(f"{self.path}: is not a store of what was taught; name another folder in INKREAD_HOME")
        if version > VERSION:
            raise DataError(f"{self.path}: was written by a later inkread; update it, or read with --profile none")
        return False

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn errors of SQLite and of the disk into one line with the way out."""
        try:
            yield
        except sqlite3.OperationalError as error:
            locked = "locked" in str(error)
            way = "close the other program that uses it" if locked else "check the disk and the rights"
            raise DataError(
                f"{self.path}: cannot be used ({error}); {way}, or read with --profile none",
                code="locked" if locked else None,
            ) from None
        except sqlite3.DatabaseError as error:
            raise DataError(
                f"{self.path}: is damaged ({error}); move it away and teach again, or read with --profile none"
            ) from None
        except OSError as error:
            raise DataError(
                f"{self.path}: cannot be used ({error.strerror}); name another folder in INKREAD_HOME"
            ) from None


def _forgettable(profile: str, own: set[int], ids: Sequence[int] | None) -> set[int]:
    """Return which of a profile's own lessons are to be forgotten. Raises `OptionError` for one that it lacks."""
    gone = own if ids is None else set(ids)
    if unknown := sorted(gone - own):
        raise OptionError(
            f"profile {profile!r}: has no lesson {unknown[0]}; see 'inkread teach --list' for those it has"
        )
    return gone


def _empty() -> sqlite3.Connection:
    """Return an empty store in memory."""
    db = sqlite3.connect(":memory:")
    db.executescript(_SCHEMA)
    return db


def _added(db: sqlite3.Connection, profile: str, lesson: Lesson) -> Lesson:
    """Insert a lesson in the place of an older one of the same glyph, and return it as it is in the store.

    It takes over the number of the older one where that has the same label: it is the same lesson, taught again.
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
    """Keep how a network sees lessons, by their ids."""
    (models,) = db.execute("SELECT count(DISTINCT model) FROM features WHERE model <> ?", (model,)).fetchone()
    if models >= _MODELS:
        db.execute("DELETE FROM features WHERE model <> ?", (model,))
    db.executemany(
        "INSERT OR REPLACE INTO features SELECT id, ?, ?, ? FROM lessons WHERE id = ?",
        [(model, own.probabilities.tobytes(), own.features.tobytes(), id_) for id_, own in seen.items()],
    )


def _check_agree(lessons: Sequence[Lesson]) -> None:
    """Raise `OptionError` where a glyph has two labels: one of them is wrong, and which is not ours to say."""
    labels: dict[bytes, Lesson] = {}
    for lesson in lessons:
        first = labels.setdefault(lesson.glyph.tobytes(), lesson)
        if first.label != lesson.label:
            names = " and ".join(dict.fromkeys((first.picture or "a glyph", lesson.picture or "a glyph")))
            raise OptionError(
                f"{names}: the same digit would be taught as {first.label} and as {lesson.label}; nothing was taught; "
                "leave out the wrong one",
                code="two-labels",
            )


def _lesson(id_: int, label: int, glyph: bytes, picture: str, box: str | None, crop: bytes, taught: str) -> Lesson:
    image = np.frombuffer(glyph, np.uint8).reshape(28, 28)
    return Lesson(label, image, picture, Box(*json.loads(box)) if box else None, crop, taught, id_)
