"""The OpenAPI description of the REST interface, /openapi.json, with examples."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from inkread.web.problems import MEDIA_TYPE, RETRY_SECONDS, STATUS
from inkread.web.schemas import Failure, ProblemDetails, ReadingSchema

_SEVEN: dict[str, Any] = {
    "picture": "7.jpg",
    "page": 1,
    "text": "7",
    "lines": ["7"],
    "confidence": 0.9986,
    "refused": None,
    "numbers": [
        {
            "text": "7",
            "read": None,
            "value": "7",
            "kind": "integer",
            "confidence": 0.9986,
            "box": [193, 237, 213, 306],
            "line": 0,
            "row": None,
            "column": None,
            "field": None,
        }
    ],
    "digits": [
        {
            "digit": 7,
            "confidence": 0.9986,
            "probabilities": [
                0.000142,
                0.000185,
                7.2e-5,
                0.000135,
                0.000106,
                0.000191,
                0.000171,
                0.9986,
                0.000236,
                0.000114,
            ],
            "box": [193, 237, 213, 306],
            "line": 0,
            "number": 0,
        }
    ],
    "signs": [],
    "unread": [{"box": [60, 41, 402, 118], "reason": "word"}],
    "tables": [],
}
_BLANK: dict[str, Any] = {
    "picture": "empty.png",
    "page": 1,
    "text": "",
    "lines": [],
    "confidence": None,
    "refused": {"code": "blank", "message": "there is no writing on this picture"},
    "numbers": [],
    "digits": [],
    "signs": [],
    "unread": [],
    "tables": [],
}
_BROKEN = {"picture": "8.txt", "error": {"code": "not-a-picture", "message": "8.txt: this is not a picture that ..."}}

BYTES = {"schema": {"type": "string", "format": "binary"}}
_FILES = {
    "schema": {
        "type": "object",
        "properties": {"picture": {"type": "array", "items": {"type": "string", "format": "binary"}, "minItems": 1}},
        "required": ["picture"],
    }
}
BODY = {
    "requestBody": {
        "required": True,
        "description": "A picture, or a form with one or several pictures as files. The field names do not matter.",
        "content": {"application/octet-stream": BYTES, "image/*": BYTES, "multipart/form-data": _FILES},
    }
}
"""The request body of /api/read. FastAPI does not know it, since `inkread.web.uploads` reads the body."""

READ: dict[int | str, dict[str, Any]] = {
    200: {
        "model": ReadingSchema | list[ReadingSchema | Failure],
        "description": "The reading of the picture, or a list of readings for several pictures or pages",
    }
}
_EXAMPLES = {"read": {"value": _SEVEN}, "refused": {"value": _BLANK}, "several": {"value": [_SEVEN, _BROKEN]}}


def problems(*codes: str) -> dict[int | str, dict[str, Any]]:
    """Return the description of the problems with these codes, as FastAPI expects it. Codes may share a status."""
    found: dict[int | str, dict[str, Any]] = {}
    for status in sorted({STATUS[code] for code in codes}):
        names = " or ".join(f"`{code}`" for code in codes if STATUS[code] == status)
        found[status] = {"model": ProblemDetails, "description": f"Problem: {names}"}
        if status == 503:
            schema = {"type": "integer", "examples": [RETRY_SECONDS]}
            found[status]["headers"] = {"Retry-After": {"description": "seconds", "schema": schema}}
    return found


def describe(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI description of an application, with problems under their media type.

    The examples are added last, since FastAPI would remove the null values in them.
    """
    described = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    for path in described["paths"].values():
        for operation in path.values():
            for status, response in operation["responses"].items():
                if int(status) >= 400:
                    response["content"] = {MEDIA_TYPE: response["content"].pop("application/json")}
    described["paths"]["/api/read"]["post"]["responses"]["200"]["content"]["application/json"]["examples"] = _EXAMPLES
    return described
