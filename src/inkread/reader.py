"""The reader: has a model and runs the steps from a picture to its reading."""

from __future__ import annotations

import itertools
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from threading import get_ident
from typing import TYPE_CHECKING, Literal, Unpack, overload

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inkread.errors import OptionError, PictureError
from inkread.geometry import Box
from inkread.loading import load_classifier, model_path
from inkread.models.card import Card
from inkread.models.detector import load_detector
from inkread.options import Content, ReadKeywords, ReadOptions, parse_pages
from inkread.pictures.documents import page_of, pages_of
from inkread.pictures.opening import FilePage, Picture, content_of, name_of, open_picture
from inkread.pictures.page import Page
from inkread.readings import Number, Reading, Refusal, Unread
from inkread.recognition.acceptance import accepted_numbers, refusal, text_confidence, upright_unread
from inkread.recognition.recognise import PageReader, Recognition, finer
from inkread.steps import Steps
from inkread.tables.assembly import tables_of
from inkread.teaching.profiles import DEFAULT_PROFILE, Profile
from inkread.teaching.taught_classifier import TaughtClassifier

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from inkread.expecting import Expect
    from inkread.teaching.lessons import Lesson


class Reader:
    """Reads pictures with one model.

    model: None for the shipped model, "tiny" for the same in 8-bit integers, a model folder, or an `.onnx`, `.keras` or
        `.h5` file.
    threads: how many cores the network may use for one picture.
    profile: whose taught digits count, by name or as a `Profile`; None to read without taught digits.

    Threads may share a reader. Taught digits count from the next reading on, even if another program teaches them.
    Raises `ModelError` for a model that cannot be used, and `OptionError` for an invalid profile name.
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
        self._detector = load_detector(None if model is None else model_path(model))
        self._opened = None if model is None else str(model_path(model).absolute()), threads

    def __reduce__(self) -> tuple[Callable[..., Reader], tuple[str | None, int, Profile | None]]:
        """Return how to open the same model and profile in another process."""
        return _reopened, (*self._opened, self.profile)

    @property
    def card(self) -> Card:
        """The card of the model."""
        return self.classifier.card

    def read(
        self, picture: Picture, *, page: int | None = None, password: str | None = None, **options: Unpack[ReadKeywords]
    ) -> Reading:
        """Return the reading of a picture: a path, bytes, a binary file, a PIL image or an array.

        page: which page of a PDF, a TIFF or an animation, from 1; None for the first.
        password: what opens an encrypted PDF.
        options: as for `inkread.options.ReadOptions`.

        `inkread.pictures.opening.open_picture` describes the arrays. Raises `PictureError` for a picture that cannot be
        opened, `OptionError` for an option out of range or a page that is not there, and `DataError` for a damaged
        profile.
        """
        return self.steps(picture, page=page, password=password, **options).reading

    def read_pages(
        self,
        picture: Picture,
        pages: str | Iterable[int] | None = None,
        password: str | None = None,
        *,
        workers: int | None = None,
        **options: Unpack[ReadKeywords],
    ) -> Iterator[Reading]:
        """Yield the reading of each page of a PDF, a TIFF or an animation; any other picture has one page.

        pages: which pages, from 1, as numbers or as a text such as "1-3,5"; None for all, if there are at most 200.
        workers: how many pages are read at a time; None for one per core.

        The other arguments and the errors are those of `read`.
        """
        found = pages_of(picture, parse_pages(pages), password)
        return self.read_many(found, workers=workers, **options)

    def steps(
        self, picture: Picture, *, page: int | None = None, password: str | None = None, **options: Unpack[ReadKeywords]
    ) -> Steps:
        """Return every step from the picture to its reading, with the arguments and errors of `read`."""
        return self.run(picture, ReadOptions(**options), page=page, password=password)

    def run(
        self, picture: Picture, options: ReadOptions, *, page: int | None = None, password: str | None = None
    ) -> Steps:
        """Return the same as `steps`, with the options as one object."""
        name = name_of(picture)
        # A binary file can be read only once, and the steps may be drawn later.
        if not isinstance(picture, str | os.PathLike | Image.Image | np.ndarray | FilePage):
            picture = content_of(picture, name)
        picture, number = page_of(picture, name, page, password), 1
        if isinstance(picture, FilePage):
            name, number = picture.name, picture.number
        shown, ink, found = self._recognised(picture, name, options)
        if found.turns:
            shown, ink = shown.turned(found.turns), np.ascontiguousarray(np.rot90(ink, found.turns))
        numbers = accepted_numbers(found, shown, self.card, options.notation)
        unread, unfit = upright_unread(found, shown), None
        if options.expectation and numbers:
            numbers, more, unfit = _as_expected(numbers, options, options.expectation)
            unread += more
        confidence = text_confidence(found, numbers, self.card)
        refused = unfit
        if not options.boxes or options.min_confidence is not None:
            refused = unfit or refusal(found, numbers, confidence, self.card, options.min_confidence)
        if refused and refused.code == "no-digit":
            # The non-digits were seen as well.
            unread += tuple(Unread(shown.upright(place.patch.box), "drawing") for place in found.places)
        draw = partial(self._draw, picture, options)
        if refused:
            reading = Reading(name, unread=unread, refused=refused, page=number, _draw=draw)
        else:
            tables, numbers = tables_of(found, numbers, shown)
            reading = Reading(name, numbers, confidence, unread, page=number, tables=tables, _draw=draw)
        patches = tuple(place.patch for place in found.places)
        return Steps(shown, ink, patches, found.glyphs, found.probabilities, self.card, reading)

    def _draw(self, picture: Picture, options: ReadOptions) -> Figure:
        """Return the figure of the steps, after opening the picture again."""
        from inkread.figures.steps import draw_steps

        return draw_steps(self.run(picture, options))

    def teach(
        self,
        label: str | int,
        picture: Picture,
        *,
        box: Sequence[float] | None = None,
        as_: Content = "auto",
        region: Sequence[int] | None = None,
    ) -> tuple[Lesson, ...]:
        """Teach the digits on a picture, and return a lesson for each. Later readings take them into account.

        label: the digits in reading order, such as 7 or "1234".
        box: the place of the one digit that the label is for, as `Digit.box` or as four numbers from JSON; None if the
            label is for everything that is read.
        as_: what the picture holds. Use the value with which such pictures will be read, because the glyphs depend on
            it.
        region: the part of the picture that is read, in pixels of the upright picture; None for the whole picture.

        If the same digit was taught with another label before, `Lesson.instead_of` is that label.

        Raises the errors of `read`; `PictureError` for a picture with another number of digits; `OptionError` for an
        invalid label or box, or a reader without a profile; `ModelError` for a network without the output `features`;
        and `DataError` if the profile cannot be written. In all these cases nothing is taught.
        """
        from inkread.teaching.lessons import box_of, digits_of, lessons_of

        # An invalid label is refused before the picture is read.
        digits_of(label)
        place = None if box is None else box_of(box)
        return self.teach_lessons(lessons_of(self.steps(picture, as_=as_, region=region), label, box=place))

    def teach_lessons(self, lessons: Iterable[Lesson]) -> tuple[Lesson, ...]:
        """Teach lessons that exist already, all or none, and return them as they are stored."""
        return tuple(self.classifier.learn(list(lessons)))

    def _recognised(
        self, picture: Picture, name: str, options: ReadOptions
    ) -> tuple[Page, NDArray[np.float32], Recognition]:
        """Return a picture's page, its ink and its digits. A picture with small digits gets a larger page."""
        reader = PageReader(self._detector, self.classifier, options.print_)
        region = None if options.region is None else Box(*options.region)
        page = open_picture(picture, name, region=region)
        ink, found = reader.read(page, options.as_)
        if pixels := finer(page, found):
            page = open_picture(picture, name, pixels=pixels, region=region)
            ink, found = reader.read(page, options.as_)
        if options.boxes is not None:
            shown = page.turned(found.turns)
            boxes = np.array([shown.located(Box(*map(int, box))) for box in options.boxes], np.float32).reshape(-1, 4)
            boxes[:, 2:] += boxes[:, :2]
            placed = reader.read_at(page, ink, boxes, found.turns, options.as_)
            found = replace(placed, unread=_not_under(found.unread, boxes))
        return page, ink, found

    @overload
    def read_many(
        self,
        pictures: Iterable[Picture],
        *,
        workers: int | None = None,
        errors: Literal["raise"] = "raise",
        **options: Unpack[ReadKeywords],
    ) -> Iterator[Reading]: ...

    @overload
    def read_many(
        self,
        pictures: Iterable[Picture],
        *,
        workers: int | None = None,
        errors: Literal["yield"],
        **options: Unpack[ReadKeywords],
    ) -> Iterator[Reading | PictureError]: ...

    def read_many(
        self,
        pictures: Iterable[Picture],
        *,
        workers: int | None = None,
        errors: Literal["raise", "yield"] = "raise",
        **options: Unpack[ReadKeywords],
    ) -> Iterator[Reading | PictureError]:
        """Yield the reading of each picture, in order, reading several at a time.

        workers: how many pictures are read at a time; None for one per core.
        errors: what happens when it is the turn of a picture that cannot be opened. "raise": its `PictureError` is
            raised, and no further picture is read. "yield": the error is yielded in its place.
        options: as for `inkread.options.ReadOptions`.

        Only a few pictures are in memory at a time. Raises the other errors of `read`.
        """
        if errors not in ("raise", "yield"):
            raise OptionError(f"errors={errors!r}: this is 'raise' or 'yield'")
        outcomes = self.run_many(pictures, ReadOptions(**options), workers=workers)
        return outcomes if errors == "yield" else _raising(outcomes)

    def run_many(
        self, pictures: Iterable[Picture], options: ReadOptions, *, workers: int | None = None
    ) -> Iterator[Reading | PictureError]:
        """Yield the same as `read_many` with `errors="yield"`, with the options as one object."""
        workers = os.cpu_count() or 1 if workers is None else workers
        if workers < 1:
            raise OptionError(f"workers={workers}: at least one picture is read at a time")

        def attempt(picture: Picture) -> Reading | PictureError:
            try:
                return self.run(picture, options).reading
            except PictureError as error:
                return error

        return _in_order(attempt, pictures, workers=workers)


