"""The application of one worker: the page and the REST interface, with the middleware around them."""

from __future__ import annotations

import asyncio
import functools
import os
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.staticfiles import StaticFiles

import inkread
from inkread.reader import Reader
from inkread.reviewing.pages import reviews_app
from inkread.reviewing.review import Review
from inkread.system import give_back, keep_freed
from inkread.teaching.profiles import DEFAULT_PROFILE
from inkread.web import openapi, schemas
from inkread.web.limits import Limits
from inkread.web.metrics import Metrics
from inkread.web.middleware import Guard
from inkread.web.problems import STATUS, Problem, problem_answer, problem_of_value
from inkread.web.service import Explaining, Service
from inkread.web.teaching import Teaching
from inkread.web.work_queue import WorkQueue

STATIC = Path(__file__).parent / "static"

_WAITING_BEHIND = 16
"""The size of the background queue, at about half a second per request. Further requests get "busy"."""

_OF_ALL = ("wrong-host", "foreign-page", "busy", "failed")
"""The problems that the middleware returns for any address."""

_OF_TEACHING = ("no-teaching", "two-labels", "full", "other-digits")

_NEVER = ("not-found", "not-allowed")
"""The problems that a valid request with a picture never gets."""


def make_app(
    model: str | os.PathLike[str] | None = None,
    *,
    limits: Limits | None = None,
    threads: int = 2,
    hosts: Collection[str] | None = None,
    profile: str | None = DEFAULT_PROFILE,
    teaching: bool = False,
    retire: Callable[[], None] | None = None,
    reviews: Sequence[Path] = (),
    user: str | None = None,
) -> FastAPI:
    """Return the application of one worker.

    model, profile: as for `Reader`.
    threads: the number of pictures that are read at the same time.
    hosts: the allowed host names in requests; None for any.
    teaching: whether clients may teach digits, and see and delete them. It has no effect without a profile, or for a
        network that gives no features to compare.
    retire: called when work has taken longer than its limit, to have this process replaced; None to let it run on.
    reviews, user: the tables that can be reviewed on the page, and by whom. What is corrected is taught if teaching is
        allowed.

    Raises `ModelError` for a model that cannot be used, and what `Review` raises.
    """
    limits = limits or Limits()
    metrics = Metrics()
    queue = WorkQueue(limits, metrics, threads=threads, retire=retire)
    background = WorkQueue(replace(limits, waiting=_WAITING_BEHIND), metrics, threads=1, retire=retire)
    reader = Reader(model, profile=profile)
    taught = reader.profile if teaching and reader.classifier.has_features else None
    opened = [Review(data, user, taught) for data in reviews]

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        keep_freed()
        giving = asyncio.create_task(give_back())
        yield
        giving.cancel()
        for review in opened:
            review.close()
        queue.close()
        background.close()

    # FastAPI's pages for the documentation load scripts from other sites, so they are off.
    app = FastAPI(
        title="inkread",
        description="Reads handwritten digits from pictures.",
        version=inkread.__version__,
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        exception_handlers=dict.fromkeys((Problem, HTTPException, RequestValidationError), _answer_error),
    )
    app.add_middleware(Guard, limits=limits, metrics=metrics, hosts=hosts)
    _add_interface(app, Service(reader, queue, background, metrics, taught=taught, reviews=len(opened)))
    if opened:
        app.mount("/review", reviews_app(opened))
    page = GZipMiddleware(StaticFiles(directory=STATIC, html=True))
    app.router.routes.append(Route("/", page))
    app.mount("/static", page)
    return app


def _add_interface(app: FastAPI, service: Service) -> None:
    """Add the endpoints of a service and their OpenAPI description to an application."""
    everywhere = openapi.problems(*_OF_ALL)
    taking = openapi.problems(*(code for code in STATUS if code not in _OF_TEACHING and code not in _NEVER))
    app.post("/api/read", responses={**openapi.READ, **taking}, openapi_extra=openapi.BODY)(service.read)
    explained: dict[int | str, dict[str, Any]] = {200: {"model": schemas.ExplanationSchema}}
    app.post("/api/explain", responses={**explained, **taking}, openapi_extra=openapi.BODY)(Explaining(service).explain)
    _add_teaching(app, Teaching(service))
    app.get("/api/model", responses={200: {"model": dict[str, Any]}, **everywhere})(service.model)
    app.get("/api/health", responses={200: {"model": schemas.Health}, **everywhere})(service.health)
    text: dict[int | str, dict[str, Any]] = {200: {"content": {"text/plain": {"schema": {"type": "string"}}}}}
    app.get("/metrics", responses={**text, **everywhere}, response_class=Response)(service.numbers)
    # FastAPI documents this assignment as the way to change the description.
    app.openapi = functools.cache(functools.partial(openapi.describe, app))  # type: ignore[method-assign]


def _add_teaching(app: FastAPI, teaching: Teaching) -> None:
    """Add the endpoints for taught digits to an application."""
    taking = openapi.problems(*(code for code in STATUS if code not in _NEVER))
    others = openapi.problems(*_OF_ALL, "no-teaching", "bad-option", "bad-profile", "locked", "too-long")
    lost = openapi.problems("not-found")
    app.post(
        "/api/teach",
        status_code=201,
        responses={201: {"model": schemas.Taught}, **taking},
        openapi_extra=openapi.BODY,
    )(teaching.teach)
    app.get("/api/taught", responses={200: {"model": schemas.Lessons}, **others})(teaching.lessons)
    app.delete("/api/taught/{id}", responses={200: {"model": schemas.Forgotten}, **others, **lost})(teaching.forget)
    archive: dict[int | str, dict[str, Any]] = {200: {"content": {"application/zip": openapi.BYTES}}}
    app.get("/api/taught.zip", responses={**archive, **others}, response_class=Response)(teaching.export)


async def _answer_error(_: Request, error: Exception) -> Response:
    """Return the response for an exception of the endpoints, the router or FastAPI's validation."""
    match error:
        case Problem():
            return problem_answer(error)
        case RequestValidationError():
            return problem_answer(problem_of_value(error.errors()[0]))
        case HTTPException(status_code=405):
            return problem_answer(
                Problem("not-allowed", "This address does not support the method."), headers=error.headers
            )
    return problem_answer(
        Problem("not-found", "There is nothing at this address. See /openapi.json for all addresses.")
    )
