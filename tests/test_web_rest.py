"""The REST interface: what programs send and get, and the code of every problem."""

from __future__ import annotations

import base64
import io
import json
import os
import re
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest
import schemathesis
from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx2 import Response
from hypothesis import HealthCheck, given, settings
from PIL import Image
from schemathesis import Case
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import positive_data_acceptance

import inkread
from helpers.asking import BLANK, SEVEN, drawing, png, problem
from helpers.documents import digit_page, encrypted_pdf, endless_pdf
from helpers.printed import BELOW_PRINT, FORM_LINES, form
from inkread import Reader
from inkread.drawing import draw_digit
from inkread.options import ReadOptions
from inkread.pictures import pdf
from inkread.web import schemas, service
from inkread.web.app import make_app
from inkread.web.limits import Limits
from inkread.web.listening import LOCAL_HOSTS
from inkread.web.problems import STATUS, problem_of_value
from inkread.web.service import Question

DOCS = Path(__file__).parents[1] / "docs" / "web.md"

# Only what the limits of this application are told to be is refused as too much.
# There is time to read on machines that do other things too.
LIMITS = Limits(bytes=60_000, total_bytes=200_000, files=4, reading_seconds=300)


@pytest.fixture(scope="module")
def app() -> FastAPI:
    return make_app(limits=LIMITS, teaching=True)


@pytest.fixture(scope="module")
def client(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app) as client:
        yield client


def test_a_picture_as_body_is_answered_with_the_json_of_the_command_line(client: TestClient, reader: Reader) -> None:
    response = client.post("/api/read", content=SEVEN, headers={"X-Picture-Name": quote("Büro/7 .png")})
    file = io.BytesIO(SEVEN)
    file.name = "Büro/7 .png"
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert response.json() == reader.read(file).to_dict()
    assert response.json()["text"] == "7"


def test_the_content_type_of_a_body_says_nothing(client: TestClient) -> None:
    for kind in ("image/png", "text/plain", "application/x-www-form-urlencoded", "application/json", "?"):
        assert client.post("/api/read", content=SEVEN, headers={"Content-Type": kind}).json()["text"] == "7"


def test_a_picture_without_a_name_is_called_picture(client: TestClient) -> None:
    assert client.post("/api/read", content=SEVEN).json()["picture"] == "picture"
    assert client.post("/api/read", content=SEVEN, headers={"X-Picture-Name": "%00%0a"}).json()["picture"] == "picture"


def test_one_file_in_a_form_is_answered_like_a_body(client: TestClient) -> None:
    response = client.post("/api/read", files={"any": ("7.png", SEVEN)}, data={"other": "words"})
    assert (response.json()["picture"], response.json()["text"]) == ("7.png", "7")


def test_several_files_make_a_list_in_their_order_with_errors_in_place(client: TestClient) -> None:
    files = [("p", ("a.png", drawing(1))), ("q", ("b.txt", b"words")), ("p", ("c.png", b"")), ("p", ("d.png", BLANK))]
    answers = client.post("/api/read", files=files).json()
    assert [answer["picture"] for answer in answers] == ["a.png", "b.txt", "c.png", "d.png"]
    assert answers[0]["text"] == "1"
    assert [answers[at]["error"]["code"] for at in (1, 2)] == ["not-a-picture", "empty"]
    assert answers[3]["refused"]["code"] == "blank"


def test_a_large_file_in_a_form_never_touches_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    def rollover(_: object) -> None:
        raise AssertionError("the upload went to the disk")

    monkeypatch.setattr(tempfile.SpooledTemporaryFile, "rollover", rollover)
    noise = png(np.random.default_rng(0).integers(0, 256, (1500, 1500), np.uint8))
    assert len(noise) > 2_000_000
    with TestClient(make_app()) as client:
        assert client.post("/api/read", files={"p": ("noise.png", noise)}).json()["refused"]


def test_options_are_those_of_the_command_line(client: TestClient, reader: Reader) -> None:
    pair = png(np.hstack([draw_digit(d, rng=np.random.default_rng(d), size=(200, 140)) for d in (4, 2)]))
    one, number = (client.post(f"/api/read?as={as_}", content=pair).json() for as_ in ("digit", "number"))
    assert one["digits"] == reader.read(pair, as_="digit").to_dict()["digits"]
    assert number["text"] == "42"
    refused = client.post("/api/read?min_confidence=1", content=pair).json()
    assert refused["refused"]["code"] == "unsure"


