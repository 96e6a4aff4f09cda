"""Which pixels of a glyph support an answer or contradict it, and how few changes would give another answer.

The method is occlusion (Zeiler and Fergus 2014, "Visualizing and understanding convolutional networks", section 4.2).
It needs only the answers of a network, so it works with every model. The paper covers parts of an image. On a glyph,
missing ink matters as much as ink: a gap turns an 8 into a 3. So dots of ink are added as well as erased.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from inkread.glyphs import CLASSES

SIDE = 28

Classify = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""A function from glyphs, (N, 28, 28) in 0..1, to probabilities, (N, 11). See `Classifier.classify`."""


def dots(radius: float) -> NDArray[np.float32]:
    """Return a soft round dot at each pixel of a glyph, row by row: (784, 28, 28) in 0..1. The radius is in pixels."""
    along = np.arange(SIDE)
    # The squared distance from each centre to each pixel along one side, (28, 28).
    apart = np.square(along[:, None] - along)
    distance = np.sqrt(apart[:, None, :, None] + apart[None, :, None, :])
    return np.asarray(np.clip(radius + 0.5 - distance, 0, 1).reshape(-1, SIDE, SIDE), np.float32)


_DOTS = dots(2.5)
"""Dots twice as wide as a stroke. With narrower dots, a confident network stays confident, and the maps are noise."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """How much each pixel supports an answer: how far its log odds fall, in nats, when the pixel is changed.

    A value above 0 supports the answer, a value below 0 contradicts it. A change is a dot twice as wide as a stroke.
    Both maps are (28, 28) float32.

    ink: the effect of erasing the ink at a pixel; 0 where there is no ink.
    paper: the effect of adding ink at a pixel; 0 where there is full ink.
    """

    ink: NDArray[np.float32] = field(repr=False)
    paper: NDArray[np.float32] = field(repr=False)


def evidence(glyph: NDArray[np.float32], answer: int, classify: Classify) -> Evidence:
    """Return how far each pixel of a glyph, (28, 28) float32 in 0..1, supports an answer, 0 to 10 (10: non-digit)."""
    now = log_odds(classify(glyph[None]), answer)[0]
    erased, inked = (now - log_odds(classify(glyphs), answer) for glyphs in (erase(glyph, _DOTS), add(glyph, _DOTS)))
    # A pixel that is half ink and half paper counts half for each.
    return Evidence(
        ink=np.asarray(erased.reshape(SIDE, SIDE) * glyph, np.float32),
        paper=np.asarray(inked.reshape(SIDE, SIDE) * (1 - glyph), np.float32),
    )


def erase(glyph: NDArray[np.float32], marks: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return a glyph with the ink under each mark, (N, 28, 28), erased: (N, 28, 28)."""
    return glyph * (1 - marks)


def add(glyph: NDArray[np.float32], marks: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return a glyph with each mark, (N, 28, 28), added as ink: (N, 28, 28)."""
    return np.maximum(glyph, marks)


def log_odds(probabilities: NDArray[np.float32], answer: int) -> NDArray[np.float64]:
    """Return the log odds, in nats, of an answer against all others: (N,), from probabilities (N, 11).

    The others are summed up. Subtracting from 1 would lose them, since a float32 near 1 is not precise enough.
    """
    exact = np.maximum(probabilities.astype(np.float64), 1e-30)
    return np.asarray(np.log(exact[:, answer]) - np.log(np.delete(exact, answer, axis=1).sum(axis=1)))


_MOST_DOTS = 16
_PLACES = SIDE * SIDE
_TOUCHES = 0.4
"""A dot touches the writing if some pixel under it has at least this share of full ink."""

_SMALL_DOTS = dots(1.9)
"""Dots hardly wider than a stroke."""


@dataclass(frozen=True, slots=True)
class Change:
    """A set of dots, all of them needed, after which the network gives another answer.

    answer: the digit that is then read, 0 to 9.
    added, erased: row and column of each dot that was added or erased. A dot is hardly wider than a stroke.
    glyph: the changed glyph, (28, 28) float32 in 0..1.
    probability: the probability that the network then gives to the answer, 0 to 1.
    """

    answer: int
    added: tuple[tuple[int, int], ...]
    erased: tuple[tuple[int, int], ...]
    glyph: NDArray[np.float32] = field(repr=False)
    probability: float

    @property
    def words(self) -> str:
        """The change in words: "2 dots of ink added, 1 erased"."""
        parts = [(len(self.added), "added"), (len(self.erased), "erased")]
        told = [f"{count} {what}" for count, what in parts if count]
        first, _, rest = told[0].partition(" ")
        return ", ".join([f"{first} dot{'s' if first != '1' else ''} of ink {rest}", *told[1:]])


def smallest_change(glyph: NDArray[np.float32], answer: int, classify: Classify) -> Change | None:
    """Return a small change of a glyph, (28, 28) in 0..1, that makes the network read another digit.

    answer: what the network answers now, 0 to 10.

    The search adds or erases one dot at a time, always the one that raises the log odds of another digit most, until
    another digit is read. Then it undoes the dots that are not needed. The result is small, but not always the
    smallest. Added dots must touch the writing. Fewer separate specks would also deceive the network, but they tell a
    person nothing. Returns None if 16 dots are not enough.
    """
    others = [digit for digit in range(CLASSES) if digit != answer]
    # A move is the index of a pixel, row by row, for a dot to add. An erased dot has 784 added to the index.
    moves: list[int] = []
    while len(moves) < _MOST_DOTS:
        now = _apply(glyph, moves)
        candidates = classify(np.concatenate([add(now, _SMALL_DOTS), erase(now, _SMALL_DOTS)]))
        gain = np.max([log_odds(candidates, digit) for digit in others], axis=0)
        gain[:_PLACES][np.minimum(now, _SMALL_DOTS).max(axis=(1, 2)) < _TOUCHES] = -np.inf
        moves.append(int(gain.argmax()))
        if (towards := int(candidates[moves[-1]].argmax())) in others:
            return _change_by(glyph, _drop_unneeded(glyph, moves, towards, classify), towards, classify)
    return None


def _apply(glyph: NDArray[np.float32], moves: list[int]) -> NDArray[np.float32]:
    for move in moves:
        dot = _SMALL_DOTS[move % _PLACES]
        glyph = add(glyph, dot) if move < _PLACES else erase(glyph, dot)
    return glyph


def _drop_unneeded(glyph: NDArray[np.float32], moves: list[int], towards: int, classify: Classify) -> list[int]:
    """Return the moves without those that do not affect the answer, tried from the first to the last."""
    for move in list(moves):
        fewer = [other for other in moves if other != move]
        if fewer and classify(_apply(glyph, fewer)[None])[0].argmax() == towards:
            moves = fewer
    return moves


def _change_by(glyph: NDArray[np.float32], moves: list[int], towards: int, classify: Classify) -> Change:
    changed = _apply(glyph, moves)
    places = [(move % _PLACES // SIDE, move % SIDE) for move in moves]
    added = tuple(place for place, move in zip(places, moves, strict=True) if move < _PLACES)
    erased = tuple(place for place, move in zip(places, moves, strict=True) if move >= _PLACES)
    return Change(towards, added, erased, changed, float(classify(changed[None])[0, towards]))
