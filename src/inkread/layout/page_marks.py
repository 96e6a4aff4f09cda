"""Marks: the digits, signs, letters and other ink on a page. The detector finds them at a suitable scale."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from inkread.ink.components import Map
from inkread.marks import (
    CENTRE,
    CLASSES_FROM,
    CLASSES_TO,
    LETTER,
    MARK_CLASSES,
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


@dataclass(frozen=True, slots=True)
class MarkLimits:
    """The limits of this module, each with its unit. benchmarks/marks.py measures their effect."""

    least: float = 0.25
    """A cell is a candidate if its probability of a centre is larger than this."""
    seen: float = 0.35
    """A mark counts for the choice of the scale if its probability of a centre is larger than this."""
    alike: float = 0.45
    """Two boxes are of the same mark if their intersection over union is larger than this."""
    within: float = 0.75
    """Two boxes of digits are also of the same mark if they share more than this part of the smaller box."""
    heights: tuple[float, float] = (15.0, 44.0)
    """The lowest and highest mark that the detector reads well, in pixels of a view."""
    height: float = 27.0
    """The best height of digits, in pixels of a view."""
    off: float = 1.16
    """If the digits of a view are this many times higher or lower than `height`, another view is made."""
    smallest_view: int = 40
    """The longer side of the first, coarsest view, in pixels."""
    most_pixels: float = 3e6
    """The largest number of pixels of a view."""
    enlarged: float = 4.0
    """The largest factor by which a view enlarges the page."""
    inked: float = 0.55
    """A pixel of a view is ink that marks should cover if its depth is larger than this."""
    worse: float = 0.6
    """The search ends at a view that shows less than this share of a coarser one whose marks were large enough."""
    explained: float = 0.88
    """If marks of a readable height cover more than this share of the ink, no finer view is made."""


LIMITS = MarkLimits()


@dataclass(frozen=True, slots=True)
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

    @property
    def kinds(self) -> NDArray[np.intp]:
        """The likeliest class of each mark, (N,): 0 to 9 for digits, then the signs, letters and other ink."""
        return np.asarray(self.classes.argmax(axis=1), np.intp)

    @property
    def heights(self) -> Floats:
        """The height of each mark, (N,), in pixels of the page."""
        return np.asarray(self.boxes[:, 3] - self.boxes[:, 1], np.float32)

    def at(self, chosen: NDArray[np.intp] | NDArray[np.bool_]) -> Marks:
        """Return the marks at these indices."""
        return Marks(
            self.boxes[chosen], self.certainties[chosen], self.classes[chosen], self.printed[chosen], self.scale
        )


def find_marks(grey: NDArray[np.uint8], detector: Detector, *, finest: float | None = None) -> Marks:
    """Return the marks on a page, (H, W) uint8 with dark ink on a lighter ground.

    finest: the search ends at this scale, in pixels of the view per pixel of the page; None for its own limit.

    The search makes views of the page from coarse to fine. It ends when marks of a readable height cover nearly all
    ink, or at the resolution of the page. The view that shows the most digits is used. If its digits are too large or
    too small, a view of the best scale is made in addition. The work therefore depends on the page: a single digit
    needs one view of 40 pixels and one of the best scale.
    """
    best, best_score, settled = _nothing(), -1.0, False
    for finer in _scales(grey.shape, finest):
        view, marks = _view_at(grey, finer, detector)
        score, few_small, done = _judge(view, marks)
        if settled and score < LIMITS.worse * best_score:
            break
        if score > best_score * 1.1:
            best, best_score, settled = marks, score, few_small and score > 1
        if done:
            break
    fitting = _fitting_scale(best, grey.shape)
    return best if fitting is None else _view_at(grey, fitting, detector)[1]


def find_marks_at(grey: NDArray[np.uint8], detector: Detector, scale: float) -> Marks:
    """Return the marks on a page as `find_marks` does, at a known scale: pixels of the view per pixel of the page."""
    return _view_at(grey, scale, detector)[1]


def _scales(shape: tuple[int, ...], most: float | None) -> Iterator[float]:
    """Yield the scales of the views of a page from coarse to fine. Each is twice the one before."""
    height, width = shape
    pixels = height * width
    finest = max(1.0 if 4 * pixels > 1.2e6 else 2.0, 64 / height)
    finest = min(finest, LIMITS.enlarged, (LIMITS.most_pixels / pixels) ** 0.5, most or finest)
    scale = min(1.0, LIMITS.smallest_view / max(shape), finest)
    while scale < 0.999 * finest:
        yield scale
        scale *= 2
    yield finest


def _view_at(grey: NDArray[np.uint8], scale: float, detector: Detector) -> tuple[Map, Marks]:
    """Return the view of a page at a scale, and the marks in it."""
    height, width = (max(8, round(side * scale)) for side in grey.shape)
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    view = normalise_page(np.asarray(cv2.resize(grey, (width, height), interpolation=way), np.uint8))
    return view, _marks_in(detector.outputs(view), (height, width), scale)


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
    """Return the indices of the surest mark in each place (non-maximum suppression), in time linear in their number."""
    boxes, digits = marks.boxes.tolist(), (marks.kinds < 10).tolist()
    side = 64.0
    kept: list[int] = []
    near: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
    for index in np.argsort(-marks.certainties, kind="stable").tolist():
        left, top, right, bottom = boxes[index]
        places = [
            (row, column)
            for row in range(int(top // side), int(bottom // side) + 1)
            for column in range(int(left // side), int(right // side) + 1)
        ]
        rivals = {other for place in places for other in near[place]}
        if not any(_same(boxes[index], boxes[other], digits[index] and digits[other]) for other in rivals):
            kept.append(index)
            for place in places:
                near[place].append(index)
    return np.array(kept, np.intp)


def _same(one: list[float], other: list[float], both_digits: bool) -> bool:
    """Return whether two boxes are of the same mark."""
    across = min(one[2], other[2]) - max(one[0], other[0])
    down = min(one[3], other[3]) - max(one[1], other[1])
    if across <= 0 or down <= 0:
        return False
    shared = across * down
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    inside = both_digits and shared > LIMITS.within * min(areas)
    return inside or shared > LIMITS.alike * (sum(areas) - shared)


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
    done = score > 0.5 and few_small and _explained(view, marks.at(readable)) > LIMITS.explained
    return score, few_small, done


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
    digits = (marks.kinds < 10) & (marks.certainties > LIMITS.seen)
    if not digits.any():
        return None
    height = median(marks.heights[digits])
    scale = min(LIMITS.height / height, LIMITS.enlarged, (LIMITS.most_pixels / (shape[0] * shape[1])) ** 0.5)
    return scale if abs(np.log(scale / marks.scale)) > np.log(LIMITS.off) else None


def _nothing(scale: float = 1.0) -> Marks:
    empty = np.zeros(0, np.float32)
    return Marks(np.zeros((0, 4), np.float32), empty, np.zeros((0, MARK_CLASSES), np.float32), empty, scale)
