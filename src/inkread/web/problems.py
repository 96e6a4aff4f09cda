"""Problems: every failure of the service as `application/problem+json`, with a code that stays (RFC 9457)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus

from starlette.responses import Response

from inkread.errors import PictureError

MEDIA_TYPE = "application/problem+json"

STATUS = {
    "no-picture": 400,
    "bad-form": 400,
    "bad-option": 400,
    "foreign-page": 403,
    "not-found": 404,
    "not-allowed": 405,
    "too-slow": 408,
    "too-large": 413,
    "not-a-picture": 415,
    "missing-extra": 415,
    "wrong-host": 421,
    "truncated": 422,
    "empty": 422,
    "failed": 500,
    "busy": 503,
    "too-long": 503,
}
"""The code of every problem with its status; docs/web.md says when it comes."""

RETRY_SECONDS = 1


class Problem(Exception):  # noqa: N818 - it is named as its media type is
    """Raised for whatever the service answers with a problem: a code of `STATUS` and a sentence for people."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


def problem_of(error: PictureError) -> Problem:
    """Return the problem of a picture that cannot be read."""
    return Problem(error.code if error.code in STATUS else "not-a-picture", error.message)


def problem_answer(problem: Problem, *, headers: Mapping[str, str] | None = None) -> Response:
    """Return the response that tells a problem; `headers` are added to its own."""
    status = STATUS[problem.code]
    content = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": problem.code,
        "detail": problem.detail,
    }
    retry = {"Retry-After": str(RETRY_SECONDS)} if status == HTTPStatus.SERVICE_UNAVAILABLE else {}
    text = json.dumps(content, ensure_ascii=False)
    return Response(text, status, {**retry, **(headers or {})}, media_type=MEDIA_TYPE)
