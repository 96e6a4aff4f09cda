"""The reader: owns a model and runs the way from a picture to its reading."""

from __future__ import annotations

import itertools
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inkread.decoding import best_path
from inkread.errors import OptionError, PictureError
from inkread.models.card import Card
from inkread.models.classifier import CLASSES, NO_DIGIT
from inkread.pictures.glyphs import SIDE, normalise
from inkread.pictures.ink import find_ink
from inkread.pictures.layout import Patch, find_digit
from inkread.pictures.opening import Picture, content_of, name_of, open_picture
from inkread.pictures.page import Page
from inkread.pictures.rows import find_rows, parts_of, writing
from inkread.readings import Box, Digit, Reading, Refusal
from inkread.scores import given_a_digit
from inkread.teaching.profiles import DEFAULT_PROFILE, Profile
from inkread.teaching.pupil import Pupil

if TYPE_CHECKING:
    from inkread.teaching.lessons import Lesson

Content = Literal["auto", "digit", "number", "sheet"]
"""What a picture holds: one digit, digits in one row, or rows of them. "auto" finds out."""

_NEARLY_ALL = 0.8  # share of a page's ink that a digit takes which is alone on it
_DIGITS_TO_TURN = 3  # fewer digits do not tell which way up a page is
_MOST_TO_TURN = 400  # and a page with more does not fail to be read for being turned alone
_FLUENT = 0.8  # a page whose digits are this likely in the mean is the right way up
_TURN = 1.25  # so many times likelier they have to be for a page to be turned


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


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a digit stands: its ink, its row on the page, and which number of that row it belongs to."""

    patch: Patch
    row: int
    number: int


@dataclass(frozen=True, slots=True)
class _Found:
    """The digits of a page with their glyphs, (N, 28, 28), and probabilities, (N, 11), and how much else there is."""

    places: tuple[_Place, ...]
    glyphs: NDArray[np.float32]
    probabilities: NDArray[np.float32]
    others: int


_NOTHING = _Found((), np.zeros((0, SIDE, SIDE), np.float32), np.zeros((0, CLASSES + 1), np.float32), 0)


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
        self.classifier = Pupil(model, threads=threads, profile=self.profile)

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
        ink = find_ink(page)
        found = self._found(ink, as_)
        if as_ != "digit" and (turns := self._turns(ink, found)):
            page, ink = page.turned(turns), np.ascontiguousarray(np.rot90(ink, turns))
            found = self._found(ink, as_)
        digits = _decode(found, page)
        refusal = _refusal(found, digits, self.card, min_confidence)
        retrace = partial(self.steps, picture, as_=as_, min_confidence=min_confidence)
        if refusal:
            reading = Reading(name, refused=refusal, _retrace=retrace)
        else:
            reading = Reading(name, digits, _confidence(digits), _retrace=retrace)
        patches = tuple(place.patch for place in found.places)
        return Steps(page, ink, patches, found.glyphs, found.probabilities, self.card, reading)

    def teach(
        self, label: str | int, picture: Picture, *, box: Box | None = None, as_: Content = "auto"
    ) -> tuple[Lesson, ...]:
        """Teach what is written on a picture, and return a lesson for each digit; from now on it is read so.

        label: its digits in reading order, such as 7 or "1234".
        box: where the one digit stands that the label is for, as `Digit.box` gives it; None for all of the picture.
        as_: what the picture holds; as it will be read, or its digits may look otherwise to the network.

        `Lesson.instead_of` is the label that the same digit was taught with before, if it was another one.

        Raises what `read` raises; `PictureError` where the picture does not have so many digits, `OptionError` for a
        label that is none and a reader without a profile, `ModelError` for a network that gives no features, and
        `DataError` where the profile cannot be written. Then nothing is taught.
        """
        from inkread.teaching.gathering import digits_of, lessons_of

        digits_of(label)  # before the picture is read
        return self.teach_lessons(lessons_of(self.steps(picture, as_=as_), label, box=box))

    def teach_lessons(self, lessons: Iterable[Lesson]) -> tuple[Lesson, ...]:
        """Teach lessons that are made already, by their glyphs, all or none; return them as they are kept."""
        return tuple(self.classifier.learn(list(lessons)))

    def _found(self, ink: NDArray[np.float32], as_: Content) -> _Found:
        """Return what is written on a page: one digit, or the best path through each of its rows."""
        if as_ == "digit":
            return self._single(ink) or _NOTHING
        found, score = self._in_rows(ink, single_row=as_ == "number")
        if as_ != "auto" or len(found.places) + found.others == 1:
            return found
        # A digit in pieces, chalk on rough paper, may fall into several rows of what is no digit.
        single = self._single(ink)
        if single is None or not _holds_most(single, ink):
            return found
        likely, none = float(single.probabilities[0, :CLASSES].max()), float(single.probabilities[0, NO_DIGIT])
        return single if likely > np.exp(score) and none <= self.card.no_digit else found

    def _single(self, ink: NDArray[np.float32]) -> _Found | None:
        """Return the digit of a page that holds one; None without ink."""
        patch = find_digit(writing(ink))
        if patch is None:
            return None
        glyphs = normalise([patch.ink])
        return _Found((_Place(patch, 0, 0),), glyphs, self.classifier.classify(glyphs), others=0)

    def _in_rows(self, ink: NDArray[np.float32], *, single_row: bool) -> tuple[_Found, float]:
        """Return the best path through each row of a page, and the log probability of all of them."""
        rows = find_rows(ink, single_row=single_row)
        spans = [(number, span) for number, row in enumerate(rows) for span in row.spans]
        glyphs = normalise([rows[number].spans[span].ink for number, span in spans])
        probabilities = self.classifier.classify(glyphs)
        index = {key: at for at, key in enumerate(spans)}
        chosen: list[int] = []
        places: list[_Place] = []
        others, score = 0, 0.0
        for number, row in enumerate(rows):
            path = best_path(row, {span: probabilities[index[number, span]] for span in row.spans})
            others += len(path.passed)
            score += path.score
            chosen += [index[number, span] for span in path.spans]
            patches = [row.spans[span] for span in path.spans]
            places += [_Place(patch, number, part) for patch, part in zip(patches, parts_of(patches, row), strict=True)]
        if not places and spans:  # nothing is a digit; the steps show the heaviest of what was taken for none
            patches = [rows[number].spans[span] for number, span in spans]
            heaviest = max(range(len(patches)), key=lambda at: float(patches[at].ink.sum()))
            chosen, places = [heaviest], [_Place(patches[heaviest], 0, 0)]
        return _Found(tuple(places), glyphs[chosen], probabilities[chosen], others), score

    def _turns(self, ink: NDArray[np.float32], found: _Found) -> int:
        """Return by how many quarter turns, against the clock, a page is to be turned: 0 where it is upright.

        A page that reads badly as it is may have been photographed from the side, so it is read turned each way. Few
        digits tell little, and a single 6 or 9 nothing.
        """
        count = len(found.places) + found.others
        if min(ink.shape) < SIDE:  # too narrow for a digit, however it is turned
            return 0
        if not _DIGITS_TO_TURN <= count <= _MOST_TO_TURN or _fluency(found) > _FLUENT:
            return 0
        turned = [self._in_rows(np.ascontiguousarray(np.rot90(ink, turns)), single_row=False)[0] for turns in (1, 2, 3)]
        fluency = [_fluency(way) for way in turned]
        best = int(np.argmax(fluency))
        return best + 1 if fluency[best] > max(_FLUENT, _TURN * _fluency(found)) else 0

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


def _holds_most(single: _Found, ink: NDArray[np.float32]) -> bool:
    """Tell whether one digit is nearly all that is written on a page."""
    return float(single.places[0].patch.ink.sum()) > _NEARLY_ALL * float(ink.sum())


def _fluency(found: _Found) -> float:
    """Return the mean probability of the digits of a page, what is no digit counting 0."""
    return float(found.probabilities[:, :CLASSES].max(axis=1).sum()) / max(1, len(found.places) + found.others)


def _decode(found: _Found, page: Page) -> tuple[Digit, ...]:
    """Return the digits of what was found, with their boxes in pixels of the upright picture.

    Their own ten probabilities are those of a digit, given that it is one.
    """
    given = given_a_digit(found.probabilities)
    lines = {row: line for line, row in enumerate(sorted({place.row for place in found.places}))}
    return tuple(
        Digit(
            digit=int(row.argmax()),
            confidence=round(float(row.max()), 6),
            probabilities=tuple(round(float(p), 6) for p in row),
            box=_upright_box(place.patch, page),
            line=lines[place.row],
            number=place.number,
        )
        for row, place in zip(given, found.places, strict=True)
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


def _refusal(found: _Found, digits: tuple[Digit, ...], card: Card, min_confidence: float | None) -> Refusal | None:
    """Return why digits are not to be read, or None where they are."""
    if not digits:
        return Refusal("blank", "there is no writing on this picture")
    none = found.probabilities[:, NO_DIGIT]
    if found.others > len(digits) or float(np.median(none)) > card.no_digit:
        return Refusal("no-digit", "what is on this picture does not look like a digit")
    confidence = _confidence(digits)
    # Of a long text some digit is always unsure; the card speaks of digits, the caller of the text.
    judged, least = (
        (float(np.median([digit.confidence for digit in digits])), card.min_confidence)
        if min_confidence is None
        else (confidence, min_confidence)
    )
    if judged >= least:
        return None
    first = min(digits, key=lambda digit: digit.confidence)
    second = int(np.argsort(first.probabilities)[-2])
    return Refusal(
        "unsure", f"{first.digit} or {second}, but only {judged:.1%} sure where {100 * least:g} % are asked for"
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
