"""Box ink: the ink in each box of a photographed sheet, without the printed lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from inkread.sheets.page_layout import Rect

Map = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class InkLimits:
    """The limits of this module, each with its unit. Darkness is 0 for paper and 1 for the black of the markers."""

    dots: float = 6.0
    """The resolution at which a sheet is read, in pixels per millimetre. A digit is about 40 pixels high."""
    around: float = 1.1
    """How much around a box is looked at, in millimetres; the next box begins at 1.6."""
    line: float = 0.5
    """The printed line of a box is at most this far from its place, in millimetres, after the boxes were aligned."""
    search: float = 1.0
    """How far from its place the line of a box is looked for, in millimetres."""
    faint: float = 0.16
    """What is less dark than this is paper."""
    darker: float = 1.35
    """Ink on a printed line is at least this many times darker than the line."""
    background: float = 9.0
    """The light of the paper is the largest within this many millimetres."""
    darkest: float = 0.995
    """The share of a paper without markers that is less dark than its print and writing."""
    inside: float = 0.75
    """What is nearer to the line of a box than this, in millimetres, does not count as ink in the box."""
    visible: float = 0.03
    """Lines that are less dark than this were lost by the scanner. The boxes are then where the corners say."""
    speck: float = 0.2
    """Ink with a smaller area than this, in square millimetres, is dirt."""


LIMITS = InkLimits()


@dataclass(frozen=True, slots=True)
class BoxInk:
    """What is in a box.

    ink: (h, w) float32 from 0 to 1: the ink of the box and of what reaches out of it, without the printed lines.
    area: of the ink inside the box, in square millimetres.
    share: the share of the box that is ink, 0 to 1.
    """

    ink: Map
    area: float
    share: float


def rectified(
    grey: NDArray[np.uint8], to_picture: NDArray[np.float64], size: tuple[float, float], dots: float = LIMITS.dots
) -> NDArray[np.uint8]:
    """Return the paper seen from straight above, (H, W) uint8.

    to_picture: (3, 3), from millimetres on the paper to pixels of the photograph.
    size: width and height of the paper, in millimetres.
    dots: pixels per millimetre.
    """
    width, height = (round(side * dots) for side in size)
    # The middle of the first pixel is half a pixel from the edge of the paper.
    to_pixels = np.array([[dots, 0, -0.5], [0, dots, -0.5], [0, 0, 1]])
    to_paper = to_pixels @ np.linalg.inv(to_picture)
    return np.asarray(
        cv2.warpPerspective(grey, to_paper, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE),
        np.uint8,
    )


def darkness(paper: NDArray[np.uint8], markers: Sequence[Rect]) -> Map:
    """Return how dark each pixel of a rectified paper is, (H, W) float32: 0 for the paper, 1 for printed black.

    The light of the paper differs from place to place. That of the print is taken from the markers, or from the darkest
    part of a paper without markers.
    """
    height, width = paper.shape
    coarse = cv2.resize(paper, (max(1, width // 6), max(1, height // 6)), interpolation=cv2.INTER_AREA)
    side = int(LIMITS.background * LIMITS.dots / 6) | 1
    light = cv2.morphologyEx(cv2.medianBlur(coarse, 3), cv2.MORPH_CLOSE, np.ones((side, side), np.uint8))
    light = cv2.GaussianBlur(light, (0, 0), 2.0)
    light = cv2.resize(light, (width, height), interpolation=cv2.INTER_LINEAR).astype(np.float32)
    dark = np.asarray(1 - paper / np.maximum(light, 1), np.float32)
    blacks = [float(np.quantile(_part(dark, marker, -1.0), 0.7)) for marker in markers]
    if not blacks:
        blacks = [float(np.quantile(dark, LIMITS.darkest))]
    return np.asarray(np.clip(dark / max(0.25, float(np.median(blacks))), 0, 1.2), np.float32)


def _part(area: Map, box: Rect, around: float, shift: tuple[int, int] = (0, 0)) -> Map:
    """Return a box of a map, with a margin in millimetres around it, moved by whole pixels."""
    dots = LIMITS.dots
    left, top = round((box.x - around) * dots) + shift[0], round((box.y - around) * dots) + shift[1]
    width, height = round((box.w + 2 * around) * dots), round((box.h + 2 * around) * dots)
    rows = np.clip(np.arange(top, top + height), 0, area.shape[0] - 1)
    columns = np.clip(np.arange(left, left + width), 0, area.shape[1] - 1)
    return area[rows[:, None], columns]


def align(dark: Map, boxes: Sequence[Rect]) -> tuple[NDArray[np.int32], float, float]:
    """Return how far each of N boxes is from its place, and how well they fit.

    Returns shifts, (N, 2) int32 in pixels to the right and down; the root mean square of what the smooth shifts do not
    explain, in millimetres; and the darkness of the lines. Bent paper moves boxes by up to a millimetre.
    """
    dots, reach = LIMITS.dots, round(LIMITS.search * LIMITS.dots)
    middles = np.array([(box.x + box.w / 2, box.y + box.h / 2) for box in boxes])
    moved, levels = np.zeros((len(boxes), 2)), np.zeros(len(boxes))
    for at, box in enumerate(boxes):
        part = _part(dark, box, LIMITS.search)
        h, w = part.shape
        profiles = []
        for axis, length in ((0, w), (1, h)):
            # The median along the line does not see the writing that crosses it.
            near = np.median(
                part[2 * reach : h - 2 * reach] if axis == 0 else part[:, 2 * reach : w - 2 * reach], axis=axis
            )
            first, last = near[: 2 * reach + 1], near[length - 2 * reach - 1 :]
            profiles.append(first + last)
        moved[at] = [int(profile.argmax()) - reach for profile in profiles]
        levels[at] = min(float(profile.max()) / 2 for profile in profiles)
    return _smooth(middles, moved, levels, dots)


def _smooth(
    middles: NDArray[np.float64], moved: NDArray[np.float64], levels: NDArray[np.float64], dots: float
) -> tuple[NDArray[np.int32], float, float]:
    """Return shifts that vary smoothly over the paper and agree with most boxes."""
    x, y = (middles - middles.mean(axis=0)).T / 100
    terms = [np.ones_like(x)]
    if len(middles) >= 8:
        terms += [x, y]
    if len(middles) >= 24:
        terms += [x * x, x * y, y * y]
    basis = np.stack(terms, axis=1)
    weights = np.maximum(levels, 1e-3)
    fit = np.zeros_like(moved)
    off = np.zeros(len(moved))
    for _ in range(5):
        root = np.sqrt(weights)[:, None]
        found = np.linalg.lstsq(basis * root, moved * root, rcond=None)[0]
        fit = basis @ found
        off = np.linalg.norm(moved - fit, axis=1)
        weights = np.maximum(levels, 1e-3) / (1 + (off / 1.0) ** 2) ** 2
    line = float(np.median(levels))
    if line < LIMITS.visible:
        return np.zeros(moved.shape, np.int32), 0.0, line
    good = off <= np.quantile(off, 0.8)
    return np.rint(fit).astype(np.int32), float(np.sqrt((off[good] ** 2).mean())) / dots, line


def ink_in(dark: Map, boxes: Sequence[Rect], shifts: NDArray[np.int32], line: float) -> list[BoxInk]:
    """Return the ink in each box.

    shifts: (N, 2), how far each box is from its place, in pixels.
    line: the darkness of the printed lines.
    """
    inks: list[BoxInk] = []
    frames: dict[tuple[int, int], tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]] = {}
    for box, (right, down) in zip(boxes, shifts.tolist(), strict=True):
        part = _part(dark, box, LIMITS.around, (right, down))
        if part.shape not in frames:
            frames[part.shape] = _zones(part.shape)
        inks.append(_ink(part, *frames[part.shape], line))
    return inks


def _zones(shape: tuple[int, ...]) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:
    """Return the pixels of a part that lie on the printed line, within the box, and clearly inside it."""
    dots = LIMITS.dots
    h, w = shape
    y, x = np.mgrid[:h, :w] + 0.5
    edge = LIMITS.around * dots
    depth = np.minimum(np.minimum(x - edge, w - edge - x), np.minimum(y - edge, h - edge - y)) / dots
    return np.abs(depth) <= LIMITS.line, depth >= 0, depth >= LIMITS.inside


def _ink(
    part: Map, on_line: NDArray[np.bool_], within: NDArray[np.bool_], inside: NDArray[np.bool_], line: float
) -> BoxInk:
    seen = part[inside & (part > LIMITS.faint)]
    least = LIMITS.speck * LIMITS.dots**2
    if len(seen) < least:
        return BoxInk(np.zeros_like(part), 0.0, 0.0)
    # Ink is what is at least half as dark as the darkest strokes.
    level = max(LIMITS.faint * 1.3, 0.5 * float(np.quantile(seen, 0.8)))
    mask = (part > level) & (~on_line | (part > max(level, LIMITS.darker * line)))
    mask = _bridged(mask, on_line, part > LIMITS.faint)
    kept = _own(mask, within, inside, least)
    ink = np.where(
        kept,
        1.0,
        np.clip(part / level - 0.5, 0, 0.5) * ~on_line * cv2.dilate(kept.astype(np.uint8), np.ones((3, 3), np.uint8)),
    )
    area = float((kept & inside).sum())
    return BoxInk(np.asarray(ink, np.float32), area / LIMITS.dots**2, area / float(inside.sum()))


def _bridged(mask: NDArray[np.bool_], on_line: NDArray[np.bool_], not_paper: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return ink with the gaps closed that were torn where strokes cross a printed line."""
    side = int(2 * LIMITS.line * LIMITS.dots + 1) | 1
    kernel = np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)), np.uint8)
    closed = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_CLOSE, kernel) > 0
    return np.asarray(mask | (closed & on_line & not_paper))


def _own(
    mask: NDArray[np.bool_], within: NDArray[np.bool_], inside: NDArray[np.bool_], least: float
) -> NDArray[np.bool_]:
    """Return the parts of the ink that belong to the box: those that lie mostly in it, without dirt."""
    count, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)
    if count < 2:
        return mask
    flat = labels.ravel()
    areas = np.bincount(flat, minlength=count).astype(float)
    inner = np.bincount(flat[within.ravel()], minlength=count)
    deep = np.bincount(flat[inside.ravel()], minlength=count)
    areas[0] = 1e9
    chosen = (inner >= 0.5 * areas) & (deep > 0) & (areas >= least)
    chosen[0] = False
    if chosen.any():
        chosen &= areas >= 0.04 * areas[chosen].max()
    return np.asarray(chosen[labels])
