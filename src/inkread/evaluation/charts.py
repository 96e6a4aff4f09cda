"""The charts of a report, as inline SVG, so that they use the page's light or dark colours and stay sharp."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from inkread.evaluation.statistics import coverage, reliability

_WIDTH, _HEIGHT = 460, 340
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 18, 14, 46
_APART = 34
"""The smallest distance between two labels that do not overlap."""

_MOST_POINTS = 160
"""The largest number of points of a curve."""


class _Chart:
    """A chart with axes of the given ranges, built up as SVG."""

    def __init__(self, x: tuple[float, float], y: tuple[float, float], *, labels: tuple[str, str], says: str) -> None:
        self.x, self.y, self.says = x, y, says
        self.parts: list[str] = []
        for share in np.linspace(*x, 6):
            self._text(self.at(share, y[0]), f"{share:.0%}", "middle", down=18)
        for share in np.linspace(*y, 6):
            left, level = self.at(x[0], share)
            self.parts.append(f'<path class="grid" d="M{left:.1f} {level:.1f}H{_WIDTH - _RIGHT}"/>')
            self._text((left, level), _share(share, y), "end", across=-8, down=4)
        middle = (_LEFT + (_WIDTH - _LEFT - _RIGHT) / 2, _HEIGHT - 6)
        self._text(middle, labels[0], "middle", kind="name")
        side = f'transform="translate(13 {_TOP + (_HEIGHT - _TOP - _BOTTOM) / 2:.0f}) rotate(-90)"'
        self.parts.append(f'<text class="name" text-anchor="middle" {side}>{labels[1]}</text>')

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Return the position of a point in the drawing."""
        across = (x - self.x[0]) / (self.x[1] - self.x[0]) * (_WIDTH - _LEFT - _RIGHT)
        up = (y - self.y[0]) / (self.y[1] - self.y[0]) * (_HEIGHT - _TOP - _BOTTOM)
        return _LEFT + across, _HEIGHT - _BOTTOM - up

    def line(self, points: Sequence[tuple[float, float]], kind: str) -> None:
        """Draw a line through points."""
        path = "L".join("{:.1f} {:.1f}".format(*self.at(*point)) for point in points)
        self.parts.append(f'<path class="{kind}" d="M{path}"/>')

    def dot(self, x: float, y: float, radius: float, text: str) -> None:
        """Draw a dot with a text above it, or below it if there is no room."""
        across, down = self.at(x, y)
        self.parts.append(f'<circle class="dot" cx="{across:.1f}" cy="{down:.1f}" r="{radius:.1f}"/>')
        above = down - radius - 16 > _TOP
        anchor = "end" if across > _WIDTH - 60 else "middle"
        self._text((across, down), text, anchor, down=-radius - 5 if above else radius + 14, kind="value")

    def svg(self) -> str:
        """Return the chart."""
        return (
            f'<svg class="chart" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{self.says}">'
            f"{''.join(self.parts)}</svg>"
        )

    def _text(
        self,
        place: tuple[float, float],
        text: str,
        anchor: str,
        *,
        across: float = 0,
        down: float = 0,
        kind: str = "tick",
    ) -> None:
        x, y = place[0] + across, place[1] + down
        self.parts.append(f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{text}</text>')


def reliability_chart(confidences: NDArray[np.floating], right: NDArray[np.bool_]) -> str:
    """Return the reliability diagram of answers, (N,) confidences in 0..1 and whether each was right, as SVG.

    There is one dot for each of ten bins of equal width. Its area grows with the number of answers in the bin, which
    is written next to it. On the diagonal, the confidence equals the accuracy (DeGroot and Fienberg 1983).
    """
    chart = _Chart(
        (0, 1),
        (0, 1),
        labels=("confidence of the answer", "share of right answers"),
        says="Reliability diagram: the share of right answers for ten ranges of confidence",
    )
    chart.line([(0, 0), (1, 1)], "ideal")
    for bin_ in reliability(confidences, right):
        chart.dot(bin_.confidence, bin_.accuracy, 3 + 11 * math.sqrt(bin_.count / len(right)), f"{bin_.count:,}")
    return chart.svg()


def coverage_chart(
    confidences: NDArray[np.floating], right: NDArray[np.bool_], of: int, levels: Sequence[float]
) -> str:
    """Return accuracy against coverage as SVG: the accuracy of the most confident answers, from a few to all of them.

    confidences, right: (N,) in 0..1 and whether each was right, of the answers that were not refused.
    of: the number of all answers, refused ones included, at least N.
    levels: confidences to mark on the curve (El-Yaniv and Wiener 2010, "On the foundations of noise-free selective
        classification", call it the risk-coverage curve).
    """
    order = np.argsort(-np.asarray(confidences), kind="stable")
    counts = np.arange(1, len(order) + 1)
    accuracy = np.cumsum(right[order]) / counts
    kept = np.unique(np.linspace(0, len(order) - 1, min(len(order), _MOST_POINTS)).astype(int))
    # The accuracy of the first few answers varies widely, so it does not set the scale.
    settled = accuracy[len(order) // 10 :]
    step = 0.05 if settled.min() < 0.9 else 0.01
    low = max(0.0, (math.floor(float(settled.min()) / step) - 1) * step)
    chart = _Chart(
        (0, 1),
        (low, 1),
        labels=("share of pictures still read", "share of right answers among them"),
        says="Coverage against accuracy: the accuracy of the most confident answers, from a few to all of them",
    )
    chart.line([(counts[at] / of, max(low, float(accuracy[at]))) for at in kept], "curve")
    told = math.inf
    for level in levels:
        read, share = coverage(confidences, right, level)
        if share is None:
            continue
        place = read / of, max(low, share)
        near = abs(chart.at(*place)[0] - told) < _APART
        chart.dot(*place, 4, "" if near else f"{level:.0%}")
        told = told if near else chart.at(*place)[0]
    return chart.svg()


def interval_chart(low: float, high: float, value: float, least: float) -> str:
    """Return a rate in 0..1 with its interval as a small SVG for a table cell. The scale goes from `least` to 1."""
    left, right, at = (100 * (max(share, least) - least) / max(1 - least, 1e-6) for share in (low, high, value))
    return (
        '<svg class="interval" viewBox="-4 0 108 12" aria-hidden="true"><path class="grid" d="M0 6H100"/>'
        f'<path class="curve" d="M{left:.1f} 6H{right:.1f}"/><circle class="dot" cx="{at:.1f}" cy="6" r="3.5"/></svg>'
    )


def _share(share: float, range_: tuple[float, float]) -> str:
    """Return the label of a tick, with one decimal if the range is narrow."""
    return f"{share:.0%}" if range_[1] - range_[0] > 0.2 else f"{share:.1%}"
