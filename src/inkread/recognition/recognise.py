"""Recognition: reads the digits of a page the right way up, and lists the places that are not read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from inkread.geometry import Box
from inkread.glyphs import CLASSES, NON_DIGIT, SIDE, normalise
from inkread.ink import Map, darken_writing, find_ink
from inkread.layout.aligned_columns import aligned_grid
from inkread.layout.box_borders import without_box_borders
from inkread.layout.cells import Cells, find_cells
from inkread.layout.doubtful_marks import (
    find_doubtful_marks,
    find_shaky_digits,
    find_unsure_digits,
    find_weak_digits,
    like_digits,
    suppress_covered,
    with_odds,
)
from inkread.layout.grids import Grid, find_grids
from inkread.layout.page_marks import Marks, find_marks_at, marks_scale, place_digits
from inkread.layout.patches import Patch, cut_out_mark
from inkread.layout.single_digit import find_digit
from inkread.layout.text_lines import (
    Run,
    characters,
    digit_probabilities,
    find_lines,
    find_lone_signs,
    find_other_marks,
)
from inkread.models.classifier import GlyphClassifier
from inkread.models.detector import Detector
from inkread.options import Content, Print
from inkread.pictures.page import WORKING_PIXELS, Page
from inkread.quantiles import median
from inkread.readings import Unread
from inkread.recognition.orientation import Way, find_ways, legibility
from inkread.recognition.signs import LocatedSign, locate_signs
from inkread.recognition.table_cells import LocatedTable, locate_tables

_NEARLY_ALL = 0.8
"""A digit is alone on a page if it has more than this share of the page's ink."""

_SAME = 0.2
"""Two boxes are of the same digit if their intersection over union is at least this."""

_SMALL = 18
"""If the digits of a reduced page are lower than this, in pixels, they are read again from a larger page,"""

_COMFORTABLE = 27
"""The height of digits on that larger page, in pixels."""

_MORE = 1.5
"""if the picture has at least this many times more pixels than the page,"""

_FINEST = 4
"""The larger page has at most this many times the usual number of pixels."""

_TURNED = 1.5
"""A page is turned if that makes its marks and digits more legible by this much, in logarithms."""

_ROW_UPSIDE_DOWN = 3.0
"""One row of digits is upside down only if that makes it more legible by this much: the digits 0, 6, 8 and 9 look like
others then."""

_MISSED = 0.3
"""A digit that only one of two ways to turn a page shows counts as one of this probability in the other."""

_IN_CELL = 0.5
"""The usual height of digits in a table without any that was found, in heights of its rows."""

_LEAST_NON_DIGIT = 0.02
"""In the second opinion on a mark, the probability of a non-digit counts as at least this."""

_SURE = 0.97
"""Without lessons, the combined probability of a digit is at most this if the detector's is below one minus this."""

_CLEAR, _LARGE, _LITTLE = 0.95, 3.0, 0.4
"""A digit that is clearer than the first, and more than this many times higher than the usual mark, is the only one on
a page whose marks are less legible than the last: dirt, or scribbles around it."""

_EDGE_TO_EDGE = 0.9
"""The rules of a page are higher than this, in heights of the page."""

_STROKE = 0.5
"""A digit has ink of its own in at least this share of the rows of its box."""

_BEYOND = 0.15
"""Rules go on beyond the box of a mark by at least this part of its height."""

_UNLIKELY = 0.05
"""In the fluency of a page, the probability of a digit counts as at least this."""


@dataclass(frozen=True, slots=True)
class LocatedDigit:
    """The place of a digit.

    patch: its ink.
    row: the index of its row on the page.
    number: the index of its number in that row.
    before: the number of digits and signs before it in its number.
    """

    patch: Patch
    row: int = 0
    number: int = 0
    before: int = 0


