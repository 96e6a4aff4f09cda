"""One training run, from data to a model folder."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import inkread
from inkread.datasets import Mnist, load_mnist
from inkread.datasets.download import Progress
from inkread.errors import OptionError
from inkread.files import whole_folder
from inkread.models.card import Card, encoded_images
from inkread.models.classifier import MODEL_NAME, Classifier
from inkread.scores import confusion_matrix, cross_entropy, fitted_temperature, tempered
from inkread.training.backend import has_bfloat16, load_keras
from inkread.training.history import History, Watcher
from inkread.training.machine import hardware, versions, weights_sha256
from inkread.training.recipes import RECIPES, Recipe

LIMITS = "Trained on MNIST alone: American handwriting of the 1990s. Other forms of digits and print are read worse."


def train(
    recipe: str | Recipe = "fast",
    *,
    data: str | os.PathLike[str] | None = None,
    out: str | os.PathLike[str] = "model",
    epochs: int | None = None,
    seed: int = 0,
    force: bool = False,
    watcher: Watcher | None = None,
    download_progress: Progress | None = None,
) -> Card:
    """Train a network on MNIST, write its model folder and return its card.

    recipe: a name out of `RECIPES`, or a recipe of one's own.
    data: where MNIST lies; None looks where `inkread.datasets.load_mnist` says.
    out: the model folder to write: model.keras, model.onnx, card.json, history.csv and curves.png.
    epochs: None for the recipe's own.
    seed: the same seed gives the same weights on the same machine.
    force: whether a model that already lies at `out` may be replaced.
    watcher: told of the progress.

    Raises `OptionError` for an unknown recipe or a folder that holds something already, `DataError` for MNIST,
    `MissingExtra` without Keras. An interrupted run leaves nothing at `out`.
    """
    started = time.perf_counter()
    recipe = _settled(recipe, epochs)
    _check_folder(Path(out), force=force)
    watcher = watcher or Watcher()
    clock = _Clock()
    with clock.part("data"):
        mnist = load_mnist(data, progress=download_progress)
    with clock.part("framework"):
        watcher.says("starting TensorFlow")
        keras = load_keras()
    with whole_folder(out) as folder:
        history = History(watches_test=recipe.watches_test)
        with clock.part("training"):
            model = _fitted(keras, recipe, mnist, seed, history, watcher)
        with clock.part("saving"):
            watcher.says("saving")
            _save_model(model, recipe, folder, mnist)
        with clock.part("test"):
            temperature = _temperature(folder, mnist) if recipe.smoothing else 1.0
            test = _test(folder, mnist, temperature)
        clock.seconds["total"] = time.perf_counter() - started
        card = Card(
            recipe=recipe.name,
            settings=recipe.to_dict(),
            seed=seed,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            inkread=inkread.__version__,
            versions=versions(),
            hardware=hardware(),
            data={"name": "MNIST" if mnist.is_original else "own data", "images": len(mnist.train_images)},
            parameters=model.count_params(),
            weights_sha256=weights_sha256(model.get_weights()),
            seconds={part: round(seconds, 2) for part, seconds in clock.seconds.items()},
            epochs=history.epochs,
            test=test,
            temperature=temperature,
            limits=LIMITS,
            average_images=encoded_images(_average_images(mnist)),
        )
        card.save(folder)
        history.save(folder)
        _save_curves(history, card, folder)
    return card


def _settled(recipe: str | Recipe, epochs: int | None) -> Recipe:
    """Return the recipe of a name, with another number of epochs if one is asked for."""
    if isinstance(recipe, str):
        if recipe not in RECIPES:
            raise OptionError(f"no recipe {recipe!r}; there are {', '.join(RECIPES)}")
        recipe = RECIPES[recipe]
    if epochs is None:
        return recipe
    if epochs < 1:
        raise OptionError(f"{epochs} epochs: a training run has at least one")
    return replace(recipe, epochs=epochs)


def _check_folder(out: Path, *, force: bool) -> None:
    """Refuse a folder whose content would be lost."""
    if not out.exists():
        return
    if not out.is_dir():
        raise OptionError(f"{out}: is a file; name a folder with --out")
    holds = {path.name for path in out.iterdir()}
    if MODEL_NAME in holds and not force:
        raise OptionError(f"{out}: holds a model already; name another folder with --out, or replace it with --force")
    if holds and MODEL_NAME not in holds:
        raise OptionError(f"{out}: holds other files; name a new folder with --out")


class _Clock:
    """Measures the parts of a run, in seconds."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        self.seconds[name] = time.perf_counter() - started


