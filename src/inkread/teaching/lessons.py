"""Lessons: a lesson is one taught digit, with its glyph and a small picture of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from numbers import Integral
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from inkread.errors import OptionError, PictureError
from inkread.geometry import Box
from inkread.glyphs import SIDE
from inkread.steps import Steps

CROP_SIDE = 160
"""Longest side, in pixels, of the picture that is kept of a taught digit."""

# The width of the paper that is kept around a digit, as a share of the digit's longer side.
_MARGIN = 0.2


@dataclass(frozen=True, slots=True, eq=False)
class Lesson:
    """A digit that was taught.

    label: what it is, 0 to 9.
    glyph: (28, 28) uint8, 255 = ink: the digit as the network sees it. A profile holds each glyph only once.
    picture: the name of the picture it comes from; may be empty.
    box: where it is on that picture, in pixels of the upright picture; None if only its glyph was taught.
    crop: the digit as it was written, as PNG; empty if only its glyph was taught.
    taught: the time, ISO 8601 in UTC.
    id: its number in the store, which is never used again; None before it is stored.
    instead_of: the different label that this lesson replaced, for the same glyph; None if it replaced no other label.

    Raises `OptionError` for an invalid label or glyph.
    """

    label: int
    glyph: NDArray[np.uint8] = field(repr=False)
    picture: str = ""
    box: Box | None = None
    crop: bytes = field(default=b"", repr=False)
    taught: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    id: int | None = None
    instead_of: int | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.label, Integral) or not 0 <= self.label <= 9:
            raise OptionError(f"a lesson's label must be a number from 0 to 9, not {self.label!r}")
        shape, dtype = np.shape(self.glyph), getattr(self.glyph, "dtype", type(self.glyph).__name__)
        if shape != (SIDE, SIDE) or dtype != np.uint8:
            raise OptionError(
                f"a lesson's glyph must be (28, 28) uint8, 255 = ink, not {shape} {dtype}; 'Reader.teach' makes "
                "lessons from a picture"
            )
        # SQLite cannot store NumPy's numbers, or file names with bytes that are not text.
        object.__setattr__(self, "label", int(self.label))
        object.__setattr__(self, "picture", str(self.picture).encode(errors="backslashreplace").decode())

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object that `inkread teach --format json` prints."""
        return {
            "id": self.id,
            "label": self.label,
            "picture": self.picture,
            "box": list(self.box) if self.box else None,
            "taught": self.taught,
            "instead_of": self.instead_of,
        }


def as_bytes(glyphs: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Return glyphs, float in 0..1, as they are stored in lessons: uint8, 255 = ink."""
    return np.asarray(np.rint(np.clip(glyphs, 0, 1) * 255), np.uint8)


def as_floats(glyphs: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the glyphs of lessons as the network takes them: float32 in 0..1."""
    return np.asarray(glyphs / np.float32(255), np.float32)


def crop_of(grey: NDArray[np.uint8], box: tuple[int, int, int, int]) -> bytes:
    """Return a box of a page, (H, W) uint8, with some paper around it, as a PNG of up to `CROP_SIDE` pixels a side."""
    x, y, w, h = box
    margin = round(_MARGIN * max(w, h)) + 2
    part = grey[max(0, y - margin) : y + h + margin, max(0, x - margin) : x + w + margin]
    factor = CROP_SIDE / max(part.shape)
    if factor < 1:
        size = [max(1, round(side * factor)) for side in part.shape[::-1]]
        part = np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA), np.uint8)
    return png(part)


def png(image: NDArray[np.uint8]) -> bytes:
    """Return an image, (H, W) uint8, as PNG."""
    return bytes(cv2.imencode(".png", np.ascontiguousarray(image))[1])


# No coordinate of a box, in pixels, is as large as this.
_FAR = 1 << 31

# Two boxes mean the same digit if their intersection over union is at least this.
_HIT = 0.3


def digits_of(label: str | int) -> list[int]:
    """Return the digits of a label. It may have spaces between numbers, and `|` or line breaks between lines.

    Raises `OptionError` for an empty label and for a label with other characters.
    """
    digits = "".join(str(label).replace("|", " ").split())
    if not digits or set(digits) - set("0123456789"):
        raise OptionError(f"label {str(label)!r}: a label consists of the digits on the picture, such as 7 or 1234")
    return [int(digit) for digit in digits]


def box_of(box: Sequence[float]) -> Box:
    """Return four numbers, as JSON has them, as a box. Raises `OptionError` for anything else."""
    try:
        place = Box(*map(round, box))
    except (TypeError, ValueError, OverflowError):
        raise OptionError(f"box {box!r}: a box has four numbers: x, y, width and height") from None
    if place.w <= 0 or place.h <= 0 or max(map(abs, place)) >= _FAR:
        raise OptionError(f"box {box!r}: a box on a picture cannot have this place or size")
    return place


def lessons_of(steps: Steps, label: str | int, *, box: Box | None = None) -> list[Lesson]:
    """Return a lesson for each digit of a label, which gives the digits of the picture in reading order.

    box: the place of the one digit that the label is for, in pixels of the upright picture, as in `Digit.box`; None if
        the label is for all digits of the picture.

    Raises `PictureError` if the picture has another number of digits, whatever they were read as, or none at the box.
    """
    digits, found = digits_of(label), range(len(steps.patches))
    if box is not None:
        found = range(at := _at(steps, box), at + 1)
    if len(found) != len(digits):
        raise PictureError(_unlike(steps, len(digits), len(found)), code="other-digits")
    boxes, glyphs = steps.boxes, as_bytes(steps.glyphs)
    return [
        Lesson(digit, glyphs[at], steps.reading.picture, boxes[at], crop_of(steps.page.grey, steps.patches[at].box))
        for at, digit in zip(found, digits, strict=True)
    ]


def _unlike(steps: Steps, wanted: int, found: int) -> str:
    """Return the message for a label with another number of digits than were found."""
    name, text = steps.reading.picture, steps.reading.text.replace("\n", "|")
    has = f"the label has {wanted} digit{'s' * (wanted > 1)}"
    if not found:
        return f"{name}: {has}, but there is no writing on this picture; nothing was taught from it"
    read = f", read as {text}" if text else ""
    return (
        f"{name}: {has}, but {found} {'are' if found > 1 else 'is'} found{read}; nothing was taught from it; say what "
        "the picture holds (--as; for the service ?as=), or crop it to the digit"
    )


def _at(steps: Steps, box: Box) -> int:
    """Return the index of the digit at a box."""
    shares = [box.overlap(other) for other in steps.boxes]
    if not shares or max(shares) < _HIT:
        raise PictureError(f"{steps.reading.picture}: there is no digit at {tuple(box)}", code="other-digits")
    return shares.index(max(shares))
