"""Rows: the columns of the results, and how a picture becomes a row, on one machine or on a cluster."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from io import BytesIO
from typing import Any, NamedTuple

import pyarrow as pa

import inkread
from inkread.errors import PictureError
from inkread.options import ReadOptions
from inkread.reader import Reader
from inkread.readings import Digit, Number, Sign, Unread
from inkread.steps import Steps
from inkread.values import value_text

# Looking up the version takes longer than reading a picture.
_VERSION = inkread.__version__

_SAID = pa.struct([("code", pa.string()), ("message", pa.string())])
_BOX = pa.struct([(name, pa.int32()) for name in ("x", "y", "w", "h")])
_OF_CHARACTER = [("confidence", pa.float64()), ("box", _BOX), ("line", pa.int32()), ("number", pa.int32())]
_DIGIT = pa.struct([("digit", pa.int8()), *_OF_CHARACTER])
_SIGN = pa.struct([("sign", pa.string()), *_OF_CHARACTER])
_NUMBER = pa.struct(
    [
        ("text", pa.string()),
        ("read", pa.string()),
        ("value", pa.string()),
        ("kind", pa.string()),
        ("confidence", pa.float64()),
        ("box", _BOX),
        ("line", pa.int32()),
    ]
)
_UNREAD = pa.struct([("box", _BOX), ("reason", pa.string())])

SCHEMA = pa.schema(
    [
        ("path", pa.string()),
        ("size", pa.int64()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("text", pa.string()),
        ("confidence", pa.float64()),
        ("refusal", _SAID),
        ("error", _SAID),
        ("numbers", pa.list_(_NUMBER)),
        ("digits", pa.list_(_DIGIT)),
        ("signs", pa.list_(_SIGN)),
        ("unread", pa.list_(_UNREAD)),
        ("model", pa.string()),
        ("inkread", pa.string()),
        ("milliseconds", pa.float64()),
    ]
)
"""The columns of the results; docs/scale.md describes them."""


class Row(NamedTuple):
    """One picture's row: the columns of `SCHEMA` except `model` and `inkread`, which all rows share."""

    path: str
    size: int | None = None
    width: int | None = None
    height: int | None = None
    text: str | None = None
    confidence: float | None = None
    refusal: tuple[str, str] | None = None
    error: tuple[str, str] | None = None
    numbers: tuple[Number, ...] = ()
    unread: tuple[Unread, ...] = ()
    milliseconds: float = 0.0


class Task(NamedTuple):
    """How pictures are read, for all processes and nodes.

    model: the model, as for `Reader`.
    model_id: the name of the model in the results.
    options: what pictures hold, and how much of it is read.
    """

    model: str | None
    model_id: str
    options: ReadOptions = ReadOptions()


def read_row(reader: Reader, path: str, fetch: Callable[[], bytes], task: Task) -> Row:
    """Return the row of the picture whose bytes `fetch` returns. If reading fails, the row contains the error."""
    started = time.perf_counter()
    size = None
    try:
        content = fetch()
        size = len(content)
        picture = BytesIO(content)
        # Messages call the picture by this name.
        picture.name = path
        row = _row(path, reader.run(picture, task.options))
    except PictureError as error:
        row = Row(path, error=(error.code, error.message))
    except MemoryError:
        row = Row(path, error=("memory", f"{path}: not enough memory to read it; use fewer processes"))
    except Exception as error:  # noqa: BLE001
        # One picture must not end a run of a million.
        cause = " ".join(f"{type(error).__name__}: {error}".split())
        row = Row(path, error=("defect", f"{path}: this is a bug in inkread ({cause}); please report it"))
    return row._replace(size=size, milliseconds=round(1000 * (time.perf_counter() - started), 2))


def _row(path: str, steps: Steps) -> Row:
    reading = steps.reading
    width, height = steps.page.size
    refusal = (reading.refused.code, reading.refused.message) if reading.refused else None
    return Row(
        path, None, width, height, reading.text, reading.confidence, refusal, None, reading.numbers, reading.unread
    )


def table(rows: Sequence[Row], task: Task) -> pa.Table:
    """Return rows as a table with the columns of `SCHEMA`."""
    columns = dict(zip(Row._fields, zip(*rows, strict=True), strict=True)) if rows else dict.fromkeys(Row._fields, ())
    values: dict[str, Sequence[Any]] = {
        **columns,
        "refusal": [_code_and_message(said) for said in columns["refusal"]],
        "error": [_code_and_message(said) for said in columns["error"]],
        "numbers": [[_number(number) for number in numbers] for numbers in columns["numbers"]],
        "digits": [
            [{"digit": digit.digit, **_character(digit)} for number in numbers for digit in number.digits]
            for numbers in columns["numbers"]
        ],
        "signs": [
            [{"sign": sign.sign, **_character(sign)} for number in numbers for sign in number.signs]
            for numbers in columns["numbers"]
        ],
        "unread": [[_place(place) for place in places] for places in columns["unread"]],
        "model": [task.model_id] * len(rows),
        "inkread": [_VERSION] * len(rows),
    }
    return pa.table([pa.array(values[field.name], field.type) for field in SCHEMA], schema=SCHEMA)


def _code_and_message(said: tuple[str, str] | None) -> dict[str, str] | None:
    return None if said is None else {"code": said[0], "message": said[1]}


def _character(character: Digit | Sign) -> dict[str, Any]:
    return {
        "confidence": character.confidence,
        "box": character.box._asdict(),
        "line": character.line,
        "number": character.number,
    }


def _number(number: Number) -> dict[str, Any]:
    return {
        "text": number.text,
        "read": number.read,
        "value": value_text(number.value),
        "kind": number.kind,
        "confidence": number.confidence,
        "box": number.box._asdict(),
        "line": number.line,
    }


def _place(place: Unread) -> dict[str, Any]:
    return {"box": place.box._asdict(), "reason": place.reason}
