"""Measure numbers, sheets and refusals with `--as auto`, and the time for a page; write benchmarks/SHEETS.md.

python benchmarks/sheets.py     takes a minute; INKREAD_DATA names the folder of the measuring sets
"""

from __future__ import annotations

import io
import json
import os
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inkread.drawing import draw_digit
from inkread.files import whole_file
from inkread.reader import Reader
from inkread.training.provenance import hardware
from measures import INKREAD, ROOT, photo_of_digits, time_run

CELLS = 1150
"""Digits on each of the two scanned pages."""

WANTED = {"single": "99.0%", "line": "88%", "multi": "65%"}


def scores(data: Path) -> Iterator[str]:
    """Yield the rows measured by `score.py`, which is beside the pictures."""
    score = (sys.executable, data / "score.py", "--format", "json", "--command", f"{INKREAD} read --format json")
    pictures = data / "pictures" / "index.csv"
    found = json.loads(time_run((*score, "--index", pictures))[1])
    for kind, wanted in WANTED.items():
        score_of_kind = found["score"][kind]
        share = f"{100 * score_of_kind['rate']:.2f}% ({score_of_kind['right']} of {score_of_kind['of']})"
        yield f"| `{kind}` pictures, whole text right | {share} | {wanted} |"
    texts = json.loads(time_run((*score, "--index", pictures, "--kinds", "line,multi"))[1])
    yield f"| digit error rate over numbers and sheets | {100 * texts['digit_error_rate']:.2f}% | 2.5% |"
    yield f"| calibration error of whole texts, all pictures | {found['ece']:.3f} | 0.05 |"
    yield f"| the same, numbers and sheets alone | {texts['ece']:.3f} | |"
    _, printed = time_run((*score, "--index", data / "nondigits" / "index.csv", "--nondigits"))
    refused = json.loads(printed)["score"]["all"]
    yield f"| non-digits refused | {100 * refused['rate']:.1f}% ({refused['right']} of {refused['of']}) | 85% |"


def pages(data: Path, reader: Reader) -> Iterator[str]:
    """Yield the share of digits that are found and right, for two scanned pages full of a single digit."""
    for digit in "17":
        reading = reader.read(data / "european" / f"page_{digit}.jpg")
        right = min(CELLS, sum(str(found.digit) == digit for found in reading.digits))
        share = f"{100 * right / CELLS:.1f}% ({right} of {CELLS}; {len(reading.digits)} digits read)"
        yield f"| `european/page_{digit}.jpg`, digits found and right | {share} | 93% |"


def times(reader: Reader) -> Iterator[str]:
    """Yield the reading times of a large photo and a small drawing, warm, on one core."""
    rng = np.random.default_rng(0)
    photo = photo_of_digits(rng)
    file = io.BytesIO()
    Image.fromarray(photo).save(file, "JPEG", quality=92)
    drawing = draw_digit(5, rng=rng, size=(400, 400))
    for what, picture, wanted in (
        ("a 12-megapixel photo with 50 digits", photo, "1000 ms"),
        ("the same as a JPEG file", file.getvalue(), "1000 ms"),
        ("a 400 x 400 drawing of one digit", drawing, "15 ms"),
    ):
        yield f"| {what}, one core, warm, median of 9 | {1000 * _median(reader, picture):.0f} ms | {wanted} |"


def _median(reader: Reader, picture: NDArray[np.uint8] | bytes) -> float:
    seconds = []
    for _ in range(10):
        started = time.perf_counter()
        reader.read(picture)
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds[1:])


def main() -> None:
    """Measure and write up."""
    data = Path(os.environ["INKREAD_DATA"])
    cv2.setNumThreads(1)
    reader, machine = Reader(profile=None), hardware()
    head = (
        "# Numbers, sheets and refusal",
        "",
        "Written by `benchmarks/sheets.py`; run it to measure on your machine.",
        f"Measured on {machine['processor']}, {machine['cores']} cores, {machine['memory_gib']} GiB.",
        "",
        "| what, `--as auto`, shipped model | reached | at least |",
        "|---|---|---|",
    )
    rows = [*scores(data), *pages(data, reader), *times(reader)]
    with whole_file(ROOT / "benchmarks" / "SHEETS.md") as path:
        path.write_text("\n".join((*head, *rows)) + "\n", encoding="utf-8")
    print("\n".join(rows))


if __name__ == "__main__":
    main()
