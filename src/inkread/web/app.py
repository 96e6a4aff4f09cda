"""The application: the page, the REST interface, and the desk that reads for them."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Collection, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any, TypeVar

from fastapi import FastAPI, Query
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.staticfiles import StaticFiles

import inkread
from inkread.errors import PictureError
from inkread.reader import Content, Reader
from inkread.web.answers import Question, answer, encoded, failure
from inkread.web.desk import Desk
from inkread.web.guard import Guard
from inkread.web.limits import Limits
from inkread.web.metrics import Metrics
from inkread.web.problems import Problem, problem_answer, problem_of
from inkread.web.uploads import Upload, uploads_of

STATIC = Path(__file__).parent / "static"

Result = TypeVar("Result")


def make_app(
    model: str | os.PathLike[str] | None = None,
    *,
    limits: Limits | None = None,
    threads: int = 2,
    hosts: Collection[str] | None = None,
) -> FastAPI:
    """Return the application of one worker.

    model: as `Reader` takes it.
    threads: pictures that are read at a time.
    hosts: the names under which the service may be asked, None for any.

    Raises `ModelError` for a model that cannot be used.
    """
    limits = limits or Limits()
    metrics = Metrics()
    service = _Service(Reader(model), Desk(limits, threads=threads), metrics)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        service.desk.close()

    app = FastAPI(title="inkread", version=inkread.__version__, docs_url=None, redoc_url=None, lifespan=lifespan)
    app.add_middleware(Guard, limits=limits, metrics=metrics, hosts=hosts)
    app.add_exception_handler(Problem, _tell)
    app.add_exception_handler(HTTPException, _tell_http)
    app.add_exception_handler(RequestValidationError, _tell_option)
    app.post("/api/read")(service.read)
    app.get("/api/model")(service.model)
    app.get("/api/health")(service.health)
    app.get("/metrics")(service.metrics_text)
    page = GZipMiddleware(StaticFiles(directory=STATIC, html=True))
    app.router.routes.append(Route("/", page))
    app.mount("/static", page)
    return app


class _Service:
    """The endpoints."""

    def __init__(self, reader: Reader, desk: Desk, metrics: Metrics) -> None:
        self.reader = reader
        self.desk = desk
        self.metrics = metrics

    async def read(
        self,
        request: Request,
        as_: Annotated[Content, Query(alias="as")] = "auto",
        min_confidence: Annotated[float | None, Query(ge=0, le=1)] = None,
        steps: Annotated[int, Query(ge=0, le=1)] = 0,
        page: Annotated[int, Query(ge=0, le=1)] = 0,
    ) -> Response:
        """Read the digits on a picture, or on each of several."""
        question = Question(as_, min_confidence, steps=bool(steps), page=bool(page))
        self.desk.check()  # before anything is taken in
        with self.desk.holding() as hold:
            uploads, several = await uploads_of(request, self.desk.limits, hold)
            reading = self._each(uploads, question) if several else self._one(uploads[0], question)
            return Response(await _unless_gone(request, reading), media_type="application/json")

    async def _one(self, upload: Upload, question: Question) -> bytes:
        try:
            return encoded(await self._answer(upload, question))
        except PictureError as error:
            raise problem_of(error) from None

    async def _each(self, uploads: list[Upload], question: Question) -> bytes:
        answers = []
        for upload in uploads:
            try:
                answers.append(await self._answer(upload, question))
            except PictureError as error:
                answers.append(failure(upload, error))
        return encoded(answers)

    async def _answer(self, upload: Upload, question: Question) -> dict[str, Any]:
        outcome = "failed"
        try:
            found = await self.desk.run(lambda: self._read(upload, question))
            outcome = found["refused"]["code"] if found["refused"] else "read"
        except (PictureError, Problem) as error:
            outcome = error.code
            raise
        finally:
            self.metrics.pictures.labels(outcome).inc()
        return found

    def _read(self, upload: Upload, question: Question) -> dict[str, Any]:
        began = time.perf_counter()
        try:
            return answer(self.reader, upload, question)
        finally:
            self.metrics.reading_seconds.observe(time.perf_counter() - began)

    async def model(self) -> Response:
        """Tell how the model that reads was made and how good it is: its card."""
        return Response(encoded(self.reader.card.to_dict()), media_type="application/json")

    async def health(self) -> dict[str, Any]:
        """Tell that the service is there, its version and its limits."""
        return {"status": "ok", "version": inkread.__version__, "limits": self.desk.limits.to_dict()}

    async def metrics_text(self) -> Response:
        """Tell numbers to Prometheus."""
        self.metrics.waiting.set(self.desk.taken)
        self.metrics.held_bytes.set(self.desk.held)
        return Response(self.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")


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


async def _tell(_: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return problem_answer(error)


async def _tell_http(_: Request, error: Exception) -> Response:
    """Return what the router has to say, which is only that there is no such address or method."""
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        return problem_answer(Problem("not-allowed", "This address knows other methods."), headers=error.headers)
    return problem_answer(Problem("not-found", "There is nothing at this address; /openapi.json lists what there is."))


async def _tell_option(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    return problem_answer(Problem("bad-option", f"{first['loc'][-1]}: {first['msg']}."))
