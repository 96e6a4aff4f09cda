"""Rows: from the ink of a page to its rows of pieces, and to the ways in which pieces can make up digits."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from inkread.pictures.components import Box, Boxes, Components, Map, find_components, hull
from inkread.pictures.layout import Patch, cut_out, frames
from inkread.pictures.quantiles import median
from inkread.pictures.ruling import without_ruling

Mask = NDArray[np.uint8]

_SPECK = 6  # components of fewer pixels are noise
_LEGIBLE = 6  # no digit is smaller, in pixels along its longer side
_REMAINS = 0.02  # share of the ink beside the sheet that has to be on it

# All of these are in heights of the writing.
_CRUMB = 0.14  # pieces with no side longer than this are dirt, unless they lie close to something larger
_CLOSE = 0.16  # dirt within this distance of a larger piece may be a part of it
_ABOVE = 0.3  # a bar this far above or below, and mostly over each other, belongs to the same digit
_TALLEST = 1.7  # what is joined up and down is no higher than this
_WIDE = 0.9  # pieces wider than this may be two digits that touch
_APART = 0.35  # pieces of one digit lie no further apart, side by side
_BROADEST = 1.3  # and together are no broader than this

_SMALL = 0.45  # groups less high than this are bars, dots and dirt
_SAME_ROW = 0.35  # groups that share this much of their height, and not of `height`, stand in one row

_GAP = 0.9  # gaps wider than this part numbers,
_GAP_TO_OTHERS = 2.2  # if they are so many times the gaps of their row
_LOWEST = 0.4  # rows lower than this are dirt

_TABLES = 8  # a page has few tables; no more components than this are looked at for being one
_HELD = 0.045  # share of a table's box that the boxes of what stands in it take; more, where that is little
_HOLES = 3  # no digit has more holes that are
_LARGE_CELL = 0.004  # larger than this share of its box; rough chalk has many small ones
_CELL = 0.0003  # the cells of a page full of them are no larger than this

_PIECES = 4  # a digit is made of no more pieces side by side than this
_CUTS = 5  # a piece is cut at no more places than this


@dataclass(frozen=True, slots=True)
class Row:
    """A row of pieces from left to right, and the digits that they may be.

    pieces: number of pieces.
    spans: the ink of pieces start to end (not included) taken as one digit, for every start and end that are possible;
        each single piece is among them.
    wholes: the spans of pieces that were written as one, cut or not.
    cut: for each place between two pieces, whether it goes through connected ink.
    small: for each piece, whether it is so small that it may be dirt.
    height: of the writing in this row, in pixels of the page.
    """

    pieces: int
    spans: dict[tuple[int, int], Patch]
    wholes: tuple[tuple[int, int], ...]
    cut: tuple[bool, ...]
    small: tuple[bool, ...]
    height: float


@dataclass(frozen=True, slots=True)
class _Piece:
    box: Box
    ink: Map
    whole: int  # number of the piece it was cut from


def find_rows(ink: Map, *, single_row: bool = False) -> list[Row]:
    """Return the rows of writing on a page, from top to bottom; none on a page without ink.

    ink: (H, W) float32 in 0..1. single_row: whether all writing is taken for one row. Printed boxes and lines are taken
    away first. The work grows with the ink, not with the square of the number of digits.
    """
    ink, components = _writing(ink)
    boxes = components.boxes
    kept = np.flatnonzero(components.areas >= _SPECK)
    if not len(kept) or boxes[kept, 2:].max() < _LEGIBLE:
        return []
    height = writing_height(components, kept)
    groups = _grouped(boxes, kept, height)
    hulls = np.array([hull(boxes[group]) for group in groups], np.int32).reshape(-1, 4)
    rows = [np.argsort(hulls[:, 0])] if single_row and len(hulls) else _in_rows(hulls, height)
    found = [_row([cut_out(ink, components, groups[index]) for index in row]) for row in rows]
    return [row for row in found if row.height > _LOWEST * height or len(found) == 1]


def writing(ink: Map) -> Map:
    """Return ink, (H, W) float32 in 0..1, without what lies beside the sheet and without printed boxes and lines."""
    return _writing(ink)[0]


def _writing(ink: Map) -> tuple[Map, Components]:
    """Return `writing` and its components; a page that is clean already is labelled only once."""
    components = find_components(ink)
    sheet = _without_surroundings(ink, components)
    if sheet is not ink:
        components = find_components(sheet)
    if not len(components):
        return sheet, components
    held = _holders(components)
    height = _height(components, held, np.ones(len(components), bool))
    clean = without_ruling(sheet, height, components, holders=held)
    return clean, components if clean is sheet else find_components(clean)


def parts_of(patches: list[Patch], row: Row) -> list[int]:
    """Return, for each digit of a row, the number of the group that wide gaps part it into.

    A gap is wide that is larger than the others of its row, and larger than the digits are high.
    """
    gaps = [b.box[0] - a.box[0] - a.box[2] for a, b in pairwise(patches)]
    wide = max(_GAP * row.height, _GAP_TO_OTHERS * median(gaps)) if gaps else 0.0
    parts = itertools.accumulate((int(gap > wide) for gap in gaps), initial=0)
    return list(itertools.islice(parts, len(patches)))


def writing_height(components: Components, of: NDArray[np.intp] | None = None) -> float:
    """Return the height of most of the writing: the median of the heights of components, each weighing its square.

    of: which components count, None for all. What holds other writing, as a table does, and bars along the edges of the
    page do not count, unless there is nothing else.
    """
    every = np.arange(len(components))
    return _height(components, _holders(components), np.isin(every, every if of is None else of))


def _height(components: Components, held: NDArray[np.bool_], counted: NDArray[np.bool_]) -> float:
    """Return `writing_height`, given which components hold others and which count."""
    boxes, shape = components.boxes, components.labels.shape
    x, y, w, h = boxes.T
    at_edge = (x == 0) | (y == 0) | (x + w == shape[1]) | (y + h == shape[0])
    others = ~held & ~(at_edge & (np.maximum(w, h) > 4 * np.minimum(w, h)))
    others = others & counted if (others & counted).any() else counted
    heights = np.sort(boxes[others, 3]).astype(float)
    weights = np.cumsum(heights**2)
    return float(heights[np.searchsorted(weights, weights[-1] / 2)])


def _without_surroundings(ink: Map, components: Components) -> Map:
    """Return ink without what lies beside the sheet: bars along edges and whatever fills a corner.

    A page that would be left without ink stays as it is: then that is what was written.
    """
    if not len(components):
        return ink
    boxes, areas = components.boxes, components.areas
    bars = _bars(boxes, ink.shape)
    beside = frames(components) | _at_corners(boxes, ink.shape) | bars
    for number in np.flatnonzero(bars):  # and the broken line that the edge of a sheet leaves along its shadow
        beside |= _along(boxes, boxes[number], ink.shape) & (areas < 0.25 * areas[number])
    if not beside.any() or areas[~beside].sum() < _REMAINS * areas[beside].sum() or areas[~beside].max() < _SPECK:
        return ink
    gone = components.mask(np.flatnonzero(beside))
    return np.where(cv2.dilate(gone, np.ones((3, 3), np.uint8)) > 0, 0, ink).astype(np.float32)


def _bars(boxes: Boxes, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Tell which components are long and thin, and lie along an edge of a page of `shape`, (height, width)."""
    x, y, w, h = boxes.T
    standing = ((x == 0) | (x + w == shape[1])) & (h > 0.25 * shape[0]) & (w < 0.12 * h)
    lying = ((y == 0) | (y + h == shape[0])) & (w > 0.25 * shape[1]) & (h < 0.12 * w)
    return np.asarray(standing | lying, np.bool_)


