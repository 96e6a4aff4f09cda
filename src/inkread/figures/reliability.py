"""The reliability diagram: how often answers are right, against how sure they were."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from inkread.figures.style import ANSWER, LINE, QUIET, TEXT, calm
from inkread.scores import reliability


def draw_reliability(confidences: NDArray[np.floating], right: NDArray[np.bool_]) -> Figure:
    """Return the figure for answers, (N,) confidences in 0..1 and whether each was right.

    A dot for each of ten bins of equal width, its area growing with the number of answers in it; on the diagonal a
    confidence means what it says (DeGroot and Fienberg 1983).
    """
    figure = Figure(figsize=(5.4, 4.6), dpi=110, facecolor="white", layout="constrained")
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color=LINE, linewidth=1.5, zorder=1)
    bins = reliability(confidences, right)
    for bin_ in bins:
        area = 30 + 500 * (bin_.count / max(len(right), 1)) ** 0.5
        axes.scatter(bin_.confidence, bin_.accuracy, s=area, color=ANSWER, alpha=0.85, linewidth=0, zorder=2)
        above = bin_.accuracy < 0.85
        axes.annotate(
            f"{bin_.count:,}",
            (bin_.confidence, bin_.accuracy),
            (0, (1 if above else -1) * (8 + area**0.5 / 2)),
            textcoords="offset points",
            ha="center",
            va="bottom" if above else "top",
            fontsize=9,
            color=TEXT,
        )
    axes.set_xlim(-0.03, 1.05)
    axes.set_ylim(-0.03, 1.05)
    axes.set_xlabel("confidence of the answer", color=QUIET)
    axes.set_ylabel("share of answers that were right", color=QUIET)
    calm(axes)
    return figure
