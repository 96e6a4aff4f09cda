"""Pictures of handwritten digits with known labels.

A picture shows a single digit, or a sheet with numbers, several lines, printed boxes or a table.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from inkread.drawing.paper import Ground, lay_ground
from inkread.drawing.pen import LIGHT_COLOURS, draw_ink, find_pen
from inkread.drawing.strokes import Hand, Stroke, digit_strokes

# The usual pens on each ground.
_USUAL = {
    "plain": ("screen", "felt-tip", "marker"),
    "dark": ("screen", "chalk"),
    "blackboard": ("chalk",),
}
_ON_PAPER = ("ballpoint", "pencil", "felt-tip", "marker")


def draw_digit(
    digit: int,
    *,
    rng: np.random.Generator,
    size: tuple[int, int] = (400, 400),
    ground: str = "plain",
    pen: str | None = None,
    shape: str | None = None,
    hand: Hand | None = None,
    share: float = 0.6,
) -> NDArray[np.uint8]:
    """Draw a picture of one digit, `(height, width, 3)` uint8 RGB.

    size: `(height, width)`.
    ground: one of `GROUNDS`.
    pen: a key of `PENS`; None for a random one.
    shape: a key of `SHAPES[digit]`; None for a random one.
    hand: a writer; None for a random one.
    share: the digit's longer side, as an approximate share (above 0, at most 1) of the picture's shorter side. The
        digit is near the middle.
    """
    surface = lay_ground(ground, size=size, rng=rng)
    pen = pen or str(rng.choice(_USUAL.get(ground, _ON_PAPER)))
    ink = digit_ink(digit, rng=rng, size=size, pen=pen, shape=shape, hand=hand, share=share)
    return show(ink, ink_colour(pen, dark=surface.dark, rng=rng), surface, rng=rng)


def digit_ink(
    digit: int,
    *,
    rng: np.random.Generator,
    size: tuple[int, int],
    pen: str,
    shape: str | None = None,
    hand: Hand | None = None,
    share: float = 0.6,
) -> NDArray[np.float32]:
    """Return the ink of one digit, `(height, width)` float32 from 0 to 1. The parameters are as for `draw_digit`."""
    if not 0 < share <= 1:
        raise ValueError(f"the share of a digit must be above 0 and at most 1, not {share}")
    strokes = digit_strokes(digit, rng=rng, shape=shape, hand=hand)
    length = share * min(size) * rng.uniform(0.94, 1)
    width = max(1.2, length * rng.uniform(*find_pen(pen).width))
    return draw_ink(_place(strokes, size, length, rng), size=size, pen=pen, width=width, rng=rng)


def show(
    ink: NDArray[np.float32], colour: NDArray[np.float32], ground: Ground, *, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Return the picture of ink on a ground, `(height, width, 3)` uint8 RGB.

    ink: `(height, width)` float32 from 0 to 1.
    colour: the colour of the ink, `(3,)` float32 RGB from 0 to 1.
    """
    scene = (ground.paper + ink[..., None] * (colour - ground.paper)) * ground.light
    return photograph(scene, rng=rng) if ground.photographed else to_bytes(scene)


