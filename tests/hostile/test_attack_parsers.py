"""Fuzzing the parsers that are ours: whatever the bytes, they are read or refused in one line, and soon.

    INKREAD_FUZZ=100000 python -m pytest tests/hostile/test_attack_parsers.py

runs as many examples of each, other ones in every run.
"""

from __future__ import annotations

import base64
import copy
import gzip
import importlib.util
import io
import json
import os
import struct
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import attacks
import cv2
import numpy as np
import pytest
from attacks import blank, encoded
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from inkread import DataError, InkreadError, PictureError, Reader
from inkread.datasets.mnist import read_idx
from inkread.models.card import CARD_NAME, load_card
from inkread.models.onnx_graph import field, nodes_of
from inkread.models.session import check_onnx
from inkread.pictures.bounds import check_bounds
from inkread.pictures.opening import open_picture
from inkread.reviewing.review import Review
from inkread.sheets.codes import SheetCode, marker_cells
from inkread.sheets.finding import find_sheet
from inkread.sheets.form_file import read_form
from inkread.sheets.forms import fields_as_json
from inkread.sheets.page_layout import Rect, code_places, marker_places
from inkread.teaching.exchange import LIST_NAME, import_lessons

EXAMPLES = int(os.environ.get("INKREAD_FUZZ", "0"))

FORM = """
title = "Temperatures"
paper = "A4"
[[field]]
name = "day"
kind = "date"
order = "DMY"
min = 2026-01-01
[[field]]
name = "value"
kind = "decimal"
digits = 4
decimals = 1
min = -9.5
max = 40
rows = 3
[[field]]
name = "shelf"
kind = "integer"
digits = 2
allowed = ["18", "0"]
check = "luhn"
[[field]]
name = "state"
kind = "choice"
choices = ["good", "bad"]
"""


def fuzz(examples: int) -> Callable[..., Any]:
    """Return hypothesis's settings: `examples` each time, or as many as INKREAD_FUZZ says."""
    return settings(
        max_examples=EXAMPLES or examples,
        derandomize=not EXAMPLES,
        database=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )


# What makes parsers stumble: ends of numbers, lengths that are too large, and bytes with a meaning in a format.
AWKWARD = st.sampled_from(
    [b"\0", b"\xff", b"\x7f", b"\x80", b"\xff" * 4, b"\xff" * 9, b"\0" * 8, b"\xff\xda", b"[", b'"']
)


