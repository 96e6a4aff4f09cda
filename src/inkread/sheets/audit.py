"""The audit: everything that was read from the sheets of a form, in a file that only grows.

An audit has a JSON object per line, its `kind` first: "form", the form that all sheets are of, and as it was mended;
"value", what was read in a field; "page", which ends the values of a page of a picture; "conflict", where two pictures
differ; "review", what a person says about a field; and "data", the checksum of the table that is written next.
The table is written from the audit every time.
"""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, TypeAlias

from inkread.errors import DataError
from inkread.glyphs import CLASSES

Entry: TypeAlias = dict[str, Any]

_Types: TypeAlias = dict[str, type | tuple[type, ...]]

_TOGETHER = 1000
"""The number of lines that are parsed at a time."""

_PLACE: _Types = {"sheet": str, "field": str, "row": int}
_SAID: _Types = {
    **_PLACE,
    "picture": str,
    "crop": str,
    "outcome": str,
    "read": str,
    "value": str,
    "confidence": (int, float),
}
_KEYS: dict[str, _Types] = {
    "value": _SAID,
    "review": _SAID,
    "page": {"sheet": str, "page": int, "sha256": str, "picture_page": int},
    "data": {"file": str, "sha256": str},
}
"""What programs look at in each entry of a kind, with its type. Older entries may lack other keys."""

_PATIENCE = 5.0
"""How long to wait for another program that uses the same audit, in seconds."""


class Audit:
    """The audit of a table of data, locked while it is open. Use it in a `with` statement, as often as you want.

    data: the table; its audit is `NAME.audit.jsonl` beside it, and its pictures of fields are in `NAME.crops`.
    by: who works with it.
    entries: all entries, oldest first. Opening it again adds those that others have written since.

    Raises `DataError` if another program uses it, or if it is damaged.
    """

    def __init__(self, data: Path, by: str) -> None:
        self.data = data
        self.path = data.with_name(f"{data.stem}.audit.jsonl")
        self.crops = crops_of(data)
        self.entries: list[Entry] = []
        self._by = by
        self._file: IO[bytes] | None = None
        # Which file was read, and how many of its bytes and lines.
        self._known = 0, 0
        self._read, self._lines = 0, 0

    def __enter__(self) -> Audit:
        self._is_new = not self.path.exists()
        self._file = self.path.open("a+b")
        try:
            _lock(self._file, self.path)
            self._load(self._file)
        except BaseException:
            self._file.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._file:
            self._file.close()
        # An audit without a page says nothing.
        if self._is_new and not self.entries:
            self.path.unlink(missing_ok=True)

    def append(self, entries: Iterable[Entry]) -> None:
        """Add entries, with who and when, and return when they are on the disk."""
        assert self._file is not None  # noqa: S101 - the audit is open
        when = datetime.now(UTC).isoformat(timespec="seconds")
        added = [{**entry, "by": self._by, "when": when} for entry in entries]
        content = "".join(json.dumps(entry, ensure_ascii=False) + "\n" for entry in added).encode()
        self._file.write(content)
        self._file.flush()
        os.fsync(self._file.fileno())
        self.entries += added
        self._read, self._lines = self._read + len(content), self._lines + len(added)

    def of_kind(self, kind: str) -> list[Entry]:
        """Return the entries of a kind, oldest first."""
        return [entry for entry in self.entries if entry["kind"] == kind]

    def _load(self, file: IO[bytes]) -> None:
        """Add the entries that were written since the audit was open last. An audit only grows."""
        about = os.fstat(file.fileno())
        if self._read and ((about.st_dev, about.st_ino) != self._known or about.st_size < self._read):
            raise DataError(f"{self.path}: was replaced by another file while it was in use; start again")
        self._known = about.st_dev, about.st_ino
        file.seek(self._read)
        whole, _, torn = file.read().rpartition(b"\n")
        if torn:
            # A program ended while it wrote this line, so nothing rests on it.
            file.write(b"\n")
            file.flush()
        lines = whole.split(b"\n") if whole else []
        self.entries += self._parsed(lines)
        self._read, self._lines = file.seek(0, os.SEEK_END), self._lines + len(lines) + bool(torn)

    def _parsed(self, lines: Sequence[bytes]) -> list[Entry]:
        sound = [line for line in lines if not _is_torn(line)]
        entries: list[Entry] = []
        with contextlib.suppress(ValueError, RecursionError):
            for start in range(0, len(sound), _TOGETHER):
                # An array is parsed faster than its lines, and its entries share the texts of their keys.
                entries += json.loads(b"[" + b",".join(sound[start : start + _TOGETHER]) + b"]")
            if all(map(_is_entry, entries)):
                return entries
        number = next(at for at, line in enumerate(lines, self._lines + 1) if not _is_torn(line) and _is_damaged(line))
        raise DataError(f"{self.path}: line {number} is damaged; restore the file from a copy")


def login() -> str:
    """Return the name of the user; there may be none, as in a container."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return "unknown"


def crops_of(data: Path) -> Path:
    """Return the folder with the pictures of the fields of a table."""
    return data.with_name(f"{data.stem}.crops")


def _is_torn(line: bytes) -> bool:
    """Tell whether a line is the beginning of an entry that was never ended."""
    return line.startswith(b'{"kind"') and not line.endswith(b"}")


def _is_damaged(line: bytes) -> bool:
    try:
        return not _is_entry(json.loads(line))
    except (ValueError, RecursionError):
        return True


def _is_entry(value: object) -> bool:
    if not isinstance(value, dict) or not isinstance(value.get("kind"), str):
        return False
    # The digits of a box, and no digit, have a probability each.
    numbers, boxes = {int, float}, value.get("probabilities") if value["kind"] == "value" else []
    if not isinstance(boxes, list) or not all(
        isinstance(box, list) and len(box) == CLASSES + 1 and set(map(type, box)) <= numbers for box in boxes
    ):
        return False
    return all(isinstance(value.get(key), wanted) for key, wanted in _KEYS.get(value["kind"], {}).items())


def _lock(file: IO[bytes], path: Path) -> None:
    """Lock a file for this process. Raises `DataError` if another one keeps it locked."""
    until = time.monotonic() + _PATIENCE
    while not _locked(file):
        if time.monotonic() > until:
            raise DataError(f"{path}: another program uses it; wait until that has ended", code="locked")
        time.sleep(0.1)


def _locked(file: IO[bytes]) -> bool:
    """Try to lock a file, and tell whether it worked."""
    with contextlib.suppress(ImportError):
        import fcntl

        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True
    import msvcrt

    try:
        # Windows locks bytes; one far behind the end stands for the file.
        file.seek(1 << 30)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
    except OSError:
        return False
    return True
