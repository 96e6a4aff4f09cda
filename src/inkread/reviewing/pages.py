"""The addresses of a review: its page, its two addresses for programs, and the crops of the table."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from inkread.errors import DataError
from inkread.reviewing.review import Review, ReviewAnswer
from inkread.web.problems import Problem, problem_answer

_PAGE = Path(__file__).parent / "static"

_LONGEST = 10_000
"""The longest answer, in bytes."""

_OUTCOMES = ("value", "empty", "struck", "unreadable")

_SUMMARY = ("left", "values", "expected", "stopped")
"""What the list of tables says about each."""


def review_app(review: Review, *more: BaseRoute) -> Starlette:
    """Return the application of a review, without middleware. It opens only the table that was named at the start.

    more: what else it has.
    """

    async def state(request: Request) -> Response:
        asked = request.query_params.get("place")
        try:
            place = None if asked is None else _place(json.loads(asked))
        except (ValueError, TypeError):
            raise _wrong_answer() from None
        return await _said(partial(review.state, place, more="more" in request.query_params), review)

    async def answer(request: Request) -> Response:
        return await _said(partial(review.answer, await _answer_of(request)), review)

    return Starlette(
        routes=[
            Route("/answers", state),
            Route("/answers", answer, methods=["POST"]),
            # There is no folder if no page has been read.
            Mount("/crops", StaticFiles(directory=review.crops, check_dir=False)),
            *more,
            Mount("/", StaticFiles(directory=_PAGE, html=True)),
        ],
        exception_handlers={Problem: _tell, HTTPException: _tell},
    )


def reviews_app(reviews: Sequence[Review]) -> Starlette:
    """Return the application of several reviews: a list of them, and the pages at `/1/`, `/2/` and so on."""

    async def tables(_: Request) -> Response:
        return JSONResponse([await _summary(review, f"{at}/") for at, review in enumerate(reviews, 1)])

    pages = [Mount(f"/{at}", review_app(review)) for at, review in enumerate(reviews, 1)]
    return Starlette(
        routes=[Route("/tables", tables), *pages], exception_handlers={Problem: _tell, HTTPException: _tell}
    )


async def _summary(review: Review, address: str) -> dict[str, Any]:
    """Return what the list of tables says about a review."""
    found = await _told(review.state)
    return {"data": review.data.name, "address": address, **{key: found.get(key) for key in _SUMMARY}}


async def _said(step: Callable[[], dict[str, Any]], review: Review) -> Response:
    """Return the response for a step of the review."""
    return JSONResponse({**await _told(step), "user": review.user, "data": review.data.name})


async def _told(step: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Return what a step of the review gives. A table that cannot be written is told on the page."""
    try:
        return await run_in_threadpool(step)
    except DataError as error:
        return {"stopped": error.message}


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
        place, seen, told = _place(given["place"]), int(given["seen"]), (given["outcome"], given["value"])
        return ReviewAnswer(place, seen, *told, sure=given["sure"] is True, more=given["more"] is True)
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
