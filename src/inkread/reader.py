"""The reader: owns a model and runs the way from a picture to its reading."""

from __future__ import annotations

import itertools
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inkread.errors import OptionError, PictureError
from inkread.models.card import Card
from inkread.models.classifier import CLASSES, NO_DIGIT, Classifier
from inkread.pictures.glyphs import normalise
from inkread.pictures.ink import find_ink
from inkread.pictures.layout import Patch, find_digit
from inkread.pictures.opening import Picture, content_of, name_of, open_picture
from inkread.pictures.page import Page
from inkread.readings import Box, Digit, Reading, Refusal

Content = Literal["auto", "digit"]
"""What a picture holds. This version reads one digit a picture, so "auto" and "digit" mean the same."""


@dataclass(frozen=True, slots=True)
class Steps:
    """All that lies between a picture and its reading.

    page: the upright picture.
    ink: (H, W) float32 in 0..1, as large as the page.
    patches: the ink of each digit.
    glyphs: (N, 28, 28) float32 in 0..1, one for each patch.
    probabilities: (N, 11) float32, rows that sum to 1: the ten digits and, last, no digit.
    card: the card of the model that read them.
    reading: the answer.
    """

    page: Page
    ink: NDArray[np.float32]
    patches: tuple[Patch, ...]
    glyphs: NDArray[np.float32]
    probabilities: NDArray[np.float32]
    card: Card
    reading: Reading


class Reader:
    """Reads pictures with one model.

    model: None for the shipped model, a model folder, or an `.onnx`, `.keras` or `.h5` file.
    threads: how many cores the network may use for one picture.

    Raises `ModelError` for a model that cannot be used. A reader may be shared by threads.
    """

    def __init__(self, model: str | os.PathLike[str] | None = None, *, threads: int = 1) -> None:
        self.classifier = Classifier(model, threads=threads)

    @property
    def card(self) -> Card:
        """The card of the model."""
        return self.classifier.card

    def read(self, picture: Picture, *, as_: Content = "auto", min_confidence: float | None = None) -> Reading:
        """Return the reading of a picture: a path, bytes, a binary file, a PIL image or an array.

        as_: what the picture holds.
        min_confidence: a digit with a smaller confidence is refused as "unsure"; 0 to 1, None for what the card says.

        Raises `PictureError` for what is no picture, `OptionError` for an option out of range. See
        `inkread.pictures.opening.open_picture` for the kinds of arrays.
        """
        return self.steps(picture, as_=as_, min_confidence=min_confidence).reading

    def steps(self, picture: Picture, *, as_: Content = "auto", min_confidence: float | None = None) -> Steps:
        """Return every step from the picture to its reading; takes and raises what `read` does."""
        _check_options(as_, min_confidence)
        name = name_of(picture)
        if not isinstance(picture, str | os.PathLike | Image.Image | np.ndarray):
            picture = content_of(picture, name)  # a file gives its bytes only once, and the steps may be traced again
        page = open_picture(picture, name)
        ink = find_ink(page)
        patch = find_digit(ink)
        patches = () if patch is None else (patch,)
        glyphs = normalise([patch.ink for patch in patches])
        probabilities = self.classifier.classify(glyphs)
        digits = _decode(probabilities, patches, page)
        least = self.card.min_confidence if min_confidence is None else min_confidence
        refusal = _refusal(probabilities, digits, no_digit=self.card.no_digit, min_confidence=least)
        retrace = partial(self.steps, picture, as_=as_, min_confidence=min_confidence)
        if refusal:
            reading = Reading(name, refused=refusal, _retrace=retrace)
        else:
            reading = Reading(name, digits, _confidence(digits), _retrace=retrace)
        return Steps(page, ink, patches, glyphs, probabilities, self.card, reading)

    def read_many(
        self,
        pictures: Iterable[Picture],
        *,
        as_: Content = "auto",
        min_confidence: float | None = None,
        workers: int | None = None,
    ) -> Iterator[Reading]:
        """Yield the reading of each picture, in order, reading several at a time.

        workers: how many pictures are read at a time; None for one a core. Only a few are held at once, however
        many there are. Raises what `read` raises, when the turn of that picture has come.
        """
        for outcome in self.try_many(pictures, as_=as_, min_confidence=min_confidence, workers=workers):
            if isinstance(outcome, PictureError):
                raise outcome
            yield outcome

    def try_many(
        self,
        pictures: Iterable[Picture],
        *,
        as_: Content = "auto",
        min_confidence: float | None = None,
        workers: int | None = None,
    ) -> Iterator[Reading | PictureError]:
        """Yield as `read_many` does, with the error in the place of a picture that cannot be opened."""
        _check_options(as_, min_confidence)
        workers = os.cpu_count() or 1 if workers is None else workers
        if workers < 1:
            raise OptionError(f"workers={workers}: at least one picture is read at a time")

        def attempt(picture: Picture) -> Reading | PictureError:
            try:
                return self.read(picture, as_=as_, min_confidence=min_confidence)
            except PictureError as error:
                return error

        return _in_order(attempt, pictures, workers=workers)