def _fitted(keras: Any, recipe: Recipe, mnist: Mnist, seed: int, history: History, watcher: Watcher) -> Any:
    """Return the trained network."""
    from inkread.training import networks, optimizers
    from inkread.training.callback import Follow

    keras.utils.set_random_seed(seed)
    bfloat16 = recipe.precision == "bfloat16" and has_bfloat16()
    model = getattr(networks, recipe.network)("mixed_bfloat16" if bfloat16 else "float32")
    images, labels = _scaled(mnist.train_images), _one_hot(mnist.train_labels)
    steps = sum(recipe.steps(len(images), epoch) for epoch in range(recipe.epochs))
    model.compile(
        optimizer=getattr(optimizers, recipe.optimizer)(recipe.learning_rate, steps),
        loss=keras.losses.CategoricalCrossentropy(label_smoothing=recipe.smoothing),
        metrics=["accuracy"],
        steps_per_execution=recipe.steps_per_call,
    )
    follow = Follow(history, watcher, recipe, images=len(images))
    tested = (_scaled(mnist.test_images), _one_hot(mnist.test_labels)) if recipe.watches_test else None
    fit = partial(model.fit, batch_size=recipe.batch, verbose=0, validation_data=tested, callbacks=[follow])
    if recipe.hardest == 1:
        fit(images, labels, epochs=recipe.epochs)
        return model
    fit(images, labels, epochs=1)
    if recipe.epochs > 1:
        kept = _hardest(model, images, labels, recipe.images(len(images), epoch=1))
        fit(images[kept], labels[kept], initial_epoch=1, epochs=recipe.epochs)
    return model


def _hardest(model: Any, images: NDArray[np.float32], labels: NDArray[np.float32], count: int) -> NDArray[np.intp]:
    """Return the indices of the `count` images with the largest loss.

    What is understood already teaches little; see Jiang et al. 2019, "Accelerating deep learning by focusing on the
    biggest losers", which chooses anew at every step what this chooses once.
    """
    probabilities = model.predict(images, batch_size=2000, verbose=0)
    return np.argsort((probabilities * labels).sum(axis=1))[:count]


def _scaled(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return images, (N, 28, 28) uint8, as the network takes them: (N, 28, 28, 1) float32 in 0..1."""
    return np.asarray(images[..., None] / np.float32(255), np.float32)


def _one_hot(labels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return labels, (N,) in 0..9, as (N, 10) float32."""
    return np.eye(10, dtype=np.float32)[labels]


def _save_model(model: Any, recipe: Recipe, folder: Path, mnist: Mnist) -> None:
    """Write the network in every format, in float32 whatever it was trained in."""
    from inkread.training import networks
    from inkread.training.exporting import export_onnx

    plain = getattr(networks, recipe.network)()
    plain.set_weights(model.get_weights())
    plain.save(folder / "model.keras")
    export_onnx(plain, folder / MODEL_NAME, _scaled(mnist.train_images[:500])[..., 0])
    if recipe.writes_h5:
        model.save(folder / "mnist.h5")


def _temperature(folder: Path, mnist: Mnist) -> float:
    """Return the temperature that takes back what label smoothing took from the confidences.

    Fitted on the last 10 000 training images. They were trained on, so this is no calibration on writing that the
    network never saw; without it, though, a network that was told to be 91 % sure never says more.
    """
    images, labels = mnist.train_images[-10_000:], mnist.train_labels[-10_000:]
    return fitted_temperature(labels, _classified(folder, images))


def _classified(folder: Path, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    return Classifier(folder, threads=os.cpu_count() or 1).classify(_scaled(images)[..., 0])


def _test(folder: Path, mnist: Mnist, temperature: float) -> dict[str, Any]:
    """Return loss, accuracy and confusion matrix of the written model on the test images: the one look."""
    probabilities = tempered(_classified(folder, mnist.test_images), temperature)
    matrix = confusion_matrix(mnist.test_labels, probabilities.argmax(axis=1))
    return {
        "images": len(mnist.test_labels),
        "accuracy": round(float(matrix.trace() / matrix.sum()), 6),
        "loss": round(cross_entropy(mnist.test_labels, probabilities), 6),
        "confusion": matrix.tolist(),
    }


def _average_images(mnist: Mnist) -> NDArray[np.uint8]:
    """Return the mean training image of each class, (10, 28, 28); empty for a class without images."""
    images = np.zeros((10, 28, 28), np.uint8)
    for digit in np.unique(mnist.train_labels):
        images[digit] = np.rint(mnist.train_images[mnist.train_labels == digit].mean(axis=0))
    return images


def _save_curves(history: History, card: Card, folder: Path) -> None:
    from inkread.figures.curves import draw_curves
    from inkread.figures.saving import save_figure

    save_figure(
        draw_curves(history, title=f"{card.recipe}: test accuracy {card.test['accuracy']:.2%}"),
        folder / "curves.png",
    )
