"""Measure how drawn numbers are read in which two digits touch, or overlap by up to a seventh of their height.

python benchmarks/touching.py [--numbers 120]
"""

from __future__ import annotations

import argparse

import numpy as np
from numpy.typing import NDArray

from inkread.drawing import Hand, digit_strokes, draw_ink, ink_colour, lay_ground, show
from inkread.drawing.pen import find_pen
from inkread.drawing.strokes import Stroke
from inkread.evaluation.statistics import edit_distance
from inkread.reader import Reader


def number(rng: np.random.Generator) -> tuple[NDArray[np.uint8], str]:
    """Return a picture, (H, W, 3) uint8, of three to six digits of which two touch, and the digits."""
    height, count = float(rng.choice([32, 56, 90])), int(rng.integers(3, 7))
    text, touching = "".join(map(str, rng.integers(0, 10, count))), int(rng.integers(0, count - 1))
    hand, overlap, right = Hand.random(rng=rng), rng.uniform(0, 0.14), height
    strokes: list[Stroke] = []
    for at, sign in enumerate(text):
        own = [height * np.exp(rng.normal(0, 0.05)) * stroke for stroke in digit_strokes(int(sign), rng=rng, hand=hand)]
        low, high = (edge(np.concatenate(own)[:, 0]) for edge in (np.min, np.max))
        strokes += [np.add(stroke, (right - low, 0.7 * height)) for stroke in own]
        right += high - low + (-overlap if at == touching else rng.uniform(0.18, 0.32)) * height
    size, pen = (int(2.4 * height), int(right + height)), str(rng.choice(["ballpoint", "felt-tip", "marker", "pencil"]))
    ground = lay_ground(str(rng.choice(["plain", "paper", "shadow"])), size=size, rng=rng)
    width = max(1.2, height * rng.uniform(*find_pen(pen).width))
    ink = draw_ink(strokes, size=size, pen=pen, width=width, rng=rng)
    return show(ink, ink_colour(pen, dark=False, rng=rng), ground, rng=rng), text


def main() -> None:
    """Draw, read and print how many are right."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--numbers", type=int, default=120)
    options = parser.parse_args()
    reader = Reader(profile=None)
    right = wrong = total = 0
    for seed in range(options.numbers):
        picture, truth = number(np.random.default_rng([7, seed]))
        text = reader.read(picture).text.replace("\n", "").replace(" ", "")
        right, wrong, total = right + (text == truth), wrong + edit_distance(text, truth), total + len(truth)
    print(f"{right} of {options.numbers} numbers right, {100 * wrong / total:.1f} % digit errors")


if __name__ == "__main__":
    main()
