"""The application of one worker: the page and the REST interface, behind their guard."""

from __future__ import annotations

import asyncio
import functools
import os
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
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
from inkread.memory import keep_freed
from inkread.reader import Reader
from inkread.web import description
from inkread.web.desk import Desk
from inkread.web.guard import Guard
from inkread.web.limits import Limits
from inkread.web.memory import give_back
from inkread.web.metrics import Metrics
from inkread.web.problems import STATUS, Problem, problem_answer
from inkread.web.service import Service

STATIC = Path(__file__).parent / "static"

_OF_ALL = ("wrong-host", "foreign-page", "busy", "failed")  # the guard's own problems, whatever the address


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
    desk = Desk(limits, metrics, threads=threads)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        keep_freed()
        giving = asyncio.create_task(give_back())
        yield
        giving.cancel()
        desk.close()

    app = FastAPI(
        title="inkread",
        description="Reads handwritten digits from pictures.",
        version=inkread.__version__,
        docs_url=None,  # FastAPI's own pages load their scripts from elsewhere
        redoc_url=None,
        lifespan=lifespan,
        exception_handlers=dict.fromkeys((Problem, HTTPException, RequestValidationError), _tell),
    )
    app.add_middleware(Guard, limits=limits, metrics=metrics, hosts=hosts)
    _add_interface(app, Service(Reader(model), desk, metrics))
    page = GZipMiddleware(StaticFiles(directory=STATIC, html=True))
    app.router.routes.append(Route("/", page))
    app.mount("/static", page)
    return app


def _add_interface(app: FastAPI, service: Service) -> None:
    """Give an application the endpoints of a service, and their description."""
    everywhere = description.problems(*_OF_ALL)
    reading = {**description.READ, **description.problems(*STATUS)}
    for status in (404, 405):
        del reading[status]
    app.post("/api/read", responses=reading, openapi_extra=description.BODY)(service.read)
    app.get("/api/model", responses={200: {"model": dict[str, Any]}, **everywhere})(service.model)
    app.get("/api/health", responses={200: {"model": description.Health}, **everywhere})(service.health)
    text: dict[int | str, dict[str, Any]] = {200: {"content": {"text/plain": {"schema": {"type": "string"}}}}}
    app.get("/metrics", responses={**text, **everywhere}, response_class=Response)(service.numbers)
    app.openapi = functools.cache(functools.partial(description.describe, app))  # type: ignore[method-assign] # FastAPI's own way to change it


async def _tell(_: Request, error: Exception) -> Response:
    """Return the answer to what the endpoints, the router or FastAPI's check of the options raised."""
    match error:
        case Problem():
            return problem_answer(error)
        case RequestValidationError():
            first = error.errors()[0]
            return problem_answer(Problem("bad-option", f"{first['loc'][-1]}: {first['msg']}."))
        case HTTPException(status_code=405):
            return problem_answer(Problem("not-allowed", "This address has other methods."), headers=error.headers)
    return problem_answer(Problem("not-found", "There is nothing here; /openapi.json lists the addresses."))
