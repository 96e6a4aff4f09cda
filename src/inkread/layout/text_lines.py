"""Text lines: groups the marks of a page into lines and runs, and decides which runs are numbers."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from inkread.layout.cells import Cells, lone_signs
from inkread.layout.page_marks import Marks, shared_boxes
from inkread.marks import FIRST_SIGN, LETTER, MARKS, OTHER_INK
from inkread.quantiles import median

RunKind = Literal["number", "word"]

SLASH = MARKS.index("/")
COLON = MARKS.index(":")
POINTS = tuple(MARKS.index(sign) for sign in ".,:")


@dataclass(frozen=True, slots=True)
class LineLimits:
    """The limits of this module. The unit "height" is the height of the writing nearby."""

    certain: float = 0.4
    """A mark is used if its probability of a centre is larger than this."""
    alike: tuple[float, float] = (0.6, 2.2)
    """A mark may be a digit if its height is in this range, in heights of the digits of the page."""
    off_line: float = 0.45
    """The largest vertical distance, in heights, between the middles of a mark and of the marks before it on a line."""
    gap: float = 0.9
    """A gap separates two runs of a line if it is wider than this, in heights, and than `gap_to_others` allows."""
    gap_to_others: float = 2.2
    """A gap separates two runs of a line only if it is more than this many times the median gap of the line."""
    gap_to_word: float = 0.35
    """A gap separates a word from a number if it is wider than this, in heights."""
    split: float = 3.4
    """A number beside a word without a gap must be likelier than a longer number or word by this, in logarithms."""
    foreign: float = 0.02
    """The prior probability of a letter in a number, and of a digit in a word."""
    small: float = 0.6
    """An apostrophe is lower than this, in heights,"""
    raised: float = 0.15
    """and ends at most this far below the middle of the digits before it."""
    beside: float = 1.0
    """A sign is at most this far from a digit of its number, in heights,"""
    point_beside: float = 0.5
    """and a point, comma or colon at most this far."""
    above: float = 0.3
    """The middle of a sign is at most this far above the tops of the digits beside it, in heights,"""
    below: float = 0.4
    """and at most this far below their feet. A comma hangs below the line."""
    inside: float = 0.6
    """A sign is a part of a larger one, as a point of a colon, if more than this share of it is inside."""
    certain_sign: float = 0.4
    """A sign beside a digit is used if its probability of a centre is larger than this."""
    lone: float = 0.7
    """A sign without a digit near it is reported if its probability of a centre is larger than this."""
    gap_in_cell: float = 1.6
    """In a cell of a table, a gap that is not wider than this never separates two runs, in heights."""
    level: float = 0.8
    """What stands beside a row of a table is on its line if its level differs by less than this, in heights."""
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
    signs: the indices of its signs. A word has none.
    """

    digits: tuple[int, ...]
    others: tuple[int, ...]
    kind: RunKind
    printed: bool
    signs: tuple[int, ...] = ()

    @property
    def marks(self) -> tuple[int, ...]:
        """The indices of all its marks."""
        return (*self.digits, *self.others, *self.signs)

    @property
    def first(self) -> int:
        """The index of one of its marks."""
        return self.marks[0]


def find_lines(marks: Marks, *, single: bool = False, cells: Cells | None = None) -> list[list[Run]]:
    """Return the lines of a page from top to bottom, each as its runs from left to right.

    single: whether all marks are on one line.
    cells: the cells of the tables on the page. A row of a table is a line, or several if a cell has several, and no run
        is in two cells. The boxes of a row of boxes hold one run.

    Lines are made of digits, letters and slashes. The other signs are added to the lines that they are on; one that is
    alone in a cell is a number.
    """
    tall = (marks.kinds < 10) | (marks.kinds == LETTER) | (marks.kinds == SLASH)
    chosen = (marks.certainties > LIMITS.certain) & tall
    cells = Cells.of(marks) if cells is None else cells
    chosen[lone_signs(marks, cells, LIMITS.certain_sign)] = True
    text = np.flatnonzero(chosen)
    if not len(text):
        return []
    if single:
        rows = [text[np.argsort(marks.middles[text, 0])].tolist()]
    else:
        rows = _rows_with_tables(marks, text, cells) if cells.grids else group_rows(marks, text)
    parts = [_parts(row, cells) for row in rows]
    signs = iter(_signs_on(marks, [part for row in parts for part in row], cells))
    lines = [[run for part in row for run in _runs(marks, part, next(signs), cells)] for row in parts]
    return _with_headers(lines, cells) if cells.grids else lines


