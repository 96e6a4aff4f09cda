"""The history of a run: losses and accuracies by step and epoch, as a file and as a figure."""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from inkread.files import whole_file
from inkread.style import ANSWER, QUIET, TEXT, WARNING, calm, caption

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMNS = ("step", "epoch", "loss", "accuracy", "test_loss", "test_accuracy", "seconds")


@dataclass(slots=True)
class History:
    """Losses and accuracies of a run.

    points: up to 24 per epoch. Each has `COLUMNS` without those of the test, averaged over the images since the
        previous point. `epoch` is a fraction. `seconds` counts from the start of the first epoch.
    epochs: one entry per epoch, averaged over the whole epoch, with the columns of the test if it is watched.
    """

    points: list[dict[str, float]] = field(default_factory=list)
    epochs: list[dict[str, float]] = field(default_factory=list)

    def save(self, folder: Path) -> None:
        """Write `history.csv`: a row for each point. The last row of each epoch also has the columns of the test."""
        ends = {epoch["step"]: epoch for epoch in self.epochs}
        with whole_file(folder / "history.csv") as path, path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, COLUMNS, restval="")
            writer.writeheader()
            for point in self.points:
                tested = {key: value for key, value in ends.get(point["step"], {}).items() if key.startswith("test")}
                writer.writerow({**point, **tested})


def draw_curves(history: History, *, title: str) -> Figure:
    """Return the curves of a run: training as a line and, if it was watched, the test as a dot at each epoch."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator, NullLocator

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
    caption(accuracy, "Accuracy", "percent of the images since the previous point")
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


class Watcher:
    """Receives the progress of a run. This class shows nothing. The command line has one that draws a progress bar."""

    def says(self, what: str) -> None:
        """Report that a part of the run without steps begins."""

    def begins(self, epochs: int, images: int) -> None:
        """Report that training begins, with `images` images in total over `epochs` epochs."""

    def steps(self, epoch: int, images: int, loss: float, accuracy: float) -> None:
        """Report `images` images done in total, the number of the epoch, from 0, and the epoch's averages so far."""

    def ends(self, epoch: int, values: dict[str, float]) -> None:
        """Report the end of an epoch, with its averages, and those of the test if it is watched."""
