"""Scores: how right a row of answers is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def confusion_matrix(truth: NDArray[np.integer], answers: NDArray[np.integer]) -> NDArray[np.int64]:
    """Return how often each digit, 0 to 9, got each answer: (10, 10), a row for each true digit."""
    matrix = np.zeros((10, 10), np.int64)
    np.add.at(matrix, (truth, answers), 1)
    return matrix


def cross_entropy(truth: NDArray[np.integer], probabilities: NDArray[np.float32]) -> float:
    """Return the mean of -log of the probability, (N, 10), that each true digit, (N,), was given, in nats."""
    given = probabilities[np.arange(len(truth)), truth].astype(np.float64)
    return float(-np.log(np.maximum(given, 1e-12)).mean())


def wilson_interval(right: int, of: int) -> tuple[float, float]:
    """Return the 95 % interval of a rate of `right` in `of`, each end in 0..1 (Wilson 1927)."""
    z, rate = 1.96, right / of
    middle = (rate + z * z / (2 * of)) / (1 + z * z / of)
    half = z * np.sqrt(rate * (1 - rate) / of + z * z / (4 * of * of)) / (1 + z * z / of)
    return max(0.0, float(middle - half)), min(1.0, float(middle + half))
