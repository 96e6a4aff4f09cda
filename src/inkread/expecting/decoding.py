"""Decoding: the likeliest text of a number among those that fit an expectation.

Each digit and sign of a number may be one of several characters, or nothing. The search goes from the likeliest text
on (A*, Hart et al. 1968). It drops a beginning with which no fitting text can begin.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import count
from math import exp, inf, log
from time import thread_time
from typing import Protocol

from inkread.errors import OptionError
from inkread.values import Notation

Slot = Sequence[tuple[str, float]]
"""The characters that a place may have, each with its probability; "" for none."""

_LEAST = 0.003
"""A character with a smaller probability is not legible, so no text has it."""

_STEPS = 20_000
"""The search looks at no more than this many beginnings of texts."""

_ENOUGH = 1e-4
"""The search ends at a text that is less likely than this, compared with the likeliest that fits."""


class Expectation(Protocol):
    """What is expected of a text: an `Expect`, or the rule of a form's field."""

    def may_begin(self, text: str) -> bool:
        """Tell whether a text that fits may begin like this."""

    def fits(self, text: str, notation: Notation) -> bool:
        """Tell whether a whole text fits, given how numbers are written."""


@dataclass(frozen=True, slots=True)
class Fit:
    """The likeliest text that fits.

    characters: the character of each place; "" for a place that is not part of the text.
    confidence: the probability, 0 to 1, of this text among those that fit.
    shares: for each place, the probability of each character among the texts that fit.
    """

    characters: tuple[str, ...]
    confidence: float
    shares: tuple[dict[str, float], ...]


def likeliest_fit(slots: Sequence[Slot], expect: Expectation, notation: Notation, *, until: float = inf) -> Fit | None:
    """Return the likeliest text of a number that fits, or None if no legible one does.

    until: when the search is given up, in seconds of `time.thread_time`; then it raises `OptionError`.
    """
    found: list[tuple[tuple[str, ...], float]] = []
    for characters, probability in _likeliest(slots, expect, until):
        if found and probability < _ENOUGH * found[0][1]:
            break
        if expect.fits("".join(characters), notation):
            found.append((characters, probability))
    if not found:
        return None
    # Two ways to the same text differ only in which place is not part of it.
    whole = sum(probability for _, probability in found)
    text = "".join(found[0][0])
    shares: tuple[dict[str, float], ...] = tuple({} for _ in slots)
    for characters, probability in found:
        for share, character in zip(shares, characters, strict=True):
            share[character] = share.get(character, 0.0) + probability / whole
    same = sum(probability for characters, probability in found if "".join(characters) == text)
    return Fit(found[0][0], same / whole, shares)


def _likeliest(slots: Sequence[Slot], expect: Expectation, until: float) -> Iterator[tuple[tuple[str, ...], float]]:
    """Yield the legible texts whose beginnings may fit, with their probabilities, the likeliest first."""
    options = [
        sorted(
            ((-log(likely), character) for character, likely in slot if likely >= _LEAST), key=lambda option: option[0]
        )
        for slot in slots
    ]
    if not all(options):
        return
    # The cost of the cheapest way from each place to the end.
    ahead = [0.0]
    for own in reversed(options):
        ahead.append(ahead[-1] + own[0][0])
    ahead.reverse()
    order = count()
    waiting: list[tuple[float, int, float, tuple[str, ...]]] = [(ahead[0], next(order), 0.0, ())]
    for _ in range(_STEPS):
        if not waiting:
            return
        if thread_time() > until:
            raise OptionError("it takes too long to find what fits the pattern; make it simpler")
        _, _, cost, characters = heappop(waiting)
        place = len(characters)
        if place == len(options):
            yield characters, exp(-cost)
            continue
        for more, character in options[place]:
            if not character or expect.may_begin("".join(characters) + character):
                heappush(waiting, (cost + more + ahead[place + 1], next(order), cost + more, (*characters, character)))