def _reopened(model: str | None, threads: int, profile: Profile | None) -> Reader:
    return Reader(model, threads=threads, profile=profile)


def _not_under(unread: Iterable[Unread], boxes: NDArray[np.float32]) -> tuple[Unread, ...]:
    """Return the places that were not read and whose middles are not under any of N boxes, (N, 4) edges."""
    kept = []
    for place in unread:
        x, y, w, h = place.box
        under = (boxes[:, :2] <= (x + w / 2, y + h / 2)) & (boxes[:, 2:] >= (x + w / 2, y + h / 2))
        if not under.all(axis=1).any():
            kept.append(place)
    return tuple(kept)


def _raising(outcomes: Iterable[Reading | PictureError]) -> Iterator[Reading]:
    """Yield readings, and raise the first error."""
    for outcome in outcomes:
        if isinstance(outcome, PictureError):
            raise outcome
        yield outcome


def _as_expected(
    numbers: tuple[Number, ...], options: ReadOptions, expect: Expect
) -> tuple[tuple[Number, ...], tuple[Unread, ...], Refusal | None]:
    """Return the numbers that fit what is expected, what is then not read, and a refusal if one of them cannot fit."""
    # Few readings have an expectation, and all others do without this import.
    from inkread.expecting.fitting import fit_numbers

    fitted = fit_numbers(numbers, expect, options.notation, together=options.as_ == "number")
    if fitted.unfit is None:
        return fitted.numbers, fitted.unread, None
    message = f"{fitted.unfit} is the likeliest text, and nothing legible fits {expect.describe()}"
    return numbers, (), Refusal("unfit", message)


def _in_order(
    attempt: Callable[[Picture], Reading | PictureError], pictures: Iterable[Picture], *, workers: int
) -> Iterator[Reading | PictureError]:
    """Yield the result of `attempt` for each picture, in order, using `workers` threads and few pictures ahead."""
    own = set[int]()
    pool = ThreadPoolExecutor(workers, initializer=lambda: own.add(get_ident()))
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
        # If a caller leaves early, Python may collect this in any thread, and one of the pool cannot wait for itself.
        pool.shutdown(wait=get_ident() not in own, cancel_futures=True)