@dataclass(frozen=True, slots=True)
class Recognition:
    """The N digits of a page, and the places that were not read.

    places: the places of the digits.
    glyphs: (N, 28, 28) float32.
    probabilities: (N, 11) float32.
    signs: the signs of the numbers.
    unread: the places that are not in the text, in pixels of the page.
    doubts: what makes it doubtful that these are all digits, and no more, by name; see `_doubts`.
    legibility: the mean of how certain the marks of the page and their classes are, 0 to 1; 1 without marks.
    tables: the tables of the page.
    turns: the number of counter-clockwise quarter turns after which the page was read.
    """

    places: tuple[LocatedDigit, ...]
    glyphs: NDArray[np.float32]
    probabilities: NDArray[np.float32]
    signs: tuple[LocatedSign, ...] = ()
    unread: tuple[Unread, ...] = ()
    doubts: Mapping[str, float] = field(default_factory=dict)
    legibility: float = 1.0
    tables: tuple[LocatedTable, ...] = ()
    turns: int = 0

    @property
    def seen(self) -> list[Box]:
        """The boxes of its digits and of the places that were not read."""
        return [*(place.patch.box for place in self.places), *(unread.box for unread in self.unread)]

    @property
    def fluency(self) -> float:
        """The geometric mean of the probabilities of its digits; 1 if there are none."""
        return float(np.exp(self.fluency_of(len(self.places)) / max(1, len(self.places))))

    def fluency_of(self, count: int) -> float:
        """Return the logarithm of the probability of its digits, if the page has `count` digits in all."""
        likely = np.maximum(_UNLIKELY, self.probabilities[:, :CLASSES].max(axis=1))
        return float(np.log(likely).sum() + (count - len(self.places)) * np.log(_MISSED))


