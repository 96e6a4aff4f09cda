"""Typefaces: words and signs in fonts, with the box of each letter.

Fonts come from files that Pillow opens. Without files, OpenCV's stroke fonts (Hershey 1967) replace them.
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
"""The size, in pixels per em, at which single signs of a font are drawn before they are reduced."""

PAD = 4
"""Empty pixels around the ink of a sign or word."""

_SIZES = np.array([6, 7, 8, 9, 10, 11, 13, 15, 17, 20, 23, 27, 31, 36, 42, 49, 57, 66, 77, 90])
"""The sizes of words, in pixels per em. The size with the nearest logarithm is used, since fonts are slow to load."""

_LEAST_DIGIT = 0.25
"""The smallest height of a digit, as a share of its font's size. Some fonts have a small mark instead of digits."""


@dataclass(frozen=True)
class Lettering:
    """The ink of a word. Its origin is the point where the word begins and its digits have their top.

    ink: (h, w) float32 from 0 to 1.
    left, top: the corner of the ink, in pixels from the origin.
    boxes: the area of each sign, in pixels from the origin; None if the sign has no visible ink.
    advance: where the next word would begin, in pixels from the origin.
    """

    ink: Ink
    left: float
    top: float
    boxes: Sequence[Area | None]
    advance: float


class Typeface(Protocol):
    """A font, from a file or of OpenCV."""

    def lettering(self, text: str, height: float) -> Lettering:
        """Return a word at the size at which digits are `height` pixels high."""


@dataclass(frozen=True)
class FileTypeface:
    """A font in a file.

    measured_by: the sign that the size is measured by. It is "8", unless the digits of the font must not be used.
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
        """Return one sign at `GLYPH_SIZE`, (h, w) uint8 with 255 = ink and `PAD` empty pixels around it."""
        return _glyph(self.path, sign)

    def drop(self, sign: str) -> float:
        """Return how far the top of a sign is below the top of an 8, in ems."""
        return _extent(self.path, sign)[1] - _extent(self.path, "8")[1]


@dataclass(frozen=True)
class HersheyTypeface:
    """One of OpenCV's stroke fonts, by its number."""

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
    """Fonts that look like handwriting."""
    print: tuple[Typeface, ...]
    """Fonts of books, forms and screens."""

    @property
    def digits(self) -> list[FileTypeface]:
        """The fonts that look like handwriting and have good digits. Empty if there are no font files."""
        return [face for face in self.handwriting if isinstance(face, FileTypeface) and face.has_digits]


# These typefaces are used without font files.
STROKE_TYPEFACES = Typefaces(
    handwriting=tuple(HersheyTypeface(font) for font in (cv2.FONT_HERSHEY_SCRIPT_SIMPLEX, cv2.FONT_HERSHEY_SIMPLEX)),
    print=tuple(HersheyTypeface(font) for font in (cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_COMPLEX)),
)

WITHOUT_DIGITS = ("over-the-rainbow",)
"""The fonts whose digits are ornaments. They are only used for words."""


def typefaces(handwriting: Sequence[Path], print_: Sequence[Path]) -> Typefaces:
    """Return the typefaces of font files, for handwriting and for print."""
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
    """Return the height of a sign, and the distance of its top from the top of the line, in ems."""
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
    """Return one sign with the top of its digits at row `PAD`, and the distance to the next sign."""
    thickness = max(1, round(2 * scale))
    (width, height), below = cv2.getTextSize(sign, font, scale, thickness)
    canvas = np.zeros((height + below + 2 * PAD + thickness, width + 2 * PAD), np.uint8)
    cv2.putText(canvas, sign, (PAD, PAD + height), font, scale, 255, thickness, cv2.LINE_AA)
    return np.asarray(canvas / np.float32(255), np.float32), width
