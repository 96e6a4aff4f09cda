"""One training run, from data to a model folder."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from inkread.datasets import load_mnist
from inkread.datasets.download import Progress
from inkread.errors import OptionError
from inkread.files import whole_folder
from inkread.models.card import CARD_NAME, Card
from inkread.models.classifier import MODEL_NAME
from inkread.training.backend import load_keras
from inkread.training.history import History, Watcher
from inkread.training.machine import Clock
from inkread.training.recipes import RECIPES, Recipe

FILES = {MODEL_NAME, CARD_NAME, "model.keras", "mnist.h5", "history.csv", "curves.png"}
"""What a run writes; a folder that holds anything else is never replaced."""


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
    recipe = _settled(recipe, epochs)
    _check_folder(Path(out), force=force)
    watcher, clock, history = watcher or Watcher(), Clock(), History()
    with clock.part("data"):
        mnist = load_mnist(data, progress=download_progress)
    with clock.part("framework"):
        watcher.says("starting TensorFlow")
        load_keras()
    from inkread.training.fitting import fitted
    from inkread.training.saving import save_run

    with clock.part("training"):
        model = fitted(recipe, mnist, seed=seed, history=history, watcher=watcher)
    watcher.says("saving")
    with whole_folder(out) as folder:
        return save_run(folder, model, recipe, mnist, seed=seed, history=history, clock=clock)


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
    if out.is_file():
        raise OptionError(f"{out}: is a file; name a folder with --out")
    holds = {path.name for path in out.iterdir()} if out.exists() else set()
    if foreign := sorted(holds - FILES):
        raise OptionError(f"{out}: holds other files, such as {foreign[0]}; name a new folder with --out")
    if holds and not force:
        raise OptionError(f"{out}: holds a model already; name another folder with --out, or replace it with --force")
