"""Probabilities: from what a network gives to what its answers are worth."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def given_a_digit(probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the first ten of probabilities, (N, 10 or 11), as they are given that it is a digit: rows sum to 1."""
    digits = probabilities[:, :10]
    return np.asarray(digits / np.maximum(digits.sum(axis=1, keepdims=True), 1e-30), np.float32)


def as_probabilities(outputs: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return what a network gives, (N, C), as probabilities, whether it ends in a softmax or before it."""
    if outputs.min() >= 0 and np.abs(outputs.sum(axis=1) - 1).max() <= 1e-3:
        return outputs
    powers = np.exp(outputs - outputs.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), np.float32)


def tempered(probabilities: NDArray[np.float32], temperature: float) -> NDArray[np.float32]:
    """Return probabilities, (N, 10), with their logarithms divided by `temperature`, rows again summing to 1.

    Below 1 they become more decided, above 1 less (Guo et al. 2017, "On calibration of modern neural networks").
    """
    if temperature == 1:
        return probabilities
    logits = np.log(np.maximum(probabilities, 1e-30)) / temperature
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), np.float32)


def cross_entropy(truth: NDArray[np.integer], probabilities: NDArray[np.float32]) -> float:
    """Return the mean of -log of the probability, (N, 10), that each true digit, (N,), was given, in nats."""
    given = probabilities[np.arange(len(truth)), truth].astype(np.float64)
    return float(-np.log(np.maximum(given, 1e-12)).mean())


def fit_temperature(truth: NDArray[np.integer], probabilities: NDArray[np.float32]) -> float:
    """Return the temperature, 0.2 to 5 in steps of 2 %, under which the cross-entropy is smallest."""
    candidates = np.geomspace(0.2, 5, 163)
    losses = [cross_entropy(truth, tempered(probabilities, temperature)) for temperature in candidates]
    return round(float(candidates[int(np.argmin(losses))]), 3)
