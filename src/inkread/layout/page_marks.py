"""Marks: the digits, signs, letters and other ink on a page. The detector finds them at a suitable scale."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from inkread.geometry import Box
from inkread.ink import Map
from inkread.marks import (
    CENTRE,
    CLASSES_FROM,
    CLASSES_TO,
    FIRST_SIGN,
    LETTER,
    MARK_CLASSES,
    MARKS,
    PRINTED,
    SIDES_FROM,
    SIDES_TO,
    STRIDE,
    normalise_page,
)
from inkread.models.detector import Detector
from inkread.models.probabilities import softmax
from inkread.quantiles import median

Floats = NDArray[np.float32]

PERCENT = MARKS.index("%")

_COMPARED = 64
"""Boxes that are compared with others at a time."""


@dataclass(frozen=True, slots=True)
class MarkLimits:
    """The limits of this module, each with its unit."""

    least: float = 0.25
    """A cell is a candidate if its probability of a centre is larger than this."""
    seen: float = 0.35
    """A mark counts for the choice of the scale if its probability of a centre is larger than this."""
    alike: float = 0.45
    """Two boxes are of the same mark if their intersection over union is larger than this."""
    within: float = 0.75
    """Two boxes of digits are also of the same mark if they share more than this part of the smaller box."""
    ring: float = 0.6
    """A zero is a ring of a percent sign if more than this part of it is in the sign's box, and it is lower than this,
    in heights of the sign."""
    heights: tuple[float, float] = (15.0, 44.0)
    """The lowest and highest mark that the detector reads well, in pixels of a view."""
    height: float = 27.0
    """The best height of digits, in pixels of a view."""
    off: float = 1.16
    """If the digits of a view are this many times higher or lower than `height`, another view is made."""
    off_large: float = 1.4
    """The same for views of more than `large` pixels, which take long."""
    large: float = 1e6
    """Views of more pixels than this are large."""
    step: float = 1.5
    """No view is made if the finest one is less than this many times finer."""
    smallest_view: int = 40
    """The longer side of the first, coarsest view, in pixels."""
    most_pixels: float = 3e6
    """The largest number of pixels of a view."""
    enlarged: float = 4.0
    """The largest factor by which a view enlarges the page."""
    inked: float = 0.55
    """A pixel of a view is ink that marks should cover if its depth is larger than this."""
    confirming: tuple[float, ...] = (0.87, 1.15)
    """The scales of the views that confirm the marks of the best view, in scales of that view."""
    shear: float = 0.25
    """The shear of these views, in pixels to the left per pixel upwards. Most writing leans to the right, and sheared
    it stands upright."""
    alike_sheared: float = 0.3
    """As `alike`, for the same mark in a view and in a sheared one."""
    hidden: float = 0.5
    """A digit that only the sheared views show is used if its probability of a centre is larger than this in both,"""
    apart: float = 0.2
    """if its middle is at least this far beside that of any mark at its level, in heights of the digit,"""
    level: float = 0.5
    """which is less than this far above or below it,"""
    covered: float = 0.25
    """and if digits cover more than this share of its box. The rings of a percent sign are no digits."""
    certain: float = 0.99
    """If all classes are more probable than this, and all marks sure, nothing needs to be confirmed."""
    confirmed: float = 4e5
    """Marks are confirmed in views of at most this many pixels."""
    sure: float = 0.6
    """A digit of a coarser view is kept beside smaller marks if its probability of a centre is larger than this."""
    letters: float = 6.0
    """The lowest letters that the detector tells from digits, in pixels of a view."""
    many_letters: int = 60
    """A page with fewer marks than this is not taken for a page of print."""
    few_digits: float = 0.03
    """If a smaller share of the marks of a page are digits, they do not decide on the scale."""
    worse: float = 0.6
    """The search ends at a view that shows less than this share of a coarser one whose marks were large enough."""
    certain_word: float = 0.75
    """The search goes on after a view without digits if a letter in it has a smaller probability of a centre. In a
    coarse view, the cells of a table look like doubtful letters."""
    explained: float = 0.88
    """If marks of a readable height cover more than this share of the ink, no finer view is made."""


LIMITS = MarkLimits()


@dataclass(frozen=True)
class Marks:
    """N marks on a page.

    boxes: (N, 4) float32: left, top, right and bottom edge in pixels of the page.
    certainties: (N,) float32, the probability that there is exactly one mark, 0 to 1.
    classes: (N, MARK_CLASSES) float32, the probability of each class. The rows sum to 1.
    printed: (N,) float32, the probability that the mark is printed, not handwritten.
    scale: pixels of the view that the marks were found in, per pixel of the page.
    """

    boxes: Floats
    certainties: Floats
    classes: Floats
    printed: Floats
    scale: float = 1.0

    def __len__(self) -> int:
        return len(self.boxes)

    @cached_property
    def kinds(self) -> NDArray[np.intp]:
        """The class of each mark, (N,): 0 to 9 for digits, then the signs, letters and other ink.

        A mark is a digit if all ten digits together are more probable than any other class.
        """
        digits, others = self.classes[:, :10], self.classes[:, 10:]
        is_digit = digits.sum(axis=1) > others.max(axis=1)
        return np.asarray(np.where(is_digit, digits.argmax(axis=1), 10 + others.argmax(axis=1)), np.intp)

    @cached_property
    def heights(self) -> Floats:
        """The height of each mark, (N,), in pixels of the page."""
        return np.asarray(self.boxes[:, 3] - self.boxes[:, 1], np.float32)

    @cached_property
    def middles(self) -> Floats:
        """The middle of the box of each mark, (N, 2): x and y in pixels of the page."""
        return np.asarray((self.boxes[:, :2] + self.boxes[:, 2:]) / 2, np.float32)

    def at(self, chosen: NDArray[np.intp] | NDArray[np.bool_]) -> Marks:
        """Return the marks at these indices."""
        return Marks(
            self.boxes[chosen], self.certainties[chosen], self.classes[chosen], self.printed[chosen], self.scale
        )

    def box(self, *indices: int) -> Box:
        """Return the box of the marks at these indices, in whole pixels of the page."""
        left, top = np.floor(self.boxes[list(indices), :2].min(axis=0)).astype(int).tolist()
        right, bottom = np.ceil(self.boxes[list(indices), 2:].max(axis=0)).astype(int).tolist()
        return Box(left, top, right - left, bottom - top)

    def overlapping(self, box: Floats) -> NDArray[np.intp]:
        """Return the indices of the marks whose boxes overlap a box, (4,): left, top, right and bottom edge."""
        left, top, right, bottom = box.tolist()
        across = np.minimum(self.boxes[:, 2], right) - np.maximum(self.boxes[:, 0], left)
        down = np.minimum(self.boxes[:, 3], bottom) - np.maximum(self.boxes[:, 1], top)
        return np.flatnonzero((across > 0) & (down > 0))

    def covered(self, box: Floats, by: NDArray[np.bool_]) -> float:
        """Return the share of a box, (4,), that the boxes of some of the marks, (N,) bool, cover."""
        left, top, right, bottom = box.tolist()
        over = [other for other in self.overlapping(box).tolist() if by[other]]
        lefts, tops, rights, bottoms = self.boxes[over].T
        across = np.minimum(rights, right) - np.maximum(lefts, left)
        down = np.minimum(bottoms, bottom) - np.maximum(tops, top)
        return float((across * down).sum() / max(1.0, (right - left) * (bottom - top)))


def find_marks(grey: NDArray[np.uint8], detector: Detector, *, finest: float | None = None) -> Marks:
    """Return the marks on a page, (H, W) uint8 with dark ink on a lighter ground.

    finest: the search ends at this scale, in pixels of the view per pixel of the page; None for its own limit.

    The search makes views of the page from coarse to fine. It ends when marks of a readable height cover nearly all
    ink, or at the resolution of the page. The view that shows the most digits is used. If its digits are too large or
    too small, a view of the best scale is made in addition. The work therefore depends on the page: a single digit
    needs one view of 40 pixels and one of the best scale.
    """
    best, best_score, settled = _nothing(), -1.0, False
    coarser: list[Marks] = []
    for finer in _scales(grey.shape, finest):
        view, marks = _view_at(grey, finer, detector)
        score, few_small, done = _judge(view, marks)
        if settled and score < LIMITS.worse * best_score:
            break
        if score > best_score * 1.1:
            best, best_score, settled = marks, score, few_small and score > 1
        if done:
            break
        coarser.append(_readable(marks))
    fitting = _fitting_scale(best, grey.shape)
    found = _confirmed(best if fitting is None else _view_at(grey, fitting, detector)[1], grey, detector)
    for marks in reversed(coarser):
        found = _with_larger(found, marks)
    return found


def _readable(marks: Marks) -> Marks:
    """Return the sure digits of a view that have a readable height in it."""
    heights = marks.heights * marks.scale
    low, high = LIMITS.heights
    sure = marks.certainties > LIMITS.sure
    return marks.at(sure & (marks.kinds < 10) & (heights >= low) & (heights <= high))


def _with_larger(marks: Marks, larger: Marks) -> Marks:
    """Return marks with those larger ones of a coarser view that lie apart from them, as a large digit beside print."""
    apart = np.ones(len(larger), bool)
    for at, box in enumerate(larger.boxes):
        apart[at] = not len(marks.overlapping(box))
    if not apart.any():
        return marks
    return _together(marks, larger.at(apart))


def _together(marks: Marks, more: Marks) -> Marks:
    """Return the marks of two lists, with the scale of the first."""
    return Marks(
        np.concatenate([marks.boxes, more.boxes]),
        np.concatenate([marks.certainties, more.certainties]),
        np.concatenate([marks.classes, more.classes]),
        np.concatenate([marks.printed, more.printed]),
        marks.scale,
    )


def place_digits(marks: Marks, boxes: Floats) -> Marks:
    """Return the signs of a page, and digits at places that somebody has chosen, with what the detector saw there.

    boxes: (N, 4), the left, top, right and bottom edges of the digits. Signs under them are parts of digits.
    """
    kinds, middles, sides = marks.kinds, marks.middles, marks.boxes[:, 2:] - marks.boxes[:, :2]
    free = (kinds >= FIRST_SIGN) & (kinds < LETTER)
    classes = np.zeros((len(boxes), MARK_CLASSES), np.float32)
    classes[:, :10] = 0.1
    for row, box in zip(classes, boxes, strict=True):
        free &= ~((middles >= box[:2]) & (middles <= box[2:])).all(axis=1)
        shared = np.minimum(marks.boxes[:, 2:], box[2:]) - np.maximum(marks.boxes[:, :2], box[:2])
        areas = np.prod(np.maximum(shared, 0), axis=1)
        alike = areas / np.maximum(1, np.prod(sides, axis=1) + np.prod(box[2:] - box[:2]) - areas)
        digit = marks.classes[:, :10].sum(axis=1)
        alike[digit < LIMITS.least] = 0
        if len(alike) and alike.max() > LIMITS.alike:
            best = int(alike.argmax())
            row[:10] = marks.classes[best, :10] / digit[best]
    new = np.ones(len(boxes), np.float32)
    return _together(marks.at(free), Marks(boxes, new, classes, np.zeros_like(new)))


def find_marks_at(grey: NDArray[np.uint8], detector: Detector, scale: float) -> Marks:
    """Return the marks on a page as `find_marks` does, at a known scale: pixels of the view per pixel of the page."""
    return _confirmed(_view_at(grey, scale, detector)[1], grey, detector)


def marks_scale(height: float, shape: tuple[int, ...]) -> float:
    """Return the scale at which digits that are `height` pixels high on a page of this shape have the best height."""
    most = float((LIMITS.most_pixels / (shape[0] * shape[1])) ** 0.5)
    return min(LIMITS.height / height, LIMITS.enlarged, most)


def _confirmed(marks: Marks, grey: NDArray[np.uint8], detector: Detector) -> Marks:
    """Return marks with certainties and classes averaged over sheared views of other scales (test-time averaging).

    The view that the marks were found in counts twice. The certainty of a mark that another view does not show counts
    as 0 there. Signs stay as they are, since a sheared slash looks like a 1. If all marks are sure, and in large views,
    which take long, all marks do.
    """
    if not len(marks) or marks.scale**2 * grey.size > LIMITS.confirmed:
        return marks
    if (marks.certainties > LIMITS.sure).all() and (marks.classes.max(axis=1) > LIMITS.certain).all():
        return marks
    certainties, logs = 2 * marks.certainties, 2 * np.log(marks.classes + 1e-5)
    views = np.full(len(marks), 2, np.float32)
    others = [_sheared_marks(grey, marks.scale * factor, detector) for factor in LIMITS.confirming]
    for other in others:
        seen, nearest = _alike(marks, other)
        certainties[seen] += other.certainties[nearest]
        logs[seen] += np.log(other.classes[nearest] + 1e-5)
        views[seen] += 1
    certainties /= 2 + len(others)
    classes = softmax(np.asarray(logs / views[:, None], np.float32))
    signs = marks.classes[:, FIRST_SIGN:LETTER].sum(axis=1) > 0.5
    certainties[signs], classes[signs] = marks.certainties[signs], marks.classes[signs]
    found = replace(marks, certainties=certainties, classes=classes)
    # What was a digit and other ink in one view may be the same digit twice now.
    return _with_hidden(found.at(np.sort(_each_once(found))), *others)


def _alike(marks: Marks, others: Marks) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the indices of the marks that a sheared view shows too, and there the indices of these, (n,) each."""
    if not len(others):
        return np.zeros(0, np.intp), np.zeros(0, np.intp)
    shares = _intersection_over_union(marks.boxes, others.boxes)
    nearest = shares.argmax(axis=1)
    seen = np.flatnonzero(shares[np.arange(len(marks)), nearest] > LIMITS.alike_sheared)
    return seen, nearest[seen]


