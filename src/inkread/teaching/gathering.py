"""Gathering: from a picture and what it says to lessons."""

from __future__ import annotations

from collections.abc import Sequence

from inkread.errors import OptionError, PictureError
from inkread.geometry import Box
from inkread.reader import Steps
from inkread.teaching.lessons import Lesson, as_bytes, crop_of

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
