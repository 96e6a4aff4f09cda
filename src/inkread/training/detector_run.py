"""A training run of the detector, from the material to a model folder."""

from __future__ import annotations

import hashlib
import os
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any

import inkread
from inkread.datasets import Mnist, load_mnist
from inkread.datasets.download import Progress
from inkread.datasets.material import Material, find_material
from inkread.files import check_model_folder, file_sha256, whole_folder
from inkread.keras_backend import check_keras, load_keras
from inkread.models.card import CARD_NAME, Card
from inkread.models.files import KERAS_NAME, MODEL_NAME
from inkread.training.detector_material import Batch, DetectorBatches, Drawing
from inkread.training.history import History, Watcher
from inkread.training.provenance import Clock, describe_run, versions
from inkread.training.recipes import DETECTOR, DetectorRecipe, Recipe, fit_to_machine

if TYPE_CHECKING:
    from inkread.training.fitting import Checkpoint

DETECTOR_FILES = {MODEL_NAME, CARD_NAME, KERAS_NAME, "history.csv"}
"""The files that a run writes. A folder with any other file is never replaced."""

PROTOCOL = "Epochs, seed and settings were fixed before the run; nothing but drawn pages was looked at."
LIMITS = (
    "Finds marks 13 to 46 pixels high, upright or nearly; larger and smaller ones are found on a page that was brought "
    "to that scale. Western digits, the signs . , - / : % + =, and letters that it does not tell apart."
)


def train_detector(
    recipe: DetectorRecipe = DETECTOR,
    *,
    data: str | os.PathLike[str] | None = None,
    out: str | os.PathLike[str] = "model",
    material: Path | None = None,
    epochs: int | None = None,
    seed: int = 0,
    force: bool = False,
    watcher: Watcher | None = None,
    download_progress: Progress | None = None,
) -> Card:
    """Train the detector on drawn pages, write its model folder and return its card.

    This starts worker processes, so a script that calls it needs the usual `if __name__ == "__main__":`. If an
    interrupted run is started again with the same settings, it continues after its last complete epoch.

    material: a folder of fonts and photographs; None for the folder of `make material`.

    The other parameters and the exceptions are those of `inkread.training.train`. Also raises `DataError` if the
    material is missing.
    """
    recipe = fit_to_machine(recipe, epochs)
    check_model_folder(Path(out).resolve(), DETECTOR_FILES, force=force)
    check_keras("training")
    watcher, clock = watcher or Watcher(), Clock()
    with clock.part("data"):
        found = find_material(material)
        mnist = load_mnist(data, progress=download_progress)
    with clock.part("framework"):
        watcher.says("starting TensorFlow")
        load_keras("training")
    with whole_folder(out) as folder:
        card, checkpoint = run_detector(recipe, found, mnist, folder, seed=seed, watcher=watcher, clock=clock)
    checkpoint.forget()
    return card


def run_detector(
    recipe: DetectorRecipe,
    material: Material,
    mnist: Mnist,
    folder: Path,
    *,
    seed: int,
    watcher: Watcher,
    clock: Clock,
    base: Path | None = None,
) -> tuple[Card, Checkpoint]:
    """Train, write the files of the detector into a folder, and return its card and its last checkpoint.

    base: the ONNX file of a detector to continue from; None to train from the start.

    Call `load_keras` before. When the whole run is complete, call `forget` of the checkpoint.
    """
    from inkread.foreign.to_onnx import export_detector
    from inkread.training.detector_network import detector
    from inkread.training.fitting import Checkpoint

    history = History()
    drawing = Drawing(seed, mnist.train_images, mnist.train_labels, material)
    checkpoint = Checkpoint(about_run(recipe, mnist, material, seed, base))
    with clock.part("training"):
        model, last = fit_detector(
            recipe, drawing, seed=seed, history=history, watcher=watcher, checkpoint=checkpoint, base=base
        )
    watcher.says("saving")
    with clock.part("saving"):
        plain = detector(recipe.widths, recipe.blocks)
        plain.set_weights(model.get_weights())
        difference = export_detector(plain, folder / MODEL_NAME, last[0])
        plain.save(folder / KERAS_NAME)
    card = Card(
        **describe_run(recipe, seed, plain, folder, history, clock),
        data={
            **_about_data(mnist, material),
            "patches": recipe.epochs * recipe.images(0, 0),
            **({"from": {"sha256": file_sha256(base)}} if base else {}),
        },
        test={"export_difference": difference},
        protocol=PROTOCOL,
        limits=LIMITS,
    )
    card.save(folder)
    history.save(folder)
    return card, checkpoint


