"""Downloads, against a real server on this machine."""

import hashlib
import http.server
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from inkread.datasets.download import cache_folder, download_all
from inkread.errors import DataError

NAME = "digits.gz"
# The downloader needs several reads for it.
CONTENT = bytes(range(256)) * 1200
MD5 = hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()

Download = Callable[..., None]


class Mirror(http.server.ThreadingHTTPServer):
    """Serves `content` under every address, well or badly, and notes the Range of each request."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.content = CONTENT
        self.resumes = True
        self.content_range = "bytes {start}-{end}/{size}"
        self.sends_length = True
        self.breaks_after: int | None = None
        self.redirects_to = ""
        self.ranges: list[str | None] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/mnist/"

    def __enter__(self) -> "Mirror":
        self.thread = threading.Thread(target=self.serve_forever, args=(0.01,))
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.thread.join()
        self.server_close()


class Answer(http.server.BaseHTTPRequestHandler):
    server: Mirror
    timeout = 10

    def do_GET(self) -> None:
        mirror = self.server
        mirror.ranges.append(self.headers["Range"])
        if mirror.redirects_to:
            self.answer(302, b"", Location=mirror.redirects_to)
        elif "missing" in self.path:
            self.answer(404, b"no such file")
        elif mirror.resumes and self.headers["Range"]:
            self.resume(int(self.headers["Range"].removeprefix("bytes=").removesuffix("-")))
        else:
            self.answer(200, mirror.content)

    def resume(self, start: int) -> None:
        size = len(self.server.content)
        if start >= size:
            self.answer(416, b"", **{"Content-Range": f"bytes */{size}"})
        else:
            where = self.server.content_range.format(start=start, end=size - 1, size=size)
            self.answer(206, self.server.content[start:], **{"Content-Range": where})

    def answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if self.server.sends_length:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: self.server.breaks_after])

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture
def mirror() -> Iterator[Mirror]:
    with Mirror() as running:
        yield running


@pytest.fixture
def second_mirror() -> Iterator[Mirror]:
    with Mirror() as running:
        yield running


@pytest.fixture
def dead_mirror() -> str:
    with socket.create_server(("127.0.0.1", 0)) as once:
        return f"http://127.0.0.1:{once.getsockname()[1]}/"


def test_a_download_is_whole_and_leaves_nothing_else(tmp_path: Path, mirror: Mirror) -> None:
    folder = tmp_path / "made" / "on the way"
    download_all({NAME: MD5}, folder, mirrors=[mirror.address])
    assert [file.name for file in folder.iterdir()] == [NAME]
    assert (folder / NAME).read_bytes() == CONTENT


def test_progress_tells_name_bytes_and_total(tmp_path: Path, mirror: Mirror) -> None:
    told: list[tuple[str, int, int | None]] = []
    download_all({NAME: MD5}, tmp_path, mirrors=[mirror.address], progress=lambda *step: told.append(step))
    assert told[0] == (NAME, 0, len(CONTENT))
    assert told[-1] == (NAME, len(CONTENT), len(CONTENT))
    assert [there for _, there, _ in told] == sorted({there for _, there, _ in told})


def test_progress_has_no_total_where_the_server_tells_none(tmp_path: Path, mirror: Mirror) -> None:
    mirror.sends_length = False
    told: list[tuple[str, int, int | None]] = []
    download_all({NAME: MD5}, tmp_path, mirrors=[mirror.address], progress=lambda *step: told.append(step))
    assert told[-1] == (NAME, len(CONTENT), None)


def test_ctrl_c_keeps_the_part_and_the_next_call_resumes_it(tmp_path: Path, mirror: Mirror) -> None:
    def interrupt(_name: str, there: int, _total: int | None) -> None:
        if there:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download_all({NAME: MD5}, tmp_path, mirrors=[mirror.address], progress=interrupt)
    kept = (tmp_path / f"{NAME}.part").stat().st_size
    assert 0 < kept < len(CONTENT)

    told: list[int] = []
    download_all({NAME: MD5}, tmp_path, mirrors=[mirror.address], progress=lambda *step: told.append(step[1]))
    assert mirror.ranges == [None, f"bytes={kept}-"]
    assert told[0] == kept
    assert (tmp_path / NAME).read_bytes() == CONTENT


@pytest.mark.parametrize("content_range", ["bytes 0-{end}/{size}", "", "nonsense"])
def test_a_server_that_resumes_somewhere_else_is_asked_for_all(
    tmp_path: Path, mirror: Mirror, content_range: str
) -> None:
    (tmp_path / f"{NAME}.part").write_bytes(CONTENT[:1000])
    mirror.content_range = content_range
    download_all({NAME: MD5}, tmp_path, mirrors=[mirror.address])
    assert mirror.ranges == ["bytes=1000-", None]
    assert (tmp_path / NAME).read_bytes() == CONTENT


def test_a_server_that_cannot_resume_sends_all_again(tmp_path: Path, mirror: Mirror) -> None:
    (tmp_path / f"{NAME}.part").write_bytes(CONTENT[:1000])
    mirror.resumes = False
    download_all({NAME: MD5}, tmp_path, mirrors=[mirror.address])
    assert mirror.ranges == ["bytes=1000-"]
    assert (tmp_path / NAME).read_bytes() == CONTENT


def test_a_part_that_is_whole_is_taken_without_a_request(tmp_path: Path, mirror: Mirror) -> None:
    (tmp_path / f"{NAME}.part").write_bytes(CONTENT)
    download_all({NAME: MD5}, tmp_path, mirrors=[mirror.address])
    assert mirror.ranges == []
    assert (tmp_path / NAME).read_bytes() == CONTENT


def test_a_part_longer_than_the_file_is_replaced(tmp_path: Path, mirror: Mirror) -> None:
    (tmp_path / f"{NAME}.part").write_bytes(CONTENT + b"more")
    download_all({NAME: MD5}, tmp_path, mirrors=[mirror.address])
    assert mirror.ranges == [f"bytes={len(CONTENT) + 4}-", None]
    assert (tmp_path / NAME).read_bytes() == CONTENT


def test_a_part_of_something_else_is_replaced(tmp_path: Path, mirror: Mirror) -> None:
    (tmp_path / f"{NAME}.part").write_bytes(b"something else")
    download_all({NAME: MD5}, tmp_path, mirrors=[mirror.address])
    assert mirror.ranges == ["bytes=14-", None]
    assert (tmp_path / NAME).read_bytes() == CONTENT


def test_a_lost_connection_is_resumed_at_the_next_mirror(tmp_path: Path, mirror: Mirror, second_mirror: Mirror) -> None:
    mirror.breaks_after = 100_000
    download_all({NAME: MD5}, tmp_path, mirrors=[mirror.address, second_mirror.address])
    assert second_mirror.ranges == ["bytes=100000-"]
    assert (tmp_path / NAME).read_bytes() == CONTENT


def test_a_lost_connection_keeps_what_came(tmp_path: Path, mirror: Mirror) -> None:
    mirror.breaks_after = 100_000
    with pytest.raises(DataError, match=f"connection lost after 100000 of {len(CONTENT)} bytes; run again"):
        download_all({NAME: MD5}, tmp_path, mirrors=[mirror.address])
    assert (tmp_path / f"{NAME}.part").read_bytes() == CONTENT[:100_000]


def test_a_wrong_checksum_sends_to_the_next_mirror(tmp_path: Path, mirror: Mirror, second_mirror: Mirror) -> None:
    mirror.content = b"please log in to this network"
    download_all({NAME: MD5}, tmp_path, mirrors=[mirror.address, second_mirror.address])
    assert second_mirror.ranges == [None]
    assert (tmp_path / NAME).read_bytes() == CONTENT


def test_a_wrong_checksum_everywhere_is_an_error_and_leaves_nothing(tmp_path: Path, mirror: Mirror) -> None:
    mirror.content = b"please log in to this network"
    with pytest.raises(DataError, match=rf"digits\.gz: .*wrong checksum \(md5 \w+, not {MD5}\)"):
        download_all({NAME: MD5}, tmp_path, mirrors=[mirror.address, mirror.address])
    assert list(tmp_path.iterdir()) == []


def test_a_dead_mirror_sends_to_the_next(tmp_path: Path, mirror: Mirror, dead_mirror: str) -> None:
    download_all({NAME: MD5}, tmp_path, mirrors=[dead_mirror, mirror.address])
    assert (tmp_path / NAME).read_bytes() == CONTENT


def test_offline_the_error_says_which_files_to_put_where(tmp_path: Path, dead_mirror: str) -> None:
    (tmp_path / "c.gz").touch()
    with pytest.raises(DataError) as caught:
        download_all({"a.gz": MD5, "b.gz": MD5, "c.gz": MD5}, tmp_path, mirrors=[dead_mirror])
    assert caught.value.exit_code == 4
    assert f"put a.gz, b.gz into {tmp_path}" in caught.value.message
    assert "--data DIR" in caught.value.message
    assert "INKREAD_DATA" in caught.value.message
    assert "\n" not in caught.value.message


def test_a_mirror_without_the_file_is_named_with_the_status(tmp_path: Path, mirror: Mirror) -> None:
    address = f"{mirror.address}missing"
    with pytest.raises(DataError, match=f"{address}: HTTP status 404"):
        download_all({NAME: MD5}, tmp_path, mirrors=[address])


def test_only_web_addresses_are_followed(tmp_path: Path, mirror: Mirror) -> None:
    secret = tmp_path / NAME
    secret.write_bytes(CONTENT)
    for address in (secret.parent.as_uri(), "ftp://127.0.0.1/", "no address at all"):
        with pytest.raises(DataError, match="unknown url type"):
            download_all({NAME: MD5}, tmp_path / "cache", mirrors=[address])
    for target in (secret.as_uri(), "ftp://127.0.0.1/digits.gz"):
        mirror.redirects_to = target
        with pytest.raises(DataError, match="cannot be downloaded"):
            download_all({NAME: MD5}, tmp_path / "cache", mirrors=[mirror.address])
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_redirect_on_the_web_is_followed(tmp_path: Path, mirror: Mirror, second_mirror: Mirror) -> None:
    mirror.redirects_to = f"{second_mirror.address}{NAME}"
    download_all({NAME: MD5}, tmp_path, mirrors=[mirror.address])
    assert (tmp_path / NAME).read_bytes() == CONTENT


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path, mirror: Mirror) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match=str(tmp_path / "file" / "mnist")):
        download_all({NAME: MD5}, tmp_path / "file" / "mnist", mirrors=[mirror.address])
    assert mirror.ranges == []


@pytest.mark.parametrize(
    ("platform", "variable", "expected"),
    [
        ("linux", None, "~/.cache/inkread/mnist"),
        ("linux", "XDG_CACHE_HOME", "/elsewhere/inkread/mnist"),
        ("darwin", None, "~/Library/Caches/inkread/mnist"),
        ("win32", None, "~/AppData/Local/inkread/mnist"),
        ("win32", "LOCALAPPDATA", "/elsewhere/inkread/mnist"),
    ],
)
def test_the_cache_lies_where_the_platform_keeps_caches(
    monkeypatch: pytest.MonkeyPatch, platform: str, variable: str | None, expected: str
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    for name in ("XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    if variable:
        monkeypatch.setenv(variable, "/elsewhere")
    assert cache_folder("mnist") == Path(expected).expanduser()
