"""Boxes: printed and hand-drawn boxes as places, each for what stands in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from inkread.ink.components import Components, Map, Mask
from inkread.ink.straight_lines import erase, lines_of

_SMALLEST = 14  # pixels; a box with a shorter side holds no legible digit
_SPARSE = 0.5  # a grid fills no more of its outline than this
_OUTLINE = 0.7  # share of the tightest rectangle around a grid, however it leans, that its outline takes
_RECTANGLE = 0.8  # share of the tightest rectangle around it that the inside of a box takes; an ellipse takes 0.785
_WHOLE = 0.9  # and of a box that nothing touches,
_USUAL = 0.75  # whose sides are no shorter than this share of those of the others
_GAP = 1.0  # lines meet across gaps of this, in thicknesses of a line
_WHOLE_ONES = 80  # per cent of the insides of boxes that may be parts of one
_SIDE = 0.92  # a line is straight for this share of the side of a box
_HALF = 0.5  # and a box has no side shorter than this share of the others'
_STEEPEST = 20  # degrees by which a grid may lean
_SQUARE = 0.88  # and so does that of a box that stands alone, or its outline: a narrow 0 comes near to it
_ROOM = 0.55  # and its inside takes this share of it
_FEW = 4  # so many boxes are a grid even if they are empty,
_ALIKE = 3  # and so many boxes of one size that stand apart;
_SAME_SIZE = 0.12  # their sides differ by no more than this share
_REACH = 0.15  # what lies so near to a box belongs to it, in sides of the box
_CONTENT = 0.25  # what stands in a box is at least so high, in heights of the box


Contour = NDArray[Any]  # (N, 1, 2): points as x and y, as OpenCV gives them


@dataclass(frozen=True, slots=True)
class Cells:
    """The N boxes of a page.

    rectangles: (N, 4) float64: x and y of the middle, width and height, in pixels, of the page turned by `lean`.
    lean: the angle in degrees by which the boxes fall to the right.
    labels: (H, W) int32, the page with the number of the box that each pixel lies in, from 1; 0 is outside.
    """

    rectangles: NDArray[np.float64]
    lean: float
    labels: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.rectangles)

    def around(self, points: NDArray[np.float64]) -> NDArray[np.intp]:
        """Return the index of the box around each point, (N, 2) as x and y in pixels of the page; -1 outside."""
        x, y = points.astype(int).T
        return np.asarray(self.labels[y, x] - 1, np.intp)

    def turned(self, turns: int) -> Cells:
        """Return them after so many quarter turns of the page against the clock."""
        if turns % 4 == 0:
            return self
        middles = turned(self.rectangles[:, :2], -self.lean)  # on the page as it lay
        across = middles[:, 1], self.labels.shape[1] - middles[:, 0]
        rectangles = np.column_stack([turned(np.column_stack(across), self.lean), self.rectangles[:, 3:1:-1]])
        return Cells(rectangles, self.lean, np.ascontiguousarray(np.rot90(self.labels))).turned(turns - 1)


@dataclass(frozen=True, slots=True, eq=False)
class _BoxGroup:
    """One connected component of lines: its lines, level and upright, and the insides of its boxes."""

    number: int
    level: Mask
    upright: Mask
    insides: NDArray[np.int32]  # numbered from 1
    rectangles: NDArray[np.float64]  # x and y of the middle, width and height; x and y on the page
    lean: float
    side: float
    square: float  # rectangularity of its outline or of one of its holes, whichever is larger


def without_boxes(ink: Map, components: Components) -> tuple[Map, Cells | None]:
    """Return ink without its boxes, mended where they crossed strokes, and the boxes; None and `ink` without any.

    ink: (H, W) float32 in 0..1, and its components. Boxes are closed and straight: a sparse component whose long
    straight lines enclose rectangles. They count where something stands in them, or where there are several alike.
    """
    candidates = [grid for number in _candidates(components) if (grid := _grid(components, number))]
    grids = _evident(candidates, components)
    if not grids:
        return ink, None
    clean = ink.copy()
    labels = np.zeros(ink.shape, np.int32)
    count = 0
    for grid in grids:
        x, y, w, h = components.boxes[grid.number]
        part = (components.labels[y : y + h, x : x + w] == grid.number + 1).astype(np.uint8)
        erase(clean[y : y + h, x : x + w], part, grid.level, grid.upright, grid.side / 1.5)
        view = labels[y : y + h, x : x + w]
        view[grid.insides > 0] = grid.insides[grid.insides > 0] + count
        count += len(grid.rectangles)
    reach = 2 * round(_REACH * min(grid.side for grid in grids)) + 1
    grown = cv2.dilate(labels.astype(np.float32), np.ones((reach, reach), np.uint8)).astype(np.int32)
    labels = np.where(labels, labels, grown)
    lean = float(np.median(np.concatenate([np.full(len(grid.rectangles), grid.lean) for grid in grids])))
    rectangles = np.concatenate([grid.rectangles for grid in grids])
    rectangles[:, :2] = turned(rectangles[:, :2], lean)
    return clean, Cells(rectangles, lean, labels)


def turned(points: NDArray[np.float64], lean: float) -> NDArray[np.float64]:
    """Return points, (N, 2), where they lie once a page that leans by so many degrees is level."""
    sine, cosine = np.sin(np.radians(lean)), np.cos(np.radians(lean))
    return np.asarray(points @ np.array([[cosine, -sine], [sine, cosine]]), np.float64)


def _candidates(components: Components) -> list[int]:
    """Return the numbers of the components that are large and sparse enough to be boxes."""
    w, h = components.boxes[:, 2:].T
    return [int(n) for n in np.flatnonzero((np.minimum(w, h) >= _SMALLEST) & (components.areas < _SPARSE * w * h))]


def _grid(components: Components, number: int) -> _BoxGroup | None:
    """Return the boxes of a component; None where its lines enclose none, even with small gaps in them closed."""
    x, y, w, h = components.boxes[number]
    part = (components.labels[y : y + h, x : x + w] == number + 1).astype(np.uint8)
    thickness = _thickness(part)
    grid = _boxes(number, part, part, thickness) or _boxes(number, part, _sealed(part, thickness), thickness)
    if grid:
        grid.rectangles[:, :2] += (x, y)
    return grid


def _boxes(number: int, part: Mask, outlines: Mask, thickness: float) -> _BoxGroup | None:
    """Return the boxes of a component, with places from its own corner.

    part: the component's pixels. outlines: the same, with gaps closed or not.
    """
    contours, hierarchy = cv2.findContours(outlines, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    outer = max(contours, key=cv2.contourArea)
    holes = [contour for contour, links in zip(contours, hierarchy[0], strict=True) if links[3] >= 0]
    large = [hole for hole in holes if min(cv2.minAreaRect(hole)[1]) >= _SMALLEST]
    squares = [hole for hole in large if _rectangularity(hole) >= _RECTANGLE]
    if len(squares) < 2 and _rectangularity(outer) < _OUTLINE:
        return None
    lean = _lean(squares or [outer])
    if abs(lean) > _STEEPEST:
        return None
    # Digits that touch their boxes leave parts of the insides; the larger ones are whole.
    sides = np.percentile([_upright_size(hole, lean) for hole in large or [outer]], _WHOLE_ONES, axis=0)
    level, upright = lines_of(part, (_SIDE * sides[0], _SIDE * sides[1]), lean)
    whole = [cv2.convexHull(hole) for hole in squares if _is_whole(hole, lean, sides)]
    around = _around(whole, outlines, thickness)
    insides, found = _enclosed(whole, level | upright | around, lean, float(sides.min()))
    if not found:
        return None
    around &= part
    rectangles = np.array(found)
    side = float(np.median(rectangles[:, 2:].min(axis=1)))
    square = max(map(_rectangularity, [outer, *large]))
    return _BoxGroup(number, level | around, upright | around, insides, rectangles, lean, side, square)


def _thickness(part: Mask) -> float:
    """Return how thick the lines of a component are: twice their area by their outline."""
    contours, _ = cv2.findContours(part, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    return 2 * float(part.sum()) / max(1.0, sum(cv2.arcLength(contour, True) for contour in contours))


def _sealed(part: Mask, thickness: float) -> Mask:
    """Return a component with small gaps in its lines closed: lines drawn by hand do not always meet."""
    reach = 2 * round(_GAP * thickness) + 3
    padded = cv2.copyMakeBorder(part, reach, reach, reach, reach, cv2.BORDER_CONSTANT)
    sealed = cv2.morphologyEx(padded, cv2.MORPH_CLOSE, np.ones((reach, reach), np.uint8))
    return np.asarray(sealed[reach:-reach, reach:-reach], np.uint8)


def _is_whole(hole: Contour, lean: float, sides: NDArray[np.float64]) -> bool:
    """Tell whether a hole is all of the inside of a box, of about such sides, and not what a digit left of it."""
    return bool(_rectangularity(hole) >= _WHOLE and min(_upright_size(hole, lean) / sides) >= _USUAL)


def _around(holes: list[Contour], part: Mask, thickness: float) -> Mask:
    """Return the pixels of a component that lie around its holes, no further away than its lines are thick."""
    inside = np.zeros_like(part)
    cv2.drawContours(inside, holes, -1, 1, cv2.FILLED)
    reach = 2 * int(np.ceil(thickness + 1)) + 1
    near = cv2.dilate(inside, np.ones((reach, reach), np.uint8)) > cv2.erode(inside, np.ones((5, 5), np.uint8))
    return np.asarray(near & (part > 0), np.uint8)


def _enclosed(
    holes: list[Contour], lines: Mask, lean: float, side: float
) -> tuple[NDArray[np.int32], list[tuple[float, ...]]]:
    """Return a map of the insides of boxes, numbered from 1, and the rectangle of each: middle and size.

    These are what lines enclose; holes that are rectangles are among it.
    """
    padded = cv2.copyMakeBorder(lines, 1, 1, 1, 1, cv2.BORDER_CONSTANT)
    closed = np.asarray(cv2.dilate(padded, np.ones((3, 3), np.uint8)), np.uint8)
    cv2.drawContours(closed, holes, -1, 0, cv2.FILLED, offset=(1, 1))
    closed = np.maximum(closed, padded)
    _, regions, stats, centres = cv2.connectedComponentsWithStats(1 - closed, connectivity=4)
    ring = (regions[0], regions[-1], regions[:, 0], regions[:, -1])
    outside = set(np.unique(np.concatenate(ring)).tolist())
    insides = np.zeros(lines.shape, np.int32)
    rectangles: list[tuple[float, ...]] = []
    for region in range(1, len(stats)):
        a, b, c, d = stats[region, :4] - (1, 1, 0, 0)
        if region in outside or min(c, d) < _HALF * side:
            continue
        own = (regions[b + 1 : b + 1 + d, a + 1 : a + 1 + c] == region).astype(np.uint8)
        contour = max(cv2.findContours(own, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)[0], key=cv2.contourArea)
        if _rectangularity(contour) >= _RECTANGLE:
            rectangles.append((*(centres[region] - 1), *_upright_size(contour, lean)))
            insides[b : b + d, a : a + c][own > 0] = len(rectangles)
    return insides, rectangles


def _evident(grids: list[_BoxGroup], components: Components) -> list[_BoxGroup]:
    """Return the grids that are no writing: they hold something, have many boxes, or are like others."""
    square = [grid for grid in grids if len(grid.rectangles) >= _FEW or _is_roomy_square(grid, components)]
    sure = [grid for grid in square if len(grid.rectangles) >= _FEW or _holds(grid, components)]
    if len(sure) < len(square):
        sure += [grid for grid in square if len(_alike(grid, square, components)) >= _ALIKE]
    return [grid for grid in grids if any(other in sure for other in _alike(grid, grids, components))]


def _is_roomy_square(grid: _BoxGroup, components: Components) -> bool:
    """Tell whether a grid of few boxes is as rectangular as boxes are, with room inside; a small 0 has little."""
    w, h = components.boxes[grid.number, 2:]
    room = float((grid.rectangles[:, 2] * grid.rectangles[:, 3]).sum()) / float(w * h)
    return grid.square >= _SQUARE and room >= _ROOM


def _alike(grid: _BoxGroup, grids: list[_BoxGroup], components: Components) -> list[_BoxGroup]:
    """Return the grids, itself among them, that are as large as a grid."""
    sizes = components.boxes[[other.number for other in grids], 2:]
    size = components.boxes[grid.number, 2:]
    return [grids[at] for at in np.flatnonzero((np.abs(sizes - size) <= _SAME_SIZE * size).all(axis=1))]


def _holds(grid: _BoxGroup, components: Components) -> bool:
    """Tell whether something as large as writing stands in one of the boxes of a grid."""
    x, y, w, h = components.boxes[grid.number]
    inside = components.labels[y : y + h, x : x + w][grid.insides > 0]
    numbers = np.unique(inside)
    numbers = numbers[(numbers > 0) & (numbers != grid.number + 1)] - 1
    return bool((components.boxes[numbers, 3] >= _CONTENT * grid.side).any())


def _rectangularity(contour: Contour) -> float:
    """Return which share of the tightest rectangle around a contour it encloses."""
    (w, h) = cv2.minAreaRect(contour)[1]
    return float(cv2.contourArea(contour) / max(1.0, w * h))


def _lean(contours: list[Contour]) -> float:
    """Return the angle, -45 to 45 degrees, by which rectangles fall to the right: the median, each by its size."""
    angles = np.array([(cv2.minAreaRect(contour)[2] + 45) % 90 - 45 for contour in contours])
    order = np.argsort(angles)
    weights = np.cumsum([cv2.contourArea(contours[at]) for at in order])
    return float(angles[order[np.searchsorted(weights, weights[-1] / 2)]])


def _upright_size(contour: Contour, lean: float) -> tuple[float, float]:
    """Return width and height of a contour once it does not lean."""
    low, high = (edge(turned(contour[:, 0].astype(np.float64), lean), axis=0) for edge in (np.min, np.max))
    return float(high[0] - low[0]), float(high[1] - low[1])
