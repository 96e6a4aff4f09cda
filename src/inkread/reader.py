"""The reader: owns a model and runs the way from a picture to its reading."""

from __future__ import annotations

import itertools
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inkread.errors import OptionError, PictureError
from inkread.geometry import Box
from inkread.ink.handwriting import Handwriting, find_handwriting, finer
from inkread.layout.patches import Patch
from inkread.loading import load_classifier
from inkread.models.card import Card
from inkread.pictures.opening import Picture, content_of, name_of, open_picture
from inkread.pictures.page import Page
from inkread.readings import Content, Reading, all_right
from inkread.recognition.acceptance import accepted_digits, refusal
from inkread.recognition.recognise import Recognition, recognise_auto, recognise_rows, recognise_single
from inkread.teaching.profiles import DEFAULT_PROFILE, Profile
from inkread.teaching.taught_classifier import TaughtClassifier

if TYPE_CHECKING:
    from inkread.teaching.lessons import Lesson


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

    @property
    def boxes(self) -> tuple[Box, ...]:
        """Where each patch lies, in pixels of the upright picture, also where the reading was refused."""
        return tuple(self.page.upright(patch.box) for patch in self.patches)


class Reader:
    """Reads pictures with one model.

    model: None for the shipped model, "tiny" for the same in 8-bit integers, a model folder, or an `.onnx`, `.keras` or
        `.h5` file.
    threads: how many cores the network may use for one picture.
    profile: whose taught digits count, by name or as a `Profile`; None for reading as if nothing had been taught.

    Raises `ModelError` for a model that cannot be used, `OptionError` for a profile with an impossible name. A reader
    may be shared by threads. What is taught counts from the next reading on, whichever program teaches it.
    """

    def __init__(
        self,
        model: str | os.PathLike[str] | None = None,
        *,
        threads: int = 1,
        profile: str | Profile | None = DEFAULT_PROFILE,
    ) -> None:
        self.profile = Profile(profile) if isinstance(profile, str) else profile
        self.classifier = TaughtClassifier(load_classifier(model, threads=threads), self.profile)

    @property
    def card(self) -> Card:
        """The card of the model."""
        return self.classifier.card

    def read(self, picture: Picture, *, as_: Content = "auto", min_confidence: float | None = None) -> Reading:
        """Return the reading of a picture: a path, bytes, a binary file, a PIL image or an array.

        as_: what the picture holds.
        min_confidence: a digit with a smaller confidence is refused as "unsure"; 0 to 1, None for what the card says.

        Raises `PictureError` for what is no picture, `OptionError` for an option out of range, and `DataError` for a
        profile whose file is damaged. See
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
        ink, handwriting = find_handwriting(page)
        if fine := finer(page, handwriting):
            page = open_picture(picture, name, pixels=fine)
            ink, handwriting = find_handwriting(page)
        found = self._found(handwriting, as_)
        if found.turns:
            page, ink = page.turned(found.turns), np.ascontiguousarray(np.rot90(ink, found.turns))
        digits = accepted_digits(found, page, self.card)
        refused = refusal(found, digits, self.card, min_confidence)
        retrace = partial(self.steps, picture, as_=as_, min_confidence=min_confidence)
        if refused:
            reading = Reading(name, refused=refused, _retrace=retrace)
        else:
            reading = Reading(name, digits, all_right(digits), _retrace=retrace)
        patches = tuple(place.patch for place in found.places)
        return Steps(page, ink, patches, found.glyphs, found.probabilities, self.card, reading)

    def teach(
        self, label: str | int, picture: Picture, *, box: Sequence[float] | None = None, as_: Content = "auto"
    ) -> tuple[Lesson, ...]:
        """Teach what is written on a picture, and return a lesson for each digit; from now on it is read so.

        label: its digits in reading order, such as 7 or "1234".
        box: where the one digit stands that the label is for, as `Digit.box` gives it, or four such numbers as JSON has
            them; None for all of the picture.
        as_: what the picture holds; as it will be read, or its digits may look otherwise to the network.

        `Lesson.instead_of` is the label that the same digit was taught with before, if it was another one.

        Raises what `read` raises; `PictureError` where the picture does not have so many digits, `OptionError` for a
        label or box that is none and a reader without a profile, `ModelError` for a network that gives no features, and
        `DataError` where the profile cannot be written. Then nothing is taught.
        """
        from inkread.teaching.gathering import box_of, digits_of, lessons_of

        digits_of(label)  # before the picture is read
        place = None if box is None else box_of(box)
        return self.teach_lessons(lessons_of(self.steps(picture, as_=as_), label, box=place))

    def teach_lessons(self, lessons: Iterable[Lesson]) -> tuple[Lesson, ...]:
        """Teach lessons that are made already, by their glyphs, all or none; return them as they are kept."""
        return tuple(self.classifier.learn(list(lessons)))

    def _found(self, handwriting: Handwriting, as_: Content) -> Recognition:
        """Return the digits of a page that holds what the caller says."""
        if as_ == "digit":
            return recognise_single(handwriting, self.classifier)
        if as_ == "auto":
            return recognise_auto(handwriting, self.classifier)
        return recognise_rows(handwriting, self.classifier, single_row=as_ == "number")

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
        raise OptionError(f"as_={as_!r}: a picture holds {', '.join(map(repr, get_args(Content)))}")
    if min_confidence is not None and not 0 <= min_confidence <= 1:
        raise OptionError(f"min_confidence={min_confidence}: a confidence lies between 0 and 1")


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
