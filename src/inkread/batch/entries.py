"""Entries: pictures of the input before they are read, and the chunks in which they are handed out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from inkread.batch.locations import Location

CHUNK = 32
"""Pictures that are handed out together: enough to keep a process busy, few enough to end together."""

GROUP_CHUNK = 512
"""The same for the rows of a Parquet file: whoever reads one unpacks its row group up to it."""

CHUNK_BYTES = 16_000_000
"""No more than this of contents that travel with their entries, in one chunk."""


class Entry(NamedTuple):
    """A picture of the input.

    path: its name in the results, and what tells it from all others.
    file: where the file lies that holds it.
    size: its bytes; -1 where only reading it tells.
    offset: where it begins in that file, for a member of a tar file; else 0.
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


def chunks(
    entries: Iterable[Entry], *, is_new: Callable[[str], bool], limit: Callable[[], int] = lambda: CHUNK
) -> Iterator[list[Entry]]:
    """Yield the entries whose path is new, together; rows of a Parquet file only with those of their row group.

    `limit` says, each time, how many to hand out together.
    """
    chunk: list[Entry] = []
    size = 0
    for entry in entries:
        if chunk and (_place(entry) != _place(chunk[0]) or len(chunk) >= _most(entry, limit) or size >= CHUNK_BYTES):
            yield chunk
            chunk, size = [], 0
        if is_new(entry.path):
            chunk.append(entry)
            size += len(entry.content or b"")
    if chunk:
        yield chunk


def _place(entry: Entry) -> tuple[Location, int] | None:
    return (entry.file, entry.group) if entry.group >= 0 else None


def _most(entry: Entry, limit: Callable[[], int]) -> int:
    return GROUP_CHUNK if entry.group >= 0 else limit()
