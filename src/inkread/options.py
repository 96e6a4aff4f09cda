"""Options for reading, shared by the command line, batches and Python."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias, TypedDict, get_args

from inkread.errors import OptionError
from inkread.geometry import Box
from inkread.values import DateOrder, DecimalMark, Notation

if TYPE_CHECKING:
    from inkread.expecting import Expect

Content = Literal["auto", "digit", "number", "lines", "table"]
"""What a picture holds: one digit, one row of digits, several rows, or a table. "auto" detects which."""

Print = Literal["auto", "read", "skip"]
"""Whether printed digits are read. "auto" reads them if nothing on the picture is written by hand."""


DECIMAL_HELP = (
    "The sign before the decimals of numbers; the other one groups thousands. Without this option, numbers such as "
    "12.000 have no value."
)

ORDER_HELP = "The order of day and month in dates such as 5/6/2024, which have no value without it."


EXPECT_HELP = (
    "A regular expression that every number must match, such as '\\d{9}' or '\\d+[.,]\\d{2}'; with '--as number' the "
    "whole picture. The likeliest text that fits is read. If none does, the picture is refused as 'unfit'."
)

MIN_HELP = "The smallest value that a number can have."

MAX_HELP = "The largest value that a number can have."

PAGES_HELP = (
    "Which pages of a PDF, a TIFF or an animation are read, counted from 1: '1-3,5', or '4-' for all from page 4. "
    "Default: all pages, if there are at most 200."
)

CHECK_HELP = (
    "How the last digit of every number is checked: bank cards have 'luhn', articles and ISBN-13 'ean', and ISBN-10 "
    "'mod11'. Only digits are read as check digits: a number that ends in X never passes."
)


MOST_BOXES = 5_000
"""The most digits of a picture whose places can be chosen."""

# No picture has so many pixels along a side. Not a number is never smaller.
_FARTHEST = 1e9


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How pictures are read.

    as_: what a picture holds.
    min_confidence: a reading with a smaller confidence is refused as "unsure"; 0 to 1, None for the card's value.
    print_: whether printed digits are read.
    region: the part of each picture that is read, in pixels of the upright picture; None for the whole picture.
    decimal: the sign before the decimals of numbers; None if it is not known. Values depend on it.
    order: the order of day, month and year in dates; None if it is not known. Values depend on it.
    expect: what every number must be; with `as_="number"`, the whole picture. A string is a pattern.
    boxes: where the digits are, if somebody has chosen the places: left and top edge, width and height in pixels of the
        upright picture. None to find them. No other digit is read then, and nothing is refused for being unsure.

    Raises `OptionError` for an option out of range.
    """

    as_: Content = "auto"
    min_confidence: float | None = None
    print_: Print = "auto"
    region: Sequence[int] | None = None
    decimal: DecimalMark | None = None
    order: DateOrder | None = None
    expect: Expect | str | None = None
    boxes: Sequence[Sequence[float]] | None = None

    def __post_init__(self) -> None:
        if self.as_ not in get_args(Content):
            raise OptionError(f"as_={self.as_!r}: a picture holds {', '.join(map(repr, get_args(Content)))}")
        if self.min_confidence is not None and not 0 <= self.min_confidence <= 1:
            raise OptionError(f"min_confidence={self.min_confidence}: a confidence must be between 0 and 1")
        if self.print_ not in get_args(Print):
            raise OptionError(f"print_={self.print_!r}: this is one of {', '.join(map(repr, get_args(Print)))}")
        if self.region is not None:
            object.__setattr__(self, "region", _region(self.region))
        if self.boxes is not None:
            object.__setattr__(self, "boxes", _boxes(self.boxes))
        if self.decimal is not None and self.decimal not in get_args(DecimalMark):
            raise OptionError(f"decimal={self.decimal!r}: this is '.' or ','")
        if self.order is not None and self.order not in get_args(DateOrder):
            raise OptionError(f"order={self.order!r}: this is 'DMY' or 'MDY'")
        if isinstance(self.expect, str):
            from inkread.expecting import Expect

            object.__setattr__(self, "expect", Expect(self.expect))

    @property
    def expectation(self) -> Expect | None:
        """What every number must be; None for anything."""
        return None if isinstance(self.expect, str) else self.expect

    @property
    def notation(self) -> Notation:
        """How numbers are written."""
        return Notation(self.decimal, self.order)


