"""Measure where the time of a page goes and how it grows, and write benchmarks/TIMES.md.

python benchmarks/times.py      takes two minutes on one core; other programs change little, since it is processor time

Every step of the reader is timed inside a normal reading. OpenCV has one thread, as in `inkread batch`.
"""

from __future__ import annotations

import io
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image, ImageDraw

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "hostile"))

import attacks

from inkread import reader as reader_module
from inkread.drawing import Hand, draw_digit, draw_sheet
from inkread.figures import steps as figure_of_steps
from inkread.files import whole_file
from inkread.layout import page_marks
from inkread.reader import Reader
from inkread.recognition import orientation, recognise
from inkread.teaching.taught_classifier import TaughtClassifier
from inkread.training.provenance import hardware
from measures import ROOT, photo_of_digits

A4 = (2480, 3508)
"""Width and height of a scan of 300 dots per inch."""

VALUES = 40
"""Handwritten numbers on a form."""

ROUNDS = 5

STEPS = {
    "decode": "decoding",
    "ink": "ink",
    "coarse": "detector, coarse views",
    "best": "detector, best view",
    "confirming": "detector, confirming views",
    "glyphs": "glyph network",
    "layout": "layout, lines, cells",
    "texts": "texts, values, confidence",
    "figure": "figure, when asked for",
    "json": "JSON",
}
"""What the steps are called in the table."""


VIEW_AT, CONFIRMING_VIEW = "_view_at", "_sheared_marks"
"""The functions of `page_marks` that make a view and find the marks in it."""


class Stopwatch:
    """Charges processor time to the innermost step that runs."""

    def __init__(self) -> None:
        self.seconds: dict[Any, float] = defaultdict(float)
        self._running: list[Any] = ["none"]
        self._since = time.process_time()

    @contextmanager
    def step(self, name: Any) -> Iterator[None]:
        """Charge the time of the `with` block to a step, without that of the steps inside it."""
        self._turn()
        self._running.append(name)
        try:
            yield
        finally:
            self._turn()
            self._running.pop()

    def _turn(self) -> None:
        now = time.process_time()
        self.seconds[self._running[-1]] += now - self._since
        self._since = now

    def around(self, owner: Any, name: str, step: str) -> None:
        """Replace a function or method of a module or class by one that is timed as a step."""
        original = getattr(owner, name)

        def timed(*words: Any, **more: Any) -> Any:
            with self.step(step):
                return original(*words, **more)

        setattr(owner, name, timed)

    def around_views(self) -> None:
        """Time the views of the detector: those that were only looked at, and the one whose marks are used."""
        view_at = getattr(page_marks, VIEW_AT)

        def timed_view(grey: Any, scale: float, detector: Any) -> Any:
            with self.step(scale):
                return view_at(grey, scale, detector)

        setattr(page_marks, VIEW_AT, timed_view)
        for owner, name in ((orientation, "find_marks"), (orientation, "find_marks_at"), (recognise, "find_marks_at")):
            self._around_search(owner, name)

    def _around_search(self, owner: Any, name: str) -> None:
        search = getattr(owner, name)

        def timed(*words: Any, **more: Any) -> Any:
            with self.step("coarse"):
                found = search(*words, **more)
            for scale in [step for step in self.seconds if isinstance(step, float)]:
                self.seconds["best" if scale == found.scale else "coarse"] += self.seconds.pop(scale)
            return found

        setattr(owner, name, timed)


def watched() -> Stopwatch:
    """Return a stopwatch that times all readings of this process from now on."""
    watch = Stopwatch()
    watch.around(reader_module, "open_picture", "decode")
    watch.around(recognise, "find_ink", "ink")
    watch.around(recognise, "darken_writing", "ink")
    watch.around_views()
    watch.around(page_marks, CONFIRMING_VIEW, "confirming")
    watch.around(recognise, "normalise", "glyphs")
    watch.around(TaughtClassifier, "classify", "glyphs")
    watch.around(recognise.PageReader, "read", "layout")
    watch.around(Reader, "run", "texts")
    return watch


def pictures() -> dict[str, bytes]:
    """Return the five files whose time is divided among the steps."""
    rng = np.random.default_rng(0)
    photo = photo_of_digits(rng)
    number = draw_sheet(["40718"], rng=rng, ground="shadow", height=90, size=(480, 640))
    return {
        "a drawing, 400 x 400": encoded(draw_digit(5, rng=rng, size=(400, 400)), "PNG"),
        "a photo of a number, 2 MP": encoded(cv2.resize(number, (1600, 1200)), "JPEG"),
        "a photo of 50 digits, 12 MP": encoded(photo, "JPEG"),
        "a page of print, A4, 150 dpi": encoded(attacks.printed_page(), "PNG"),
        "a filled-in form, A4, 300 dpi": form_scan(rng),
    }


def encoded(picture: Any, kind: str) -> bytes:
    """Return a PIL image or an array as a file."""
    file = io.BytesIO()
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(np.asarray(picture, np.uint8))
    image.save(file, kind, quality=90)
    return file.getvalue()


