"""Augmentation: changes labelled digits as writing, photographing and reading a picture would change them.

An *ink map* in this module is like the result of `inkread.ink.find_ink` for a page with one digit: (112, 112)
float32 in 0..1.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from inkread.drawing.noise import cloud
from inkread.glyphs import SIDE, normalise_one

Map = NDArray[np.float32]

FRAME = 4 * SIDE
"""Side of the ink maps in pixels. At four times the resolution of a glyph, a warp does not blur it."""


def enlarge(image: NDArray[np.uint8]) -> Map:
    """Return an image of MNIST, (28, 28) uint8, as an ink map."""
    large = cv2.resize(image, (FRAME, FRAME), interpolation=cv2.INTER_CUBIC)
    return np.asarray(large / np.float32(255), np.float32)


def warp(ink: Map, *, rng: np.random.Generator, strength: float = 1.0) -> Map:
    """Return an ink map as another hand would have written it: turned, slanted, stretched and bent.

    An affine map is followed by an elastic one (Simard et al. 2003, "Best practices for convolutional neural
    networks"), whose field of shifts has 3 to 6 cells per side. `strength` scales both. At strength 1, the standard
    deviation of the turn is 8 degrees, and the slant is at most 14 degrees to the left and 31 degrees to the right.
    """
    side = ink.shape[0]
    turn, slant = np.radians(rng.normal(0, 8)) * strength, _slant(rng) * strength
    stretch = np.exp(rng.normal(0, 0.12) * strength / 2)
    spin = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    matrix = spin @ np.array([[1, slant], [0, 1]]) @ np.diag([stretch, 1 / stretch])
    cells = int(rng.integers(3, 7))
    amount = rng.uniform(0, 0.04) * side * strength
    nodes = rng.normal(0, amount, (cells, cells, 2)).astype(np.float32)
    shifts = cv2.resize(nodes, (side, side), interpolation=cv2.INTER_CUBIC)
    y, x = np.indices(ink.shape, np.float32)
    middle = (side - 1) / 2
    x, y = x - middle, y - middle
    across = (matrix[0, 0] * x + matrix[0, 1] * y + middle).astype(np.float32) + shifts[..., 0]
    down = (matrix[1, 0] * x + matrix[1, 1] * y + middle).astype(np.float32) + shifts[..., 1]
    return np.asarray(cv2.remap(ink, across, down, cv2.INTER_LINEAR), np.float32)


def _slant(rng: np.random.Generator) -> float:
    """Return a slant as the tangent of its angle. It is positive to the right. Some hands lean far to the right."""
    return float(rng.uniform(-0.25, 0.25) + (rng.uniform(0.1, 0.35) if rng.random() < 0.15 else 0))


def wear(ink: Map, *, rng: np.random.Generator) -> Map:
    """Return an ink map with the faults of pens, paper, cameras and thresholds. More than half do not change.

    The faults are thick or thin strokes, ragged edges, gaps where the pen skipped, the texture of chalk, few pixels,
    blur, specks, a piece of a ruled line and a lost edge. Each has an independent probability, so one map may have
    several.
    """
    if rng.random() < 0.4:
        return ink
    for change, probability in _CHANGES:
        if rng.random() < probability:
            ink = change(ink, rng)
    return ink


def glyph_of(ink: Map, *, rng: np.random.Generator) -> Map:
    """Return the glyph of an ink map, (28, 28) float32 in 0..1. A quarter of them are badly cropped and centred."""
    glyph = normalise_one(ink)
    return jitter(glyph, rng=rng) if rng.random() < 0.25 else glyph


def image_of(ink: Map) -> Map:
    """Return an ink map as an image of MNIST, (28, 28) float32 in 0..1: reduced, but not normalised again."""
    return np.asarray(np.clip(cv2.resize(ink, (SIDE, SIDE), interpolation=cv2.INTER_AREA), 0, 1), np.float32)


def jitter(glyph: Map, *, rng: np.random.Generator) -> Map:
    """Return a glyph made a little smaller or larger, and moved off its centre by about half a pixel."""
    scale = rng.uniform(0.88, 1.06)
    middle = (SIDE - 1) / 2
    shift = middle * (1 - scale) + rng.normal(0, 0.7, 2)
    matrix = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
    return np.asarray(cv2.warpAffine(glyph, matrix, (SIDE, SIDE), flags=cv2.INTER_LINEAR), np.float32)


def nudge(glyphs: NDArray[np.uint8], *, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return glyphs, (N, 28, 28) uint8, turned, scaled and shifted a little, so that repeated glyphs differ."""
    moved = glyphs.copy()
    middle = (SIDE - 1) / 2
    angles, scales = np.radians(rng.normal(0, 3, len(glyphs))), np.exp(rng.normal(0, 0.03, len(glyphs)))
    shifts = rng.normal(0, 0.4, (len(glyphs), 2))
    for index in np.flatnonzero(rng.random(len(glyphs)) < 0.75):
        a, b = scales[index] * np.cos(angles[index]), scales[index] * np.sin(angles[index])
        x, y = shifts[index] + middle
        matrix = np.array([[a, -b, x - (a - b) * middle], [b, a, y - (a + b) * middle]])
        moved[index] = cv2.warpAffine(glyphs[index], matrix, (SIDE, SIDE), flags=cv2.INTER_CUBIC)
    return moved


def piece(ink: Map, *, rng: np.random.Generator, edge: str) -> Map:
    """Return the part of the ink near one edge of its box: "top", "bottom", "left" or "right"."""
    x, y, w, h = cv2.boundingRect((ink > 0.5).astype(np.uint8))
    share = rng.uniform(0.4, 0.6)
    part = np.zeros_like(ink)
    rows, columns = {
        "top": (slice(0, y + round(share * h)), slice(None)),
        "bottom": (slice(y + round((1 - share) * h), None), slice(None)),
        "left": (slice(None), slice(0, x + round(share * w))),
        "right": (slice(None), slice(x + round((1 - share) * w), None)),
    }[edge]
    part[rows, columns] = ink[rows, columns]
    return part


def side_by_side(left: Map, right: Map, *, rng: np.random.Generator) -> Map:
    """Return the ink of two digits side by side in one map. They touch or nearly touch."""
    first, second = (_crop(ink) for ink in (left, right))
    # A 1 may be narrower than the overlap.
    gap = max(round(rng.uniform(-0.04, 0.1) * FRAME), -min(first.shape[1], second.shape[1]))
    height = max(len(first), len(second))
    width = first.shape[1] + second.shape[1] + gap
    both = np.zeros((height, width), np.float32)
    for ink, x in ((first, 0), (second, width - second.shape[1])):
        y = (height - len(ink)) // 2
        part = both[y : y + len(ink), x : x + ink.shape[1]]
        np.maximum(part, ink, out=part)
    return np.pad(both, 2)


def _crop(ink: Map) -> Map:
    x, y, w, h = cv2.boundingRect((ink > 0.5).astype(np.uint8))
    return ink[y : y + h, x : x + w]


def _thicken(ink: Map, rng: np.random.Generator) -> Map:
    side = int(rng.integers(3, 15))
    return np.asarray(cv2.dilate(ink, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))), np.float32)


