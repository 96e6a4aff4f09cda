"""Statistics of answers: accuracy, its confidence interval, tests and calibration."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


def confusion_matrix(truth: NDArray[np.integer], answers: NDArray[np.integer]) -> NDArray[np.int64]:
    """Return how often each digit, 0 to 9, was read as each digit: (10, 10), a row for each true digit."""
    matrix = np.zeros((10, 10), np.int64)
    np.add.at(matrix, (truth, answers), 1)
    return matrix


def wilson_interval(right: int, of: int) -> tuple[float, float]:
    """Return the 95% interval of the rate `right / of`, each end in 0..1 (Wilson 1927)."""
    z, rate = 1.96, right / of
    middle = (rate + z * z / (2 * of)) / (1 + z * z / of)
    half = z * np.sqrt(rate * (1 - rate) / of + z * z / (4 * of * of)) / (1 + z * z / of)
    return max(0.0, float(middle - half)), min(1.0, float(middle + half))


def mcnemar(only_first: int, only_second: int) -> float:
    """Return the probability, 0 to 1, that two equally good models differ at least as much on the same data.

    only_first, only_second: how often only that model was right. The test is two-sided and exact. If both models are
    equally good, each such case is a coin toss (McNemar 1947, "Note on the sampling error of the difference between
    correlated proportions"). The binomial form is used, since his chi-squared form needs at least 25 such cases.
    """
    of = only_first + only_second
    tail = sum(math.comb(of, count) for count in range(min(only_first, only_second) + 1))
    return min(1.0, float(2 * tail / 2**of))


def paired_interval(only_first: int, only_second: int, of: int) -> tuple[float, float]:
    """Return the 95% interval of the second rate minus the first, each end in -1..1.

    only_first, only_second: how often, out of `of`, only that model was right. This is Wald's interval after half a
    case is added to each of the four cells (Agresti and Min 2005, "Simple improved confidence intervals for comparing
    matched proportions").
    """
    first, second, of = only_first + 0.5, only_second + 0.5, of + 2
    middle = (second - first) / of
    half = 1.96 * math.sqrt(first + second - (second - first) ** 2 / of) / of
    return max(-1.0, middle - half), min(1.0, middle + half)


@dataclass(frozen=True, slots=True)
class Bin:
    """Answers of similar confidence: their number, mean confidence and accuracy."""

    count: int
    confidence: float
    accuracy: float


def reliability(confidences: NDArray[np.floating], right: NDArray[np.bool_], *, bins: int = 10) -> list[Bin]:
    """Return answers, (N,) confidences in 0..1 and whether each was right, in equal bins. Empty bins are omitted."""
    of_bin = np.minimum((np.asarray(confidences) * bins).astype(int), bins - 1)
    return [
        Bin(int(inside.sum()), float(confidences[inside].mean()), float(right[inside].mean()))
        for number in range(bins)
        if (inside := of_bin == number).any()
    ]


def calibration_error(confidences: NDArray[np.floating], right: NDArray[np.bool_]) -> float | None:
    """Return the expected calibration error (Naeini et al. 2015), 0 to 1, over ten equal bins; None without answers."""
    found = reliability(confidences, right)
    total = sum(bin_.count for bin_ in found)
    return sum(bin_.count * abs(bin_.confidence - bin_.accuracy) for bin_ in found) / total if total else None


def coverage(confidences: NDArray[np.floating], right: NDArray[np.bool_], least: float) -> tuple[int, float | None]:
    """Return how many answers have at least this confidence, and their accuracy; None if there are none."""
    kept = np.asarray(confidences) >= least
    return int(kept.sum()), float(right[kept].mean()) if kept.any() else None


def edit_distance(text: str, truth: str) -> int:
    """Return how many characters must be changed, inserted or deleted to turn a text into the truth."""
    row = list(range(len(truth) + 1))
    for i, sign in enumerate(text, 1):
        before, row[0] = row[0], i
        for j, other in enumerate(truth, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (sign != other))
    return row[-1]
