"""The detector's material: patches, and batches of them that worker processes draw during the training.

A patch is a training example. It shows one to four scenes, as the detector sees pages.

Most patches of a batch are new. The others are patches of earlier batches, zoomed and moved. The patches of a batch
depend only on the seed and the number of the batch, not on the number of workers or on where a run was resumed.
"""

from __future__ import annotations

import math
import os
import signal
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from types import TracebackType

import cv2
import numpy as np
from numpy.typing import NDArray

from inkread.datasets.material import Material, load_photographs
from inkread.drawing.scenes import draw_scene
from inkread.drawing.stock import DrawnDigits, DrawnThings, Stock, WrittenDigits
from inkread.drawing.typefaces import STROKE_TYPEFACES, typefaces
from inkread.marks import Area, LabelledMark, normalise_page
from inkread.training.detector_targets import Targets, detector_targets

Batch = tuple[NDArray[np.float32], Targets]
"""Pages, (N, HEIGHT, WIDTH, 1) float32, and their targets, (N, HEIGHT/4, WIDTH/4, 9) float32."""

_AHEAD = 8
"""The number of batches that are drawn ahead of the training."""

_NEW, _AGAIN = 100, 101
"""The last number of the seed for new patches, and for repeated patches."""


@dataclass(frozen=True)
class Drawing:
    """Everything that a worker needs to draw: the seed, MNIST's training images and labels, and the fetched material.

    images: (N, 28, 28) uint8; None to use only drawn digits.
    labels: (N,) uint8; None to use only drawn digits.
    material: fonts and photographs; None to draw only with strokes.
    """

    seed: int
    images: NDArray[np.uint8] | None = None
    labels: NDArray[np.uint8] | None = None
    material: Material | None = None

    def stock(self) -> Stock:
        """Return the stock that pages are drawn from."""
        written = None if self.images is None or self.labels is None else WrittenDigits(self.images, self.labels)
        digits, things = DrawnDigits(self.seed), DrawnThings(self.seed)
        if self.material is None:
            return Stock(digits, things, STROKE_TYPEFACES, written)
        faces = typefaces(self.material.handwriting, self.material.print)
        return Stock(digits, things, faces, written, load_photographs(self.material))


class DetectorBatches:
    """Draws batches before they are used. It is a context manager that ends its workers.

    size: the number of patches in a batch.
    again: how many of them are repeated from earlier batches.
    kept: the number of earlier batches that they are taken from.
    """

    def __init__(self, drawing: Drawing, *, size: int, again: int, kept: int, workers: int | None = None) -> None:
        self._seed, self._new, self._again, self._kept = drawing.seed, size - again, again, kept
        # Forking a process in which TensorFlow runs threads may hang.
        self._pool = ProcessPoolExecutor(workers or _workers(), get_context("spawn"), _begin, (drawing,))

    def __enter__(self) -> DetectorBatches:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(cancel_futures=True)

    def batches(self, first: int = 0) -> Iterator[Batch]:
        """Yield batch number `first` and all later batches, endlessly."""
        window: deque[Future[list[TrainingPatch]]] = deque(maxlen=self._kept)
        for number in range(first - self._kept, first):
            window.append(self._draw(number))
        ahead = deque(self._draw(first + number) for number in range(_AHEAD))
        number = first
        while True:
            ahead.append(self._draw(number + _AHEAD))
            new = ahead.popleft()
            yield _stack([*new.result(), *self._seen_again(number, window)])
            window.append(new)
            number += 1

    def _draw(self, number: int) -> Future[list[TrainingPatch]]:
        # The first batch also repeats earlier patches. The batches before it have numbers below 0.
        return self._pool.submit(_draw_patches, (self._seed, number + self._kept, _NEW), self._new)

    def _seen_again(self, number: int, window: deque[Future[list[TrainingPatch]]]) -> Iterator[TrainingPatch]:
        rng = np.random.default_rng((self._seed, number, _AGAIN))
        for index in rng.integers(0, len(window) * self._new, self._again):
            patch = window[index // self._new].result()[index % self._new]
            yield draw_again(patch, rng=rng)


def _workers() -> int:
    """Return how many processes keep up with the training. One process draws faster than four cores train."""
    return max(1, (os.cpu_count() or 1) // 4)


def _stack(patches: list[TrainingPatch]) -> Batch:
    pages = np.stack([patch.page for patch in patches])[..., None].astype(np.float32)
    targets = [detector_targets(patch.marks, patch.ignored, (HEIGHT, WIDTH)) for patch in patches]
    return pages, np.stack(targets)


_stocks: list[Stock] = []
"""The stock that this worker process draws from."""


def _begin(drawing: Drawing) -> None:
    """Prepare a worker process. It has one thread and a low priority, and ignores the Ctrl-C that ends its parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)
    if hasattr(os, "nice"):
        os.nice(3)
    _stocks[:] = [drawing.stock()]


def _draw_patches(key: tuple[int, ...], count: int) -> list[TrainingPatch]:
    """Return `count` new patches. `key` seeds the random numbers."""
    rng = np.random.default_rng(key)
    return [draw_patch(_stocks[0], rng=rng) for _ in range(count)]


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