def _with_hidden(marks: Marks, one: Marks, other: Marks) -> Marks:
    """Return marks with the digits that the boxes of their neighbours hide, but both sheared views show.

    The boxes of leaning digits overlap. Two leaning 1s side by side look like one mark that was found twice.
    """
    more = one.at((one.kinds < 10) & (one.certainties > LIMITS.hidden))
    seen, again = _alike(more, other)
    more, shown = more.at(seen), other.at(again)
    more = replace(more, certainties=np.asarray((more.certainties + shown.certainties) / 2, np.float32))
    more = more.at((shown.kinds < 10) & (shown.certainties > LIMITS.hidden))
    hidden = [index for index in range(len(more)) if _is_hidden(marks, more, index)]
    if not hidden:
        return marks
    more = more.at(np.array(hidden, np.intp))
    boxes = more.boxes.copy()
    boxes[:, 0] -= LIMITS.shear * more.heights / 2
    boxes[:, 2] += LIMITS.shear * more.heights / 2
    return _together(marks, replace(more, boxes=boxes))


def _is_hidden(marks: Marks, more: Marks, index: int) -> bool:
    """Return whether no mark stands where other views show a digit, but digits cover much of its box."""
    across, down = np.abs(marks.middles - more.middles[index]).T / more.heights[index]
    if ((across < LIMITS.apart) & (down < LIMITS.level)).any():
        return False
    return marks.covered(more.boxes[index], marks.kinds < 10) > LIMITS.covered


