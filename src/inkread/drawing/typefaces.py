"""Typefaces: words and signs in fonts, with the box of each letter.

Fonts come from files that Pillow opens. Where there are none, OpenCV's strokes (Hershey 1967) stand in for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from inkread.marks import Area

Ink = NDArray[np.float32]

GLYPH_SIZE = 56
"""The size, in pixels to the em, at which single signs of a font are drawn before they are reduced."""

PAD = 4
"""Empty pixels around the ink of a sign or word."""

# Words are drawn at one of these sizes, in pixels to the em, the nearest by its logarithm: fonts are slow to load.
_SIZES = np.array([6, 7, 8, 9, 10, 11, 13, 15, 17, 20, 23, 27, 31, 36, 42, 49, 57, 66, 77, 90])
# A digit is at least this share of its font's size: some have none, and a mark in its place.
_LEAST_DIGIT = 0.25


@dataclass(frozen=True)
class Lettering:
    """A word in ink.

    ink: (h, w) float32 from 0 to 1. left, top: its corner, in pixels from where the word begins and where its digits
    have their top. boxes: the area of each of its signs, from the same point, None where nothing can be seen.
    advance: where the next word would begin.
    """

    ink: Ink
    left: float
    top: float
    boxes: Sequence[Area | None]
    advance: float


class Typeface(Protocol):
    """What words are written in."""

    def lettering(self, text: str, height: float) -> Lettering:
        """Return a word whose digits are, or would be, `height` pixels high."""


@dataclass(frozen=True)
class FileTypeface:
    """A font in a file.

    measured_by: the sign that tells its size, "8" unless its digits are not to be used.
    """

    path: str
    measured_by: str = "8"

    @property
    def has_digits(self) -> bool:
        """Whether its digits look like digits."""
        return self.measured_by == "8"

    def lettering(self, text: str, height: float) -> Lettering:
        rise, top = _extent(self.path, self.measured_by)
        size = int(_SIZES[np.abs(np.log(_SIZES * max(rise, _LEAST_DIGIT) / height)).argmin()])
        font = _font(self.path, size)
        x0, y0, x1, y1 = font.getbbox(text)
        picture = Image.new("L", (int(x1 - x0) + 2 * PAD, int(y1 - y0) + 2 * PAD))
        ImageDraw.Draw(picture).text((PAD - x0, PAD - y0), text, font=font, fill=255)
        boxes: list[Area | None] = []
        for index, sign in enumerate(text):
            left, upper, right, lower = _sign_box(self.path, size, sign)
            start = font.getlength(text[:index]) - x0
            area = (start + left, upper - top * size, start + right, lower - top * size)
            boxes.append(area if right - left >= 1 else None)
        ink = np.asarray(picture, np.float32) / np.float32(255)
        return Lettering(ink, -PAD, y0 - top * size - PAD, boxes, font.getlength(text))

    def glyph(self, sign: str) -> NDArray[np.uint8]:
        """Return one sign at `GLYPH_SIZE`, (h, w) uint8 with 255 = ink and `PAD` empty pixels around."""
        return _glyph(self.path, sign)

    def drop(self, sign: str) -> float:
        """Return how far the top of a sign lies below that of an 8, in ems."""
        return _extent(self.path, sign)[1] - _extent(self.path, "8")[1]


@dataclass(frozen=True)
class HersheyTypeface:
    """One of OpenCV's fonts of strokes, by its number."""

    font: int

    def lettering(self, text: str, height: float) -> Lettering:
        scale = round(height / _hershey_height(self.font), 2)
        signs = [_hershey_sign(self.font, sign, scale) for sign in text]
        starts = np.cumsum([0, *(advance for _, advance in signs)])
        ink = np.zeros((max(len(sign) for sign, _ in signs), int(starts[-1]) + 2 * PAD), np.float32)
        boxes: list[Area | None] = []
        for (sign, _), start in zip(signs, starts, strict=False):
            part = ink[: len(sign), start : start + sign.shape[1]]
            np.maximum(part, sign[:, : part.shape[1]], out=part)
            x, y, w, h = cv2.boundingRect((sign > 0.35).view(np.uint8))
            left, top = start + x - PAD, y - PAD
            boxes.append((left, top, left + w, top + h) if w else None)
        return Lettering(ink, -PAD, -PAD, boxes, float(starts[-1]))


@dataclass(frozen=True)
class Typefaces:
    """The typefaces of a stock."""

    handwriting: tuple[Typeface, ...]
    """Fonts that look as if someone had written them."""
    print: tuple[Typeface, ...]
    """Fonts of books, forms and screens."""

    @property
    def digits(self) -> list[FileTypeface]:
        """The fonts that look written and have good digits; empty where there are no files."""
        return [face for face in self.handwriting if isinstance(face, FileTypeface) and face.has_digits]


# Without files, the two scripts are handwriting and the others print.
STROKE_TYPEFACES = Typefaces(
    handwriting=tuple(HersheyTypeface(font) for font in (cv2.FONT_HERSHEY_SCRIPT_SIMPLEX, cv2.FONT_HERSHEY_SIMPLEX)),
    print=tuple(HersheyTypeface(font) for font in (cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_COMPLEX)),
)

# Fonts whose digits are ornaments, and may only write words.
WITHOUT_DIGITS = ("over-the-rainbow",)


def typefaces(handwriting: Sequence[Path], print_: Sequence[Path]) -> Typefaces:
    """Return the typefaces of font files, those that look written and those of print."""
    return Typefaces(tuple(map(_typeface, handwriting)), tuple(map(_typeface, print_)))


def _typeface(path: Path) -> FileTypeface:
    return FileTypeface(str(path), "H" if path.name.startswith(WITHOUT_DIGITS) else "8")


@lru_cache(4000)
def _font(path: str, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(path, size)


@lru_cache(60_000)
def _sign_box(path: str, size: int, sign: str) -> Area:
    return _font(path, size).getbbox(sign)


@lru_cache(6000)
def _extent(path: str, sign: str) -> tuple[float, float]:
    """Return the height of a sign and its top below the top of the line, in ems."""
    _, top, _, bottom = _sign_box(path, GLYPH_SIZE, sign)
    return (bottom - top) / GLYPH_SIZE, top / GLYPH_SIZE


@lru_cache(6000)
def _glyph(path: str, sign: str) -> NDArray[np.uint8]:
    x0, y0, x1, y1 = _sign_box(path, GLYPH_SIZE, sign)
    picture = Image.new("L", (max(1, int(x1 - x0)) + 2 * PAD, max(1, int(y1 - y0)) + 2 * PAD))
    ImageDraw.Draw(picture).text((PAD - x0, PAD - y0), sign, font=_font(path, GLYPH_SIZE), fill=255)
    return np.asarray(picture)


@lru_cache(64)
def _hershey_height(font: int) -> int:
    """Return the height of a digit at scale 1, in pixels."""
    return cv2.getTextSize("8", font, 1.0, 1)[0][1]


@lru_cache(20_000)
def _hershey_sign(font: int, sign: str, scale: float) -> tuple[Ink, int]:
    """Return one sign with the top of its digits at row `PAD`, and how far the next one stands."""
    thickness = max(1, round(2 * scale))
    (width, height), below = cv2.getTextSize(sign, font, scale, thickness)
    canvas = np.zeros((height + below + 2 * PAD + thickness, width + 2 * PAD), np.uint8)
    cv2.putText(canvas, sign, (PAD, PAD + height), font, scale, 255, thickness, cv2.LINE_AA)
    return np.asarray(canvas / np.float32(255), np.float32), width
