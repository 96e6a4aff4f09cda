"""Expectations: the texts that a number may have."""

from __future__ import annotations

import csv
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inkread.errors import DataError, OptionError
from inkread.expecting.check_digits import CHECK_DIGITS, CheckName
from inkread.files import csv_table
from inkread.values import Notation, meaning

if TYPE_CHECKING:
    import regex

_LONGEST = 500
"""The largest number of characters in a pattern."""

_SECONDS = 0.2
"""A pattern that needs longer than this for one text is refused."""

_LARGEST_LIST, _MOST_ALLOWED = 50_000_000, 1_000_000
"""The largest size of a list of allowed values, in bytes and in values."""


@dataclass(frozen=True, slots=True)
class Expect:
    r"""What is expected of every number on a picture.

    pattern: a regular expression that the whole text of a number must match, such as `\d{9}` or `\d+[.,]\d{2}`.
    minimum, maximum: the smallest and largest value. A text without a certain value does not fit.
    allowed: the only texts that are possible.
    check: how the last digit is checked: "luhn", "mod11", "verhoeff" or "ean". Signs do not count.

    Raises `OptionError` for an expectation that cannot be used.
    """

    pattern: str | None = None
    minimum: Decimal | float | None = None
    maximum: Decimal | float | None = None
    allowed: Iterable[str] | None = field(default=None, repr=False)
    check: CheckName | None = None
    _pattern: regex.Pattern[str] | None = field(default=None, init=False, repr=False, compare=False)
    _sorted: tuple[str, ...] = field(default=(), init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.pattern is not None:
            object.__setattr__(self, "_pattern", _compiled(self.pattern))
        for name in ("minimum", "maximum"):
            if (value := getattr(self, name)) is not None:
                object.__setattr__(self, name, _decimal(name, value))
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            raise OptionError(f"the smallest value expected, {self.minimum}, is above the largest, {self.maximum}")
        if self.check is not None and self.check not in CHECK_DIGITS:
            raise OptionError(f"check={self.check!r}: this is one of {', '.join(CHECK_DIGITS)}")
        if self.allowed is not None:
            texts = frozenset(text.strip() for text in self.allowed if text.strip())
            if not texts:
                raise OptionError("the list of allowed values is empty")
            object.__setattr__(self, "allowed", texts)
            object.__setattr__(self, "_sorted", tuple(sorted(texts)))

    def __reduce__(self) -> tuple[type[Expect], tuple[Any, ...]]:
        return type(self), (self.pattern, self.minimum, self.maximum, self.allowed, self.check)

    def may_begin(self, text: str) -> bool:
        """Tell whether a text that fits may begin like this."""
        if self.allowed is not None:
            at = bisect_left(self._sorted, text)
            if at == len(self._sorted) or not self._sorted[at].startswith(text):
                return False
        return self._matches(text, partial=True)

    def fits(self, text: str, notation: Notation) -> bool:
        """Tell whether a whole text fits, given how numbers are written."""
        if self.allowed is not None and text not in self.allowed:
            return False
        if not self._matches(text, partial=False):
            return False
        if self.check and not CHECK_DIGITS[self.check]("".join(filter(str.isdigit, text))):
            return False
        if self.minimum is None and self.maximum is None:
            return True
        value = meaning(text, notation).value
        if not isinstance(value, Decimal):
            return False
        return (self.minimum is None or value >= self.minimum) and (self.maximum is None or value <= self.maximum)

    def describe(self) -> str:
        """Return what is expected, in a few words."""
        parts = [
            f"the pattern {self.pattern}" if self.pattern is not None else "",
            f"at least {self.minimum}" if self.minimum is not None else "",
            f"at most {self.maximum}" if self.maximum is not None else "",
            "one of the allowed values" if self.allowed is not None else "",
            f"a {self.check} check digit" if self.check else "",
        ]
        return ", ".join(filter(None, parts)) or "any number"

    def _matches(self, text: str, *, partial: bool) -> bool:
        if self._pattern is None:
            return True
        try:
            return self._pattern.fullmatch(text, partial=partial, timeout=_SECONDS) is not None
        except TimeoutError:
            raise OptionError(f"the pattern {self.pattern} takes too long to match; make it simpler") from None


def expectation(
    pattern: str | None = None,
    minimum: float | None = None,
    maximum: float | None = None,
    allowed: Path | None = None,
    column: str | None = None,
    check: CheckName | None = None,
    *,
    values: Iterable[str] | None = None,
) -> Expect | None:
    """Return what the options of a command expect; None if no option was given.

    allowed, column: as for `read_allowed`.
    values: the allowed values themselves, in place of a file.
    """
    if column is not None and allowed is None:
        raise OptionError("--allowed-column names a column of the file of --allowed; add --allowed FILE")
    if (pattern, minimum, maximum, allowed, check, values) == (None,) * 6:
        return None
    return Expect(pattern, minimum, maximum, values if allowed is None else read_allowed(allowed, column), check)


def read_allowed(path: Path, column: str | None = None) -> tuple[str, ...]:
    """Return the values in a file: one per line, or a column of a CSV file. Empty ones are skipped.

    Raises `DataError` for a file that cannot be read, that is too large, or without this column,
    and for a CSV file with several columns if none is named.
    """
    try:
        if path.stat().st_size > _LARGEST_LIST or not path.is_file():
            raise DataError(f"{path}: not a file of allowed values of at most {_LARGEST_LIST // 1_000_000} MB")
        values = _values(path.read_text(encoding="utf-8-sig"), path, column)
    except UnicodeDecodeError:
        raise DataError(f"{path}: the allowed values are not UTF-8 text; save the file as UTF-8") from None
    except (OSError, ValueError) as error:
        # A null byte in the name, which a form may hold, raises ValueError.
        cause = getattr(error, "strerror", None) or str(error)
        raise DataError(f"{path}: the allowed values cannot be read ({cause}); check the path") from None
    except csv.Error as error:
        raise DataError(f"{path}: the allowed values are not CSV ({error}); save the table again") from None
    if not values or len(values) > _MOST_ALLOWED:
        raise DataError(f"{path}: {len(values)} allowed values; there must be 1 to {_MOST_ALLOWED:,}")
    return values


def _values(text: str, path: Path, column: str | None) -> tuple[str, ...]:
    table = csv_table(text.splitlines(keepends=True))
    columns = table.fieldnames or ()
    if column is None:
        if path.suffix.lower() == ".csv" and len(columns) > 1:
            few = "say which has the values, with --allowed-column, or allowed_column in a form"
            raise DataError(f"{path}: has the columns {', '.join(columns)}; {few}")
        return tuple(filter(None, map(str.strip, text.splitlines())))
    if column not in columns:
        raise DataError(f"{path}: no column {column!r}; it has {', '.join(columns)}")
    return tuple(filter(None, ((row[column] or "").strip() for row in table)))


def _compiled(pattern: str) -> regex.Pattern[str]:
    # Only this option needs the library.
    import regex

    if not pattern:
        raise OptionError("the pattern is empty, and no number is; give one such as \\d{4}, or omit it")
    if len(pattern) > _LONGEST:
        raise OptionError(f"the pattern has {len(pattern)} characters; it may have {_LONGEST}")
    try:
        return regex.compile(pattern)
    except regex.error as error:
        place = getattr(error, "pos", None)
        where = "" if place is None else f" after {pattern[:place]!r}"
        cause = str(error).split(" at position")[0]
        raise OptionError(f"the pattern {pattern} is not a regular expression: {cause}{where}") from None
    except (RecursionError, OverflowError, MemoryError):
        raise OptionError(f"the pattern {pattern} is too complicated; make it simpler") from None


def _decimal(name: str, value: Decimal | float | str) -> Decimal:
    try:
        # Messages call 8.0, from the command line, 8.
        found = Decimal(str(value).removesuffix(".0"))
    except InvalidOperation:
        raise OptionError(f"{name}={value}: this is not a number") from None
    if not found.is_finite():
        raise OptionError(f"{name}={value}: this is not a finite number")
    return found
