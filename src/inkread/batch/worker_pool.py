"""Workers: processes that read pictures, fed no faster than they read, and replaced when they are killed."""

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
"""Heavy pictures are decoded together only up to so many pixels; a larger one alone."""

KILLS = 2
"""A picture that killed so many processes is not read again."""

_CHUNK = 32  # pictures that are handed out together at most
_STARTS = 3  # processes that may die in a row before they have read anything
_AHEAD_SECONDS = 0.25  # of work that lies before a process
_RECENT = 2.0  # seconds
_TABLE_ROWS = 250
_TABLE_SECONDS = 0.5
_PATIENCE = 0.2  # seconds between two looks at whether to stop


class _Worker:
    """A reading process, and what it was given and has not answered, oldest first."""

    def __init__(self, task: Task) -> None:
        context = multiprocessing.get_context("spawn")  # safe whatever threads this process has
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=serve, args=(theirs, task), daemon=True)
        self.process.start()
        theirs.close()  # so that its death is the end of the connection
        self.open: deque[Entry] = deque()
        self.chunks: deque[int] = deque()  # how many of them are left of each chunk
        self.ready = False
        self.pixels = 0  # it decodes
        self.waits_for = 0  # pixels

    def give(self, entries: list[Entry]) -> None:
        """Hand out entries. Of a process that has just died, the end of its connection will tell."""
        self.open += entries
        self.chunks.append(len(entries))
        self._send(entries)

    def go(self) -> None:
        """Let it decode the heavy picture that it asks for."""
        self.pixels, self.waits_for = self.waits_for, 0
        self._send(GO)

    def answered(self) -> None:
        """Take the oldest entry off."""
        self.open.popleft()
        self.pixels = 0
        self.chunks[0] -= 1
        if not self.chunks[0]:
            self.chunks.popleft()

    def _send(self, message: object) -> None:
        with contextlib.suppress(OSError):
            self.connection.send(message)

    def end(self) -> None:
        """End the process."""
        self.connection.close()
        self.process.kill()
        self.process.join()


class Workers:
    """Reads entries with some processes, each with one session and one thread.

    task: how they read.
    processes: how many.

    Each has little more before it than it reads in a quarter of a second, so the pictures are taken from their source
    as they are read. They start with the first. Raises, from `rows`, what `Reader` raises, and `InkreadError` where
    processes do not start.
    """

    def __init__(self, task: Task, processes: int) -> None:
        self._task = task
        self._processes = processes
        self._workers: list[_Worker] = []
        self._kills: Counter[str] = Counter()
        self._deaths = 0
        self._rows = 0  # since then
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
        """Yield the rows of all entries as they are read, some at a time; ends early when asked to stop.

        Entries that a process was given when it is asked to stop get no row.
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
        """Yield the rows themselves, and now and then none."""
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
            yield [row for connection in ready for row in self._heard(busy[connection])]  # type: ignore[index]
            self._give_turns()

    def _most(self) -> int:
        """Return how many entries to hand out together, by how fast pictures were read of late."""
        seconds = time.monotonic() - self._since
        if seconds > _RECENT:
            self._rate = self._rows / seconds / self._processes
            self._rows, self._since = 0, time.monotonic()
        return max(1, min(_CHUNK, int(self._rate * _AHEAD_SECONDS / 2)))

    def _heard(self, worker: _Worker) -> Iterator[Row]:
        """Yield what a worker has read; take note of what else it says."""
        try:
            while worker.connection.poll():
                message = worker.connection.recv()
                if isinstance(message, Row):
                    worker.answered()
                    self._rows += 1
                    self._deaths = 0
                    yield message
                elif isinstance(message, InkreadError):
                    raise message
                elif isinstance(message, int):
                    worker.waits_for = message
                elif message == READY and not worker.ready:
                    worker.ready = True
        except (EOFError, OSError):
            yield from self._replaced(worker)

    def _replaced(self, worker: _Worker) -> Iterator[Row]:
        """Start a process in the place of one that has died, and give it what that one had not answered.

        The oldest of these was in its hands. Yields the error row of one that has killed too many.
        """
        worker.end()
        self._deaths += 1
        if self._deaths > _STARTS and not worker.ready:
            raise InkreadError(f"the reading processes die as they start ({_cause(worker)}); see the system's log")
        new = _Worker(self._task)
        self._workers[self._workers.index(worker)] = new
        left = list(worker.open)
        if worker.ready and left:
            self._kills[left[0].path] += 1
            if self._kills[left[0].path] >= KILLS:
                path = left.pop(0).path
                message = f"{path}: reading it killed {KILLS} processes ({_cause(worker)}); it may need more memory"
                yield Row(path, error=("killed", message))
        if left:
            new.give(left)

    def _give_turns(self) -> None:
        """Let heavy pictures be decoded as long as they are not too heavy together."""
        for worker in self._workers:
            decoding = sum(other.pixels for other in self._workers)
            if worker.waits_for and (not decoding or decoding + worker.waits_for <= MOST_HEAVY_PIXELS):
                worker.go()


def _cause(worker: _Worker) -> str:
    code = worker.process.exitcode or 0
    return f"signal {-code}" if code < 0 else f"exit code {code}"
