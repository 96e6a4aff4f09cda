"""Decoding: from the probabilities of all that may be a digit to the digits of each row.

The pieces of a row, side by side, can be taken as digits in many ways; the best of them is the path of the largest
probability through the lattice of spans (Viterbi; LeCun et al. 1998, "Gradient-based learning applied to document
recognition", sections V to VII). A piece that is no digit may be passed over.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inkread.models.classifier import CLASSES, NO_DIGIT
from inkread.pictures.spans import Row

_DIRT = 0.5  # probability that a small piece is dirt, whatever the network says of it
_OTHER = 0.3  # how much rarer what is no digit is among digits than among what the network learnt from
_TOUCHING = 0.1  # probability that two digits touch, where ink is connected
_SURELY = 1e-4  # no piece is a digit, or none, with more certainty than this leaves


@dataclass(frozen=True, slots=True)
class Path:
    """The best way through a row.

    spans: start and end of each digit's pieces, from left to right.
    passed: pieces that are no digit, dirt left out.
    score: its log probability.
    """

    spans: tuple[tuple[int, int], ...]
    passed: tuple[int, ...]
    score: float


def best_path(row: Row, probabilities: dict[tuple[int, int], NDArray[np.float32]]) -> Path:
    """Return the best path through a row, given the probabilities, (11,), of each of its spans."""
    steps = _steps(row, probabilities)
    scores = np.full(row.pieces + 1, -np.inf)
    scores[0] = 0.0
    came: list[tuple[int, bool]] = [(0, False)] * (row.pieces + 1)
    for end in range(1, row.pieces + 1):
        for start, is_digit, score in steps[end]:
            if scores[start] + score > scores[end]:
                scores[end], came[end] = scores[start] + score, (start, is_digit)
    spans, passed, end = [], [], row.pieces
    while end:
        start, is_digit = came[end]
        if is_digit:
            spans.append((start, end))
        elif end - start > 1 or not row.small[start]:
            passed.append(start)
        end = start
    return Path(tuple(reversed(spans)), tuple(reversed(passed)), float(scores[-1]))


def _steps(row: Row, probabilities: dict[tuple[int, int], NDArray[np.float32]]) -> list[list[tuple[int, bool, float]]]:
    """Return, for each end, the steps of a path that end there: where they start, whether a digit, log probability."""
    steps: list[list[tuple[int, bool, float]]] = [[] for _ in range(row.pieces + 1)]
    for (start, end), own in probabilities.items():
        touching = np.log(_TOUCHING) if start and row.cut[start - 1] else 0.0
        steps[end].append((start, True, touching + np.log(max(_SURELY, float(own[:CLASSES].max())))))
        if end - start == 1 or (start, end) in row.wholes:
            dirt = _DIRT if end - start == 1 and row.small[start] else 0.0
            steps[end].append((start, False, touching + np.log(max(_SURELY, _OTHER * float(own[NO_DIGIT]), dirt))))
    return steps
