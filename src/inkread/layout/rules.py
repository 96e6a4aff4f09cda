"""Rules: the straight lines of tables and boxes on a page, printed or drawn by hand, as pieces that may lean."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from inkread.quantiles import median, quantile

Mask = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class RuleLimits:
    """The limits of this module, in pixels of the page that rules are looked for on."""

    most_pixels: float = 2e6
    """Larger pages are reduced to this many pixels."""
    few_pixels: float = 6e4
    """Smaller pages, whose boxes may be smaller than `shortest`, are enlarged twofold."""
    thickest: int = 13
    """Ink that is wider than this across a rule is not a rule."""
    faintest: int = 9
    """A rule is darker than the paper beside it by at least this, of 255 grey levels."""
    run: int = 15
    """A rule has runs of at least this many pixels along a row, or along a column if it stands."""
    gap: int = 5
    """Gaps in a rule up to this length are closed."""
    shortest: int = 24
    """Shorter pieces are not rules."""
    flat: float = 2.5
    """A piece is at least this many times longer than it is wide. A piece that leans is as wide as its box."""
    most_pieces: int = 4000
    """If there are more pieces in one direction, only the longest count. No sheet has so many rules."""


LIMITS = RuleLimits()


@dataclass(frozen=True, slots=True)
class Pieces:
    """N pieces of rules in one direction.

    along, across: (P,) float32, the places of all their pixels along the direction of the rules and across it.
    depths: (P,) uint8, how much darker they are than the paper beside the rule, in grey levels.
    owners: (P,) the index of the piece that each pixel belongs to.
    lengths: (N,) float32, the length of each piece.
    """

    along: NDArray[np.float32]
    across: NDArray[np.float32]
    depths: Mask
    owners: NDArray[np.intp]
    lengths: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.lengths)

    def at(self, chosen: NDArray[np.bool_]) -> Pieces:
        """Return the pieces for which `chosen`, (N,), is true."""
        index = np.cumsum(chosen) - 1
        kept = chosen[self.owners]
        return Pieces(
            self.along[kept], self.across[kept], self.depths[kept], index[self.owners[kept]], self.lengths[chosen]
        )

    def evenness(self, chosen: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return how evenly dark some pieces are, 0 to 1 each.

        A word looks like a rule if its letters touch, but is uneven.
        """
        # The pixels of all pieces, for each of many pieces, would take quadratic time.
        order = np.argsort(self.owners, kind="stable")
        starts, ends = (np.searchsorted(self.owners, chosen, side, sorter=order) for side in ("left", "right"))
        return np.array([self._evenness(order[start:end]) for start, end in zip(starts, ends, strict=True)], np.float64)

    def _evenness(self, own: NDArray[np.intp]) -> float:
        places = (self.along[own] - self.along[own].min()).astype(np.intp)
        deepest = np.zeros(places.max() + 1, np.float64)
        np.maximum.at(deepest, places, self.depths[own])
        return quantile(deepest, 0.15) / max(1.0, median(deepest))


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of one connected frame.

    lying, standing: its pieces, in pixels of the page that was looked at.
    """

    lying: Pieces
    standing: Pieces


def find_rules(grey: NDArray[np.uint8], *, least: int, most: int) -> tuple[list[Rules], float]:
    """Return the connected frames of rules on a page from the largest on, and the scale they were found at.

    grey: (H, W) uint8 with dark ink on a lighter ground.
    least: a frame has at least this many pieces in all, and two in each direction.
    most: at most so many frames are returned.

    The scale is that of the places of the rules, in their pixels per pixel of the page.
    """
    scale = 2.0 if grey.size < LIMITS.few_pixels else min(1.0, (LIMITS.most_pixels / grey.size) ** 0.5)
    if scale != 1:
        way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        grey = np.asarray(cv2.resize(grey, None, fx=scale, fy=scale, interpolation=way), np.uint8)
    # Most pages without a table end after one direction.
    lying = _pieces(*_runs(grey, lying=True), lying=True)
    standing = _pieces(*_runs(grey, lying=False), lying=False) if len(lying) > 1 else lying
    if min(len(lying), len(standing)) < 2:
        return [], scale
    return _frames((lying, standing), grey.shape, least=least, most=most), scale


def _runs(grey: NDArray[np.uint8], *, lying: bool) -> tuple[Mask, Mask]:
    """Return a map of the straight parts of thin strokes in one direction, and one of their depth, (H, W) uint8."""

    def element(along: int, across: int) -> Mask:
        return np.ones((across, along) if lying else (along, across), np.uint8)

    thin = cv2.morphologyEx(grey, cv2.MORPH_BLACKHAT, element(1, LIMITS.thickest))
    smooth = cv2.blur(thin, (5, 1) if lying else (1, 5))
    dark = cv2.threshold(smooth, LIMITS.faintest - 1, 1, cv2.THRESH_BINARY)[1]
    # A line that leans has longer runs if it is thicker.
    dark = cv2.dilate(dark, element(1, 3))
    runs = cv2.morphologyEx(dark, cv2.MORPH_OPEN, element(LIMITS.run, 1))
    closed = cv2.morphologyEx(runs, cv2.MORPH_CLOSE, element(LIMITS.gap, 1))
    return np.asarray(closed, np.uint8), np.asarray(thin, np.uint8)


def _pieces(runs: Mask, depths: Mask, *, lying: bool) -> Pieces:
    """Return the pieces of rules that runs form. `depths`: (H, W) uint8, how dark the page is there."""
    _, labels, stats, _ = cv2.connectedComponentsWithStatsWithAlgorithm(runs, 8, cv2.CV_32S, cv2.CCL_GRANA)
    along, across = (stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT])[:: 1 if lying else -1]
    kept = (along >= LIMITS.shortest) & (along >= LIMITS.flat * across)
    kept[0] = False
    if kept.sum() > LIMITS.most_pieces:
        kept[np.argsort(-along * kept, kind="stable")[LIMITS.most_pieces :]] = False
    # Pixels on runs are few, so this is faster than a map of the whole page.
    points = cv2.findNonZero(runs) if kept.any() else None
    x, y = np.zeros((2, 0), np.intp) if points is None else points.reshape(-1, 2).astype(np.intp).T
    numbers = labels[y, x]
    x, y, numbers = (values[kept[numbers]] for values in (x, y, numbers))
    owners = (np.cumsum(kept) - 1)[numbers]
    along_of, across_of = (x, y) if lying else (y, x)
    return Pieces(
        along_of.astype(np.float32), across_of.astype(np.float32), depths[y, x], owners, along[kept].astype(np.float32)
    )


def _frames(pieces: tuple[Pieces, Pieces], shape: tuple[int, ...], *, least: int, most: int) -> list[Rules]:
    """Return the connected frames of lying and standing pieces on a page of a shape."""
    both = np.zeros(shape, np.uint8)
    both[pieces[0].across.astype(np.intp), pieces[0].along.astype(np.intp)] = 1
    both[pieces[1].along.astype(np.intp), pieces[1].across.astype(np.intp)] = 1
    # Rules that are drawn by hand do not quite meet at corners.
    joined = cv2.dilate(both, np.ones((7, 7), np.uint8))
    count, frames = cv2.connectedComponentsWithAlgorithm(joined, 8, cv2.CV_32S, cv2.CCL_GRANA)
    owners, counts, whole = [], [], np.zeros(count)
    for piece, lying in zip(pieces, (True, False), strict=True):
        x, y = (piece.along, piece.across)[:: 1 if lying else -1]
        own = np.zeros(len(piece), np.intp)
        own[piece.owners] = frames[y.astype(np.intp), x.astype(np.intp)]
        owners.append(own)
        counts.append(np.bincount(own, minlength=count))
        whole += np.bincount(own, piece.lengths, count)
    chosen = np.flatnonzero((np.minimum(*counts) >= 2) & (counts[0] + counts[1] >= least))
    chosen = chosen[np.argsort(-whole[chosen], kind="stable")][:most]
    return [
        Rules(*(piece.at(own == number) for piece, own in zip(pieces, owners, strict=True)))
        for number in chosen.tolist()
    ]
