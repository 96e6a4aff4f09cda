"""The reader: owns a model and runs the way from a picture to its reading."""

from __future__ import annotations

import itertools
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inkread.errors import OptionError, PictureError
from inkread.ink.handwriting import Handwriting, find_handwriting, finer
from inkread.loading import load_classifier
from inkread.models.card import Card
from inkread.options import Content, ReadOptions
from inkread.pictures.opening import Picture, content_of, name_of, open_picture
from inkread.pictures.page import Page
from inkread.readings import Reading, all_right
from inkread.recognition.acceptance import accepted_digits, refusal
from inkread.recognition.recognise import Recognition, recognise_auto, recognise_rows, recognise_single
from inkread.steps import Steps
from inkread.teaching.profiles import DEFAULT_PROFILE, Profile
from inkread.teaching.taught_classifier import TaughtClassifier

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from inkread.teaching.lessons import Lesson


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
        return self.run(picture, ReadOptions(as_, min_confidence))

    def run(self, picture: Picture, options: ReadOptions) -> Steps:
        """Return what `steps` does, with its options as one object."""
        name = name_of(picture)
        if not isinstance(picture, str | os.PathLike | Image.Image | np.ndarray):
            picture = content_of(picture, name)  # a file gives its bytes only once, and the steps may be drawn later
        page, ink, handwriting = _seen(picture, name)
        found = self._recognised(handwriting, options.as_)
        if found.turns:
            page, ink = page.turned(found.turns), np.ascontiguousarray(np.rot90(ink, found.turns))
        digits = accepted_digits(found, page, self.card)
        refused = refusal(found, digits, self.card, options.min_confidence)
        draw = partial(self._drawn, picture, options)
        if refused:
            reading = Reading(name, refused=refused, _draw=draw)
        else:
            reading = Reading(name, digits, all_right(digits), _draw=draw)
        patches = tuple(place.patch for place in found.places)
        return Steps(page, ink, patches, found.glyphs, found.probabilities, self.card, reading)

    def _drawn(self, picture: Picture, options: ReadOptions) -> Figure:
        """Return the figure of the steps, for which the picture is opened once more."""
        from inkread.figures.steps import draw_steps

        return draw_steps(self.run(picture, options))

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
        from inkread.teaching.lessons import box_of, digits_of, lessons_of

        digits_of(label)  # before the picture is read
        place = None if box is None else box_of(box)
        return self.teach_lessons(lessons_of(self.steps(picture, as_=as_), label, box=place))

    def teach_lessons(self, lessons: Iterable[Lesson]) -> tuple[Lesson, ...]:
        """Teach lessons that are made already, by their glyphs, all or none; return them as they are kept."""
        return tuple(self.classifier.learn(list(lessons)))

    def _recognised(self, handwriting: Handwriting, as_: Content) -> Recognition:
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
        return self.run_many(pictures, ReadOptions(as_, min_confidence), workers=workers)

    def run_many(
        self, pictures: Iterable[Picture], options: ReadOptions, *, workers: int | None = None
    ) -> Iterator[Reading | PictureError]:
        """Yield what `try_many` does, with its options as one object."""
        workers = os.cpu_count() or 1 if workers is None else workers
        if workers < 1:
            raise OptionError(f"workers={workers}: at least one picture is read at a time")

        def attempt(picture: Picture) -> Reading | PictureError:
            try:
                return self.run(picture, options).reading
            except PictureError as error:
                return error

        return _in_order(attempt, pictures, workers=workers)


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


def _seen(picture: Picture, name: str) -> tuple[Page, NDArray[np.float32], Handwriting]:
    """Return a picture as a page, its ink, and what is written on it; small writing is looked at on a larger page."""
    page = open_picture(picture, name)
    ink, handwriting = find_handwriting(page)
    if pixels := finer(page, handwriting):
        page = open_picture(picture, name, pixels=pixels)
        ink, handwriting = find_handwriting(page)
    return page, ink, handwriting
