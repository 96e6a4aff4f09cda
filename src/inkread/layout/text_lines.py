"""Text lines: from the marks of a page to lines of runs, and which runs are numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from inkread.layout.page_marks import Marks
from inkread.marks import LETTER, MARKS, OTHER_INK
from inkread.quantiles import median

RunKind = Literal["number", "word"]

_SLASH = MARKS.index("/")


@dataclass(frozen=True, slots=True)
class LineLimits:
    """The numbers of this module; heights are those of the writing beside."""

    certain: float = 0.4
    """Probability of a middle from which on a mark is taken for one."""
    seen: float = 0.3
    """Probability of a middle from which on a digit that is not read is reported."""
    off_line: float = 0.45
    """How far, in heights, the middle of a mark may lie above or below the ones before it on the same line."""
    gap: float = 0.9
    """Gaps wider than this, in heights, part the runs of a line,"""
    gap_to_others: float = 2.2
    """if they are this many times the median gap of their line."""
    gap_to_word: float = 0.35
    """Gaps wider than this, in heights, part a word and a number."""
    foreign: float = 0.02
    """Probability of a letter in a number, and of a digit in a word, before the mark is looked at."""
    printed: float = 0.5
    """Mean probability of print from which on a run was printed."""


LIMITS = LineLimits()


@dataclass(frozen=True, slots=True)
class Run:
    """Marks side by side without a wide gap.

    digits: the indices of its digits among the marks of the page, from left to right; none in a word.
    others: the indices of its other marks.
    kind: whether it is a number or a word.
    printed: whether it was printed and not written by hand.
    """

    digits: tuple[int, ...]
    others: tuple[int, ...]
    kind: RunKind
    printed: bool


def find_lines(marks: Marks, *, single: bool = False) -> list[list[Run]]:
    """Return the lines of a page from top to bottom, each as its runs from left to right.

    single: whether all marks are on one line. Points, commas and dashes are not part of a run yet.
    """
    tall = (marks.kinds < 10) | (marks.kinds == LETTER) | (marks.kinds == _SLASH)
    text = np.flatnonzero((marks.certainties > LIMITS.certain) & tall)
    if not len(text):
        return []
    rows = [text[np.argsort(_middles(marks)[text, 0])].tolist()] if single else _rows(marks, text)
    return [_runs(marks, row) for row in rows]


def find_unsure_digits(marks: Marks) -> NDArray[np.intp]:
    """Return the indices of the marks that look like digits, but are too uncertain to be read."""
    return np.flatnonzero(
        (marks.certainties > LIMITS.seen) & (marks.certainties <= LIMITS.certain) & (marks.kinds < 10)
    )


def find_other_marks(marks: Marks) -> NDArray[np.intp]:
    """Return the indices of the marks that are neither digits nor signs nor letters."""
    return np.flatnonzero((marks.certainties > LIMITS.certain) & (marks.kinds == OTHER_INK))


def _middles(marks: Marks) -> NDArray[np.float32]:
    return np.asarray((marks.boxes[:, :2] + marks.boxes[:, 2:]) / 2, np.float32)


def _rows(marks: Marks, chosen: NDArray[np.intp]) -> list[list[int]]:
    """Return marks as rows: from left to right, each goes on the row whose last marks stand at its height."""
    middles, heights = _middles(marks), marks.heights
    rows: list[list[int]] = []
    lasts = np.zeros((len(chosen), 3), np.float32)
    for index in chosen[np.argsort(middles[chosen, 0], kind="stable")].tolist():
        x, y, height = float(middles[index, 0]), float(middles[index, 1]), float(heights[index])
        best = _best_row(lasts[: len(rows)], x, y, height)
        if best is None:
            best = len(rows)
            rows.append([])
        rows[best].append(index)
        lasts[best] = marks.boxes[index, 2], y, heights[rows[best][-3:]].max()
    rows.sort(key=lambda row: float(middles[row, 1].mean()))
    return rows


def _best_row(lasts: NDArray[np.float32], x: float, y: float, height: float) -> int | None:
    """Return which row a mark goes on, given the right edge, level and height of the last marks of each, (R, 3)."""
    if not len(lasts):
        return None
    ends, levels, tallest = lasts.T
    off = np.abs(y - levels)
    fits = (off < LIMITS.off_line * np.maximum(height, tallest)) & (
        off < 2 * LIMITS.off_line * np.minimum(height, tallest)
    )
    costs = np.where(fits, off + 0.1 * np.maximum(0, x - ends), np.inf)
    return int(costs.argmin()) if np.isfinite(costs.min()) else None


def _runs(marks: Marks, row: list[int]) -> list[Run]:
    """Return a row as runs, parted by wide gaps, and by smaller ones between a word and a number."""
    boxes, height = marks.boxes[row], median(marks.heights[row])
    gaps = boxes[1:, 0] - boxes[:-1, 2]
    wide = max(LIMITS.gap * height, LIMITS.gap_to_others * median(gaps)) if len(gaps) else 0.0
    letters = marks.kinds[row] == LETTER
    parted = (gaps > wide) | ((letters[1:] != letters[:-1]) & (gaps > LIMITS.gap_to_word * height))
    return [_run(marks, part.tolist()) for part in np.split(np.array(row, np.intp), np.flatnonzero(parted) + 1)]


def _run(marks: Marks, own: list[int]) -> Run:
    """Return marks as the likelier of a number and a word, each of which may hold something of the other."""
    digit, letter = digit_evidence(marks, own), marks.classes[own, LETTER]
    number = float(np.log(digit + LIMITS.foreign * letter + 1e-6).sum())
    word = float(np.log(letter + LIMITS.foreign * digit + 1e-6).sum())
    printed = float(marks.printed[own].mean()) > LIMITS.printed
    if word > number:
        return Run((), tuple(own), "word", printed)
    digits = tuple(index for index, a, b in zip(own, digit, letter, strict=True) if a > LIMITS.foreign * b)
    return Run(digits, tuple(index for index in own if index not in digits), "number", printed)


def digit_evidence(marks: Marks, own: list[int]) -> NDArray[np.float32]:
    """Return how likely each of the marks of a run is a digit, (n,).

    A slash at either end of a run counts as a digit: nobody begins or ends a number with one, and a slanted 1 looks so.
    """
    evidence = marks.classes[own, :10].sum(axis=1)
    for end in {0, len(own) - 1}:
        evidence[end] += marks.classes[own[end], _SLASH]
    return np.asarray(evidence, np.float32)


def digit_probabilities(marks: Marks, own: tuple[int, ...]) -> NDArray[np.float32]:
    """Return the probabilities of the ten digits for the digits of a number, (n, 10), given that they are digits."""
    digits = marks.classes[list(own), :10].astype(np.float32)
    for end in {0, len(own) - 1}:
        digits[end, 1] += marks.classes[own[end], _SLASH]
    digits += 1e-5
    return np.asarray(digits / digits.sum(axis=1, keepdims=True), np.float32)
