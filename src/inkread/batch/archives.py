"""Archives: tar and Parquet files that contain pictures, or a column with their paths."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from inkread.batch.locations import Entry, Location
from inkread.datasets.folders import PICTURE_COLUMNS
from inkread.errors import DataError, PictureError
from inkread.pictures.opening import MAX_BYTES, content_of

CONTENT_COLUMNS = ("bytes", "image", "content", "picture", "img", "data")
"""Column names that are looked for, in this order, to find the pictures in a Parquet file.

The column is binary, or a struct with a binary field `bytes`.
"""

MOST_CARRIED = 64_000_000
"""Bytes of a picture in a tar file that is compressed or sparse. A few kilobytes of such a file unpack to gigabytes."""

_LONGEST_HEADER = 1_000_000
"""Bytes of a header of a tar file of the types below, which is read as a whole."""

_READ_WHOLE = (
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)

_ROWS = 8
"""Rows of pictures that are unpacked at a time."""

_BUFFER = 1 << 20
"""Bytes of a column that are read at a time."""


def members(file: Location) -> Iterator[Entry]:
    """Yield the files of a tar file, compressed or not.

    For a local, uncompressed tar file only the headers are read. Otherwise the entries include their contents. Raises
    `tarfile.TarError` or `OSError` for a damaged file.
    """
    if not file.remote and not _is_compressed(file):
        with tarfile.open(file.name, "r:", tarinfo=_Header) as archive:
            yield from _members(archive, file, inside=True)
        return
    with file.open() as stream, tarfile.open(fileobj=stream, mode="r|*", tarinfo=_Header) as archive:
        yield from _members(archive, file, inside=False)


def _is_compressed(file: Location) -> bool:
    with file.open() as stream:
        return stream.read(6).startswith((b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0"))


def _members(archive: tarfile.TarFile, file: Location, *, inside: bool) -> Iterator[Entry]:
    while (member := archive.next()) is not None:
        # Otherwise tarfile keeps every member in memory.
        archive.members.clear()  # type: ignore[attr-defined]
        if not member.isreg():
            continue
        path = Location(f"{file.name}#{member.name}").shown
        if inside and not member.issparse():
            yield Entry(path, file, member.size, member.offset_data)
        elif member.size > MOST_CARRIED:
            yield Entry(path, file, member.size, content=b"")
        elif (content := archive.extractfile(member)) is not None:
            yield Entry(path, file, member.size, content=content.read(MOST_CARRIED))


class _Header(tarfile.TarInfo):
    """A header that is refused if it is longer than the names and notes of any file."""

    def _proc_member(self, archive: tarfile.TarFile) -> tarfile.TarInfo:
        if self.type in _READ_WHOLE and self.size > _LONGEST_HEADER:
            raise tarfile.ReadError(f"a header has over {_LONGEST_HEADER} bytes")
        return super()._proc_member(archive)  # type: ignore[misc, no-any-return]


def table_entries(file: Location) -> Iterator[Entry]:
    """Yield the pictures in a Parquet file, or the pictures whose paths it lists.

    Raises `DataError` if no column contains either, `OSError` or `pyarrow.ArrowException` for a damaged file.
    """
    with file.open() as stream, _parquet(stream) as table:
        if content_column(table.schema_arrow):
            first = 0
            for group in range(table.num_row_groups):
                end = first + table.metadata.row_group(group).num_rows
                for row in range(first, end):
                    yield Entry(f"{file.shown}#{row}", file, offset=first, row=row, group=group)
                first = end
            return
        column = path_column(table.schema_arrow.names, file.shown)
        for batch in table.iter_batches(columns=[column]):
            for name in batch.column(0).to_pylist():
                if name:
                    place = Location.of(str(name), beside=file)
                    yield Entry(place.shown, place)


def path_column(names: list[str], table: str) -> str:
    """Return the name of the column with the paths. Raises `DataError` if there is none."""
    for name in PICTURE_COLUMNS:
        if name in names:
            return name
    raise DataError(f"{table}: no column is named {', '.join(PICTURE_COLUMNS)}; it has {', '.join(names)}")


def content_column(schema: pa.Schema) -> str | None:
    """Return the column with the pictures of a Parquet file, as PyArrow selects it. None if there is none."""
    for name in CONTENT_COLUMNS:
        if name in schema.names:
            kind = schema.field(name).type
            if _is_binary(kind):
                return name
            if pa.types.is_struct(kind) and kind.get_field_index("bytes") >= 0 and _is_binary(kind.field("bytes").type):
                return f"{name}.bytes"
    return None


def _is_binary(kind: Any) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _parquet(stream: Any) -> pq.ParquetFile:
    return pq.ParquetFile(stream, pre_buffer=False, buffer_size=_BUFFER)


class Contents:
    """Fetches the bytes of entries. Fetching the rows of a Parquet file in order is fastest."""

    def __init__(self) -> None:
        # The file, row group and row that `_rows` yields next.
        self._at: tuple[Location, int, int] | None = None
        self._rows: Iterator[bytes | None] = iter(())

    def fetch(self, entry: Entry) -> bytes:
        """Return the bytes of a picture. Raises `PictureError`."""
        if entry.content is not None and entry.size > MOST_CARRIED:
            large = f"over {MOST_CARRIED // 1_000_000} megabytes, too many for a compressed or sparse tar file"
            raise PictureError(f"{entry.path}: {large}; unpack it and name its folder", code="too-large")
        if entry.size > MAX_BYTES:
            limit = MAX_BYTES // 1_000_000
            raise PictureError(f"{entry.path}: over {limit} megabytes; reduce the picture first", code="too-large")
        if entry.content is not None:
            return content_of(entry.content, entry.path)
        if entry.row < 0 and not entry.offset:
            return entry.file.content(entry.path)
        try:
            content = self._row(entry) if entry.row >= 0 else _slice(entry)
        except (OSError, pa.ArrowException) as error:
            self._at = None
            raise PictureError(f"{entry.path}: cannot be read ({error})", code="unreadable") from None
        return content_of(content, entry.path)

    def _row(self, entry: Entry) -> bytes:
        if self._at is None or self._at[:2] != (entry.file, entry.group) or self._at[2] > entry.row:
            self._rows = _pictures(entry.file, entry.group)
            self._at = (entry.file, entry.group, entry.offset)
        for _ in range(self._at[2], entry.row):
            next(self._rows)
        content = next(self._rows, b"")
        self._at = (entry.file, entry.group, entry.row + 1)
        return content or b""


def _slice(entry: Entry) -> bytes:
    with entry.file.open() as file:
        file.seek(entry.offset)
        return file.read(entry.size)


def _pictures(file: Location, group: int) -> Iterator[bytes | None]:
    with file.open() as stream, _parquet(stream) as table:
        column = content_column(table.schema_arrow)
        for batch in table.iter_batches(batch_size=_ROWS, row_groups=[group], columns=[column]):
            values = batch.column(0)
            for value in values.field(0) if pa.types.is_struct(values.type) else values:
                yield value.as_py()
