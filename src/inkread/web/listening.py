"""Listening: the socket of a service, the host names by which it may be asked, and what its processes tell each other.

It imports no web framework, since the process that starts the workers needs none.
"""

from __future__ import annotations

import errno
import ipaddress
import os
import socket
from collections.abc import Callable, Collection

from inkread.errors import OptionError

LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})

ADDRESSES = "any address"
"""Among the allowed host names, it allows every IP address. A site that takes over a name cannot take over those."""


SHARED = "PROMETHEUS_MULTIPROC_DIR"
"""The environment variable with the folder through which several workers share their metrics."""

SERVES, LEAVES = "serves", "leaves"
"""What a worker tells its supervisor: that it serves, and that it needs a replacement."""

Tell = Callable[[object], None]


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


def is_local(listener: socket.socket) -> bool:
    """Return whether only this machine can reach a socket."""
    return ipaddress.ip_address(listener.getsockname()[0]).is_loopback


def hosts_of(listener: socket.socket, allowed: Collection[str] = ()) -> set[str]:
    """Return the host names that a service on this socket answers to, as for `inkread.web.app.make_app`."""
    hosts = {*LOCAL_HOSTS, str(listener.getsockname()[0]), *map(str.lower, allowed)}
    return hosts if is_local(listener) else hosts | _names_of_this_machine() | {ADDRESSES}


def _names_of_this_machine() -> set[str]:
    """Return the names by which other machines may call this one, in lower case."""
    names = {socket.gethostname().lower(), socket.getfqdn().lower()}
    return names | {f"{name.partition('.')[0]}.local" for name in names}


def _cause(error: OSError) -> str:
    """Return why an address cannot be used, without the address that Python's message repeats."""
    if isinstance(error, socket.gaierror) or error.errno is None:
        return str(error.strerror).lower()
    return os.strerror(error.errno).lower()
