"""The thread between Keras's `fit` and our history and watcher. Import after `load_keras`."""

from __future__ import annotations

import time
from typing import Any

import keras

from inkread.training.history import History, Watcher
from inkread.training.recipes import Recipe


class Follow(keras.callbacks.Callback):  # type: ignore[misc]
    """Fills a history and tells a watcher."""

    points_an_epoch = 24

    def __init__(self, history: History, watcher: Watcher, recipe: Recipe, *, images: int) -> None:
        super().__init__()
        self.history, self.watcher, self.recipe, self.images = history, watcher, recipe, images
        self.started = time.perf_counter()
        self.images_before = self.steps_before = self.steps_an_epoch = 0
        watcher.begins(recipe.epochs, sum(recipe.images(images, epoch) for epoch in range(recipe.epochs)))

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:  # noqa: ARG002 - Keras's signature
        self.epoch, self.marked, self.sums = epoch, 0, {"loss": 0.0, "accuracy": 0.0}
        self.steps_before += self.steps_an_epoch
        self.steps_an_epoch = self.recipe.steps(self.images, epoch)

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        done = min(batch + 1, self.steps_an_epoch)  # Keras counts a last short call as a full one
        means = _means(logs)
        self.watcher.steps(self.epoch, self.images_before + done * self.recipe.batch, **means)
        if done - self.marked >= self.steps_an_epoch / self.points_an_epoch or done == self.steps_an_epoch:
            self._mark(done, means)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        values = {"epoch": epoch + 1, "step": self.steps_before + self.steps_an_epoch, **_means(logs)}
        for ours, theirs in (("test_loss", "val_loss"), ("test_accuracy", "val_accuracy")):
            if logs and theirs in logs:
                values[ours] = round(float(logs[theirs]), 6)
        values["seconds"] = round(time.perf_counter() - self.started, 2)
        self.images_before += self.recipe.images(self.images, epoch)
        self.history.epochs.append(values)
        self.watcher.ends(epoch, values)

    def _mark(self, done: int, means: dict[str, float]) -> None:
        """Add a point: Keras reports means since the epoch began, the point is the mean since the last one."""
        point = {
            "step": self.steps_before + done,
            "epoch": round(self.epoch + done / self.steps_an_epoch, 4),
        }
        for name, mean in means.items():
            total = mean * done
            point[name] = round((total - self.sums[name]) / (done - self.marked), 6)
            self.sums[name] = total
        point["seconds"] = round(time.perf_counter() - self.started, 2)
        self.history.points.append(point)
        self.marked = done


def _means(logs: dict[str, Any] | None) -> dict[str, float]:
    return {name: float((logs or {})[name]) for name in ("loss", "accuracy")}
