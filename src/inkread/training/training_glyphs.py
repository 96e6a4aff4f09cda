"""Training glyphs: the training data of the recipe `best`, made by worker processes during the training.

Every epoch has as many glyphs as MNIST has training images:
- images: MNIST's images. Three of four are warped, but not normalised again, as in the domain of its test set.
- augmented: MNIST's digits, warped, worn and normalised to glyphs; some go through all steps from photograph to glyph.
- drawn: digits drawn with a pen in shapes that MNIST's writers do not use, then treated like the augmented ones.
- cut: digits cut out of drawn pages as in reading, on any ground, in all the shapes that the detector knows.
- nondigits: letters, scribbles, pieces of digits, pairs and more, as the eleventh class.

Each of the last four kinds takes a millisecond or more per glyph. So an epoch makes an eighth of them and repeats those
of the seven epochs before, moved a little each time. The glyphs of an epoch depend only on the seed, not on the number
of workers.
"""

from __future__ import annotations

import multiprocessing
import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from types import TracebackType

import cv2
import numpy as np
from numpy.typing import NDArray

from inkread.datasets import Mnist
from inkread.datasets.material import Material
from inkread.drawing import GROUNDS, PENS, SHAPES, Hand, digit_ink, ink_colour, lay_ground, show
from inkread.drawing.nondigits import FAMILIES, nondigit_ink
from inkread.drawing.scenes import draw_scene
from inkread.drawing.shapes import MORE_SHAPES
from inkread.drawing.stock import Stock
from inkread.errors import DataError
from inkread.geometry import Box
from inkread.glyphs import CLASSES, NON_DIGIT, normalise_one
from inkread.ink import find_ink
from inkread.layout.patches import cut_out_mark
from inkread.layout.single_digit import find_digit
from inkread.pictures.opening import open_picture
from inkread.training.augment import FRAME, enlarge, glyph_of, image_of, nudge, piece, side_by_side, warp, wear
from inkread.training.detector_material import Drawing

Map = NDArray[np.float32]
Glyphs = tuple[NDArray[np.uint8], NDArray[np.uint8]]
"""Glyphs, (N, 28, 28) uint8 with 255 = ink, and their classes, (N,) uint8: 0 to 9, and `NON_DIGIT`."""

SHARES = {"augmented": 0.22, "drawn": 0.14, "cut": 0.28, "nondigits": 0.16}
"""Shares of an epoch's glyphs; the rest are images."""

KEPT = 8
"""The number of epochs in which each glyph of these shares is used."""

_SIZE = (FRAME, FRAME)
_PHOTOGRAPHED = 0.06
"""The share of digits that are shown on a ground and photographed first."""

_MORE_SHAPES = 0.5
"""The share of drawn digits that have one of `MORE_SHAPES`."""

_PAGE = (128, 320)
"""The height and width of the part of a page that digits are cut out of, in pixels."""

_BOX_ERROR = 0.04
"""The standard deviation of the edges of the box that a digit is cut out with, in heights of the digit."""

_WARPS_A_DRAWING = 6
"""The number of warps of each drawing. A drawing takes as much time as several warps."""

# These pieces do not look like another digit. The right half of an 8 would look like a 3.
_PIECES = ((0, "top"), (0, "bottom"), (2, "bottom"), (3, "left"), (4, "left"), (5, "top"), (8, "left"))
_WEIGHTS = {
    **dict.fromkeys(FAMILIES, 1.0),
    "letters": 4.0,
    "inventions": 4.0,
    "shapes": 2.0,
    "pairs": 2.0,
    "pieces": 1.0,
    "grounds": 0.4,
}


