"""Which pixels of a glyph speak for an answer and which against it, and how few of them would change it.

Occlusion (Zeiler and Fergus 2014, "Visualizing and understanding convolutional networks", section 4.2) needs nothing
of a network but its answers, so it works with every model. Theirs covers what is there; on a glyph what is *not* there
speaks as loudly, the gap that makes an 8 a 3, so dots of ink are added as well.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inkread.glyphs import CLASSES

SIDE = 28

Classify = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""From glyphs, (N, 28, 28) in 0..1, to probabilities, (N, 11): see `Classifier.classify`."""


def dots(radius: float) -> NDArray[np.float32]:
    """Return a soft round dot at each pixel of a glyph, row by row: (784, 28, 28) in 0..1; the radius in pixels."""
    along = np.arange(SIDE)
    apart = np.square(along[:, None] - along)  # (28, 28): from each middle to each pixel, along one side
    distance = np.sqrt(apart[:, None, :, None] + apart[None, :, None, :])
    return np.asarray(np.clip(radius + 0.5 - distance, 0, 1).reshape(-1, SIDE, SIDE), np.float32)


_DOTS = dots(2.5)
"""Twice as wide as a stroke. After narrower ones a network that is sure stays as sure, and its maps are noise."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """How much each pixel speaks for an answer: by how much its log odds fall, in nats, when the pixel is changed.

    Above 0 it speaks for the answer, below 0 against it. A change is a dot twice as wide as a stroke. Both are (28, 28)
    float32.

    ink: what happens when the ink there is taken away; 0 where there is none.
    paper: what happens when ink is added there; 0 where there is full ink.
    """

    ink: NDArray[np.float32]
    paper: NDArray[np.float32]


def evidence(glyph: NDArray[np.float32], answer: int, classify: Classify) -> Evidence:
    """Return how the pixels of a glyph, (28, 28) float32 in 0..1, speak for an answer, 0 to 10 (10 is no digit)."""
    now = log_odds(classify(glyph[None]), answer)[0]
    erased, inked = (
        now - log_odds(classify(glyphs), answer) for glyphs in (erasing(glyph, _DOTS), adding(glyph, _DOTS))
    )
    # A pixel that is half ink and half paper tells half of each.
    return Evidence(
        ink=np.asarray(erased.reshape(SIDE, SIDE) * glyph, np.float32),
        paper=np.asarray(inked.reshape(SIDE, SIDE) * (1 - glyph), np.float32),
    )


def erasing(glyph: NDArray[np.float32], marks: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return a glyph with the ink under each of the marks, (N, 28, 28), taken away: (N, 28, 28)."""
    return glyph * (1 - marks)


def adding(glyph: NDArray[np.float32], marks: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return a glyph with each of the marks, (N, 28, 28), as ink on it: (N, 28, 28)."""
    return np.maximum(glyph, marks)


def log_odds(probabilities: NDArray[np.float32], answer: int) -> NDArray[np.float64]:
    """Return the log odds, in nats, of an answer against all others: (N,) of probabilities, (N, 11).

    The others are summed, not taken from 1, since a float32 near 1 has lost them.
    """
    exact = np.maximum(probabilities.astype(np.float64), 1e-30)
    return np.asarray(np.log(exact[:, answer]) - np.log(np.delete(exact, answer, axis=1).sum(axis=1)))


_MOST_DOTS = 16
_PLACES = SIDE * SIDE
_TOUCHES = 0.4  # of full ink

_SMALL_DOTS = dots(1.9)
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
        candidates = classify(np.concatenate([adding(now, _SMALL_DOTS), erasing(now, _SMALL_DOTS)]))
        gain = np.max([log_odds(candidates, digit) for digit in others], axis=0)
        gain[:_PLACES][np.minimum(now, _SMALL_DOTS).max(axis=(1, 2)) < _TOUCHES] = -np.inf
        moves.append(int(gain.argmax()))
        if (towards := int(candidates[moves[-1]].argmax())) in others:
            return _change_by(glyph, _needed(glyph, moves, towards, classify), towards, classify)
    return None


def _changed(glyph: NDArray[np.float32], moves: list[int]) -> NDArray[np.float32]:
    for move in moves:
        dot = _SMALL_DOTS[move % _PLACES]
        glyph = adding(glyph, dot) if move < _PLACES else erasing(glyph, dot)
    return glyph


def _needed(glyph: NDArray[np.float32], moves: list[int], towards: int, classify: Classify) -> list[int]:
    """Leave out, from the first on, the moves without which the answer is the same."""
    for move in list(moves):
        fewer = [other for other in moves if other != move]
        if fewer and classify(_changed(glyph, fewer)[None])[0].argmax() == towards:
            moves = fewer
    return moves


def _change_by(glyph: NDArray[np.float32], moves: list[int], towards: int, classify: Classify) -> Change:
    changed = _changed(glyph, moves)
    places = [(move % _PLACES // SIDE, move % SIDE) for move in moves]
    added = tuple(place for place, move in zip(places, moves, strict=True) if move < _PLACES)
    erased = tuple(place for place, move in zip(places, moves, strict=True) if move >= _PLACES)
    return Change(towards, added, erased, changed, float(classify(changed[None])[0, towards]))
