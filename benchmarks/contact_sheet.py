"""Draw a contact sheet of the pictures that are read worst: picture, ink and glyph side by side.

    python benchmarks/contact_sheet.py --data ../shared/data/pictures/index.csv --out out/worst.png

Only single digits. The sheet shows real pictures: look at it, do not commit it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from inkread.datasets.folders import LabelledPicture, labelled_pictures
from inkread.reader import Reader
from inkread.steps import Steps

# The side of a picture in pixels.
CELL = 150
ROW = 3 * CELL + 10


def truth_probability(steps: Steps, label: str) -> float:
    """Return the probability that the label's digit was given, 0 for a refused picture."""
    return float(steps.probabilities[0][int(label)]) if len(steps.probabilities) else 0.0


def thumbnail(image: NDArray[np.uint8]) -> Image.Image:
    """Return an image, grey or RGB, fitted into a cell; glyphs keep their pixels."""
    picture = Image.fromarray(image).convert("RGB")
    scale = (CELL - 4) / max(picture.size)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    return picture.resize(size, Image.Resampling.NEAREST if scale > 3 else Image.Resampling.LANCZOS)


def draw(sheet: Image.Image, place: tuple[int, int], picture: LabelledPicture, steps: Steps) -> None:
    """Draw one picture's row of three, with what it is and what was read below."""
    glyph = steps.glyphs[0] if len(steps.glyphs) else np.zeros((28, 28))
    images = (steps.page.colour, (255 * (1 - steps.ink)).astype(np.uint8), (255 * glyph).astype(np.uint8))
    for column, image in enumerate(images):
        sheet.paste(thumbnail(image), (place[0] + column * CELL, place[1]))
    sure = truth_probability(steps, picture.label)
    text = f"{picture.label} read {steps.reading.text or '-'}  p({picture.label})={sure:.2f}  {picture.path.name}"
    ImageDraw.Draw(sheet).text((place[0], place[1] + CELL), text, fill="white")


def main() -> None:
    """Read, sort by the probability of the truth, draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="an index.csv or a folder of folders 0 to 9")
    parser.add_argument("--model", type=Path, help="left out, the shipped model")
    parser.add_argument("--out", type=Path, default=Path("out/worst.png"))
    parser.add_argument("--count", type=int, default=36)
    options = parser.parse_args()
    reader = Reader(options.model)
    pictures = [picture for picture in labelled_pictures(options.data) if len(picture.label) == 1]
    scored = [(truth_probability(reader.steps(picture.path), picture.label), picture) for picture in pictures]
    worst = [picture for _, picture in sorted(scored, key=lambda pair: pair[0])[: options.count]]
    rows = -(-len(worst) // 3)
    sheet = Image.new("RGB", (3 * ROW, rows * (CELL + 16)), "#403030")
    for index, picture in enumerate(worst):
        place = (index % 3 * ROW, index // 3 * (CELL + 16))
        draw(sheet, place, picture, reader.steps(picture.path))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(options.out)


if __name__ == "__main__":
    main()