def _thin(ink: Map, rng: np.random.Generator) -> Map:
    side = int(rng.integers(3, 6))
    return np.asarray(cv2.erode(ink, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))), np.float32)


def _fray(ink: Map, rng: np.random.Generator) -> Map:
    """Move the outline by noise, as JPEG compression and a threshold on a grainy page do."""
    noise = cloud(ink.shape, scale=rng.uniform(2, 7), rng=rng)
    soft = cv2.GaussianBlur(ink, (0, 0), 2)
    return np.asarray(np.clip(3 * (soft + rng.uniform(0.05, 0.2) * noise - 0.45) + 0.5, 0, 1), np.float32)


def _cut_gaps(ink: Map, rng: np.random.Generator) -> Map:
    """Cut through the strokes at one to three places."""
    broken = ink.copy()
    for _ in range(rng.integers(1, 4)):
        x, y = rng.uniform(0.25, 0.75, 2) * FRAME
        angle, half = rng.uniform(0, np.pi), rng.uniform(4, 12)
        ends = [(round(x + s * half * np.cos(angle)), round(y + s * half * np.sin(angle))) for s in (-1, 1)]
        cv2.line(broken, ends[0], ends[1], 0.0, int(rng.integers(1, 5)), cv2.LINE_8)
    return broken