def find_other_marks(marks: Marks) -> NDArray[np.intp]:
    """Return the indices of the marks that are not digits, signs or letters."""
    return np.flatnonzero((marks.certainties > LIMITS.certain) & (marks.kinds == OTHER_INK))


def characters(marks: Marks, run: Run) -> list[int]:
    """Return the digits and signs of a number from left to right."""
    own = [*run.digits, *run.signs]
    # The middles of all marks, for each of many runs, would take quadratic time.
    middles = marks.boxes[own, 0] + marks.boxes[own, 2]
    return [own[at] for at in np.argsort(middles, kind="stable").tolist()]


def find_lone_signs(marks: Marks, lines: list[list[Run]]) -> NDArray[np.intp]:
    """Return the indices of the signs that belong to no number."""
    lone = are_signs(marks) & (marks.certainties > LIMITS.lone)
    for line in lines:
        for run in line:
            lone[[*run.digits, *run.others, *run.signs]] = False
    return np.flatnonzero(lone)


def _rows_with_tables(marks: Marks, text: NDArray[np.intp], cells: Cells) -> list[list[int]]:
    """Return marks as rows: those of tables, and those of the other marks, from top to bottom.

    What stands beside a row of a table, another table too, is on its line.
    """
    fields = cells.fields
    # A grid with one row leaves nothing to decide, and numbers may go on beside it.
    several = np.array([*(grid.rows > 1 for grid in cells.grids), False], bool)[cells.grid_of]
    outside = text[~several[text]]
    rows = group_rows(marks, outside) if len(outside) else []
    of_rows: dict[tuple[int, int], dict[int, list[int]]] = {}
    for index in text[several[text]].tolist():
        table_row = cells.row(index)
        if table_row is not None:
            of_rows.setdefault(table_row, {}).setdefault(int(fields[index]), []).append(index)
    for _, of_fields in sorted(of_rows.items()):
        lines: list[list[int]] = []
        for _, own in sorted(of_fields.items()):
            for at, line in enumerate(group_rows(marks, np.array(own, np.intp))):
                if at == len(lines):
                    lines.append([])
                lines[at] += line
        rows += lines
    return sorted(_side_by_side(marks, rows), key=lambda row: _level(marks, row, cells))


def _level(marks: Marks, row: list[int], cells: Cells) -> tuple[float, float]:
    """Return how far down the page a row is. On a table that leans, the middle of its row decides first."""
    own = float(marks.middles[row, 1].mean())
    at = next((at for index in row if (at := cells.row(index)) is not None), None)
    if at is None:
        return own, own
    grid, number = at
    return float(cells.grids[grid].corners[number : number + 2, :, 1].mean()), own


def _side_by_side(marks: Marks, rows: list[list[int]]) -> list[list[int]]:
    """Return rows after joining those that are beside each other at the same level."""
    middles, found = marks.middles, list[list[int]]()
    for row in sorted(rows, key=lambda row: float(marks.boxes[row, 0].min())):
        left = float(marks.boxes[row, 0].min())
        level, height = float(middles[row[:3], 1].mean()), median(marks.heights[row])

        def off(line: list[int]) -> float:
            reach = LIMITS.level * max(height, median(marks.heights[line]))  # noqa: B023
            apart = abs(float(middles[line[-3:], 1].mean()) - level)  # noqa: B023
            return apart if apart < reach and float(marks.boxes[line, 2].max()) <= left + 0.5 * reach else np.inf  # noqa: B023

        best = min(found, key=off, default=None)
        if best is None or off(best) == np.inf:
            found.append(list(row))
        else:
            best += row
    return found