@dataclass(frozen=True, slots=True)
class PageReader:
    """Reads the digits of pages.

    detector: finds the marks.
    classifier: reads each digit a second time.
    print_: whether print is read.
    """

    detector: Detector
    classifier: GlyphClassifier
    print_: Print = "auto"

    def read(self, page: Page, as_: Content) -> tuple[Map, Recognition]:
        """Return the ink of a page, (H, W) float32 in 0..1, and its digits.

        as_: what the page holds.
        """
        ink = find_ink(page)
        if as_ == "digit" or not ink.any():
            return ink, self.single(ink)
        grey = darken_writing(page)
        return ink, self.auto(grey, ink) if as_ == "auto" else self.lines(grey, ink, as_)

    def read_at(self, page: Page, ink: Map, boxes: NDArray[np.float32], turns: int, as_: Content) -> Recognition:
        """Return the digits at places that somebody has chosen, and the signs beside them.

        ink: the ink of the page. boxes: (N, 4), the left, top, right and bottom edges of the digits in pixels of the
            page after `turns` quarter turns. as_: what the page holds.
        """
        grey = darken_writing(page)
        ways = find_ways(grey, self.detector)
        seen = next((way for way in ways if way.turns == turns), ways[0]).marks
        ink = np.ascontiguousarray(np.rot90(ink, turns)) if turns else ink
        grids = [grid.turned(turns, page.grey.shape[::-1]) for grid in find_grids(grey)]
        found = find_cells(seen, grids, insist=as_ == "table", only_combs=as_ == "number")
        marks = place_digits(seen, boxes)
        cells = Cells.of(marks, *found[1:])
        lines = find_lines(marks, single=as_ == "number", cells=cells)
        return replace(self._recognition(marks, ink, lines, cells), turns=turns)

    def single(self, ink: Map) -> Recognition:
        """Return the digit of a page that holds only one. A page without ink has no digit."""
        patch = find_digit(ink)
        glyphs = normalise([patch.ink]) if patch else np.zeros((0, SIDE, SIDE), np.float32)
        return Recognition((LocatedDigit(patch),) if patch else (), glyphs, self.classifier.classify(glyphs))

    def lines(self, grey: NDArray[np.uint8], ink: Map, as_: Content = "lines") -> Recognition:
        """Return the digits of a page, after quarter turns if it is illegible without.

        grey: (H, W) uint8 with dark ink. ink: (H, W) float32 in 0..1. as_: "number" if all writing is on one line, and
            "table" if there is a table.
        """
        as_is, *turned = find_ways(grey, self.detector)
        # A digit alone is in no table, and looking for one would take a tenth of its time.
        alone = len(as_is.marks) == 1 and bool(as_is.marks.kinds[0] < CLASSES)
        grids = [] if alone and as_ != "table" else find_grids(grey)
        if grids and not turned and not (as_is.marks.kinds < CLASSES).any():
            # In a coarse view, a table with little writing looks like other ink.
            scale = marks_scale(_IN_CELL * grids[0].row_height, grey.shape)
            as_is = replace(as_is, marks=find_marks_at(grey, self.detector, scale))
        before = self._read_way(as_is, ink, grids, as_)
        best, most = before, _TURNED
        for way in turned:
            found = self._read_way(way, ink, grids, as_)
            count = max(len(before.places), len(found.places))
            evidence = way.evidence + found.fluency_of(count) - before.fluency_of(count)
            row_upside_down = way.turns == 2 and len({place.row for place in before.places}) == 1
            if evidence > max(most, _ROW_UPSIDE_DOWN if row_upside_down else most):
                best, most = found, evidence
        return best

    def _read_way(self, way: Way, ink: Map, grids: list[Grid], as_: Content) -> Recognition:
        """Return the digits of a page after some quarter turns; ink and grids are those of the page as it is."""
        turns, marks = way.turns, way.marks
        grids = [grid.turned(turns, ink.shape[::-1]) for grid in grids]
        ink = np.ascontiguousarray(np.rot90(ink, turns)) if turns else ink
        found = find_cells(without_box_borders(marks, ink), grids, insist=as_ == "table", only_combs=as_ == "number")
        marks = suppress_covered(_without_ink(self._reconsider(found[0], ink), ink))
        cells = Cells.of(marks, *found[1:])
        lines = find_lines(marks, single=as_ == "number", cells=cells)
        if as_ == "table" and not cells.grids and (grid := aligned_grid(marks, lines)):
            cells = Cells.of(marks, [grid], [False])
            lines = find_lines(marks, cells=cells)
        skipped = self.print_ == "skip" or (self.print_ == "auto" and _mixes_print_and_writing(lines))
        numbers = [[run for run in line if _is_read(run, skipped)] for line in lines]
        own = [index for line in numbers for run in line for index in run.digits]
        legible, seen_marks = legibility(way.marks)
        return replace(
            self._recognition(marks, ink, numbers, cells),
            unread=tuple(_unread(marks, lines, skipped)),
            doubts=_doubts(marks, lines, own),
            legibility=legible if seen_marks else 1.0,
            turns=turns,
        )

    def _recognition(self, marks: Marks, ink: Map, numbers: list[list[Run]], cells: Cells) -> Recognition:
        """Return the digits and signs of the numbers of each line."""
        places = tuple(_places(marks, ink, numbers))
        glyphs = normalise([place.patch.ink for place in places])
        seen = [digit_probabilities(marks, run.digits) for line in numbers for run in line if run.digits]
        probabilities = self.classifier.classify(glyphs, np.concatenate(seen) if seen else None)
        signs = tuple(locate_signs(marks, numbers))
        return Recognition(
            places, glyphs, probabilities, signs, tables=tuple(locate_tables(marks, cells, numbers, ink))
        )

    def _reconsider(self, marks: Marks, ink: Map) -> Marks:
        """Return marks after a second opinion on which of those that stand beside digits are digits, too.

        The detector takes some digits for letters or other ink, and finds others without being certain. The classifier
        knows non-digits as well, so the odds of a digit are multiplied by those that the classifier gives.
        """
        doubtful, weak = find_doubtful_marks(marks), find_weak_digits(marks)
        weak = weak[np.array([not _goes_on(ink, marks.boxes[index]) for index in weak.tolist()], bool)]
        places = [*doubtful.tolist(), *weak.tolist()]
        if not places:
            return marks
        patches = [_patch_of(marks, index, ink) for index in places]
        read = self.classifier.classify(normalise([patch.ink for patch in patches]))
        none = np.clip(read[:, NON_DIGIT], _LEAST_NON_DIGIT, 1)
        empty = np.array([not patch.ink.any() for patch in patches])
        odds = np.where(empty, 1, (1 - none) / none)
        odds = np.asarray(odds, np.float32)
        certainties = marks.certainties.copy()
        here = certainties[weak] * odds[len(doubtful) :]
        certainties[weak] = here / (here + 1 - certainties[weak])
        return with_odds(replace(marks, certainties=certainties), doubtful, odds[: len(doubtful)])

    def auto(self, grey: NDArray[np.uint8], ink: Map) -> Recognition:
        """Return the digits of a page with one digit or more. The parameters are those of `lines`."""
        found = self.lines(grey, ink)
        single = self.single(ink) if found.legibility < _LITTLE else None
        if single and _is_frame(single, found, ink):
            return found
        if single and self._stands_out(single, found):
            return replace(single, legibility=float(single.probabilities[0, :CLASSES].max()))
        in_table = found.tables and (found.places or found.signs)
        if len(found.places) > 1 or in_table or any(unread.reason in ("word", "print") for unread in found.unread):
            return found
        single = single or self.single(ink)
        if not single.places or _is_frame(single, found, ink) or not _has_most(single.places[0].patch.ink, ink):
            return found
        likely, nondigit = float(single.probabilities[0, :CLASSES].max()), float(single.probabilities[0, NON_DIGIT])
        # A clear digit is legible even if the detector does not see it.
        single = replace(single, legibility=max(likely, found.legibility))
        if not found.places:
            return single
        if found.places[0].patch.box.overlap(single.places[0].patch.box) < _SAME:
            return found  # The digit that the detector sees is another one than the heaviest ink.
        return single if likely > found.fluency and nondigit <= self.classifier.card.no_digit else found

    def _stands_out(self, single: Recognition, found: Recognition) -> bool:
        """Return whether a page has one clear digit, and otherwise only much smaller marks, which were found on it."""
        heights = [box.h for box in found.seen]
        if not single.places or not heights or single.places[0].patch.box.h < _LARGE * median(heights):
            return False
        likely, nondigit = single.probabilities[0, :CLASSES].max(), single.probabilities[0, NON_DIGIT]
        return bool(likely > _CLEAR and nondigit <= self.classifier.card.no_digit)


