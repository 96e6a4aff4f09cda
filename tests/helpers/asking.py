"""What the tests of the service share: pictures as they are sent, and what every problem has."""

from __future__ import annotations

import io
import re
from typing import Any

import numpy as np
from httpx2 import Response
from PIL import Image

from inkread.drawing import draw_digit
from inkread.web.problems import STATUS


def png(picture: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    return file.getvalue()


def drawing(*digits: int) -> bytes:
    return png(np.hstack([draw_digit(digit, rng=np.random.default_rng(digit), size=(300, 300)) for digit in digits]))


SEVEN = drawing(7)
BLANK = png(np.full((50, 50), 255, np.uint8))


def problem(response: Response) -> tuple[int, str]:
    """Return status and code of a response that has to be a problem."""
    assert response.headers["content-type"] == "application/problem+json"
    content = response.json()
    assert set(content) == {"type", "title", "status", "code", "detail"}
    assert content["status"] == response.status_code == STATUS[content["code"]]
    assert re.fullmatch(r"\S.{10,}\S", content["detail"]), "one line for people"
    return response.status_code, content["code"]
