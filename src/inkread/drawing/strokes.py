"""Strokes: the paths of a pen that writes digits, with random variations."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from inkread.drawing.noise import drift
from inkread.drawing.shapes import MORE_SHAPES, SHAPES, PenPath, paths

Stroke = NDArray[np.float64]

STEPS = 100
"""The number of points per height of a digit. The pen and the tremor need steps this fine."""


@dataclass(frozen=True)
class Hand:
    """A writer's habits. Lengths are in heights of a digit. `Hand.random` returns a random writer."""

    slant: float = 0.1
    """How far the top is shifted to the right. Negative values lean back."""
    breadth: float = 1.0
    """The factor by which digits are wider than usual."""
    wobble: float = 0.02
    """The standard deviation of the knots."""
    haste: float = 0.02
    """The length over which corners are rounded."""
    tremor: float = 0.002
    """The standard deviation of the fine shaking."""

    @classmethod
    def random(cls, *, rng: np.random.Generator) -> Hand:
        """Return a random writer."""
        return cls(
            slant=float(np.clip(rng.normal(0.1, 0.1), -0.12, 0.32)),
            breadth=float(rng.uniform(0.8, 1.2)),
            wobble=float(rng.uniform(0.012, 0.024)),
            haste=float(rng.uniform(0.008, 0.03)),
            tremor=float(rng.uniform(0.0005, 0.0025)),
        )


def digit_strokes(
    digit: int, *, rng: np.random.Generator, shape: str | None = None, hand: Hand | None = None
) -> list[Stroke]:
    """Write one digit and return its strokes in the order in which the pen draws them.

    Each stroke is `(n, 2)` float64: points `(x, y)` about a hundredth apart, with y downwards. Together, the strokes
    fill the unit box along their longer side and are in its middle.

    shape: a key of `SHAPES[digit]` or `MORE_SHAPES[digit]`; None for a random one of `SHAPES[digit]`.
    hand: a writer; None for a random one.
    """
    hand = hand or Hand.random(rng=rng)
    written = [_write(path, hand, rng) for path in paths(_shape(digit, shape, rng))]
    return _fit(_lean(written, hand, rng))


def _shape(digit: int, shape: str | None, rng: np.random.Generator) -> str:
    if digit not in SHAPES:
        raise ValueError(f"there is no digit {digit!r}; digits are 0 to 9")
    shape = shape if shape is not None else str(rng.choice(list(SHAPES[digit])))
    shapes = SHAPES[digit] | MORE_SHAPES[digit]
    if shape not in shapes:
        raise ValueError(f"the digit {digit} has no shape {shape!r}; it has {', '.join(shapes)}")
    return shapes[shape]


def _write(path: PenPath, hand: Hand, rng: np.random.Generator) -> Stroke:
    aim = path.knots + rng.normal(0, hand.wobble, path.knots.shape) + rng.normal(0, hand.wobble * 0.8, 2)
    stroke = _round_off(_space_evenly(_spline(aim, path.corners)), hand.haste * STEPS)
    count = len(stroke)
    bow = np.stack([drift(count, scale=0.3 * STEPS, rng=rng) for _ in "xy"], axis=1)
    shake = np.stack([drift(count, scale=0.03 * STEPS, rng=rng) for _ in "xy"], axis=1)
    return np.asarray(stroke + 0.4 * hand.wobble * bow + hand.tremor * shake, np.float64)


def _spline(knots: Stroke, corners: NDArray[np.bool_]) -> Stroke:
    """Return a dense curve through `knots` `(n, 2)`, which is smooth except at the corners."""
    cuts = [0, *np.flatnonzero(corners), len(knots) - 1]
    return np.concatenate([_curve(knots[a : b + 1]) for a, b in pairwise(cuts)])


def _curve(knots: Stroke) -> Stroke:
    # With the root of the distance as parameter (a centripetal spline), there are no loops or cusps between near knots.
    times = np.concatenate([[0], np.cumsum(np.sqrt(np.linalg.norm(np.diff(knots, axis=0), axis=1)))])
    slopes = np.gradient(knots, times, axis=0, edge_order=2 if len(knots) > 2 else 1)
    at = np.linspace(0, times[-1], 3 * STEPS)
    left = np.clip(np.searchsorted(times, at, side="right") - 1, 0, len(knots) - 2)
    span = (times[left + 1] - times[left])[:, None]
    s = (at - times[left])[:, None] / span
    return np.asarray(
        (1 + 2 * s) * (1 - s) ** 2 * knots[left]
        + s * (1 - s) ** 2 * span * slopes[left]
        + s**2 * (3 - 2 * s) * knots[left + 1]
        + s**2 * (s - 1) * span * slopes[left + 1],
        np.float64,
    )


def _space_evenly(points: Stroke) -> Stroke:
    """Return points at equal distances along `points`."""
    way = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    at = np.linspace(0, way[-1], max(8, round(float(way[-1]) * STEPS)))
    return np.stack([np.interp(at, way, points[:, axis]) for axis in (0, 1)], axis=1)


def _round_off(points: Stroke, length: float) -> Stroke:
    reach = min(max(1, round(3 * length)), len(points) - 1)
    bell = np.exp(-0.5 * (np.arange(-reach, reach + 1) / length) ** 2)
    # The stroke is reflected at its ends, so that it keeps its length and its directions at the start and the end.
    longer = np.pad(points, ((reach, reach), (0, 0)), mode="reflect", reflect_type="odd")
    smooth = [np.convolve(longer[:, axis], bell / bell.sum(), mode="valid") for axis in (0, 1)]
    return np.stack(smooth, axis=1)


def _lean(strokes: list[Stroke], hand: Hand, rng: np.random.Generator) -> list[Stroke]:
    """Slant, widen, bend and rotate a whole digit."""
    slant = hand.slant + rng.normal(0, 0.03)
    breadth = hand.breadth * np.exp(rng.normal(0, 0.05))
    taper, bend = rng.normal(0, 0.07), rng.normal(0, 0.06)
    turn = rng.normal(0, 0.03)
    spin = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    leaning = []
    for stroke in strokes:
        x, y = stroke[:, 0] - 0.35, stroke[:, 1] - 0.5
        bent = x * breadth * (1 + taper * 2 * y) - slant * y + bend * (y**2 - 0.25)
        leaning.append(np.stack([bent, y], axis=1) @ spin)
    return leaning


def _fit(strokes: list[Stroke]) -> list[Stroke]:
    points = np.concatenate(strokes)
    low, high = points.min(axis=0), points.max(axis=0)
    return [np.clip((stroke - (low + high) / 2) / (high - low).max() + 0.5, 0, 1) for stroke in strokes]