def test_what_is_not_in_the_text_is_said_and_a_region_leaves_it_out(client: TestClient, reader: Reader) -> None:
    page = png(form())
    whole = client.post("/api/read", content=page).json()
    schemas.ReadingSchema.model_validate(whole)
    assert whole["lines"] == list(FORM_LINES)
    assert whole["unread"] == reader.read(page).to_dict()["unread"]
    assert whole["unread"]
    part = client.post(f"/api/read?steps=1&region={','.join(map(str, BELOW_PRINT))}", content=page).json()
    schemas.ReadingSchema.model_validate(part)
    assert (part["lines"], part["unread"]) == (list(FORM_LINES), [])
    assert (part["steps"]["size"], part["steps"]["corner"]) == ([700, 360], [0, 60])


def test_print_and_region_reach_the_reader(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[ReadOptions] = []
    read = Reader.run

    def run(reader: Reader, picture: Any, options: ReadOptions, **more: Any) -> Any:
        asked.append(options)
        return read(reader, picture, options, **more)

    monkeypatch.setattr(Reader, "run", run)
    client.post("/api/read?print=skip&region=0,0,300,290", content=SEVEN)
    client.post("/api/explain?print=read&region=0,0,300,290", content=SEVEN)
    assert asked == [ReadOptions(print_=print_, region=(0, 0, 300, 290)) for print_ in ("skip", "read")]


def test_steps_show_the_ink_and_what_the_network_sees(client: TestClient, reader: Reader) -> None:
    reading = client.post("/api/read?steps=1", content=SEVEN).json()
    steps = reader.steps(SEVEN)
    schemas.ReadingSchema.model_validate(reading)
    shown = reading["steps"]
    assert set(shown) == {"size", "corner", "ink", "glyphs"}
    assert (shown["size"], shown["corner"]) == ([300, 300], [0, 0])
    assert np.allclose(pixels(shown["ink"]["png"]), 255 * (1 - steps.ink), atol=0.51)
    (glyph,) = shown["glyphs"]
    assert np.allclose(pixels(glyph["png"]), 255 * steps.glyphs[0], atol=0.51)
    assert np.allclose(glyph["probabilities"], steps.probabilities[0], atol=1e-6)
    assert glyph["box"] == reading["digits"][0]["box"]


def test_the_page_is_shown_upright_and_in_its_colours(client: TestClient) -> None:
    picture = np.full((60, 40, 3), (250, 240, 10), np.uint8)
    picture[10:50, 18:22] = (0, 0, 160)
    file = io.BytesIO()
    exif = Image.Exif()
    # It has to be turned clockwise by a quarter.
    exif[0x0112] = 6
    Image.fromarray(picture).save(file, "PNG", exif=exif)
    shown = client.post("/api/read?picture=1&as=digit", content=file.getvalue()).json()["steps"]
    page = pixels(shown["picture"]["jpeg"])
    assert (page.shape, shown["size"]) == ((40, 60, 3), [60, 40])
    assert np.allclose(page[3, 3], (250, 240, 10), atol=6)
    assert page[20, 30, 2] > 100 > page[20, 30, 0]


def pages_in(kind: str) -> bytes:
    """Return a file with a 1, a 4 and a 7 on its pages."""
    file = io.BytesIO()
    first, *others = [digit_page(digit) for digit in (1, 4, 7)]
    first.save(file, kind, save_all=True, append_images=others)
    return file.getvalue()


@pytest.mark.parametrize("kind", ["PDF", "GIF"])
def test_all_pages_of_a_document_are_a_list(client: TestClient, kind: str) -> None:
    readings = client.post("/api/read", content=pages_in(kind), headers={"X-Picture-Name": "scan"}).json()
    told = [(reading["picture"], reading["page"], reading["text"]) for reading in readings]
    assert told == [("scan#1", 1, "1"), ("scan#2", 2, "4"), ("scan#3", 3, "7")]
    assert list(readings[0]) == list(client.post("/api/read", content=SEVEN).json())


def test_one_page_of_a_document_is_an_object_that_tells_how_many_there_are(client: TestClient) -> None:
    scan = pages_in("PDF")
    reading = client.post("/api/read?page=2&picture=1", content=scan, headers={"X-Picture-Name": "scan.pdf"}).json()
    assert (reading["picture"], reading["page"], reading["pages"], reading["text"]) == ("scan.pdf#2", 2, 3, "4")
    assert pixels(reading["steps"]["picture"]["jpeg"]).shape == (320, 240, 3)
    assert client.post("/api/read?page=1", content=SEVEN).json()["pages"] == 1
    assert problem(client.post("/api/read?page=4", content=scan)) == (400, "bad-option")


def test_some_pages_of_a_document_are_a_list_even_of_one(client: TestClient) -> None:
    scan = pages_in("PDF")
    assert [page["text"] for page in client.post("/api/read?pages=1,3", content=scan).json()] == ["1", "7"]
    assert [page["picture"] for page in client.post("/api/read?pages=2", content=scan).json()] == ["picture#2"]
    for pages in ("4", "2-1", "x", "1&page=1"):
        assert problem(client.post(f"/api/read?pages={pages}", content=scan)) == (400, "bad-option")


def test_the_pages_of_a_request_are_bounded_even_if_they_are_chosen(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "MAX_PAGES", 2)
    assert problem(client.post("/api/read?pages=1-", content=pages_in("PDF"))) == (413, "too-many-pages")


def test_the_pages_of_each_file_of_a_form_are_in_one_list(client: TestClient) -> None:
    files = [("a", ("7.png", SEVEN)), ("b", ("scan.pdf", pages_in("PDF"))), ("c", ("8.txt", b"no picture"))]
    told = [each["picture"] for each in client.post("/api/read", files=files).json()]
    assert told == ["7.png", "scan.pdf#1", "scan.pdf#2", "scan.pdf#3", "8.txt"]


def test_a_page_that_takes_too_long_is_a_problem(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf, "MAX_SECONDS", 1.0)
    assert problem(client.post("/api/read", content=endless_pdf())) == (422, "too-complex")


def test_ways_out_of_problems_are_those_of_the_interface(client: TestClient) -> None:
    locked = client.post("/api/read", content=encrypted_pdf(b"", "x"))
    assert problem(locked) == (422, "encrypted")
    assert locked.json()["detail"] == "picture: is encrypted; give its password in the header X-Picture-Password"


def test_the_password_of_a_pdf_is_a_header_and_stays_secret(
    client: TestClient, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(0)
    locked = encrypted_pdf(b"8 w 60 225 m 140 225 l 90 60 l S ", "geheim 7")

    def answered(address: str, password: str) -> Response:
        return client.post(address, content=locked, headers={"X-Picture-Password": quote(password)})

    assert answered("/api/read", "geheim 7").json()["text"] == "7"
    assert answered("/api/explain", "geheim 7").json()["read_as"] == "7"
    # The label has too many digits, which is found out only after the PDF was opened.
    assert problem(answered("/api/teach?label=777", "geheim 7")) == (422, "other-digits")
    files = {"a": ("a.pdf", locked), "b": ("b.png", BLANK)}
    pages = client.post("/api/read", files=files, headers={"X-Picture-Password": "geheim%207"}).json()
    assert [page["text"] for page in pages] == ["7", ""]
    for address in ("/api/read", "/api/explain", "/api/teach?label=7"):
        wrong = answered(address, "geheim 8")
        assert problem(wrong) == (422, "wrong-password")
        assert "geheim" not in wrong.text
    said = capfd.readouterr()
    assert "geheim" not in caplog.text + said.out + said.err + client.get("/metrics").text
    assert "geheim" not in repr(Question(password="geheim"))  # noqa: S106


def test_a_page_is_taught_and_explained(client: TestClient) -> None:
    scan = pages_in("PDF")
    assert client.post("/api/explain?page=3", content=scan).json()["read_as"] == "7"
    assert client.post("/api/explain", content=scan).json()["read_as"] == "1"


def test_of_what_is_refused_the_glyph_is_shown_with_its_box(client: TestClient) -> None:
    scribble = np.full((120, 200), 255, np.uint8)
    scribble[50:70, 20:180] = 0
    reading = client.post("/api/read?steps=1&min_confidence=1", content=png(scribble)).json()
    assert reading["refused"]
    x, y, w, h = reading["steps"]["glyphs"][0]["box"]
    assert abs(x - 20) <= 3
    assert abs(y - 50) <= 3
    assert abs(w - 160) <= 6
    assert abs(h - 20) <= 6


def test_a_blank_picture_has_no_glyphs(client: TestClient) -> None:
    reading = client.post("/api/read?steps=1", content=BLANK).json()
    assert (reading["refused"]["code"], reading["steps"]["glyphs"]) == ("blank", [])


def pixels(encoded: str) -> Any:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(encoded))))


