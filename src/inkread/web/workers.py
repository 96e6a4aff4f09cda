"""Workers: the processes that serve on one socket. A supervisor starts them, replaces them, and ends them.

A thread that reads a picture cannot be stopped, but its process can. So even a single worker is a process of its own,
and a worker in which a picture takes too long is replaced, while it answers its other requests. The supervisor imports
no web framework and no model.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from inkread.errors import InkreadError
from inkread.web.listening import LEAVES, SHARED, hosts_of

ENDING_SECONDS = 9
"""How long after SIGTERM workers are killed, whatever they do. Systems that start services kill them after ten."""

SILENT_SECONDS = 20
"""A worker that serves and is not heard of for this long is killed. It is heard of every second."""

_STARTS = 3
"""How many workers may die in a row before they serve."""

_ROUND = 0.25
"""Seconds between two looks at the workers if none of them tells anything."""

_spawn = multiprocessing.get_context("spawn")


def prepare(
    listener: socket.socket,
    *,
    model: Path | None,
    workers: int,
    profile: str | None,
    teaching: bool,
    allowed: Collection[str] = (),
    reviews: Sequence[Path] = (),
    user: str | None = None,
) -> Callable[[], None]:
    """Start workers, wait until one serves, and return a function that serves until Ctrl-C or SIGTERM.

    model, profile, teaching, reviews, user: as for `inkread.web.app.make_app`. Raises what it raises.
    allowed: more host names under which the service may be asked.
    """
    asked = {
        "model": model,
        "hosts": hosts_of(listener, allowed),
        "profile": profile,
        "teaching": teaching,
        "reviews": reviews,
        "user": user,
    }
    supervisor = Supervisor(listener, partial(_work, listener, asked), workers)
    supervisor.start()
    return supervisor.run


def _work(listener: socket.socket, asked: dict[str, Any], voice: Connection) -> None:
    """Serve in this process until SIGTERM. An error of the model is told to the supervisor."""
    # Where Ctrl-C is not blocked, it would end a worker that is still starting in a traceback.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        from inkread.web.serving import serve

        serve(listener, tell=voice.send, **asked)
    except InkreadError as error:
        voice.send(error)


def _end_with_parent() -> None:
    """Wait for the end of the supervisor, however it ends, and end this process."""
    if parent := multiprocessing.parent_process():
        parent.join()
        if SHARED in os.environ:
            shutil.rmtree(os.environ[SHARED], ignore_errors=True)
        os._exit(1)


class _ServingProcess:
    """A worker as its supervisor sees it.

    voice: where it tells what it does. It ends when the process ends.
    silent: for how many seconds it has told nothing.
    """

    def __init__(self, work: Callable[[Connection], None]) -> None:
        self.voice, theirs = _spawn.Pipe(duplex=False)
        self.process = _spawn.Process(target=work, args=(theirs,), daemon=True)
        with _without_ctrl_c():
            self.process.start()
        theirs.close()
        self.serves = False
        self.silent = 0.0

    def end(self) -> None:
        """Ask the process to end. On Windows that would kill it, and Ctrl-C has asked it already."""
        if sys.platform != "win32":
            self.process.terminate()

    def close(self) -> None:
        """Kill the process if it still runs, and forget its metrics."""
        self.process.kill()
        self.process.join()
        self.voice.close()
        if SHARED in os.environ:
            from prometheus_client.multiprocess import mark_process_dead

            mark_process_dead(self.process.pid)  # type: ignore[no-untyped-call]


class Supervisor:
    """Keeps a number of workers running.

    listener: the socket on which they serve.
    work: what a worker does, given where it tells what it does: `SERVES` again and again, `LEAVES`, or an
        `InkreadError` because of which it cannot serve.
    """

    def __init__(self, listener: socket.socket, work: Callable[[Connection], None], count: int) -> None:
        self._listener = listener
        self._work = work
        self._count = count
        self._workers: list[_ServingProcess] = []
        self._leaving: list[tuple[_ServingProcess, float]] = []
        self._deaths = 0
        self._signals = 0

    def start(self) -> None:
        """Start the workers and wait until one of them serves. Raises `InkreadError` if they cannot."""
        if self._count > 1:
            os.environ[SHARED] = tempfile.mkdtemp(prefix="inkread-")
        # Until it is heard, SIGTERM ends the start as Ctrl-C does, and leaves nothing behind.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            self._replenish()
            while not any(worker.serves for worker in self._workers):
                self._look()
        except BaseException:
            self._close()
            raise

    def run(self) -> None:
        """Replace workers that die, hang or leave, until Ctrl-C or SIGTERM. A second one ends them at once."""
        try:
            with self._hearing():
                while not self._signals:
                    self._look()
                self._end()
        finally:
            self._close()

    @contextlib.contextmanager
    def _hearing(self) -> Iterator[None]:
        """Count the signals that end a service, in place of being ended by them."""
        names = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
        kinds = [getattr(signal, name) for name in names if hasattr(signal, name)]
        before = [signal.signal(kind, lambda *_: self._count_signal()) for kind in kinds]
        try:
            yield
        finally:
            for kind, handler in zip(kinds, before, strict=True):
                signal.signal(kind, handler)

    def _count_signal(self) -> None:
        self._signals += 1

    def _replenish(self) -> None:
        while len(self._workers) < self._count:
            self._workers.append(_ServingProcess(self._work))

    def _look(self) -> None:
        """Hear what the workers tell, for a moment, and replace those that have ended or are no longer heard of."""
        began = time.monotonic()
        heard = wait([worker.voice for worker in self._workers], _ROUND)
        # When the machine was asleep, all clocks have run on.
        seconds = min(time.monotonic() - began, 2 * _ROUND)
        for worker in list(self._workers):
            worker.silent = 0.0 if worker.voice in heard else worker.silent + seconds
            if worker.voice in heard:
                self._hear(worker)
            elif worker.serves and worker.silent > SILENT_SECONDS:
                self._bury(worker)
        for worker, late in list(self._leaving):
            if time.monotonic() > late or not worker.process.is_alive():
                self._leaving.remove((worker, late))
                worker.close()
        self._replenish()

    def _hear(self, worker: _ServingProcess) -> None:
        try:
            told = worker.voice.recv()
        except (EOFError, OSError):
            self._bury(worker)
            return
        if isinstance(told, InkreadError):
            raise told
        worker.serves, self._deaths = True, 0
        if told == LEAVES:
            self._workers.remove(worker)
            self._leaving.append((worker, time.monotonic() + ENDING_SECONDS))

    def _bury(self, worker: _ServingProcess) -> None:
        """Remove a worker that has ended or hangs. Raises `InkreadError` if workers die again and again."""
        self._workers.remove(worker)
        worker.close()
        self._deaths += not worker.serves
        if self._deaths >= _STARTS:
            cause = f"exit code {worker.process.exitcode}"
            raise InkreadError(f"the processes that serve die at the start ({cause}); see the system log")

    def _end(self) -> None:
        """Let the workers finish, and wait for them until they are late or there is another signal."""
        late, asked = time.monotonic() + ENDING_SECONDS, self._signals
        running = [*self._workers, *(worker for worker, _ in self._leaving)]
        # Otherwise clients would wait for a worker that accepts them.
        self._listener.close()
        for worker in running:
            worker.end()
        while self._signals == asked and time.monotonic() < late and any(each.process.is_alive() for each in running):
            wait([worker.process.sentinel for worker in running if worker.process.is_alive()], _ROUND)

    def _close(self) -> None:
        for worker in [*self._workers, *(worker for worker, _ in self._leaving)]:
            worker.close()
        self._workers, self._leaving = [], []
        if folder := os.environ.pop(SHARED, None) if self._count > 1 else None:
            shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _without_ctrl_c() -> Iterator[None]:
    """Block Ctrl-C for processes that are started here, for good: a terminal sends it to all, and one sees to it.

    For this process it waits until the block ends.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    # Starting this helper of multiprocessing, which it would do with the first process, lets Ctrl-C through again.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
