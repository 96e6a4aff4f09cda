"""Fitting: trains the network of a recipe.

The callbacks of all runs are here too: one follows a run, and one saves checkpoints, so that an interrupted run can
continue. Import this module only after `load_keras`.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import keras
import numpy as np
from numpy.typing import NDArray

from inkread.datasets import Mnist
from inkread.datasets.download import cache_folder
from inkread.datasets.material import Material
from inkread.files import whole_file
from inkread.training import networks, optimizers
from inkread.training.history import History, Watcher
from inkread.training.recipes import DetectorRecipe, Recipe
from inkread.training.training_glyphs import Glyphs, TrainingGlyphs

Item = TypeVar("Item")


def fit_recipe(
    recipe: Recipe,
    mnist: Mnist,
    *,
    seed: int,
    history: History,
    watcher: Watcher,
    trained: keras.Model | None = None,
    material: Material | None = None,
    checkpoint: Checkpoint | None = None,
) -> keras.Model:
    """Return the network of a recipe, trained on the training images. Fills `history` and tells `watcher`.

    trained: the network to continue with, for a recipe without a network.
    material: fonts and photographs for a recipe with training glyphs; None to draw without them.
    checkpoint: the checkpoint that such a recipe continues from and saves after each epoch; None to use no checkpoint.
    """
    keras.utils.set_random_seed(seed)
    model = _compile(recipe, len(mnist.train_images), trained)
    if recipe.training_glyphs:
        with TrainingGlyphs(mnist, seed=seed, material=material) as glyphs:
            count = len(mnist.train_images)
            _fit_to_glyphs(model, recipe, glyphs, count, history=history, watcher=watcher, checkpoint=checkpoint)
        return model
    images, labels = scale_images(mnist.train_images), _one_hot(mnist.train_labels)
    tested = (scale_images(mnist.test_images), _one_hot(mnist.test_labels)) if recipe.watches_test else None
    follow = Follow(history, watcher, recipe, images=len(images))
    fit = partial(model.fit, batch_size=recipe.batch, verbose=0, validation_data=tested, callbacks=[follow])
    if recipe.hardest == 1:
        fit(images, labels, epochs=recipe.epochs)
        return model
    fit(images, labels, epochs=1)
    if recipe.epochs > 1:
        kept = _hardest(model, images, labels, recipe.images(len(images), epoch=1))
        fit(images[kept], labels[kept], initial_epoch=1, epochs=recipe.epochs)
    return model


def _fit_to_glyphs(
    model: keras.Model,
    recipe: Recipe,
    training_glyphs: TrainingGlyphs,
    images: int,
    *,
    history: History,
    watcher: Watcher,
    checkpoint: Checkpoint | None,
) -> None:
    """Train a network on glyphs that worker processes make at the same time, as many per epoch as there are images."""
    done = checkpoint.continue_run(model, history, watcher) if checkpoint else 0
    watcher.says("drawing the first glyphs")
    last: deque[Glyphs] = deque(maxlen=1)
    epochs = remember_last(training_glyphs.epochs(recipe.epochs, done), last)
    first = next(epochs)
    follow = Follow(history, watcher, recipe, images=images, done=done)
    # The glyphs are shuffled already.
    model.fit(
        _batches(itertools.chain([first], epochs), recipe.batch),
        steps_per_epoch=recipe.steps(images, 0),
        shuffle=False,
        initial_epoch=done,
        epochs=recipe.epochs,
        verbose=0,
        callbacks=[follow, *([SaveEachEpoch(checkpoint, history)] if checkpoint else [])],
    )
    _update_batch_statistics(model, last[0][0], recipe.batch)


def remember_last(items: Iterable[Item], last: deque[Item]) -> Iterator[Item]:
    """Yield items, such as the glyphs of each epoch, and keep the latest one in `last`."""
    for item in items:
        last.append(item)
        yield item


def _update_batch_statistics(model: keras.Model, glyphs: NDArray[np.uint8], size: int) -> None:
    """Compute the means and variances of batch normalisation again from glyphs, for the final weights.

    `fit` collected them with the weights of the last steps, but the final weights are an average (Izmailov et al. 2018,
    "Averaging weights leads to wider optima and better generalization", section 3.2).
    """
    if not any(isinstance(layer, keras.layers.BatchNormalization) for layer in model.layers):
        return
    for start in range(0, len(glyphs) - size + 1, size):
        model(scale_images(glyphs[start : start + size]), training=True)


def _batches(epochs: Iterable[Glyphs], size: int) -> Iterator[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Yield the glyphs and one-hot classes of each step of each epoch."""
    for glyphs, labels in epochs:
        for start in range(0, len(labels), size):
            part = slice(start, start + size)
            yield scale_images(glyphs[part]), _one_hot(labels[part], classes=11)


