"""The gallery of a report: answers with their picture, ink and glyphs."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inkread.evaluation.evaluate import Answer, Evaluation, Exhibit
from inkread.style import percent

SIDE = 150
"""Pixels of the longer side of a thumbnail. Small thumbnails keep the report small."""

_MOST_GLYPHS = 12
"""The largest number of glyphs that are shown for an answer."""

_LONGEST = 60
"""The largest number of characters of a text that are shown. A page may contain hundreds."""

Answers = dict[tuple[str, str], Answer]
"""Answers by picture and label."""


def gallery(evaluation: Evaluation, answers: Iterable[Answer], other: Answers | None = None) -> str:
    """Return a gallery of answers as HTML: picture, ink, glyphs, label, answer and confidence of each.

    other: the answers of another model, if two are compared.
    """
    return (
        '<div class="gallery">'
        + "".join(_card(answer, evaluation.show(answer), other[answer.about] if other else None) for answer in answers)
        + "</div>"
    )


def _card(answer: Answer, exhibit: Exhibit | None, other: Answer | None) -> str:
    sure = "" if answer.confidence is None else f' <span class="quiet">{percent(answer.confidence)} sure</span>'
    also = (
        f'<p class="quiet">other model: {_short(other.answer)}{", right" if other.right else ""}</p>' if other else ""
    )
    bare = ' class="bare"' if exhibit and exhibit.picture is None else ""
    images = "".join(_images(exhibit)) if exhibit else '<p class="quiet">no picture</p>'
    return (
        f'<figure{bare}><div class="steps">{images}</div>'
        f'<figcaption><p><b class="truth">{_short(answer.label)}</b> read as '
        f'<b class="{"truth" if answer.right else "miss"}">{_short(answer.answer)}</b>{sure}</p>{also}'
        f'<p class="quiet name">{html.escape(answer.picture)}</p></figcaption></figure>'
    )


def _short(text: str) -> str:
    return html.escape(text if len(text) <= _LONGEST else f"{text[:_LONGEST]}...")


def _images(exhibit: Exhibit) -> Iterable[str]:
    if exhibit.picture is not None:
        yield _thumbnail(Image.fromarray(exhibit.picture), "picture", "JPEG")
    if exhibit.ink is not None:
        yield _thumbnail(Image.fromarray(np.uint8(255 * (1 - exhibit.ink))), "ink", "JPEG")
    if len(exhibit.glyphs):
        yield _thumbnail(_tile(exhibit.glyphs[:_MOST_GLYPHS]), "glyph", "PNG")


def _tile(glyphs: NDArray[np.float32]) -> Image.Image:
    """Return glyphs as tiles of a nearly square image, black on white."""
    across = int(np.ceil(np.sqrt(len(glyphs))))
    tiles = np.zeros((-(-len(glyphs) // across) * across, 28, 28), np.float32)
    tiles[: len(glyphs)] = glyphs
    block = tiles.reshape(-1, across, 28, 28).transpose(0, 2, 1, 3).reshape(-1, across * 28)
    return Image.fromarray(np.uint8(255 * (1 - block)))


def _thumbnail(image: Image.Image, what: str, kind: str) -> str:
    """Return an image, reduced to `SIDE` if it is larger, as an HTML image with embedded data."""
    image.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    content = io.BytesIO()
    image.save(content, kind, **({"quality": 72} if kind == "JPEG" else {"optimize": True}))
    data = base64.b64encode(content.getvalue()).decode("ascii")
    return f'<img class="{what}" src="data:image/{kind.lower()};base64,{data}" alt="{what}" title="{what}">'
