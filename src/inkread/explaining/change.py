"""What would have to change for a glyph to be read as something else: a few dots of ink, added or taken away."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inkread.explaining.evidence import SIDE, Classify, adding, dots, erasing, log_odds
from inkread.glyphs import CLASSES

_MOST_DOTS = 16
_PLACES = SIDE * SIDE
_TOUCHES = 0.4  # of full ink

_DOTS = dots(1.9)
"""Hardly wider than a stroke."""


@dataclass(frozen=True, slots=True)
class Change:
    """A set of dots of which none can be left out, after which the network gives another answer.

    answer: the digit that is then read, 0 to 9.
    added, erased: where dots of ink, hardly wider than a stroke, were added and taken away: row and column of each.
    glyph: the changed glyph, (28, 28) float32 in 0..1.
    probability: how likely the network then finds that answer, 0 to 1.
    """

    answer: int
    added: tuple[tuple[int, int], ...]
    erased: tuple[tuple[int, int], ...]
    glyph: NDArray[np.float32]
    probability: float

    @property
    def words(self) -> str:
        """The change in words: "2 dots of ink added, 1 taken away"."""
        parts = [(len(self.added), "added"), (len(self.erased), "taken away")]
        told = [f"{count} {what}" for count, what in parts if count]
        first, _, rest = told[0].partition(" ")
        return ", ".join([f"{first} dot{'s' if first != '1' else ''} of ink {rest}", *told[1:]])


def smallest_change(glyph: NDArray[np.float32], answer: int, classify: Classify) -> Change | None:
    """Return a small change of a glyph, (28, 28) in 0..1, that makes the network read another digit.

    Dots are added or taken away one by one, each time the one that brings any other digit nearest, until one is read,
    and then any that is not needed after all is put back. So it is a small set, not for certain the smallest. What is
    added touches the writing: specks beside it, of which fewer would do, deceive the network and tell a person nothing.
    None where 16 dots do not do. `answer` is what the network answers now, 0 to 10.
    """
    others = [digit for digit in range(CLASSES) if digit != answer]
    moves: list[int] = []  # places, row by row; from 784 on, of dots to take away
    while len(moves) < _MOST_DOTS:
        now = _changed(glyph, moves)
        candidates = classify(np.concatenate([adding(now, _DOTS), erasing(now, _DOTS)]))
        gain = np.max([log_odds(candidates, digit) for digit in others], axis=0)
        gain[:_PLACES][np.minimum(now, _DOTS).max(axis=(1, 2)) < _TOUCHES] = -np.inf
        moves.append(int(gain.argmax()))
        if (towards := int(candidates[moves[-1]].argmax())) in others:
            return _change(glyph, _needed(glyph, moves, towards, classify), towards, classify)
    return None


def _changed(glyph: NDArray[np.float32], moves: list[int]) -> NDArray[np.float32]:
    for move in moves:
        dot = _DOTS[move % _PLACES]
        glyph = adding(glyph, dot) if move < _PLACES else erasing(glyph, dot)
    return glyph


def _needed(glyph: NDArray[np.float32], moves: list[int], towards: int, classify: Classify) -> list[int]:
    """Leave out, from the first on, the moves without which the answer is the same."""
    for move in list(moves):
        fewer = [other for other in moves if other != move]
        if fewer and classify(_changed(glyph, fewer)[None])[0].argmax() == towards:
            moves = fewer
    return moves


def _change(glyph: NDArray[np.float32], moves: list[int], towards: int, classify: Classify) -> Change:
    changed = _changed(glyph, moves)
    places = [(move % _PLACES // SIDE, move % SIDE) for move in moves]
    added = tuple(place for place, move in zip(places, moves, strict=True) if move < _PLACES)
    erased = tuple(place for place, move in zip(places, moves, strict=True) if move >= _PLACES)
    return Change(towards, added, erased, changed, float(classify(changed[None])[0, towards]))