@st.composite
def damaged(draw: st.DrawFn, content: bytes, *, most: int = 6) -> bytes:
    """Return some bytes with a few of them changed, taken out, put in, repeated or cut off."""
    found = bytearray(content)
    for _ in range(draw(st.integers(1, most))):
        at = draw(st.integers(0, len(found)))
        length = draw(st.integers(0, 12))
        kind = draw(st.integers(0, 4))
        if kind == 0:
            found[at : at + length] = draw(st.binary(min_size=length, max_size=length))
        elif kind == 1:
            found[at:at] = draw(AWKWARD)
        elif kind == 2:
            found[at : at + length] = b""
        elif kind == 3:
            found[at:at] = found[draw(st.integers(0, len(found))) :][: draw(st.integers(0, 200))]
        else:
            found[at : at + 1] = draw(AWKWARD)
    return bytes(found[: draw(st.integers(0, len(found)))] if draw(st.integers(0, 5)) == 0 else found)


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(
        [-1, 2**31, 2**63, 10**400, 1e308, "", "0", "9" * 400, "\0", "\ud800", "/etc/passwd", "../a.png"]
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@st.composite
def changed(draw: st.DrawFn, tree: Any) -> Any:
    """Return a JSON value with a few of its values replaced, taken out or put in twice."""
    tree = copy.deepcopy(tree)
    for _ in range(draw(st.integers(1, 3))):
        places = list(_places(tree))
        if not places:
            return draw(ANYTHING)
        holder, key = draw(st.sampled_from(places))
        kind = draw(st.integers(0, 3))
        if kind == 0:
            del holder[key]
        elif kind == 1 and isinstance(holder, list):
            holder.insert(key, copy.deepcopy(holder[key]))
        elif kind == 2:
            holder[key] = copy.deepcopy(draw(st.sampled_from([each[key] for each, key in places])))
        else:
            holder[key] = draw(ANYTHING)
    return tree


def _places(tree: Any) -> Iterator[tuple[Any, Any]]:
    keys: Any = tree if isinstance(tree, dict) else range(len(tree)) if isinstance(tree, list) else ()
    for key in keys:
        yield tree, key
        yield from _places(tree[key])


def in_one_line(read: Callable[[], object], *others: type[Exception]) -> None:
    """Read something hostile, which must succeed or fail with one of our errors, in one line."""
    try:
        read()
    except InkreadError as error:
        said = error.message
    except others:
        return
    else:
        return
    assert said
    assert "\n" not in said
    assert len(said) < 1000


NUMBERS = st.integers(0, 2**70) | st.sampled_from([0, 1, 2**32, 2**63, 2**64 - 1])


def varint(number: int) -> bytes:
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def messages() -> st.SearchStrategy[bytes]:
    """Return messages of protobuf inside each other, with the field numbers of ONNX."""
    number, holders = st.integers(0, 26), st.sampled_from([1, 5, 7, 20, 25, 6, 11, 15])
    plain = (
        st.builds(lambda at, value: varint(at << 3) + varint(value), number, NUMBERS)
        | st.builds(field, number, st.binary(max_size=12))
        | st.builds(
            lambda at, wire, rest: varint(at << 3 | wire) + rest, number, st.integers(1, 7), st.binary(max_size=9)
        )
    )
    return st.recursive(
        st.lists(plain, max_size=4).map(b"".join),
        lambda inner: st.lists(plain | st.builds(field, holders, inner), max_size=4).map(b"".join),
        max_leaves=12,
    )  # fmt: skip


@fuzz(200)
@given(messages() | st.binary(max_size=60) | messages().flatmap(damaged))
def test_any_protobuf_is_a_graph_or_none(content: bytes) -> None:
    in_one_line(lambda: check_onnx(content, Path("a.onnx")))
    in_one_line(lambda: nodes_of(content), ValueError)


def idx(*sides: int, content: bytes = b"") -> bytes:
    return struct.pack(f">{1 + len(sides)}I", 0x800 | len(sides), *sides) + content


@fuzz(200)
@given(
    damaged(idx(3, 28, 28, content=bytes(3 * 784)))
    | damaged(gzip.compress(idx(9, content=bytes(9)), mtime=0))
    | st.builds(idx, *[st.integers(0, 2**32 - 1)] * 3)
)
def test_any_idx_is_read_or_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a-idx").write_bytes(content)
    in_one_line(lambda: read_idx(tmp_path / "a-idx"))


LINES = FORM.strip().splitlines()
VALUES = st.sampled_from(
    ['"\\u0000"', '"a\\nb"', "-1", "0", "1e999", "nan", "-inf", "true", "[]", "{}", '""', "[[1]]", "2026-02-30",
     "0001-01-01", "9999-12-31", "25:00:00", "2026-01-01T00:00:00Z", '"' + "x" * 300 + '"', "9" * 400, "1e-400",
     '["1", 1]', '"/etc/passwd"', '"."', '"number"', '"time"', '"date"', '"tick"', "3", "12", '["1", "23"]', "0x10",
     "1_0"]
)  # fmt: skip
KEYS = st.sampled_from(
    ["title", "name", "kind", "label", "digits", "decimals", "min", "max", "allowed", "allowed_column", "check",
     "order", "choices", "rows", "paper", "orientation", "above", "below", "field", "a.b", '""', "picture", "unit",
     "table", "first_row", "boxes", "row_height", "column"]
)  # fmt: skip


@st.composite
def forms(draw: st.DrawFn) -> str:
    """Return the text of a form with some of its lines changed."""
    lines = list(LINES)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(lines) - 1))
        key, _, value = lines[at].partition(" = ")
        kind = draw(st.integers(0, 3))
        if kind == 0:
            lines[at] = f"{key} = {draw(VALUES)}"
        elif kind == 1:
            lines.insert(at, f"{draw(KEYS)} = {draw(VALUES)}")
        elif kind == 2:
            lines[at] = f"{draw(KEYS)} = {value}"
        else:
            del lines[at]
    return "\n".join(lines)


