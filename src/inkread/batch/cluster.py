"""Reading on a Ray cluster, as a Ray Data pipeline with Ray's retries and placement."""

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
from inkread.batch.rows import Task, files_of
from inkread.batch.worker_pool import Workers
from inkread.errors import InkreadError, MissingExtra, OptionError
from inkread.loading import NAMED
from inkread.models.card import card_path
from inkread.models.files import model_file

WAVE_SECONDS = 600
"""Approximate duration of one pipeline. The driver keeps the names of its pictures in memory."""

FIRST_WAVE = 100_000
"""Pictures in the first pipeline, before the rate is known."""

_CHUNK = 500
"""The largest number of pictures that one task reads."""

_CHUNKS = 32
"""The smallest number of tasks per actor. With many tasks, all actors finish at about the same time."""

_CONNECT_SECONDS = 10

# A file name is bytes, and need not be text.
_ENTRIES = pa.schema(
    [
        ("path", pa.string()),
        ("name", pa.binary()),
        ("query", pa.string()),
        ("size", pa.int64()),
        ("offset", pa.int64()),
        ("row", pa.int64()),
        ("group", pa.int64()),
        ("content", pa.large_binary()),
    ]
)


class Cluster:
    """Reads entries on a Ray cluster. Each core runs one actor with one reading process.

    task: how the pictures are read.
    address: the address of the cluster, "auto" for the cluster of this machine, "local" to start one here.
    actors: the largest number of actors. None for one per core.

    The nodes open the files, so every node must have access to them. The model is sent to the nodes. Raises
    `MissingExtra` without Ray, `OptionError` if no cluster answers, `InkreadError` if the cluster fails.
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
        # The rows of a file stay together, as Ray then splits no block.
        context.target_max_block_size = None
        logging.getLogger("ray.data").setLevel(logging.ERROR)
        return self

    def _join(self) -> None:
        options = {"include_dashboard": False} if self._address == "local" else {}
        try:
            host, colon, port = self._address.rpartition("://")[2].rpartition(":")
            # Ray itself would try to connect for eight minutes.
            if colon:
                socket.create_connection((host, int(port)), _CONNECT_SECONDS).close()
            self._ray.init(address=self._address, log_to_driver=False, logging_level=logging.ERROR, **options)
        except (ConnectionError, RuntimeError, ValueError, OSError) as error:
            cause = " ".join(str(error).split())[:200]
            raise OptionError(
                f"--ray {self._address}: no cluster answered ({cause}); start one with: ray start --head"
            ) from None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._joined:
            self._ray.shutdown()

    def _actors(self) -> int:
        """Return the number of actors: one per core that the cluster has now, within the limit."""
        cores = int(self._ray.cluster_resources().get("CPU", 1))
        return max(1, min(self._most or cores, cores))

    def tables(self, entries: Iterable[Entry], *, stop: Callable[[], bool] = lambda: False) -> Iterator[pa.Table]:
        """Yield the rows of all entries as they are read. Ends early if `stop` returns true."""
        todo = iter(entries)
        while not stop():
            wave = list(itertools.islice(todo, max(FIRST_WAVE, int(self._rate * WAVE_SECONDS))))
            if not wave:
                return
            done, started = 0, time.monotonic()
            for table in self._read(wave):
                done += len(files_of(table))
                yield table
                if stop():
                    return
            if done != len(wave):
                raise InkreadError(
                    f"the cluster returned rows for {done:,} of {len(wave):,} files; run the same command again"
                )
            self._rate = done / (time.monotonic() - started)

    def _read(self, wave: list[Entry]) -> Iterator[pa.Table]:
        """Run the pipeline, which turns each block of entries into a block of rows."""
        data, actors = self._ray.data, self._actors()
        most = max(1, min(_CHUNK, len(wave) // (actors * _CHUNKS)))
        blocks = [packed(chunk) for chunk in chunks(wave, lambda: most)]
        # Without a batch size, Ray keeps each chunk together.
        pipeline = data.from_arrow(blocks).map_batches(
            ReadingActor,
            fn_constructor_args=(self._task, _model_files(self._task.model)),
            batch_size=None,
            batch_format="pyarrow",
            compute=data.ActorPoolStrategy(min_size=1, max_size=actors, initial_size=actors),
            num_cpus=1,
        )
        try:
            yield from pipeline.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=0)
        except self._ray.exceptions.RayError as error:
            cause = getattr(error, "cause", None) or error
            raise InkreadError(
                f"the cluster failed ({' '.join(str(cause).split())[:300]}); run the same command again"
            ) from error


class ReadingActor:
    """Runs one reading process on a node. The process is replaced if a picture kills it, as on one machine."""

    def __init__(self, task: Task, model_files: dict[str, bytes]) -> None:
        if model_files:
            folder = Path(tempfile.mkdtemp(prefix="inkread-model-"))
            for name, content in model_files.items():
                (folder / name).write_bytes(content)
            task = task._replace(model=str(folder / next(iter(model_files))))
        self._workers = Workers(task, 1).__enter__()

    def __call__(self, block: pa.Table) -> pa.Table:
        """Return the rows of a block of entries."""
        return pa.concat_tables(self._workers.tables(_unpack(block)))


def load_ray() -> ModuleType:
    """Return the module `ray` with `ray.data` loaded and usage statistics off. Raises `MissingExtra` without Ray."""
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


def _unpack(block: pa.Table) -> list[Entry]:
    return [Entry(file=Location(os.fsdecode(row.pop("name")), row.pop("query")), **row) for row in block.to_pylist()]


def _model_files(model: str | None) -> dict[str, bytes]:
    """Return the files of a model that the nodes may not have, the network first. Empty for a shipped model."""
    if model is None or (model in NAMED and not Path(model).exists()):
        return {}
    file = model_file(Path(model))
    return {path.name: path.read_bytes() for path in (file, card_path(file)) if path.exists()}
