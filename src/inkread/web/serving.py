"""Serving: from an address to running workers, until Ctrl-C."""

from __future__ import annotations

import ipaddress
import os
import socket
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import uvicorn
from uvicorn.supervisors import Multiprocess

from inkread.errors import OptionError
from inkread.reader import Reader
from inkread.web.app import make_app
from inkread.web.guard import LOCAL_HOSTS
from inkread.web.limits import Limits
from inkread.web.metrics import SHARED
from inkread.web.protocol import Impatient


def bind(host: str, port: int) -> socket.socket:
    """Return a listening socket. Raises `OptionError` where the address is taken or not this machine's."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address[:2], family=family, backlog=512)
    except OSError as error:
        raise OptionError(
            f"{host}:{port}: cannot be listened on ({_cause(error)}); name another: --port {port + 1}"
        ) from None


def serve(listener: socket.socket, *, model: Path | None, workers: int) -> None:
    """Serve on a listening socket until Ctrl-C or SIGTERM; requests that run are finished first.

    Raises `ModelError` for a model that cannot be used.
    """
    limits = Limits()
    hosts = {*LOCAL_HOSTS, str(listener.getsockname()[0])} if is_local(listener) else None
    build = partial(make_app, model, limits=limits, hosts=hosts)
    if workers == 1:
        uvicorn.Server(configuration(build(), limits)).run([listener])
        return
    Reader(model)  # a bad model is said once, here, and not by every worker
    with tempfile.TemporaryDirectory(prefix="inkread-") as folder:
        os.environ[SHARED] = folder
        Multiprocess(configuration(build, limits, workers=workers), [listener]).run()


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
    )


def is_local(listener: socket.socket) -> bool:
    """Tell whether only this machine can reach a socket."""
    return ipaddress.ip_address(listener.getsockname()[0]).is_loopback


def _cause(error: OSError) -> str:
    """Return why an address cannot be had, without the address that Python's own words repeat."""
    known = os.strerror(error.errno) if isinstance(error.errno, int) and error.errno > 0 else error.strerror
    return str(known).lower()
