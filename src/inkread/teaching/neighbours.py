"""Neighbours: how taught digits weigh in what the network makes of another glyph.

Two things are asked of a taught digit. What lies next to it in the network's features is the same digit, whatever the
network says: a kernel estimate, in which the network counts as one example (Nadaraya and Watson 1964). And where the
network was wrong about it, it is likely to be wrong in the same way about what is farther off, too: a Gaussian process
on the features whose mean is the network's answer, so that digits it knew already change next to nothing (Rasmussen
and Williams 2006, "Gaussian processes for machine learning", 3.5). Both fade with the distance, and what is far from
all that was taught stays as it was. Only the first can tell that something is a digit which the network takes for none:
the second would, with every taught digit, also let letters pass.

The distance is 1 - the cosine of the square roots of two glyphs' features, so that a few strong responses do not drown
what the many weak ones tell (Hellinger's kernel; Arandjelovic and Zisserman 2012, "Three things everyone should know to
improve object retrieval"). benchmarks/teach_study.py has the measurements behind the numbers below.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from inkread.glyphs import CLASSES
from inkread.models.probabilities import given_a_digit

Floats = NDArray[np.float64]

MOST = 2000
"""So many lessons count, the newest of a profile; who has more trains a network with them: `inkread train --own`."""

_NEXT, _NEXT_WEIGHT = 0.07, 16.0  # width of the near kernel, and what one lesson weighs where the network weighs 1
_FAR, _FAR_VARIANCE = 0.35, 64.0  # width of the far kernel, and its variance, of log probabilities
_NEARLY = 0.03  # what is no farther apart is taken for nearly the same glyph
_SAME_WEIGHT = 1000.0  # what a lesson weighs for its very glyph
_LEAST = 1e-9  # no probability is taken for less, or its logarithm would outweigh everything
_STEPS, _CLOSE = 400, 1e-4  # of the search for the residuals: at most so many, until they change by less


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
        kernel = _FAR_VARIANCE * _kernel(self._features, self._features, _FAR)
        self._residuals = _residuals(kernel, _logs(probabilities[-MOST:]), self._truth)

    def reweigh(
        self, glyphs: NDArray[np.uint8], probabilities: NDArray[np.float32], features: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Return probabilities, (N, 11), for glyphs, (N, 28, 28) uint8, with those and the features of the network."""
        own = _directions(features)
        none = np.asarray(probabilities[:, CLASSES:], float)
        far = _FAR_VARIANCE * _kernel(own, self._features, _FAR) @ self._residuals
        digits = (1 - none) * _softmax(_logs(probabilities) + far)
        near = _NEXT_WEIGHT * _kernel(own, self._features, _NEXT) @ self._truth
        for row, glyph in zip(near, glyphs, strict=True):
            if (label := self._same.get(glyph.tobytes())) is not None:
                row[:] = _SAME_WEIGHT * np.eye(CLASSES)[label]
        weighed = np.hstack([digits + near, none])
        return np.asarray(weighed / weighed.sum(axis=1, keepdims=True), np.float32)


def nearly_same(one: NDArray[np.floating], others: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Tell which features, (n, K), are of nearly the same glyph as one, (K,): of a picture saved anew, for example."""
    return np.asarray((_directions(others) @ _directions(one[None]).T)[:, 0] > 1 - _NEARLY, np.bool_)


def _directions(features: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return the square roots of features, (n, K), with their signs, brought to length 1."""
    roots = np.copysign(np.sqrt(np.abs(features)), features)
    lengths = np.linalg.norm(roots, axis=1, keepdims=True)
    return np.asarray(roots / np.maximum(lengths, 1e-12), np.float32)


def _kernel(one: NDArray[np.float32], other: NDArray[np.float32], width: float) -> Floats:
    """Return the kernel of two rows of directions, (n, K) and (m, K): (n, m), 1 where they are alike."""
    return np.asarray(np.exp((one @ other.T - 1).astype(np.float64) / width), np.float64)


def _logs(probabilities: NDArray[np.floating]) -> Floats:
    """Return the log probabilities of the ten digits, (N, 10), given that it is a digit."""
    return np.log(np.maximum(given_a_digit(np.asarray(probabilities, np.float32)), _LEAST)).astype(np.float64)


def _softmax(logs: Floats) -> Floats:
    powers = np.exp(logs - logs.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), np.float64)


def _residuals(kernel: Floats, logs: Floats, truth: Floats) -> Floats:
    """Return what each lesson adds to the log probabilities of its surroundings, (n, 10), before the kernel.

    The most probable function of the process, in which residuals = truth - softmax(logs + kernel @ residuals), is the
    minimum of a convex loss; accelerated descent finds it (Nesterov 1983).
    """
    step = 1 / (1 + 0.5 * float(kernel.sum(axis=1).max()))  # no eigenvalue is larger than the largest sum of a row
    residuals = ahead = np.zeros_like(truth)
    momentum = 1.0
    for _ in range(_STEPS):
        error = _softmax(logs + kernel @ ahead) - truth + ahead
        after = ahead - step * error
        following = (1 + np.sqrt(1 + 4 * momentum * momentum)) / 2
        ahead = after + (momentum - 1) / following * (after - residuals)
        residuals, momentum = after, following
        if np.abs(error).max() < _CLOSE:
            break
    return residuals
