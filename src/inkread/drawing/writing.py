"""Writing: puts numbers, words and other things on a canvas, and records the box and class of each mark."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from inkread.drawing.canvas import InkCanvas
from inkread.drawing.noise import pick
from inkread.drawing.signs import ABOVE, sign_ink
from inkread.drawing.signs import PAD as SIGN_PAD
from inkread.drawing.stock import THINGS, Bitmap, Stock
from inkread.drawing.typefaces import GLYPH_SIZE, Typeface
from inkread.drawing.typefaces import PAD as FONT_PAD
from inkread.drawing.writers import PAD as DIGIT_PAD
from inkread.drawing.writers import Writer, written_digit
from inkread.marks import LETTER, MARKS, OTHER_INK, Area

Ink = NDArray[np.float32]
Point = tuple[float, float]

_USUAL_DIGIT = 0.68
"""The height of an 8 in a usual font, as a share of the font size."""

_SMALL = 0.8
"""A digit lower than this share of the digit height is usually at the bottom of the line, otherwise in its middle."""

_LEAST_SHARE = 0.5
"""The height of the lowest digit of a number whose digits get lower, as a share of the first digit."""

_TICKS = 0.2
"""The probability that a thing is a tick or a cross."""


@dataclass(frozen=True)
class Draft:
    """A page while it is drawn.

    canvas: its ink and marks.
    paper: (height, width) float32, the light of the ground, with printed rules.
    stock: the material that it is drawn from.
    writer: the person who writes.
    height: the height of the digits in pixels.
    slope: how far lines fall for each pixel to the right.
    """

    canvas: InkCanvas
    paper: NDArray[np.float32]
    stock: Stock
    writer: Writer
    height: float
    slope: float


def write_number(
    draft: Draft,
    text: str,
    at: Point,
    *,
    rng: np.random.Generator,
    slope: float = 0.0,
    until: float | None = None,
    writer: Writer | None = None,
) -> float:
    """Write digits and signs with the top of the digits at a point `(x, y)`, and return the right end of the writing.

    until: digits and signs that would begin to the right of this are omitted.
    writer: the writer; None for that of the draft.
    """
    writer = writer or draft.writer
    (x, y), before, share = at, None, 1.0
    for sign in text:
        if until is not None and x > until:
            break
        top = y + slope * x + rng.normal(0, writer.wobble) * draft.height
        if sign.isdigit():
            area = _write_digit(draft, writer, int(sign), share, (x, top), rng)
            share = max(_LEAST_SHARE, share * writer.shrinking)
            if area and before and writer.joins and rng.random() < 0.5:
                _join(draft, writer, before, area)
            x, before = _after_digit(draft, writer, area, x, rng), area
        elif area := _write_sign(draft, writer, sign, (x, top), rng):
            x, before = _after_sign(draft, writer, sign, area, rng), None
    return x


def _write_digit(
    draft: Draft, writer: Writer, digit: int, share: float, at: Point, rng: np.random.Generator
) -> Area | None:
    """Write a digit that is `share` as high as the first of its number, and return its area."""
    ink = written_digit(writer, digit, share * draft.height, draft.stock, rng=rng)
    spare = draft.height - (ink.shape[0] - 2 * DIGIT_PAD)
    on_line = ink.shape[0] < _SMALL * draft.height and rng.random() < 0.75
    top = at[1] - DIGIT_PAD + (spare if on_line else spare / 2)
    area = draft.canvas.put(ink, at[0] - DIGIT_PAD, top)
    if area:
        draft.canvas.label(area, digit)
    return area


def _after_digit(draft: Draft, writer: Writer, area: Area | None, x: float, rng: np.random.Generator) -> float:
    if area is None:
        return x + 0.5 * draft.height
    return area[2] + draft.height * max(-0.2, writer.gap + rng.normal(0, 0.05))


def _join(draft: Draft, writer: Writer, before: Area, area: Area) -> None:
    """Draw a line from the upper right of a digit to the upper left of the next digit."""
    ends = [(before[2] - 2, before[1] + 0.15 * draft.height), (area[0] + 2, area[1] + 0.1 * draft.height)]
    draft.canvas.draw_line(ends, max(1, int(writer.stroke * draft.height)))


def _write_sign(draft: Draft, writer: Writer, sign: str, at: Point, rng: np.random.Generator) -> Area | None:
    """Write a sign. If the writer's digits come from a font, half of the signs do too."""
    x, y = at
    if writer.source == "typeface" and writer.typeface and rng.random() < 0.5:
        scale = draft.height / (GLYPH_SIZE * _USUAL_DIGIT)
        ink = _resize(writer.typeface.glyph(sign), scale, scale)
        corner = (x - FONT_PAD * scale, y + (writer.typeface.drop(sign) * GLYPH_SIZE - FONT_PAD) * scale)
    else:
        ink = sign_ink(sign, height=draft.height, stroke=writer.stroke * draft.height, rng=rng)
        corner = (x - SIGN_PAD, y - ABOVE * draft.height)
    area = draft.canvas.put(ink, *corner)
    if area:
        draft.canvas.label(area, MARKS.index(sign))
    return area


