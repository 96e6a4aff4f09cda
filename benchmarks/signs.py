"""Numbers with signs: how many are read as they are written.

The digits are the last 10 000 of MNIST's training images, the points, commas and minuses are those that people wrote
(`marks/` in INKREAD_DATA), and the other signs are drawn. The glyph network has seen these digits, so the results are a
little too good for the digits; they are meant for choosing how signs are read.

    python benchmarks/signs.py
"""

from __future__ import annotations

import argparse
import csv
import os
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

import inkread
from inkread.datasets import load_mnist
from inkread.drawing.signs import ABOVE, PAD, sign_ink

COUNT, SEED = 300, 20
KINDS = ("decimal", "negative", "date", "time", "percent", "sum", "grouped", "fraction")
Ink = NDArray[np.float32]


def texts(rng: np.random.Generator) -> list[tuple[str, str]]:
    """Return the kind and the text of each number."""

    def digits(least: int, most: int) -> str:
        return "".join(map(str, rng.integers(0, 10, int(rng.integers(least, most + 1)))))

    def one(kind: str) -> str:
        mark = ".,"[int(rng.integers(2))]
        between = "/.-"[int(rng.integers(3))]
        return {
            "decimal": lambda: digits(1, 4) + mark + digits(1, 2),
            "negative": lambda: "-" + digits(1, 3) + (mark + digits(1, 2) if rng.random() < 0.4 else ""),
            "date": lambda: digits(2, 2) + between + digits(2, 2) + between + digits(4, 4),
            "time": lambda: digits(2, 2) + ":" + digits(2, 2),
            "percent": lambda: digits(1, 2) + "%",
            "sum": lambda: digits(1, 2) + "+" + digits(1, 2) + "=" + digits(1, 2),
            "grouped": lambda: digits(1, 3) + "." + digits(3, 3) + "," + digits(2, 2),
            "fraction": lambda: digits(1, 3) + "/" + digits(1, 3),
        }[kind]()

    return [(kind, one(kind)) for kind in (KINDS[at % len(KINDS)] for at in range(COUNT))]


class Writer:
    """Writes numbers with digits and signs that people wrote."""

    def __init__(self, data: Path) -> None:
        mnist = load_mnist(data / "mnist")
        self.images, self.labels = mnist.train_images[-10_000:], mnist.train_labels[-10_000:]
        rows = list(csv.DictReader((data / "marks" / "index.csv").open(encoding="utf-8")))
        self.marks = {sign: [data / "marks" / row["file"] for row in rows if row["label"] == sign] for sign in ".,-"}

    def page(self, text: str, rng: np.random.Generator) -> NDArray[np.uint8]:
        """Return a picture of a number, (H, W) uint8."""
        height = float(np.exp(rng.uniform(np.log(24), np.log(70))))
        canvas = np.zeros((int(2.6 * height), int((len(text) + 2.5) * height)), np.float32)
        x, top, stroke = height * rng.uniform(0.4, 1.2), 0.8 * height, height * rng.uniform(0.07, 0.13)
        for character in text:
            ink, drop = self._ink(character, height, stroke, rng)
            y, left = int(top + drop), int(x)
            part = canvas[y : y + ink.shape[0], left : left + ink.shape[1]]
            np.maximum(part, ink[: part.shape[0], : part.shape[1]], out=part)
            x += ink.shape[1] + height * rng.uniform(0.02, 0.18)
        grain = rng.normal(0, 6, canvas.shape)
        light = rng.uniform(205, 245) - canvas * rng.uniform(90, 170) + grain
        return np.clip(cv2.GaussianBlur(light, (0, 0), rng.uniform(0.4, 0.9)), 0, 255).astype(np.uint8)

    def _ink(self, character: str, height: float, stroke: float, rng: np.random.Generator) -> tuple[Ink, float]:
        """Return the ink of a character, and how far its top is below that of the digits."""
        if character.isdigit():
            choice = np.flatnonzero(self.labels == int(character))
            ink = _crop(self.images[choice[rng.integers(len(choice))]])
            return _resize(ink, height * rng.uniform(0.9, 1.05) / ink.shape[0]), 0
        if character not in self.marks:
            ink = sign_ink(character, height=height, stroke=stroke, rng=rng)
            return ink[:, PAD:-PAD], -ABOVE * height
        files = self.marks[character]
        picture = np.asarray(Image.open(files[rng.integers(len(files))]).convert("L"))
        # The frame of a mark, 64 x 64, is as high as that of MNIST, in which a digit has 20 of 28 pixels.
        scale = 28 / 20 * height / len(picture)
        frame = _resize(picture.astype(np.float32) / np.float32(255), scale)
        pen = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, [max(1, round(stroke))] * 2)
        thick = np.asarray(cv2.dilate((frame > 0.25 * frame.max()).astype(np.float32), pen), np.float32)
        x, y, w, h = cv2.boundingRect(thick.astype(np.uint8))
        return thick[y : y + h, x : x + w], y - 4 / 20 * height


def _crop(image: NDArray[np.uint8]) -> Ink:
    x, y, w, h = cv2.boundingRect((image > 100).view(np.uint8))
    return image[y : y + h, x : x + w].astype(np.float32) / np.float32(255)


def _resize(ink: Ink, scale: float) -> Ink:
    size = [max(2, round(side * scale)) for side in ink.shape[::-1]]
    return np.asarray(cv2.resize(ink, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC), np.float32)


def main() -> None:
    """Draw the numbers, read them, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sheet", type=Path, help="also save a contact sheet of the misses")
    args = parser.parse_args()
    data = Path(os.environ["INKREAD_DATA"])
    writer, reader, rng = Writer(data), inkread.Reader(), np.random.default_rng(SEED)
    right, digits_right, of, misses = Counter[str](), Counter[str](), Counter[str](), []
    for kind, text in texts(rng):
        page = writer.page(text, rng)
        read = reader.read(page).text
        of[kind] += 1
        right[kind] += read == text
        same_digits = [c for c in read if c.isdigit()] == [c for c in text if c.isdigit()]
        digits_right[kind] += same_digits
        if read != text:
            misses.append((page, f"{text} > {read}"))
    rows = [f"| {kind} | {right[kind]} of {of[kind]} | {digits_right[kind]} of {of[kind]} |" for kind in KINDS]
    whole = f"{right.total() / COUNT:.1%} ({right.total()} of {COUNT})"
    table = ["| numbers | whole text right | digits right |", "|---|---|---|", *rows,
             f"| all | {whole} | {digits_right.total() / COUNT:.1%} |"]  # fmt: skip
    print("\n".join(table))
    if args.sheet:
        cv2.imwrite(str(args.sheet), _contact_sheet(misses))


def _contact_sheet(misses: list[tuple[NDArray[np.uint8], str]]) -> NDArray[np.uint8]:
    tiles = []
    for page, title in misses:
        scale = min(300 / page.shape[1], 80 / page.shape[0])
        tile = np.full((100, 304), 255, np.uint8)
        small = cv2.resize(page, None, fx=scale, fy=scale)
        tile[18 : 18 + small.shape[0], : small.shape[1]] = small[:82]
        cv2.putText(tile, title[:40], (2, 13), 0, 0.42, 0, 1)
        tiles.append(tile)
    while len(tiles) % 4:
        tiles.append(np.full((100, 304), 255, np.uint8))
    return np.vstack([np.hstack(tiles[at : at + 4]) for at in range(0, len(tiles), 4)])


if __name__ == "__main__":
    main()