def _with_headers(lines: list[list[Run]], cells: Cells) -> list[list[Run]]:
    """Return lines whose runs beside a word in the header of a table are words, too, such as the 2 of "Test 2".

    A header is the first row of a table if two of its cells or more have words, and no more have numbers alone.
    """
    words: dict[int, int] = {}
    numbers: dict[int, int] = {}
    for line in lines:
        for run in line:
            first = run.first
            if cells.row(first) in {(grid, 0) for grid in range(len(cells.grids))}:
                (words if run.kind == "word" else numbers)[int(cells.fields[first])] = int(cells.grid_of[first])
    headers = {
        grid
        for grid, comb in enumerate(cells.combs)
        if not comb
        and sum(of == grid for of in words.values())
        >= max(2, sum(of == grid and field not in words for field, of in numbers.items()))
    }
    beside = {field for field, grid in numbers.items() if field in words and grid in headers}
    return [[_as_word(run) if int(cells.fields[run.first]) in beside else run for run in line] for line in lines]


def _as_word(run: Run) -> Run:
    return Run((), run.marks, "word", run.printed)


def _parts(row: list[int], cells: Cells) -> list[list[int]]:
    """Split a row between the cells of tables. Beside a row of boxes, only the usual gaps decide."""
    parts = [[row[0]]]
    for before, index in itertools.pairwise(row):
        free = all(cells.in_comb[at] or cells.fields[at] < 0 for at in (before, index))
        if cells.fields[index] != cells.fields[before] and not free:
            parts.append([])
        parts[-1].append(index)
    return parts


def _signs_on(marks: Marks, rows: list[list[int]], cells: Cells) -> list[list[int]]:
    """Return the signs that are beside a digit of each row and at its level, from left to right.

    A sign in a cell belongs to a digit of that cell.
    """
    own: list[list[int]] = [[] for _ in rows]
    middles = marks.middles
    place = {index: at for at, row in enumerate(rows) for index in row if marks.kinds[index] < 10}
    digits = np.array(list(place), np.intp)
    beside = (marks.certainties > LIMITS.certain_sign) & are_signs(marks)
    beside[[index for row in rows for index in row]] = False
    signs = np.flatnonzero(beside & (marks.kinds != SLASH))
    if not len(digits) or not len(signs):
        return own
    signs = _whole_signs(marks, signs)
    digits = digits[np.argsort(marks.boxes[digits, 0], kind="stable")]
    left, top, right, bottom = marks.boxes[digits].T
    heights = np.maximum(marks.heights[digits], 1)
    # Only the digits that may be beside a sign are compared with it.
    reach = float((right - left).max() + LIMITS.beside * heights.max())
    signs = signs[np.argsort(middles[signs, 0], kind="stable")]
    starts = np.searchsorted(left, marks.boxes[signs, 0] - reach)
    ends = np.searchsorted(left, marks.boxes[signs, 2] + reach)
    for index, start, end in zip(signs.tolist(), starts, ends, strict=True):
        near = slice(start, end)
        apart = np.maximum(0, np.maximum(left[near] - marks.boxes[index, 2], marks.boxes[index, 0] - right[near]))
        above, below = top[near] - LIMITS.above * heights[near], bottom[near] + LIMITS.below * heights[near]
        level = (middles[index, 1] > above) & (middles[index, 1] < below)
        reaches = LIMITS.point_beside if marks.kinds[index] in POINTS else LIMITS.beside
        own_cell = (cells.fields[index] < 0) | (cells.fields[digits[near]] == cells.fields[index])
        costs = np.where(level & own_cell & (apart < reaches * heights[near]), apart / heights[near], np.inf)
        if len(costs) and np.isfinite(costs.min()):
            own[place[int(digits[start + costs.argmin()])]].append(index)
    return own