def bomb() -> bytes:
    """Return a PNG of a few bytes that says it has more pixels than may be decoded."""
    header = bytearray(png(np.zeros((1, 1), np.uint8)))
    header[16:24] = (50_000).to_bytes(4, "big") * 2
    header[29:33] = zlib.crc32(header[12:29]).to_bytes(4, "big")
    return bytes(header)


@pytest.mark.parametrize(
    ("options", "content", "expected"),
    [
        ("", b"", (400, "no-picture")),
        ("as=letter", SEVEN, (400, "bad-option")),
        ("min_confidence=2", SEVEN, (400, "bad-option")),
        ("min_confidence=nan", SEVEN, (400, "bad-option")),
        ("print=maybe", SEVEN, (400, "bad-option")),
        ("region=1,2,3", SEVEN, (400, "bad-option")),
        ("region=0,0,0,9", SEVEN, (400, "bad-option")),
        ("region=0,0,301,300", SEVEN, (422, "bad-region")),
        ("steps=2", SEVEN, (400, "bad-option")),
        ("", bytes(LIMITS.bytes + 1), (413, "too-large")),
        ("", bomb(), (413, "too-large")),
        ("", b"a text", (415, "not-a-picture")),
        ("", b"<svg xmlns='http://www.w3.org/2000/svg'/>", (415, "not-a-picture")),
        ("", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 1 1\n", (415, "not-a-picture")),
        ("", SEVEN[:2000], (422, "truncated")),
        ("", SEVEN[:4], (422, "truncated")),
    ],
)
def test_every_bad_upload_has_its_status_and_code(
    client: TestClient, options: str, content: bytes, expected: tuple[int, str]
) -> None:
    assert problem(client.post(f"/api/read?{options}", content=content)) == expected


@pytest.mark.parametrize(
    ("options", "detail"),
    [
        ("as=letter", "as: must be 'auto', 'digit', 'number', 'lines' or 'table'."),
        ("min_confidence=2", "min_confidence: must be at most 1.0."),
        ("min_confidence=x", "min_confidence: must be a number."),
        ("steps=x", "steps: must be a whole number."),
        ("region=1", "region: give X,Y,W,H in whole pixels of the upright picture, such as 120,40,300,80."),
    ],
)
def test_a_bad_option_is_said_in_our_words(client: TestClient, options: str, detail: str) -> None:
    assert client.post(f"/api/read?{options}", content=SEVEN).json()["detail"] == detail


def test_no_word_of_pydantic_comes_before_a_sentence_of_ours() -> None:
    error = {
        "loc": ("query", "expect"),
        "type": "value_error",
        "msg": "Value error, it has no end",
        "ctx": {"error": 1},
    }
    assert problem_of_value(error).detail == "expect: it has no end."


def test_bad_forms_have_their_status_and_code(client: TestClient) -> None:
    def post(**form: Any) -> tuple[int, str]:
        return problem(client.post("/api/read", **form))

    assert post(files={"p": ("a.png", b"")}) == (400, "no-picture")
    words = b'--x\r\nContent-Disposition: form-data; name="p"\r\n\r\nwords\r\n--x--\r\n'
    assert post(content=words, headers={"Content-Type": "multipart/form-data; boundary=x"}) == (400, "no-picture")
    broken = {"Content-Type": "multipart/form-data; boundary=x"}
    assert post(content=b"--x\r\nno header", headers=broken) == (400, "bad-form")
    assert post(content=SEVEN, headers=broken) == (400, "bad-form")
    assert post(content=SEVEN, headers={"Content-Type": "multipart/form-data"}) == (400, "bad-form")
    assert post(files=[("p", ("a.png", SEVEN))] * 5) == (413, "too-large")
    assert post(files={"p": ("a.png", bytes(LIMITS.bytes + 1)), "q": ("b.png", SEVEN)}) == (413, "too-large")
    assert post(files=[("p", ("a.png", bytes(LIMITS.bytes)))] * 4) == (413, "too-large")


def test_a_body_that_lies_about_its_length_is_bounded_all_the_same(client: TestClient) -> None:
    chunks = (bytes(10_000) for _ in range(100))
    response = client.post("/api/read", content=chunks)
    assert "content-length" not in response.request.headers
    assert problem(response) == (413, "too-large")


def test_unknown_addresses_and_methods_are_problems_too(client: TestClient) -> None:
    assert problem(client.get("/nothing")) == (404, "not-found")
    assert problem(client.get("/static/../app.py")) == (404, "not-found")
    assert problem(client.get("/static/%2e%2e/app.py")) == (404, "not-found")
    assert problem(client.get("/docs")) == (404, "not-found")
    refused = client.get("/api/read")
    assert problem(refused) == (405, "not-allowed")
    assert refused.headers["allow"] == "POST"
    assert problem(client.post("/")) == (405, "not-allowed")


def test_health_tells_version_and_limits(client: TestClient) -> None:
    answer = client.get("/api/health").json()
    assert (answer["status"], answer["version"], answer["teaching"]) == ("ok", inkread.__version__, True)
    assert answer["limits"] == LIMITS.to_dict()


def test_the_model_tells_its_card(client: TestClient, reader: Reader) -> None:
    assert client.get("/api/model").json() == json.loads(reader.card.to_json())


def test_metrics_count_requests_and_pictures_and_name_no_user() -> None:
    with TestClient(make_app()) as client:
        client.post("/api/read", content=SEVEN, headers={"X-Picture-Name": "secret"})
        client.post("/api/read", content=b"secret")
        client.get("/secret")
        text = client.get("/metrics").text
    assert 'inkread_requests_total{path="/api/read",status="200"} 1.0' in text
    assert 'inkread_requests_total{path="/api/read",status="415"} 1.0' in text
    assert 'inkread_requests_total{path="other",status="404"} 1.0' in text
    assert 'inkread_pictures_total{outcome="read"} 1.0' in text
    assert 'inkread_pictures_total{outcome="not-a-picture"} 1.0' in text
    assert "inkread_waiting 0.0" in text
    assert "process_resident_memory_bytes" in text
    assert "secret" not in text


def test_every_answer_forbids_what_is_foreign(client: TestClient) -> None:
    answers = [
        client.get("/"),
        client.get("/static/main.js"),
        client.get("/api/health"),
        client.get("/nothing"),
        client.post("/api/read", content=SEVEN),
        client.post("/api/read", content=b"words"),
        client.options("/api/read", headers={"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"}),
    ]
    for answer in answers:
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; ")
        assert not re.search(r"\*|https?:|unsafe|data:(?! blob:; media)", policy)
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["cache-control"] in {"no-store", "no-cache"}
        assert not [name for name in answer.headers if name.startswith("access-control-")]


def test_the_page_is_served_compressed_and_revalidated(client: TestClient) -> None:
    page = client.get("/")
    assert page.headers["content-type"].startswith("text/html")
    assert page.headers["content-encoding"] == "gzip"
    again = client.get("/", headers={"If-None-Match": page.headers["etag"]})
    assert again.status_code == 304


def test_foreign_names_of_this_machine_are_refused() -> None:
    with TestClient(make_app(hosts=LOCAL_HOSTS), base_url="http://127.0.0.1:8000") as client:
        for host in ("127.0.0.1:8000", "localhost", "LOCALHOST:1", "[::1]:8000"):
            assert client.get("/api/health", headers={"Host": host}).status_code == 200
        for host in ("evil.example", "127.0.0.1.evil.example", "localhost.evil.example:8000", "[::1", ""):
            assert problem(client.get("/api/health", headers={"Host": host})) == (421, "wrong-host")


def test_pages_of_other_sites_are_refused(client: TestClient) -> None:
    foreign = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}
    assert problem(client.post("/api/read", content=SEVEN, headers=foreign)) == (403, "foreign-page")
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert client.get("/", headers=link).status_code == 200
    assert problem(client.post("/api/read", content=SEVEN, headers=link)) == (403, "foreign-page"), "a form"
    beside = {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors"}
    assert problem(client.post("/api/read", content=SEVEN, headers=beside)) == (403, "foreign-page"), "another port"
    # Browsers send no Sec-Fetch-Site to other machines without encryption.
    for origin in ("http://evil.example", "http://testserver:81", "null"):
        answer = client.post("/api/read", content=SEVEN, headers={"Origin": origin})
        assert problem(answer) == (403, "foreign-page"), origin
    assert client.post("/api/read", content=SEVEN, headers={"Origin": "http://testserver"}).status_code == 200
    own = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}
    assert client.post("/api/read", content=SEVEN, headers=own).status_code == 200


