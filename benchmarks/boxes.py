"""Measure how drawn forms are read: boxes of many kinds, some empty, leaning or drawn by hand.

    python benchmarks/boxes.py [--pages 12] [--kinds apart,table]

No form is drawn as `inkread.drawing.draw_sheet` draws them, so that what was tried on those is tested on others.
"""

from __future__ import annotations

import argparse
import dataclasses

import cv2
import numpy as np
from numpy.typing import NDArray

from inkread.drawing import Hand, digit_strokes, draw_ink, ink_colour, lay_ground, show
from inkread.drawing.pen import find_pen
from inkread.drawing.strokes import Stroke
from inkread.evaluation.statistics import edit_distance
from inkread.reader import Reader


@dataclasses.dataclass(frozen=True, slots=True)
class Kind:
    """How forms of a kind are drawn; lengths in heights of a digit, ranges from which each form takes one.

    rows: of boxes. side: height of a box. aspect: its width to its height. gap: between boxes, in sides; 0 joins them.
    thick: of the lines. lean: in degrees, either way. wavering: of corners, in sides. empty: share of empty boxes.
    digits: most digits in a box. joined: whether rows make a table.
    """

    rows: tuple[int, int] = (1, 2)
    side: tuple[float, float] = (1.25, 1.8)
    aspect: tuple[float, float] = (0.75, 1.3)
    gap: tuple[float, float] = (0.0, 0.0)
    thick: tuple[float, float] = (0.02, 0.05)
    lean: tuple[float, float] = (0.0, 0.7)
    wavering: float = 0.0
    empty: float = 0.0
    digits: int = 1
    joined: bool = False


KINDS = {
    "row": Kind(),
    "apart": Kind(gap=(0.12, 0.5)),
    "table": Kind(rows=(3, 6), joined=True),
    "leaning row": Kind(lean=(2.0, 5.0)),
    "leaning table": Kind(rows=(3, 6), lean=(2.0, 5.0), joined=True),
    "some empty": Kind(rows=(1, 4), empty=0.4),
    "thick lines": Kind(thick=(0.06, 0.12)),
    "by hand": Kind(gap=(0.12, 0.5), wavering=0.03),
    "filled by digits": Kind(rows=(1, 4), side=(0.95, 1.1), aspect=(0.8, 1.1), joined=True),
    "numbers": Kind(rows=(1, 4), aspect=(2.2, 4.0), digits=3),
    "empty row": Kind(empty=1.0),
    "empty apart": Kind(gap=(0.12, 0.5), empty=1.0),
    "empty table": Kind(rows=(3, 6), joined=True, empty=1.0),
}


def form(kind: Kind, rng: np.random.Generator) -> tuple[NDArray[np.uint8], list[str]]:
    """Return a form, (H, W, 3) uint8, and the digits of each of its rows in which there are any."""
    height = float(rng.choice([24, 36, 56]))
    rows, columns = int(rng.integers(*kind.rows, endpoint=True)), int(rng.integers(4, 11))
    side = height * rng.uniform(*kind.side)
    wide, gap = side * rng.uniform(*kind.aspect), side * rng.uniform(*kind.gap)
    below = 0.0 if kind.joined else side * rng.uniform(0.3, 0.8)
    hand = Hand.random(rng=rng)
    outlines: list[Stroke] = []
    strokes: list[Stroke] = []
    lines: list[str] = []
    for row in range(rows):
        lines.append("")
        for column in range(columns):
            corner = np.array([column * (wide + gap), row * (side + below)])
            box = np.array([[0, 0], [wide, 0], [wide, side], [0, side], [0, 0]]) + corner
            outlines.append(box + rng.normal(0, kind.wavering * side, box.shape))
            if rng.random() >= kind.empty:
                text = "".join(map(str, rng.integers(0, 10, rng.integers(1, kind.digits, endpoint=True))))
                strokes += write(text, np.add(corner, (wide / 2, side / 2)), height, hand, rng)
                lines[-1] += text
    picture = draw(outlines, strokes, lean=rng.uniform(*kind.lean) * rng.choice([-1, 1]), height=height,
                    thick=height * rng.uniform(*kind.thick), rng=rng)  # fmt: skip
    return picture, [line for line in lines if line]


def write(text: str, middle: NDArray[np.float64], height: float, hand: Hand, rng: np.random.Generator) -> list[Stroke]:
    """Return the strokes of a number around its middle."""
    strokes: list[Stroke] = []
    right = 0.0
    for sign in text:
        own = [height * np.exp(rng.normal(0, 0.06)) * stroke for stroke in digit_strokes(int(sign), rng=rng, hand=hand)]
        low, high = (edge(np.concatenate(own)[:, 0]) for edge in (np.min, np.max))
        strokes += [np.add(stroke, (right - low, -height / 2)) for stroke in own]
        right += high - low + 0.2 * height
    return [stroke + middle - ((right - 0.2 * height) / 2, 0) for stroke in strokes]


def draw(
    outlines: list[Stroke], strokes: list[Stroke], *, lean: float, height: float, thick: float, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Return the picture of boxes and digits on paper."""
    sine, cosine = np.sin(np.radians(lean)), np.cos(np.radians(lean))
    turn = np.array([[cosine, sine], [-sine, cosine]])
    points = np.concatenate(outlines + strokes) @ turn
    low, high = points.min(axis=0) - 1.2 * height, points.max(axis=0) + 1.2 * height
    size = int(high[1] - low[1]), int(high[0] - low[0])
    surface = lay_ground(str(rng.choice(["plain", "paper", "paper", "shadow"])), size=size, rng=rng)
    canvas = np.zeros(size, np.uint8)
    print_ = [np.rint(16 * (outline @ turn - low)).astype(np.int32) for outline in outlines]
    cv2.polylines(canvas, print_, False, 255, max(1, round(thick)), cv2.LINE_AA, shift=4)
    share = canvas[..., None] / np.float32(255)
    paper = surface.paper + share * (np.float32(rng.uniform(0.1, 0.45)) - surface.paper)
    surface = dataclasses.replace(surface, paper=np.asarray(paper, np.float32))
    pen = str(rng.choice(["ballpoint", "pencil", "felt-tip"]))
    width = max(1.2, height * rng.uniform(*find_pen(pen).width))
    ink = np.zeros(size, np.float32)
    if strokes:
        ink = draw_ink([stroke @ turn - low for stroke in strokes], size=size, pen=pen, width=width, rng=rng)
    return show(ink, ink_colour(pen, dark=False, rng=rng), surface, rng=rng)


def main() -> None:
    """Draw, read and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=12)
    parser.add_argument("--kinds", default=",".join(KINDS))
    options = parser.parse_args()
    reader = Reader()
    print("| kind | forms right | digit errors |\n|---|---|---|")
    for number, name in enumerate(KINDS):
        if name not in options.kinds.split(","):
            continue
        right = wrong = total = 0
        for seed in range(options.pages):
            picture, lines = form(KINDS[name], np.random.default_rng([number, seed]))
            text, truth = reader.read(picture).text.replace("\n", "|").replace(" ", ""), "|".join(lines)
            right, wrong, total = right + (text == truth), wrong + edit_distance(text, truth), total + len(truth)
        errors = f"{100 * wrong / total:.1f} %" if total else f"{wrong} digits read"
        print(f"| {name} | {right} of {options.pages} | {errors} |", flush=True)


if __name__ == "__main__":
    main()
