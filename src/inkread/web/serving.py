"""Serving: from an address to running workers, until Ctrl-C."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
import os
import signal
import socket
import tempfile
from collections.abc import Callable
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
from inkread.web.app import make_app
from inkread.web.limits import Limits
from inkread.web.metrics import SHARED
from inkread.web.middleware import LOCAL_HOSTS


def bind(host: str, port: int) -> socket.socket:
    """Return a listening socket. Raises `OptionError` where the port is taken or the host is not this machine."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address[:2], family=family, backlog=512)
    except OSError as error:
        way = "name an address of this machine: --host 127.0.0.1"
        if error.errno in {errno.EADDRINUSE, errno.EACCES}:
            way = f"name another port: --port {port + 1 if port >= 1024 else 8000}"
        raise OptionError(f"{host}:{port}: {_cause(error)}; {way}") from None


def prepare(
    listener: socket.socket, *, model: Path | None, workers: int, profile: str | None, teaching: bool
) -> Callable[[], None]:
    """Return what serves on a listening socket until Ctrl-C or SIGTERM; requests that run are finished first.

    model, profile, teaching: see `make_app`, whose errors it raises.
    """
    limits = Limits()
    hosts = {*LOCAL_HOSTS, str(listener.getsockname()[0])} if is_local(listener) else None
    build = partial(make_app, model, limits=limits, hosts=hosts, profile=profile, teaching=teaching)
    if workers == 1:
        return partial(uvicorn.Server(configuration(build(), limits)).run, [listener])
    Reader(model)  # a bad model is said once, here, and not by every worker
    return partial(_run_workers, configuration(build, limits, workers=workers), listener)


class _Workers(Multiprocess):
    def init_processes(self) -> None:
        """Start the workers deaf to Ctrl-C, until they serve; it reaches all of them and would end in tracebacks."""
        hearing = signal.signal(signal.SIGINT, signal.SIG_IGN)
        super().init_processes()
        signal.signal(signal.SIGINT, hearing)

    def keep_subprocess_alive(self) -> None:
        """Replace workers that have died, and forget what they had in hand."""
        before = {process.pid for process in self.processes}
        super().keep_subprocess_alive()
        for dead in before - {process.pid for process in self.processes}:
            mark_process_dead(dead)  # type: ignore[no-untyped-call] # it ships no type of its own


def _run_workers(settings: uvicorn.Config, listener: socket.socket) -> None:
    with tempfile.TemporaryDirectory(prefix="inkread-") as folder:
        os.environ[SHARED] = folder
        _Workers(settings, [listener]).run()


def configuration(app: Callable[..., Any], limits: Limits, *, workers: int = 1) -> uvicorn.Config:
    """Return uvicorn's settings for an application, or for several workers that each build one."""
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
        timeout_worker_healthcheck=60,  # a worker that is starting does not answer yet, and must not be killed for that
    )


def is_local(listener: socket.socket) -> bool:
    """Tell whether only this machine can reach a socket."""
    return ipaddress.ip_address(listener.getsockname()[0]).is_loopback


def _cause(error: OSError) -> str:
    """Return why an address cannot be had, without the address that Python's own words repeat."""
    if isinstance(error, socket.gaierror) or error.errno is None:
        return str(error.strerror).lower()
    return os.strerror(error.errno).lower()


class Impatient(H11Protocol):
    """Hangs up on clients that are late with what they owe; uvicorn alone would wait for ever.

    Built on h11, not on the quicker httptools: that one gives up a request whose client offers HTTP/2, as those of Java
    do, and bounds no headers. It would save a hundredth of the time that a drawing takes.

    They owe the headers of a request once they are connected, the rest of a body that was answered early, and to take
    the answer. A body that is wanted has a time limit of its own: see `inkread.web.uploads`.
    """

    patience: float = 60
    """Seconds; an idle connection is closed by uvicorn before."""

    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
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
        with contextlib.suppress(LocalProtocolError):  # nonsense in the rest of a body that is answered already
            super().send_400_response(msg)
        self.transport.close()

    def _watch(self) -> None:
        """Let the time run while no request is being answered."""
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop()
        elif self._timer is None:
            self._timer = self.loop.call_later(self.patience, self.transport.abort)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None
