"""Statistics: how right a row of answers is, and how surely that can be said."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


def confusion_matrix(truth: NDArray[np.integer], answers: NDArray[np.integer]) -> NDArray[np.int64]:
    """Return how often each digit, 0 to 9, got each answer: (10, 10), a row for each true digit."""
    matrix = np.zeros((10, 10), np.int64)
    np.add.at(matrix, (truth, answers), 1)
    return matrix


def wilson_interval(right: int, of: int) -> tuple[float, float]:
    """Return the 95 % interval of a rate of `right` in `of`, each end in 0..1 (Wilson 1927)."""
    z, rate = 1.96, right / of
    middle = (rate + z * z / (2 * of)) / (1 + z * z / of)
    half = z * np.sqrt(rate * (1 - rate) / of + z * z / (4 * of * of)) / (1 + z * z / of)
    return max(0.0, float(middle - half)), min(1.0, float(middle + half))


def mcnemar(only_first: int, only_second: int) -> float:
    """Return how likely, 0 to 1, two equally good models would differ at least as much on the same data.

    only_first, only_second: how often one alone was right. Two-sided and exact: under equal skill, which of them is the
    right one falls like a coin (McNemar 1947, "Note on the sampling error of the difference between correlated
    proportions"; the binomial form, since his chi-squared needs at least 25 of these).
    """
    of = only_first + only_second
    tail = sum(math.comb(of, count) for count in range(min(only_first, only_second) + 1))
    return min(1.0, float(2 * tail / 2**of))


def paired_interval(only_first: int, only_second: int, of: int) -> tuple[float, float]:
    """Return the 95 % interval of how much the second's rate is above the first's, each end in -1..1.

    only_first, only_second: how often of `of` one alone was right (Agresti and Min 2005, "Simple improved confidence
    intervals for comparing matched proportions": Wald's interval after half a case is added to each of four cells).
    """
    first, second, of = only_first + 0.5, only_second + 0.5, of + 2
    middle = (second - first) / of
    half = 1.96 * math.sqrt(first + second - (second - first) ** 2 / of) / of
    return max(-1.0, middle - half), min(1.0, middle + half)


@dataclass(frozen=True, slots=True)
class Bin:
    """Answers of similar confidence: how many, their mean confidence and the share of them that was right."""

    count: int
    confidence: float
    accuracy: float


def reliability(confidences: NDArray[np.floating], right: NDArray[np.bool_], *, bins: int = 10) -> list[Bin]:
    """Return answers, (N,) confidences in 0..1 and whether each was right, in bins of equal width, no empty ones."""
    of_bin = np.minimum((np.asarray(confidences) * bins).astype(int), bins - 1)
    return [
        Bin(int(own.sum()), float(confidences[own].mean()), float(right[own].mean()))
        for number in range(bins)
        if (own := of_bin == number).any()
    ]


def calibration_error(confidences: NDArray[np.floating], right: NDArray[np.bool_]) -> float | None:
    """Return the expected calibration error (Naeini et al. 2015), 0 to 1, over ten equal bins; None of no answers."""
    found = reliability(confidences, right)
    total = sum(bin_.count for bin_ in found)
    return sum(bin_.count * abs(bin_.confidence - bin_.accuracy) for bin_ in found) / total if total else None


def coverage(confidences: NDArray[np.floating], right: NDArray[np.bool_], least: float) -> tuple[int, float | None]:
    """Return how many answers are at least so confident, and the share of these that is right; None of none."""
    kept = np.asarray(confidences) >= least
    return int(kept.sum()), float(right[kept].mean()) if kept.any() else None


def edit_distance(text: str, truth: str) -> int:
    """Return how many signs of a text are to be changed, put in or taken out to make it the truth."""
    row = list(range(len(truth) + 1))
    for i, sign in enumerate(text, 1):
        before, row[0] = row[0], i
        for j, other in enumerate(truth, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (sign != other))
    return row[-1]
