"""The codes on a sheet: the marker in each corner, and the QR code that tells which sheet and page it is."""

from __future__ import annotations

import re
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

CORNERS = {1: "upper left", 2: "upper right", 3: "lower right", 4: "lower left"}
"""The corners of a sheet, clockwise."""

MARKER_IDS = {corner: corner - 1 for corner in CORNERS}
"""The id of the marker in each corner. Of all in the family, these four differ most, however they are turned."""

DICTIONARY = cv2.aruco.DICT_4X4_50
"""The family of the markers. Its markers have few and therefore large cells."""

MARKER_CELLS = 6
"""A marker is this many cells wide, with its black border."""

QR_CELLS = 25
"""A QR code is this many cells wide. It is a QR code of version 2, whose cells are large enough for small photographs;
it holds 38 capital letters, digits and some signs, and is read if an eighth of it is damaged."""

_QR_TEXT = re.compile("IR1:([A-Z0-9-]{1,14}):([0-9A-F]{8}):([0-9]{1,4}):([1-9][0-9]?)")


@dataclass(frozen=True, slots=True)
class SheetCode:
    """What the QR code of a page says.

    form: the name of the form, at most 14 capital letters, digits and hyphens.
    geometry: the hash of the form's geometry, 8 hexadecimal digits.
    serial: the serial number of the copy, 1 to 9999; 0 if it has none.
    page: 1 to 99.
    """

    form: str
    geometry: str
    serial: int
    page: int

    @property
    def text(self) -> str:
        """The text in the code."""
        return f"IR1:{self.form}:{self.geometry}:{self.serial:04d}:{self.page}"

    @classmethod
    def of(cls, text: str) -> SheetCode | None:
        """Return what the text of a code says; None if it is not the code of a sheet."""
        found = _QR_TEXT.fullmatch(text)
        return cls(found[1], found[2], int(found[3]), int(found[4])) if found else None

    def cells(self) -> NDArray[np.bool_]:
        """Return which cells of the QR code are black, (25, 25) bool, from the upper left corner."""
        settings = cv2.QRCodeEncoder.Params()
        settings.version = 2
        settings.mode = cv2.QRCodeEncoder_MODE_ALPHANUMERIC
        settings.correction_level = cv2.QRCodeEncoder_CORRECT_LEVEL_M
        picture = cv2.QRCodeEncoder.create(settings).encode(self.text)
        # The encoder draws a cell as one pixel, and adds a white margin.
        x, y, w, h = cv2.boundingRect((np.asarray(picture) < 128).astype(np.uint8))
        return np.asarray(picture)[y : y + h, x : x + w] < 128


def marker_cells(corner: int) -> NDArray[np.bool_]:
    """Return which cells of a corner's marker are black, (6, 6) bool, from the upper left corner."""
    family = cv2.aruco.getPredefinedDictionary(DICTIONARY)
    return np.asarray(cv2.aruco.generateImageMarker(family, MARKER_IDS[corner], MARKER_CELLS)) < 128
