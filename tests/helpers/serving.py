"""Services that tests ask: one in a thread of the test, with limits of its own, or `inkread web` in a process."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import uvicorn

from inkread.web.app import make_app
from inkread.web.limits import Limits
from inkread.web.listening import bind
from inkread.web.serving import configuration

# A test that waits for something fails after this many seconds.
PATIENCE = 60


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    content: Any

    @property
    def code(self) -> str:
        assert self.headers["content-type"] == "application/problem+json"
        return str(self.content["code"])


@dataclass(frozen=True)
class Served:
    """A service that listens on a port of this machine."""

    port: int

    def ask(self, method: str, path: str, body: bytes | None = None) -> Answer:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request(method, path, body)
            return self.answer_of(connection)
        finally:
            connection.close()

    @staticmethod
    def answer_of(connection: HTTPConnection) -> Answer:
        response = connection.getresponse()
        headers = {name.lower(): value for name, value in response.getheaders()}
        text = response.read()
        return Answer(
            response.status, headers, json.loads(text) if "json" in headers["content-type"] else text.decode()
        )

    def read(self, picture: bytes) -> Answer:
        return self.ask("POST", "/api/read", picture)

    def number(self, name: str) -> float:
        """Return one of the metrics."""
        lines = self.ask("GET", "/metrics").content.splitlines()
        return float(next((line.split()[-1] for line in lines if line.startswith(f"{name} ")), 0))

    def wait_for(self, name: str, value: float) -> None:
        """Wait until one of the metrics has a value."""
        end = time.monotonic() + PATIENCE
        while self.number(name) != value:
            assert time.monotonic() < end, f"{name} is {self.number(name)}, not {value}"
            time.sleep(0.01)

    def connect(self, text: bytes = b"") -> socket.socket:
        connected = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)
        connected.sendall(text)
        return connected


@contextlib.contextmanager
def serve(**limits: Any) -> Iterator[Served]:
    """Serve in a thread, with these limits."""
    own = Limits(**limits)
    listener = bind("127.0.0.1", 0)
    port = listener.getsockname()[1]
    server = uvicorn.Server(configuration(make_app(limits=own), own))
    thread = threading.Thread(target=server.run, args=[[listener]])
    thread.start()
    try:
        yield Served(port)
    finally:
        server.should_exit = True
        thread.join(PATIENCE)
        assert not thread.is_alive()


@contextmanager
def served(*words: str, folder: Path | None = None) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Start `inkread web` on any free port; yield its process and the port that it says.

    folder: where a `sitecustomize.py` lies, which Python runs at the start of all its processes.
    """
    with started(*words, folder=folder) as process:
        assert process.stdout
        said = re.fullmatch(
            r"inkread is at http://127\.0\.0\.1:(\d+)/ - press Ctrl-C to stop\n", process.stdout.readline()
        )
        assert said
        yield process, int(said[1])


@contextmanager
def started(*words: str, folder: Path | None = None) -> Iterator[subprocess.Popen[str]]:
    """Start `inkread web` as `served` does, and do not wait for anything."""
    path = os.pathsep.join(filter(None, [str(folder or ""), os.environ.get("PYTHONPATH", "")]))
    command = [sys.executable, "-m", "inkread", "web", "--port", "0", "--no-browser", *words]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, stdout=pipe, stderr=pipe, text=True, start_new_session=True, env={**os.environ, "PYTHONPATH": path}
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Wait for the end; return the exit code and what was said on stderr."""
    _, said = process.communicate(timeout=PATIENCE)
    return process.returncode, said


def ask(port: int, method: str, path: str, body: bytes | None = None) -> tuple[int, str]:
    """Return status and text of an answer, over a connection of its own."""
    with closing(HTTPConnection("127.0.0.1", port, timeout=PATIENCE)) as connection:
        connection.request(method, path, body)
        response = connection.getresponse()
        return response.status, response.read().decode()


def refuses(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=PATIENCE).close()
    except ConnectionError:
        return True
    return False


def workers_of(process: subprocess.Popen[str]) -> list[int]:
    """Return the process ids of the workers, oldest first."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return [int(child) for child in children if "spawn_main" in Path(f"/proc/{child}/cmdline").read_text()]
