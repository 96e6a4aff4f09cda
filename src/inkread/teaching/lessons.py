"""Lessons: one taught digit each, with its glyph and a small picture of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from numbers import Integral
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from inkread.errors import OptionError
from inkread.geometry import Box
from inkread.glyphs import SIDE

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
