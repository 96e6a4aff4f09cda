"""Measure how many pages that lie on their side or upside down, without EXIF, are turned upright.

    python benchmarks/turned.py [--pages 30] [--kinds sheet,number]

Drawn pages, each shown in all four ways; the first column says how many of those that lie right are left so.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from inkread.drawing import draw_sheet
from inkread.reader import Reader

GROUNDS = ("plain", "paper", "ruled", "squared", "blackboard", "shadow")
PENS = ("ballpoint", "pencil", "felt-tip", "marker")


def lines(rng: np.random.Generator, *, count: int, length: tuple[int, int], signs: str = "0123456789") -> list[str]:
    """Return this number of lines, each of random digits, whose number is between these two."""
    return ["".join(rng.choice(list(signs), rng.integers(*length, endpoint=True))) for _ in range(count)]


KINDS: dict[str, Callable[[np.random.Generator], list[str]]] = {
    "three lines of six digits": lambda rng: lines(rng, count=3, length=(6, 6)),
    "eight lines of twelve": lambda rng: lines(rng, count=8, length=(12, 12)),
    "a column of six numbers": lambda rng: lines(rng, count=6, length=(2, 3)),
    "a number of six digits": lambda rng: lines(rng, count=1, length=(6, 6)),
    "a number of two to four": lambda rng: lines(rng, count=1, length=(2, 4)),
    "two lines of 0, 1, 6, 8 and 9 alone": lambda rng: lines(rng, count=2, length=(5, 5), signs="01689"),
}


def draw(kind: str, seed: int) -> NDArray[np.uint8]:
    """Return a page of a kind, (H, W, 3) uint8, the right way up."""
    rng = np.random.default_rng([list(KINDS).index(kind), seed, 180])
    text, ground, height = KINDS[kind](rng), GROUNDS[seed % len(GROUNDS)], float(rng.choice([28, 48, 80]))
    pen = "chalk" if ground == "blackboard" else str(rng.choice(PENS))
    return draw_sheet(text, rng=rng, ground=ground, pen=pen, height=height)


def main() -> None:
    """Draw, turn, read and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=30)
    parser.add_argument("--kinds", default="", help="parts of their names, with commas; all of them left out")
    options = parser.parse_args()
    reader = Reader(profile=None)
    print(f"| {options.pages} pages of | as they are | by 90 degrees | by 180 | by 270 |\n|---|---|---|---|---|")
    for kind in KINDS:
        if not any(part in kind for part in options.kinds.split(",")):
            continue
        upright = [0] * 4
        for seed in range(options.pages):
            page = draw(kind, seed)
            for turns in range(4):
                lying = np.ascontiguousarray(np.rot90(page, turns))
                upright[turns] += np.array_equal(reader.steps(lying).page.colour, page)
        print(f"| {kind} | {' | '.join(map(str, upright))} |", flush=True)


if __name__ == "__main__":
    main()
