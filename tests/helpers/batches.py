"""What the tests of `inkread batch` share: folders of small drawn digits, and the rows that came of them."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from PIL import Image

from inkread.drawing import draw_digit

DISTINCT = 10

Row = dict[str, Any]


def paint(path: Path, digit: int) -> Path:
    """Draw a small picture of a digit."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = draw_digit(digit, rng=np.random.default_rng(digit), size=(60, 60), pen="felt-tip")
    Image.fromarray(picture).save(path)
    return path


def fill(folder: Path, count: int) -> Path:
    """Make a folder of `count` pictures, named by their number. Ten of them are distinct."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        path = folder / f"{number:05}.png"
        if number < DISTINCT:
            paint(path, number)
        else:
            os.link(folder / f"{number % DISTINCT:05}.png", path)
    return folder


def rows_of(out: Path) -> list[Row]:
    """Return the rows of a dataset by the name of the picture, without how long they took."""
    rows = pq.read_table(out).drop_columns(["milliseconds"]).to_pylist()
    return sorted(rows, key=lambda row: str(row["picture"]))


def parts_of(out: Path) -> list[Path]:
    """Return the parts of a dataset in their order."""
    return sorted(out.glob("*.parquet"))


def command(*words: str | Path, setup: str = "") -> list[str]:
    """Return the words that run `inkread` in a process of its own, after some Python."""
    code = f"import sys\n{setup}\nfrom inkread.cli import main\nsys.exit(main())"
    return [sys.executable, "-c", code, *map(str, words)]
