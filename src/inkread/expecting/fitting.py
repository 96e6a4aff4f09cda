"""Fitting: the likeliest numbers of a picture that fit what is expected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain
from time import thread_time

from inkread.expecting.decoding import Expectation, Fit, Slot, likeliest_fit
from inkread.marks import SIGNS
from inkread.readings import Digit, Number, Sign, Unread
from inkread.values import Notation

_SECONDS = 10.0
"""The most processor time for a picture. A hostile pattern takes nearly its limit for each of many texts."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """The numbers of a picture, fitted to what is expected.

    numbers: the numbers that fit.
    unread: digits and signs that belong to no text that fits.
    unfit: the likeliest text of the first number that cannot fit; None if all fit.
    """

    numbers: tuple[Number, ...]
    unread: tuple[Unread, ...] = ()
    unfit: str | None = None


def fit_numbers(numbers: Sequence[Number], expect: Expectation, notation: Notation, *, together: bool) -> Fitted:
    """Return the likeliest numbers that fit.

    together: whether all digits and signs of the picture are one number.

    Raises `OptionError` if it takes too long.
    """
    until = thread_time() + _SECONDS
    if together and numbers:
        numbers = [Number.of(list(chain.from_iterable(number.characters for number in numbers)), notation)]
    fitted: list[Number] = []
    unread: list[Unread] = []
    for index, number in enumerate(numbers):
        if not number.digits:
            # A dash in a cell says that there is no number.
            fitted.append(number)
            continue
        fit = likeliest_fit([_slot(character) for character in number.characters], expect, notation, until=until)
        if fit is None:
            return Fitted((), unfit=number.text)
        fitted.append(_as_it_fits(number, fit, notation, index))
        gone = zip(number.characters, fit.characters, strict=True)
        unread += [Unread(character.box, "unsure") for character, chosen in gone if not chosen]
    return Fitted(tuple(fitted), tuple(unread))


def _slot(character: Digit | Sign) -> Slot:
    """Return what a digit or a sign may be."""
    if isinstance(character, Digit):
        digits = [(str(digit), likely) for digit, likely in enumerate(character.probabilities)]
        return [*digits, ("", character.non_digit)]
    return [*zip(SIGNS, character.probabilities, strict=True), ("", 1 - sum(character.probabilities))]


def _as_it_fits(number: Number, fit: Fit, notation: Notation, index: int) -> Number:
    characters: list[Digit | Sign] = []
    for character, chosen, share in zip(number.characters, fit.characters, fit.shares, strict=True):
        if not chosen:
            continue
        sure = round(min(share[chosen], 1.0), 6)
        if isinstance(character, Sign):
            characters.append(replace(character, sign=chosen, confidence=sure, number=index))
            continue
        whole = sum(share.get(str(digit), 0.0) for digit in range(10))
        row = tuple(round(share.get(str(digit), 0.0) / whole, 6) for digit in range(10))
        characters.append(replace(character, digit=int(chosen), confidence=sure, probabilities=row, number=index))
    found = Number.of(characters, notation)
    read = number.text if number.text != found.text else None
    return replace(found, read=read, confidence=round(fit.confidence, 6))