def _whole_signs(marks: Marks, signs: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return those signs that are no part of a larger one."""
    boxes = marks.boxes[signs]
    # The box of a colon may end at the middle of a point.
    colons = marks.kinds[signs] == COLON
    widths = boxes[colons, 2] - boxes[colons, 0]
    boxes[colons, 1] -= widths
    boxes[colons, 3] += widths
    sizes, whole = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1), np.ones(len(signs), bool)
    for one, other in shared_boxes(boxes, LIMITS.inside):
        whole[one if sizes[one] < sizes[other] else other] = False
    return np.asarray(signs[whole], np.intp)


def are_signs(marks: Marks) -> NDArray[np.bool_]:
    """Return which marks are signs, (N,)."""
    return (marks.kinds >= FIRST_SIGN) & (marks.kinds < LETTER)


def group_rows(marks: Marks, chosen: NDArray[np.intp]) -> list[list[int]]:
    """Return marks as rows. From left to right, each mark joins the row whose last marks are at the same level."""
    middles, heights = marks.middles, marks.heights
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


def _runs(marks: Marks, row: list[int], signs: list[int], cells: Cells) -> list[Run]:
    """Split a row into runs at wide gaps, and at smaller gaps between a word and a number or print and handwriting.

    signs: the signs on the row, from left to right. A gap with a sign in it is as wide as its widest part.
    cells: where the marks are in tables.
    """
    boxes, height = marks.boxes[row], median(marks.heights[row])
    gaps = boxes[1:, 0] - boxes[:-1, 2]
    least = LIMITS.gap_in_cell if cells.fields[row[0]] >= 0 else LIMITS.gap
    wide = max(least * height, LIMITS.gap_to_others * median(gaps)) if len(gaps) else 0.0
    letters = marks.kinds[row] == LETTER
    printed = marks.printed[row] > LIMITS.printed
    other = (letters[1:] != letters[:-1]) | (printed[1:] != printed[:-1])
    if signs:
        after = np.searchsorted(boxes[:, 0] + boxes[:, 2], marks.boxes[signs, 0] + marks.boxes[signs, 2])
        for at in set(after.tolist()) - {0, len(row)}:
            between = [row[at - 1], *(sign for sign, place in zip(signs, after, strict=True) if place == at), row[at]]
            gaps[at - 1] = (marks.boxes[between[1:], 0] - marks.boxes[between[:-1], 2]).max()
    gaps[(cells.fields[row[1:]] == cells.fields[row[:-1]]) & cells.in_comb[row[1:]]] = 0
    parted = np.flatnonzero((gaps > wide) | (other & (gaps > LIMITS.gap_to_word * height))) + 1
    points = [sign for sign in signs if marks.kinds[sign] in POINTS]
    parts = [piece for part in np.split(np.array(row, np.intp), parted) for piece in _pieces(marks, part.tolist())]
    runs = [_run(marks, part, points) for part in parts]
    return _with_signs(marks, runs, signs)


def _pieces(marks: Marks, indices: list[int]) -> list[list[int]]:
    """Split marks side by side into a number and a word, as "20Juli", if that is much likelier than one of the two."""
    number, word = _likelihoods(marks, indices)
    best, at = max(number.sum(), word.sum()) + LIMITS.split, 0
    for first, second in ((number, word), (word, number)):
        likely = np.cumsum(first)[:-1] + np.cumsum(second[::-1])[::-1][1:]
        if len(likely) and likely.max() > best:
            best, at = likely.max(), int(likely.argmax()) + 1
    return [indices[:at], indices[at:]] if at else [indices]


def _likelihoods(marks: Marks, indices: list[int]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return how likely each mark of a run is in a number and in a word, as logarithms, (n,) each.

    A number may contain letters, and a word digits.
    """
    digit, letter = digit_evidence(marks, indices), marks.classes[indices, LETTER]
    number, word = digit + LIMITS.foreign * letter, letter + LIMITS.foreign * digit
    return np.log(number + 1e-6).astype(np.float64), np.log(word + 1e-6).astype(np.float64)


def _with_signs(marks: Marks, runs: list[Run], signs: list[int]) -> list[Run]:
    """Return the runs of a row with each sign in the nearest number that has a digit beside it."""
    own: list[list[int]] = [[] for _ in runs]
    numbers = [at for at, run in enumerate(runs) if run.digits]
    for sign in signs if numbers else ():
        left, right = marks.boxes[sign, 0], marks.boxes[sign, 2]

        def apart(at: int) -> float:
            boxes = marks.boxes[list(runs[at].digits)]
            return float(np.maximum(0, np.maximum(boxes[:, 0] - right, left - boxes[:, 2])).min())  # noqa: B023

        own[min(numbers, key=apart)].append(sign)
    return [replace(run, signs=(*run.signs, *more)) if more else run for run, more in zip(runs, own, strict=True)]


def _run(marks: Marks, indices: list[int], points: list[int]) -> Run:
    """Return marks as a number or a word, whichever is likelier.

    points: the points, commas and colons on its row. A number that has one is not divided by slashes.
    """
    if are_signs(marks)[indices].all() and (marks.kinds[indices] != SLASH).all():
        return Run((), (), "number", float(marks.printed[indices].mean()) > LIMITS.printed, tuple(indices))
    digit, letter = digit_evidence(marks, indices), marks.classes[indices, LETTER]
    number, word = (float(likely.sum()) for likely in _likelihoods(marks, indices))
    printed = float(marks.printed[indices].mean()) > LIMITS.printed
    if word > number:
        return Run((), tuple(indices), "word", printed)
    slash = marks.classes[indices, SLASH] > np.maximum(digit, letter)
    if _pointed(marks, indices, points) or not _divide_usually(marks.kinds[indices], slash):
        slash[:] = False
        digit = digit + marks.classes[indices, SLASH]
    own = np.array(indices, np.intp)
    is_digit = (digit > LIMITS.foreign * letter) & ~slash
    is_digit[-1] &= not _is_apostrophe(marks, indices)
    signs = tuple(own[slash].tolist())
    return Run(tuple(own[is_digit].tolist()), tuple(own[~is_digit & ~slash].tolist()), "number", printed, signs)


def _is_apostrophe(marks: Marks, indices: list[int]) -> bool:
    """Return whether the last mark of a run is a small raised stroke, as after the day in a date."""
    *before, last = indices
    if not before or marks.kinds[last] not in (1, SLASH, LETTER):
        return False
    height, middle = median(marks.heights[before]), median(marks.middles[before, 1])
    return bool(marks.heights[last] < LIMITS.small * height and marks.boxes[last, 3] < middle + LIMITS.raised * height)


def _pointed(marks: Marks, indices: list[int], points: list[int]) -> bool:
    """Return whether a run has one of these points in it or right after it."""
    left, right = marks.boxes[indices, 0].min(), marks.boxes[indices, 2].max()
    beside = LIMITS.point_beside * median(marks.heights[indices])
    return bool(((marks.boxes[points, 0] > left) & (marks.boxes[points, 0] < right + beside)).any())


def _divide_usually(kinds: NDArray[np.intp], slash: NDArray[np.bool_]) -> bool:
    """Return whether slashes divide a number into the parts of a fraction or a date. If not, they are leaning 1s.

    So they are if a number begins or ends with one of them.

    kinds: (n,) the likeliest class of each mark. slash: (n,) which of them are slashes.
    """
    at = np.flatnonzero(slash)
    if SLASH in (kinds[0], kinds[-1]):
        return False
    lengths = (np.diff([-1, *at.tolist(), len(slash)]) - 1).tolist()
    if len(at) == 1:
        return all(1 <= length <= 3 for length in lengths) and (lengths[1] < 3 or kinds[at[0] + 1] != 0)
    return len(at) == 2 and max(lengths[:2]) <= 2 and min(lengths[:2]) >= 1 and lengths[2] in (2, 4)


def digit_evidence(marks: Marks, indices: list[int]) -> NDArray[np.float32]:
    """Return the probability that each mark of a run is a digit, (n,).

    A slash at either end of a run counts as a digit. No number begins or ends with a slash, but a slanted 1 looks like
    one.
    """
    evidence = marks.classes[indices, :10].sum(axis=1)
    for end in {0, len(indices) - 1}:
        evidence[end] += marks.classes[indices[end], SLASH]
    return np.asarray(evidence, np.float32)


def digit_probabilities(marks: Marks, indices: tuple[int, ...]) -> NDArray[np.float32]:
    """Return the probabilities of the ten classes for each digit of a number, (n, 10), given that it is a digit.

    What looks like a slash, but is a digit, is a leaning 1.
    """
    digits = marks.classes[list(indices), :10].astype(np.float32)
    digits[:, 1] += marks.classes[list(indices), SLASH]
    digits += 1e-5
    return np.asarray(digits / digits.sum(axis=1, keepdims=True), np.float32)
