"""Progress bars of the command line. They go to stderr so that results can be piped."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

from inkread.training.history import Watcher


class _Bar:
    """A bar that is drawn while its context lasts."""

    bar: Progress

    def __enter__(self) -> Self:
        self.bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bar.stop()


class TrainingBar(_Bar, Watcher):
    """Shows a bar with loss, accuracy, speed and time left, and prints one line per epoch.

    Without a terminal only the lines are printed.
    """

    def __init__(self) -> None:
        self.console = Console(stderr=True)
        self.bar = Progress(
            TextColumn("[bold]{task.description}"),
            BarColumn(bar_width=20),
            TaskProgressColumn(),
            TextColumn("{task.fields[values]}"),
            TextColumn("{task.fields[speed]}"),
            TimeRemainingColumn(compact=True),
            console=self.console,
            disable=not self.console.is_terminal,
        )
        self.task: TaskID | None = None
        self.epochs = 0

    def says(self, what: str) -> None:
        self.console.print(f"[dim]{what} ...[/dim]")

    def downloads(self, name: str, done: int, total: int | None) -> None:
        """Show the progress of a download, in bytes."""
        if self.task is None or self.bar.tasks[-1].description != name:
            self.task = self.bar.add_task(name, total=total, values="bytes", speed="")
        self.bar.update(self.task, completed=done, total=total)

    def begins(self, epochs: int, images: int) -> None:
        self.epochs = epochs
        self.task = self.bar.add_task(f"epoch 1/{epochs}", total=images, values="", speed="")

    def steps(self, epoch: int, images: int, loss: float, accuracy: float) -> None:
        if self.task is None:
            return
        speed = self.bar.tasks[-1].speed
        self.bar.update(
            self.task,
            description=f"epoch {epoch + 1}/{self.epochs}",
            completed=images,
            values=f"loss {loss:.4f}  accuracy {accuracy:.2%}",
            speed=f"{speed:,.0f}/s" if speed else "",
        )

    def ends(self, epoch: int, values: dict[str, float]) -> None:
        self.console.print(self._line(epoch, values), highlight=False)

    def _line(self, epoch: int, values: dict[str, float]) -> str:
        line = f"epoch {epoch + 1}/{self.epochs}  loss {values['loss']:.4f}  accuracy {values['accuracy']:.2%}"
        if "test_accuracy" in values:
            line += f"  test loss {values['test_loss']:.4f}  test accuracy {values['test_accuracy']:.2%}"
        return f"{line}  {values['seconds']:.1f} s"


class CountBar(_Bar):
    """Shows one bar with the count, the rate and the time left. Without a terminal it shows nothing."""

    def __init__(self, description: str) -> None:
        console = Console(stderr=True)
        self.bar = Progress(
            TextColumn("[bold]{task.description}"),
            BarColumn(bar_width=28),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(compact=True),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self.task = self.bar.add_task(description, total=None, rate="")

    def shows(self, done: int, of: int | None) -> None:
        """Show `done` of `of`. `of` is None if the total is not known."""
        speed = self.bar.tasks[0].speed
        self.bar.update(self.task, completed=done, total=of, rate=f"{speed:,.0f}/s" if speed else "")
