"""The endpoints of the REST interface, except those for taught digits."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from functools import partial
from typing import Annotated, Any, TypeVar
from urllib.parse import unquote

import cv2
import numpy as np
from fastapi import Header, Query
from numpy.typing import NDArray
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

import inkread
from inkread.errors import OptionError
from inkread.expecting import CheckName, expectation
from inkread.explaining import Layer, explain
from inkread.glyphs import CLASSES
from inkread.options import (
    CHECK_HELP,
    DECIMAL_HELP,
    EXPECT_HELP,
    MAX_HELP,
    MIN_HELP,
    ORDER_HELP,
    PAGES_HELP,
    Content,
    PageRanges,
    Print,
    ReadOptions,
    parse_boxes,
    parse_pages,
    parse_region,
)
from inkread.pictures.documents import MAX_PAGES, MOST_PAGES, pages_of
from inkread.pictures.opening import FilePage, Picture, name_of
from inkread.reader import Reader
from inkread.steps import Steps
from inkread.teaching.profiles import Profile
from inkread.values import DateOrder, DecimalMark
from inkread.web.metrics import Metrics
from inkread.web.problems import Problem, as_problems
from inkread.web.uploads import Upload, uploads_of
from inkread.web.work_queue import WorkQueue

Result = TypeVar("Result")


ContentQuery = Annotated[
    Content, Query(alias="as", description="What a picture contains. `auto` detects it.", examples=["digit"])
]
PrintQuery = Annotated[
    Print,
    Query(
        alias="print",
        description="Whether printed digits are read. `auto`: only if nothing on the picture is written by hand.",
        examples=["skip"],
    ),
]
RegionQuery = Annotated[
    str | None,
    Query(
        pattern="^[0-9]{1,6},[0-9]{1,6}(,[1-9][0-9]{0,5}){2}$",
        description="The part of each picture that is read: left and top edge, width and height, in pixels of the "
        "upright picture. Default: the whole picture.",
        examples=["120,40,300,80"],
    ),
]
BoxesQuery = Annotated[
    str | None,
    Query(
        pattern="^([0-9]{1,6}(,[0-9]{1,6}){3}(;[0-9]{1,6}(,[0-9]{1,6}){3})*)?$",
        max_length=50_000,
        description="Where the digits are, if somebody has chosen the places: x,y,w,h of each, separated by `;`, in "
        "pixels of the upright picture. No other digit is read then. Default: they are found.",
        examples=["193,237,213,306;420,237,180,306"],
    ),
]
DecimalQuery = Annotated[DecimalMark | None, Query(description=DECIMAL_HELP, examples=[","])]
OrderQuery = Annotated[DateOrder | None, Query(description=ORDER_HELP, examples=["DMY"])]
ExpectQuery = Annotated[str | None, Query(max_length=500, description=EXPECT_HELP, examples=["\\d{4}"])]
AllowedQuery = Annotated[
    list[Annotated[str, Query(max_length=100)]] | None,
    Query(
        max_length=1000,
        description="A number that is possible; repeat it for each one, as in `allowed=1041&allowed=1042`. No other "
        "number is read then.",
        examples=[["1041", "1042"]],
    ),
]
PagesQuery = Annotated[
    str | None,
    Query(max_length=200, description=PAGES_HELP.replace("'", "`"), examples=["1-3,5"]),
]
PageQuery = Annotated[
    int | None,
    Query(
        ge=1,
        le=MOST_PAGES,
        description="Which page of a PDF, a TIFF or an animation is read, counted from 1. Default: all of them, if "
        f"there are at most {MAX_PAGES}.",
        examples=[2],
    ),
]
OnePageQuery = Annotated[
    int,
    Query(
        ge=1, le=MOST_PAGES, description="Which page of a PDF, a TIFF or an animation, counted from 1.", examples=[2]
    ),
]
PictureName = Annotated[
    str, Header(description="The name of the picture in the answer, as percent-encoded UTF-8.", examples=["7.jpg"])
]
PicturePassword = Annotated[
    str,
    Header(
        max_length=1000,
        description="What opens an encrypted PDF, as percent-encoded UTF-8; other pictures ignore it. A header, since "
        "addresses are logged.",
        examples=["secret"],
    ),
]


class Service:
    """Answers requests with one reader.

    queue: the queue for reading pictures.
    background: the queue for everything else, with one thread, so that reading is not held up.
    taught: the profile that clients may see and change; None if they may not.
    reviews: how many tables can be reviewed on the page.
    """

    def __init__(
        self,
        reader: Reader,
        queue: WorkQueue,
        background: WorkQueue,
        metrics: Metrics,
        *,
        taught: Profile | None,
        reviews: int = 0,
    ) -> None:
        self.reader = reader
        self.queue = queue
        self.background = background
        self.metrics = metrics
        self.taught = taught
        self.reviews = reviews

    async def read(
        self,
        request: Request,
        as_: ContentQuery = "auto",
        min_confidence: Annotated[
            float | None,
            Query(
                ge=0,
                le=1,
                description="Readings with a lower confidence are refused. Default: the value on the model's card.",
            ),
        ] = None,
        print_: PrintQuery = "auto",
        region: RegionQuery = None,
        decimal: DecimalQuery = None,
        order: OrderQuery = None,
        expect: ExpectQuery = None,
        minimum: Annotated[float | None, Query(alias="min", description=MIN_HELP, allow_inf_nan=False)] = None,
        maximum: Annotated[float | None, Query(alias="max", description=MAX_HELP, allow_inf_nan=False)] = None,
        allowed: AllowedQuery = None,
        boxes: BoxesQuery = None,
        check: Annotated[CheckName | None, Query(description=CHECK_HELP, examples=["luhn"])] = None,
        pages: PagesQuery = None,
        page: PageQuery = None,
        steps: Annotated[int, Query(ge=0, le=1, description="1: include the steps between picture and answer.")] = 0,
        picture: Annotated[int, Query(ge=0, le=1, description="1: include the upright picture and the steps.")] = 0,
        x_picture_name: PictureName = "",
        x_picture_password: PicturePassword = "",
    ) -> Response:
        """Read the numbers on a picture, which is the body or a file of a form.

        The answer is the object that `inkread read --format json` prints. For several files, and for a PDF, a TIFF or
        an animation with several pages, it is a list of such objects. `pages` chooses some of them. With `page`, only
        this page of each file is read, and the answer says in `pages` how many there are. A file or page that cannot be
        read has an `error` in the list. A refusal counts as an answer.
        """
        with as_problems():
            expected = expectation(expect, minimum, maximum, values=allowed, check=check)
            chosen = parse_pages(pages)
            if pages is not None and page is not None:
                raise OptionError("pages and page do not go together; give one of them")
            at = parse_boxes(boxes)
            options = ReadOptions(as_, min_confidence, print_, parse_region(region), decimal, order, expected, at)
        password = password_of(x_picture_password)
        question = Question(options, page, password, chosen, steps=bool(steps), picture=bool(picture))
        self.queue.check()
        with self.queue.holding() as hold:
            uploads = await uploads_of(request, x_picture_name, self.queue.limits, hold)
            reading = self._pages(uploads[0], question) if len(uploads) == 1 else self._files(uploads, question)
            found = await _unless_gone(request, reading)
            single = len(uploads) == len(found) == 1 and pages is None
            return json_answer(encode(found[0] if single else found))

    async def answer_about(
        self, request: Request, name: str, outcome: str, work: Callable[[Upload], dict[str, Any]], *, status: int = 200
    ) -> Response:
        """Run `work` on the one picture of a request in the background queue, and return its result as a response.

        name: the percent-encoded name of the picture.
        outcome: the outcome in the metrics, unless there is a problem.
        """
        self.background.check()
        with self.queue.holding() as hold:
            uploads = await uploads_of(request, name, self.queue.limits, hold)
            if len(uploads) > 1:
                raise Problem("bad-form", "The form holds several pictures; send one at a time.")
            done = self._run_counted(self.background, partial(work, uploads[0]), lambda _: outcome)
            return json_answer(encode(await _unless_gone(request, done)), status=status)

    async def model(self) -> Response:
        """Return the card of the model, which says how it was made and how good it is."""
        return json_answer(encode(self.reader.card.to_dict()))

    async def health(self) -> Response:
        """Return that the service is running, its version, its limits, and what the page can do besides reading."""
        about = {"version": inkread.__version__, "teaching": self.taught is not None, "reviews": self.reviews}
        return json_answer(encode({"status": "ok", **about, "limits": self.queue.limits.to_dict()}))

    async def numbers(self) -> Response:
        """Return the metrics in the text format of Prometheus."""
        return Response(self.metrics.text(), media_type=CONTENT_TYPE_LATEST)

    async def _files(self, uploads: list[Upload], question: Question) -> list[dict[str, Any]]:
        """Return the answers for several files."""
        answers = []
        for upload in uploads:
            try:
                answers += await self._pages(upload, question)
            except Problem as problem:
                answers.append(failure(upload.name, problem))
        return answers

    async def _pages(self, upload: Upload, question: Question) -> list[dict[str, Any]]:
        """Return the answers for the pages of a file. Raises `Problem` if it, or the only page, cannot be read.

        Only one page is queued at a time, so that other requests get their turn.
        """
        pages: list[Picture] = []

        def first() -> dict[str, Any]:
            chosen = pages_of(upload.file(), question.ranges, question.password)
            if len(chosen) > MAX_PAGES:
                few = f"choose at most {MAX_PAGES} pages in a request"
                raise Problem("too-many-pages", f"{upload.name}: {len(chosen):,} pages are chosen; {few}")
            pages.extend(chosen)
            return answer(self.reader, pages[0], question)

        answers: list[dict[str, Any]] = []
        work: Callable[[], dict[str, Any]] = first
        while True:
            try:
                answers.append(await self._answer(work))
            except Problem as problem:
                if len(pages) < 2:
                    raise
                answers.append(failure(name_of(pages[len(answers)]), problem))
            if len(answers) == len(pages):
                return answers
            work = partial(answer, self.reader, pages[len(answers)], question)

    async def _answer(self, work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Return the JSON object that `work` makes of a picture. Raises `Problem` if it cannot be read."""

        def outcome(found: dict[str, Any]) -> str:
            return str(found["refused"]["code"]) if found["refused"] else "read"

        return await self._run_counted(self.queue, lambda: self._timed(work), outcome)

    async def _run_counted(
        self, queue: WorkQueue, work: Callable[[], dict[str, Any]], outcome: Callable[[dict[str, Any]], str]
    ) -> dict[str, Any]:
        """Run `work` in a thread of a queue, return its result, and count the outcome in the metrics."""
        # The outcome is "gone" if the client disconnects.
        counted = "gone"
        try:
            found = await queue.run(work)
            counted = outcome(found)
        except Problem as problem:
            counted = problem.code
            raise
        finally:
            self.metrics.pictures.labels(counted).inc()
        return found

    def _timed(self, work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        began = time.perf_counter()
        try:
            with as_problems():
                return work()
        finally:
            self.metrics.reading_seconds.observe(time.perf_counter() - began)


def password_of(header: str) -> str | None:
    """Return the password in a header; None if there is none."""
    return unquote(header) or None


def json_answer(content: bytes, *, status: int = 200) -> Response:
    """Return a response with JSON."""
    return Response(content, status, media_type="application/json")


async def _unless_gone(request: Request, work: Coroutine[Any, Any, Result]) -> Result:
    """Return the result of `work`. If the client disconnects first, cancel it and raise `ClientDisconnect`."""
    working = asyncio.ensure_future(work)
    going = asyncio.ensure_future(request.receive())
    try:
        await asyncio.wait({working, going}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientDisconnect
        return working.result()
    finally:
        working.cancel()
        going.cancel()


_QUICK = [cv2.IMWRITE_PNG_COMPRESSION, 1]
"""Fast compression, since these images are sent once and not stored."""

_GOOD = [cv2.IMWRITE_JPEG_QUALITY, 85]


@dataclass(frozen=True, slots=True)
class Question:
    """The options of a request. See `Reader.read`, and docs/web.md for the pages, `steps` and `picture`."""

    options: ReadOptions = field(default_factory=ReadOptions)
    page: int | None = None
    password: str | None = field(default=None, repr=False)
    pages: PageRanges | None = None
    steps: bool = False
    picture: bool = False

    @property
    def ranges(self) -> PageRanges | None:
        """The pages that are read."""
        return self.pages if self.page is None else ((self.page, self.page),)


def answer(reader: Reader, picture: Picture, question: Question) -> dict[str, Any]:
    """Return the JSON object of a picture's reading. Raises `PictureError` if it is not a picture."""
    steps = reader.run(picture, question.options)
    reading = steps.reading.to_dict()
    if question.page is not None:
        reading["pages"] = picture.of if isinstance(picture, FilePage) else 1
    if question.steps or question.picture:
        reading["steps"] = _describe_steps(steps, picture=question.picture)
    return reading


def failure(name: str, problem: Problem) -> dict[str, Any]:
    """Return the JSON object for a picture that could not be read, as the command line prints it."""
    return {"picture": name, "error": {"code": problem.code, "message": problem.detail}}


def encode(value: object) -> bytes:
    """Return a value as JSON."""
    return json.dumps(value, ensure_ascii=False).encode()


def _describe_steps(steps: Steps, *, picture: bool) -> dict[str, Any]:
    """Return the steps between a picture and its reading, with images in base64."""
    shown: dict[str, Any] = {
        "size": list(steps.page.size),
        "corner": list(steps.page.corner),
        "ink": {"png": png(1 - steps.ink)},
        "glyphs": [
            {"png": png(glyph), "probabilities": [round(float(p), 6) for p in row], "box": list(box)}
            for glyph, row, box in zip(steps.glyphs, steps.probabilities, steps.boxes, strict=True)
        ],
    }
    if picture:
        shown["picture"] = {"jpeg": _base64(cv2.imencode(".jpg", steps.page.colour[..., ::-1], _GOOD)[1])}
    return shown


def png(image: NDArray[np.float32]) -> str:
    """Return a grey image, (H, W) from 0 to 1, as PNG in base64."""
    return _base64(cv2.imencode(".png", np.rint(255 * image).astype(np.uint8), _QUICK)[1])


def _base64(content: NDArray[np.uint8]) -> str:
    return base64.b64encode(content.tobytes()).decode("ascii")


class Explaining:
    """Explains the answers of a service's reader, by its network alone."""

    def __init__(self, service: Service) -> None:
        self.service = service

    async def explain(
        self,
        request: Request,
        digit: Annotated[
            int | None,
            Query(
                ge=1,
                le=100_000,
                description="Which digit to explain, counted from 1 in reading order. Default: the one with the lowest "
                "confidence.",
            ),
        ] = None,
        as_: ContentQuery = "auto",
        print_: PrintQuery = "auto",
        region: RegionQuery = None,
        boxes: BoxesQuery = None,
        page: OnePageQuery = 1,
        x_picture_name: PictureName = "",
        x_picture_password: PicturePassword = "",
    ) -> Response:
        """Explain why a digit of a picture is read the way it is.

        The answer has the keys that `inkread explain --format json` prints, and more. It explains the network alone.
        `read_as` is the answer with taught digits taken into account.
        """
        with as_problems():
            options = ReadOptions(as_, print_=print_, region=parse_region(region), boxes=parse_boxes(boxes))
        question = Question(options, page, password_of(x_picture_password))

        def work(upload: Upload) -> dict[str, Any]:
            with as_problems():
                return self._explain(upload, question, digit)

        return await self.service.answer_about(request, x_picture_name, "explained", work)

    def _explain(self, upload: Upload, question: Question, digit: int | None) -> dict[str, Any]:
        reader = self.service.reader
        steps = reader.run(upload.file(), question.options, page=question.page, password=question.password)
        explanation = explain(steps, reader.classifier.network, digit=digit)
        told = explanation.to_dict()
        told["layers"] = [_describe_layer(layer) for layer in explanation.layers]
        if change := explanation.change:
            glyph = np.round(change.glyph.astype(np.float64), 3).tolist()
            told["change"] |= {"words": change.words, "glyph": glyph}
        return told


def _describe_layer(layer: Layer) -> dict[str, Any]:
    """Return the JSON object of a layer: its maps from top to bottom, the largest response first, or its numbers."""
    told: dict[str, Any] = {"kind": layer.kind, "window": list(layer.window), "shape": list(layer.values.shape)}
    if not layer.has_maps and len(layer.values) <= CLASSES + 1:
        return {**told, "values": np.round(layer.values.astype(np.float64), 4).tolist()}
    response = np.maximum(layer.values, 0)
    response = np.asarray(response / max(float(response.max()), 1e-6), np.float32)
    if layer.has_maps:
        return {**told, "largest": layer.order.tolist(), "png": png(np.vstack(list(response[layer.order])))}
    return {**told, "png": png(response[None])}
