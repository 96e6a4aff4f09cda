"""Patches: the training examples of the detector. Each shows one to four scenes, as the detector sees pages."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from inkread.drawing.scenes import draw_scene
from inkread.drawing.stock import Stock
from inkread.marks import Area, LabelledMark, normalise_page

HEIGHT, WIDTH = 128, 320
"""Size of a patch in pixels."""

_NOTHING, _WHOLE = 0.3, 0.72
"""If an edge cuts a mark and at most the first share of it is left, there is no mark. Below the second share, the place
is ignored."""

_DEPTH, _DEPTH_AGAIN = 0.2, 0.15
"""The standard deviation of the logarithm of the depth of ink, in a new and in a repeated patch. On pages with smears
or seals, normalisation gives other depths."""

_ZOOM, _STRETCH = (0.8, 1.22), (0.92, 1.08)
"""The smallest and largest zoom of a repeated patch, and of its width relative to its height."""

_SHIFT = (24, 12)
"""The largest shift of a repeated patch, in pixels across and down."""


@dataclass(frozen=True)
class TrainingPatch:
    """A patch of a page with its marks.

    page: (HEIGHT, WIDTH) float16, the result of `normalise_page`.
    marks, ignored: as for a scene, within the patch.
    """

    page: NDArray[np.float16]
    marks: list[LabelledMark]
    ignored: list[Area]


def draw_patch(stock: Stock, *, rng: np.random.Generator) -> TrainingPatch:
    """Draw a patch. If it shows several scenes, each is normalised separately, like a picture."""
    page = np.zeros((HEIGHT, WIDTH), np.float16)
    marks: list[LabelledMark] = []
    ignored: list[Area] = []
    for x, y, w, h in _tiles(rng):
        scene = draw_scene(stock, (h, w), rng=rng)
        page[y : y + h, x : x + w] = normalise_page(scene.picture) * np.float32(math.exp(rng.normal(0, _DEPTH)))
        whole, cut = _within(scene.marks, w, h)
        marks += [_move(mark, x, y) for mark in whole]
        ignored += [_shift(area, x, y) for area in [*cut, *_clip_all(scene.ignored, w, h)]]
    return TrainingPatch(page, marks, ignored)


def draw_again(patch: TrainingPatch, *, rng: np.random.Generator) -> TrainingPatch:
    """Return a patch zoomed, moved, and made lighter or darker. Half of the patches also get grain."""
    down = rng.uniform(*_ZOOM)
    across = down * rng.uniform(*_STRETCH)
    x, y = rng.uniform(-_SHIFT[0], _SHIFT[0]), rng.uniform(-_SHIFT[1], _SHIFT[1])
    how = cv2.INTER_AREA if down < 1 else cv2.INTER_CUBIC
    matrix = np.array([[across, 0, x], [0, down, y]])
    page = np.asarray(cv2.warpAffine(patch.page.astype(np.float32), matrix, (WIDTH, HEIGHT), flags=how), np.float32)
    page *= np.float32(math.exp(rng.normal(0, _DEPTH_AGAIN)))
    if rng.random() < 0.5:
        page += rng.standard_normal(page.shape, np.float32) * np.float32(rng.uniform(0, 0.15))

    def zoom(area: Area) -> Area:
        return area[0] * across + x, area[1] * down + y, area[2] * across + x, area[3] * down + y

    marks = [LabelledMark(*zoom(mark.area), mark.label, mark.printed) for mark in patch.marks]
    whole, cut = _within(marks, WIDTH, HEIGHT)
    again = _clip_all([zoom(area) for area in patch.ignored], WIDTH, HEIGHT)
    return TrainingPatch(page.astype(np.float16), whole, [*cut, *again])


def _tiles(rng: np.random.Generator) -> list[tuple[int, int, int, int]]:
    """Return the tiles of a patch, each `x, y, w, h`: one, two side by side, two above each other, or four."""
    kind = rng.random()
    if kind < 0.4:
        return [(0, 0, WIDTH, HEIGHT)]
    if kind < 0.6:
        across = int(rng.integers(60, WIDTH - 60))
        return [(0, 0, across, HEIGHT), (across, 0, WIDTH - across, HEIGHT)]
    if kind < 0.85:
        down = int(rng.integers(34, HEIGHT - 34))
        return [(0, 0, WIDTH, down), (0, down, WIDTH, HEIGHT - down)]
    across = int(rng.integers(90, WIDTH - 90))
    left, right = (int(down) for down in rng.integers(36, 92, 2))
    return [
        *((0, 0, across, left), (0, left, across, HEIGHT - left)),
        *((across, 0, WIDTH - across, right), (across, right, WIDTH - across, HEIGHT - right)),
    ]


def _within(marks: Iterable[LabelledMark], width: int, height: int) -> tuple[list[LabelledMark], list[Area]]:
    """Return the visible marks of a frame, clipped at its edges, and the places of marks that are cut too much."""
    whole: list[LabelledMark] = []
    cut: list[Area] = []
    for mark in marks:
        seen = _clip(mark.area, width, height)
        share = _size(seen) / max(_size(mark.area), 1e-3)
        if share >= _WHOLE:
            whole.append(LabelledMark(*seen, mark.label, mark.printed))
        elif share > _NOTHING:
            cut.append(seen)
    return whole, cut


def _clip_all(areas: Iterable[Area], width: int, height: int) -> list[Area]:
    """Return areas clipped to a frame, without those outside it."""
    return [seen for area in areas if _size(seen := _clip(area, width, height)) > 0]


def _clip(area: Area, width: int, height: int) -> Area:
    return max(0.0, area[0]), max(0.0, area[1]), min(width, area[2]), min(height, area[3])


def _size(area: Area) -> float:
    return max(0.0, area[2] - area[0]) * max(0.0, area[3] - area[1])


def _shift(area: Area, x: int, y: int) -> Area:
    return area[0] + x, area[1] + y, area[2] + x, area[3] + y


def _move(mark: LabelledMark, x: int, y: int) -> LabelledMark:
    return LabelledMark(*_shift(mark.area, x, y), mark.label, mark.printed)