def scale_images(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return images, (N, 28, 28) uint8, as input of the network: (N, 28, 28, 1) float32 in 0..1."""
    return np.asarray(images[..., None] / np.float32(255), np.float32)


def _one_hot(labels: NDArray[np.uint8], *, classes: int = 10) -> NDArray[np.float32]:
    """Return labels, (N,) integers from 0, as (N, classes) float32."""
    return np.eye(classes, dtype=np.float32)[labels]


def _compile(recipe: Recipe, images: int, trained: keras.Model | None) -> keras.Model:
    """Return the trained network, or a new one of the recipe, compiled for training on `images` images."""
    precision = "mixed_bfloat16" if recipe.precision == "bfloat16" else "float32"
    model = trained or getattr(networks, str(recipe.network))(precision)
    steps = sum(recipe.steps(images, epoch) for epoch in range(recipe.epochs))
    model.compile(
        optimizer=getattr(optimizers, recipe.optimizer)(recipe.learning_rate, steps),
        loss=keras.losses.CategoricalCrossentropy(label_smoothing=recipe.smoothing),
        metrics=["accuracy"],
        steps_per_execution=recipe.steps_per_call,
    )
    return model


def _hardest(model: Any, images: NDArray[np.float32], labels: NDArray[np.float32], count: int) -> NDArray[np.intp]:
    """Return the indices of the `count` images with the largest loss.

    Images that the network already knows teach little. Jiang et al. 2019, "Accelerating deep learning by focusing on
    the biggest losers", choose the images again at every step. Here they are chosen once.
    """
    probabilities = model.predict(images, batch_size=2000, verbose=0)
    return np.argsort((probabilities * labels).sum(axis=1))[:count]


class Follow(keras.callbacks.Callback):  # type: ignore[misc]
    """Fills a history and tells a watcher.

    images: the number of training images. An epoch uses some or all of them.
    done: the number of epochs that an interrupted run had completed.
    """

    points_an_epoch = 24

    def __init__(
        self, history: History, watcher: Watcher, recipe: Recipe | DetectorRecipe, *, images: int, done: int = 0
    ) -> None:
        super().__init__()
        self.history, self.watcher, self.recipe, self.images = history, watcher, recipe, images
        self.started = time.perf_counter()
        self.images_before = sum(recipe.images(images, epoch) for epoch in range(done))
        self.steps_before = sum(recipe.steps(images, epoch) for epoch in range(done))
        self.steps_an_epoch = 0
        watcher.begins(recipe.epochs, sum(recipe.images(images, epoch) for epoch in range(recipe.epochs)))

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:  # noqa: ARG002 - Keras's signature
        self.epoch, self.marked, self.sums = epoch, 0, {"loss": 0.0, "accuracy": 0.0}
        self.steps_before += self.steps_an_epoch
        self.steps_an_epoch = self.recipe.steps(self.images, epoch)

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        # Keras counts the last call as a full one, even if it is short.
        done = min(batch + 1, self.steps_an_epoch)
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
        """Add a point, the mean since the previous point. Keras reports means since the beginning of the epoch."""
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


class Checkpoint:
    """The state of one run after its last complete epoch: weights, the optimizer's state and the history.

    about: everything that determines the run, as JSON. A run that differs in any of it has another checkpoint.
    """

    def __init__(self, about: Mapping[str, Any]) -> None:
        key = hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:16]
        self.path: Path = cache_folder("checkpoints") / f"{key}.npz"

    def save(self, model: keras.Model, history: History) -> None:
        """Write the state of a compiled model, completely or not at all."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        arrays = [keras.ops.convert_to_numpy(variable) for variable in _state(model)]
        with whole_file(self.path) as path:
            np.savez(path, *arrays, history=np.array(json.dumps(asdict(history))))

    def restore(self, model: keras.Model, history: History) -> int:
        """Restore the saved state of a compiled model and an empty history, and return the number of epochs done.

        Returns 0 if nothing was saved, or if it cannot be read.
        """
        model.optimizer.build(model.trainable_variables)
        state = _state(model)
        try:
            with np.load(self.path) as saved:
                kept = json.loads(str(saved["history"]))
                arrays = [saved[f"arr_{index}"] for index in range(len(state))]
        except (OSError, ValueError, KeyError):
            return 0
        for variable, array in zip(state, arrays, strict=True):
            variable.assign(array)
        history.points[:], history.epochs[:] = kept["points"], kept["epochs"]
        return len(history.epochs)

    def continue_run(self, model: keras.Model, history: History, watcher: Watcher) -> int:
        """Restore the saved state as `restore` does, and tell the watcher."""
        done = self.restore(model, history)
        if done:
            watcher.says(f"continuing after epoch {done} of the interrupted run")
        return done

    def forget(self) -> None:
        """Delete the saved state, since the run is complete."""
        with contextlib.suppress(OSError):
            self.path.unlink()


def _state(model: keras.Model) -> list[Any]:
    """Return all variables that a training step reads and writes."""
    return [*model.variables, *model.optimizer.variables]


class SaveEachEpoch(keras.callbacks.Callback):  # type: ignore[misc]
    """Saves a checkpoint after each epoch. It must come after the callback that fills the history."""

    def __init__(self, checkpoint: Checkpoint, history: History) -> None:
        super().__init__()
        self.checkpoint, self.history = checkpoint, history

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:  # noqa: ARG002 - Keras's signature
        self.checkpoint.save(self.model, self.history)