def _intersection_over_union(one: Floats, other: Floats) -> Floats:
    """Return the intersection over union of each pair of boxes, (N, 4) and (M, 4): (N, M) float32."""
    near, far = np.maximum(one[:, None, :2], other[None, :, :2]), np.minimum(one[:, None, 2:], other[None, :, 2:])
    shared = np.prod(np.maximum(far - near, 0), axis=2)
    areas = [np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) for boxes in (one, other)]
    return np.asarray(shared / np.maximum(areas[0][:, None] + areas[1][None] - shared, 1e-6), np.float32)


def _scales(shape: tuple[int, ...], most: float | None) -> Iterator[float]:
    """Yield the scales of the views of a page from coarse to fine. Each is about twice the one before."""
    height, width = shape
    pixels = height * width
    finest = max(1.0 if 4 * pixels > 1.2e6 else 2.0, 64 / height)
    finest = min(finest, LIMITS.enlarged, (LIMITS.most_pixels / pixels) ** 0.5, most or finest)
    scale = min(1.0, LIMITS.smallest_view / max(shape), finest)
    while scale * LIMITS.step < finest:
        yield scale
        scale *= 2
    yield finest


def _view_at(grey: NDArray[np.uint8], scale: float, detector: Detector) -> tuple[Map, Marks]:
    """Return the view of a page at a scale, and the marks in it."""
    view = _view_of(grey, scale)
    return view, _marks_in(detector.outputs(view), view.shape, scale)


