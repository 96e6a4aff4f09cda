"""Candidates: the pieces of a row, and the ways in which pieces can make up digits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

import cv2
import numpy as np

from inkread.geometry import Box, hull
from inkread.ink.components import Map
from inkread.layout.patches import Patch
from inkread.quantiles import median

# All of these are in heights of the writing.
_WIDE = 0.9  # pieces wider than this may be two digits that touch
_APART = 0.35  # pieces of one digit lie no further apart, side by side
_BROADEST = 1.3  # and together are no broader than this
_SMALL = 0.4  # pieces with no side longer than this may be dirt
_GAP = 0.9  # gaps wider than this part numbers,
_GAP_TO_OTHERS = 2.2  # if they are so many times the gaps of their row
_EMPTY = 0.6  # and so are boxes that stand further apart than this, in widths of a box

_PIECES = 4  # a digit is made of no more pieces side by side than this
_CUTS = 5  # a piece is cut at no more places than this


@dataclass(frozen=True, slots=True)
class CandidateRow:
    """A row of pieces from left to right, and the digits that they may be.

    pieces: number of pieces.
    spans: the ink of pieces start to end (not included) taken as one digit, for every start and end that are possible;
        each single piece is among them.
    uncut: the spans of pieces that were written as one, cut or not.
    cut: for each place between two pieces, whether it goes through connected ink or through such a box.
    small: for each piece, whether it is so small that it may be dirt.
    height: of the writing in this row, in pixels of the page.
    numbers: for each piece, which number of the row it belongs to, as boxes say; None where gaps are to tell.
    """

    pieces: int
    spans: dict[tuple[int, int], Patch]
    uncut: tuple[tuple[int, int], ...]
    cut: tuple[bool, ...]
    small: tuple[bool, ...]
    height: float
    numbers: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class InkGroup:
    """What stands together on a row: parts of one digit, or all that is in one box.

    patches: the ink, from left to right.
    box: (x, y, w, h) of its ink or of its box, in pixels of the page turned level.
    boxed: whether a box stands around it.
    single: whether it is a box for one digit.
    """

    patches: tuple[Patch, ...]
    box: Box
    boxed: bool = False
    single: bool = False


@dataclass(frozen=True, slots=True)
class _Piece:
    box: Box
    ink: Map
    place: int  # number of the place it stands in
    patch: int  # number of the patch it was cut from


def make_row(places: list[InkGroup]) -> CandidateRow:
    """Return the row of places from left to right: cut where digits may touch, joined where they may be in parts.

    What stands in different boxes is never joined.
    """
    tall = sorted((patch.box[3] for place in places for patch in place.patches), reverse=True)
    height = median([side for side in tall if side > 0.5 * tall[0]])
    pieces = _all_pieces(places, height)
    boxed = [places[piece.place].boxed for piece in pieces]
    spans = {}
    for start in range(len(pieces)):
        for end in range(start + 1, min(len(pieces), start + _PIECES) + 1):
            own = pieces[start:end]
            if end - start > 1 and (_parted(own, boxed[start:end]) or not _fit(own, height)):
                break
            spans[start, end] = _joined(own)
    cut_out = Counter(piece.patch for piece in pieces)
    small = tuple(max(piece.box[2:]) < _SMALL * height and cut_out[piece.patch] == 1 for piece in pieces)
    uncut = _uncut(pieces)
    for start, end in (*uncut, *_boxfuls(places, pieces)):
        spans.setdefault((start, end), _joined(pieces[start:end]))
    cut = tuple(
        one.patch == other.patch or (one.place == other.place and places[one.place].single)
        for one, other in pairwise(pieces)
    )
    return CandidateRow(len(pieces), spans, uncut, cut, small, height, _numbers(places, pieces, height))


def parts_of(spans: Sequence[tuple[int, int]], row: CandidateRow) -> list[int]:
    """Return, for the span of each digit of a row, the index of its number, as boxes or wide gaps part them.

    A gap is wide that is larger than the others of its row, and larger than the digits are high.
    """
    if row.numbers is not None:
        return [row.numbers[start] for start, _ in spans]
    gaps = _gaps([row.spans[span].box for span in spans])
    wide = max(_GAP * row.height, _GAP_TO_OTHERS * median(gaps)) if gaps else 0.0
    return _counted([gap > wide for gap in gaps])[: len(spans)]


def _counted(breaks: list[bool]) -> list[int]:
    """Return the index of the stretch that each thing lies in, given whether one ends between two of them."""
    return list(accumulate((int(one) for one in breaks), initial=0))


def _gaps(boxes: list[Box]) -> list[int]:
    return [b[0] - a[0] - a[2] for a, b in pairwise(boxes)]


def _numbers(places: list[InkGroup], pieces: list[_Piece], height: float) -> tuple[int, ...] | None:
    """Return which number each piece belongs to: an empty box parts two, and a box for several digits holds one.

    None where some places are not boxes.
    """
    if not all(place.boxed for place in places):
        return None
    empty = _EMPTY * median([place.box[2] for place in places])
    breaks = []
    for one, other in pairwise(pieces):
        if one.place == other.place:
            breaks.append(not places[one.place].single and other.box[0] - one.box[0] - one.box[2] > _GAP * height)
        else:
            a, b = places[one.place], places[other.place]
            breaks.append(not (a.single and b.single) or b.box[0] - a.box[0] - a.box[2] > empty)
    return tuple(_counted(breaks))


def _parted(pieces: list[_Piece], boxed: list[bool]) -> bool:
    """Tell whether pieces side by side stand in different places of which one is a box."""
    return any(boxed) and pieces[0].place != pieces[-1].place


def _all_pieces(places: list[InkGroup], height: float) -> list[_Piece]:
    pieces: list[_Piece] = []
    patches = [(number, patch) for number, place in enumerate(places) for patch in place.patches]
    for at, (number, patch) in enumerate(patches):
        pieces += [_Piece(box, ink, number, at) for box, ink in _cut(patch, height)]
    return pieces


def _cut(patch: Patch, height: float) -> list[tuple[Box, Map]]:
    """Return the boxes and the ink of a patch as it is, or cut at the places where two digits may touch."""
    x, y, w, _ = patch.box
    if w <= _WIDE * height:
        return [(patch.box, patch.ink)]
    edges = [0, *_cuts(patch.ink, height), w]
    pieces = []
    for left, right in pairwise(edges):
        part = patch.ink[:, left:right]
        if not (part > 0.5).any():
            continue
        a, b, c, d = cv2.boundingRect((part > 0.5).astype(np.uint8))
        pieces.append((Box(x + left + a, y + b, c, d), part[b : b + d, a : a + c]))
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
    gaps = _gaps([piece.box for piece in pieces])
    width = hull(np.array([piece.box for piece in pieces], np.int32))[2]
    return max(gaps) <= _APART * height and width <= _BROADEST * height


def _uncut(pieces: list[_Piece]) -> tuple[tuple[int, int], ...]:
    """Return start and end of the pieces that were cut from the same patch."""
    return _stretches([piece.patch for piece in pieces])


def _boxfuls(places: list[InkGroup], pieces: list[_Piece]) -> list[tuple[int, int]]:
    """Return start and end of the pieces in each box for one digit."""
    stretches = _stretches([piece.place for piece in pieces])
    return [(start, end) for start, end in stretches if places[pieces[start].place].single]


def _stretches(numbers: list[int]) -> tuple[tuple[int, int], ...]:
    """Return start and end of each stretch of equal numbers."""
    edges = [at for at in range(len(numbers) + 1) if at in (0, len(numbers)) or numbers[at] != numbers[at - 1]]
    return tuple(pairwise(edges))


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