class TrainingGlyphs:
    """Makes the glyphs of each epoch before they are used. It is a context manager that ends its workers.

    material: fonts and photographs for the pages that digits are cut out of; None to draw pages without them.
    """

    def __init__(
        self, mnist: Mnist, *, seed: int, material: Material | None = None, workers: int | None = None
    ) -> None:
        self._seed, self._images = seed, len(mnist.train_images)
        # Forking a process in which TensorFlow runs threads may hang.
        self._pool = ProcessPoolExecutor(
            workers or os.cpu_count() or 1,
            multiprocessing.get_context("spawn"),
            _begin,
            (
                mnist.train_images,
                mnist.train_labels,
                Drawing(seed, mnist.train_images, mnist.train_labels, material),
            ),
        )

    def __enter__(self) -> TrainingGlyphs:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(cancel_futures=True)

    def epochs(self, count: int, first: int = 0) -> Iterator[Glyphs]:
        """Yield the shuffled glyphs of epochs number `first` to `count` - 1."""
        window: deque[list[Future[Glyphs]]] = deque(maxlen=KEPT)
        # The first epoch needs all the glyphs that are kept.
        for number in range(first + 1 - KEPT, first + 1):
            window.append(self._begin_new(number))
        ahead, images = self._begin_new(first + 1), self._begin_images(first)
        for epoch in range(first, count):
            rng = np.random.default_rng((self._seed, epoch, 4))
            kept = [future.result() for batch in window for future in batch]
            parts = [(nudge(glyphs, rng=rng), labels) for glyphs, labels in kept]
            parts += [future.result() for future in images]
            window.append(ahead)
            if epoch + 1 < count:
                ahead, images = self._begin_new(epoch + 2), self._begin_images(epoch + 1)
            order = np.random.default_rng((self._seed, epoch, 1)).permutation(sum(len(labels) for _, labels in parts))
            glyphs, labels = (np.concatenate(arrays)[order] for arrays in zip(*parts, strict=True))
            yield glyphs, labels

    def begin(self, share: str, key: tuple[int, ...], count: int) -> Future[Glyphs]:
        """Begin to make `count` glyphs of one of `SHARES`. The same key gives the same glyphs."""
        return self._pool.submit(_make_glyphs, share, key, count)

    def _begin_new(self, number: int) -> list[Future[Glyphs]]:
        """Begin to make the glyphs that an epoch adds to those that are kept."""
        jobs = []
        for name, share in SHARES.items():
            count = round(share * self._images / KEPT)
            for part, start in enumerate(range(0, count, _CHUNK)):
                key = (self._seed, number + KEPT, part, list(SHARES).index(name))
                jobs.append(self.begin(name, key, min(_CHUNK, count - start)))
        return jobs

    def _begin_images(self, epoch: int) -> list[Future[Glyphs]]:
        """Begin to make an epoch's images: a shuffled part of MNIST. Over the epochs, all images are used in turn."""
        count = self._images - sum(round(share * self._images / KEPT) for share in SHARES.values()) * KEPT
        first = epoch * count
        chosen = [
            np.random.default_rng((self._seed, turn, 2)).permutation(self._images)
            for turn in range(first // self._images, (first + count - 1) // self._images + 1)
        ]
        start = first % self._images
        indices = np.concatenate(chosen)[start : start + count]
        return [
            self._pool.submit(_make_images, (self._seed, epoch, part, 3), indices[begin : begin + 4 * _CHUNK])
            for part, begin in enumerate(range(0, count, 4 * _CHUNK))
        ]


def drawn_glyphs(mnist: Mnist, *, seed: int, count: int, shares: Sequence[str] = tuple(SHARES)) -> NDArray[np.float32]:
    """Return glyphs as in reading, (count, 28, 28) float32 in 0..1, with equal numbers of each of the shares."""
    with TrainingGlyphs(mnist, seed=seed, workers=1) as made:
        jobs = [
            made.begin(name, (seed, part, 5), len(range(part, count, len(shares)))) for part, name in enumerate(shares)
        ]
        return np.asarray(np.concatenate([job.result()[0] for job in jobs]) / np.float32(255), np.float32)


_CHUNK = 500
_own_images = np.zeros((0, 28, 28), np.uint8)
_own_labels = np.zeros(0, np.uint8)
_stocks: list[Stock] = []
"""The stock that this worker process draws pages from."""


def _begin(images: NDArray[np.uint8], labels: NDArray[np.uint8], drawing: Drawing) -> None:
    """Prepare a worker process. It has one thread and a lower priority than the training."""
    global _own_images, _own_labels
    _own_images, _own_labels = images, labels
    _stocks[:] = [drawing.stock()]
    cv2.setNumThreads(1)
    if hasattr(os, "nice"):
        os.nice(5)


def _make_images(key: tuple[int, ...], indices: NDArray[np.intp]) -> Glyphs:
    """Return MNIST's images at these indices, three of four warped."""
    rng = np.random.default_rng(key)
    images = _own_images[indices]
    for at in np.flatnonzero(rng.random(len(images)) < 0.75):
        images[at] = _bytes(image_of(warp(enlarge(images[at]), rng=rng, strength=rng.uniform(0.3, 1.0))))
    return images, _own_labels[indices]


def _make_glyphs(name: str, key: tuple[int, ...], count: int) -> Glyphs:
    """Return `count` glyphs of a share. `key` seeds the random numbers."""
    rng = np.random.default_rng(key)
    source = {"augmented": _augmented, "drawn": _drawn, "cut": _cut, "nondigits": _nondigits}[name](rng)
    glyphs, labels = np.zeros((count, 28, 28), np.uint8), np.zeros(count, np.uint8)
    made = tried = 0
    while made < count:
        glyph, label = next(source)
        tried += 1
        if tried > 100 * count:
            raise DataError("the training images have almost no ink; look at them before training")
        # A glyph can be empty: wear may remove all ink, and most grounds show no ink.
        if glyph.any():
            glyphs[made], labels[made] = _bytes(glyph), label
            made += 1
    return glyphs, labels


def _augmented(rng: np.random.Generator) -> Iterator[tuple[Map, int]]:
    while True:
        ink, label = _some_digit(rng)
        yield _read_back(warp(ink, rng=rng), rng), label


def _drawn(rng: np.random.Generator) -> Iterator[tuple[Map, int]]:
    pens = list(PENS)
    while True:
        digit, hand = int(rng.integers(10)), Hand.random(rng=rng)
        pen = pens[rng.integers(len(pens))]
        shape = str(rng.choice(list((MORE_SHAPES if rng.random() < _MORE_SHAPES else SHAPES)[digit])))
        ink = digit_ink(digit, rng=rng, size=_SIZE, pen=pen, hand=hand, shape=shape, share=0.7)
        for _ in range(_WARPS_A_DRAWING):
            yield _read_back(warp(ink, rng=rng, strength=0.8), rng), digit


def _cut(rng: np.random.Generator) -> Iterator[tuple[Map, int]]:
    while True:
        scene = draw_scene(_stocks[0], _PAGE, rng=rng)
        marks = [mark for mark in scene.marks if mark.label < CLASSES and not mark.printed]
        if not marks:
            continue
        ink = find_ink(open_picture(scene.picture))
        boxes = np.array([mark.area for mark in marks], np.float32)
        heights = boxes[:, 3:] - boxes[:, 1:2]
        boxes += (rng.normal(0, _BOX_ERROR, boxes.shape) * heights).astype(np.float32)
        for index, mark in enumerate(marks):
            middle = (boxes[index, 0] + boxes[index, 2]) / 2
            near = np.abs((boxes[:, 0] + boxes[:, 2]) / 2 - middle) < 2 * heights[index]
            near[index] = False
            if boxes[index, :2].min() >= 0 and boxes[index, 2] <= _PAGE[1] and boxes[index, 3] <= _PAGE[0]:
                patch = cut_out_mark(ink, boxes, index, np.flatnonzero(near).tolist())
                yield normalise_one(patch.ink), mark.label


def _nondigits(rng: np.random.Generator) -> Iterator[tuple[Map, int]]:
    families, bounds = list(_WEIGHTS), np.cumsum(list(_WEIGHTS.values()))
    while True:
        family = families[int(np.searchsorted(bounds, rng.random() * bounds[-1]))]
        if family == "grounds":
            yield _through_camera(np.zeros(_SIZE, np.float32), rng), NON_DIGIT
            continue
        if family == "pieces":
            digit, edge = _PIECES[rng.integers(len(_PIECES))]
            ink = piece(_some_digit(rng, digit)[0], rng=rng, edge=edge)
        elif family == "pairs":
            left, right = (warp(_some_digit(rng)[0], rng=rng, strength=0.7) for _ in range(2))
            ink = side_by_side(left, right, rng=rng)
            yield glyph_of(ink, rng=rng), NON_DIGIT
            continue
        else:
            ink = nondigit_ink(family, size=_SIZE, rng=rng)
        yield _read_back(warp(ink, rng=rng), rng), NON_DIGIT


def _some_digit(rng: np.random.Generator, digit: int | None = None) -> tuple[Map, int]:
    """Return the ink map of one of MNIST's digits, of class `digit` if it is given, and its class."""
    # The user's data may lack a class.
    asked = digit if digit in _own_labels else None
    while True:
        index = int(rng.integers(len(_own_images)))
        if asked is None or _own_labels[index] == asked:
            return enlarge(_own_images[index]), int(_own_labels[index])


def _read_back(ink: Map, rng: np.random.Generator) -> Map:
    """Return the glyph that reading makes of an ink map, after wear or after a photograph."""
    if rng.random() < _PHOTOGRAPHED:
        return _through_camera(ink, rng)
    after = wear(ink, rng=rng)
    # Scraps of ink teach nothing. If wear has removed nearly all of a hairline, the ink stays as it was.
    return glyph_of(after if np.minimum(after, ink).sum() > 0.6 * ink.sum() else ink, rng=rng)


def _through_camera(ink: Map, rng: np.random.Generator) -> Map:
    """Write ink on a ground, photograph it and read it back. The glyph is empty if something else was found."""
    ground = lay_ground(GROUNDS[rng.integers(len(GROUNDS))], size=_SIZE, rng=rng)
    pen = "chalk" if ground.dark else list(PENS)[rng.integers(len(PENS))]
    picture = show(ink, ink_colour(pen, dark=ground.dark, rng=rng), ground, rng=rng)
    patch = find_digit(find_ink(open_picture(picture)))
    written = Box(*cv2.boundingRect((ink > 0.3).astype(np.uint8)))
    if patch is None or (ink.any() and patch.box.overlap(written) < 0.6):
        return np.zeros((28, 28), np.float32)
    return normalise_one(patch.ink)


def _bytes(glyph: Map) -> NDArray[np.uint8]:
    return np.asarray(np.rint(glyph * 255), np.uint8)
