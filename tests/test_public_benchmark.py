"""The public benchmark: the index, the builder against a server that stands in for GitHub, the scorer, and readers."""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from readers import Answer, open_command, open_inkread, open_tesseract
from score import PAGE, RESULTS, page, score, text_of
from sets import SETS, Row, fetch, read_index

SEVEN = Path(__file__).parents[1] / "examples" / "7-crossed.jpg"
DIGEST = hashlib.sha256(SEVEN.read_bytes()).hexdigest()


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def github(tmp_path: Path) -> Iterator[str]:
    """Serve one picture of one repository as GitHub does, on this machine."""
    place = tmp_path / "github" / "anna" / "digits" / "abc123" / "my pictures" / "7.jpg"
    place.parent.mkdir(parents=True)
    shutil.copy(SEVEN, place)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path / "github")))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def row(
    file: str = "a/7.jpg", *, kind: str = "single", label: str = "7", path: str = "my pictures/7.jpg", **more: str
) -> Row:
    given = {"repository": "anna/digits", "commit": "abc123", "done": "", "sha256": DIGEST, **more}
    return Row("pictures", file, kind, label, path=path, **given)


def test_pictures_are_fetched_once_and_only_with_their_checksum(github: str, tmp_path: Path) -> None:
    folder = tmp_path / "sets"
    rows = [
        row(),
        row("b.jpg", path="gone.jpg"),
        row("c.jpg", path=""),
        row("d.jpg", sha256="0" * 64),
        row("e.jpg", sha256="0" * 64, done="crop"),
    ]
    failed = {"not found": 1, "path not known": 1, "another file": 1, "changed before it was measured": 1}
    assert fetch(rows, folder, source=github) == {"fetched": 1, **failed}
    assert [path.name for path in folder.rglob("*") if path.is_file()] == ["7.jpg"]
    assert (folder / "pictures" / "a" / "7.jpg").read_bytes() == SEVEN.read_bytes()
    assert fetch(rows, folder, source=github) == {"already there": 1, **failed}


def test_the_index_names_source_and_checksum_of_every_picture() -> None:
    rows = read_index()
    assert {row.set for row in rows} == set(SETS)
    assert len({row.place for row in rows}) == len(rows) > 2000
    assert all(len(row.sha256) == 64 and "/" in row.repository and row.commit for row in rows)
    assert all(row.label for row in rows if row.kind != "nondigit")
    assert not any(Path(row.file).is_absolute() or ".." in Path(row.file).parts for row in rows)


def test_the_index_is_that_of_the_measuring_sets(data: Path) -> None:
    for row in read_index()[::50]:
        assert hashlib.sha256((data / row.place).read_bytes()).hexdigest() == row.sha256


def test_texts_are_compared_without_spaces_and_other_letters() -> None:
    assert text_of(["12,5 kg", "", "\u22127"], signs=True) == "12,5|-7"
    assert text_of(["12,5 kg", "=", "\u22127"], signs=False) == "125|7"


def test_the_scores_count_what_they_say() -> None:
    pairs = [
        (row("1"), Answer(("7",), 0.95)),
        (row("2"), Answer(("1",), 0.9)),
        (row("3", kind="signs", label="1.5"), Answer(("1,5",), 0.5)),
        (row("4", kind="signs", label="1.5"), Answer(("1.5",), 0.6)),
        (row("5", kind="multi", label="12|3"), Answer((), None)),
        (row("6", kind="nondigit", label=""), Answer((), None)),
    ]
    found = score(pairs, 3.0)
    assert found["right"] == 3
    assert found["digits"] == 3
    assert found["signs"] == [1, 2]
    assert found["refused"] == 2
    assert found["wrong_though_sure"] == 1
    assert found["calibration"] == pytest.approx((abs(0.95 + 0.9 - 1) + 0.5 + 0.4) / 4, abs=1e-4)
    assert found["seconds"] == 0.5
    assert score([(row(), Answer(("7",)))], 1.0)["calibration"] is None


def test_inkread_and_a_command_are_readers() -> None:
    answer = open_inkread().read(SEVEN)
    assert answer.lines == ("7",)
    assert answer.confidence is not None
    assert answer.confidence > 0.9
    says = open_command(f"{sys.executable} -c 'print(7); print(12)'")
    assert says.read(SEVEN) == Answer(("7", "12"), None)


def test_tesseract_is_a_reader(tmp_path: Path) -> None:
    if shutil.which("tesseract") is None:
        pytest.skip("needs tesseract: apt-get install tesseract-ocr")
    from PIL import Image, ImageDraw, ImageFont

    image = Image.new("L", (400, 120), 255)
    ImageDraw.Draw(image).text((30, 20), "1984", font=ImageFont.load_default(70), fill=0)
    image.save(tmp_path / "print.png")
    opened = open_tesseract()
    assert opened.version.startswith("tesseract ")
    answer = opened.read(tmp_path / "print.png")
    assert text_of(answer.lines, signs=False) == "1984"
    assert answer.confidence is not None
    assert 0 < answer.confidence <= 1


def test_the_page_is_made_of_the_results() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(json.loads(RESULTS.read_text(encoding="utf-8")))
