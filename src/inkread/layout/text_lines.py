"""Text lines: groups the marks of a page into lines and runs, and decides which runs are numbers."""

from __future__ import annotations

from dataclasses import dataclass, replace
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
    """The limits of this module. The unit "height" is the height of the writing nearby."""

    certain: float = 0.4
    """A mark is used if its probability of a centre is larger than this."""
    seen: float = 0.3
    """A digit that is not used is reported if its probability of a centre is larger than this."""
    alike: tuple[float, float] = (0.6, 2.2)
    """A mark may be a digit if its height is in this range, in heights of the digits of the page."""
    most_words: float = 3.0
    """If there are more letters and other ink than this many times the digits, the page is one of words."""
    off_line: float = 0.45
    """The largest vertical distance, in heights, between the middles of a mark and of the marks before it on a line."""
    gap: float = 0.9
    """A gap separates two runs of a line if it is wider than this, in heights, and than `gap_to_others` allows."""
    gap_to_others: float = 2.2
    """A gap separates two runs of a line only if it is more than this many times the median gap of the line."""
    gap_to_word: float = 0.35
    """A gap separates a word from a number if it is wider than this, in heights."""
    foreign: float = 0.02
    """The prior probability of a letter in a number, and of a digit in a word."""
    printed: float = 0.5
    """A run is print if the mean probability of print of its marks is larger than this."""


LIMITS = LineLimits()


@dataclass(frozen=True, slots=True)
class Run:
    """Marks side by side without a wide gap.

    digits: the indices of its digits among the marks of the page, from left to right. Empty for a word.
    others: the indices of its other marks.
    kind: whether it is a number or a word.
    printed: whether it is printed, not handwritten.
    """

    digits: tuple[int, ...]
    others: tuple[int, ...]
    kind: RunKind
    printed: bool


def find_lines(marks: Marks, *, single: bool = False) -> list[list[Run]]:
    """Return the lines of a page from top to bottom, each as its runs from left to right.

    single: whether all marks are on one line.

    Points, commas and dashes are not part of a run yet.
    """
    tall = (marks.kinds < 10) | (marks.kinds == LETTER) | (marks.kinds == _SLASH)
    text = np.flatnonzero((marks.certainties > LIMITS.certain) & tall)
    if not len(text):
        return []
    rows = [text[np.argsort(_middles(marks)[text, 0])].tolist()] if single else _rows(marks, text)
    return [_runs(marks, row) for row in rows]


def find_doubtful_marks(marks: Marks) -> NDArray[np.intp]:
    """Return the indices of letters and other ink, written by hand and as high as the digits of the page.

    None if there are no digits, or so many such marks that the page is one of words.
    """
    sure = marks.certainties > LIMITS.certain
    digits = sure & (marks.kinds < 10)
    if not digits.any():
        return np.zeros(0, np.intp)
    height = median(marks.heights[digits])
    alike = (marks.heights > LIMITS.alike[0] * height) & (marks.heights < LIMITS.alike[1] * height)
    found = np.flatnonzero(sure & alike & (marks.kinds >= LETTER) & (marks.printed < LIMITS.printed))
    return found if len(found) <= LIMITS.most_words * digits.sum() else np.zeros(0, np.intp)


def with_odds(marks: Marks, indices: NDArray[np.intp], odds: NDArray[np.float32]) -> Marks:
    """Return marks with the odds that those at some indices are digits multiplied by `odds`, (n,)."""
    classes = marks.classes.copy()
    own = classes[indices]
    digit = own[:, :10].sum(axis=1)
    new = digit * odds / (digit * odds + 1 - digit)
    own[:, :10] *= (new / np.maximum(digit, 1e-6))[:, None]
    own[:, 10:] *= ((1 - new) / np.maximum(1 - digit, 1e-6))[:, None]
    classes[indices] = own
    return replace(marks, classes=classes)


def find_unsure_digits(marks: Marks) -> NDArray[np.intp]:
    """Return the indices of the marks that look like digits, but are too uncertain to be read."""
    return np.flatnonzero(
        (marks.certainties > LIMITS.seen) & (marks.certainties <= LIMITS.certain) & (marks.kinds < 10)
    )


def find_other_marks(marks: Marks) -> NDArray[np.intp]:
    """Return the indices of the marks that are not digits, signs or letters."""
    return np.flatnonzero((marks.certainties > LIMITS.certain) & (marks.kinds == OTHER_INK))


def _middles(marks: Marks) -> NDArray[np.float32]:
    return np.asarray((marks.boxes[:, :2] + marks.boxes[:, 2:]) / 2, np.float32)


def _rows(marks: Marks, chosen: NDArray[np.intp]) -> list[list[int]]:
    """Return marks as rows. From left to right, each mark joins the row whose last marks are at the same level."""
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
    """Return the row that a mark joins, or None for a new row.

    lasts: (R, 3), the right edge, level and height of the last marks of each row.
    """
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
    """Split a row into runs at wide gaps, and at smaller gaps between a word and a number or print and handwriting."""
    boxes, height = marks.boxes[row], median(marks.heights[row])
    gaps = boxes[1:, 0] - boxes[:-1, 2]
    wide = max(LIMITS.gap * height, LIMITS.gap_to_others * median(gaps)) if len(gaps) else 0.0
    letters = marks.kinds[row] == LETTER
    printed = marks.printed[row] > LIMITS.printed
    other = (letters[1:] != letters[:-1]) | (printed[1:] != printed[:-1])
    parted = (gaps > wide) | (other & (gaps > LIMITS.gap_to_word * height))
    return [_run(marks, part.tolist()) for part in np.split(np.array(row, np.intp), np.flatnonzero(parted) + 1)]


def _run(marks: Marks, indices: list[int]) -> Run:
    """Return marks as a number or a word, whichever is likelier. A number may contain letters, and a word digits."""
    digit, letter = digit_evidence(marks, indices), marks.classes[indices, LETTER]
    number = float(np.log(digit + LIMITS.foreign * letter + 1e-6).sum())
    word = float(np.log(letter + LIMITS.foreign * digit + 1e-6).sum())
    printed = float(marks.printed[indices].mean()) > LIMITS.printed
    if word > number:
        return Run((), tuple(indices), "word", printed)
    slash = marks.classes[indices, _SLASH] > np.maximum(digit, letter)
    own = np.array(indices, np.intp)
    is_digit = (digit > LIMITS.foreign * letter) & ~slash
    return Run(tuple(own[is_digit].tolist()), tuple(own[~is_digit & ~slash].tolist()), "number", printed)


def digit_evidence(marks: Marks, indices: list[int]) -> NDArray[np.float32]:
    """Return the probability that each mark of a run is a digit, (n,).

    A slash at either end of a run counts as a digit. No number begins or ends with a slash, but a slanted 1 looks like
    one.
    """
    evidence = marks.classes[indices, :10].sum(axis=1)
    for end in {0, len(indices) - 1}:
        evidence[end] += marks.classes[indices[end], _SLASH]
    return np.asarray(evidence, np.float32)


def digit_probabilities(marks: Marks, indices: tuple[int, ...]) -> NDArray[np.float32]:
    """Return the probabilities of the ten classes for each digit of a number, (n, 10), given that it is a digit."""
    digits = marks.classes[list(indices), :10].astype(np.float32)
    for end in {0, len(indices) - 1}:
        digits[end, 1] += marks.classes[indices[end], _SLASH]
    digits += 1e-5
    return np.asarray(digits / digits.sum(axis=1, keepdims=True), np.float32)
