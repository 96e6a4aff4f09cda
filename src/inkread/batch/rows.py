"""Rows: the columns of the results, and how a picture becomes rows, on one machine or on a cluster."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from io import BytesIO
from typing import Any, NamedTuple, TypeAlias

import pyarrow as pa

import inkread
from inkread.errors import OptionError, PictureError
from inkread.options import PageRanges, ReadOptions
from inkread.pictures.documents import pages_of
from inkread.pictures.opening import FilePage
from inkread.reader import Reader
from inkread.steps import Steps

# Looking up the version takes longer than reading a picture.
_VERSION = inkread.__version__

_ALL_PAGES: PageRanges = ((1, None),)

_WHY = pa.struct([("code", pa.string()), ("message", pa.string())])
_BOX = pa.list_(pa.int32())
_PLACE = [("confidence", pa.float64()), ("box", _BOX), ("line", pa.int32())]
_NUMBER = [("text", pa.string()), ("read", pa.string()), ("value", pa.string()), ("kind", pa.string()), *_PLACE,
           ("row", pa.int32()), ("column", pa.int32()), ("field", pa.string())]  # fmt: skip
_DIGIT = [("digit", pa.int8()), ("probabilities", pa.list_(pa.float64())), *_PLACE, ("number", pa.int32())]
_SIGN = [("sign", pa.string()), *_PLACE, ("number", pa.int32())]
_UNREAD = [("box", _BOX), ("reason", pa.string())]
_CELL = [*((name, pa.int32()) for name in ("row", "column", "rows", "columns")), ("state", pa.string()),
         ("numbers", pa.list_(pa.int32())), ("box", _BOX)]  # fmt: skip
_TABLE = [("rows", pa.int32()), ("columns", pa.int32()), ("cells", pa.list_(pa.struct(_CELL)))]

_OF_READING = [
    ("picture", pa.string()),
    ("page", pa.int32()),
    ("text", pa.string()),
    ("lines", pa.list_(pa.string())),
    ("confidence", pa.float64()),
    ("refused", _WHY),
    ("error", _WHY),
    *((name, pa.list_(pa.struct(fields))) for name, fields in
      {"numbers": _NUMBER, "digits": _DIGIT, "signs": _SIGN, "unread": _UNREAD, "tables": _TABLE}.items()),
]  # fmt: skip

SCHEMA = pa.schema(
    [
        *_OF_READING,
        ("pages", pa.int32()),
        ("size", pa.int64()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("model", pa.string()),
        ("inkread", pa.string()),
        ("milliseconds", pa.float64()),
    ]
)
"""The columns of the results: the keys of a reading in JSON, and more. docs/scale.md describes them."""

Row: TypeAlias = dict[str, Any]
"""The columns of a picture or a page that have a value, except `model` and `inkread`, which all rows share."""


class Task(NamedTuple):
    """How pictures are read, for all processes and nodes.

    model: the model, as for `Reader`.
    model_id: the name of the model in the results.
    options: what pictures hold, and how much of it is read.
    pages: which pages of files with several; None for all.
    password: what opens encrypted PDFs.
    """

    model: str | None
    model_id: str
    options: ReadOptions = ReadOptions()
    pages: PageRanges | None = None
    password: str | None = None


def read_rows(reader: Reader, path: str, fetch: Callable[[], bytes], task: Task) -> list[Row]:
    """Return the row of the picture whose bytes `fetch` returns, or a row for each page of a file with several.

    If reading fails, the row contains the error.
    """
    since = time.perf_counter()
    size = None
    try:
        content = fetch()
        size = len(content)
        file = BytesIO(content)
        # Messages and rows call the picture by this name.
        file.name = path
        pages = pages_of(file, task.pages or _ALL_PAGES, task.password)
    except Exception as error:  # noqa: BLE001 - see `failure`
        return [{**failure(path, error), "size": size, "milliseconds": _milliseconds(since)}]
    rows = []
    for page in pages:
        try:
            row = _row(reader.run(page, task.options))
        except Exception as error:  # noqa: BLE001 - see `failure`
            row = failure(path, error)
            if isinstance(page, FilePage):
                row |= {"picture": page.name, "page": page.number}
        count = page.of if isinstance(page, FilePage) else 1
        rows.append({**row, "pages": count, "size": size, "milliseconds": _milliseconds(since)})
        since = time.perf_counter()
    return rows


def failure(name: str, error: Exception) -> Row:
    """Return the row of a picture that cannot be read. Whatever its error is, it must not end a run of a million."""
    match error:
        case PictureError() | OptionError():
            code, message = error.code, error.message
        case MemoryError():
            code, message = "memory", f"{name}: not enough memory to read it; use fewer processes"
        case _:
            cause = " ".join(f"{type(error).__name__}: {error}".split())
            code, message = "defect", f"{name}: this is a bug in inkread ({cause}); please report it"
    return {"picture": name, "error": {"code": code, "message": message}}


def _row(steps: Steps) -> Row:
    width, height = steps.page.size
    return {**steps.reading.to_dict(), "width": width, "height": height}


def _milliseconds(since: float) -> float:
    return round(1000 * (time.perf_counter() - since), 2)


def table(rows: Sequence[Row], task: Task) -> pa.Table:
    """Return rows as a table with the columns of `SCHEMA`."""
    shared = {"model": task.model_id, "inkread": _VERSION}
    return pa.Table.from_pylist([{**row, **shared} for row in rows], schema=SCHEMA)


def files_of(rows: pa.Table) -> list[str]:
    """Return the names of the files that rows with `picture`, `page` and `pages` are about, each once."""
    columns = (rows[name].to_pylist() for name in ("picture", "page", "pages"))
    return list(
        dict.fromkeys(
            picture.removesuffix(f"#{page}") if (pages or 1) > 1 else picture
            for picture, page, pages in zip(*columns, strict=True)
        )
    )
