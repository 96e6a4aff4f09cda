"""Decoding: from the probabilities of all that may be a digit to the digits of each row.

The pieces of a row, side by side, can be taken as digits in many ways; the best of them is the path of the largest
probability through the lattice of spans (Viterbi; LeCun et al. 1998, "Gradient-based learning applied to document
recognition", sections V to VII). A piece that is no digit may be passed over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inkread.glyphs import CLASSES, NON_DIGIT
from inkread.layout.candidates import CandidateRow

Lattice = dict[tuple[int, int], NDArray[np.float32]]
"""The probabilities, (11,), of each span of a row, by the start and the end of its pieces."""

_DIRT = 0.5  # probability that a small piece is dirt, whatever the network says of it
_OTHER = 0.3  # how much rarer what is no digit is among digits than among what the network learnt from
_TOUCHING = 0.1  # probability that two digits touch, where ink is connected
_WHOLE = 0.1  # how much rarer it is among what is no digit, as digits that touch are none to the network
_SURELY = 1e-4  # no piece is a digit, or none, with more certainty than this leaves


@dataclass(frozen=True, slots=True)
class BestPath:
    """The best way through a row.

    spans: start and end of each digit's pieces, from left to right.
    certainties: for each of them, the probability, given the spans before it, that the path leads through it; what is
        passed over between two digits counts for the second. Their product is the share of the path among all ways to
        part the row, whatever digits they see.
    skipped: pieces that are no digit, without dirt.
    score: its log probability.
    """

    spans: tuple[tuple[int, int], ...]
    certainties: tuple[float, ...]
    skipped: tuple[int, ...]
    score: float


@dataclass(frozen=True, slots=True)
class _Step:
    """One step of a path: the log probability of the likeliest digit or of none, and of both and any digit together."""

    start: int
    end: int
    digit: float
    none: float
    any: float

    @property
    def best(self) -> float:
        return max(self.digit, self.none)


def best_paths(rows: Sequence[CandidateRow], lattices: Sequence[Lattice]) -> list[BestPath]:
    """Return the best path through each row of a page, given the probabilities of the spans of each.

    Where no more is passed over than there are digits, the page is one of digits, and is searched once more as such.
    """
    paths = [best_path(row, lattice) for row, lattice in zip(rows, lattices, strict=True)]
    skipped = sum(len(path.skipped) for path in paths)
    doubted = any(_is_none(lattice[span]) for path, lattice in zip(paths, lattices, strict=True) for span in path.spans)
    if sum(len(path.spans) for path in paths) >= skipped and (skipped or doubted):
        return [best_path(row, lattice, among_digits=True) for row, lattice in zip(rows, lattices, strict=True)]
    return paths


def best_path(row: CandidateRow, probabilities: Lattice, *, among_digits: bool = False) -> BestPath:
    """Return the best path through a row, given the probabilities, (11,), of each of its spans.

    among_digits: whether most of what is written is known to be digits. Then what is none to the network, and can be
        cut, is rather two that touch; among letters it is another letter.
    """
    steps = _steps(row, probabilities, whole=_WHOLE if among_digits else 1.0)
    scores = np.full(row.pieces + 1, -np.inf)
    scores[0] = 0.0
    came: list[_Step] = []
    for own in steps:
        best = max(own, key=lambda step: scores[step.start] + step.best)
        came.append(best)
        scores[best.end] = scores[best.start] + best.best
    way: list[_Step] = []
    while (end := way[-1].start if way else row.pieces) > 0:
        way.append(came[end - 1])
    way.reverse()
    digits = [step for step in way if step.digit >= step.none]
    skipped = [step.start for step in way if step.digit < step.none and not _is_dirt(row, step)]
    spans = tuple((step.start, step.end) for step in digits)
    return BestPath(spans, _certainties(way, steps), tuple(skipped), float(scores[-1]))


def _is_none(probabilities: NDArray[np.float32]) -> bool:
    """Tell whether what the network finds likeliest, of (11,), is that there is no digit."""
    return int(probabilities.argmax()) == NON_DIGIT


def _is_dirt(row: CandidateRow, step: _Step) -> bool:
    return step.end - step.start == 1 and row.small[step.start]


def _certainties(way: list[_Step], steps: list[list[_Step]]) -> tuple[float, ...]:
    """Return for each digit of a path how likely its spans, and those passed over before it, are among all others."""
    onward = np.full(len(steps) + 1, -np.inf)  # of all ways from each place to the end
    onward[-1] = 0.0
    for own in reversed(steps):
        for step in own:
            onward[step.start] = np.logaddexp(onward[step.start], step.any + onward[step.end])
    found: list[float] = []
    share = 0.0
    for step in way:
        share += step.any + onward[step.end] - onward[step.start]
        if step.digit >= step.none:
            found.append(share)
            share = 0.0
    if found:  # what is passed over at the end counts for the last digit
        found[-1] += share
    return tuple(float(min(1.0, np.exp(one))) for one in found)


def _steps(row: CandidateRow, probabilities: Lattice, *, whole: float) -> list[list[_Step]]:
    """Return the steps of all paths by where they end; `whole` is how much rarer a whole that was cut is no digit."""
    steps: list[list[_Step]] = [[] for _ in range(row.pieces)]
    for (start, end), own in probabilities.items():
        weight = np.log(_TOUCHING) if start and row.cut[start - 1] else 0.0
        digit, any_digit = float(own[:CLASSES].max()), float(own[:CLASSES].sum())
        none = 0.0
        if end - start == 1 or (start, end) in row.uncut:
            dirt = _DIRT if end - start == 1 and row.small[start] else 0.0
            other = _OTHER * float(own[NON_DIGIT]) * (whole if end - start > 1 else 1.0)
            none = max(_SURELY, other, dirt)
            if end - start > 1 and _is_none(own):
                digit *= whole
        digit = max(_SURELY, digit)
        steps[end - 1].append(
            _Step(start, end, weight + np.log(digit), weight + np.log(none) if none else -np.inf,
                  weight + np.log(max(digit, any_digit) + none))
        )  # fmt: skip
    return steps
