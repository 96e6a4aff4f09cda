"""Measure how drawn numbers and sheets are read on ruled, squared and plain paper, straight and seen at an angle.

python benchmarks/lined.py [--pictures 120]     of each kind
"""

from __future__ import annotations

import argparse

import cv2
import numpy as np
from numpy.typing import NDArray

from inkread.drawing import draw_sheet
from inkread.evaluation.statistics import edit_distance
from inkread.reader import Reader

PENS = ("ballpoint", "pencil", "felt-tip", "marker")


def page(rng: np.random.Generator, ground: str, *, sheet: bool) -> tuple[NDArray[np.uint8], str]:
    """Return a picture, (H, W, 3) uint8, of a number or of two to five, one a line, and their digits."""
    count, height = int(rng.integers(2, 6)) if sheet else 1, float(rng.choice([28, 48, 90]))
    lines = ["".join(map(str, rng.integers(0, 10, rng.integers(2, 9)))) for _ in range(count)]
    pen, uneven = str(rng.choice(PENS)), float(rng.uniform(0, 0.15))
    needed = draw_sheet(lines, rng=np.random.default_rng(0), height=1.2 * height).shape
    size = int(1.4 * max(needed[0], 0.6 * needed[1])), int(1.4 * needed[1])
    picture = draw_sheet(lines, rng=rng, ground=ground, size=size, pen=pen, height=height, uneven=uneven)
    return picture, "".join(lines)


def seen_at_an_angle(picture: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return a picture turned by a few degrees, its corners moved by some hundredths of its sides."""
    height, width = picture.shape[:2]
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), float(rng.normal(0, 3)), 1)
    moved = cv2.transform(corners[None], turn)[0] + rng.normal(0, 0.035, (4, 2)) * (width, height)
    matrix = cv2.getPerspectiveTransform(corners, np.asarray(moved, np.float32))
    whole = cv2.warpPerspective(
        picture, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(whole, np.uint8)


def measure(reader: Reader, ground: str, count: int, *, sheet: bool, angle: bool) -> str:
    """Return how many pictures are right, and the digit error rate, as a cell of a table."""
    right = errors = digits = 0
    for number in range(count):
        rng = np.random.default_rng((15, number, sheet))
        picture, truth = page(rng, ground, sheet=sheet)
        picture = seen_at_an_angle(picture, rng) if angle else picture
        text = reader.read(picture).text.replace("\n", "").replace(" ", "")
        right, digits = right + (text == truth), digits + len(truth)
        errors += edit_distance(text, truth)
    return f"{right} of {count}, {100 * errors / digits:.1f}%"


def main() -> None:
    """Draw, read and print how many are right, and the digit error rate."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=120)
    count = parser.parse_args().pictures
    reader = Reader(profile=None)
    print("| paper | what | straight | at an angle |\n|---|---|---|---|", flush=True)
    for ground in ("ruled", "squared", "paper"):
        for sheet in (False, True):
            cells = [measure(reader, ground, count, sheet=sheet, angle=angle) for angle in (False, True)]
            print(f"| {ground} | {'sheet' if sheet else 'number'} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
