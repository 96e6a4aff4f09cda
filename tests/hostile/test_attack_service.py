"""Attacks on the service: malformed headers, bodies too large, slow clients, names of other sites, ends by force."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

pytest.importorskip("fastapi", reason="needs the extra 'web'")

from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from helpers.asking import SEVEN, problem
from helpers.serving import ask, ended, refuses, serve, served, started, workers_of
from inkread.web import serving
from inkread.web.app import make_app
from inkread.web.listening import bind, hosts_of

on_linux = pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="looks into /proc")


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    with TestClient(make_app()) as client:
        yield client


FORM = b'--B\r\nContent-Disposition: form-data; name="a"; filename="a.png"\r\n\r\n%s\r\n--B--\r\n'


@pytest.mark.parametrize(
    "kind",
    [
        "multipart/form-data; boundary=B; charset=undefined",
        "multipart/form-data; boundary=B; charset=none-such",
        "multipart/form-data; boundary=B; charset=utf-16",
        "multipart/form-data; boundary=B; charset=hex",
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=" + "b" * 5000,
        "multipart/; boundary=B",
        "multipart/form-data; boundary=\xff",
    ],
)
def test_a_malformed_content_type_is_no_defect(client: TestClient, kind: str, caplog: pytest.LogCaptureFixture) -> None:
    answer = client.post("/api/read", content=FORM % SEVEN, headers={b"Content-Type": kind.encode("latin-1")})
    assert answer.status_code == 200 or problem(answer)[0] in range(400, 500)
    assert [line for line in caplog.messages if "HTTP Request" not in line] == []


WORDS = st.lists(
    st.sampled_from(
        [b"charset", b"boundary", b"name", b"filename", b"*", b"=", b'"', b"utf-8''", b"%ff", b"\\", b"; ", b": ",
         b"x" * 999, b"Content-Disposition", b"form-data", b"Content-Type", b"\r\n", b"\r\n\r\n", b"--B", b"\0",
         b"\xff"]
    )
    | st.binary(max_size=3),
    max_size=9,
).map(b"".join)  # fmt: skip


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(kind=WORDS, head=WORDS)
def test_any_form_gets_a_problem_for_its_headers(client: TestClient, kind: bytes, head: bytes) -> None:
    kind = b"multipart/form-data; boundary=B; " + kind.translate(None, b"\r\n\0")
    bare = b"--B\r\n%s\r\n\r\nabc\r\n--B--\r\n" % head
    for content in (bare, (FORM % b"abc").replace(b"\r\n\r\n", head + b"\r\n\r\n", 1)):
        answer = client.post("/api/read", content=content, headers={b"Content-Type": kind})
        assert answer.status_code == 200 or problem(answer)[0] in range(400, 500)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Host", "["),
        ("Host", "\xff"),
        ("Origin", "http://["),
        ("Origin", "\xff"),
        ("Sec-Fetch-Site", "\xff"),
        ("Content-Length", "9" * 30),
        ("X-Picture-Name", "%ff%00%"),
        ("X-Picture-Name", "\xff" * 3000),
        ("Range", "bytes=9-1,x"),
        ("If-Modified-Since", "never"),
        ("If-None-Match", "\xff"),
        ("Accept-Encoding", "gzip;q=x"),
        ("Cookie", "="),
    ],
)
def test_malformed_headers_are_no_defect(client: TestClient, name: str, value: str) -> None:
    headers = {name.encode(): value.encode("latin-1")}
    for method, path in (("GET", "/"), ("GET", "/static/main.js"), ("GET", "/api/taught"), ("POST", "/api/read")):
        answer = client.request(method, path, content=SEVEN if method == "POST" else None, headers=headers)
        assert answer.status_code < 500, (path, answer.text)


def test_a_plain_client_sees_that_its_picture_is_too_large() -> None:
    with serve(bytes=1000) as service:
        with pytest.raises(HTTPError) as caught:
            urlopen(f"http://127.0.0.1:{service.port}/api/read", bytes(20_000_000), timeout=20)
        assert caught.value.code == 413
        assert json.load(caught.value)["code"] == "too-large"
        caught.value.close()
        # A client that asks first is answered at once.
        ask = b"POST /api/read HTTP/1.1\r\nHost: x\r\nContent-Length: 9999\r\nExpect: 100-continue\r\n\r\n"
        with service.connect(ask) as connected:
            assert connected.recv(100).startswith(b"HTTP/1.1 413 ")


def test_slow_bodies_leave_room_for_the_page_and_health() -> None:
    slow = b"POST /api/read HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nabc"
    with serve(requests=8) as service, contextlib.ExitStack() as stack:
        for _ in range(8):
            stack.enter_context(service.connect(slow))
        service.wait_for("inkread_held_bytes", 24)
        assert service.read(SEVEN).code == "busy"
        for path in ("/api/health", "/", "/metrics"):
            assert service.ask("GET", path).status == 200


def test_connections_that_are_too_many_are_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "most_connections", lambda: 2)
    with serve() as service:
        with service.connect(), service.connect():
            time.sleep(0.2)
            with service.connect(b"GET /api/health HTTP/1.1\r\nHost: x\r\n\r\n") as third:
                assert third.recv(100).startswith(b"HTTP/1.1 503 ")
        end = time.monotonic() + 10
        while serving.Impatient.opened:
            assert time.monotonic() < end
            time.sleep(0.01)
        assert service.ask("GET", "/api/health").status == 200


def test_files_are_kept_for_more_than_connections() -> None:
    resource = pytest.importorskip("resource")
    assert 16 <= serving.most_connections() <= resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 50


IN_WORKERS = """
import sys
if "spawn_main" in " ".join(sys.orig_argv):
    import functools, time
    import inkread.web.serving as serving, inkread.web.service as service
    answer = service.answer
    def slow(reader, picture, question):
        if question.options.min_confidence == 0.125:
            time.sleep(600)
        return answer(reader, picture, question)
    service.answer = slow