class ReadKeywords(TypedDict, total=False):
    """The fields of `ReadOptions` as keyword arguments; each may be missing."""

    as_: Content
    min_confidence: float | None
    print_: Print
    region: Sequence[int] | None
    decimal: DecimalMark | None
    order: DateOrder | None
    expect: Expect | str | None
    boxes: Sequence[Sequence[float]] | None


PageRanges: TypeAlias = tuple[tuple[int, int | None], ...]
"""Ranges of pages, first and last, from 1. None as the last page stands for the end of the file."""


def parse_pages(pages: str | Iterable[int] | None) -> PageRanges | None:
    """Return the pages that a text such as "1-3,5" or "4-" names, or that numbers name; pages count from 1.

    None stands for all pages and is returned as it is. Raises `OptionError` for any other text or number.
    """
    if pages is None:
        return None
    parts = pages.split(",") if isinstance(pages, str) else [str(page) for page in pages]
    ranges = []
    for part in parts:
        if not (found := re.fullmatch(r"\s*([0-9]{1,9})\s*(-\s*([0-9]{1,9})?)?\s*", part)):
            raise _not_pages(",".join(parts))
        first = int(found[1])
        last = int(found[3]) if found[3] else None if found[2] else first
        if first < 1 or (last is not None and last < first):
            raise _not_pages(",".join(parts))
        ranges.append((first, last))
    if not ranges:
        raise _not_pages("")
    return tuple(ranges)


def _not_pages(shown: str) -> OptionError:
    return OptionError(f"pages={shown}: give pages such as 1-3,5 or 4-, counted from 1")


def parse_region(text: str | None) -> Box | None:
    """Return the region that a text such as "120,40,300,80" names: left and top edge, width and height in pixels.

    None stands for the whole picture and is returned as it is. Raises `OptionError` for any other text.
    """
    if text is None:
        return None
    if not re.fullmatch(r"\s*[0-9]{1,9}\s*(,\s*[0-9]{1,9}\s*){3}", text):
        raise _not_a_region(text)
    return _region([int(number) for number in text.split(",")])


def parse_boxes(text: str | None) -> tuple[tuple[int, ...], ...] | None:
    """Return the boxes that a text such as "12,8,20,31;40,9,18,30" names. An empty text names none; None is returned.

    Raises `ValueError` for any other text.
    """
    if text is None:
        return None
    return tuple(tuple(map(int, box.split(","))) for box in text.split(";") if box)


def _boxes(boxes: Sequence[Sequence[float]]) -> tuple[Box, ...]:
    """Return boxes of digits. Raises `OptionError` unless each has four finite numbers and an area."""
    if len(boxes) > MOST_BOXES:
        raise OptionError(f"boxes: there are {len(boxes):,}, and at most {MOST_BOXES:,} digits are read on a picture")
    found = []
    for box in boxes:
        whole = [round(float(side)) for side in box if abs(float(side)) < _FARTHEST]
        if len(whole) != 4 or len(box) != 4 or min(whole[2:]) < 1:
            shown = ",".join(map(str, box))
            raise OptionError(f"boxes={shown}: give x,y,w,h of each digit in pixels, w and h at least 1")
        found.append(Box(*whole))
    return tuple(found)


def _region(region: Sequence[int]) -> Box:
    """Return a region as a box. Raises `OptionError` unless it has four whole numbers and an area."""
    numbers = [int(number) for number in region if int(number) == number]
    if len(numbers) != 4 or len(region) != 4 or min(numbers[:2]) < 0 or min(numbers[2:]) < 1:
        raise _not_a_region(",".join(map(str, region)))
    return Box(*numbers)


def _not_a_region(shown: str) -> OptionError:
    return OptionError(f"region={shown}: give X,Y,W,H in whole pixels, X and Y at least 0, W and H at least 1")