@fuzz(200)
@example(FORM.replace('["18", "0"]', r'"\u0000"').encode())
@given(forms().map(str.encode) | damaged(FORM.encode()) | st.just(b"a = " + b"[" * 5000))
def test_any_form_is_read_or_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "form.toml").write_bytes(content)
    in_one_line(lambda: read_form(tmp_path / "form.toml"))


PAPER, DOTS = (210.0, 297.0), 3
"""The size of a sheet of A4 in millimetres, and of its picture in pixels per millimetre."""

SHEET = SheetCode("TEMPERATURES", "0A1B2C3D", 7, 1)


def drawn(picture: NDArray[np.uint8], cells: NDArray[np.bool_], place: Rect) -> None:
    """Draw the cells of a marker or code at its place on a sheet."""
    x, y, w, h = (round(side * DOTS) for side in place)
    shown = np.where(cells, 0, 255).astype(np.uint8)
    picture[y : y + h, x : x + w] = cv2.resize(shown, (w, h), interpolation=cv2.INTER_NEAREST)


@st.composite
def sheets(draw: st.DrawFn) -> NDArray[np.uint8]:
    """Return a picture of a sheet whose markers are swapped, whose codes are damaged, and that is bent and covered."""
    picture = np.full((round(PAPER[1] * DOTS), round(PAPER[0] * DOTS)), 255, np.uint8)
    places = marker_places(PAPER)
    for corner, other in zip(places, draw(st.permutations(list(places)) | st.just(list(places))), strict=True):
        drawn(picture, marker_cells(draw(st.sampled_from([corner] * 9 + [1]))), places[other])
    for place in code_places(PAPER):
        cells = SHEET.cells()
        for row, column in draw(st.lists(st.tuples(st.integers(0, 24), st.integers(0, 24)), max_size=90)):
            cells[row, column] ^= True
        drawn(picture, cells, place)
    height, width = picture.shape
    side = st.integers(-300, 300)
    moved = [(x + draw(side), y + draw(side)) for x, y in ((0, 0), (width, 0), (width, height), (0, height))]
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    if draw(st.booleans()):
        warp = cv2.getPerspectiveTransform(corners, np.array(moved, np.float32))
        picture = cv2.warpPerspective(picture, warp, (width, height), borderValue=255).astype(np.uint8)
    for _ in range(draw(st.integers(0, 3))):
        x, y = draw(st.integers(0, width)), draw(st.integers(0, height))
        picture[y : y + draw(st.integers(0, 300)), x : x + draw(st.integers(0, 300))] = draw(st.integers(0, 255))
    return picture[: draw(st.integers(1, height))] if draw(st.integers(0, 5)) == 0 else picture


@fuzz(8)
@given(sheets())
def test_any_sheet_is_found_or_refused(picture: NDArray[np.uint8]) -> None:
    in_one_line(lambda: find_sheet(picture, "a", PAPER))


def test_the_sheet_of_the_attacks_is_found_as_long_as_it_is_whole() -> None:
    picture = np.full((round(PAPER[1] * DOTS), round(PAPER[0] * DOTS)), 255, np.uint8)
    for corner, place in marker_places(PAPER).items():
        drawn(picture, marker_cells(corner), place)
    for place in code_places(PAPER):
        drawn(picture, SHEET.cells(), place)
    assert find_sheet(picture, "a", PAPER).code == SHEET


