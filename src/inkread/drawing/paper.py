"""Grounds to draw on, and printed rules.

The grounds of pictures are in colour: screens, plain and ruled paper and blackboards, with the light on them. The
grounds of documents are grey: plain paper, security patterns, textures and photographs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from inkread.drawing.noise import cloud
from inkread.marks import Grey

Size = tuple[int, int]
Area = NDArray[np.float32]

SHEETS = ((247, 247, 245), (240, 238, 232), (238, 230, 212), (226, 228, 226), (232, 236, 242))
"""The colours of paper, RGB."""

_PHONE = ((-0.92, 0), (0.92, 0), (1, 0.04), (1, 2), (-1, 2), (-1, 0.04))
"""The corners of an upright phone, across and down from the middle of its top."""

BOARDS = ((44, 66, 56), (38, 44, 44), (52, 56, 60))
"""The colours of blackboards, RGB."""


@dataclass(frozen=True)
class Ground:
    """The surface that is written on, and its light."""

    paper: Area
    """The colour of the surface in full light, `(height, width, 3)` float32 from 0 to 1."""
    light: Area
    """The share of the full light at each point, `(height, width, 3)` float32 above 0."""
    dark: bool = False
    """Whether the surface is dark, so that ink must be light."""
    photographed: bool = True
    """Whether a camera took the picture. Pictures of screens do not have its faults."""


def lay_ground(name: str, *, size: Size, rng: np.random.Generator) -> Ground:
    """Return the ground with this name (one of `GROUNDS`), `(height, width)` pixels large."""
    if name not in _LAYERS:
        raise ValueError(f"there is no ground {name!r}; grounds are {', '.join(GROUNDS)}")
    return _LAYERS[name](size, rng)


def _plain(size: Size, rng: np.random.Generator) -> Ground:
    white = 1.0 if rng.random() < 0.7 else rng.uniform(0.94, 1)
    return Ground(_flat(size, white), _flat(size, 1), photographed=False)


def _dark(size: Size, rng: np.random.Generator) -> Ground:
    black = 0.0 if rng.random() < 0.5 else rng.uniform(0.03, 0.16)
    return Ground(_flat(size, black), _flat(size, 1), dark=True, photographed=False)


def _paper(size: Size, rng: np.random.Generator) -> Ground:
    return Ground(_sheet(size, rng), _lamp(size, rng, loss=0.12))


def _vignette(size: Size, rng: np.random.Generator) -> Ground:
    return Ground(_sheet(size, rng), _lamp(size, rng, loss=0.6))


def _shadow(size: Size, rng: np.random.Generator) -> Ground:
    return Ground(_sheet(size, rng), _lamp(size, rng, loss=0.2) * _phone_shadow(size, rng))


def _ruled(size: Size, rng: np.random.Generator) -> Ground:
    paper, gap, tilt = _sheet(size, rng), min(size) * rng.uniform(0.1, 0.16), rng.normal(0, 0.02)
    blue = np.array(rng.uniform((0.5, 0.6, 0.75), (0.62, 0.72, 0.86)), np.float32)
    _rule(paper, _lines(size, gap, tilt, rng), blue)
    if rng.random() < 0.5:
        margin = _lines(size, 10 * max(size), tilt + np.pi / 2, rng, start=rng.uniform(0.06, 0.14) * size[1])
        _rule(paper, margin, np.array((0.86, 0.5, 0.5), np.float32))
    return Ground(paper, _lamp(size, rng, loss=0.15))


def _squared(size: Size, rng: np.random.Generator) -> Ground:
    paper, gap, tilt = _sheet(size, rng), min(size) * rng.uniform(0.06, 0.12), rng.normal(0, 0.02)
    pale = np.array(rng.uniform((0.6, 0.66, 0.72), (0.72, 0.76, 0.86)), np.float32)
    for direction in (tilt, tilt + np.pi / 2):
        _rule(paper, _lines(size, gap, direction, rng), pale)
    return Ground(paper, _lamp(size, rng, loss=0.15))


def _blackboard(size: Size, rng: np.random.Generator) -> Ground:
    board = np.array(BOARDS[rng.integers(len(BOARDS))], np.float32) / 255
    unit = min(size)
    smears = 0.6 * _wiped(size, rng) + cloud(size, scale=0.4 * unit, rng=rng)
    dust = 0.022 * np.maximum(smears + 0.8, 0) + 0.006 * cloud(size, scale=1.2, rng=rng)
    return Ground(np.clip(board + dust[..., None], 0, 1), _lamp(size, rng, loss=0.25), dark=True)


_LAYERS: dict[str, Callable[[Size, np.random.Generator], Ground]] = {
    "plain": _plain,
    "paper": _paper,
    "shadow": _shadow,
    "vignette": _vignette,
    "ruled": _ruled,
    "squared": _squared,
    "blackboard": _blackboard,
    "dark": _dark,
}
GROUNDS = tuple(_LAYERS)


def _flat(size: Size, value: float) -> Area:
    return np.full((*size, 3), value, np.float32)


def _sheet(size: Size, rng: np.random.Generator) -> Area:
    """Return tinted, slightly uneven paper with fibres."""
    tint = np.array(SHEETS[rng.integers(len(SHEETS))], np.float32) / 255
    grain = 0.006 * cloud(size, scale=2, rng=rng) + 0.004 * cloud(size, scale=0.08 * min(size), rng=rng)
    return np.clip(tint + grain[..., None], 0, 1)


def _wiped(size: Size, rng: np.random.Generator) -> Area:
    """Return the streaks of a sponge that wiped the board at a random angle."""
    side = int(np.hypot(*size)) + 1
    streaks = cloud((side, side), scale=(0.05 * side, 0.5 * side), rng=rng)
    streaks += 0.5 * cloud((side, side), scale=(0.012 * side, 0.4 * side), rng=rng)
    turn = cv2.getRotationMatrix2D((side / 2, side / 2), rng.normal(0, 25), 1)
    turn = turn - np.array([[0, 0, side - size[1]], [0, 0, side - size[0]]]) / 2
    return np.asarray(cv2.warpAffine(streaks, turn, size[::-1], borderMode=cv2.BORDER_REFLECT), np.float32)


def _lamp(size: Size, rng: np.random.Generator, *, loss: float) -> Area:
    """Return the light of a lamp at a random place. About the share `loss` of it is lost towards the far corner."""
    y, x = np.indices(size, np.float32)
    lamp = rng.uniform(-0.1, 1.1, 2) * size
    far = np.hypot(y - lamp[0], x - lamp[1]) / np.hypot(*size)
    exposure, warmth = rng.uniform(0.82, 1.04), rng.normal(0, 0.025)
    light = exposure * (1 - loss * np.minimum(far, 1.2) ** 1.5)
    return np.asarray(light[..., None] * np.array((1 + warmth, 1, 1 - 1.4 * warmth)), np.float32)


def _phone_shadow(size: Size, rng: np.random.Generator) -> Area:
    """Return the shadow of the phone that takes the picture and of the hand that holds the phone."""
    unit = min(size)
    side, tilt = rng.choice((-1, 1)), rng.normal(0, 0.25)
    up = np.array((np.sin(tilt), -np.cos(tilt)))
    out = side * np.array((np.cos(tilt), np.sin(tilt)))
    top = np.array(size[::-1]) * (0.5 - side * rng.uniform(0.05, 0.25), rng.uniform(0.15, 0.5))
    corners = [top + across * 0.24 * unit * out - down * unit * up for across, down in _PHONE]
    mask = np.zeros(size, np.uint8)
    cv2.fillConvexPoly(mask, np.round(corners).astype(np.int32), 255)
    for down in (0.3, 0.41, 0.52, 0.62):
        knuckle = top - down * unit * up - 0.16 * unit * out
        _limb(mask, knuckle, knuckle - (0.1 + rng.uniform(0, 0.03)) * unit * out, 0.085 * unit)
    soft = cv2.GaussianBlur(mask, (0, 0), rng.uniform(0.008, 0.022) * unit).astype(np.float32) / 255
    depth = rng.uniform(0.3, 0.55)
    # The sky still lights a shadow, so it is a little blue.
    return np.asarray(1 - soft[..., None] * depth * np.array((1, 0.97, 0.9)), np.float32)


def _limb(mask: NDArray[np.uint8], start: NDArray[np.float64], end: NDArray[np.float64], width: float) -> None:
    ends = [(round(float(x)), round(float(y))) for x, y in (start, end)]
    cv2.line(mask, ends[0], ends[1], 255, max(1, round(width)))


def _lines(
    size: Size, gap: float, direction: float, rng: np.random.Generator, *, start: float | None = None
) -> NDArray[np.float32]:
    """Return lines `gap` pixels apart, `(height, width)` from 0 to 1, at an angle of `direction` radians."""
    y, x = np.indices(size, np.float32)
    across = y * np.cos(direction) - x * np.sin(direction)
    phase = rng.uniform(0, gap) if start is None else -start
    distance = np.abs((across + phase + gap / 2) % gap - gap / 2)
    width = max(1.0, 0.004 * min(size))
    return np.asarray(np.clip(width / 2 + 0.5 - distance, 0, 1), np.float32)


def _rule(paper: Area, lines: Area, colour: NDArray[np.float32]) -> None:
    paper += lines[..., None] * (paper * colour - paper)


Light = NDArray[np.float32]
"""The light that each point of a page reflects, (height, width) float32, about 0 to 1."""

GroundKind = Literal["plain", "guilloche", "texture", "photograph"]


def document_ground(
    kind: GroundKind, size: tuple[int, int], photographs: tuple[Grey, ...], *, rng: np.random.Generator
) -> Light:
    """Return the ground of a document, `size` (height, width) pixels large. Without photographs, it is plain."""
    if kind == "photograph" and photographs:
        return _part_of(photographs[rng.integers(len(photographs))], size, rng)
    light = _tint(size, rng)
    if kind in _PATTERNS:
        light = _PATTERNS[kind](light, rng)
    return _add_grain(light, rng)


def _tint(size: tuple[int, int], rng: np.random.Generator) -> Light:
    """Return an even tint that is a little darker towards one corner."""
    across = np.linspace(-0.5, 0.5, size[1], endpoint=False, dtype=np.float32) * np.float32(rng.normal(0, 0.07))
    down = np.linspace(-0.5, 0.5, size[0], endpoint=False, dtype=np.float32) * np.float32(rng.normal(0, 0.07))
    return np.float32(rng.uniform(0.55, 1)) + across[None] + down[:, None]


def _add_grain(light: Light, rng: np.random.Generator) -> Light:
    """Add the grain of paper and, to a third of the pages, the shadows of crumpled paper."""
    grain = rng.standard_normal(light.shape, np.float32) * np.float32(rng.uniform(0.003, 0.045))
    if rng.random() < 0.3:
        shadows = rng.normal(0, 0.06, (3, 6)).astype(np.float32)
        grain += cv2.resize(shadows, light.shape[::-1], interpolation=cv2.INTER_CUBIC)
    return light + grain


def _guilloche(light: Light, rng: np.random.Generator) -> Light:
    """Print one to three sets of wavy lines, as on cheques and banknotes. A third of the sets are crossed by others."""
    y, x = np.indices(light.shape, np.float32)
    for _ in range(int(rng.integers(1, 4))):
        pitch, angle = rng.uniform(2.5, 11), rng.uniform(0, np.pi)
        sine, cosine = np.float32(np.sin(angle)), np.float32(np.cos(angle))
        along, across = x * cosine + y * sine, y * cosine - x * sine
        bow = np.sin(across * np.float32(rng.uniform(0.01, 0.09)) + np.float32(rng.uniform(0, 6)))
        waved = along + np.float32(rng.uniform(0, 2.5) * pitch) * bow
        lines = np.sin(waved * np.float32(2 * np.pi / pitch) + np.float32(rng.uniform(0, 6)))
        if rng.random() < 0.3:
            lines *= np.sin(across * np.float32(2 * np.pi / (pitch * rng.uniform(0.7, 1.5))))
        share, sharpness = np.float32(rng.uniform(-0.2, 0.75)), np.float32(rng.uniform(1.5, 4))
        light = light - np.float32(rng.uniform(0.02, 0.16)) * np.clip((lines - share) * sharpness, 0, 1)
    return light


def _texture(light: Light, rng: np.random.Generator) -> Light:
    """Add the weave of cloth or the fibres of rough paper."""
    cells = (max(2, int(light.shape[0] / rng.uniform(1.5, 6))), max(2, int(light.shape[1] / rng.uniform(1.5, 12))))
    lumps = cv2.resize(rng.standard_normal(cells, np.float32), light.shape[::-1])
    return light + lumps * np.float32(rng.uniform(0.01, 0.06))


def _part_of(photograph: Grey, size: tuple[int, int], rng: np.random.Generator) -> Light:
    """Return a part of a photograph, enlarged up to three times."""
    scale = rng.uniform(0.3, 1.0)
    rows, columns = (min(whole, int(side / scale) + 1) for whole, side in zip(photograph.shape, size, strict=True))
    top = int(rng.integers(0, photograph.shape[0] - rows + 1))
    left = int(rng.integers(0, photograph.shape[1] - columns + 1))
    part = cv2.resize(photograph[top : top + rows, left : left + columns], size[::-1])
    return part / np.float32(255)


_PATTERNS: dict[str, Callable[[Light, np.random.Generator], Light]] = {"guilloche": _guilloche, "texture": _texture}


def draw_rule(
    paper: NDArray[np.float32],
    position: float,
    *,
    depth: float,
    rng: np.random.Generator,
    upright: bool = False,
    start: int = 0,
    thickness: int | None = None,
    dotted: bool = False,
    slope: float = 0.0,
) -> None:
    """Print a rule on paper, (height, width) float32, from `start` to the far edge.

    position: where it crosses the middle of the page, in pixels from the top, or from the left for an upright rule.
    depth: how much light it absorbs, 0 to 1.
    upright: whether it is upright, not level.
    thickness: its thickness in pixels; None for one to three at random. It does not apply to dotted rules.
    dotted: whether it is dotted.
    slope: how far it moves from its position for each pixel along it.
    """
    # An upright rule is a level rule on the transposed page.
    page = paper.T if upright else paper
    if page.shape[1] - start < 3:
        return
    if dotted:
        _draw_dots(page, position, depth, start, slope, rng)
        return
    thickness = thickness or int(rng.integers(1, 4))
    middle, end = page.shape[1] / 2, page.shape[1]
    points = [(start, position + slope * (start - middle)), (end, position + slope * (end - middle))]
    low = max(0, int(min(y for _, y in points)) - thickness - 1)
    high = int(max(y for _, y in points)) + thickness + 2
    band = page[low:high]
    if band.size == 0:
        return
    line = np.zeros(band.shape, np.float32)
    ends = [(int(x * 16), int((y - low) * 16)) for x, y in points]
    cv2.line(line, ends[0], ends[1], depth, thickness, cv2.LINE_AA, 4)
    band -= line


def _draw_dots(
    page: NDArray[np.float32], position: float, depth: float, start: int, slope: float, rng: np.random.Generator
) -> None:
    """Print dots or dashes, with two to seven pixels from one to the next."""
    pitch, thickness = int(rng.integers(2, 8)), int(rng.integers(1, 4))
    length = max(1, int(pitch * rng.uniform(0.35, 0.85)))
    for x in range(start, page.shape[1], pitch):
        y = max(0, int(position + slope * (x - page.shape[1] / 2)))
        page[y : y + thickness, x : x + length] -= depth
