"""The readers that the public benchmark compares, each behind the same function.

A reader takes the path of a picture and returns its lines and, where it gives one, a probability that they are right.
It knows neither the set nor the label. Programs for any text are told which signs there are, where they can be told.
"""

from __future__ import annotations

import csv
import io
import math
import os
import shlex
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

SIGNS = "0123456789.,-/:%+="


@dataclass(frozen=True, slots=True)
class Answer:
    """What a reader says of a picture.

    lines: its lines of text; none if the picture is refused.
    confidence: the probability that all of it is right, 0 to 1; None if the reader gives none.
    """

    lines: tuple[str, ...]
    confidence: float | None = None


Read = Callable[[Path], Answer]


@dataclass(frozen=True, slots=True)
class Opened:
    """A reader that is ready: its function, its name with its version, and how to install and start it."""

    read: Read
    version: str
    command: str


def open_inkread() -> Opened:
    """Return inkread with the shipped model, without lessons."""
    import inkread

    reader = inkread.Reader(profile=None)

    def read(path: Path) -> Answer:
        reading = reader.read(path)
        return Answer(tuple(line.text for line in reading.lines), None if reading.refused else reading.confidence)

    return Opened(read, f"inkread {inkread.__version__}", "inkread read --format json PICTURE")


def open_tesseract(mode: int = 6) -> Opened:
    """Return Tesseract, as a program. `mode` says how it divides a page: 6, one block of text; 7, one line.

    It has one thread, since its threads wait for each other longer than they work on pictures as small as these.
    """
    one_thread = {**os.environ, "OMP_THREAD_LIMIT": "1"}
    told = subprocess.run(["tesseract", "--version"], capture_output=True, text=True, check=True)
    options = ["--psm", str(mode), "-c", f"tessedit_char_whitelist={SIGNS}"]

    def read(path: Path) -> Answer:
        words = ["tesseract", str(path), "stdout", *options, "tsv"]
        done = subprocess.run(words, capture_output=True, text=True, check=False, env=one_thread)
        table = csv.DictReader(io.StringIO(done.stdout), delimiter="\t", quoting=csv.QUOTE_NONE)
        found = [row for row in table if (row["text"] or "").strip()]
        lines: dict[tuple[str, ...], list[str]] = {}
        for row in found:
            lines.setdefault((row["block_num"], row["par_num"], row["line_num"]), []).append(row["text"])
        confidence = math.prod(max(0.0, float(row["conf"])) / 100 for row in found)
        return Answer(tuple(" ".join(words) for words in lines.values()), confidence if found else None)

    command = f"OMP_THREAD_LIMIT=1 tesseract PICTURE stdout {shlex.join(options)} tsv"
    name = (told.stdout or told.stderr).splitlines()[0]
    return Opened(read, f"{name}, one line" if mode == 7 else name, command)


def open_easyocr() -> Opened:
    """Return EasyOCR: `pip install easyocr`; it downloads its models."""
    import easyocr

    reader = easyocr.Reader(["en"], gpu=False)

    def read(path: Path) -> Answer:
        found = reader.readtext(str(path), allowlist=SIGNS)
        return Answer(tuple(text for _, text, _ in found), math.prod(float(sure) for *_, sure in found))

    return Opened(read, f"EasyOCR {version('easyocr')}", f'Reader(["en"]).readtext(PICTURE, allowlist="{SIGNS}")')


def open_paddleocr() -> Opened:
    """Return PaddleOCR 3: `pip install paddleocr paddlepaddle`; it downloads its models."""
    from paddleocr import PaddleOCR

    settings = {"use_doc_orientation_classify": False, "use_doc_unwarping": False, "use_textline_orientation": False}
    reader = PaddleOCR(lang="en", **settings)

    def read(path: Path) -> Answer:
        (found,) = reader.predict(str(path))
        return Answer(tuple(found["rec_texts"]), math.prod(map(float, found["rec_scores"])))

    return Opened(read, f"PaddleOCR {version('paddleocr')}", 'PaddleOCR(lang="en").predict(PICTURE)')


def open_doctr() -> Opened:
    """Return docTR: `pip install python-doctr`; it downloads its models."""
    from doctr.io import DocumentFile
    from doctr.models import ocr_predictor

    reader = ocr_predictor(pretrained=True)

    def read(path: Path) -> Answer:
        (page,) = reader(DocumentFile.from_images([str(path)])).pages
        lines = [line.words for block in page.blocks for line in block.lines]
        sure = math.prod(float(word.confidence) for words in lines for word in words)
        return Answer(tuple(" ".join(word.value for word in words) for words in lines), sure if lines else None)

    return Opened(read, f"docTR {version('python-doctr')}", "ocr_predictor(pretrained=True)(PICTURE)")


def open_trocr(model: str = "microsoft/trocr-base-handwritten") -> Opened:
    """Return TrOCR, which reads a picture as one line: `pip install transformers torch`; it downloads its model."""
    from PIL import Image
    from transformers import TrOCRProcessor, VisionEncoderDecoderModel

    processor = TrOCRProcessor.from_pretrained(model)
    network = VisionEncoderDecoderModel.from_pretrained(model)

    def read(path: Path) -> Answer:
        pixels = processor(images=Image.open(path).convert("RGB"), return_tensors="pt").pixel_values
        (text,) = processor.batch_decode(network.generate(pixels), skip_special_tokens=True)
        return Answer((text,))

    return Opened(read, f"TrOCR, transformers {version('transformers')}", f"{model}, one line")


def open_command(command: str) -> Opened:
    """Return a program of yours: it gets the path of a picture as its last word, and prints the lines of its text."""
    words = shlex.split(command)

    def read(path: Path) -> Answer:
        done = subprocess.run([*words, str(path)], capture_output=True, text=True, check=False)
        return Answer(tuple(done.stdout.splitlines()))

    return Opened(read, command, f"{command} PICTURE")


READERS: dict[str, Callable[[], Opened]] = {
    "inkread": open_inkread,
    "tesseract": open_tesseract,
    "tesseract-line": lambda: open_tesseract(7),
    "easyocr": open_easyocr,
    "paddleocr": open_paddleocr,
    "doctr": open_doctr,
    "trocr": open_trocr,
}
