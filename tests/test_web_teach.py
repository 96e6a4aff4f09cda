"""Teaching and explaining through the REST interface: what is kept, what is said, and who may."""

from __future__ import annotations

import base64
import io
import sqlite3
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from helpers.asking import BLANK, SEVEN, drawing, png, problem
from inkread.cli import main
from inkread.errors import PictureError
from inkread.explaining import explain
from inkread.reader import Reader
from inkread.steps import Steps
from inkread.teaching import Lesson, Profile
from inkread.teaching.lessons import lessons_of
from inkread.web import schemas
from inkread.web.app import make_app
from inkread.web.limits import Limits

WriteNetwork = Callable[..., Path]

EVERY_ADDRESS = [
    ("POST", "/api/teach?label=7"),
    ("GET", "/api/taught"),
    ("DELETE", "/api/taught/1"),
    ("GET", "/api/taught.zip"),
]


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A data folder of the test's own."""
    monkeypatch.setenv("INKREAD_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def client(home: Path) -> Iterator[TestClient]:
    with TestClient(make_app(teaching=True)) as client:
        yield client


def teach(client: TestClient, label: int | str, picture: bytes = SEVEN, **query: Any) -> Any:
    """Teach a picture, and return the answer, which has to be as it is described."""
    answer = client.post("/api/teach", params={"label": label, **query}, content=picture)
    assert answer.status_code == 201, answer.text
    schemas.Taught.model_validate(answer.json())
    return answer.json()


def read(client: TestClient, picture: bytes = SEVEN) -> str:
    return str(client.post("/api/read", content=picture).json()["text"])


def taught(client: TestClient, **query: int) -> Any:
    answer = client.get("/api/taught", params=query).json()
    schemas.Lessons.model_validate(answer)
    return answer


def test_a_taught_picture_is_read_as_taught_at_once(client: TestClient) -> None:
    answer = teach(client, 3)
    (lesson,) = answer["taught"]
    assert (lesson["id"], lesson["label"], lesson["picture"], lesson["instead_of"]) == (1, 3, "picture", None)
    assert (answer["reading"]["text"], lesson["box"]) == ("3", answer["reading"]["digits"][0]["box"])
    assert read(client) == "3"
    assert Reader().read(SEVEN).text == "3", "everywhere, with the same profile"
    assert Reader(profile=None).read(SEVEN).text == "7"


def test_one_digit_of_several_is_taught_by_its_box(client: TestClient) -> None:
    pair = drawing(4, 2)
    four, two = client.post("/api/read", content=pair).json()["digits"]
    (lesson,) = teach(client, 7, pair, box=",".join(map(str, two["box"])))["taught"]
    assert (lesson["box"], read(client, pair)) == (two["box"], "47")
    assert [own["label"] for own in teach(client, "4 2", pair)["taught"]] == [4, 2]
    assert (read(client, pair), four["digit"]) == ("42", 4)


def test_lessons_are_listed_newest_first_and_forgotten_one_by_one(client: TestClient) -> None:
    for label, digit in ((3, 7), (8, 1), (5, 6)):
        teach(client, label, drawing(digit))
    listed = taught(client)
    assert (listed["profile"], listed["count"]) == ("default", 3)
    assert [lesson["label"] for lesson in listed["taught"]] == [5, 8, 3]
    assert [lesson["label"] for lesson in taught(client, limit=1, before=3)["taught"]] == [8]
    glyph = Image.open(io.BytesIO(shown(listed["taught"][2]["png"])))
    assert glyph.size == (28, 28)
    assert client.delete("/api/taught/1").json() == {"forgotten": 1}
    assert (read(client), read(client, drawing(1)), taught(client)["count"]) == ("7", "8", 2)
    assert problem(client.delete("/api/taught/1")) == (404, "not-found")


def shown(encoded: str) -> bytes:
    return base64.b64decode(encoded)


def test_another_label_for_the_same_digit_is_said_and_the_new_one_counts(client: TestClient) -> None:
    teach(client, 3)
    (lesson,) = teach(client, 7)["taught"]
    assert (lesson["label"], lesson["instead_of"]) == (7, 3)
    assert (read(client), taught(client)["count"]) == ("7", 1)


def test_another_label_for_nearly_the_same_digit_is_said_and_both_stand(client: TestClient) -> None:
    with Image.open(io.BytesIO(SEVEN)) as image:
        nearly = png(np.asarray(image.resize((298, 298))))
    teach(client, 3)
    (lesson,) = teach(client, 7, nearly)["taught"]
    assert [(other["id"], other["label"]) for other in lesson["contradicted"]] == [(1, 3)]
    assert (read(client), read(client, nearly), taught(client)["count"]) == ("3", "7", 2)


def test_two_labels_for_one_digit_teach_nothing(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def twice(steps: Steps, label: str, box: None) -> list[Lesson]:
        return [lesson for digit in label for lesson in lessons_of(steps, digit, box=box)]

    monkeypatch.setattr("inkread.web.teaching.lessons_of", twice)
    answer = client.post("/api/teach?label=37", content=SEVEN)
    assert problem(answer) == (409, "two-labels")
    assert "as 3 and as 7" in answer.json()["detail"]
    assert taught(client)["count"] == 0


@pytest.mark.parametrize(
    ("query", "content", "expected"),
    [
        ("label=77", SEVEN, (422, "other-digits")),
        ("label=7&box=0,0,5,5", SEVEN, (422, "other-digits")),
        ("label=7", BLANK, (422, "other-digits")),
        ("label=7", b"a text", (415, "not-a-picture")),
        ("label=7", b"", (400, "no-picture")),
        ("", SEVEN, (400, "bad-option")),
        ("label=", SEVEN, (400, "bad-option")),
        ("label=seven", SEVEN, (400, "bad-option")),
        ("label=%D9%A7", SEVEN, (400, "bad-option")),
        ("label=7&box=1,2,3", SEVEN, (400, "bad-option")),
        ("label=7&as=letter", SEVEN, (400, "bad-option")),
    ],
)
def test_what_cannot_be_taught_is_said_and_nothing_is_kept(
    client: TestClient, query: str, content: bytes, expected: tuple[int, str]
) -> None:
    assert problem(client.post(f"/api/teach?{query}", content=content)) == expected
    assert taught(client)["count"] == 0


def test_one_picture_is_taught_or_explained_at_a_time(client: TestClient) -> None:
    two = [("p", ("a.png", SEVEN)), ("p", ("b.png", SEVEN))]
    assert problem(client.post("/api/teach?label=7", files=two)) == (400, "bad-form")
    assert problem(client.post("/api/explain", files=two)) == (400, "bad-form")
    (lesson,) = client.post("/api/teach?label=3", files={"p": ("a.png", SEVEN)}).json()["taught"]
    assert lesson["picture"] == "a.png"


@pytest.mark.parametrize("id_", ["0", "-1", "x", str(2**63)])
def test_an_impossible_number_of_a_lesson_is_a_bad_option(client: TestClient, id_: str) -> None:
    assert problem(client.delete(f"/api/taught/{id_}")) == (400, "bad-option")
    assert problem(client.get(f"/api/taught?before={id_}")) == (400, "bad-option")


def test_while_another_program_changes_the_profile_one_is_told_to_wait_and_reading_goes_on(
    client: TestClient, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    teach(client, 3)
    monkeypatch.setattr("inkread.teaching.store._PATIENCE", 0.05)
    with closing(sqlite3.connect(home / "taught.sqlite", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        for method, address in EVERY_ADDRESS:
            answer = client.request(method, address, content=SEVEN if method == "POST" else None)
            assert problem(answer) == (503, "locked")
            assert answer.headers["retry-after"] == "1"
        assert read(client) == "3"
    assert teach(client, 7)["reading"]["text"] == "7"


def test_a_damaged_profile_is_said_without_where_it_lies(
    client: TestClient, home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    home.mkdir()
    (home / "taught.sqlite").write_bytes(b"no database" * 1000)
    for method, address in [*EVERY_ADDRESS, ("POST", "/api/read")]:
        answer = client.request(method, address, content=SEVEN if method == "POST" else None)
        assert problem(answer) == (500, "bad-profile")
        assert str(home) not in answer.text
    assert f"{home / 'taught.sqlite'}: is damaged" in caplog.text


def test_a_full_profile_takes_no_more() -> None:
    with TestClient(make_app(teaching=True, limits=Limits(lessons=1))) as client:
        teach(client, 3)
        assert problem(client.post("/api/teach?label=1", content=drawing(1))) == (409, "full")
        assert taught(client)["count"] == 1


def test_all_that_was_taught_is_taken_along_as_the_command_line_does(
    client: TestClient, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    teach(client, 3)
    teach(client, 1, drawing(1))
    answer = client.get("/api/taught.zip")
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["content-disposition"] == 'attachment; filename="taught.zip"'
    folder, same = tmp_path / "unpacked", tmp_path / "exported"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        archive.extractall(folder)
    assert main(["teach", "--export", str(same)]) == 0
    files = sorted(path.relative_to(same) for path in same.rglob("*"))
    assert [str(path) for path in files] == ["1", "1/000002.png", "3", "3/000001.png", "taught.json"]
    assert sorted(path.relative_to(folder) for path in folder.rglob("*")) == files
    assert all((folder / path).read_bytes() == (same / path).read_bytes() for path in files if path.suffix)
    assert main(["teach", "--import", str(folder), "--profile", "other"]) == 0
    assert [lesson.label for lesson in Profile("other").lessons()] == [3, 1]
    capsys.readouterr()


def test_each_profile_is_taught_by_itself(client: TestClient) -> None:
    with TestClient(make_app(teaching=True, profile="anna")) as anna:
        teach(anna, 3)
        assert (taught(anna)["profile"], read(anna)) == ("anna", "3")
    assert (taught(client)["count"], read(client)) == (0, "7")


@pytest.mark.parametrize("settings", [{}, {"teaching": True, "profile": None}], ids=["unsaid", "no profile"])
def test_where_nobody_may_teach_nothing_is_taught_shown_or_forgotten(client: TestClient, settings: Any) -> None:
    teach(client, 3)
    with TestClient(make_app(**settings)) as closed:
        assert closed.get("/api/health").json()["teaching"] is False
        for method, address in EVERY_ADDRESS:
            content = SEVEN if method == "POST" else None
            assert problem(closed.request(method, address, content=content)) == (403, "no-teaching")
        assert read(closed) == ("7" if "profile" in settings else "3")
    assert taught(client)["count"] == 1


def test_a_network_that_gives_no_features_is_not_taught(write_network: WriteNetwork, tmp_path: Path) -> None:
    with TestClient(make_app(write_network(tmp_path / "plain.onnx"), teaching=True)) as client:
        assert client.get("/api/health").json()["teaching"] is False
        assert problem(client.post("/api/teach?label=7", content=SEVEN)) == (403, "no-teaching")


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"},
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors"},
        {"Origin": "http://evil.example"},
        {"Origin": "http://testserver:81"},
        {"Origin": "null"},
    ],
    ids=str,
)
def test_no_other_page_teaches_or_forgets(client: TestClient, headers: dict[str, str]) -> None:
    teach(client, 3)
    for method, address in EVERY_ADDRESS:
        if method != "GET":
            content = drawing(1) if method == "POST" else None
            answer = client.request(method, address, content=content, headers=headers)
            assert problem(answer) == (403, "foreign-page")
    assert [lesson["label"] for lesson in taught(client)["taught"]] == [3]
    own = {"Origin": "http://testserver", "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}
    assert client.delete("/api/taught/1", headers=own).status_code == 200


def test_an_explanation_is_that_of_the_command_line_with_its_maps(client: TestClient) -> None:
    told = client.post("/api/explain", content=SEVEN).json()
    schemas.ExplanationSchema.model_validate(told)
    reader = Reader(profile=None)
    file = io.BytesIO(SEVEN)
    file.name = "picture"
    expected = explain(reader.steps(file), reader.classifier.network)
    same = expected.to_dict()
    for key in set(same) - {"layers", "change"}:
        assert told[key] == same[key], key
    assert told["read_as"] == told["answer"] == "7"
    assert expected.change is not None
    assert told["change"]["words"] == expected.change.words
    assert np.allclose(told["change"]["glyph"], expected.change.glyph, atol=1e-3)
    assert [layer["shape"] for layer in told["layers"]] == [list(layer.values.shape) for layer in expected.layers]
    first, layer = told["layers"][0], expected.layers[0]
    strip = np.asarray(Image.open(io.BytesIO(shown(first["png"]))))
    maps, height, width = layer.values.shape
    assert strip.shape == (maps * height, width)
    assert first["largest"] == layer.order.tolist()
    assert np.allclose(strip[:height], 255 * layer.values[layer.order[0]] / layer.values.max(), atol=1)
    assert np.allclose(told["layers"][-1]["values"], expected.layers[-1].values, atol=1e-4)


def test_what_was_taught_is_told_beside_what_the_network_finds(client: TestClient) -> None:
    teach(client, 3)
    told = client.post("/api/explain", content=SEVEN).json()
    assert (told["answer"], told["read_as"]) == ("7", "3")


def test_a_digit_of_several_is_explained_and_a_missing_one_is_said(client: TestClient) -> None:
    pair = drawing(4, 2)
    told = client.post("/api/explain?digit=2", content=pair).json()
    assert (told["digit"], told["of"], told["answer"]) == (2, 2, "2")
    assert problem(client.post("/api/explain?digit=3", content=pair)) == (400, "bad-option")
    assert problem(client.post("/api/explain?digit=0", content=pair)) == (400, "bad-option")
    assert problem(client.post("/api/explain", content=BLANK)) == (422, "blank")
    assert problem(client.post("/api/explain", content=b"a text")) == (415, "not-a-picture")


def test_reading_goes_on_while_digits_are_explained_and_further_ones_are_told_to_wait(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()

    def slow(*_: Any, **__: Any) -> Any:
        go_on.wait(20)
        raise PictureError("nothing to explain", code="blank")

    monkeypatch.setattr("inkread.web.service.explain", slow)
    asking = [threading.Thread(target=client.post, args=["/api/explain"], kwargs={"content": SEVEN}) for _ in range(16)]
    for thread in asking:
        thread.start()
    while "inkread_waiting 16.0" not in client.get("/metrics").text:
        pass
    assert read(client) == "7"
    assert problem(client.post("/api/explain", content=SEVEN)) == (503, "busy")
    go_on.set()
    for thread in asking:
        thread.join(60)


def test_what_is_taught_and_explained_is_counted(client: TestClient) -> None:
    teach(client, 3)
    client.post("/api/explain", content=SEVEN)
    client.post("/api/explain", content=BLANK)
    text = client.get("/metrics").text
    for outcome in ("taught", "explained", "blank"):
        assert f'inkread_pictures_total{{outcome="{outcome}"}} 1.0' in text
