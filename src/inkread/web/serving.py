"""Serving: a worker answers on a socket with uvicorn, and closes connections whose client is too slow."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import Callable, Collection, Sequence
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import uvicorn
from h11 import LocalProtocolError
from uvicorn.protocols.http.h11_impl import H11Protocol

from inkread.web.app import make_app
from inkread.web.limits import Limits
from inkread.web.listening import LEAVES, SERVES, Tell

FINISHING_SECONDS = 7
"""How long running requests may go on after Ctrl-C or SIGTERM."""


def serve(
    listener: socket.socket,
    *,
    model: Path | None,
    hosts: Collection[str],
    profile: str | None,
    teaching: bool,
    tell: Tell,
    reviews: Sequence[Path] = (),
    user: str | None = None,
) -> None:
    """Serve on a listening socket until SIGTERM. Running requests finish first.

    model, hosts, profile, teaching, reviews, user: as for `make_app`. Raises what `make_app` raises.
    tell: called with `SERVES` every second, and with `LEAVES` when the process has to be replaced.
    """
    limits = Limits()

    def retire() -> None:
        tell(LEAVES)
        signal.raise_signal(signal.SIGTERM)

    app = make_app(
        model,
        limits=limits,
        hosts=hosts,
        profile=profile,
        teaching=teaching,
        retire=retire,
        reviews=reviews,
        user=user,
    )
    _Heard(configuration(app, limits), tell).run([listener])


class _Heard(uvicorn.Server):
    """A server that its supervisor hears of every second."""

    def __init__(self, settings: uvicorn.Config, tell: Tell) -> None:
        super().__init__(settings)
        self._tell = tell

    async def on_tick(self, counter: int) -> bool:
        # There are ten a second.
        if counter % 10 == 0:
            self._tell(SERVES)
        return await super().on_tick(counter)


def configuration(app: Callable[..., Any], limits: Limits) -> uvicorn.Config:
    """Return uvicorn's settings for an application."""
    return uvicorn.Config(
        app,
        http=Impatient,
        ws="none",
        lifespan="on",
        access_log=False,
        # Errors of requests are told by the middleware.
        log_level="critical",
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=min(FINISHING_SECONDS, int(limits.reading_seconds)),
    )


_FULL = b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n"

_FIRST_REQUEST = 0.5
"""Seconds that a client has for the request for which it has connected, when the service ends."""

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

    opened: ClassVar[int] = 0
    """The open connections of this process."""

    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        Impatient.opened += 1
        if Impatient.opened > most_connections():
            transport.write(_FULL)
            transport.close()
        self._watch()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def shutdown(self) -> None:
        """Close the connection, after its request. A client that has just connected may be sending one."""
        if self.cycle is None:
            self.loop.call_later(_FIRST_REQUEST, super().shutdown)
        else:
            super().shutdown()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        Impatient.opened -= 1
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
