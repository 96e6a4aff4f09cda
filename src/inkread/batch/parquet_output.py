"""The results as a dataset of Parquet files. Each file appears complete or not at all."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.parquet as pq

from inkread.batch.locations import Location
from inkread.batch.manifest import MANIFEST, Manifest, check_same, parse, with_run
from inkread.batch.output_folder import LocalFolder, RemoteFolder, disk_errors
from inkread.batch.summary import COLUMNS
from inkread.errors import DataError, OptionError

PART_ROWS = 5_000
PART_BYTES = 16_000_000
PART_SECONDS = 60
"""A part is written when it reaches this many rows, bytes or seconds. A killed run loses at most one part."""

_PART = re.compile(r"part-(\d+)\.parquet")
_LEFT_BEHIND = re.compile(r"\.(part-\d+|_inkread)-[0-9a-f]{8}\.(parquet|json)")


class Parts:
    """A folder of results: a manifest, and Parquet files with one row for each picture.

    Rows are collected and written together as a part. Only rows in a part count as done. If a part cannot be written,
    its rows are dropped, and the next run reads their pictures again. So no row is lost and no row is there twice.

    Raises `OptionError` if the folder contains other files or rows made with other options or another model, or if
    another run is writing to it. Raises `InkreadError` if the disk fails.
    """

    def __init__(self, out: Location, manifest: Manifest, inputs: list[str]) -> None:
        self._folder = RemoteFolder(out) if out.remote else LocalFolder(out)
        self.name = self._folder.name
        if out.kind() == "file":
            raise OptionError(f"{self.name}: is a file; name a folder for the results")
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
        """Check that the folder belongs to this job, remove half-written files of a killed run, and record this run."""
        names = self._folder.names()
        for name in filter(_LEFT_BEHIND.fullmatch, names):
            self._folder.remove(name)
        names = sorted(name for name in names if not _LEFT_BEHIND.fullmatch(name))
        if MANIFEST in names:
            with self._folder.open(MANIFEST) as file:
                there = parse(file.read(), self.name)
            check_same(there, manifest, self.name)
            manifest = there
        elif names:
            raise OptionError(f"{self.name}: this folder contains other files, such as {names[0]}; name a new folder")
        text = json.dumps(with_run(manifest, inputs), indent=1, ensure_ascii=False) + "\n"
        self._folder.write(MANIFEST, lambda file: file.write(text.encode("utf-8", "backslashreplace")))
        self._parts = [name for name in names if _PART.fullmatch(name)]
        self._next = 1 + max((int(found[1]) for name in self._parts if (found := _PART.fullmatch(name))), default=0)

    def earlier(self) -> Iterator[pa.Table]:
        """Yield `COLUMNS` of the rows of earlier runs, in batches.

        Raises `DataError` for a damaged part.
        """
        for name in self._parts:
            try:
                with self._folder.open(name) as file, pq.ParquetFile(file, pre_buffer=False) as part:
                    for batch in part.iter_batches(columns=list(COLUMNS)):
                        yield pa.Table.from_batches([batch])
            except (pa.ArrowException, OSError, KeyError) as error:
                raise DataError(
                    f"{self.name}/{name}: this part is damaged ({' '.join(str(error).split())[:100]}); delete it and "
                    "run the same command again to read its pictures again"
                ) from None

    def add(self, table: pa.Table) -> None:
        """Add rows, and write a part when there are enough of them."""
        if len(table):
            self._held.append(table)
        held = sum(len(table) for table in self._held), sum(table.nbytes for table in self._held)
        if held[0] >= PART_ROWS or held[1] >= PART_BYTES or time.monotonic() - self._since >= PART_SECONDS:
            self._write()

    def _write(self) -> None:
        """Write the collected rows as a part.

        They are dropped from memory first, so that they are never written twice if writing fails or is interrupted.
        """
        held, self._held, self._since = self._held, [], time.monotonic()
        if not held:
            return
        name, self._next = f"part-{self._next:06}.parquet", self._next + 1
        with disk_errors(self.name):
            self._folder.write(name, lambda file: pq.write_table(pa.concat_tables(held), file, compression="zstd"))

    def close(self, *, complete: bool) -> None:
        """Write the collected rows and unlock the folder. The dataset is valid even if the run is not complete."""
        del complete
        try:
            self._write()
        finally:
            self._folder.release()