def fit_detector(
    recipe: DetectorRecipe,
    drawing: Drawing,
    *,
    seed: int,
    history: History,
    watcher: Watcher,
    checkpoint: Any = None,
    base: Path | None = None,
) -> tuple[Any, Batch]:
    """Return the trained network of a recipe, and the last batch that it saw. Call `load_keras` before.

    checkpoint: the `inkread.training.fitting.Checkpoint` to continue from and save to; None to use no checkpoint.
    base: the ONNX file of a detector to continue from; None to train from the start.
    """
    import keras

    from inkread.foreign.to_onnx import take_detector_weights
    from inkread.training.detector_network import class_accuracy, detection_loss, detector
    from inkread.training.fitting import Follow, SaveEachEpoch, remember_last
    from inkread.training.optimizers import clipped_muon_cycle

    keras.utils.set_random_seed(seed)
    model = detector(recipe.widths, recipe.blocks, "mixed_bfloat16" if recipe.precision == "bfloat16" else "float32")
    if base:
        plain = detector(recipe.widths, recipe.blocks)
        take_detector_weights(plain, base)
        model.set_weights(plain.get_weights())
    model.compile(
        optimizer=clipped_muon_cycle(recipe.learning_rate, recipe.epochs * recipe.steps_per_epoch),
        loss=detection_loss,
        metrics=[keras.metrics.MeanMetricWrapper(class_accuracy, name="accuracy")],
    )
    done = checkpoint.continue_run(model, history, watcher) if checkpoint else 0
    watcher.says("drawing the first pages")
    last: deque[Batch] = deque(maxlen=1)
    with DetectorBatches(drawing, size=recipe.batch, again=recipe.again, kept=recipe.kept) as drawn:
        follow = Follow(history, watcher, recipe, images=0, done=done)
        batches = drawn.batches(done * recipe.steps_per_epoch)
        model.fit(
            remember_last(batches, last),
            steps_per_epoch=recipe.steps_per_epoch,
            initial_epoch=done,
            epochs=recipe.epochs,
            shuffle=False,
            verbose=0,
            callbacks=[follow, *([SaveEachEpoch(checkpoint, history)] if checkpoint else [])],
        )
        # A run that was interrupted after its last epoch has seen no batch.
        return model, last[0] if last else next(batches)


def about_run(
    recipe: Recipe | DetectorRecipe, mnist: Mnist, material: Material | None, seed: int, base: Path | None = None
) -> dict[str, Any]:
    """Return everything that determines a run. `base` is the file of the network that it continues from, if any."""
    digits = hashlib.sha256(mnist.train_images.tobytes() + mnist.train_labels.tobytes()).hexdigest()
    about = {"recipe": recipe.to_dict(), "seed": seed, "digits": digits, "material": material and material.licences}
    start = {"from": file_sha256(base)} if base else {}
    return {**about, **start, "inkread": inkread.__version__, "versions": versions()}


def _about_data(mnist: Mnist, material: Material) -> dict[str, Any]:
    """Return the card's entry for the material: fonts and photographs with their licences."""
    digits = {"name": "MNIST" if mnist.is_original else "own data", "images": len(mnist.train_images)}
    return {"name": "drawn pages", "digits": digits, **material.licences}