"""

STUCK = "/api/read?min_confidence=0.125"


def patched(folder: Path, *more: str) -> Path:
    """Have workers read for ever what is sent to `STUCK`, and return the folder for `served`."""
    (folder / "sitecustomize.py").write_text(IN_WORKERS + "".join(f"    {line}\n" for line in more), encoding="utf-8")
    return folder


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGTERM")
def test_sigterm_ends_it_while_a_decoder_works(tmp_path: Path) -> None:
    with (
        served(folder=patched(tmp_path, "serving.FINISHING_SECONDS = 1")) as (process, port),
        ThreadPoolExecutor(1) as client,
    ):
        stuck = client.submit(ask, port, "POST", STUCK, SEVEN)
        end = time.monotonic() + 20
        while "inkread_waiting 1.0" not in ask(port, "GET", "/metrics")[1]:
            assert time.monotonic() < end
        began = time.monotonic()
        process.terminate()
        assert ended(process) == (0, "")
        assert time.monotonic() - began < 8
        assert stuck.result(20)[0] == 503


@on_linux
@pytest.mark.parametrize("count", ["1", "2"])
def test_a_request_that_outlives_its_time_ends_with_its_process_while_others_are_read(
    tmp_path: Path, count: str
) -> None:
    patched(tmp_path, "serving.Limits = functools.partial(serving.Limits, page_seconds=2)")
    with served("--workers", count, folder=tmp_path) as (process, port), ThreadPoolExecutor(1) as client:
        end = time.monotonic() + 60
        while len(before := workers_of(process)) < int(count):
            assert time.monotonic() < end
        assert ask(port, "POST", "/api/read", SEVEN)[0] == 200
        stuck = client.submit(ask, port, "POST", STUCK, SEVEN)
        seen = []
        while all(worker in workers_of(process) for worker in before):
            seen.append(ask(port, "POST", "/api/read", SEVEN)[0])
            assert time.monotonic() < end
        # On a machine that is very busy, others may be late as well.
        assert set(seen) <= {200, 503}
        assert seen.count(200) > 4 * seen.count(503)
        status, text = stuck.result(20)
        assert (status, json.loads(text)["code"]) == (503, "too-long")
        assert "longer than 2 s" in text
        assert ask(port, "POST", "/api/read", SEVEN)[0] == 200
        process.send_signal(signal.SIGINT)
        assert ended(process) == (0, "")


@on_linux
@pytest.mark.parametrize("moment", [0, 0.3, 1.0])
def test_ctrl_c_at_any_moment_of_the_start_ends_all_workers(moment: float) -> None:
    with started("--workers", "2") as process:
        end = time.monotonic() + 60
        while process.poll() is None and not workers_of(process):
            assert time.monotonic() < end
        time.sleep(moment)
        workers = workers_of(process)
        # A terminal sends it to all of them.
        os.killpg(process.pid, signal.SIGINT)
        began = time.monotonic()
        code, said = ended(process)
        assert (code, said) in {(0, ""), (130, "inkread: interrupted\n")}
        assert time.monotonic() - began < 10
        while any(Path(f"/proc/{worker}").exists() for worker in workers):
            assert time.monotonic() < end


@on_linux
def test_a_worker_that_hangs_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import inkread.web.workers as w; w.SILENT_SECONDS = 2")
    with served(folder=tmp_path) as (process, port):
        (stopped,) = workers_of(process)
        os.kill(stopped, signal.SIGSTOP)
        assert ask(port, "GET", "/api/health")[0] == 200
        assert stopped not in workers_of(process)


@on_linux
def test_workers_end_with_the_process_that_started_them_and_leave_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    with served("--workers", "2") as (process, port):
        assert ask(port, "GET", "/api/health")[0] == 200
        assert len(workers_of(process)) == 2
        assert list(tmp_path.glob("inkread-*"))
        process.kill()
        process.wait(20)
        end = time.monotonic() + 20
        while not refuses(port) or list(tmp_path.glob("inkread-*")):
            assert time.monotonic() < end
            time.sleep(0.05)


@on_linux
def test_a_worker_that_does_not_hear_sigterm_is_killed(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import inkread.web.workers as w; w.ENDING_SECONDS = 1")
    with served("--workers", "2", folder=tmp_path) as (process, port):
        assert ask(port, "GET", "/api/health")[0] == 200
        stopped = workers_of(process)[0]
        os.kill(stopped, signal.SIGSTOP)
        began = time.monotonic()
        process.terminate()
        assert ended(process)[0] == 0
        assert time.monotonic() - began < 8
        assert not Path(f"/proc/{stopped}").exists()


def test_a_name_of_another_site_is_refused_wherever_it_listens() -> None:
    everyone = "0.0.0.0"  # noqa: S104
    here = socket.gethostname()
    for address, allowed, refused in (
        ("127.0.0.1", ["127.0.0.1:9", "localhost"], ["evil.example", "192.168.1.7", here + ".evil.example"]),
        (
            everyone,
            ["127.0.0.1", "192.168.1.7:8000", "[fe80::1]", here, "Digits.Example"],
            ["evil.example", "1.2.3.4.a"],
        ),
    ):
        with bind(address, 0) as listener:
            hosts = hosts_of(listener, ["digits.example"])
        with TestClient(make_app(hosts=hosts)) as client:
            for host in allowed:
                assert client.get("/api/health", headers={"Host": host}).status_code == 200, host
            for host in refused:
                answer = client.get("/api/health", headers={"Host": host})
                assert problem(answer) == (421, "wrong-host")
                assert "--allow-host" in answer.json()["detail"]
