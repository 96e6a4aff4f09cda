"""Probabilities: turning a network's outputs into calibrated confidences."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from inkread.glyphs import CLASSES

Numbers = TypeVar("Numbers", np.float32, np.float64)


def softmax(logits: NDArray[Numbers]) -> NDArray[Numbers]:
    """Return the probabilities of logits or log probabilities, (N, C): rows sum to 1, in the dtype of the logits."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), logits.dtype)


def given_a_digit(probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the probabilities of the ten digits given that it is a digit, from (N, 10 or 11); rows sum to 1."""
    digits = probabilities[:, :10]
    return np.asarray(digits / np.maximum(digits.sum(axis=1, keepdims=True), 1e-30), np.float32)


def as_probabilities(outputs: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return outputs, (N, C), as probabilities, whether the network ends in a softmax or in logits."""
    if outputs.min() >= 0 and np.abs(outputs.sum(axis=1) - 1).max() <= 1e-3:
        return outputs
    return np.asarray(softmax(outputs), np.float32)


def pool_opinions(
    probabilities: NDArray[np.float32], detected: NDArray[np.float32], share: float
) -> NDArray[np.float32]:
    """Return the probabilities, (N, 11), on which a classifier, (N, 11), and the detector, (N, 10), agree.

    share: the detector's weight, 0 to 1.

    The weighted logarithms are added (a logarithmic opinion pool). The two readers make different mistakes, because one
    sees the surroundings and the other the shape alone. The classifier's weight is smaller where it sees no digit.
    """
    non_digit = probabilities[:, CLASSES:]
    weight = (1 - share) * (1 - non_digit)
    logs = share * np.log(detected + 1e-5) + weight * np.log(given_a_digit(probabilities) + 1e-4)
    digits = softmax(np.asarray(logs, np.float32))
    rest = non_digit * np.float32(1 - share)
    return np.asarray(np.hstack([digits * (1 - rest), rest]), np.float32)


def temper(probabilities: NDArray[np.float32], temperature: float) -> NDArray[np.float32]:
    """Return probabilities, (N, 10), with their logarithms divided by `temperature`; rows sum to 1.

    A temperature below 1 makes them sharper, one above 1 flatter (Guo et al. 2017, "On calibration of modern
    neural networks").
    """
    if temperature == 1:
        return probabilities
    logits = np.log(np.maximum(probabilities, 1e-30)) / temperature
    return np.asarray(softmax(logits), np.float32)


def cross_entropy(truth: NDArray[np.integer], probabilities: NDArray[np.float32]) -> float:
    """Return the mean cross-entropy, in nats, of probabilities, (N, 10), for the true digits, (N,)."""
    given = probabilities[np.arange(len(truth)), truth].astype(np.float64)
    return float(-np.log(np.maximum(given, 1e-12)).mean())


def fit_temperature(truth: NDArray[np.integer], probabilities: NDArray[np.float32]) -> float:
    """Return the temperature, 0.2 to 5 in steps of 2%, that gives the smallest cross-entropy."""
    candidates = np.geomspace(0.2, 5, 163)
    losses = [cross_entropy(truth, temper(probabilities, temperature)) for temperature in candidates]
    return round(float(candidates[int(np.argmin(losses))]), 3)
