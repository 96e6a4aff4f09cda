"""The service under strain: slow, leaving and hostile clients cost the others nothing, and memory comes back down."""

from __future__ import annotations

import contextlib
import io
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from typing import Any

import numpy as np
import pytest
from PIL import Image

from helpers.serving import serve
from inkread.drawing import draw_digit
from inkread.system import SLACK
from inkread.web.service import answer
from inkread.web.serving import Impatient

# A test that waits for something fails after this many seconds.
PATIENCE = 20


def png(picture: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    return file.getvalue()


SEVEN = png(draw_digit(7, rng=np.random.default_rng(7), size=(300, 300)))
HEAD = b"POST /api/read HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(SEVEN)


@pytest.fixture
def slow_reading(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Let readings wait until the event is set."""
    go_on = threading.Event()

    def waiting(*arguments: Any) -> dict[str, Any]:
        go_on.wait(PATIENCE)
        return answer(*arguments)

    monkeypatch.setattr("inkread.web.service.answer", waiting)
    yield go_on
    go_on.set()


def test_when_the_queue_is_full_further_pictures_are_refused_at_once(slow_reading: threading.Event) -> None:
    with serve(waiting=3) as served, ThreadPoolExecutor(3) as clients:
        early = [clients.submit(served.read, SEVEN) for _ in range(3)]
        served.wait_for("inkread_waiting", 3)
        refused = served.read(SEVEN)
        assert (refused.status, refused.code, refused.headers["retry-after"]) == (503, "busy", "1")
        assert served.ask("GET", "/api/health").status == 200
        slow_reading.set()
        assert [answer.result().content["text"] for answer in early] == ["7"] * 3
        assert served.read(SEVEN).content["text"] == "7"


def test_a_client_that_leaves_frees_its_place_in_the_queue(slow_reading: threading.Event) -> None:
    with serve(waiting=4) as served:
        leaving = [served.connect(HEAD + SEVEN) for _ in range(4)]
        served.wait_for("inkread_waiting", 4)
        assert served.read(SEVEN).code == "busy"
        for connected in leaving:
            connected.close()
        # Two threads have begun to read.
        served.wait_for("inkread_waiting", 2)
        served.wait_for("inkread_held_bytes", 0)
        slow_reading.set()
        assert served.read(SEVEN).content["text"] == "7"
        served.wait_for("inkread_waiting", 0)
        assert served.number('inkread_requests_total{path="/api/read",status="499"}') == 4


def test_a_client_that_leaves_in_the_middle_of_its_picture_is_forgotten() -> None:
    with serve() as served:
        with served.connect(HEAD + SEVEN[:3000]):
            served.wait_for("inkread_held_bytes", 3000)
        served.wait_for("inkread_held_bytes", 0)
        assert served.number('inkread_requests_total{path="/api/read",status="499"}') == 1


def test_a_reading_that_takes_too_long_is_given_up(slow_reading: threading.Event) -> None:
    with serve(reading_seconds=0.2) as served:
        late = served.read(SEVEN)
        assert (late.status, late.code) == (503, "too-long")
        assert "retry-after" in late.headers
        # The thread keeps its place until it ends.
        assert served.number("inkread_waiting") == 1
        slow_reading.set()
        served.wait_for("inkread_waiting", 0)


def test_of_several_pictures_each_may_take_its_time_and_fail_alone(slow_reading: threading.Event) -> None:
    form = b'--x\r\nContent-Disposition: form-data; name="p"; filename="7.png"\r\n\r\n' + SEVEN + b"\r\n"
    with serve(reading_seconds=0.2) as served:
        connection = HTTPConnection("127.0.0.1", served.port, timeout=PATIENCE)
        kind = {"Content-Type": "multipart/form-data; boundary=x"}
        connection.request("POST", "/api/read", form * 2 + b"--x--\r\n", kind)
        answer = served.answer_of(connection)
        connection.close()
        assert answer.status == 200
        assert [one["error"]["code"] for one in answer.content] == ["too-long", "too-long"]
        slow_reading.set()


def test_a_picture_that_arrives_too_slowly_is_given_up_while_others_are_read() -> None:
    with serve(upload_seconds=0.5) as served:
        slow = HTTPConnection("127.0.0.1", served.port, timeout=PATIENCE)
        slow.putrequest("POST", "/api/read")
        slow.putheader("Content-Length", str(len(SEVEN)))
        slow.endheaders(SEVEN[:100])
        assert served.read(SEVEN).content["text"] == "7"
        answer = served.answer_of(slow)
        assert (answer.status, answer.code) == (408, "too-slow")
        slow.close()


def test_a_client_that_does_not_send_its_headers_is_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Impatient, "patience", 0.3)
    with serve() as served:
        for beginning in (b"", b"POST /api/read HTTP/1.1\r\nHost: x\r\n"):
            with served.connect(beginning) as connected:
                assert hung_up(connected)


def test_a_client_that_sends_on_and_on_after_its_answer_is_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Impatient, "patience", 0.3)
    with serve(bytes=1000) as served, served.connect(HEAD.replace(b"%d" % len(SEVEN), b"99999999999")) as connected:
        assert b"413" in connected.recv(100)
        connected.settimeout(0.01)
        end = time.monotonic() + PATIENCE
        while not hung_up(connected):
            assert time.monotonic() < end
            with contextlib.suppress(ConnectionError):
                connected.sendall(bytes(1000))


def hung_up(connected: socket.socket) -> bool:
    """Tell whether the other side ends the connection without a word."""
    try:
        return connected.recv(1000) == b""
    except TimeoutError:
        return False
    except ConnectionError:
        return True


def test_a_body_without_an_end_is_refused_as_soon_as_it_is_too_large() -> None:
    with serve(bytes=100_000) as served:
        connected = served.connect(b"POST /api/read HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(30):
            connected.sendall(b"%x\r\n" % 10_000 + bytes(10_000) + b"\r\n")
        assert b"413" in connected.recv(100)
        served.wait_for("inkread_held_bytes", 0)
        connected.close()


def test_uploads_together_hold_no_more_memory_than_the_limit() -> None:
    with serve(held_bytes=10_000) as served, served.connect(HEAD.replace(b"%d" % len(SEVEN), b"99999") + bytes(8000)):
        served.wait_for("inkread_held_bytes", 8000)
        assert served.read(bytes(3000)).code == "busy"
        assert served.read(bytes(1000)).code == "not-a-picture"


def test_more_requests_than_the_limit_are_refused() -> None:
    with serve(requests=2) as served, served.connect(HEAD), served.connect(HEAD):
        end = time.monotonic() + PATIENCE
        # This waits until both have begun.
        while served.read(SEVEN).status == 200:
            assert time.monotonic() < end
        assert served.read(SEVEN).code == "busy"
        assert served.ask("GET", "/api/health").status == 200
        assert served.ask("GET", "/").status == 200


def test_a_client_that_offers_another_protocol_is_answered_in_this_one() -> None:
    offer = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n"
    with serve() as served, served.connect(HEAD.removesuffix(b"\r\n") + offer + SEVEN) as connected:
        assert connected.recv(100).startswith(b"HTTP/1.1 200 ")


def test_headers_without_an_end_are_refused() -> None:
    with serve() as served, served.connect(b"GET / HTTP/1.1\r\nHost: x\r\nX: ") as connected:
        with contextlib.suppress(ConnectionError):
            for _ in range(100):
                connected.sendall(b"x" * 10_000)
        with contextlib.suppress(ConnectionError):
            assert connected.recv(100).startswith(b"HTTP/1.1 400 ")


def malformed(rng: np.random.Generator) -> bytes:
    """Return a picture that is cut, broken in some of its bytes, or was never one."""
    kind = rng.integers(3)
    if kind == 0:
        return SEVEN[: rng.integers(1, len(SEVEN) - 1)]
    if kind == 1:
        broken = bytearray(SEVEN)
        broken[rng.integers(8, 40)] ^= 1 << rng.integers(8)
        return bytes(broken)
    return rng.bytes(int(rng.integers(1, 2000)))


def test_a_thousand_malformed_uploads_are_refused_and_the_next_is_read() -> None:
    rng = np.random.default_rng(0)
    with serve() as served:
        connection = HTTPConnection("127.0.0.1", served.port, timeout=PATIENCE)
        statuses = set()
        for _ in range(1000):
            connection.request("POST", "/api/read", malformed(rng))
            statuses.add(served.answer_of(connection).status)
        # With 200, the bit did not matter.
        assert statuses <= {200, 413, 415, 422}
        assert {415, 422} <= statuses
        connection.close()
        assert served.read(SEVEN).content["text"] == "7"


def test_bytes_that_are_no_http_end_their_connection_only() -> None:
    with serve() as served:
        for noise in (b"\x16\x03\x01\x02\x00" * 20, b"GET / HTTP/9\r\n\r\n", b"POST /api/read HTTP/1.1\r\n: \r\n\r\n"):
            with served.connect(noise) as connected:
                assert connected.recv(1000).startswith((b"HTTP/1.1 4", b""))
        assert served.read(SEVEN).content["text"] == "7"


def test_a_bomb_is_refused_by_its_header_and_a_huge_picture_leaves_no_memory_behind() -> None:
    huge, bomb = png(np.full((5000, 5000), 255, np.uint8)), png(np.zeros((11_000, 10_000), bool))
    assert max(len(huge), len(bomb)) < 50_000
    with serve() as served:
        served.read(SEVEN)
        before = served.number("process_resident_memory_bytes")
        with ThreadPoolExecutor(4) as clients:
            answers = [clients.submit(served.read, picture) for picture in (huge, bomb) * 4]
            assert served.read(SEVEN).content["text"] == "7"
            assert {answer.result().status for answer in answers} == {200, 413}
        end = time.monotonic() + PATIENCE
        while served.number("process_resident_memory_bytes") > before + 1.5 * SLACK:
            assert time.monotonic() < end
            time.sleep(0.1)