def ink_colour(pen: str, *, dark: bool, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return one of the pen's colours, `(3,)` float32 RGB from 0 to 1. It is light if the ground is dark."""
    colours = LIGHT_COLOURS if dark else find_pen(pen).colours
    return np.array(colours[rng.integers(len(colours))], np.float32) / np.float32(255)


def _place(strokes: list[Stroke], size: tuple[int, int], length: float, rng: np.random.Generator) -> list[Stroke]:
    """Scale strokes from the unit box to the picture, a little off its middle."""
    room = np.maximum(np.array(size[::-1]) - length, 0) / 2
    corner = room * (1 + np.clip(rng.normal(0, 0.25, 2), -0.6, 0.6))
    return [stroke * length + corner for stroke in strokes]


def photograph(
    scene: NDArray[np.float32], *, rng: np.random.Generator, noise: float = 0.006, quality: int = 90
) -> NDArray[np.uint8]:
    """Return the picture that a phone takes of `scene`, `(height, width, 3)` uint8 RGB.

    scene: `(height, width, 3)` float32 RGB from 0 to 1.
    noise: the standard deviation of the sensor's noise at full light.
    quality: the quality of the JPEG file, 1 to 100.
    """
    sharp = rng.uniform(0.4, 0.5 + min(scene.shape[:2]) / 1200)
    seen = cv2.GaussianBlur(scene, (0, 0), sharp)
    # Brightness is noisy from pixel to pixel. Cameras smooth the colours, so these are less noisy.
    grey = rng.standard_normal((*scene.shape[:2], 1), dtype=np.float32)
    tint = rng.standard_normal(scene.shape, dtype=np.float32)
    shake = np.sqrt(np.maximum(seen, 0.05)) * (grey + 0.3 * tint)
    return _through_jpeg(to_bytes(np.asarray(seen + noise * shake, np.float32)), quality)


def to_bytes(scene: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return values from 0 to 1 as uint8. Other values are clipped."""
    return np.asarray(np.round(np.clip(scene, 0, 1) * 255), np.uint8)


def _through_jpeg(picture: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    _, data = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)[..., ::-1].copy()


_SPACE = 1.6
"""The width of a space, in heights of a digit."""

_BETWEEN = (0.18, 0.32)
"""The smallest and largest gap from one digit to the next, in heights of a digit."""

_BOX = 1.5
"""The side of a printed box, in heights of a digit."""

_MARGIN = 0.6
"""The smallest margin around the writing, in heights of a digit."""

_RULE = 0.03
"""The thickness of printed lines, in heights of a digit."""

_SQUARE = np.array([[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]], np.float64)


def draw_sheet(
    lines: Sequence[str],
    *,
    rng: np.random.Generator,
    size: tuple[int, int] | None = None,
    ground: str = "plain",
    pen: str | None = None,
    hand: Hand | None = None,
    height: float = 48.0,
    uneven: float = 0.05,
    leading: float = 1.9,
    slope: float = 0.0,
    boxes: bool = False,
) -> NDArray[np.uint8]:
    """Draw a picture of lines of digits, `(height, width, 3)` uint8 RGB, with the writing in the middle.

    lines: digits and spaces. A space is a wide gap.
    size: `(height, width)` in pixels; None for the size that the lines need.
    ground: one of `GROUNDS`.
    pen: a key of `PENS`; None for chalk on dark grounds and a felt-tip on others.
    hand: a writer; None for a random one.
    height: the height of a digit in pixels.
    uneven: the standard deviation of the logarithm of the digits' heights.
    leading: the distance from one line to the next, in heights of a digit.
    slope: how far lines rise for each pixel to the right.
    boxes: whether every digit is in a printed box, 1.5 heights wide and high. A leading of 1.5 joins them to a table.

    Raises `ValueError` for lines with anything but digits and spaces, without a digit, or too large for the picture.
    """
    strokes, cells = _write_lines(lines, rng=rng, hand=hand or Hand.random(rng=rng), uneven=uneven, leading=leading,
                              boxes=boxes)  # fmt: skip
    turn = height * np.array([[1, -slope], [slope, 1]]) / np.hypot(1, slope)
    strokes, cells = ([way @ turn for way in ways] for ways in (strokes, cells))
    points = np.concatenate(strokes + cells)
    low, high = points.min(axis=0), points.max(axis=0)
    room = (high - low + 2 * _MARGIN * height)[::-1]
    size = size or (int(np.ceil(room[0])), int(np.ceil(room[1])))
    if (room > np.add(size, 1)).any():
        raise ValueError(f"these lines need {room[1]:.0f} x {room[0]:.0f} pixels, more than {size[1]} x {size[0]}")
    shift = np.array(size[::-1]) / 2 - (low + high) / 2
    surface = lay_ground(ground, size=size, rng=rng)
    if cells:
        surface = _print_outlines(surface, [cell + shift for cell in cells], thickness=_RULE * height)
    pen = pen or ("chalk" if surface.dark else "felt-tip")
    width = max(1.2, height * rng.uniform(*find_pen(pen).width))
    ink = draw_ink([stroke + shift for stroke in strokes], size=size, pen=pen, width=width, rng=rng)
    return show(ink, ink_colour(pen, dark=surface.dark, rng=rng), surface, rng=rng)


def _write_lines(
    lines: Sequence[str], *, rng: np.random.Generator, hand: Hand, uneven: float, leading: float, boxes: bool
) -> tuple[list[Stroke], list[Stroke]]:
    """Return the strokes of all digits and the outlines of their boxes. The unit is the height of a digit."""
    strokes: list[Stroke] = []
    cells: list[Stroke] = []
    if not "".join(lines).strip(" ") or not set("".join(lines)) <= set("0123456789 "):
        raise ValueError(f"lines must contain only digits and spaces, and at least one digit, not {list(lines)}")
    for number, line in enumerate(lines):
        x, y = 0.0, number * leading
        for sign in line:
            if sign == " ":
                x += _BOX if boxes else _SPACE
                continue
            scale = np.exp(rng.normal(0, uneven))
            of_digit = [scale * stroke for stroke in digit_strokes(int(sign), rng=rng, hand=hand)]
            left, right = (edge(np.concatenate(of_digit)[:, 0]) for edge in (np.min, np.max))
            advance = _BOX if boxes else right - left + rng.uniform(*_BETWEEN)
            if boxes:
                cells.append(_BOX * _SQUARE + (x, y))
            corner = (x + (_BOX - left - right) / 2, y + (_BOX - scale) / 2) if boxes else (x - left, y)
            strokes += [stroke + corner for stroke in of_digit]
            x += advance
    return strokes, cells


def _print_outlines(ground: Ground, outlines: list[Stroke], *, thickness: float) -> Ground:
    """Return the ground with printed outlines, each `(n, 2)` in pixels."""
    canvas = np.zeros(ground.paper.shape[:2], np.uint8)
    lines = [np.rint(16 * outline).astype(np.int32) for outline in outlines]
    cv2.polylines(canvas, lines, False, 255, max(1, round(thickness)), cv2.LINE_AA, shift=4)
    share = canvas[..., None] / np.float32(255)
    colour = np.float32(0.85 if ground.dark else 0.25)
    return dataclasses.replace(ground, paper=np.asarray(ground.paper + share * (colour - ground.paper), np.float32))
