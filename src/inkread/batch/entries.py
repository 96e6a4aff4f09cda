"""Entries: pictures of the input before they are read, and the chunks in which they are handed out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from inkread.batch.locations import Location

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