def _view_of(grey: NDArray[np.uint8], scale: float) -> Map:
    width, height = (max(8, round(side * scale)) for side in grey.shape[::-1])
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    small = cv2.resize(grey, (width, height), interpolation=way)
    return normalise_page(np.asarray(small, np.uint8))


def _sheared_marks(grey: NDArray[np.uint8], scale: float, detector: Detector) -> Marks:
    """Return the marks in a view that is sheared to the left by `LIMITS.shear` pixels per pixel upwards.

    Their middles are those on the page as it is, but their boxes are not wider or narrower than in the view.
    """
    view = _view_of(grey, scale)
    height, width = view.shape
    moved = LIMITS.shear * height / 2
    # If the corners move by more than a mark, the view is wider by as much, but not for a mere strip. What is new in it
    # is paper.
    more = math.ceil(moved) if LIMITS.height < moved <= width else 0
    matrix = np.array([[1, LIMITS.shear, more - moved], [0, 1, 0]])
    sheared = np.asarray(cv2.warpAffine(view, matrix, (width + 2 * more, height)), np.float32)
    marks = _marks_in(detector.outputs(sheared), sheared.shape, scale)
    back = np.zeros_like(marks.boxes)
    below = marks.middles[:, 1] - np.float32(len(grey) / 2)
    back[:, 0::2] = (np.float32(LIMITS.shear) * below + np.float32(more / scale))[:, None]
    return replace(marks, boxes=marks.boxes - back)


