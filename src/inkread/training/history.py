"""The history of a run: what was seen after which step."""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from pathlib import Path

from inkread.files import whole_file

COLUMNS = ("step", "epoch", "loss", "accuracy", "test_loss", "test_accuracy", "seconds")


@dataclass(slots=True)
class History:
    """Losses and accuracies of a run.

    points: up to 24 an epoch: `COLUMNS` without the test's, each averaged over the images since the point before;
        `epoch` counts in fractions, `seconds` from the start of the first epoch.
    epochs: one an epoch, averaged over the whole epoch, with the test's where it is watched.
    """

    points: list[dict[str, float]] = field(default_factory=list)
    epochs: list[dict[str, float]] = field(default_factory=list)

    def save(self, folder: Path) -> None:
        """Write `history.csv`: the points, and at the end of each epoch a row with the test's columns filled."""
        ends = {epoch["step"]: epoch for epoch in self.epochs}
        with whole_file(folder / "history.csv") as path, path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, COLUMNS, restval="")
            writer.writeheader()
            for point in self.points:
                tested = {key: value for key, value in ends.get(point["step"], {}).items() if key.startswith("test")}
                writer.writerow({**point, **tested})


class Watcher:
    """Is told how a run goes on. This one says nothing; the command line has one that draws a bar."""

    def says(self, what: str) -> None:
        """Begin a part of the run without steps."""

    def begins(self, epochs: int, images: int) -> None:
        """Begin training: `images` images in all, over `epochs` epochs."""

    def steps(self, epoch: int, images: int, loss: float, accuracy: float) -> None:
        """Report `images` images done in all, in epoch number `epoch`, counted from 0, with its averages so far."""

    def ends(self, epoch: int, values: dict[str, float]) -> None:
        """End an epoch with its averages, and the test's where it is watched."""
