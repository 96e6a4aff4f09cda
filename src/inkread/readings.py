"""Readings: the result for a picture, with its lines, numbers and digits. Immutable, with JSON in and out."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import groupby
from math import prod
from typing import TYPE_CHECKING, Any, Literal, Protocol

from inkread.errors import OptionError
from inkread.geometry import Box, hull_of
from inkread.style import ANSWER, QUIET, SURE, WARNING, percent
from inkread.tables.table import Table
from inkread.values import Notation, NumberKind, Value, meaning, value_of, value_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from inkread.models.card import Conformal

# In a notebook, longer pages are cut off with a note.
_MOST_LINES = 40

UnreadReason = Literal["word", "print", "drawing", "struck", "unsure"]
"""Why a place is not in the text: it has a word, print, something other than writing, a number that was struck out, or
a digit that is too unsure."""

_UNREAD_WORDS: dict[UnreadReason, tuple[str, str]] = {
    "word": ("word", "words"),
    "print": ("printed text", "printed texts"),
    "drawing": ("drawing", "drawings"),
    "struck": ("struck out", "struck out"),
    "unsure": ("unsure", "unsure"),
}
"""What one place and several places with a reason are called."""

RefusalCode = Literal["blank", "no-digit", "unsure", "unfit"]


@dataclass(frozen=True, slots=True)
class Digit:
    """One digit of a reading.

    digit: 0 to 9.
    confidence: the probability, 0 to 1, that `digit` is right.
    probabilities: ten floats from 0 to 1 that sum to 1, one for each class.
    box: where its ink is, in pixels of the upright picture.
    line: index of its line in `Reading.lines`.
    number: index of its number in `Reading.numbers`.
    non_digit: the probability, 0 to 1, that its ink is not a digit at all, by its shape alone; not in JSON.
    """

    digit: int
    confidence: float
    probabilities: tuple[float, ...] = field(repr=False)
    box: Box
    line: int = 0
    number: int = 0
    _conformal: Conformal | None = field(default=None, repr=False, compare=False)
    non_digit: float = field(default=0.0, repr=False, compare=False)

    def __str__(self) -> str:
        return str(self.digit)

    def candidates(self, probability: float, *, by: Conformal | None = None) -> tuple[int, ...]:
        """Return a set of digits that contains the true one with at least this probability, 0 to 1; likeliest first.

        by: the conformal scores of the model's card, `Reader.card.conformal`. None for those that the picture was read
            with; a reading from JSON has none.

        The probability holds on average over pictures like those that the scores were fitted on, given that the ink is
        one digit. All ten digits are returned if there were too few pictures for the probability: above 0.9965 for 291
        pictures. Raises `OptionError` for a probability out of range, and if there are no scores, because a softmax
        alone guarantees nothing.
        """
        if not 0 <= probability <= 1:
            raise OptionError(f"candidates({probability}): a probability must be between 0 and 1")
        conformal = by or self._conformal
        if conformal is None:
            raise OptionError(
                "candidates need the conformal scores of the model's card, and there are none here; read with the "
                "shipped model, or for a reading from JSON use candidates(..., by=Reader().card.conformal)"
            )
        least = min(conformal.least(probability), max(self.probabilities))
        ranked = sorted(range(len(self.probabilities)), key=lambda digit: -self.probabilities[digit])
        return tuple(digit for digit in ranked if self.probabilities[digit] >= least)


@dataclass(frozen=True, slots=True)
class Sign:
    """One sign of a number.

    sign: one of `. , - / : % + =`.
    confidence: the probability, 0 to 1, that `sign` is right.
    box, line, number: as for a digit.
    probabilities: the probability of each sign, in the order above; not in JSON. They sum to at most 1.
    """

    sign: str
    confidence: float
    box: Box
    line: int = 0
    number: int = 0
    probabilities: tuple[float, ...] = field(default=(0.0,) * 8, repr=False, compare=False)

    def __str__(self) -> str:
        return self.sign


class _Sure(Protocol):
    """Anything that is right with some probability."""

    @property
    def confidence(self) -> float: ...


@dataclass(frozen=True, slots=True)
class Number:
    """Digits and signs on one line without a wide gap.

    characters: the digits and signs, from left to right, as they are written.
    kind: "integer", "decimal", "date", "time", "fraction", "percent" or "other".
    value: what the text means: a `Decimal`, a `date` or a `time`; None if that is not certain. The value of 98% is 98.
    confidence: the probability, 0 to 1, that the text is right; if something was expected, among the texts that fit.
    read: the likeliest text without the expectation, if the expectation changed it.
    row, column: its first row and column in its table, from 0; None if it is in no table.
    """

    characters: tuple[Digit | Sign, ...]
    kind: NumberKind
    value: Value
    confidence: float
    read: str | None = None
    row: int | None = None
    column: int | None = None

    @classmethod
    def of(cls, characters: Sequence[Digit | Sign], notation: Notation) -> Number:
        """Return the number with these characters, whose value follows from how numbers are written."""
        found = meaning("".join(map(str, characters)), notation)
        return cls(tuple(characters), found.kind, found.value, round(all_right(characters), 6))

    @property
    def text(self) -> str:
        """Its digits and signs."""
        return "".join(map(str, self.characters))

    @property
    def digits(self) -> tuple[Digit, ...]:
        """Its digits."""
        return tuple(character for character in self.characters if isinstance(character, Digit))

    @property
    def signs(self) -> tuple[Sign, ...]:
        """Its signs."""
        return tuple(character for character in self.characters if isinstance(character, Sign))

    @property
    def line(self) -> int:
        """The index of its line in `Reading.lines`."""
        return self.characters[0].line

    @property
    def box(self) -> Box:
        """Where its ink is, in pixels of the upright picture."""
        return hull_of(character.box for character in self.characters)

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Line:
    """Numbers side by side."""

    numbers: tuple[Number, ...]

    @property
    def text(self) -> str:
        """Its numbers, separated by spaces."""
        return " ".join(number.text for number in self.numbers)

    @property
    def digits(self) -> tuple[Digit, ...]:
        """Its digits, from left to right."""
        return tuple(digit for number in self.numbers for digit in number.digits)

    @property
    def confidence(self) -> float:
        """The probability, 0 to 1, that all of its digits and signs are right."""
        return all_right(self.numbers)

    @property
    def box(self) -> Box:
        """Where its ink is, in pixels of the upright picture."""
        return hull_of(number.box for number in self.numbers)

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Unread:
    """A place with ink that is not in the text.

    box: where it is, in pixels of the upright picture.
    reason: why it is not in the text: "word", "print", "drawing", "struck" or "unsure".
    """

    box: Box
    reason: UnreadReason


def count_unread(unread: Iterable[Unread]) -> str:
    """Return how many places were not read for each reason, as in "3 words, 1 drawing"; empty if there are none."""
    counts = Counter(place.reason for place in unread)
    return ", ".join(
        f"{counts[reason]} {words[counts[reason] > 1]}" for reason, words in _UNREAD_WORDS.items() if counts[reason]
    )


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a reading was refused: a code for programs and a sentence for people."""

    code: RefusalCode
    message: str


