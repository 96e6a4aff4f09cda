"""Serves the page and the REST interface on an address, with one or several workers, until Ctrl-C."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
import multiprocessing
import os
import shutil
import signal
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Collection
from functools import cache, partial
from pathlib import Path
from typing import Any, ClassVar

import uvicorn
from fastapi import FastAPI
from h11 import LocalProtocolError
from prometheus_client.multiprocess import mark_process_dead
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.supervisors import Multiprocess

from inkread.errors import OptionError
from inkread.reader import Reader
from inkread.web.app import make_app
from inkread.web.limits import Limits
from inkread.web.metrics import SHARED
from inkread.web.middleware import ADDRESSES, LOCAL_HOSTS

FINISHING_SECONDS = 7
"""How long running requests may go on after Ctrl-C or SIGTERM."""

ENDING_SECONDS = 9
"""How long after SIGTERM workers are killed, whatever they do. Systems that start services kill them after ten."""


def bind(host: str, port: int) -> socket.socket:
    """Return a listening socket. Raises `OptionError` if the port is in use or the host is not this machine."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address[:2], family=family, backlog=512)
    except OSError as error:
        way = "name an address of this machine: --host 127.0.0.1"
        if error.errno in {errno.EADDRINUSE, errno.EACCES}:
            way = f"name another port: --port {port + 1 if port >= 1024 else 8000}"
        raise OptionError(f"{host}:{port}: {_cause(error)}; {way}") from None


def prepare(
    listener: socket.socket,
    *,
    model: Path | None,
    workers: int,
    profile: str | None,
    teaching: bool,
    allowed: Collection[str] = (),
) -> Callable[[], None]:
    """Return a function that serves on a listening socket until Ctrl-C or SIGTERM. Running requests finish first.

    model, profile, teaching: as for `make_app`. Raises what `make_app` raises.
    allowed: more host names under which it may be asked.
    """
    limits, hosts = Limits(), hosts_of(listener, allowed)
    build = partial(
        make_app if workers == 1 else _make_worker,
        model,
        limits=limits,
        hosts=hosts,
        profile=profile,
        teaching=teaching,
    )
    if workers == 1:
        return partial(uvicorn.Server(configuration(build(), limits)).run, [listener])
    # A bad model is reported once here, and not by every worker.
    Reader(model)
    return partial(_run_workers, configuration(build, limits, workers=workers), listener)


def hosts_of(listener: socket.socket, allowed: Collection[str] = ()) -> set[str]:
    """Return the host names that a service on this socket answers to, as for `make_app`."""
    hosts = {*LOCAL_HOSTS, str(listener.getsockname()[0]), *map(str.lower, allowed)}
    return hosts if is_local(listener) else hosts | _names_of_this_machine() | {ADDRESSES}


def _names_of_this_machine() -> set[str]:
    """Return the names by which other machines may call this one, in lower case."""
    names = {socket.gethostname().lower(), socket.getfqdn().lower()}
    return names | {f"{name.partition('.')[0]}.local" for name in names}


def _make_worker(*arguments: Any, **settings: Any) -> FastAPI:
    """Return the application of a worker, which ends with the process that started it, however that ends."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    return make_app(*arguments, **settings)


def _end_with_parent() -> None:
    if parent := multiprocessing.parent_process():
        parent.join()
        shutil.rmtree(os.environ[SHARED], ignore_errors=True)
        os._exit(1)


class _Workers(Multiprocess):
    def init_processes(self) -> None:
        """Start the workers with Ctrl-C ignored until they serve, since it would end each in a traceback."""
        hearing = signal.signal(signal.SIGINT, signal.SIG_IGN)
        super().init_processes()
        signal.signal(signal.SIGINT, hearing)

    def join_all(self) -> None:
        """Wait for the ends of the workers, and kill those that are still reading."""
        end = time.monotonic() + ENDING_SECONDS
        for process in self.processes:
            process.process.join(max(0, end - time.monotonic()))
            process.process.kill()
            process.join()

    def keep_subprocess_alive(self) -> None:
        """Replace workers that have died, and remove their values from the metrics."""
        before = {process.pid for process in self.processes}
        super().keep_subprocess_alive()
        for dead in before - {process.pid for process in self.processes}:
            mark_process_dead(dead)  # type: ignore[no-untyped-call]


def _run_workers(settings: uvicorn.Config, listener: socket.socket) -> None:
    with tempfile.TemporaryDirectory(prefix="inkread-") as folder:
        os.environ[SHARED] = folder
        _Workers(settings, [listener]).run()


def configuration(app: Callable[..., Any], limits: Limits, *, workers: int = 1) -> uvicorn.Config:
    """Return uvicorn's settings for an application, or for several workers that each build one.

    The time limit for health checks is long, so that a worker that is still starting is not killed.
    """
    return uvicorn.Config(
        app,
        factory=workers > 1,
        workers=workers,
        http=Impatient,
        ws="none",
        lifespan="on",
        access_log=False,
        log_level="error",
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=min(FINISHING_SECONDS, int(limits.reading_seconds)),
        timeout_worker_healthcheck=60,
    )


def is_local(listener: socket.socket) -> bool:
    """Return whether only this machine can reach a socket."""
    return ipaddress.ip_address(listener.getsockname()[0]).is_loopback


def _cause(error: OSError) -> str:
    """Return why an address cannot be used, without the address that Python's message repeats."""
    if isinstance(error, socket.gaierror) or error.errno is None:
        return str(error.strerror).lower()
    return os.strerror(error.errno).lower()


_FULL = b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n"

_OTHER_FILES = 100
"""File descriptors that are kept for everything but connections."""


@cache
def most_connections() -> int:
    """Return how many connections this process may have, and let it have as many files as the system allows.

    Without a file descriptor, a connection cannot even be refused.
    """
    try:
        import resource
    except ImportError:
        return 4096
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):
        most = min(hard, 1 << 16) if hard > 0 else 1 << 16
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, most), hard))
        soft = max(soft, most)
    return max(16, soft - _OTHER_FILES)


class Impatient(H11Protocol):
    """Closes connections whose client is too slow. uvicorn alone would wait for ever.

    The limit applies to sending the headers of a request, to sending the rest of a body that was answered early, and to
    receiving the answer. Bodies that are read have a separate limit in `inkread.web.uploads`.

    It is built on h11, not on the faster httptools. httptools drops requests whose client offers HTTP/2, as Java
    clients do, and does not limit headers. It would save a hundredth of the time for a drawing.
    """

    patience: float = 60
    """The limit in seconds. uvicorn closes idle connections before that."""

    connections: ClassVar[int] = 0
    """The open connections of this process."""

    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        Impatient.connections += 1
        if Impatient.connections > most_connections():
            transport.write(_FULL)
            transport.close()
        self._watch()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        Impatient.connections -= 1
        self._stop()

    def send_400_response(self, msg: str) -> None:
        # The rest of a body that was already answered may be invalid.
        with contextlib.suppress(LocalProtocolError):
            super().send_400_response(msg)
        self.transport.close()

    def _watch(self) -> None:
        """Run the timer while no request is being answered."""
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop()
        elif self._timer is None:
            self._timer = self.loop.call_later(self.patience, self.transport.abort)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None