@fuzz(200)
@given(st.from_regex(r"IR1:[A-Z0-9-]{1,14}:[0-9A-F]{8}:\d{1,4}:\d{1,2}", fullmatch=True) | st.text(max_size=40))
@example("IR1:A:01234567:0001:0")
def test_any_text_of_a_code_is_that_of_a_page_or_none(text: str) -> None:
    code = SheetCode.of(text)
    assert code is None or 1 <= code.page <= 99
    assert code is None or (text.isascii() and SheetCode.of(code.text) == code)


def audit_of(form: Path) -> list[dict[str, Any]]:
    """Return the entries of an audit: a form, a value of one of its sheets, and the page it is on."""
    where = {"picture": "a.jpg", "sha256": "0", "picture_page": 1, "sheet": "0007", "page": 1}
    said = {"outcome": "unsure", "read": "12.5", "value": "12.5", "confidence": 0.5, "probabilities": [], "crop": "c/a"}
    fields = json.loads(json.dumps(fields_as_json(read_form(form).fields)))
    return [
        {"kind": "form", "form": "T", "geometry": "0A1B2C3D", "fields": fields},
        {"kind": "value", **where, **said, "field": "value", "row": 0, "changed_to": None},
        {"kind": "page", **where},
    ]


def review_of(folder: Path, content: bytes) -> Review:
    """Return the review of a table with this audit."""
    (folder / "data.csv").unlink(missing_ok=True)
    (folder / "data.audit.jsonl").write_bytes(content)
    return Review(folder / "data.csv", "ada")


def as_lines(entries: list[Any]) -> bytes:
    return "".join(json.dumps(entry) + "\n" for entry in entries).encode()


@fuzz(40)
@given(data=st.data())
def test_any_audit_is_reviewed_or_refused(tmp_path: Path, data: st.DataObject) -> None:
    (tmp_path / "form.toml").write_text(FORM, encoding="utf-8")
    entries = audit_of(tmp_path / "form.toml")
    assert review_of(tmp_path, as_lines(entries)).state()["left"] == 1
    tree = data.draw(changed(entries))
    content = as_lines(tree) if data.draw(st.booleans()) and isinstance(tree, list) else None
    in_one_line(lambda: review_of(tmp_path, content or data.draw(damaged(as_lines(entries)))).state())


@pytest.mark.parametrize(
    ("entry", "key", "value"),
    [(0, "fields", [{"name": 3}]), (1, "probabilities", None), (1, "probabilities", [[0.5]]), (1, "field", "other"),
     (1, "sheet", 7), (2, "page", "1")],
)  # fmt: skip
def test_a_damaged_audit_is_no_defect(tmp_path: Path, entry: int, key: str, value: object) -> None:
    """What fuzzing found."""
    (tmp_path / "form.toml").write_text(FORM, encoding="utf-8")
    entries = audit_of(tmp_path / "form.toml")
    entries[entry][key] = value
    with pytest.raises(DataError, match="restore the file from a copy"):
        review_of(tmp_path, as_lines(entries)).state()
    with pytest.raises(DataError, match="line 1 is damaged"):
        review_of(tmp_path, as_lines([["kind"]]))


GLYPH = base64.b64encode(bytes(784)).decode()
LIST = {
    "taught": [
        {"label": label, "picture": "a.png", "box": [1, 2, 3, 4], "file": f"{label}/00000{label}.png", "glyph": GLYPH,
         "taught": "2026-01-31T12:00:00+00:00", "id": label, "instead_of": None}
        for label in (3, 7)
    ]
}  # fmt: skip


