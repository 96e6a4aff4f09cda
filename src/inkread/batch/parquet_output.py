"""Parts: the results as a dataset of Parquet files, each of which appears whole or not at all."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.parquet as pq

from inkread.batch.locations import Location
from inkread.batch.manifest import MANIFEST, Manifest, check_same, parsed, with_run
from inkread.batch.output_folder import LocalFolder, RemoteFolder, disk_errors
from inkread.batch.summary import COLUMNS
from inkread.errors import DataError, OptionError

PART_ROWS = 5_000
PART_BYTES = 16_000_000
PART_SECONDS = 60
"""A part is written when it has so many rows, bytes, or seconds: the most that a killed run loses."""

_PART = re.compile(r"part-(\d+)\.parquet")
_LEFT_BEHIND = re.compile(r"\.(part-\d+|_inkread)-[0-9a-f]{8}\.(parquet|json)")


class Parts:
    """A folder of results: a manifest, and a row for each picture in one of its parts.

    Rows are collected and written together. What is in a part is done: the rows of a part that could not be written
    are gone, and the next run reads their pictures again. So no row is lost and none is there twice.

    Raises `OptionError` for a folder of something else, of another model or other options, or of a run that is still
    at work, `InkreadError` where the disk refuses.
    """

    def __init__(self, out: Location, manifest: Manifest, inputs: list[str]) -> None:
        self._folder = RemoteFolder(out) if out.remote else LocalFolder(out)
        self.name = self._folder.name
        if out.kind() == "file":
            raise OptionError(f"{self.name}: a file of this name is there; results go to a folder of their own")
        with disk_errors(self.name):
            self._folder.hold()
            try:
                self._begin(manifest, inputs)
            except BaseException:
                self._folder.release()
                raise
        self._held: list[pa.Table] = []
        self._since = time.monotonic()

    def _begin(self, manifest: Manifest, inputs: list[str]) -> None:
        """Check that the folder is ours, remove what a killed run left half written, and note this run."""
        names = self._folder.names()
        for name in filter(_LEFT_BEHIND.fullmatch, names):
            self._folder.remove(name)
        names = sorted(name for name in names if not _LEFT_BEHIND.fullmatch(name))
        if MANIFEST in names:
            with self._folder.open(MANIFEST) as file:
                there = parsed(file.read(), self.name)
            check_same(there, manifest, self.name)
            manifest = there
        elif names:
            raise OptionError(f"{self.name}: this folder holds other files, such as {names[0]}; name a new one")
        text = json.dumps(with_run(manifest, inputs), indent=1, ensure_ascii=False) + "\n"
        self._folder.write(MANIFEST, lambda file: file.write(text.encode("utf-8", "backslashreplace")))
        self._parts = [name for name in names if _PART.fullmatch(name)]
        self._next = 1 + max((int(found[1]) for name in self._parts if (found := _PART.fullmatch(name))), default=0)

    def earlier(self) -> Iterator[pa.Table]:
        """Yield `COLUMNS` of the rows that were there before, some at a time.

        Raises `DataError` for a part that is damaged.
        """
        for name in self._parts:
            try:
                with self._folder.open(name) as file, pq.ParquetFile(file, pre_buffer=False) as part:
                    for batch in part.iter_batches(columns=list(COLUMNS)):
                        yield pa.Table.from_batches([batch])
            except (pa.ArrowException, OSError, KeyError) as error:
                raise DataError(
                    f"{self.name}/{name}: this part is damaged ({' '.join(str(error).split())[:100]}); delete it and "
                    "run the same command again: its pictures are read anew"
                ) from None

    def add(self, table: pa.Table) -> None:
        """Add rows, and write a part where there are enough of them."""
        if len(table):
            self._held.append(table)
        held = sum(len(table) for table in self._held), sum(table.nbytes for table in self._held)
        if held[0] >= PART_ROWS or held[1] >= PART_BYTES or time.monotonic() - self._since >= PART_SECONDS:
            self._write()

    def _write(self) -> None:
        """Write what is held. It is let go first: if that fails or is broken off, it cannot be written again."""
        held, self._held, self._since = self._held, [], time.monotonic()
        if not held:
            return
        name, self._next = f"part-{self._next:06}.parquet", self._next + 1
        with disk_errors(self.name):
            self._folder.write(name, lambda file: pq.write_table(pa.concat_tables(held), file, compression="zstd"))

    def close(self, *, complete: bool) -> None:
        """Write what is held, and let other runs in."""
        del complete  # a dataset is one at any time
        try:
            self._write()
        finally:
            self._folder.release()
