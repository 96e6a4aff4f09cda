"""Corrections: the digits that a review corrects are taught, so that digits like them are read right from then on."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from inkread.errors import OptionError
from inkread.glyphs import SIDE
from inkread.sheets.audit import Entry
from inkread.teaching.lessons import Lesson
from inkread.teaching.profiles import Profile


class Corrections:
    """Teaches the digits of values that a person corrects.

    profile: whose digits they become.
    """

    def __init__(self, profile: Profile) -> None:
        self._profile = profile

    def teach(self, entry: Entry, written: str, before: Sequence[int] = ()) -> list[int]:
        """Teach the digits that were read wrong in a field, and return the ids of their lessons.

        entry: what was read. written: the digits that are there; empty for none.
        before: the lessons of an earlier answer for the same field, which are deleted.

        Nothing is taught unless there is a digit for each box with ink. Raises `DataError` if the profile cannot be
        changed.
        """
        if before:
            # They may have been deleted with 'inkread teach --forget'.
            with contextlib.suppress(OptionError):
                self._profile.forget(before)
        lessons = [Lesson(digit, glyph, entry["picture"]) for digit, glyph in _misread(entry, written)]
        return [lesson.id for lesson in self._profile.add(lessons) if lesson.id is not None] if lessons else []


def _misread(entry: Entry, written: str) -> list[tuple[int, NDArray[np.uint8]]]:
    """Return the digits that were not read as what they are, each with its glyph, (28, 28) uint8."""
    rows, digits = entry["probabilities"], [int(letter) for letter in written if letter.isdecimal()]
    inked = [at for at, row in enumerate(rows) if any(row)]
    if "glyphs" not in entry or len(digits) != len(inked):
        return []
    strip = cv2.imdecode(np.frombuffer(base64.b64decode(entry["glyphs"]), np.uint8), cv2.IMREAD_GRAYSCALE)
    glyphs = np.asarray(strip, np.uint8).reshape(SIDE, -1, SIDE).swapaxes(0, 1)
    pairs = zip(digits, inked, strict=True)
    return [(digit, np.ascontiguousarray(glyphs[at])) for digit, at in pairs if int(np.argmax(rows[at])) != digit]