def _is_frame(single: Recognition, found: Recognition, ink: Map) -> bool:
    """Return whether what would be the only digit of a page reaches from edge to edge, and all marks are beside it."""
    if not single.places or not found.seen:
        return False
    box = single.places[0].patch.box
    return box.h > _EDGE_TO_EDGE * ink.shape[0] and all(box.overlap(other) < _SAME for other in found.seen)


def _patch_of(marks: Marks, index: int, ink: Map) -> Patch:
    """Return the ink of a mark without that of the marks around it."""
    near = [other for other in marks.overlapping(marks.boxes[index]).tolist() if other != index]
    return cut_out_mark(ink, marks.boxes, index, near)


def _without_ink(marks: Marks, ink: Map) -> Marks:
    """Return marks in which a doubtful digit without ink of its own is none, as the edge of a shadow."""
    certainties = marks.certainties.copy()
    for index in find_shaky_digits(marks).tolist():
        rows = (_patch_of(marks, index, ink).ink > 0.5).any(axis=1)
        if np.count_nonzero(rows) < _STROKE * marks.heights[index]:
            certainties[index] = 0
    return replace(marks, certainties=certainties)


def _goes_on(ink: Map, box: NDArray[np.float32]) -> bool:
    """Return whether the ink of a mark goes on beyond its box, or to the edge of the page, as a rule does."""
    left, top, right, bottom = (round(side) for side in box.tolist())
    beyond = max(2, round(_BEYOND * (bottom - top)))
    ends = (ink[max(0, top - beyond) : top, left:right], ink[bottom : bottom + beyond, left:right])
    return any(bool((end > 0.5).any(axis=1).all()) for end in ends)