def _check_options(as_: str, min_confidence: float | None) -> None:
    if as_ not in get_args(Content):
        raise OptionError(f"as_={as_!r}: this version reads one digit a picture; use 'digit' or 'auto'")
    if min_confidence is not None and not 0 <= min_confidence <= 1:
        raise OptionError(f"min_confidence={min_confidence}: a confidence lies between 0 and 1")


def _decode(probabilities: NDArray[np.float32], patches: Iterable[Patch], page: Page) -> tuple[Digit, ...]:
    """Return the digits of probabilities, (N, 11), with their boxes in pixels of the upright picture.

    Their own ten probabilities are those of a digit, given that it is one.
    """
    given = probabilities[:, :CLASSES] / np.maximum(probabilities[:, :CLASSES].sum(axis=1, keepdims=True), 1e-30)
    return tuple(
        Digit(
            digit=int(row.argmax()),
            confidence=round(float(row.max()), 6),
            probabilities=tuple(round(float(p), 6) for p in row),
            box=_upright_box(patch, page),
        )
        for row, patch in zip(given, patches, strict=True)
    )


def _upright_box(patch: Patch, page: Page) -> Box:
    """Return the patch's box in pixels of the upright picture: the smallest whole pixels that hold it."""
    (across, down), (x, y, w, h) = page.scale, patch.box
    left, top = int(x * across), int(y * down)
    right, bottom = (  # rounding must not carry the far edge out of the picture
        min(size, int(np.ceil(end * scale)))
        for end, scale, size in zip((x + w, y + h), page.scale, page.size, strict=True)
    )
    return Box(left, top, right - left, bottom - top)


def _confidence(digits: Iterable[Digit]) -> float:
    """Return the probability that all digits are right."""
    return float(np.prod([digit.confidence for digit in digits]))


def _refusal(
    probabilities: NDArray[np.float32], digits: tuple[Digit, ...], *, no_digit: float, min_confidence: float
) -> Refusal | None:
    """Return why digits are not to be read, or None where they are."""
    if not digits:
        return Refusal("blank", "there is no writing on this picture")
    if probabilities[:, NO_DIGIT].max() > no_digit:
        return Refusal("no-digit", "what is on this picture does not look like a digit")
    confidence = _confidence(digits)
    if confidence >= min_confidence:
        return None
    first = min(digits, key=lambda digit: digit.confidence)
    second = int(np.argsort(first.probabilities)[-2])
    return Refusal(
        "unsure",
        f"{first.digit} or {second}, but only {confidence:.1%} sure where {100 * min_confidence:g} % are asked for",
    )


def _in_order(
    attempt: Callable[[Picture], Reading | PictureError], pictures: Iterable[Picture], *, workers: int
) -> Iterator[Reading | PictureError]:
    """Yield what `attempt` returns for each picture, in order, by so many threads, never far ahead."""
    pool = ThreadPoolExecutor(workers)
    waiting: deque[Future[Reading | PictureError]] = deque()
    todo = iter(pictures)
    try:
        for picture in itertools.islice(todo, 2 * workers):
            waiting.append(pool.submit(attempt, picture))
        while waiting:
            yield waiting.popleft().result()
            for picture in itertools.islice(todo, 1):
                waiting.append(pool.submit(attempt, picture))
    finally:
        pool.shutdown(cancel_futures=True)
