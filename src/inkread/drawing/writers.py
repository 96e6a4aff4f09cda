"""Writers: the habits of people who write numbers, and the digits that they write."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from inkread.drawing.noise import pick
from inkread.drawing.stock import HANDS, Bitmap, Stock
from inkread.drawing.typefaces import FileTypeface, Typeface

Ink = NDArray[np.float32]

Source = Literal["written", "drawn", "typeface"]
"""Where a writer's digits come from: MNIST, drawn strokes, or a font that looks like handwriting."""

PAD = 2
"""Empty pixels around a digit."""

_SOURCES: tuple[tuple[float, Source], ...] = ((0.27, "written"), (0.53, "drawn"), (0.20, "typeface"))
"""The sources of digits, each with its share of the writers."""

_INKED = 70
"""A pixel of a bitmap is ink if its grey is above this."""

_WIDEST = 1.6
"""The largest width of a digit, in heights of a digit."""


@dataclass(frozen=True)
class Writer:
    """The habits of a person. Lengths are in heights of a digit. `Writer.random` returns a random writer."""

    source: Source
    """The source of most digits."""
    mixes: bool
    """Whether half of the digits come from another source."""
    hand: int
    """The number of the hand that draws."""
    weight: float
    """How thick the strokes are, as the share of people whose strokes are thinner."""
    typeface: FileTypeface | None
    """The font of the digits, for a writer whose digits come from a font."""
    words: Typeface
    """The font of the words."""
    words_printed: bool
    """Whether the words are print, as on a form that is filled in."""
    word_height: float
    """The height of digits in the font size of the words."""
    letter_gap: float
    """The gap between the letters of a word; 0 for writers who join them, and for most others."""
    slant: float
    """How far the writing leans to the right, in pixels per pixel upwards."""
    breadth: float
    """The factor by which digits are wider than usual."""
    gap: float
    """The gap from one digit to the next. It is negative if they overlap."""
    stroke: float
    """The width of the pen for signs."""
    wobble: float
    """The standard deviation of the digits from the line."""
    uneven: float
    """The standard deviation of the digits' heights, as a share."""
    sharpness: float
    """The contrast of the edges of a small digit that is enlarged."""
    zero_height: float
    """The height of zeros. Some people write small zeros."""
    zero_breadth: float
    """The factor by which zeros are wider than other digits."""
    shrinking: float
    """The factor by which each digit of a number is lower than the one before."""
    joins: bool
    """Whether half of the digits are joined to the digit before."""
    pressure: int
    """Whether strokes are a pixel wider (1), a pixel narrower (-1) or unchanged (0)."""

    @classmethod
    def random(cls, stock: Stock, *, rng: np.random.Generator) -> Writer:
        """Return a random writer, whose digits are in the stock."""
        fonts = stock.typefaces.digits
        prints = rng.random() < 0.4
        wordfaces = stock.typefaces.print if prints else stock.typefaces.handwriting
        return cls(
            source=_source(stock, rng),
            mixes=rng.random() < 0.25,
            hand=int(rng.integers(HANDS)),
            weight=rng.random(),
            typeface=fonts[rng.integers(len(fonts))] if fonts else None,
            words=wordfaces[rng.integers(len(wordfaces))],
            words_printed=prints,
            word_height=rng.uniform(0.65, 1.1),
            letter_gap=rng.uniform(0.08, 0.5) if rng.random() < 0.05 else 0.0,
            slant=min(max(rng.normal(0.18, 0.24), -0.35), 0.95),
            breadth=math.exp(rng.normal(0, 0.13)),
            gap=rng.normal(0.07, 0.11),
            stroke=rng.uniform(0.05, 0.17),
            wobble=rng.uniform(0.01, 0.06),
            uneven=rng.uniform(0.03, 0.1),
            sharpness=rng.uniform(1.2, 4),
            zero_height=rng.uniform(0.4, 0.95) if rng.random() < 0.3 else 1.0,
            zero_breadth=rng.uniform(0.9, 1.5),
            shrinking=rng.uniform(0.86, 0.98) if rng.random() < 0.2 else 1.0,
            joins=rng.random() < 0.08,
            pressure=pick(((4 / 6, 0), (1 / 6, 1), (1 / 6, -1)), rng),
        )

    def without_typeface(self) -> Writer:
        """Return this writer with drawn digits instead of a font, since very large digits of a font look bad."""
        return replace(self, source="drawn") if self.source == "typeface" else self

    def closer(self) -> Writer:
        """Return this writer with a wide gap between digits halved, for cells of a table."""
        return replace(self, gap=self.gap / 2) if self.gap > 0.2 else self


