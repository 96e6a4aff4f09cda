"""Scenes: pictures of parts of pages with known marks: cheques, tables, lines, print, things and empty grounds."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from inkread.drawing.canvas import MARGIN, Ink, InkCanvas
from inkread.drawing.documents import (
    strike_some,
    write_amount,
    write_dates,
    write_huge_numbers,
    write_lines,
    write_nothing,
    write_printed_page,
    write_single,
    write_table,
    write_things,
)
from inkread.drawing.noise import pick
from inkread.drawing.paper import GroundKind, document_ground
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
    """A kind of scene: its content and its look."""

    write: Callable[[Draft, np.random.Generator], None]
    """Writes its content."""
    slope: float = 0.025
    """The standard deviation of the slope of its lines."""
    grounds: tuple[tuple[float, GroundKind], ...] = _GROUNDS
    """Its grounds, each with its share."""
    depth: tuple[float, float] = (0.3, 0.9)
    """The smallest and largest share of the light that its ink absorbs."""
    binarised: float = 0.0
    """The share of pictures in black and white."""
    heights: tuple[float, float] | None = None
    """The smallest and largest height of its digits in pixels; None for heights that the detector reads at this scale
    and that fit on the page."""


SCENES: dict[str, SceneKind] = {
    "amount": SceneKind(write_amount, grounds=_OF_CHEQUES, depth=(0.18, 0.75), binarised=0.06),
    "table": SceneKind(write_table, slope=0.008, binarised=0.5),
    "lines": SceneKind(write_lines, binarised=0.12),
    "dates": SceneKind(write_dates, binarised=0.1),
    "print": SceneKind(write_printed_page, binarised=0.15),
    "things": SceneKind(write_things),
    "empty": SceneKind(write_nothing, grounds=_WITHOUT_WRITING),
    "single": SceneKind(write_single, binarised=0.12),
    "huge": SceneKind(write_huge_numbers, binarised=0.12, heights=(66, 260)),
}
"""The kinds of scenes by name."""

# The share of each kind of scene.
_SHARES = (
    (0.24, "amount"),
    (0.26, "table"),
    (0.17, "lines"),
    (0.05, "dates"),
    (0.065, "print"),
    (0.055, "things"),
    (0.04, "empty"),
    (0.07, "single"),
    (0.05, "huge"),
)

LEAST_HEIGHT, LARGEST_HEIGHT = 13, 46
"""The smallest and largest height of digits that are read at this scale, in pixels."""

_LARGE_MARK = 60
"""In a scene of huge digits, nothing is a mark. But marks lower than this, in pixels, can look like marks of a readable
size, so their places are ignored."""

_DEPTH_ON_PHOTOGRAPHS = (0.4, 0.9)
"""The smallest and largest share of the light that ink on a photograph absorbs. Lighter ink would not be visible."""

_STRUCK, _BENT, _DARK_EDGE = 0.03, 0.4, 0.06
"""The probabilities that some digits are struck out, that the ink is bent, and that an edge is dark."""

_THICK_ENOUGH = 16
"""The strokes of digits get thinner or thicker only if the digits are higher than this, in pixels."""

_HIDDEN = 0.3
"""A mark is not visible if a dark edge covers at least this share of it."""


@dataclass(frozen=True)
class Scene:
    """A picture of a part of a page, (height, width) uint8, with the marks that it shows.

    marks: the visible marks. Their boxes may extend beyond the picture.
    ignored: the places where it is unknown whether there is a mark.
    """

    picture: Grey
    marks: list[LabelledMark]
    ignored: list[Area]


def draw_scene(stock: Stock, size: tuple[int, int], *, rng: np.random.Generator, kind: str | None = None) -> Scene:
    """Draw a scene of `size` (height, width) pixels.

    kind: one of `SCENES`; None for a random one.
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
    """Return the ink of a page without its margin, with the effects of pen and paper."""
    ink, writer = draft.canvas.ink, draft.writer
    thin_font = writer.pressure < 0 and writer.source == "typeface"
    if writer.pressure and not thin_font and draft.height > _THICK_ENOUGH and rng.random() < 0.5:
        ink = swell(ink, writer.pressure)
    if rng.random() < _BENT:
        ink = bend(ink, draft.height, rng=rng)
    return ink[MARGIN:-MARGIN, MARGIN:-MARGIN]


def _seen_beside(marks: list[LabelledMark], strip: tuple[int, int]) -> list[LabelledMark]:
    """Return the marks that are not hidden by a dark strip, given by its left and right edges."""

    def hidden(mark: LabelledMark) -> float:
        return min(mark.right, strip[1]) - max(mark.left, strip[0])

    return [mark for mark in marks if hidden(mark) < _HIDDEN * (mark.right - mark.left)]
