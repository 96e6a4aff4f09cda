"""The manifest: a file in OUT that says which model and options made the rows, so that runs are not mixed."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

import inkread
from inkread.batch.rows import Task
from inkread.errors import DataError, ModelError, OptionError
from inkread.expecting import Expect
from inkread.loading import NAMED, SHIPPED, model_path
from inkread.models.files import model_file
from inkread.options import PageRanges, ReadOptions
from inkread.reader import Reader

MANIFEST = "_inkread.json"
"""The file's name. Parquet readers ignore files whose names begin with an underscore."""

_FORMAT = 4

_COMPARED = {
    "as": "--as",
    "min_confidence": "--min-confidence",
    "print": "--print",
    "region": "--region",
    "decimal": "--decimal",
    "order": "--order",
    "pages": "--pages",
    "expect": "what is expected:",
    "model_sha256": "the model",
    "card": "the model's card",
}

_OF_CARD = ("temperature", "text_power", "sign_power", "text_odds", "text_doubts", "no_digit", "min_confidence")

Manifest = dict[str, Any]


def plan(model: str | None, options: ReadOptions, pages: PageRanges | None = None) -> tuple[Task, Manifest]:
    """Return how pictures are read, and the manifest that describes it.

    pages: which pages of files with several; None for all.

    Raises `ModelError` for a model that cannot be used.
    """
    file = model_file(SHIPPED if model is None else model_path(model))
    reader = Reader(model, profile=None)
    card = reader.card
    try:
        sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError as error:
        raise ModelError(f"{file}: the model cannot be read ({error.strerror})") from None
    task = Task(model, f"{model if model in NAMED else card.recipe} {sha256[:12]}", options, pages)
    return task, {
        "format": _FORMAT,
        "model": task.model_id,
        "model_sha256": sha256,
        "card": {name: getattr(card, name) for name in _OF_CARD},
        "as": options.as_,
        "min_confidence": options.min_confidence,
        "print": options.print_,
        "region": None if options.region is None else list(options.region),
        "decimal": options.decimal,
        "order": options.order,
        "pages": None if pages is None else [f"{first}-{'' if last is None else last}" for first, last in pages],
        "expect": None if options.expectation is None else _told(options.expectation),
        "runs": [],
    }


def _told(expect: Expect) -> str:
    """Return what is expected in a few words, with the number and a checksum of the allowed values."""
    if expect.allowed is None:
        return expect.describe()
    values = sorted(expect.allowed)
    sha256 = hashlib.sha256("\n".join(values).encode("utf-8", "surrogatepass")).hexdigest()
    return f"{expect.describe()} ({len(values):,} values, {sha256[:12]})"


def with_run(manifest: Manifest, inputs: list[str]) -> Manifest:
    """Return a manifest with one more run: its start, its inkread version and its inputs."""
    started = datetime.now(UTC).isoformat(timespec="seconds")
    run = {"started": started, "inkread": inkread.__version__, "inputs": inputs[:100], "inputs_in_all": len(inputs)}
    return {**manifest, "runs": [*manifest["runs"], run]}


def parse(content: bytes, out: str) -> Manifest:
    """Return the manifest in a file. Raises `DataError` if it is damaged."""
    try:
        manifest = json.loads(content)
        if manifest["format"] != _FORMAT:
            raise DataError(f"{out}: written by another version of inkread; choose another folder")
        return dict(manifest)
    except (ValueError, KeyError, TypeError):
        raise DataError(f"{out}/{MANIFEST}: the manifest is damaged; choose another folder for the results") from None


def check_same(there: Manifest, ours: Manifest, out: str) -> None:
    """Raise `OptionError` if the rows were made with another model or other options. The message names one."""
    for key, name in _COMPARED.items():
        if there.get(key) != ours[key]:
            before, now = (_show(key, manifest) for manifest in (there, ours))
            raise OptionError(
                f"{out}: its rows were made with {name} {before}, not {now}; use that, or choose another folder"
            )


def _show(key: str, manifest: Manifest) -> str:
    if key == "model_sha256":
        return str(manifest.get("model"))
    value = manifest.get(key)
    if isinstance(value, list):
        return ",".join(map(str, value))
    return "unset" if value is None else json.dumps(value) if isinstance(value, dict) else str(value)
