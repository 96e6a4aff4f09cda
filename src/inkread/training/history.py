"""The history of a run: losses and accuracies by step and epoch."""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from pathlib import Path

from inkread.files import whole_file

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
