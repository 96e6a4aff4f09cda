"""Ruled paper: the ruled or squared lines all over a page, told from the pen and painted over.

Such lines are as dark as a pencil and often closer together than digits are high, so neither their depth nor their
place alone tells them from writing. But they run nearly straight across the page, level or upright, one like the other
and at one distance. They are found in the page's grey, before any threshold, and what a pen drew across them is mended.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from inkread.glyphs import SIDE
from inkread.ink.ink import noise_of
from inkread.ink.ruled_lines import FEWEST, Grey, RuledLines, find_lines
from inkread.pictures.page import Page

_LOOKS = (0.06, 0.28, 0.5, 0.72, 0.94)  # where a page is looked at first, as shares of its side;
_BAND = 7  # pixels: over so many columns each, so that grain does not show
_SEEN = 4  # at so many of these places that many lines have to show
_FAINTEST = 5  # grey levels by which a line is darker than the paper
_GRAIN = 3.0  # and as many deviations of the noise, which fine squares would be taken for:
_NOISE = (0.8, 2.5)  # it lies between these
_STROKE = 0.013  # width of what is narrower than paper, as a share of the side of a square page
_FINE = 350  # pixels: a page with a shorter side is looked at enlarged,
_FINEST = 3  # no more than so many times
_PEN = 1.4  # times as dark as the line is what a pen drew on it


@dataclass(frozen=True, slots=True)
class RuledPaper:
    """A page without its lines.

    page: it, with the lines painted over. level, upright: the lines, in its pixels; None where there are none that way.
    """

    page: Page
    level: RuledLines | None
    upright: RuledLines | None

    def crossed(self, boxes: NDArray[np.integer]) -> NDArray[np.bool_]:
        """Tell which boxes, (N, 4) as x, y, width and height, a line crosses elsewhere than at their rims."""
        crossed = np.zeros(len(boxes), np.bool_)
        if self.level:
            crossed |= self.level.crossed(boxes)
        if self.upright:
            crossed |= self.upright.crossed(boxes[:, [1, 0, 3, 2]])
        return crossed


def without_lines(page: Page) -> RuledPaper | None:
    """Return a page without its ruled or squared lines; None for a page without such lines.

    They are darker than the paper, and may lean, fan out and bend as on a photo of a page; at least three go one way.
    What is darker on a line than the line is the pen's and stays, and so does what goes on at both sides of it.
    """
    if min(page.grey.shape) < SIDE or not (_looks_lined(page.grey) or _looks_lined(page.grey.T)):
        return None
    finer = min(_FINEST, -(-_FINE // min(page.grey.shape)))
    grey = page.grey
    if finer > 1:
        grey = np.asarray(cv2.resize(grey, None, fx=finer, fy=finer, interpolation=cv2.INTER_CUBIC), np.uint8)
    noise = float(np.clip(255 * noise_of(page.grey), *_NOISE))
    depth = _depth(grey)
    level, upright = find_lines(depth, (depth > max(_FAINTEST, _GRAIN * noise)).astype(np.uint8))
    if level is None and upright is None:
        return None
    painted = _painted(grey, depth, level, upright, noise)
    if finer > 1:
        painted = np.asarray(cv2.resize(painted, page.grey.shape[::-1], interpolation=cv2.INTER_AREA), np.uint8)
    level, upright = (
        lines and RuledLines(lines.rows[:, ::finer] / finer, lines.thickness) for lines in (level, upright)
    )
    return RuledPaper(replace(page, grey=painted), level, upright)


def _looks_lined(grey: Grey) -> bool:
    """Tell at a glance whether level lines may cross a page: whether several columns cross several dark places."""
    starts_at = (int(at * grey.shape[1]) for at in _LOOKS)
    bands = [grey[:, at : at + _BAND].mean(axis=1) for at in starts_at]
    soft = cv2.blur(np.stack(bands, axis=1).astype(np.uint8), (1, 3))
    window = _stroke(grey)
    dark = cv2.morphologyEx(soft, cv2.MORPH_CLOSE, np.ones((window, 1), np.uint8)) > soft + np.uint8(_FAINTEST)
    starts = (np.diff(dark.astype(np.int8), axis=0, prepend=0) == 1).sum(axis=0)
    return int((starts >= FEWEST).sum()) >= _SEEN


def _stroke(grey: Grey) -> int:
    """Return the width in pixels, odd, that no stroke reaches."""
    return max(9, int(_STROKE * grey.size**0.5) | 1)


def _depth(grey: Grey) -> Grey:
    """Return by how many grey levels each pixel is darker than the paper around it."""
    window = (_stroke(grey),) * 2
    paper = cv2.blur(cv2.morphologyEx(grey, cv2.MORPH_CLOSE, np.ones(window, np.uint8)), window)
    return np.asarray(cv2.subtract(paper, grey), np.uint8)


def _painted(grey: Grey, depth: Grey, level: RuledLines | None, upright: RuledLines | None, noise: float) -> Grey:
    """Return grey with the lines as light as the paper, but for the strokes on and across them."""
    nothing = np.zeros(grey.shape, bool), np.zeros_like(depth)
    on_level, level_depth = level.along(depth) if level else nothing
    turned = upright.along(np.ascontiguousarray(depth.T)) if upright else nothing
    on_upright, upright_depth = (area.T for area in turned) if upright else nothing
    line, crossing = on_level | on_upright, on_level & on_upright
    beside = np.where(line, 0, depth).astype(np.uint8)
    down = _bridged(beside, level.reach) if level else nothing[1]
    across = _bridged(np.ascontiguousarray(beside.T), upright.reach).T if upright else nothing[1]
    strokes = np.where(crossing, np.maximum(down, across), np.where(on_level, down, across))
    # Where lines cross, two of them are as dark as a pen.
    single = cv2.dilate(crossing.astype(np.uint8), np.ones((3, 3), np.uint8)) == 0
    pen = single & (depth > _PEN * np.maximum(level_depth, upright_depth).astype(np.float32) + 2 * noise)
    kept = np.where(pen, np.maximum(depth, strokes), strokes)
    return np.where(line, cv2.add(grey, cv2.subtract(depth, kept)), grey).astype(np.uint8)


def _bridged(beside: Grey, reach: int) -> Grey:
    """Return how deep strokes are that go on above and below a pixel, within `reach`, upright or slanting."""
    bridges, width = np.zeros_like(beside), beside.shape[1]
    margin = 2 * (reach + 1)
    wide = cv2.copyMakeBorder(cv2.dilate(beside, np.ones((1, 3), np.uint8)), 0, 0, margin, margin, cv2.BORDER_CONSTANT)
    for slant in (-1, 0, 1):
        above, below = np.zeros_like(beside), np.zeros_like(beside)
        for offset in range(1, reach + 2):
            left, right = margin + slant * offset, margin - slant * offset
            np.maximum(above[offset:], wide[:-offset, left : left + width], out=above[offset:])
            np.maximum(below[:-offset], wide[offset:, right : right + width], out=below[:-offset])
        np.maximum(bridges, np.minimum(above, below), out=bridges)
    return bridges
