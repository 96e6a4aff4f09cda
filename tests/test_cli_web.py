"""`inkread web`: what it says, how it starts, and how it ends."""

from __future__ import annotations

import io
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from http.client import HTTPConnection
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from helpers.serving import PATIENCE, ask, ended, refuses, served, workers_of
from inkread.cli import main
from inkread.drawing import draw_digit
from inkread.errors import way_to_install
from inkread.web.listening import bind


def seven() -> bytes:
    file = io.BytesIO()
    Image.fromarray(draw_digit(7, rng=np.random.default_rng(7), size=(300, 300))).save(file, "PNG")
    return file.getvalue()


SEVEN = seven()


def begun(port: int) -> HTTPConnection:
    """Send half of a picture, and return the connection once the service is taking it in."""
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    connection.putrequest("POST", "/api/read")
    connection.putheader("Content-Length", str(len(SEVEN)))
    connection.endheaders(SEVEN[:1000])
    end = time.monotonic() + PATIENCE
    while "inkread_held_bytes 1000.0" not in ask(port, "GET", "/metrics")[1]:
        assert time.monotonic() < end
    return connection


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_lets_running_requests_finish(end: signal.Signals) -> None:
    with served() as (process, port), closing(begun(port)) as connection:
        process.send_signal(end)
        waited = time.monotonic() + PATIENCE
        while not refuses(port):
            assert time.monotonic() < waited
        connection.send(SEVEN[1000:])
        response = connection.getresponse()
        assert response.status == 200
        assert b'"text": "7"' in response.read()
        code, said = ended(process)
        assert (code, said) == (0, "")


def test_workers_share_the_port_and_their_metrics_and_end_together() -> None:
    with served("--workers", "2") as (process, port):
        for _ in range(6):
            assert ask(port, "POST", "/api/read", SEVEN)[0] == 200
        metrics = ask(port, "GET", "/metrics")[1]
        assert 'inkread_pictures_total{outcome="read"} 6.0' in metrics
        assert "inkread_reading_seconds_count 6.0" in metrics
        # A terminal sends Ctrl-C to all of them.
        os.killpg(process.pid, signal.SIGINT)
        assert ended(process) == (0, "")
        assert refuses(port)


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for the workers in /proc")
def test_a_worker_that_dies_is_replaced() -> None:
    with served("--workers", "2") as (process, port):
        assert ask(port, "GET", "/api/health")[0] == 200
        first = workers_of(process)[0]
        os.kill(first, signal.SIGKILL)
        waited = time.monotonic() + PATIENCE
        while first in (now := workers_of(process)) or len(now) < 2:
            assert time.monotonic() < waited
            time.sleep(0.1)
        assert ask(port, "GET", "/api/health")[0] == 200


def test_a_taken_port_is_one_line_with_the_way_out(capsys: pytest.CaptureFixture[str]) -> None:
    with bind("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        assert main(["web", "--no-browser", "--port", str(port)]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == f"inkread: 127.0.0.1:{port}: address already in use; name another port: --port {port + 1}\n"


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid"])
def test_a_host_that_is_not_this_machine_is_one_line(host: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["web", "--no-browser", "--host", host]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"inkread: {host}:8000: ")
    assert line.endswith("name an address of this machine: --host 127.0.0.1")


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_bad_model_is_one_line(workers: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["web", "--no-browser", "--port", "0", "--model", "nowhere", "--workers", workers]) == 4
    said = capsys.readouterr()
    assert said.err.startswith("inkread: nowhere")
    assert len(said.err.splitlines()) == 1
    assert said.out == "", "nothing is served"


def test_without_the_extra_one_line_says_how_to_get_it() -> None:
    program = "import sys; sys.modules['fastapi'] = None; from inkread.cli import main; sys.exit(main(['web']))"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ended.returncode == 3
    assert ended.stderr == f"inkread: the page needs the extra 'web': {way_to_install('web')}\n"


def test_the_browser_is_shown_the_page_where_there_is_a_display(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[str] = []
    monkeypatch.setattr("webbrowser.open", shown.append)
    monkeypatch.setattr("inkread.web.workers.prepare", lambda *_, **__: partial(time.sleep, 0.2))
    monkeypatch.setenv("DISPLAY", ":0")
    assert main(["web", "--port", "0", "--no-browser"]) == 0
    assert shown == []
    assert main(["web", "--port", "0"]) == 0
    assert shown == [capsys.readouterr().out.splitlines()[-1].split()[3]]


def test_who_may_teach_goes_by_who_can_reach_it_unless_it_is_said(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str | None, bool]] = []

    def prepare(*_: object, profile: str | None, teaching: bool, **__: object) -> Callable[[], None]:
        asked.append((profile, teaching))
        return lambda: None

    monkeypatch.setattr("inkread.web.workers.prepare", prepare)

    def served_to(host: str, *words: str) -> tuple[str | None, bool]:
        assert main(["web", "--port", "0", "--no-browser", "--host", host, *words]) == 0
        return asked[-1]

    assert served_to("127.0.0.1") == ("default", True)
    assert served_to("127.0.0.1", "--no-teach") == ("default", False)
    assert served_to("127.0.0.1", "--profile", "new") == ("new", True)
    assert served_to("127.0.0.1", "--profile", "none") == (None, False)
    everyone = "0.0.0.0"  # noqa: S104
    assert served_to(everyone) == ("default", False)
    assert "change" not in capsys.readouterr().err
    assert served_to(everyone, "--teach") == ("default", True)
    assert "can use" in (said := capsys.readouterr().err)
    assert "and change the taught digits; there is no password" in said
    assert main(["web", "--teach", "--profile", "none"]) == 2
    assert main(["web", "--no-teach", "--profile", "misspelt", "--no-browser", "--port", "0"]) == 2
    assert "nothing was taught under this name" in capsys.readouterr().err


def test_whoever_opens_it_to_others_is_warned(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inkread.web.workers.prepare", lambda *_, **__: lambda: None)
    assert main(["web", "--port", "0", "--no-browser", "--host", "0.0.0.0"]) == 0  # noqa: S104
    said = capsys.readouterr()
    assert "no password" in said.err
    assert re.match(r"inkread is at http://127\.0\.0\.1:\d+/", said.out)
    assert main(["web", "--port", "0", "--no-browser", "--host", "::1"]) == 0
    assert capsys.readouterr().err == ""
