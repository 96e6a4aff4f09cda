"""Options for reading, shared by the command line, batches and Python."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from inkread.errors import OptionError

Content = Literal["auto", "digit", "number", "lines"]
"""What a picture holds: one digit, one row of digits, or several rows. "auto" detects which."""


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How pictures are read.

    as_: what a picture holds.
    min_confidence: a reading with a smaller confidence is refused as "unsure"; 0 to 1, None for the card's value.

    Raises `OptionError` for an option out of range.
    """

    as_: Content = "auto"
    min_confidence: float | None = None

    def __post_init__(self) -> None:
        if self.as_ not in get_args(Content):
            raise OptionError(f"as_={self.as_!r}: a picture holds {', '.join(map(repr, get_args(Content)))}")
        if self.min_confidence is not None and not 0 <= self.min_confidence <= 1:
            raise OptionError(f"min_confidence={self.min_confidence}: a confidence must be between 0 and 1")