def _roughen(ink: Map, rng: np.random.Generator) -> Map:
    """Let the paper's roughness show through the stroke, as chalk and pencil do."""
    noise = cloud(ink.shape, scale=rng.uniform(2, 6), rng=rng)
    return np.asarray(ink * np.clip(1.6 + 2 * noise, 0, 1), np.float32)


def _blur(ink: Map, rng: np.random.Generator) -> Map:
    soft = cv2.GaussianBlur(ink, (0, 0), rng.uniform(1, 4))
    return np.asarray(np.clip(2 * (soft - rng.uniform(0.3, 0.5)) + 0.5, 0, 1), np.float32)


def _coarsen(ink: Map, rng: np.random.Generator) -> Map:
    """Reduce the ink to few pixels, each black or white, as in a small bitmap."""
    side = int(rng.integers(20, 45))
    small = cv2.resize(ink, (side, side), interpolation=cv2.INTER_AREA)
    bits = (small > rng.uniform(0.25, 0.5)).astype(np.float32)
    return np.asarray(np.clip(cv2.resize(bits, (FRAME, FRAME), interpolation=cv2.INTER_CUBIC), 0, 1), np.float32)


def _add_specks(ink: Map, rng: np.random.Generator) -> Map:
    dirty = ink.copy()
    for _ in range(rng.integers(1, 4)):
        x, y = (int(v) for v in rng.uniform(0.2, 0.8, 2) * FRAME)
        cv2.circle(dirty, (x, y), int(rng.integers(1, 4)), 1.0, -1, cv2.LINE_AA)
    return dirty


def _add_rule(ink: Map, rng: np.random.Generator) -> Map:
    """Add a piece of a thin, nearly level line to the digit, like a ruled line that was taken for ink."""
    lined = ink.copy()
    x, _, w, _ = cv2.boundingRect((ink > 0.5).astype(np.uint8))
    level = rng.uniform(0.3, 0.75) * FRAME
    start, length = x + rng.uniform(-0.2, 0.5) * w, rng.uniform(0.2, 0.8) * max(w, 20)
    tilt = rng.normal(0, 0.03) * length
    ends = [(round(start), round(level)), (round(start + length), round(level + tilt))]
    cv2.line(lined, ends[0], ends[1], 1.0, int(rng.integers(1, 4)), cv2.LINE_AA)
    return lined


def _clip(ink: Map, rng: np.random.Generator) -> Map:
    """Remove a narrow strip at one edge of the digit, as if the edge of the picture cut it off."""
    x, y, w, h = cv2.boundingRect((ink > 0.5).astype(np.uint8))
    cut, lost = ink.copy(), rng.uniform(0.02, 0.1)
    edge = rng.integers(4)
    if edge == 0:
        cut[: y + round(lost * h)] = 0
    elif edge == 1:
        cut[y + h - round(lost * h) :] = 0
    elif edge == 2:
        cut[:, : x + round(lost * w)] = 0
    else:
        cut[:, x + w - round(lost * w) :] = 0
    return cut


_CHANGES = (
    (_thicken, 0.18),
    (_thin, 0.10),
    (_blur, 0.14),
    (_fray, 0.16),
    (_roughen, 0.08),
    (_coarsen, 0.10),
    (_cut_gaps, 0.14),
    (_add_specks, 0.10),
    (_add_rule, 0.06),
    (_clip, 0.06),
)