def _source(stock: Stock, rng: np.random.Generator) -> Source:
    """Return the source of a writer's digits. Drawn digits replace sources that the stock does not have."""
    source = pick(_SOURCES, rng)
    lacks = (source == "written" and stock.written is None) or (source == "typeface" and not stock.typefaces.digits)
    return "drawn" if lacks else source


def digit_bitmap(writer: Writer, digit: int, stock: Stock, *, rng: np.random.Generator) -> tuple[Bitmap, float]:
    """Return a writer's digit before it is scaled, (h, w) uint8, and the shear that it still needs."""
    source = writer.source
    if writer.mixes and rng.random() < 0.5:
        source = "written" if source == "drawn" and stock.written else "drawn"
    if source == "typeface" and writer.typeface:
        # Fonts for handwriting already lean.
        return writer.typeface.glyph(str(digit)), 0.5 * writer.slant
    if source == "written" and stock.written:
        image, upright = stock.written.find(digit, writer.weight + rng.normal(0, 0.06))
        # Most of the slant of the image is removed first.
        return image, 0.6 * writer.slant + 0.8 * upright
    # Drawn digits already lean by a tenth on average.
    return stock.drawn.find(writer.hand, digit, int(rng.integers(2))), writer.slant - 0.1


def written_digit(writer: Writer, digit: int, height: float, stock: Stock, *, rng: np.random.Generator) -> Ink:
    """Return the ink of a digit about `height` pixels high, (h, w) float32 from 0 to 1, with `PAD` pixels around it."""
    bitmap, slant = digit_bitmap(writer, digit, stock, rng=rng)
    x, y, w, h = cv2.boundingRect((bitmap > _INKED).view(np.uint8))
    if not w:
        return np.zeros((max(2, int(height)), 3), np.float32)
    tall = height * math.exp(rng.normal(0, writer.uneven)) * (writer.zero_height if digit == 0 else 1)
    down = tall / h
    across = down * writer.breadth * math.exp(rng.normal(0, 0.06)) * (writer.zero_breadth if digit == 0 else 1)
    across = min(across, _WIDEST * height / w)
    lean = min(max(slant + rng.normal(0, 0.05), -0.5), 1.1)
    tilt = rng.normal(0, 0.03) * across
    return _warp(bitmap[y : y + h, x : x + w], across, down, lean, tilt, writer.sharpness)


def _warp(bitmap: Bitmap, across: float, down: float, lean: float, tilt: float, sharpness: float) -> Ink:
    """Return a bitmap scaled, sheared to the right by `lean` and downwards by `tilt`, and sharpened if enlarged."""
    tall = down * bitmap.shape[0]
    spread = abs(lean) * tall
    size = (math.ceil(across * bitmap.shape[1] + spread) + 2 * PAD, math.ceil(tall) + 2 * PAD)
    matrix = np.array([[across, -lean * down, PAD + (spread + lean * tall) / 2], [tilt, down, PAD]])
    # A warp samples one point per pixel, so a bitmap must be blurred before it is reduced.
    source = bitmap if down > 0.6 else cv2.GaussianBlur(bitmap, (0, 0), 0.35 / down)
    how = cv2.INTER_CUBIC if down > 1 else cv2.INTER_LINEAR
    ink = cv2.warpAffine(source, matrix, size, flags=how).astype(np.float32) / np.float32(255)
    if down > 1:
        ink = (ink - np.float32(0.5)) * np.float32(sharpness) + np.float32(0.5)
    return np.asarray(np.clip(ink, 0, 1), np.float32)
