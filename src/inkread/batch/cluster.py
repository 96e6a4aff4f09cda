"""The cluster: the same reading as a Ray Data pipeline, with Ray's retries and placement."""

from __future__ import annotations

import importlib
import itertools
import logging
import os
import socket
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Self

import pyarrow as pa

from inkread.batch.locations import Entry, Location, chunks
from inkread.batch.rows import Task
from inkread.batch.worker_pool import Workers
from inkread.errors import InkreadError, MissingExtra, OptionError
from inkread.loading import NAMED
from inkread.models.card import card_path
from inkread.models.files import model_file

WAVE_SECONDS = 600
"""The pictures of one pipeline take about so long: the driver holds their names."""

FIRST_WAVE = 100_000
"""How many pictures that is before the rate is known."""

_CHUNK = 500  # pictures that one task reads at most
_CHUNKS = 32  # and tasks for each actor at least, so that all end together
_CONNECT_SECONDS = 10

_ENTRIES = pa.schema(
    [
        ("path", pa.string()),
        ("name", pa.binary()),  # a file's name is bytes
        ("query", pa.string()),
        ("size", pa.int64()),
        ("offset", pa.int64()),
        ("row", pa.int64()),
        ("group", pa.int64()),
        ("content", pa.large_binary()),
    ]
)


class Cluster:
    """Reads entries on a Ray cluster, on each core an actor with a reading process of its own.

    task: how they read.
    address: of the cluster, "auto" for the one that this machine belongs to, "local" for one that is started here.
    actors: how many read at most; None for one a core.

    Files are opened by the nodes, so all of them must see them; a model is brought to them. Raises `MissingExtra`
    without Ray, `OptionError` where no cluster answers, `InkreadError` where it gives up.
    """

    def __init__(self, task: Task, address: str, actors: int | None) -> None:
        self._task = task
        self._address = address
        self._most = actors
        self._rate = 0.0
        self._ray = load_ray()

    def __enter__(self) -> Self:
        self._joined = not self._ray.is_initialized()
        if self._joined:
            self._join()
        context = self._ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        context.print_on_execution_start = False
        logging.getLogger("ray.data").setLevel(logging.ERROR)
        return self

    def _join(self) -> None:
        options = {"include_dashboard": False} if self._address == "local" else {}
        try:
            host, colon, port = self._address.rpartition("://")[2].rpartition(":")
            if colon:  # Ray itself would try for eight minutes
                socket.create_connection((host, int(port)), _CONNECT_SECONDS).close()
            self._ray.init(address=self._address, log_to_driver=False, logging_level=logging.ERROR, **options)
        except (ConnectionError, RuntimeError, ValueError, OSError) as error:
            cause = " ".join(str(error).split())[:200]
            raise OptionError(
                f"--ray {self._address}: no cluster answers ({cause}); start one with: ray start --head"
            ) from None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._joined:
            self._ray.shutdown()

    def _actors(self) -> int:
        """Return how many actors are to read: one a core that the cluster has now."""
        cores = int(self._ray.cluster_resources().get("CPU", 1))
        return max(1, min(self._most or cores, cores))

    def tables(self, entries: Iterable[Entry], *, stop: Callable[[], bool] = lambda: False) -> Iterator[pa.Table]:
        """Yield the rows of all entries as they are read; ends early when asked to stop."""
        todo = iter(entries)
        while not stop():
            wave = list(itertools.islice(todo, max(FIRST_WAVE, int(self._rate * WAVE_SECONDS))))
            if not wave:
                return
            rows, started = 0, time.monotonic()
            for table in self._read(wave):
                rows += len(table)
                yield table
                if stop():
                    return
            if rows != len(wave):
                raise InkreadError(f"the cluster gave {rows} rows for {len(wave)} pictures; run the same command again")
            self._rate = rows / (time.monotonic() - started)

    def _read(self, wave: list[Entry]) -> Iterator[pa.Table]:
        """Run the pipeline: a block of entries becomes a block of rows."""
        data, actors = self._ray.data, self._actors()
        most = max(1, min(_CHUNK, len(wave) // (actors * _CHUNKS)))
        blocks = [packed(chunk) for chunk in chunks(wave, lambda: most)]
        pipeline = data.from_arrow(blocks).map_batches(
            ReadingActor,
            fn_constructor_args=(self._task, _model_files(self._task.model)),
            batch_size=None,  # a chunk stays together
            batch_format="pyarrow",
            compute=data.ActorPoolStrategy(min_size=1, max_size=actors, initial_size=actors),
            num_cpus=1,
        )
        try:
            yield from pipeline.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=0)
        except self._ray.exceptions.RayError as error:
            cause = getattr(error, "cause", None) or error
            raise InkreadError(f"the cluster gave up ({' '.join(str(cause).split())[:300]})") from error


class ReadingActor:
    """Holds a reading process on some node. It is replaced when a picture kills it, as on one machine."""

    def __init__(self, task: Task, model_files: dict[str, bytes]) -> None:
        if model_files:
            folder = Path(tempfile.mkdtemp(prefix="inkread-model-"))
            for name, content in model_files.items():
                (folder / name).write_bytes(content)
            task = task._replace(model=str(folder / next(iter(model_files))))
        self._workers = Workers(task, 1).__enter__()

    def __call__(self, block: pa.Table) -> pa.Table:
        """Return the rows of a block of entries."""
        return pa.concat_tables(self._workers.tables(_unpacked(block)))


def load_ray() -> ModuleType:
    """Return the module `ray` with `ray.data`; it tells nobody that it is used. Raises `MissingExtra` without it."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        importlib.import_module("ray.data")
        return importlib.import_module("ray")
    except ImportError:
        raise MissingExtra("reading on a cluster", "ray") from None


def packed(entries: list[Entry]) -> pa.Table:
    """Return entries as a block for the cluster."""
    return pa.Table.from_pylist(
        [{**entry._asdict(), "name": os.fsencode(entry.file.name), "query": entry.file.query} for entry in entries],
        schema=_ENTRIES,
    )


def _unpacked(block: pa.Table) -> list[Entry]:
    return [Entry(file=Location(os.fsdecode(row.pop("name")), row.pop("query")), **row) for row in block.to_pylist()]


def _model_files(model: str | None) -> dict[str, bytes]:
    """Return the files of a model that the nodes may not have, the network first; nothing for a shipped one."""
    if model is None or (model in NAMED and not Path(model).exists()):
        return {}
    file = model_file(Path(model))
    return {path.name: path.read_bytes() for path in (file, card_path(file)) if path.exists()}