def _along(boxes: Boxes, bar: NDArray[np.int32], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Tell which components lie within three thicknesses of a bar from the edge of the page that it lies along."""
    x, y, w, h = boxes.T
    reach = 3 * min(bar[2:])
    if bar[3] > bar[2]:
        within = x + w <= reach if bar[0] == 0 else x >= shape[1] - reach
    else:
        within = y + h <= reach if bar[1] == 0 else y >= shape[0] - reach
    return np.asarray(within, np.bool_)


def _at_corners(boxes: Boxes, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Tell which components touch two edges, that meet, of a page of `shape`, (height, width), and no other edge."""
    x, y, w, h = boxes.T
    across = (x == 0).astype(int) + (x + w == shape[1])
    down = (y == 0).astype(int) + (y + h == shape[0])
    return np.asarray((across == 1) & (down == 1), np.bool_)


def _holders(components: Components) -> NDArray[np.bool_]:
    """Tell which components hold others, as tables do: sparse, with much else in their box or with many holes."""
    boxes, labels = components.boxes, components.labels
    held = np.zeros(len(boxes), bool)
    middles = boxes[:, :2] + boxes[:, 2:] / 2
    areas = boxes[:, 2].astype(float) * boxes[:, 3]
    for number in np.argsort(-areas)[:_TABLES]:
        x, y, w, h = boxes[number]
        own = (labels[y : y + h, x : x + w] == number + 1).astype(np.uint8)
        if own.sum() > 0.3 * areas[number]:
            continue
        inside = ((middles > (x, y)) & (middles < (x + w, y + h))).all(axis=1) & (boxes[:, 3] > 5)
        inside &= areas < areas[number]  # a digit whose box holds the middle of the box around it holds nothing
        inside[number] = False
        share = areas[inside].sum() / areas[number]
        much = share > (_HELD if inside.sum() > 2 else 2 * _HELD)
        held[number] = (much and _holes(own, least=_CELL) > 0) or _holes(own, least=_LARGE_CELL) > _HOLES
    return held


def _holes(mask: Mask, *, least: float) -> int:
    """Return how many holes a component has, those smaller than a share of its box left out."""
    contours, hierarchy = cv2.findContours(mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    inner = (contour for contour, links in zip(contours, hierarchy[0], strict=True) if links[3] >= 0)
    return sum(cv2.contourArea(contour) > least * mask.size for contour in inner)


def _grouped(boxes: Boxes, kept: NDArray[np.intp], height: float) -> list[list[int]]:
    """Return components as groups that surely belong together: bars above, broken strokes, dirt on a digit."""
    large = [int(n) for n in kept if max(boxes[n, 2:]) > _CRUMB * height]
    groups = [[n] for n in sorted(large, key=lambda n: int(boxes[n, 0]))]
    groups = _stacked(boxes, groups, height)
    hulls = np.array([hull(boxes[group]) for group in groups], np.int32).reshape(-1, 4)
    for crumb in (int(n) for n in kept if 3 <= max(boxes[n, 2:]) <= _CRUMB * height):
        if len(hulls):
            gaps = _gaps(boxes[crumb], hulls)
            nearest = int(np.argmin(gaps))
            if gaps[nearest] <= _CLOSE * height:
                groups[nearest].append(crumb)
    return groups


def _stacked(boxes: Boxes, groups: list[list[int]], height: float) -> list[list[int]]:
    """Join groups, sorted by their left edge, that lie over each other with little between them."""
    done: list[tuple[list[int], Box]] = []
    active: list[tuple[list[int], Box]] = []  # those that reach as far right as the next group begins
    for one in groups:
        group, box = one, hull(boxes[one])
        still = []
        for other, outline in active:
            if outline[0] + outline[2] <= box[0]:
                done.append((other, outline))
            elif _over(outline, box, height):
                group, box = other + group, hull(np.array([outline, box], np.int32))
            else:
                still.append((other, outline))
        active = [*still, (group, box)]
    return [group for group, _ in done + active]


def _over(one: Box, other: Box, height: float) -> bool:
    shared = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    between = max(one[1], other[1]) - min(one[1] + one[3], other[1] + other[3])
    tall = max(one[1] + one[3], other[1] + other[3]) - min(one[1], other[1])
    high = max(height, one[3], other[3])
    return shared >= 0.5 * min(one[2], other[2]) and between <= _ABOVE * height and tall <= _TALLEST * high


def _in_rows(hulls: Boxes, height: float) -> list[NDArray[np.intp]]:
    """Return the indices of each row's groups from left to right, rows from top to bottom.

    From left to right, a group goes on the row whose last group it overlaps most in height: so rows may rise, fall
    and bend. Small groups, bars and dots, join afterwards the row that passes nearest to them; rows of small groups
    alone are dirt where there is writing.
    """
    large = hulls[:, 3] >= _SMALL * height
    if not large.any():
        large[:] = True
    rows: list[list[int]] = []
    tops, bottoms = np.zeros(len(hulls)), np.zeros(len(hulls))  # of each row at its last groups
    order = np.argsort(hulls[:, 0] + hulls[:, 2] / 2, kind="stable")
    for index in order[large[order]]:
        _, y, _, h = hulls[index]
        count = len(rows)
        shares = _shared((y, y + h), tops[:count], bottoms[:count])
        at = int(np.argmax(shares)) if count and shares.max() > _SAME_ROW else count
        if at == count:
            rows.append([])
        rows[at].append(int(index))
        tops[at], bottoms[at] = _band(hulls[rows[at][-3:]])
    bands = [list(row) for row in rows]
    for index in order[~large[order]]:
        best = min(range(len(rows)), key=lambda number: _off(hulls[index], hulls[bands[number]]))
        if _off(hulls[index], hulls[bands[best]]) < 0.5 * height:
            rows[best].append(int(index))
    rows.sort(key=lambda row: float(np.mean(hulls[row, 1] + hulls[row, 3] / 2)))
    return [np.array(sorted(row, key=lambda index: hulls[index, 0] + hulls[index, 2] / 2), np.intp) for row in rows]


def _shared(one: tuple[int, int], tops: NDArray[np.float64], bottoms: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how much a stretch, (start, end), and each of others share, of the shorter of the two."""
    shared = np.minimum(one[1], bottoms) - np.maximum(one[0], tops)
    return np.asarray(shared / np.maximum(1.0, np.minimum(one[1] - one[0], bottoms - tops)), np.float64)


def _band(last: Boxes) -> tuple[float, float]:
    """Return top and bottom of a row at its last groups: as high as the highest, at the height of the last."""
    tallest = float(last[:, 3].max())
    middle = last[-1, 1] + last[-1, 3] / 2
    return middle - tallest / 2, middle + tallest / 2


def _off(box: NDArray[np.int32], row: Boxes) -> float:
    """Return how far a small group lies from the nearest group of a row, beside it counting little."""
    across = np.maximum(np.maximum(row[:, 0] - box[0] - box[2], box[0] - row[:, 0] - row[:, 2]), 0)
    down = np.maximum(np.maximum(row[:, 1] - box[1] - box[3], box[1] - row[:, 1] - row[:, 3]), 0)
    return float((down + 0.3 * across).min())


def _row(patches: list[Patch]) -> Row:
    tall = sorted((patch.box[3] for patch in patches), reverse=True)
    height = median([side for side in tall if side > 0.5 * tall[0]])
    pieces = [piece for whole, patch in enumerate(patches) for piece in _pieces(patch, whole, height)]
    spans = {}
    for start in range(len(pieces)):
        for end in range(start + 1, min(len(pieces), start + _PIECES) + 1):
            if end - start > 1 and not _fit(pieces[start:end], height):
                break
            spans[start, end] = _joined(pieces[start:end])
    cut_out = Counter(piece.whole for piece in pieces)
    small = tuple(max(piece.box[2:]) < 0.4 * height and cut_out[piece.whole] == 1 for piece in pieces)
    wholes = _wholes(pieces)
    for start, end in wholes:
        spans.setdefault((start, end), _joined(pieces[start:end]))
    cut = tuple(one.whole == other.whole for one, other in pairwise(pieces))
    return Row(len(pieces), spans, wholes, cut, small, height)


def _pieces(patch: Patch, whole: int, height: float) -> list[_Piece]:
    """Return a patch as it is, or cut at the places where two digits may touch."""
    x, y, w, _ = patch.box
    if w <= _WIDE * height:
        return [_Piece(patch.box, patch.ink, whole)]
    edges = [0, *_cuts(patch.ink, height), w]
    pieces = []
    for left, right in pairwise(edges):
        part = patch.ink[:, left:right]
        if not (part > 0.5).any():
            continue
        a, b, c, d = cv2.boundingRect((part > 0.5).astype(np.uint8))
        pieces.append(_Piece((x + left + a, y + b, c, d), part[b : b + d, a : a + c], whole))
    return pieces


def _cuts(ink: Map, height: float) -> list[int]:
    """Return columns, from left to right, where little ink has to be cut: the deepest valleys of its projection."""
    profile = cv2.GaussianBlur(ink.sum(axis=0, keepdims=True), (0, 0), max(0.6, 0.03 * height))[0]
    margin, apart = round(0.2 * height), round(0.22 * height)
    cuts: list[int] = []
    for column in np.argsort(profile, kind="stable"):
        inside = margin <= column <= len(profile) - margin
        if inside and all(abs(int(column) - other) >= apart for other in cuts):
            cuts.append(int(column))
            if len(cuts) == min(_CUTS, int(len(profile) / (0.35 * height))):
                break
    return sorted(cuts)


def _fit(pieces: list[_Piece], height: float) -> bool:
    """Tell whether pieces side by side may be one digit."""
    gaps = [b.box[0] - a.box[0] - a.box[2] for a, b in pairwise(pieces)]
    width = hull(np.array([piece.box for piece in pieces], np.int32))[2]
    return max(gaps) <= _APART * height and width <= _BROADEST * height


def _wholes(pieces: list[_Piece]) -> tuple[tuple[int, int], ...]:
    """Return start and end of the pieces that were cut from the same patch."""
    ends: dict[int, list[int]] = {}
    for index, piece in enumerate(pieces):
        ends.setdefault(piece.whole, []).append(index)
    return tuple((indices[0], indices[-1] + 1) for indices in ends.values())


def _joined(pieces: list[_Piece]) -> Patch:
    if len(pieces) == 1:
        return Patch(pieces[0].box, pieces[0].ink)
    x, y, w, h = box = hull(np.array([piece.box for piece in pieces], np.int32))
    ink = np.zeros((h, w), np.float32)
    for piece in pieces:
        px, py, pw, ph = piece.box
        view = ink[py - y : py - y + ph, px - x : px - x + pw]
        np.maximum(view, piece.ink, out=view)
    return Patch(box, ink)


def _gaps(box: NDArray[np.int32], others: Boxes) -> NDArray[np.float64]:
    """Return the distance from a box to each of the others, (N,), 0 where they touch or overlap."""
    across = np.maximum(others[:, 0] - box[0] - box[2], box[0] - others[:, 0] - others[:, 2])
    down = np.maximum(others[:, 1] - box[1] - box[3], box[1] - others[:, 1] - others[:, 3])
    return np.asarray(np.hypot(np.maximum(across, 0), np.maximum(down, 0)), np.float64)
