"""Worker processes that read pictures. They are fed no faster than they read, and replaced if they are killed."""

from __future__ import annotations

import contextlib
import itertools
import multiprocessing
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from multiprocessing.connection import wait
from types import TracebackType
from typing import Self

import pyarrow as pa

from inkread.batch.locations import Entry, chunks
from inkread.batch.rows import Row, Task, table
from inkread.batch.worker_process import GO, READY, serve
from inkread.errors import InkreadError

MOST_HEAVY_PIXELS = 100_000_000
"""Heavy pictures are decoded at the same time only up to this many pixels in total. A larger one is decoded alone."""

KILLS = 2
"""A picture that has killed this many processes is not read again."""

_CHUNK = 32
"""The largest number of pictures that are handed out together."""

_STARTS = 3
"""How many processes may die in a row before they have read anything."""

_AHEAD_SECONDS = 0.25
"""Seconds of work that are queued for a process."""

_RECENT = 2.0
"""Seconds over which the reading rate is measured."""

_TABLE_ROWS = 250
_TABLE_SECONDS = 0.5
"""A table is passed on when it has this many rows, or after this many seconds."""

_PATIENCE = 0.2
"""Seconds between two checks whether to stop."""


class _Worker:
    """A reading process.

    open: the entries that it was given and has not answered, oldest first.
    chunks: how many of them are left of each chunk.
    ready: whether it has loaded the model.
    pixels: how many pixels it is decoding, if the picture is heavy.
    waits_for: how many pixels it asks to decode.
    """

    def __init__(self, task: Task) -> None:
        # "spawn" is safe whatever threads this process has.
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=serve, args=(theirs, task), daemon=True)
        self.process.start()
        # The connection then ends when the process dies.
        theirs.close()
        self.open: deque[Entry] = deque()
        self.chunks: deque[int] = deque()
        self.ready = False
        self.pixels = 0
        self.waits_for = 0

    def give(self, entries: list[Entry]) -> None:
        """Hand out entries. If the process has just died, the end of its connection shows it."""
        self.open += entries
        self.chunks.append(len(entries))
        self._send(entries)

    def go(self) -> None:
        """Let it decode the heavy picture that it waits for."""
        self.pixels, self.waits_for = self.waits_for, 0
        self._send(GO)

    def finish_oldest(self) -> None:
        """Remove the oldest entry, whose row has arrived."""
        self.open.popleft()
        self.pixels = 0
        self.chunks[0] -= 1
        if not self.chunks[0]:
            self.chunks.popleft()

    def _send(self, message: object) -> None:
        with contextlib.suppress(OSError):
            self.connection.send(message)

    def end(self) -> None:
        """Kill the process and wait for its end."""
        self.connection.close()
        self.process.kill()
        self.process.join()


class Workers:
    """Reads entries with several processes, each with one session and one thread.

    task: how the pictures are read.
    processes: the number of processes.

    Each process has about a quarter of a second of work queued, so pictures are taken from their source only as they
    are read. The processes start with the first picture. `rows` raises what `Reader` raises, and `InkreadError` if the
    processes do not start.
    """

    def __init__(self, task: Task, processes: int) -> None:
        self._task = task
        self._processes = processes
        self._workers: list[_Worker] = []
        self._kills: Counter[str] = Counter()
        self._deaths = 0
        # Rows that were read since `_since`.
        self._done = 0
        self._since = time.monotonic()
        self._rate = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in self._workers:
            worker.end()

    def tables(self, entries: Iterable[Entry], *, stop: Callable[[], bool] = lambda: False) -> Iterator[pa.Table]:
        """Yield the rows of all entries as they are read, in tables. Ends early if `stop` returns true.

        Entries that a process has not finished by then get no row.
        """
        held: list[Row] = []
        since = time.monotonic()
        for rows in self.rows(entries, stop=stop):
            held += rows
            if len(held) >= _TABLE_ROWS or time.monotonic() - since > _TABLE_SECONDS:
                yield table(held, self._task)
                held, since = [], time.monotonic()
        yield table(held, self._task)

    def rows(self, entries: Iterable[Entry], *, stop: Callable[[], bool] = lambda: False) -> Iterator[list[Row]]:
        """Yield the rows in lists, some of them empty. The rows of an entry are in one list."""
        todo = chunks(entries, self._most)
        if (first := next(todo, None)) is None:
            return
        todo = itertools.chain([first], todo)
        self._workers = self._workers or [_Worker(self._task) for _ in range(self._processes)]
        while not stop():
            for worker in self._workers:
                while len(worker.chunks) < 2 and (chunk := next(todo, None)):
                    worker.give(chunk)
            busy = {worker.connection: worker for worker in self._workers if worker.open}
            if not busy:
                return
            ready = wait(list(busy), _PATIENCE)
            yield [row for connection in ready for row in self._receive(busy[connection])]  # type: ignore[index]
            self._give_turns()

    def _most(self) -> int:
        """Return how many entries to hand out together, from the recent reading rate."""
        seconds = time.monotonic() - self._since
        if seconds > _RECENT:
            self._rate = self._done / seconds / self._processes
            self._done, self._since = 0, time.monotonic()
        return max(1, min(_CHUNK, int(self._rate * _AHEAD_SECONDS / 2)))

    def _receive(self, worker: _Worker) -> Iterator[Row]:
        """Yield the rows that a worker has sent, and handle its other messages."""
        try:
            while worker.connection.poll():
                message = worker.connection.recv()
                if isinstance(message, list):
                    worker.finish_oldest()
                    self._done += 1
                    self._deaths = 0
                    yield from message
                elif isinstance(message, InkreadError):
                    raise message
                elif isinstance(message, int):
                    worker.waits_for = message
                elif message == READY and not worker.ready:
                    worker.ready = True
        except (EOFError, OSError):
            yield from self._replace(worker)

    def _replace(self, worker: _Worker) -> Iterator[Row]:
        """Replace a process that has died by a new one, which gets the unanswered entries.

        The oldest of these was being read when the process died. If it has killed too many processes, a row with that
        error is yielded for it.
        """
        worker.end()
        self._deaths += 1
        if self._deaths > _STARTS and not worker.ready:
            raise InkreadError(f"the reading processes die at the start ({_cause(worker)}); see the system log")
        new = _Worker(self._task)
        self._workers[self._workers.index(worker)] = new
        left = list(worker.open)
        if worker.ready and left:
            self._kills[left[0].path] += 1
            if self._kills[left[0].path] >= KILLS:
                path = left.pop(0).path
                message = f"{path}: reading it killed {KILLS} processes ({_cause(worker)}); it may need more memory"
                yield {"picture": path, "error": {"code": "killed", "message": message}}
        if left:
            new.give(left)

    def _give_turns(self) -> None:
        """Let workers decode heavy pictures, as long as their pixels together stay within the limit."""
        for worker in self._workers:
            decoding = sum(other.pixels for other in self._workers)
            if worker.waits_for and (not decoding or decoding + worker.waits_for <= MOST_HEAVY_PIXELS):
                worker.go()


def _cause(worker: _Worker) -> str:
    code = worker.process.exitcode or 0
    return f"signal {-code}" if code < 0 else f"exit code {code}"