def _after_sign(draft: Draft, writer: Writer, sign: str, area: Area, rng: np.random.Generator) -> float:
    """Return where the next digit begins. After a slash, it may begin below the upper end of the slash."""
    if sign == "/":
        return area[2] - rng.uniform(0, 0.25) * draft.height
    return area[2] + draft.height * max(0.02, 0.6 * abs(writer.gap) + rng.uniform(0, 0.12))


def write_word(
    draft: Draft, text: str, at: Point, *, height: float, face: Typeface, printed: bool, strength: float = 1.0
) -> float:
    """Write a word or a printed number in a typeface, and return its right end.

    at: the start of the word and the top of its digits, `(x, y)`.
    height: the height of its digits in pixels.
    strength: how dark it is, 0 to 1.
    """
    x, y = at
    word = face.lettering(text, height)
    draft.canvas.put(word.ink, x + word.left, y + word.top, strength)
    for index, box in enumerate(word.boxes):
        if box is None or text[index] == " ":
            continue
        area = (x + box[0], y + box[1], x + box[2], y + box[3])
        label = _label_in_word(text, index)
        if label is None:
            draft.canvas.ignored.append(area)
        else:
            draft.canvas.label(area, label, printed=printed)
    return x + word.advance


def _label_in_word(text: str, index: int) -> int | None:
    """Return the class of a character in a word, or None for a sign that is not between two digits."""
    sign = text[index]
    if sign.isdigit():
        return int(sign)
    if sign.isalpha():
        return LETTER
    between = 0 < index < len(text) - 1 and text[index - 1].isdigit() and text[index + 1].isdigit()
    return MARKS.index(sign) if between and sign in MARKS else None


def put_thing(draft: Draft, at: Point, *, height: float, rng: np.random.Generator) -> float:
    """Put a letter, a scribble, a tick or another thing at a point, and return its right edge."""
    scale = height / 64 * rng.uniform(0.8, 1.6)
    if rng.random() < _TICKS:
        bitmap, letter = _tick(rng), False
    else:
        bitmap, letter = draft.stock.things.find(int(rng.integers(THINGS)))
    ink = _resize(bitmap, scale * rng.uniform(0.8, 1.25), scale)
    if area := draft.canvas.put(ink, *at):
        draft.canvas.label(area, LETTER if letter else OTHER_INK)
    return float(at[0] + ink.shape[1])


# Ticks and crosses in a frame of 64 x 64 pixels, with their shares.
_TICK_SHAPES: tuple[tuple[float, tuple[tuple[tuple[int, int], ...], ...]], ...] = (
    (0.6, (((10, 34), (26, 54), (58, 8)),)),
    (0.2, (((8, 30), (22, 14), (40, 52), (58, 30)),)),
    (0.2, (((10, 10), (54, 54)), ((54, 10), (10, 54)))),
)


def _tick(rng: np.random.Generator) -> Bitmap:
    canvas = np.zeros((64, 64), np.uint8)
    thickness = int(rng.integers(2, 7))
    for stroke in pick(_TICK_SHAPES, rng):
        points = np.rint(np.array(stroke) + rng.normal(0, 5, (len(stroke), 2))).astype(np.int32)
        cv2.polylines(canvas, [points], False, 255, thickness, cv2.LINE_AA)
    return canvas


def strike_out(draft: Draft, boxes: list[Area], *, rng: np.random.Generator) -> None:
    """Draw a zigzag over some boxes, up and down or left and right."""
    left, top = min(box[0] for box in boxes), min(box[1] for box in boxes)
    right, bottom = max(box[2] for box in boxes), max(box[3] for box in boxes)
    turns, points = int(rng.integers(3, 9)), []
    if rng.random() < 0.6:
        for turn in range(turns + 1):
            y = (top if turn % 2 else bottom) + rng.normal(0, 0.1) * draft.height
            points.append((left + (right - left) * turn / turns + rng.normal(0, 1), y))
    else:
        for _ in range(turns):
            points.append((left - 0.1 * draft.height, rng.uniform(top, bottom)))
            points.append((right + 0.1 * draft.height, rng.uniform(top, bottom)))
    draft.canvas.draw_line(points, max(1, int(draft.writer.stroke * draft.height)))


def _resize(bitmap: Bitmap, across: float, down: float) -> Ink:
    small = cv2.resize(bitmap, None, fx=across, fy=down, interpolation=cv2.INTER_AREA)
    return small / np.float32(255)
