"""Problems: every failure of the service as `application/problem+json`, with a stable code (RFC 9457)."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

from starlette.responses import Response

from inkread.errors import DataError, OptionError, PictureError
from inkread.pictures.documents import MAX_PAGES

MEDIA_TYPE = "application/problem+json"

STATUS = {
    "no-picture": 400,
    "bad-form": 400,
    "bad-option": 400,
    "foreign-page": 403,
    "no-teaching": 403,
    "not-found": 404,
    "not-allowed": 405,
    "too-slow": 408,
    "two-labels": 409,
    "full": 409,
    "too-large": 413,
    "too-many-pages": 413,
    "not-a-picture": 415,
    "missing-extra": 415,
    "wrong-host": 421,
    "truncated": 422,
    "empty": 422,
    "encrypted": 422,
    "wrong-password": 422,
    "too-complex": 422,
    "bad-region": 422,
    "blank": 422,
    "other-digits": 422,
    "failed": 500,
    "bad-profile": 500,
    "busy": 503,
    "too-long": 503,
    "locked": 503,
}
"""The HTTP status of every problem code. docs/web.md describes the codes."""

RETRY_SECONDS = 1

_log = logging.getLogger(__name__)


class Problem(Exception):  # noqa: N818
    """Raised for a failure of a request: a code of `STATUS` and a sentence for people.

    The name is that of the media type.
    """

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


@contextmanager
def as_problems() -> Iterator[None]:
    """Turn errors about a picture, an option or the taught digits into a `Problem`."""
    try:
        yield
    except (PictureError, OptionError, DataError) as error:
        raise problem_of(error) from None


_HERE = {
    "give its password with --password": "give its password in the header X-Picture-Password",
    f"choose some, as in --pages 1-{MAX_PAGES}": f"choose some, as in pages=1-{MAX_PAGES}",
}
"""What a way out with an option of the command line is here."""


def problem_of(error: PictureError | OptionError | DataError) -> Problem:
    """Return the problem for an error. The paths of files on the server appear only in its terminal."""
    if not isinstance(error, DataError):
        message = error.message
        for option, here in _HERE.items():
            message = message.replace(option, here)
        return Problem(error.code if error.code in STATUS else "not-a-picture", message)
    if error.code == "locked":
        return Problem("locked", "Another program is changing the taught digits. Try again in a moment.")
    _log.error(error.message)
    return Problem("bad-profile", "The taught digits cannot be used. The terminal in which inkread runs says why.")


_FORMS = {
    "region": "give X,Y,W,H in whole pixels of the upright picture, such as 120,40,300,80",
    "box": "give x,y,w,h in whole pixels, as in a reading, such as 193,237,213,306",
    "label": "give the digits on the picture, such as 7 or 1234",
}
"""What a value looks like, for the parameters with a form of their own."""

_CAUSES = {
    "missing": "is missing",
    "literal_error": "must be {expected}",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "string_too_long": "must have at most {max_length} characters",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_parsing": "must be a number",
    "finite_number": "must be a finite number",
}
"""What is wrong with a value, by the type of Pydantic's error, whose own sentences are for programmers."""


def problem_of_value(error: Mapping[str, Any]) -> Problem:
    """Return the problem for an error of Pydantic about a parameter of a request."""
    name, kind = str(error["loc"][-1]), error["type"]
    if kind in {"missing", "string_pattern_mismatch"} and name in _FORMS:
        return Problem("bad-option", f"{name}: {_FORMS[name]}.")
    cause = _CAUSES.get(kind, "").format(**error.get("ctx", {})) or error["msg"].removeprefix("Value error, ")
    return Problem("bad-option", f"{name}: {cause}.")


def problem_answer(problem: Problem, *, headers: Mapping[str, str] | None = None) -> Response:
    """Return the response for a problem, with `headers` added."""
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
