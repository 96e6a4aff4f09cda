"""Archives: tar and Parquet files that hold pictures, or a column with their paths."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from inkread.batch.locations import Entry, Location
from inkread.errors import DataError, PictureError
from inkread.pictures.opening import MAX_BYTES, content_of

PATH_COLUMNS = ("path", "file", "picture", "uri", "url", "file_name", "filename")
"""Under these names a list keeps the paths of pictures."""

CONTENT_COLUMNS = ("bytes", "image", "content", "picture", "img", "data")
"""Under these names a Parquet file keeps pictures themselves: binary, or a struct with binary `bytes`."""

_ROWS = 8  # rows of pictures that are unpacked at a time
_BUFFER = 1 << 20  # bytes of a column that are read at a time


def members(file: Location) -> Iterator[Entry]:
    """Yield the files of a tar file, compressed or not; raises `tarfile.TarError` or `OSError` where it is damaged.

    Of a local one that is not compressed only the headers are read; the others come with their contents.
    """
    if not file.remote and not _is_compressed(file):
        with tarfile.open(file.name, "r:") as archive:
            yield from _members(archive, file, inside=True)
        return
    with file.open() as stream, tarfile.open(fileobj=stream, mode="r|*") as archive:
        yield from _members(archive, file, inside=False)


def _is_compressed(file: Location) -> bool:
    with file.open() as stream:
        return stream.read(6).startswith((b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0"))


def _members(archive: tarfile.TarFile, file: Location, *, inside: bool) -> Iterator[Entry]:
    while (member := archive.next()) is not None:
        archive.members.clear()  # type: ignore[attr-defined]  # tarfile would keep all of them
        if not member.isreg():
            continue
        path = Location(f"{file.name}#{member.name}").shown
        if inside and not member.issparse():
            yield Entry(path, file, member.size, member.offset_data)
        elif (content := archive.extractfile(member)) is not None:
            yield Entry(path, file, member.size, content=content.read(MAX_BYTES + 1))


def table_entries(file: Location) -> Iterator[Entry]:
    """Yield the pictures of a Parquet file, or those whose paths it lists.

    Raises `DataError` for one without such a column, `OSError` or `pyarrow.ArrowException` for a damaged one.
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
    """Return which of the columns of a table holds paths; raises `DataError` where none does."""
    for name in PATH_COLUMNS:
        if name in names:
            return name
    raise DataError(f"{table}: none of its columns is named {', '.join(PATH_COLUMNS)}; it has {', '.join(names)}")


def content_column(schema: pa.Schema) -> str | None:
    """Return which column of a Parquet file holds pictures, as PyArrow selects it; None where none does."""
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
    """Fetches the bytes of entries; rows of a Parquet file are best asked for in their order."""

    def __init__(self) -> None:
        self._at: tuple[Location, int, int] | None = None  # the file, row group and row that come next
        self._rows: Iterator[bytes | None] = iter(())

    def fetch(self, entry: Entry) -> bytes:
        """Return the bytes of a picture; raises `PictureError`."""
        if max(entry.size, len(entry.content or b"")) > MAX_BYTES:
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