@dataclass(frozen=True, slots=True)
class Reading:
    """The result for one picture.

    picture: the name of the picture, as it was given; a page of a file with several is "scan.pdf#2".
    numbers: the numbers of all lines, in reading order; empty if the reading was refused.
    confidence: the probability, 0 to 1, that the whole text is right; None if the reading was refused.
    unread: what was seen on the picture and is not in the text.
    refused: why the reading was refused, or None.
    page: which page of the picture was read, from 1.
    tables: the tables and rows of boxes, from top to bottom; empty if the reading was refused.
    """

    picture: str
    numbers: tuple[Number, ...] = ()
    confidence: float | None = None
    unread: tuple[Unread, ...] = ()
    refused: Refusal | None = None
    page: int = 1
    tables: tuple[Table, ...] = ()
    _draw: Callable[[], Figure] | None = field(default=None, repr=False, compare=False)

    @property
    def lines(self) -> tuple[Line, ...]:
        """The lines, from top to bottom; empty if the reading was refused."""
        return tuple(Line(tuple(group)) for _, group in groupby(self.numbers, key=lambda number: number.line))

    @property
    def digits(self) -> tuple[Digit, ...]:
        """The digits of all numbers, in reading order."""
        return tuple(digit for number in self.numbers for digit in number.digits)

    @property
    def signs(self) -> tuple[Sign, ...]:
        """The signs of all numbers, in reading order."""
        return tuple(sign for number in self.numbers for sign in number.signs)

    @property
    def text(self) -> str:
        """The lines joined by line breaks, with spaces between numbers; empty if the reading was refused."""
        return "\n".join(line.text for line in self.lines)

    def figure(self) -> Figure:
        """Return a matplotlib figure of every step from the picture to the answer.

        The picture is opened again, so it must not have changed since it was read. Raises `ValueError` for a reading
        from JSON or from another process, which has no picture.
        """
        if self._draw is None:
            raise ValueError("this reading has no picture; read the picture again to draw its steps")
        return self._draw()

    def _repr_html_(self) -> str:
        """Return the HTML that a notebook shows: the text, its confidence, and unsure digits in another colour."""
        return _html(self)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object that the command line prints; docs/cli.md describes it."""
        return {
            "picture": self.picture,
            "page": self.page,
            "text": self.text,
            "lines": [line.text for line in self.lines],
            "confidence": self.confidence,
            "refused": asdict(self.refused) if self.refused else None,
            "numbers": [
                {
                    "text": number.text,
                    "read": number.read,
                    "value": value_text(number.value),
                    "kind": number.kind,
                    "confidence": number.confidence,
                    "box": list(number.box),
                    "line": number.line,
                    "row": number.row,
                    "column": number.column,
                    "field": None,
                }
                for number in self.numbers
            ],
            "digits": [
                {
                    "digit": digit.digit,
                    "confidence": digit.confidence,
                    "probabilities": list(digit.probabilities),
                    "box": list(digit.box),
                    "line": digit.line,
                    "number": digit.number,
                }
                for digit in self.digits
            ],
            "signs": [
                {
                    "sign": sign.sign,
                    "confidence": sign.confidence,
                    "box": list(sign.box),
                    "line": sign.line,
                    "number": sign.number,
                }
                for sign in self.signs
            ],
            "unread": [{"box": list(unread.box), "reason": unread.reason} for unread in self.unread],
            "tables": [table.to_dict() for table in self.tables],
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Reading:
        """Return the reading of a JSON object from `to_dict`.

        Raises `KeyError`, `TypeError`, `ValueError` or `StopIteration` for other objects.
        """
        digits, signs = iter(values["digits"]), iter(values["signs"])

        def character(text: str) -> Digit | Sign:
            if text.isdigit():
                found = next(digits)
                row = tuple(found["probabilities"])
                return Digit(
                    found["digit"], found["confidence"], row, Box(*found["box"]), found["line"], found["number"]
                )
            found = next(signs)
            return Sign(found["sign"], found["confidence"], Box(*found["box"]), found["line"], found["number"])

        return cls(
            picture=values["picture"],
            numbers=tuple(
                Number(
                    tuple(map(character, number["text"])),
                    number["kind"],
                    value_of(number["kind"], number["value"]),
                    number["confidence"],
                    number["read"],
                    number["row"],
                    number["column"],
                )
                for number in values["numbers"]
            ),
            confidence=values["confidence"],
            unread=tuple(Unread(Box(*place["box"]), place["reason"]) for place in values["unread"]),
            refused=Refusal(**values["refused"]) if values["refused"] else None,
            page=values["page"],
            tables=tuple(
                Table.from_dict(table, [number["text"] for number in values["numbers"]]) for table in values["tables"]
            ),
        )

    def to_json(self) -> str:
        """Return `to_dict` as one line of JSON."""
        return json.dumps(self.to_dict(), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Reading:
        """Return the reading of `to_json`. Raises the errors of `from_dict`, and `ValueError` for other text."""
        return cls.from_dict(json.loads(text))

    # A reading is sent to other processes without its picture.
    def __getstate__(self) -> dict[str, Any]:
        return {
            "picture": self.picture,
            "numbers": self.numbers,
            "confidence": self.confidence,
            "unread": self.unread,
            "refused": self.refused,
            "page": self.page,
            "tables": self.tables,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in {**state, "_draw": None}.items():
            object.__setattr__(self, name, value)


def all_right(parts: Iterable[_Sure]) -> float:
    """Return the probability, 0 to 1, that all of these digits, signs or numbers are right."""
    return prod(part.confidence for part in parts)


def _html(reading: Reading) -> str:
    """Return a reading as HTML: its text in large characters, each with a tooltip, and the confidence in all of it."""
    name = f'<span style="color:{QUIET}">{_escaped(reading.picture)}</span>'
    unread = count_unread(reading.unread)
    rest = f'<div style="color:{QUIET}">not in the text: {_escaped(unread)}</div>' if unread else ""
    if reading.refused:
        refused = f"{_escaped(reading.refused.code)}: {_escaped(reading.refused.message)}"
        return f'<div>{name}<br><span style="color:{WARNING}">{refused}</span>{rest}</div>'
    lines = [_line_html(line) for line in reading.lines[:_MOST_LINES]]
    if more := len(reading.lines) - len(lines):
        lines.append(f'<span style="color:{QUIET}">and {more} more lines</span>')
    sure = f'<span style="color:{QUIET}">{_escaped(percent(reading.confidence or 0.0))} sure of all</span>'
    text = "<br>".join(lines)
    return f'<div>{name}<div style="font:1.6em/1.3 monospace">{text}</div>{sure}{rest}</div>'


def _escaped(text: str) -> str:
    # Only notebooks show readings as HTML.
    from html import escape

    return escape(text)


def _line_html(line: Line) -> str:
    return " &nbsp;".join("".join(map(_character_html, number.characters)) for number in line.numbers)


def _character_html(character: Digit | Sign) -> str:
    colour = ANSWER if character.confidence >= SURE else WARNING
    x, y, w, h = character.box
    title = f"{character}: {_escaped(percent(character.confidence))}, at {x}, {y}, {w} x {h} pixels"
    return f'<span style="color:{colour}" title="{title}">{character}</span>'
