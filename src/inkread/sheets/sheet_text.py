"""The text on sheets: its fonts, its width, and where its lines end.

Sheets are set in Open Sans, which comes with inkread, so that lines end in the same places whatever is installed: the
place of a field may depend on them. Characters that it lacks are taken from DejaVu Sans, which comes with matplotlib.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Literal

from PIL import ImageFont

POINT = 25.4 / 72
"""A typographical point in millimetres."""

_FINE = 1000
"""Widths are measured in letters of this size, in pixels, so that rounding does not matter."""

Align = Literal["left", "centre", "right"]


@dataclass(frozen=True, slots=True)
class TextStyle:
    """How a text is set.

    size: in points.
    bold: whether the letters are semi-bold.
    grey: the lightness of the letters, 0 (black) to 1 (white).
    """

    size: float
    bold: bool = False
    grey: float = 0.0

    @property
    def leading(self) -> float:
        """The distance of two lines, in millimetres."""
        return 1.36 * self.size * POINT

    @property
    def ascent(self) -> float:
        """The height of capital letters, in millimetres."""
        return 0.714 * self.size * POINT


def width_of(text: str, style: TextStyle) -> float:
    """Return the width of a line of text, in millimetres."""
    runs = font_runs(text, bold=style.bold)
    return sum(_font(path).getlength(part) for path, part in runs) * style.size * POINT / _FINE


def wrapped(text: str, style: TextStyle, width: float) -> list[str]:
    """Return the lines of a text that are at most `width` wide, in millimetres. Line breaks in the text are kept.

    A word that is too long is broken between two letters.
    """
    return [line for paragraph in text.splitlines() for line in _lines(paragraph, style, width)]


def font_runs(text: str, *, bold: bool) -> Iterator[tuple[Path, str]]:
    """Yield the parts of a text with the font file that has their characters."""
    for path, letters in groupby(text, key=lambda letter: _font_with(letter, bold=bold)):
        yield path, "".join(letters)


def unprintable(text: str) -> str:
    """Return the first character of a text that no font has; empty if all can be printed."""
    known = (covered(path) for path in (*_open_sans(), *_dejavu()))
    whole = frozenset[int]().union(*known)
    return next((letter for letter in text if ord(letter) not in whole and not letter.isspace()), "")


def _lines(paragraph: str, style: TextStyle, width: float) -> list[str]:
    lines, line = [], ""
    for word in filter(None, paragraph.split(" ")):
        longer = f"{line} {word}" if line else word
        if width_of(longer, style) <= width:
            line = longer
            continue
        if line:
            lines.append(line)
        line = word
        while width_of(line, style) > width and len(line) > 1:
            fits = next(end for end in range(len(line) - 1, 0, -1) if end == 1 or width_of(line[:end], style) <= width)
            lines.append(line[:fits])
            line = line[fits:]
    return [*lines, line]


@functools.cache
def _font_with(letter: str, *, bold: bool) -> Path:
    regular = _open_sans()[bold]
    return regular if ord(letter) in covered(regular) else _dejavu()[bold]


def _open_sans() -> tuple[Path, Path]:
    folder = Path(__file__).parent / "fonts"
    return folder / "OpenSans-Regular.ttf", folder / "OpenSans-SemiBold.ttf"


@functools.cache
def _dejavu() -> tuple[Path, Path]:
    import matplotlib as mpl

    folder = Path(mpl.get_data_path()) / "fonts" / "ttf"
    return folder / "DejaVuSans.ttf", folder / "DejaVuSans-Bold.ttf"


@functools.cache
def covered(path: Path) -> frozenset[int]:
    """Return the code points that a font file has."""
    from matplotlib.ft2font import FT2Font

    return frozenset(FT2Font(str(path)).get_charmap())


@functools.cache
def _font(path: Path) -> ImageFont.FreeTypeFont:
    # Other ways to lay out text depend on libraries of the system.
    return ImageFont.truetype(path, _FINE, layout_engine=ImageFont.Layout.BASIC)
