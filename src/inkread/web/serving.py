"""Serving: from an address to running workers, until Ctrl-C."""

from __future__ import annotations

import os
import socket
import tempfile
from functools import partial
from pathlib import Path

import uvicorn
from uvicorn.supervisors import Multiprocess

from inkread.errors import OptionError
from inkread.reader import Reader
from inkread.web.app import make_app
from inkread.web.guard import LOCAL_HOSTS
from inkread.web.limits import Limits
from inkread.web.metrics import SHARED


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
    """Serve on a listening socket until Ctrl-C or SIGTERM; requests that run are finished first."""
    limits = Limits()
    hosts = LOCAL_HOSTS if is_local(listener) else None
    build = partial(make_app, model, limits=limits, hosts=hosts)
    options = {
        "workers": workers,
        "lifespan": "on",
        "ws": "none",
        "access_log": False,
        "log_level": "error",
        "server_header": False,
        "proxy_headers": False,
        "timeout_graceful_shutdown": int(limits.reading_seconds) + 5,
    }
    if workers == 1:
        uvicorn.Server(uvicorn.Config(build(), **options)).run([listener])
        return
    Reader(model)  # a bad model is said once, here, and not by every worker
    with tempfile.TemporaryDirectory(prefix="inkread-") as folder:
        os.environ[SHARED] = folder
        Multiprocess(uvicorn.Config(build, factory=True, **options), [listener]).run()


def is_local(listener: socket.socket) -> bool:
    """Tell whether only this machine can reach a socket."""
    return str(listener.getsockname()[0]) in LOCAL_HOSTS


def _cause(error: OSError) -> str:
    """Return why an address cannot be had, without the address that Python's own words repeat."""
    known = os.strerror(error.errno) if isinstance(error.errno, int) and error.errno > 0 else error.strerror
    return str(known).lower()
