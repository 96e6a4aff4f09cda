"""Which pixels of a glyph speak for an answer and which against it, found by covering and by adding ink.

Occlusion (Zeiler and Fergus 2014, "Visualizing and understanding convolutional networks", section 4.2) needs nothing
of a network but its answers, so it works with every model. Theirs covers what is there; on a glyph what is *not* there
speaks as loudly, the gap that makes an 8 a 3, so dots of ink are added as well.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

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
