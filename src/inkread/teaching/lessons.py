"""Lessons: one taught digit each, with its glyph and a small picture of it."""

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
"""Longest side of the picture that is kept of a taught digit, in pixels."""

_MARGIN = 0.2  # paper kept around a digit, in shares of its longer side


@dataclass(frozen=True, slots=True, eq=False)
class Lesson:
    """A digit that was taught.

    label: what it is, 0 to 9.
    glyph: (28, 28) uint8, 255 = ink: the digit as the network sees it. By it a lesson is known; a profile holds none
        twice.
    picture: the name of the picture it comes from; may be empty.
    box: where on that picture, in pixels of the upright picture; None where it was taught by its glyph alone.
    crop: the digit as it was written, PNG; empty where it was taught by its glyph alone.
    taught: when, ISO 8601 in UTC.
    id: its number in the store, which no other lesson ever gets; None before it is there.
    instead_of: the other label that the same glyph was taught with before, and that has gone; None where there was
        none.

    Raises `OptionError` for a label or a glyph that is none.
    """

    label: int
    glyph: NDArray[np.uint8]
    picture: str = ""
    box: Box | None = None
    crop: bytes = b""
    taught: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    id: int | None = None
    instead_of: int | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.label, Integral) or not 0 <= self.label <= 9:
            raise OptionError(f"a lesson's label is a number from 0 to 9, not {self.label!r}")
        shape, dtype = np.shape(self.glyph), getattr(self.glyph, "dtype", type(self.glyph).__name__)
        if shape != (SIDE, SIDE) or dtype != np.uint8:
            raise OptionError(
                f"a lesson's glyph is (28, 28) uint8, 255 = ink, not {shape} {dtype}; of a picture 'Reader.teach' "
                "makes lessons"
            )
        object.__setattr__(self, "label", int(self.label))  # SQLite keeps no numbers of NumPy's
        # Nor the bytes of a file's name that are no text.
        object.__setattr__(self, "picture", str(self.picture).encode(errors="backslashreplace").decode())

    def to_dict(self) -> dict[str, Any]:
        """Return what `inkread teach --format json` prints of it."""
        return {
            "id": self.id,
            "label": self.label,
            "picture": self.picture,
            "box": list(self.box) if self.box else None,
            "taught": self.taught,
            "instead_of": self.instead_of,
        }


def as_bytes(glyphs: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Return glyphs, float in 0..1, as lessons keep them: uint8, 255 = ink."""
    return np.asarray(np.rint(np.clip(glyphs, 0, 1) * 255), np.uint8)


def as_floats(glyphs: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return glyphs of lessons as the network takes them: float32 in 0..1."""
    return np.asarray(glyphs / np.float32(255), np.float32)


def crop_of(grey: NDArray[np.uint8], box: tuple[int, int, int, int]) -> bytes:
    """Return a box of a page, (H, W) uint8, with some paper around it as a PNG of no more than `CROP_SIDE` pixels."""
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


_FAR = 1 << 31  # pixels
_HIT = 0.3  # share of the area of two boxes that they have in common where they mean the same digit


def digits_of(label: str | int) -> list[int]:
    """Return the digits of a label; spaces between numbers and `|` or line breaks between lines may be in it.

    Raises `OptionError` for a label with anything else, or with nothing.
    """
    digits = "".join(str(label).replace("|", " ").split())
    if not digits or set(digits) - set("0123456789"):
        raise OptionError(f"label {str(label)!r}: a label is made of the digits on the picture, such as 7 or 1234")
    return [int(digit) for digit in digits]


def box_of(box: Sequence[float]) -> Box:
    """Return four numbers, as JSON has them, as a box. Raises `OptionError` for anything else."""
    try:
        place = Box(*map(round, box))
    except (TypeError, ValueError, OverflowError):
        raise OptionError(f"box {box!r}: a box is four numbers, x, y, width and height") from None
    if place.w <= 0 or place.h <= 0 or max(map(abs, place)) >= _FAR:
        raise OptionError(f"box {box!r}: no picture has a box there, or none so large")
    return place


def lessons_of(steps: Steps, label: str | int, *, box: Box | None = None) -> list[Lesson]:
    """Return a lesson for each digit of a label, which are the digits of the picture in reading order.

    box: where the one digit stands that the label is for, in pixels of the upright picture, as `Digit.box` gives it;
        None for all digits of the picture.

    Raises `PictureError` where the picture does not have these digits, whatever they were read as.
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
    """Return the line that says how many digits were found where the label has others."""
    name, text = steps.reading.picture, steps.reading.text.replace("\n", "|")
    has = f"the label has {wanted} digit{'s' * (wanted > 1)}"
    if not found:
        return f"{name}: {has}, but there is no writing on this picture; nothing was taught of it"
    read = f", read as {text}" if text else ""
    return (
        f"{name}: {has}, but {found} {'are' if found > 1 else 'is'} found{read}; nothing was taught of it; say what it "
        "holds (--as; at the service ?as=), or cut it to the digit"
    )


def _at(steps: Steps, box: Box) -> int:
    """Return the index of the digit at a box."""
    shares = [box.overlap(other) for other in steps.boxes]
    if not shares or max(shares) < _HIT:
        raise PictureError(f"{steps.reading.picture}: there is no digit at {tuple(box)}", code="other-digits")
    return shares.index(max(shares))
