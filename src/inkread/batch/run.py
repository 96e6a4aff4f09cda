"""Runs a batch: reads every picture of the inputs once and writes its row to OUT."""

from __future__ import annotations

import glob
import importlib.util
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from types import TracebackType
from typing import Protocol, Unpack

import pyarrow as pa

from inkread.batch.locations import DonePaths, Entry, Location
from inkread.batch.manifest import plan
from inkread.batch.parquet_output import Parts
from inkread.batch.rows import Task, files_of
from inkread.batch.sources import STDIN, Sources
from inkread.batch.summary import Summary
from inkread.batch.text_output import Text
from inkread.batch.worker_pool import Workers
from inkread.csv_rows import Delimiter, delimiter_sign
from inkread.errors import MissingExtra, OptionError
from inkread.options import ReadKeywords, ReadOptions, parse_pages

_OTHER_FILES = (".json", ".tsv", ".txt", ".xls", ".xlsx")
"""What a folder of Parquet files is not called."""

Progress = Callable[[int, int | None], None]
"""A function that is called with the number of files done and the total; None while the total is not known."""


class Output(Protocol):
    """Writes rows: `Parts` or `Text`."""

    def earlier(self) -> Iterator[pa.Table]: ...

    def add(self, table: pa.Table) -> None: ...

    def close(self, *, complete: bool) -> None: ...


class Readers(Protocol):
    """Reads entries: `Workers` or `Cluster`. Used as a context manager that stops them at the end."""

    def __enter__(self) -> Readers: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def tables(self, entries: Iterable[Entry], *, stop: Callable[[], bool]) -> Iterator[pa.Table]: ...


def run(
    inputs: Sequence[str | os.PathLike[str]],
    out: str | os.PathLike[str],
    *,
    model: str | os.PathLike[str] | None = None,
    processes: int | None = None,
    ray: str | None = None,
    pages: str | None = None,
    password: str | None = None,
    reads: Iterable[str | os.PathLike[str]] = (),
    delimiter: Delimiter | None = None,
    force: bool = False,
    progress: Progress = lambda done, of: None,  # noqa: ARG005
    stop: Callable[[], bool] = lambda: False,
    **options: Unpack[ReadKeywords],
) -> Summary:
    """Read every picture of `inputs` that is not in `out` yet, and return a summary of all pictures in `out`.

    inputs: folders, globs, lists, archives and pictures; see `Sources`.
    out: a folder of Parquet files; a folder of an earlier run is continued. Or a new file that ends in `.csv` or
        `.jsonl`.
    model: as for `Reader`.
    processes: the number of processes, each on one core. None for one per core of the machine or cluster.
    ray: the address of a Ray cluster to read on, or "auto".
    pages: which pages of each PDF, TIFF or animation, such as "1-3,5"; None for all. A file without one of them gets a
        row with an error.
    password: what opens encrypted PDFs.
    reads: other files that this run reads, and that OUT must not replace.
    delimiter: what separates the cells of a `.csv` file; None for a comma.
    force: whether an existing file may be replaced; a folder never is.
    stop: called regularly. If it returns true, the run ends early and writes what it has read.
    options: as for `inkread.options.ReadOptions`.

    Raises `OptionError`, `ModelError`, `DataError`, and `InkreadError` if the disk or the system fails. In a script,
    call it below `if __name__ == "__main__"`, as with `multiprocessing`.
    """
    if processes is not None and processes < 1:
        raise OptionError(f"processes={processes}: must be at least 1")
    name = os.fspath(out)
    if name.lower().endswith(_OTHER_FILES):
        raise OptionError(f"{name}: results are a .csv or .jsonl file, or a folder of Parquet files; name one of these")
    if force and not is_text(name):
        raise OptionError(f"--force: {name} is continued, never replaced; omit --force, or name a new folder")
    if delimiter and not name.lower().endswith(".csv"):
        raise OptionError(f"--delimiter: {name} is not CSV; omit --delimiter, or name a file that ends in .csv")
    if ray is not None and importlib.util.find_spec("ray") is None:
        raise MissingExtra("reading on a cluster", "ray")
    named = [os.fspath(name) for name in inputs]
    sources = Sources(named)
    task, manifest = plan(None if model is None else os.fspath(model), ReadOptions(**options), parse_pages(pages))
    readers = _readers(task._replace(password=password), processes, ray)
    place = Location.of(name)
    output: Output
    if is_text(name):
        read = (*(os.fspath(file) for file in reads), *_files_read(named, task.model, listed=force))
        output = Text(place, read, force=force, delimiter=delimiter_sign(delimiter))
    else:
        output = Parts(place, manifest, named)
    complete = False
    try:
        summary = _read_all(sources, readers, output, progress, stop)
        complete = not summary.stopped
    finally:
        output.close(complete=complete)
    return summary


def is_text(out: str) -> bool:
    """Return whether results with this name are a CSV or JSON Lines file, and not a folder of Parquet files."""
    return out.lower().endswith((".csv", ".jsonl"))


def _read_all(
    sources: Sources,
    readers: Readers,
    output: Output,
    progress: Progress,
    stop: Callable[[], bool],
) -> Summary:
    summary, seen, done = Summary(), DonePaths(), 0
    for rows in output.earlier():
        seen.add_all(files_of(rows))
        summary.add(rows, earlier=True)
    listed = _Listed(sources, seen)
    with readers as pool:
        fresh = (entry for entry in sources.entries() if listed.is_new(entry.path))
        for rows in pool.tables(fresh, stop=stop):
            output.add(rows)
            summary.add(rows)
            done += len(files_of(rows))
            progress(listed.old + done, listed.total)
    summary.stopped = stop()
    summary.passed_over, summary.troubles = sources.passed_over, sources.troubles
    return summary


class _Listed:
    """Counts the files of the inputs in a background thread, and how many of them were done before this run."""

    def __init__(self, sources: Sources, seen: DonePaths) -> None:
        self.total: int | None = None
        self.old = 0
        self._seen = seen
        # Standard input can be read only once, so it is not counted.
        if STDIN not in sources.inputs:
            threading.Thread(target=self._count, args=(Sources(sources.inputs),), daemon=True).start()

    def is_new(self, path: str) -> bool:
        """Return whether a file is not done yet, and mark it as done."""
        new = self._seen.add(path)
        self.old += not new
        return new

    def _count(self, sources: Sources) -> None:
        count = 0
        for entry in sources.entries():
            # Counting the files in a compressed archive takes as long as unpacking it.
            if entry.content is not None:
                return
            count += 1
        self.total = count


def _readers(task: Task, processes: int | None, ray: str | None) -> Readers:
    if ray is None:
        return Workers(task, processes or _cores())
    from inkread.batch.cluster import Cluster

    return Cluster(task, ray, processes)


def _files_read(inputs: list[str], model: str | None, *, listed: bool) -> Iterator[str | None]:
    """Yield the files and folders that a run reads; with `listed` also the files that globs and lists name."""
    yield from (*inputs, model)
    # A list that a glob names is an input as well as what it lists.
    for name in inputs:
        yield from glob.iglob(name, recursive=True)  # noqa: PTH207 - Path.glob takes no absolute pattern
    if listed:
        for entry in Sources([name for name in inputs if name != STDIN]).entries():
            yield entry.file.name


def _cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