def exported(listed: bytes = json.dumps(LIST).encode(), picture: bytes = encoded(blank())) -> bytes:
    """Return a zip as the page exports it."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo(LIST_NAME), listed)
        archive.writestr(zipfile.ZipInfo("3/000003.png"), picture)
    return file.getvalue()


@fuzz(200)
@given(
    changed(LIST).map(lambda tree: exported(json.dumps(tree).encode()))
    | damaged(json.dumps(LIST).encode()).map(exported)
    | damaged(exported())
    | damaged(encoded(blank())).map(lambda picture: exported(picture=picture))
)
def test_any_import_gives_lessons_or_is_refused(tmp_path: Path, reader: Reader, content: bytes) -> None:
    (tmp_path / "taught.zip").write_bytes(content)
    in_one_line(lambda: list(import_lessons(tmp_path / "taught.zip", reader)))


CARD = {
    "recipe": "best", "temperature": 1.1, "detector_share": 0.3, "text_power": 1.0, "text_odds": 0.5, "no_digit": 0.5,
    "text_doubts": {"a": 1.0}, "min_confidence": 0.5, "conformal": {"count": 9, "scores": [0.5, 0.1]},
    "average_images": base64.b64encode(bytes(7840)).decode(),
}  # fmt: skip


@fuzz(100)
@given(changed(CARD).map(lambda tree: json.dumps(tree).encode()) | damaged(json.dumps(CARD).encode()))
def test_any_card_is_read_or_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / CARD_NAME).write_bytes(content)
    in_one_line(lambda: load_card(tmp_path))


PICTURES = {
    "JPEG": encoded(blank(20), "JPEG"),
    "progressive": encoded(blank(20, "RGB"), "JPEG", progressive=True, comment=b"a"),
    "PNG": encoded(blank(20)),
    "GIF": attacks.many_frames(count=3),
    "TIFF": encoded(blank(20), "TIFF", save_all=True, append_images=[blank(9)]),
    "WEBP": encoded(blank(20, "RGB"), "WEBP", lossless=True),
    "BMP": attacks.run_length_bmp(side=20),
}


@pytest.mark.filterwarnings("default")  # Pillow's, about damaged files
@pytest.mark.parametrize("kind", PICTURES)
@fuzz(60)
@given(data=st.data())
def test_any_picture_is_within_its_bounds_or_refused(kind: str, data: st.DataObject) -> None:
    content = data.draw(damaged(PICTURES[kind]))
    in_one_line(lambda: check_bounds(content, "a"))
    with suppress(PictureError):
        open_picture(content)


needs_h5py = pytest.mark.skipif(importlib.util.find_spec("h5py") is None, reason="needs the extra 'train'")


@cache
def small_network() -> tuple[Any, dict[str, dict[str, Any]]]:
    from helpers.networks import entry

    layers = [
        entry("Flatten", "flatten", batch_input_shape=[None, 28, 28, 1], data_format="channels_last"),
        entry("Dense", "dense", units=10, activation="softmax", use_bias=True),
    ]
    weights = {"dense": {"dense/kernel:0": np.zeros((784, 10), np.float16), "dense/bias:0": np.zeros(10, np.float32)}}
    return {"class_name": "Sequential", "config": {"name": "sequential", "layers": layers}}, weights


@needs_h5py
@fuzz(60)
@given(data=st.data())
def test_any_hdf5_is_a_network_or_refused(tmp_path: Path, data: st.DataObject) -> None:
    from helpers.networks import write_h5
    from inkread.foreign.from_keras_file import read_keras_file

    config, weights = small_network()
    path = tmp_path / "a.h5"
    if data.draw(st.booleans()):
        write_h5(path, data.draw(changed(config)), weights)
    else:
        write_h5(path, config, weights)
        # The numbers of a matrix matter to nobody.
        content = path.read_bytes()
        at = content.index(bytes(4000))
        path.write_bytes(
            data.draw(damaged(content[:at])) + content[at : at + 15_680] + data.draw(damaged(content[at + 15_680 :]))
        )
    in_one_line(lambda: read_keras_file(path))