def _marks_in(cells: Floats, shape: tuple[int, int], scale: float) -> Marks:
    """Return the marks at the peaks of the detector's map of a view, without duplicates."""
    middles = np.asarray(1 / (1 + np.exp(-cells[..., CENTRE])), np.float32)
    peaks = (middles >= cv2.dilate(middles, np.ones((3, 3), np.uint8))) & (middles > LIMITS.least)
    rows, columns = np.nonzero(peaks)
    if not len(rows):
        return _nothing(scale)
    chosen_cells = cells[rows, columns]
    left, top, right, bottom = chosen_cells[:, SIDES_FROM:SIDES_TO].T
    x, y = STRIDE * columns + (STRIDE - 1) / 2, STRIDE * rows + (STRIDE - 1) / 2
    boxes = np.stack([x - left, y - top, x + right, y + bottom], axis=1)
    boxes = np.clip(boxes, 0, (*shape[::-1], *shape[::-1])).astype(np.float32)
    classes = softmax(chosen_cells[:, CLASSES_FROM:CLASSES_TO])
    printed = 1 / (1 + np.exp(-chosen_cells[:, PRINTED]))
    real = (boxes[:, 2] - boxes[:, 0] > 1) & (boxes[:, 3] - boxes[:, 1] > 1)
    found = Marks(boxes, middles[rows, columns], classes, np.asarray(printed, np.float32), scale).at(real)
    kept = found.at(_each_once(found))
    return Marks(kept.boxes / np.float32(scale), kept.certainties, kept.classes, kept.printed, scale)


def _each_once(marks: Marks) -> NDArray[np.intp]:
    """Return the indices of the surest mark in each place (non-maximum suppression), from the surest on."""
    kept = np.argsort(-marks.certainties, kind="stable")
    kept = kept[~_covered_by_surer(marks.boxes[kept])]
    digits = kept[marks.kinds[kept] < 10]
    inside = {*digits[_inside_surer(marks.boxes[digits])].tolist(), *_rings(marks, kept)}
    return np.array([index for index in kept.tolist() if index not in inside], np.intp)


def _covered_by_surer(boxes: Floats) -> NDArray[np.bool_]:
    """Return which boxes, (N, 4) from the surest on, are of the same mark as a surer one that is not covered itself."""
    covered = np.zeros(len(boxes), bool)
    pairs = shared_boxes(boxes, LIMITS.alike, of_both=True)
    # OpenCV compares every box with every other one, which takes seconds for a page with 20 000.
    for surer, other in sorted((min(pair), max(pair)) for pair in pairs):
        covered[other] |= not covered[surer]
    return covered


def _inside_surer(boxes: Floats) -> NDArray[np.bool_]:
    """Return which boxes of digits, (N, 4) from the surest on, share too much of the smaller box with a surer one."""
    inside = np.zeros(len(boxes), bool)
    for one, other in shared_boxes(boxes, LIMITS.within):
        inside[max(one, other)] = True
    return inside


def _rings(marks: Marks, kept: NDArray[np.intp]) -> Iterator[int]:
    """Yield the indices of the rings of percent signs, which look like zeros, among some marks."""
    percents = kept[marks.kinds[kept] == PERCENT]
    if not len(percents):
        return
    chosen = np.concatenate([percents, kept[marks.kinds[kept] == 0]])
    for pair in shared_boxes(marks.boxes[chosen], LIMITS.ring):
        percent, ring = chosen[min(pair)], chosen[max(pair)]
        if min(pair) < len(percents) and marks.heights[ring] < LIMITS.ring * marks.heights[percent]:
            yield int(ring)


