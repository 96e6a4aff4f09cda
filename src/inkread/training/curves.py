"""The figure of a training run: loss and accuracy over its epochs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator

from inkread.style import ANSWER, QUIET, TEXT, WARNING, calm, caption

if TYPE_CHECKING:
    from inkread.training.history import History


def draw_curves(history: History, *, title: str) -> Figure:
    """Return the curves of a run: training as a line and, if it was watched, the test as a dot at each epoch."""
    figure = Figure(figsize=(10, 4.2), dpi=110, facecolor="white")
    figure.suptitle(title, x=0.075, y=0.96, ha="left", fontsize=15, fontweight="bold", color=TEXT)
    loss, accuracy = figure.subplots(
        1, 2, gridspec_kw={"left": 0.075, "right": 0.98, "top": 0.72, "bottom": 0.13, "wspace": 0.2}
    )
    _curve(loss, history, "loss")
    caption(loss, "Loss", "cross-entropy, logarithmic scale")
    loss.set_yscale("log")
    loss.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    loss.yaxis.set_major_formatter("{x:g}")
    loss.yaxis.set_minor_locator(NullLocator())
    _curve(accuracy, history, "accuracy", scale=100)
    caption(accuracy, "Accuracy", "per cent of the images since the previous point")
    last = 100 * history.points[-1]["accuracy"]
    # The first steps are far below the others and would flatten the curve.
    accuracy.set_ylim(80 if last > 85 else 0, 100.2)
    accuracy.legend(loc="lower right", frameon=False, labelcolor=TEXT, fontsize=9)
    return figure


def _curve(axes: Axes, history: History, name: str, scale: float = 1) -> None:
    x = [point["epoch"] for point in history.points]
    axes.plot(x, [scale * point[name] for point in history.points], color=ANSWER, linewidth=1.6, label="training")
    tested = [(epoch["epoch"], scale * epoch[f"test_{name}"]) for epoch in history.epochs if f"test_{name}" in epoch]
    if tested:
        axes.plot(*np.transpose(tested), "o", color=WARNING, markersize=4.5, label="test, for information only")
    axes.set_xlabel("epoch", color=QUIET, fontsize=9)
    axes.set_xlim(0, max(x))
    axes.grid(axis="y", color="#eef1f3")
    axes.set_axisbelow(True)
    calm(axes)
