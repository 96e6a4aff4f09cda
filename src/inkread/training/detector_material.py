"""The detector's material: batches of patches that worker processes draw during the training.

Most patches of a batch are new. The others are patches of earlier batches, zoomed and moved. The patches of a batch
depend only on the seed and the number of the batch, not on the number of workers or on where a run was resumed.
"""

from __future__ import annotations

import os
import signal
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from types import TracebackType

import cv2
import numpy as np
from numpy.typing import NDArray

from inkread.datasets.material import Material, load_photographs
from inkread.drawing.stock import DrawnDigits, DrawnThings, Stock, WrittenDigits
from inkread.drawing.typefaces import STROKE_TYPEFACES, typefaces
from inkread.training.detector_patches import HEIGHT, WIDTH, TrainingPatch, draw_again, draw_patch
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