def shared_boxes(boxes: Floats, share: float, *, of_both: bool = False) -> Iterator[tuple[int, int]]:
    """Yield the indices of each pair of boxes, of (N, 4), that share more than this part of the smaller one.

    of_both: whether it is the part of the area that both cover together (intersection over union).
    """
    areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    # The work is done from left to right, so that only boxes that overlap from left to right are compared.
    order = np.argsort(boxes[:, 0], kind="stable")
    ends = np.searchsorted(boxes[order, 0], boxes[order, 2])
    for start in range(0, len(boxes), _COMPARED):
        one, other = order[start : start + _COMPARED, None], order[start + 1 : ends[start : start + _COMPARED].max()]
        left, top, right, bottom = boxes[other].T
        across = np.minimum(right, boxes[one, 2]) - np.maximum(left, boxes[one, 0])
        down = np.minimum(bottom, boxes[one, 3]) - np.maximum(top, boxes[one, 1])
        shared = np.maximum(across, 0) * np.maximum(down, 0)
        whole = areas[one] + areas[other] - shared if of_both else np.minimum(areas[one], areas[other])
        # Of each pair, the first is the one further left.
        rows, columns = np.nonzero(np.triu(shared > share * whole))
        yield from zip(one[rows, 0].tolist(), other[columns].tolist(), strict=True)


def _judge(view: Map, marks: Marks) -> tuple[float, bool, bool]:
    """Return how much a view shows, whether few of its marks are too small, and whether no finer view is needed."""
    heights = marks.heights * marks.scale
    low, high = LIMITS.heights
    fits = (heights >= low) & (heights <= high)
    digits, words = marks.kinds < 10, marks.kinds >= LETTER
    score = float((marks.certainties * marks.classes[:, :10].sum(axis=1))[digits & fits].sum())
    score += 0.25 * float(marks.certainties[words & fits].sum())
    sure = marks.certainties > LIMITS.seen
    readable = sure & (heights <= 1.15 * high) & (digits | words | (heights < low))
    few_small = bool((sure & (heights < low)).sum() < 0.3 * (sure & fits).sum())
    legible = bool((digits & fits).any()) or (sure & words & (marks.certainties < LIMITS.certain_word)).sum() == 0
    done = score > 0.5 and few_small and legible and _explained(view, marks.at(readable)) > LIMITS.explained
    return score, few_small, done or _is_printed_text(marks.at(sure))


def _is_printed_text(marks: Marks) -> bool:
    """Return whether a page is full of small print without numbers, which no finer view is needed to leave unread."""
    letters = (marks.kinds == LETTER) & (marks.printed > 0.5)
    high_enough = marks.heights * marks.scale > LIMITS.letters
    many = len(marks) >= LIMITS.many_letters
    return bool(many and (letters & high_enough).mean() > 0.9 and (marks.kinds < 10).mean() < LIMITS.few_digits)


def _explained(view: Map, marks: Marks) -> float:
    """Return the share of the ink in a view that is inside the boxes of marks or next to them."""
    inked = view > LIMITS.inked
    covered = np.zeros(view.shape, np.uint8)
    for left, top, right, bottom in (marks.boxes * marks.scale).tolist():
        across, down = 0.2 * (right - left) + 1, 0.2 * (bottom - top)
        covered[
            max(0, int(top - down)) : int(bottom + down) + 1, max(0, int(left - across)) : int(right + across) + 1
        ] = 1
    total = np.count_nonzero(inked)
    return np.count_nonzero(inked & (covered > 0)) / total if total else 1.0


def _fitting_scale(marks: Marks, shape: tuple[int, ...]) -> float | None:
    """Return the scale at which the digits have the best height; None if they nearly have it or there are no digits."""
    sure = marks.certainties > LIMITS.seen
    digits = sure & (marks.kinds < 10)
    if digits.sum() <= LIMITS.few_digits * sure.sum():
        return None
    height = median(marks.heights[digits])
    scale = marks_scale(height, shape)
    off = LIMITS.off_large if marks.scale**2 * shape[0] * shape[1] > LIMITS.large else LIMITS.off
    return scale if abs(np.log(scale / marks.scale)) > np.log(off) else None


def _nothing(scale: float = 1.0) -> Marks:
    empty = np.zeros(0, np.float32)
    return Marks(np.zeros((0, 4), np.float32), empty, np.zeros((0, MARK_CLASSES), np.float32), empty, scale)
