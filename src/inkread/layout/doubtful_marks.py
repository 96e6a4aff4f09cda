"""Doubtful marks: those that the detector saw beside digits without being certain that they are digits."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from inkread.layout.page_marks import Marks
from inkread.layout.text_lines import LIMITS as LINES
from inkread.layout.text_lines import POINTS, SLASH, are_signs, group_rows
from inkread.marks import LETTER
from inkread.quantiles import median


@dataclass(frozen=True, slots=True)
class DoubtLimits:
    """The limits of this module. The unit "height" is the height of the digits nearby."""

    most_words: float = 3.0
    """If there are more letters and other ink than this many times the digits, the page is one of words."""
    word: int = 3
    """At least this many letters side by side are surely a word."""
    near: float = 3.0
    """A letter or other ink may be a digit if a digit is at most this far beside it, in heights."""
    weak: float = 0.25
    """A digit that is not used is looked at again if its probability of a centre is larger than this,"""
    like_a_digit: float = 0.5
    """if its probability of a digit or slash is larger than this,"""
    not_only_a_sign: float = 0.03
    """A sign as high as digits is looked at again if its probability of a digit is larger than this."""
    own: float = 0.5
    """and if marks that are read cover less than this share of its box."""
    surer: float = 0.6
    """A digit with a smaller probability of a centre is a stroke of others, with a larger one, if these cover it so."""
    seen: float = 0.3
    """A digit that is not used is reported if its probability of a centre is larger than this."""


LIMITS = DoubtLimits()


def find_doubtful_marks(marks: Marks) -> NDArray[np.intp]:
    """Return the indices of letters, other ink and signs like digits, written by hand and as high as the page's digits.

    None if there are no digits, or so many such marks that the page is mostly words. Letters side by side are a word.
    """
    sure = marks.certainties > LINES.certain
    digits = np.flatnonzero(sure & (marks.kinds < 10))
    if not len(digits):
        return np.zeros(0, np.intp)
    height = median(marks.heights[digits])
    alike = (marks.heights > LINES.alike[0] * height) & (marks.heights < LINES.alike[1] * height)
    doubtful = (marks.kinds >= LETTER) | _signs_like_digits(marks)
    found = np.flatnonzero(sure & alike & doubtful & (marks.printed < LINES.printed))
    if len(found) > LIMITS.most_words * len(digits):
        return np.zeros(0, np.intp)
    in_words = _in_words(marks, np.flatnonzero(sure & ((marks.kinds < 10) | (marks.kinds == LETTER))))
    chosen = [at for at in found.tolist() if not in_words[at] and _is_beside(marks, at, digits, LIMITS.near)]
    return np.array(chosen, np.intp)


def find_weak_digits(marks: Marks) -> NDArray[np.intp]:
    """Return the indices of marks like digits that are too uncertain to be read, but stand beside digits as high.

    What overlaps marks that are read is no digit of its own.
    """
    read = marks.certainties > LINES.certain
    weak = (marks.certainties > LIMITS.weak) & ~read & (marks.printed < LINES.printed)
    weak &= like_digits(marks) > LIMITS.like_a_digit
    digits, whole = np.flatnonzero(read & (marks.kinds < 10)), read & ~np.isin(marks.kinds, POINTS)
    if not len(digits):
        return np.zeros(0, np.intp)
    found = [
        index
        for index in np.flatnonzero(weak).tolist()
        if _is_beside(marks, index, digits, LINES.gap) and marks.covered(marks.boxes[index], whole) < LIMITS.own
    ]
    return np.array(found, np.intp)


def find_shaky_digits(marks: Marks) -> NDArray[np.intp]:
    """Return the indices of the marks that are read as digits, but are not surely marks at all."""
    shaky = (marks.certainties > LINES.certain) & (marks.certainties < LIMITS.surer)
    return np.flatnonzero(shaky & (like_digits(marks) > LIMITS.like_a_digit))


def find_unsure_digits(marks: Marks) -> NDArray[np.intp]:
    """Return the indices of the marks that look like digits, but are too uncertain to be read."""
    unsure = (marks.certainties > LIMITS.seen) & (marks.certainties <= LINES.certain)
    return np.flatnonzero(unsure & (like_digits(marks) > LIMITS.like_a_digit))


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


def suppress_covered(marks: Marks) -> Marks:
    """Return marks with smaller certainties where surer digits cover at least half of a mark that looks like a digit.

    This is linear soft suppression (Bodla et al. 2017, "Soft-NMS", arXiv:1704.04503).
    """
    surer = (marks.certainties >= LIMITS.surer) & (marks.kinds < 10)
    doubtful = (marks.certainties < LIMITS.surer) & (like_digits(marks) > LIMITS.like_a_digit)
    certainties = marks.certainties.copy()
    for index in np.flatnonzero(doubtful).tolist():
        if (covered := marks.covered(marks.boxes[index], surer)) >= LIMITS.own:
            certainties[index] *= 1 - min(1.0, covered)
    return replace(marks, certainties=certainties)


def like_digits(marks: Marks) -> NDArray[np.float32]:
    """Return the probability that each mark is a digit, (N,), slashes included: many leaning 1s look like one."""
    return np.asarray(marks.classes[:, :10].sum(axis=1) + marks.classes[:, SLASH], np.float32)


def _signs_like_digits(marks: Marks) -> NDArray[np.bool_]:
    """Return which signs may be digits, (N,). Points, commas, colons and slashes have rules of their own."""
    signs = are_signs(marks) & ~np.isin(marks.kinds, (*POINTS, SLASH))
    return np.asarray(signs & (marks.classes[:, :10].sum(axis=1) > LIMITS.not_only_a_sign), np.bool_)


def _in_words(marks: Marks, text: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Return which marks are letters side by side with others, (N,) bool. text: the digits and letters."""
    found = np.zeros(len(marks), bool)
    for row in group_rows(marks, text):
        letters: list[int] = []
        for index in [*row, -1]:
            near = not letters or marks.boxes[index, 0] - marks.boxes[letters[-1], 2] < LINES.gap * marks.heights[index]
            if index >= 0 and marks.kinds[index] == LETTER and near:
                letters.append(index)
                continue
            found[letters] |= len(letters) >= LIMITS.word
            letters = [index] if index >= 0 and marks.kinds[index] == LETTER else []
    return found


def _is_beside(marks: Marks, index: int, digits: NDArray[np.intp], gap: float) -> bool:
    """Return whether a mark is near one of some digits, at its level and about as high. gap: in heights."""
    left, top, right, bottom = marks.boxes[index].tolist()
    lefts, tops, rights, bottoms = marks.boxes[digits].T
    heights = bottoms - tops
    near = np.maximum(lefts - right, left - rights) < gap * heights
    level = np.abs(tops + bottoms - top - bottom) / 2 < LINES.off_line * np.maximum(heights, bottom - top)
    ratios = (bottom - top) / np.maximum(heights, 1)
    return bool((near & level & (ratios > LINES.alike[0]) & (ratios < LINES.alike[1])).any())
