"""Scenes: pictures of parts of pages whose marks are known: cheques, tables, lines, print, things, empty grounds."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from inkread.drawing.canvas import MARGIN, Ink, InkCanvas
from inkread.drawing.documents import (
    strike_some,
    write_amount,
    write_huge_numbers,
    write_lines,
    write_nothing,
    write_printed_page,
    write_single,
    write_table,
    write_things,
)
from inkread.drawing.noise import pick
from inkread.drawing.security import GroundKind, document_ground
from inkread.drawing.stock import Stock
from inkread.drawing.wear import Light, bend, darken_edge, press, swell, take_picture
from inkread.drawing.writers import Writer
from inkread.drawing.writing import Draft
from inkread.marks import Area, Grey, LabelledMark

_GROUNDS: tuple[tuple[float, GroundKind], ...] = (
    (0.5, "plain"),
    (0.22, "guilloche"),
    (0.2, "texture"),
    (0.08, "photograph"),
)
_OF_CHEQUES: tuple[tuple[float, GroundKind], ...] = ((0.12, "plain"), (0.76, "guilloche"), (0.12, "texture"))
_WITHOUT_WRITING: tuple[tuple[float, GroundKind], ...] = (
    (0.15, "plain"),
    (0.15, "guilloche"),
    (0.2, "texture"),
    (0.5, "photograph"),
)


@dataclass(frozen=True)
class SceneKind:
    """What a scene shows, and how such pages look."""

    write: Callable[[Draft, np.random.Generator], None]
    """Writes its content."""
    slope: float = 0.025
    """Deviation of the slope of its lines."""
    grounds: tuple[tuple[float, GroundKind], ...] = _GROUNDS
    """What it stands on, each with its share."""
    depth: tuple[float, float] = (0.3, 0.9)
    """Least and most light that its ink takes."""
    binarised: float = 0.0
    """Share of pictures in black and white."""
    heights: tuple[float, float] | None = None
    """Least and largest height of its digits in pixels; None for what is read at this scale and fits on the page."""


SCENES: dict[str, SceneKind] = {
    "amount": SceneKind(write_amount, grounds=_OF_CHEQUES, depth=(0.18, 0.75), binarised=0.06),
    "table": SceneKind(write_table, slope=0.008, binarised=0.5),
    "lines": SceneKind(write_lines, binarised=0.12),
    "print": SceneKind(write_printed_page, binarised=0.15),
    "things": SceneKind(write_things),
    "empty": SceneKind(write_nothing, grounds=_WITHOUT_WRITING),
    "single": SceneKind(write_single, binarised=0.12),
    "huge": SceneKind(write_huge_numbers, binarised=0.12, heights=(66, 260)),
}
"""The kinds of scenes by name."""

# How often each kind is drawn.
_SHARES = (
    (0.27, "amount"),
    (0.28, "table"),
    (0.19, "lines"),
    (0.065, "print"),
    (0.055, "things"),
    (0.04, "empty"),
    (0.05, "single"),
    (0.05, "huge"),
)

LEAST_HEIGHT, LARGEST_HEIGHT = 13, 46
"""Heights of the digits that are read at this scale, in pixels."""

# What is drawn larger is no mark, but its small parts may look like one: below this height they are left open.
_LARGE_MARK = 60
# Ink on a photograph is dark, or it could not be seen.
_DEPTH_ON_PHOTOGRAPHS = (0.4, 0.9)
# How often some digits are struck out, the ink is bent, an edge is dark.
_STRUCK, _BENT, _DARK_EDGE = 0.03, 0.4, 0.06
# Digits lower than this many pixels do not lose a pixel of their strokes.
_THICK_ENOUGH = 16
# A mark of which an edge takes more than this share cannot be seen.
_HIDDEN = 0.3


@dataclass(frozen=True)
class Scene:
    """A picture of a part of a page, (height, width) uint8, with the marks that it shows.

    marks: their boxes may reach beyond the picture. ignored: places where it is open whether there is a mark.
    """

    picture: Grey
    marks: list[LabelledMark]
    ignored: list[Area]


def draw_scene(stock: Stock, size: tuple[int, int], *, rng: np.random.Generator, kind: str | None = None) -> Scene:
    """Draw a scene of `size` (height, width) pixels.

    kind: one of `SCENES`; None for one at random.
    """
    kind = kind or pick(_SHARES, rng)
    look = SCENES[kind]
    ground = pick(look.grounds, rng)
    draft = _begin(stock, size, look, ground, rng)
    depth = rng.uniform(*(_DEPTH_ON_PHOTOGRAPHS if ground == "photograph" else look.depth))
    look.write(draft, rng)
    if rng.random() < _STRUCK:
        strike_some(draft, rng)
    if kind == "huge":
        draft.canvas.open_up(lambda mark: mark.bottom - mark.top < _LARGE_MARK)
    ink = _worn_ink(draft, rng)
    light = draft.paper - press(ink, draft.height, rng=rng) * np.float32(depth)
    marks = draft.canvas.marks
    if rng.random() < _DARK_EDGE:
        marks = _seen_beside(marks, darken_edge(light, rng=rng))
    picture = take_picture(light, ink, binarised=rng.random() < look.binarised, rng=rng)
    return Scene(picture, marks, draft.canvas.ignored)


def _begin(stock: Stock, size: tuple[int, int], look: SceneKind, ground: GroundKind, rng: np.random.Generator) -> Draft:
    """Return an empty page on its ground, with a writer."""
    paper: Light = document_ground(ground, size, stock.photographs, rng=rng)
    writer = Writer.random(stock, rng=rng)
    least, largest = look.heights or (LEAST_HEIGHT, min(LARGEST_HEIGHT, max(20, 0.8 * size[0])))
    height = math.exp(rng.uniform(math.log(least), math.log(largest)))
    if look.heights:
        writer = writer.without_typeface()
    return Draft(InkCanvas(*size), paper, stock, writer, height, slope=rng.normal(0, look.slope))


def _worn_ink(draft: Draft, rng: np.random.Generator) -> Ink:
    """Return the ink of a page without its margin, after the pen and the paper had their way."""
    ink, writer = draft.canvas.ink, draft.writer
    thin_font = writer.pressure < 0 and writer.source == "typeface"
    if writer.pressure and not thin_font and draft.height > _THICK_ENOUGH and rng.random() < 0.5:
        ink = swell(ink, writer.pressure)
    if rng.random() < _BENT:
        ink = bend(ink, draft.height, rng=rng)
    return ink[MARGIN:-MARGIN, MARGIN:-MARGIN]


def _seen_beside(marks: list[LabelledMark], strip: tuple[int, int]) -> list[LabelledMark]:
    """Return the marks that a dark strip, from a left to a right edge, does not hide."""

    def hidden(mark: LabelledMark) -> float:
        return min(mark.right, strip[1]) - max(mark.left, strip[0])

    return [mark for mark in marks if hidden(mark) < _HIDDEN * (mark.right - mark.left)]