def finer(page: Page, found: Recognition) -> int | None:
    """Return the number of pixels that a page needs so that its digits are large enough.

    None if they are large enough already, or if the picture has no more pixels.
    """
    whole = page.size[0] * page.size[1]
    if whole < _MORE * page.grey.size or not found.places:
        return None
    height = median([place.patch.box.h for place in found.places])
    if height >= _SMALL:
        return None
    return min(whole, _FINEST * WORKING_PIXELS, round(page.grey.size * (_COMFORTABLE / height) ** 2))


def _has_most(digit: Map, page: Map) -> bool:
    """Return whether one digit has nearly all the ink of a page."""
    return float(digit.sum()) > _NEARLY_ALL * float(page.sum())


def _mixes_print_and_writing(lines: list[list[Run]]) -> bool:
    """Tell whether a page has numbers written by hand beside printed words.

    A printed form has words. Digits that are written very evenly look printed, but no printed words are beside them.
    """
    runs = [run for line in lines for run in line]
    by_hand = any(run.kind == "number" and not run.printed for run in runs)
    return by_hand and any(run.kind == "word" and run.printed for run in runs)


def _is_read(run: Run, skipped: bool) -> bool:
    """Return whether a run is in the text, given whether print is skipped."""
    return run.kind == "number" and not (run.printed and skipped)


def _places(marks: Marks, ink: Map, numbers: list[list[Run]]) -> list[LocatedDigit]:
    """Return the places of the digits of the numbers of each line."""
    places = []
    for row, line in enumerate(numbers):
        near = [index for run in line for index in (*run.digits, *run.others)]
        at = {index: place for place, index in enumerate(near)}
        for number, run in enumerate(line):
            before = {index: place for place, index in enumerate(characters(marks, run))}
            for index in run.digits:
                beside = [near[k] for k in range(max(0, at[index] - 2), at[index] + 3) if 0 <= k < len(near)]
                patch = cut_out_mark(ink, marks.boxes, index, [other for other in beside if other != index])
                places.append(LocatedDigit(patch, row, number, before[index]))
    return places


def _doubts(marks: Marks, lines: list[list[Run]], read: list[int]) -> dict[str, float]:
    """Return what makes it doubtful that the marks that were read are all digits of a page, and no more.

    missed: the number of digits expected among the marks that were not read, except those in words and print.
    uncertain: minus the logarithm of the smallest certainty of a digit.
    uneven: how much the height of a digit differs from the median at most, as a logarithm.
    overlap: the largest share of the box of a digit that the next one covers.
    """
    left = np.ones(len(marks), bool)
    left[read] = False
    known = [run for line in lines for run in line if run.kind == "word" or run.printed]
    left[[index for run in known for index in (*run.digits, *run.signs, *run.others)]] = False
    found = {"missed": float((marks.certainties * like_digits(marks))[left].sum())}
    if read:
        heights = np.maximum(marks.heights[read], 1)
        found["uncertain"] = -float(np.log(marks.certainties[read].min()))
        found["uneven"] = float(np.abs(np.log(heights / median(heights))).max())
        found["overlap"] = max((_overlap(*marks.boxes[list(pair)]) for pair in pairwise(read)), default=0.0)
    return found


def _overlap(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Return the share of the smaller of two boxes, (4,) each, that both cover."""
    shared = np.prod(np.maximum(np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2]), 0))
    return float(shared / max(1.0, min(np.prod(box[2:] - box[:2]) for box in (one, other))))


def _unread(marks: Marks, lines: list[list[Run]], skipped: bool) -> list[Unread]:
    """Return the places on a page that are not in its text."""
    unread = []
    for line in lines:
        for run in line:
            if run.kind == "word":
                unread.append(Unread(marks.box(*run.others), "print" if run.printed else "word"))
            elif not _is_read(run, skipped):
                unread.append(Unread(marks.box(*run.digits, *run.signs, *run.others), "print"))
            else:
                unread += [Unread(marks.box(index), "word") for index in run.others]
    others = [*find_other_marks(marks), *find_lone_signs(marks, lines)]
    unread += [Unread(marks.box(int(index)), "drawing") for index in others]
    return unread + [Unread(marks.box(int(index)), "unsure") for index in find_unsure_digits(marks)]
