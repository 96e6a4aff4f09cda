"""Serves the page and the REST interface on an address, with one or several workers, until Ctrl-C."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
import os
import signal
import socket
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import uvicorn
from h11 import LocalProtocolError
from prometheus_client.multiprocess import mark_process_dead
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.supervisors import Multiprocess

from inkread.errors import OptionError
from inkread.reader import Reader
from inkread.reviewing.review import Review
from inkread.web.app import make_app
from inkread.web.limits import Limits
from inkread.web.metrics import SHARED
from inkread.web.middleware import LOCAL_HOSTS


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
    reviews: Sequence[Path] = (),
    user: str | None = None,
) -> Callable[[], None]:
    """Return a function that serves on a listening socket until Ctrl-C or SIGTERM. Running requests finish first.

    model, profile, teaching, reviews, user: as for `make_app`. Raises what `make_app` raises.
    """
    limits = Limits()
    hosts = {*LOCAL_HOSTS, str(listener.getsockname()[0])} if is_local(listener) else None
    build = partial(
        make_app,
        model,
        limits=limits,
        hosts=hosts,
        profile=profile,
        teaching=teaching,
        reviews=reviews,
        user=user,
    )
    if workers == 1:
        return partial(uvicorn.Server(configuration(build(), limits)).run, [listener])
    # A bad model or table is reported once here, and not by every worker.
    Reader(model)
    for data in reviews:
        Review(data, user)
    return partial(_run_workers, configuration(build, limits, workers=workers), listener)


class _Workers(Multiprocess):
    def init_processes(self) -> None:
        """Start the workers with Ctrl-C ignored until they serve, since it would end each in a traceback."""
        hearing = signal.signal(signal.SIGINT, signal.SIG_IGN)
        super().init_processes()
        signal.signal(signal.SIGINT, hearing)

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
        timeout_graceful_shutdown=int(limits.reading_seconds) + 5,
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


class Impatient(H11Protocol):
    """Closes connections whose client is too slow. uvicorn alone would wait for ever.

    The limit applies to sending the headers of a request, to sending the rest of a body that was answered early, and to
    receiving the answer. Bodies that are read have a separate limit in `inkread.web.uploads`.

    It is built on h11, not on the faster httptools. httptools drops requests whose client offers HTTP/2, as Java
    clients do, and does not limit headers. It would save a hundredth of the time for a drawing.
    """

    patience: float = 60
    """The limit in seconds. uvicorn closes idle connections before that."""

    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
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