def form_scan(rng: np.random.Generator) -> bytes:
    """Return the scan of a printed form, filled in by hand, as JPEG: 40 numbers of four digits among lines of print."""
    page = Image.new("L", A4, 250)
    pen, hand = ImageDraw.Draw(page), Hand.random(rng=rng)
    letters = list("etaoinshrdlucmfwypvbgkjqxz      ")
    for at in range(VALUES):
        x, y = 200 + 1100 * (at % 2), 300 + 150 * (at // 2)
        for line in range(2):
            pen.text((x, y + 45 * line), "".join(rng.choice(letters, 22)), fill=40, font_size=34)
        pen.line((x + 560, y + 90, x + 960, y + 90), fill=60, width=4)
        text = "".join(map(str, rng.integers(0, 10, 4)))
        number = Image.fromarray(draw_sheet([text], rng=rng, height=68, hand=hand, pen="ballpoint")).convert("L")
        corner = (x + 580, y + 55 - number.height // 2)
        under = np.asarray(page.crop((*corner, corner[0] + number.width, corner[1] + number.height)))
        page.paste(Image.fromarray(np.minimum(under, np.asarray(number))), corner)
    return encoded(page, "JPEG")


def shares(reader: Reader) -> Iterator[str]:
    """Yield the table of where the time goes, in milliseconds."""
    watch, columns = watched(), []
    files = pictures()
    for file in files.values():
        rounds = []
        for _ in range(ROUNDS):
            watch.seconds.clear()
            steps = reader.steps(file)
            with watch.step("json"):
                steps.reading.to_json()
            with watch.step("figure"):
                figure_of_steps.draw_steps(steps).savefig(io.BytesIO())
            rounds.append({step: 1000 * watch.seconds[step] for step in STEPS})
        columns.append({step: statistics.median(each[step] for each in rounds) for step in STEPS})
    yield f"| milliseconds of processor time | {' | '.join(files)} |"
    yield "|---|" + "---|" * len(files)
    for step, name in STEPS.items():
        yield f"| {name} | {' | '.join(f'{column[step]:.1f}' for column in columns)} |"
    totals = (sum(column.values()) - column["figure"] for column in columns)
    yield f"| **all but the figure** | {' | '.join(f'{total:.0f}' for total in totals)} |"


def of_pixels() -> Iterator[tuple[float, Any]]:
    """Yield pages of a form with the same content and more and more pixels, each with their number in millions."""
    page = Image.open(io.BytesIO(form_scan(np.random.default_rng(0))))
    for factor in (0.25, 0.35, 0.5, 0.71, 1.0, 1.41, 2.0):
        size = round(A4[0] * factor), round(A4[1] * factor)
        yield size[0] * size[1] / 1e6, np.asarray(page.resize(size, Image.Resampling.BICUBIC))


def of_digits() -> Iterator[tuple[float, Any]]:
    """Yield pages of the same size with more and more digits on them, each with their number."""
    for rows, columns in ((2, 4), (4, 8), (8, 16), (16, 32), (24, 48), (32, 64)):
        rng = np.random.default_rng(0)
        lines = ["".join(map(str, rng.integers(0, 10, columns))) for _ in range(rows)]
        yield rows * columns, draw_sheet(lines, rng=rng, size=(1600, 1600), height=24, pen="ballpoint")


def of_pieces() -> Iterator[tuple[float, Any]]:
    """Yield pages with more and more dots of ink, ten pixels apart, each with their number, up to the usual page."""
    for count in (25, 35, 50, 71, 100, 141):
        yield count * count, np.asarray(attacks.dots(count, pitch=10))


def growth(reader: Reader, what: str, pages: Iterable[tuple[float, Any]]) -> Iterator[str]:
    """Yield a row: how the time grows, as the exponent fitted to all pages, and the largest between two of them."""
    sizes, seconds = [], []
    for size, page in pages:
        sizes.append(size)
        seconds.append(min(_processor_time(partial(reader.read, page)) for _ in range(3)))
    logs, times = np.log(sizes), np.log(seconds)
    fitted, steepest = np.polyfit(logs, times, 1)[0], (np.diff(times) / np.diff(logs)).max()
    shown = ", ".join(f"{size:.3g}: {taken:.2f}" for size, taken in zip(sizes, seconds, strict=True))
    yield f"| {what} | {shown} | {fitted:.2f} | {steepest:.2f} |"


def _processor_time(work: Callable[[], object]) -> float:
    begun = time.process_time()
    work()
    return time.process_time() - begun


def report() -> Iterator[str]:
    """Yield TIMES.md line by line."""
    machine = hardware()
    words = ("git", "-C", ROOT, "rev-parse", "--short", "HEAD")
    commit = subprocess.run(words, capture_output=True, text=True, check=False).stdout.strip()
    yield "# Where the time goes\n"
    yield "Written by `benchmarks/times.py`, which `make bench` runs. Processor time of one core, warm, median of"
    yield f"{ROUNDS} readings with `--as auto`. {machine['processor']}, {machine['cores']} cores, commit {commit}.\n"
    cv2.setNumThreads(1)
    reader = Reader(profile=None)
    reader.read(draw_digit(5, rng=np.random.default_rng(0)))
    exponents = [
        *growth(reader, "megapixels of the same form", of_pixels()),
        *growth(reader, "digits on a page of 2.6 megapixels", of_digits()),
        *growth(reader, "dots of ink, 10 pixels apart", of_pieces()),
    ]
    yield from shares(reader)
    yield "\n## How it grows\n"
    yield "Time = constant x size ^ exponent, fitted to all pages; at most 1.1 is asked.\n"
    yield "| size | size: seconds | exponent | between two sizes, at most |\n|---|---|---|---|"
    yield from exponents


def main() -> None:
    """Measure and write up."""
    lines = list(report())
    with whole_file(ROOT / "benchmarks" / "TIMES.md") as path:
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
