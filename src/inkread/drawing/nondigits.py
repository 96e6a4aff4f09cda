"""Non-digits: ink of letters, marks, scribbles, blots, lines and textures, to train and test refusal.

Letters and marks that some people write like a digit are excluded: O and 0, l and 1, Z and 2, S and 5, b and 6, B and
8, g and 9. Nobody can distinguish them without the words around them. Words may contain them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from inkread.drawing.noise import cloud

Ink = NDArray[np.float32]

LETTERS = "ACEFHJKLMNPRTUVWXY" + "acdefhkmnprtuvwx"
MARKS = "#%&*+-:;<=>?@[]^_{}~"
FONTS = tuple(
    getattr(cv2, f"FONT_HERSHEY_{name}")
    for name in (
        "SIMPLEX",
        "PLAIN",
        "DUPLEX",
        "COMPLEX",
        "TRIPLEX",
        "COMPLEX_SMALL",
        "SCRIPT_SIMPLEX",
        "SCRIPT_COMPLEX",
    )
)
FOREIGN = "ГДЖИКЛПФХЦШЩЪЫЮЯдежкмпфшюя" + "ΔΛΞΣΨΩαγηλμπφψω" + "אבגדהחטכלמנפקש"

# The strokes are in the format of `inkread.drawing.shapes`, with 100 units per side. No doodle looks like a letter.
DOODLES = {
    "star": "50,4 78,92 6,36 94,36 22,92 50,4",
    "heart": "50,92 6,40 14,12 36,8 50,28 64,8 86,12 94,40 50,92",
    "house": "14,94 14,42 50,8 86,42 86,94 14,94 / 40,94 40,62 60,62 60,94",
    "smiley": "50,4 16,16 4,50 16,84 50,96 84,84 96,50 84,16 50,4 / 34,34 36,42 / 66,34 64,42 / 28,62 50,76 72,62",
    "arrow": "6,50 94,50 / 68,24 94,50 68,76",
    "tree": "50,96 50,66 / 20,66 50,4 80,66 20,66",
    "fish": "6,50 36,20 70,40 94,22 92,78 70,60 36,80 6,50 / 28,46 32,44",
    "person": "50,4 38,16 50,28 62,16 50,4 / 50,28 50,64 24,96 / 50,64 76,96 / 22,44 78,44",
    "bolt": "58,4 24,56 50,56 36,96 78,40 52,40 72,4 58,4",
    "envelope": "6,20 94,20 94,80 6,80 6,20 50,54 94,20",
}


def nondigit_ink(family: str, *, size: tuple[int, int], rng: np.random.Generator) -> Ink:
    """Return ink of a family of `FAMILIES` or `HELD_OUT`, `(height, width)` float32 from 0 (no ink) to 1 (full ink).

    Raises `ValueError` for another family.
    """
    families = FAMILIES | HELD_OUT
    if family not in families:
        raise ValueError(f"there is no family {family!r} of non-digits; families are {', '.join(families)}")
    return families[family](size, rng)


def _letters(size: tuple[int, int], rng: np.random.Generator) -> Ink:
    return _hershey(str(rng.choice(list(LETTERS))), size, rng)


def _marks(size: tuple[int, int], rng: np.random.Generator) -> Ink:
    return _hershey(str(rng.choice(list(MARKS))), size, rng)


def _words(size: tuple[int, int], rng: np.random.Generator) -> Ink:
    return _hershey("".join(rng.choice(list(LETTERS.lower()), rng.integers(2, 5))), size, rng)


def _hershey(text: str, size: tuple[int, int], rng: np.random.Generator) -> Ink:
    """Write text in one of OpenCV's stroke fonts (Hershey 1967), as large as the frame allows, with a random width."""
    font = int(rng.choice(FONTS)) | (cv2.FONT_ITALIC if rng.random() < 0.3 else 0)
    (width, height), below = cv2.getTextSize(text, font, 1.0, 1)
    scale = 0.68 * min(size[1] / max(width, 1), size[0] / (height + below))
    (width, height), below = cv2.getTextSize(text, font, scale, 1)
    canvas = np.zeros(size, np.uint8)
    corner = ((size[1] - width) // 2, (size[0] + height - below) // 2)
    cv2.putText(canvas, text, corner, font, scale, 255, _thickness(size, rng), cv2.LINE_AA)
    return _unit(canvas)


def _scribbles(size: tuple[int, int], rng: np.random.Generator) -> Ink:
    """Return a line that goes back and forth: a sum of waves, each faster and smaller than the one before."""
    waves = np.arange(1, rng.integers(5, 9))
    turns = np.linspace(0, 2 * np.pi * rng.uniform(0.6, 1), 160)[:, None]
    strength = rng.normal(0, 1, (2, len(waves))) / waves**0.5
    phase = rng.uniform(0, 2 * np.pi, (2, len(waves)))
    way = np.stack([(np.sin(turns * waves + phase[axis]) * strength[axis]).sum(axis=1) for axis in (0, 1)], axis=1)
    return _draw_lines([way], size, rng)


def _inventions(size: tuple[int, int], rng: np.random.Generator) -> Ink:
    """Return an invented sign: two to four strokes, straight or curved, or one stroke with many turns.

    A network that knows some letters as non-digits does not know other alphabets. Invented signs are of many kinds.
    """
    count = int(rng.integers(1, 5))
    ways = []
    for _ in range(count):
        knots = rng.uniform(0, 1, (int(rng.integers(5, 8)) if count == 1 else int(rng.integers(2, 5)), 2))
        knots = np.rint(3 * knots) / 3 + rng.normal(0, 0.04, knots.shape)
        ways.append(_curve(knots) if rng.random() < 0.6 else knots)
    return _draw_lines(ways, size, rng)


def _shapes(size: tuple[int, int], rng: np.random.Generator) -> Ink:
    """Return a closed outline. Half of the outlines have strokes through them.

    An outline with strokes has three to seven corners. One without has three or four, since some people write a 0 like
    an outline with more.
    """
    struck = rng.random() < 0.5
    corners = int(rng.integers(3, 8 if struck else 5))
    angles = np.sort(rng.uniform(0, 0.6, corners)) + np.arange(corners) * 2 * np.pi / corners + rng.uniform(0, 6)
    radii = rng.uniform(0.6, 1, corners) * np.where(np.arange(corners) % 2, 1, rng.uniform(0.35, 1))
    outline = radii[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1) * (1, rng.uniform(0.7, 1.3))
    ways = [np.concatenate([outline, outline[:1]])]
    if struck:
        ways += [rng.uniform(-1, 1, (2, 2)) * rng.uniform(0.3, 1.2) for _ in range(rng.integers(1, 4))]
    return _draw_lines(ways, size, rng)


def _blots(size: tuple[int, int], rng: np.random.Generator) -> Ink:
    """Return one to three uneven round spots."""
    canvas, angles = np.zeros(size, np.uint8), np.linspace(0, 2 * np.pi, 60, endpoint=False)
    for _ in range(rng.integers(1, 4)):
        radius = rng.uniform(0.1, 0.26) * min(size)
        waves = [rng.normal(0, 0.22) / k * np.sin(k * angles + rng.uniform(0, 6)) for k in range(2, 7)]
        uneven = 1 + np.sum(waves, axis=0)
        middle = np.array(size[::-1]) * rng.uniform(0.35, 0.65, 2)
        outline = middle + (radius * uneven)[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1)
        cv2.fillPoly(canvas, [np.rint(outline).astype(np.int32)], 255, cv2.LINE_AA)
    return _unit(canvas)


def _rules(size: tuple[int, int], rng: np.random.Generator) -> Ink:
    """Return pieces of print: one or more level lines, crossings, corners and boxes.

    A single upright line is excluded, since it is a 1. So is an upper right corner, which is a 7 if it leans a little.
    """
    near, far = rng.uniform(0.18, 0.34, 2), rng.uniform(0.66, 0.82, 2)
    (x0, y0), (x1, y1), (xm, ym) = near, far, (near + far) / 2 + rng.normal(0, 0.06, 2)
    level = [(x0, ym), (x1, ym)]
    kinds: list[list[list[tuple[float, float]]]] = [
        [level],
        [[(x0, y), (x1, y)] for y in np.linspace(y0, y1, rng.integers(2, 5))],
        [level, [(xm, y0), (xm, y1)]],
        [[(x0, y0), (x0, y1), (x1, y1)]],
        [[(x0, y1), (x0, y0), (x1, y0)]],
        [[(x0, y1), (x1, y1), (x1, y0)]],
        [[(x0, y0), (x1, y0), (x1, y1), (x0, y1), (x0, y0)]],
        [level, [(x0, y0), (x0, y1)]],
        [level, [(xm, ym), (xm, y1)]],
        [[(x, y0), (x, y1)] for x in np.linspace(x0, x1, rng.integers(3, 5))],
    ]
    lines = kinds[rng.integers(len(kinds))]
    return _draw_lines([np.array(line) for line in lines], size, rng, fit=False)


def _textures(size: tuple[int, int], rng: np.random.Generator) -> Ink:
    """Return grain, hatching or specks in a part of the frame."""
    grain = cloud(size, scale=(rng.uniform(2, 14), rng.uniform(2, 14)), rng=rng)
    inked = np.clip(3 * (grain - rng.uniform(0.2, 1.2)) + 0.5, 0, 1)
    y, x = np.indices(size, np.float32)
    across, down = rng.uniform(0.25, 0.5, 2)
    inside = np.maximum(np.abs(x / size[1] - 0.5) / across, np.abs(y / size[0] - 0.5) / down) < 1
    return np.asarray(inked * inside, np.float32)


def _foreign(size: tuple[int, int], rng: np.random.Generator) -> Ink:
    """Return a printed Cyrillic, Greek or Hebrew letter."""
    letter = str(rng.choice(list(FOREIGN)))
    picture = Image.new("L", size[::-1])
    font = _typeface(round(0.7 * min(size)))
    ImageDraw.Draw(picture).text((size[1] / 2, size[0] / 2), letter, fill=255, font=font, anchor="mm")
    return _unit(np.asarray(picture))


def _doodles(size: tuple[int, int], rng: np.random.Generator) -> Ink:
    form = DOODLES[str(rng.choice(list(DOODLES)))]
    strokes = [np.array([knot.split(",") for knot in stroke.split()], float) for stroke in form.split("/")]
    return _draw_lines([stroke + rng.normal(0, 2.5, stroke.shape) for stroke in strokes], size, rng)


FAMILIES: dict[str, Callable[[tuple[int, int], np.random.Generator], Ink]] = {
    "letters": _letters,
    "marks": _marks,
    "words": _words,
    "scribbles": _scribbles,
    "inventions": _inventions,
    "shapes": _shapes,
    "blots": _blots,
    "rules": _rules,
    "textures": _textures,
}
"""The families that are used in training."""

HELD_OUT: dict[str, Callable[[tuple[int, int], np.random.Generator], Ink]] = {
    "doodles": _doodles,
    "foreign": _foreign,
}
"""The families that are never used in training, so that refusal can be measured with them."""


def _draw_lines(
    ways: list[NDArray[np.float64]], size: tuple[int, int], rng: np.random.Generator, *, fit: bool = True
) -> Ink:
    """Draw open lines, each `(n, 2)`. With `fit`, they are scaled to the frame; otherwise the unit is its side."""
    sides = np.array(size[::-1])
    if fit:
        points = np.concatenate(ways)
        low, high = points.min(axis=0), points.max(axis=0)
        ways = [(way - (low + high) / 2) / max((high - low).max(), 1e-6) * 0.68 + 0.5 for way in ways]
    canvas = np.zeros(size, np.uint8)
    lines = [np.rint(way * sides * 16).astype(np.int32) for way in ways]
    cv2.polylines(canvas, lines, False, 255, _thickness(size, rng), cv2.LINE_AA, shift=4)
    return _unit(canvas)


def _curve(knots: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a smooth curve through knots, `(n, 2)`: a Catmull-Rom spline."""
    padded = np.concatenate([knots[:1], knots, knots[-1:]])
    t = np.linspace(0, 1, 12)[:, None]
    parts = [
        0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
        for a, b, c, d in zip(padded, padded[1:], padded[2:], padded[3:], strict=False)
    ]
    return np.concatenate(parts)


def _thickness(size: tuple[int, int], rng: np.random.Generator) -> int:
    """Return a line width in pixels: a fortieth to an eighth of a digit's height. Thin lines are more frequent."""
    return max(1, round(0.68 * min(size) * float(np.exp(rng.uniform(np.log(0.025), np.log(0.12))))))


def _unit(canvas: NDArray[np.uint8]) -> Ink:
    return np.asarray(canvas / np.float32(255), np.float32)


@cache
def _typeface(height: int) -> ImageFont.FreeTypeFont:
    # matplotlib always includes DejaVu Sans.
    import matplotlib as mpl

    return ImageFont.truetype(str(Path(mpl.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"), height)