def test_a_defect_is_a_problem_without_its_inside(
    app: FastAPI, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("inkread.web.service.answer", lambda *_: os.environ["INSIDE"])
    client = TestClient(app, raise_server_exceptions=False)
    response = client.post("/api/read", content=SEVEN, headers={"X-Picture-Name": "secret"})
    assert problem(response) == (500, "failed")
    assert "INSIDE" not in response.text
    assert "x-frame-options" in response.headers
    assert "KeyError" in caplog.text
    assert "secret" not in caplog.text


def test_the_docs_list_every_problem_with_its_status() -> None:
    rows = re.findall(r"^\| (\d{3}) \| (.+?) \|", DOCS.read_text(encoding="utf-8"), re.MULTILINE)
    listed = {code: int(status) for status, codes in rows for code in re.findall("`([a-z-]+)`", codes)}
    assert listed == STATUS


def test_what_is_expected_of_numbers(client: TestClient) -> None:
    seven = client.post("/api/read?expect=[127]&max=9", content=SEVEN).json()
    assert (seven["text"], seven["numbers"][0]["value"]) == ("7", "7")
    assert client.post(r"/api/read?expect=\d{3}", content=SEVEN).json()["refused"]["code"] == "unfit"
    assert client.post("/api/read?allowed=12&allowed=7", content=SEVEN).json()["text"] == "7"
    assert client.post("/api/read?allowed=12&allowed=77", content=SEVEN).json()["refused"]["code"] == "unfit"


@pytest.mark.parametrize(
    "query", ["expect=(7", "min=5&max=4", "allowed=", "min=nan", "check=crc", "decimal=;", "order=YMD"]
)
def test_an_expectation_that_cannot_be_used_is_a_bad_option(client: TestClient, query: str) -> None:
    answer = client.post(f"/api/read?{query}", content=SEVEN)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad-option")


def test_the_examples_of_the_description_are_what_it_describes(client: TestClient) -> None:
    described = client.get("/openapi.json").json()
    content = described["paths"]["/api/read"]["post"]["responses"]["200"]["content"]["application/json"]
    values = [example["value"] for example in content["examples"].values()]
    for value in [values[0], values[1], values[2][0]]:
        schemas.ReadingSchema.model_validate(value)
    schemas.Failure.model_validate(values[2][1])
    assert values[0].keys() == client.post("/api/read", content=SEVEN).json().keys()


def test_the_service_does_what_its_description_says(app: FastAPI) -> None:
    found = schemathesis.openapi.from_asgi("/openapi.json", app).get_all_operations()
    operations = [result.ok() for result in found if isinstance(result, Ok)]
    assert {operation.path for operation in operations} == {
        *("/api/read", "/api/explain", "/api/model", "/api/health", "/metrics"),
        *("/api/teach", "/api/taught", "/api/taught/{id}", "/api/taught.zip"),
    }
    for operation in operations:

        @given(case=operation.as_strategy())
        @settings(max_examples=50, suppress_health_check=list(HealthCheck))
        def ask(case: Case[Any]) -> None:
            # No schema can say what is a picture.
            case.call_and_validate(excluded_checks=[positive_data_acceptance])

        ask()
