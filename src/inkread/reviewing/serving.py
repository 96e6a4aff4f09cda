"""Serves the page of a review to this machine, until Ctrl-C. It opens only the table that was named at the start."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from inkread.errors import DataError
from inkread.reviewing.review import Review, ReviewAnswer
from inkread.web.app import STATIC
from inkread.web.limits import Limits
from inkread.web.listening import LOCAL_HOSTS
from inkread.web.metrics import Metrics
from inkread.web.middleware import Guard
from inkread.web.problems import Problem, problem_answer
from inkread.web.serving import configuration

_PAGE = Path(__file__).parent / "static"

_LONGEST = 10_000
"""The longest answer, in bytes."""

_OUTCOMES = ("value", "empty", "struck", "unreadable")


def prepare(listener: socket.socket, review: Review) -> Callable[[], None]:
    """Return a function that serves a review on a listening socket until Ctrl-C or SIGTERM."""
    limits = Limits()
    return partial(uvicorn.Server(configuration(make_app(review, limits), limits)).run, [listener])


def make_app(review: Review, limits: Limits) -> Starlette:
    """Return the application: the page, its two addresses for programs, and the crops of the table."""

    async def state(request: Request) -> Response:
        asked = request.query_params.get("place")
        try:
            place = None if asked is None else _place(json.loads(asked))
        except (ValueError, TypeError):
            raise _wrong_answer() from None
        return await _said(partial(review.state, place), review)

    async def answer(request: Request) -> Response:
        return await _said(partial(review.answer, await _answer_of(request)), review)

    page = StaticFiles(directory=_PAGE, html=True)
    app = Starlette(
        routes=[
            Route("/api/review", state),
            Route("/api/review", answer, methods=["POST"]),
            # There is no folder if no page has been read.
            Mount("/crops", StaticFiles(directory=review.crops, check_dir=False)),
            Mount("/static", StaticFiles(directory=STATIC)),
            Mount("/", page),
        ],
        exception_handlers={Problem: _tell, HTTPException: _tell},
    )
    app.add_middleware(Guard, limits=limits, metrics=Metrics(), hosts=LOCAL_HOSTS)
    return app


async def _said(step: Callable[[], dict[str, Any]], review: Review) -> Response:
    """Return what a step of the review gives. A table that cannot be written is told on the page."""
    try:
        found = await run_in_threadpool(step)
    except DataError as error:
        found = {"stopped": error.message}
    return JSONResponse({**found, "user": review.user, "data": review.data.name})


async def _answer_of(request: Request) -> ReviewAnswer:
    """Return the answer in a request."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > _LONGEST:
            raise _wrong_answer()
    try:
        given = json.loads(body)
        if given["outcome"] not in _OUTCOMES or not isinstance(given["value"], str) or len(given["value"]) > 100:
            raise _wrong_answer()
        return ReviewAnswer(
            _place(given["place"]), int(given["seen"]), given["outcome"], given["value"], given["sure"] is True
        )
    except (ValueError, TypeError, KeyError):
        raise _wrong_answer() from None


def _place(given: Any) -> tuple[str, str, int]:
    sheet, name, row = given
    return str(sheet), str(name), int(row)


def _wrong_answer() -> Problem:
    return Problem("bad-option", "This is no answer of the page.")


async def _tell(_: Request, error: Exception) -> Response:
    """Return the response for an exception."""
    if isinstance(error, Problem):
        return problem_answer(error)
    return problem_answer(Problem("not-found", "There is nothing at this address."))
