"""A training run, from data to a model folder."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from inkread.datasets import load_mnist
from inkread.datasets.download import Progress
from inkread.datasets.material import Material, find_material
from inkread.errors import OptionError
from inkread.files import check_model_folder, whole_folder
from inkread.keras_backend import check_keras, load_keras
from inkread.loading import load_classifier
from inkread.models.card import CARD_NAME, Card
from inkread.models.detector import SHIPPED_DETECTOR
from inkread.models.files import DETECTOR_NAME, KERAS_NAME, MODEL_NAME, model_file
from inkread.training.detector_run import about_run, run_detector
from inkread.training.fine_tuning import OwnDigits, Start, own_digits, sample_mnist, start_from
from inkread.training.history import History, Watcher
from inkread.training.provenance import Clock
from inkread.training.recipes import (
    BEST_AGAIN,
    DETECTOR,
    DETECTOR_AGAIN,
    FINE_TUNE,
    RECIPES,
    DetectorRecipe,
    Recipe,
    fit_to_machine,
)
from inkread.training.training_glyphs import drawn_glyphs

FILES = {MODEL_NAME, CARD_NAME, KERAS_NAME, "mnist.h5", "history.csv", "curves.png"}
"""The files that a run writes. A folder with any other file is never replaced."""

DETECTOR_SHARE = 0.7
"""The weight of the detector's probabilities, next to a network trained on digits cut out with the detector's boxes."""

DRAWN = 2000
"""The number of drawn digits on which a fine-tuned network is compared with the model it continued from."""


def train(
    recipe: str | Recipe = "fast",
    *,
    data: str | os.PathLike[str] | None = None,
    out: str | os.PathLike[str] = "model",
    own: str | os.PathLike[str] | None = None,
    base: str | os.PathLike[str] | None = None,
    material: Path | None = None,
    detector: DetectorRecipe | None = None,
    epochs: int | None = None,
    seed: int = 0,
    force: bool = False,
    watcher: Watcher | None = None,
    download_progress: Progress | None = None,
) -> Card:
    """Train a network on MNIST, write its model folder and return its card.

    `best` also trains the detector that finds the digits on a page, in the subfolder `detector`. If an interrupted run
    of `best` is started again with the same settings, it continues after the last complete epoch. It starts worker
    processes, so a script that calls this needs the usual `if __name__ == "__main__":`.

    recipe: a name in `RECIPES`, or another recipe with a network.
    data: the path of MNIST; None to look where `inkread.datasets.load_mnist` says.
    own: the user's digits, to train on as well as MNIST: a folder with folders named 0 to 9, or the name of a profile;
        see `inkread.training.fine_tuning.own_digits`.
    base: for `best`, the model folder to continue from, or "shipped"; None to train from the start. It takes a quarter
        of the time, and pays when more shapes of digits or other scenes have been drawn since that model was trained.
    material: the fonts and photographs that `best` draws pages with; None for those of `make material`.
    detector: the recipe of the detector that `best` trains; None for `DETECTOR`, or `DETECTOR_AGAIN` with `base`.
    out: the model folder to write: model.keras, model.onnx, card.json, history.csv and curves.png.
    epochs: None for the recipe's number.
    seed: the same seed gives the same weights on the same machine.
    force: whether an existing model at `out` may be replaced.
    watcher: receives the progress.

    Raises `OptionError` for an unknown recipe, options that do not go together or a folder that is not empty,
    `DataError` for MNIST, `own` or missing material, and `MissingExtra` if Keras is not installed. An interrupted run
    leaves nothing at `out`.
    """
    if base is not None and recipe != "best":
        raise OptionError(f"base={base}: only the recipe 'best' continues from a model")
    recipe = resolve_recipe(recipe if base is None else BEST_AGAIN, epochs)
    if recipe.network is None and base is None:
        raise OptionError(f"recipe {recipe.name!r}: has no network; use `fine_tune` to continue from a trained model")
    check_model_folder(Path(out).resolve(), FILES | {DETECTOR_NAME}, force=force, inputs=[base])
    check_keras("training")
    found, detector = None, detector or (DETECTOR if base is None else DETECTOR_AGAIN)
    if recipe.training_glyphs:
        found = find_material(material)
        detector = fit_to_machine(detector, epochs)
    start = None if base is None else start_from(base)
    return _run(recipe, start, data, out, own, found, detector, seed, watcher or Watcher(), download_progress)


def fine_tune(
    own: str | os.PathLike[str] | None = None,
    *,
    base: str | os.PathLike[str] | None = None,
    recipe: Recipe = FINE_TUNE,
    data: str | os.PathLike[str] | None = None,
    out: str | os.PathLike[str] = "model",
    epochs: int | None = None,
    seed: int = 0,
    force: bool = False,
    watcher: Watcher | None = None,
    download_progress: Progress | None = None,
) -> Card:
    """Train a model further, with the user's digits among the training data, and return the card of the new model.

    It starts worker processes, so a script that calls this needs the usual `if __name__ == "__main__":`.

    own: as for `train`; None to train only on MNIST.
    base: the model to continue from: a folder or a file with a network like that of `best`; None for the shipped model.
    recipe: a recipe without a network.

    The other parameters and the exceptions are those of `train`. Also raises `ModelError` for a `base` that cannot be
    trained further.
    """
    recipe = resolve_recipe(recipe, epochs)
    check_model_folder(Path(out).resolve(), FILES, force=force, inputs=[base])
    check_keras("training")
    start = start_from(base)
    return _run(recipe, start, data, out, own, None, DETECTOR, seed, watcher or Watcher(), download_progress)


def _run(
    recipe: Recipe,
    start: Start | None,
    data: str | os.PathLike[str] | None,
    out: str | os.PathLike[str],
    own: str | os.PathLike[str] | None,
    material: Material | None,
    detector: DetectorRecipe,
    seed: int,
    watcher: Watcher,
    download_progress: Progress | None,
) -> Card:
    """Run a recipe, from the data to the model folder.

    start: the model to continue from, if any.
    material: the fonts and photographs for drawn pages, if any. With them, a detector is trained too.
    """
    clock, history = Clock(), History()
    with clock.part("data"):
        mnist = load_mnist(data, progress=download_progress)
        digits = None if own is None else own_digits(own)
        if start:
            watcher.says("drawing digits of other hands")
            others = drawn_glyphs(mnist, seed=seed, count=DRAWN, shares=("augmented", "drawn"))
        mnist = sample_mnist(mnist, recipe.sample, seed=seed)
        if digits:
            mnist = digits.among(mnist, seed=seed)
    with clock.part("framework"):
        watcher.says("starting TensorFlow")
        load_keras("training")
    from inkread.training.fitting import Checkpoint, fit_recipe
    from inkread.training.model_folder import save_run

    trained = start.network(others) if start else None
    with whole_folder(out) as folder:
        kept: list[Checkpoint] = []
        if material:
            (folder / DETECTOR_NAME).mkdir()
            within, before = folder / DETECTOR_NAME, _detector_of(start) if start else None
            _, of_detector = run_detector(
                detector, material, mnist, within, seed=seed, watcher=watcher, clock=Clock(), base=before
            )
            of_glyphs = about_run(recipe, mnist, material, seed, model_file(start.path) if start else None)
            kept = [of_detector, Checkpoint(of_glyphs)]
        with clock.part("training"):
            model = fit_recipe(
                recipe,
                mnist,
                seed=seed,
                history=history,
                watcher=watcher,
                trained=trained,
                material=material,
                checkpoint=kept[-1] if kept else None,
            )
        watcher.says("saving")
        temperature = start.card.temperature if start else None
        card = save_run(folder, model, recipe, mnist, seed=seed, history=history, clock=clock, temperature=temperature)
        if start:
            card = start.carried_over(card, load_classifier(folder), others)
        if digits:
            card = replace(card, data={**card.data, "name": "MNIST and own digits", **_about(digits)})
        if material:
            card = replace(card, data={**card.data, **material.licences}, detector_share=DETECTOR_SHARE)
        if start or digits or material:
            card.save(folder)
    for checkpoint in kept:
        checkpoint.forget()
    return card


def _detector_of(start: Start) -> Path:
    """Return the file of the detector that a model reads with."""
    own = start.path / DETECTOR_NAME / MODEL_NAME
    return own if own.is_file() else SHIPPED_DETECTOR


def _about(digits: OwnDigits) -> dict[str, Any]:
    """Return the card's entry for the user's digits."""
    return {"own": len(digits.labels), "left_out": list(digits.left_out)}


def resolve_recipe(recipe: str | Recipe, epochs: int | None) -> Recipe:
    """Return a recipe, by name or as it is, with the requested epochs and a precision that the processor supports."""
    if isinstance(recipe, str):
        if recipe not in RECIPES:
            raise OptionError(f"no recipe {recipe!r}; there are {', '.join(RECIPES)}")
        recipe = RECIPES[recipe]
    return fit_to_machine(recipe, epochs)
