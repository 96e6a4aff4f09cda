"""The endpoints of the REST interface."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from typing import Annotated, Any, TypeVar

from fastapi import Header, Query
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

import inkread
from inkread.errors import PictureError
from inkread.reader import Reader
from inkread.readings import Content
from inkread.web.answers import Question, answer, encoded, failure
from inkread.web.desk import Desk
from inkread.web.metrics import Metrics
from inkread.web.problems import Problem, problem_of
from inkread.web.uploads import Upload, uploads_of

Result = TypeVar("Result")


class Service:
    """Answers requests, with one reader, at one desk."""

    def __init__(self, reader: Reader, desk: Desk, metrics: Metrics) -> None:
        self.reader = reader
        self.desk = desk
        self.metrics = metrics

    async def read(
        self,
        request: Request,
        as_: Annotated[
            Content, Query(alias="as", description="What a picture holds; `auto` finds out.", examples=["digit"])
        ] = "auto",
        min_confidence: Annotated[
            float | None,
            Query(ge=0, le=1, description="A less sure reading is refused; left out, the model's card says."),
        ] = None,
        steps: Annotated[int, Query(ge=0, le=1, description="1: what lies between picture and answer, too.")] = 0,
        page: Annotated[int, Query(ge=0, le=1, description="1: the upright picture, too; brings `steps`.")] = 0,
        x_picture_name: Annotated[
            str, Header(description="How the answer names the picture: percent-encoded UTF-8.", examples=["7.jpg"])
        ] = "",
    ) -> Response:
        """Read the digits on a picture: the body, or the files of a form.

        The answer is the object that `inkread read --format json` prints; for several files a list of such objects,
        in which one that cannot be read has an `error` in its place. A refusal is an answer, too.
        """
        question = Question(as_, min_confidence, steps=bool(steps), page=bool(page))
        self.desk.check()  # before anything is taken in
        with self.desk.holding() as hold:
            uploads = await uploads_of(request, x_picture_name, self.desk.limits, hold)
            reading = self._one(uploads[0], question) if len(uploads) == 1 else self._each(uploads, question)
            return _json(await _unless_gone(request, reading))

    async def model(self) -> Response:
        """Tell how the model that reads was made and how good it is: its card."""
        return _json(encoded(self.reader.card.to_dict()))

    async def health(self) -> Response:
        """Tell that the service is there, its version and its limits."""
        limits = self.desk.limits.to_dict()
        return _json(encoded({"status": "ok", "version": inkread.__version__, "limits": limits}))

    async def numbers(self) -> Response:
        """Tell Prometheus what was counted."""
        return Response(self.metrics.text(), media_type=CONTENT_TYPE_LATEST)

    async def _each(self, uploads: list[Upload], question: Question) -> bytes:
        """Return the list of answers; the pictures queue one after the other, so that others get their turn."""
        answers = []
        for upload in uploads:
            try:
                answers.append(await self._answer(upload, question))
            except Problem as problem:
                answers.append(failure(upload, problem))
        return encoded(answers)

    async def _one(self, upload: Upload, question: Question) -> bytes:
        return encoded(await self._answer(upload, question))

    async def _answer(self, upload: Upload, question: Question) -> dict[str, Any]:
        """Return the JSON object of a picture. Raises `Problem` where there is none."""
        outcome = "gone"  # the client, unless it is still there in the end
        try:
            found = await self.desk.run(lambda: self._read(upload, question))
            outcome = found["refused"]["code"] if found["refused"] else "read"
        except Problem as problem:
            outcome = problem.code
            raise
        finally:
            self.metrics.pictures.labels(outcome).inc()
        return found

    def _read(self, upload: Upload, question: Question) -> dict[str, Any]:
        began = time.perf_counter()
        try:
            return answer(self.reader, upload, question)
        except PictureError as error:
            raise problem_of(error) from None
        finally:
            self.metrics.reading_seconds.observe(time.perf_counter() - began)


def _json(content: bytes) -> Response:
    return Response(content, media_type="application/json")


async def _unless_gone(request: Request, work: Coroutine[Any, Any, Result]) -> Result:
    """Return what `work` returns; cancel it, and raise `ClientDisconnect`, when the client goes away before."""
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
