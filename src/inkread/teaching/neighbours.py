"""Neighbours: how taught digits change the network's probabilities for other glyphs.

A taught digit has two effects. A glyph very near to it in the network's features gets its label, whatever the network
says: a kernel estimate, in which the network counts as one example (Nadaraya and Watson 1964). And if the network was
wrong about the taught digit, it is probably wrong in the same way about glyphs that are less near: a Gaussian process
on the features whose mean is the network's answer, so that taught digits that the network already knew change almost
nothing (Rasmussen and Williams 2006, "Gaussian processes for machine learning", 3.5). Both effects fade with the
distance; glyphs far from all taught digits keep the network's answer. Only the first effect can turn a non-digit into a
digit. If the second could, each taught digit would let letters pass as digits too.

The distance is 1 - the cosine of the square roots of two glyphs' features. The square root keeps a few strong features
from hiding the many weak ones (Hellinger's kernel; Arandjelovic and Zisserman 2012, "Three things everyone should know
to improve object retrieval"). benchmarks/teach_study.py has the measurements behind the constants below.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from inkread.glyphs import CLASSES
from inkread.models.probabilities import given_a_digit, softmax

Floats = NDArray[np.float64]

MOST = 2000
"""How many lessons of a profile count, the newest ones. With more, train a network: `inkread train --own`."""

# The width of the near kernel, and the weight of one lesson in it; the network's weight is 1.
_NEXT, _NEXT_WEIGHT = 0.07, 16.0

# The width of the far kernel, and its variance in log probabilities.
_FAR, _FAR_VARIANCE = 0.35, 64.0

# Two glyphs with at most this distance are nearly the same.
_NEARLY = 0.03

# The weight of a lesson for exactly its glyph.
_SAME_WEIGHT = 1000.0

# Smaller probabilities are raised to this, because their logarithms would outweigh everything else.
_LEAST = 1e-9

# The search for the residuals takes at most this many steps, and ends when the error is smaller than this.
_STEPS, _CLOSE = 400, 1e-4


class Neighbours:
    """The lessons of a profile as one network sees them.

    labels: (n,) 0 to 9. glyphs: (n, 28, 28) uint8. probabilities: (n, 11) and features: (n, K), as
        `Classifier.classify_with_features` gives them.
    """

    def __init__(
        self,
        labels: Sequence[int],
        glyphs: Sequence[NDArray[np.uint8]],
        probabilities: NDArray[np.floating],
        features: NDArray[np.floating],
    ) -> None:
        labels, glyphs = labels[-MOST:], glyphs[-MOST:]
        self._same = {glyph.tobytes(): label for glyph, label in zip(glyphs, labels, strict=True)}
        self._truth = np.eye(CLASSES)[np.asarray(labels, int)]
        self._features = _directions(features[-MOST:])
        # With 32 bits, the products take a third of the time and differ in the ninth digit.
        kernel = (_FAR_VARIANCE * _kernel(self._features @ self._features.T, _FAR)).astype(np.float32)
        self._residuals = _residuals(kernel, _logs(probabilities[-MOST:]), self._truth)

    def reweigh(
        self, glyphs: NDArray[np.uint8], probabilities: NDArray[np.float32], features: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Return new probabilities, (N, 11), for glyphs, (N, 28, 28) uint8.

        probabilities, features: the network's for the same glyphs.
        """
        # Both kernels come from one product, which takes nearly all of the time.
        cosines = _directions(features) @ self._features.T
        non_digit = np.asarray(probabilities[:, CLASSES:], float)
        far = _FAR_VARIANCE * _kernel(cosines, _FAR) @ self._residuals
        digits = (1 - non_digit) * softmax(_logs(probabilities) + far)
        near = _NEXT_WEIGHT * _kernel(cosines, _NEXT) @ self._truth
        for row, glyph in zip(near, glyphs, strict=True):
            if (label := self._same.get(glyph.tobytes())) is not None:
                row[:] = _SAME_WEIGHT * np.eye(CLASSES)[label]
        weighed = np.hstack([digits + near, non_digit])
        return np.asarray(weighed / weighed.sum(axis=1, keepdims=True), np.float32)


def nearly_same(one: NDArray[np.floating], others: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Tell which features, (n, K), belong to nearly the same glyph as one, (K,), such as a picture saved again."""
    return np.asarray((_directions(others) @ _directions(one[None]).T)[:, 0] > 1 - _NEARLY, np.bool_)


def _directions(features: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return the square roots of features, (n, K), with their signs, scaled to length 1."""
    roots = np.copysign(np.sqrt(np.abs(features)), features)
    lengths = np.linalg.norm(roots, axis=1, keepdims=True)
    return np.asarray(roots / np.maximum(lengths, 1e-12), np.float32)


def _kernel(cosines: NDArray[np.float32], width: float) -> Floats:
    """Return the kernel of the cosines between directions, of the same shape: 1 for equal directions."""
    return np.asarray(np.exp((cosines - 1).astype(np.float64) / width), np.float64)


def _logs(probabilities: NDArray[np.floating]) -> Floats:
    """Return the log probabilities of the ten digits, (N, 10), given that the glyph is a digit."""
    return np.log(np.maximum(given_a_digit(np.asarray(probabilities, np.float32)), _LEAST)).astype(np.float64)


def _residuals(kernel: NDArray[np.float32], logs: Floats, truth: Floats) -> Floats:
    """Return what each lesson adds to the log probabilities of glyphs near it, (n, 10), before the kernel.

    The most probable function of the process, in which residuals = truth - softmax(logs + kernel @ residuals), is the
    minimum of a convex loss; accelerated descent finds it (Nesterov 1983).
    """
    # No eigenvalue is larger than the largest sum of a row.
    step = 1 / (1 + 0.5 * float(kernel.sum(axis=1).max()))
    residuals = ahead = np.zeros_like(truth)
    momentum = 1.0
    for _ in range(_STEPS):
        error = softmax(logs + kernel @ ahead.astype(np.float32)) - truth + ahead
        after = ahead - step * error
        following = (1 + np.sqrt(1 + 4 * momentum * momentum)) / 2
        ahead = after + (momentum - 1) / following * (after - residuals)
        residuals, momentum = after, following
        if np.abs(error).max() < _CLOSE:
            break
    return residuals
