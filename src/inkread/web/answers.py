"""Answers: from an upload to the JSON that the service sends."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from inkread.options import ReadOptions
from inkread.reader import Reader
from inkread.steps import Steps
from inkread.web.problems import Problem
from inkread.web.uploads import Upload

_QUICK = [cv2.IMWRITE_PNG_COMPRESSION, 1]  # these pictures travel once and are thrown away
_GOOD = [cv2.IMWRITE_JPEG_QUALITY, 85]


@dataclass(frozen=True, slots=True)
class Question:
    """What a request asks of its pictures; see `Reader.read`, and docs/web.md for `steps` and `page`."""

    options: ReadOptions = field(default_factory=ReadOptions)
    steps: bool = False
    page: bool = False


def answer(reader: Reader, upload: Upload, question: Question) -> dict[str, Any]:
    """Return the JSON object of a picture's reading. Raises `PictureError` for what is no picture."""
    steps = reader.run(upload.file(), question.options)
    reading = steps.reading.to_dict()
    if question.steps or question.page:
        reading["steps"] = _shown(steps, page=question.page)
    return reading


def failure(upload: Upload, problem: Problem) -> dict[str, Any]:
    """Return the JSON object that stands in a list for a picture that was not read, as the command line has it."""
    return {"picture": upload.name, "error": {"code": problem.code, "message": problem.detail}}


def encoded(value: object) -> bytes:
    """Return a value as JSON."""
    return json.dumps(value, ensure_ascii=False).encode()


def _shown(steps: Steps, *, page: bool) -> dict[str, Any]:
    """Return what lies between a picture and its reading, its images as base64."""
    shown: dict[str, Any] = {
        "size": list(steps.page.size),
        "ink": {"png": png(1 - steps.ink)},
        "glyphs": [
            {"png": png(glyph), "probabilities": [round(float(p), 6) for p in row], "box": list(box)}
            for glyph, row, box in zip(steps.glyphs, steps.probabilities, steps.boxes, strict=True)
        ],
    }
    if page:
        shown["page"] = {"jpeg": _base64(cv2.imencode(".jpg", steps.page.colour[..., ::-1], _GOOD)[1])}
    return shown


def png(image: NDArray[np.float32]) -> str:
    """Return a grey image, (H, W) from 0 to 1, as PNG in base64."""
    return _base64(cv2.imencode(".png", np.rint(255 * image).astype(np.uint8), _QUICK)[1])


def _base64(content: NDArray[np.uint8]) -> str:
    return base64.b64encode(content.tobytes()).decode("ascii")
