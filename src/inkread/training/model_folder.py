"""The model folder: writes the files of a trained network. Import this module only after `load_keras`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from inkread.datasets import Mnist
from inkread.evaluation.statistics import confusion_matrix
from inkread.figures import save_figure
from inkread.foreign.to_onnx import export_onnx
from inkread.glyphs import CLASSES
from inkread.loading import load_classifier
from inkread.models.card import Card, encoded_images
from inkread.models.classifier import Classifier
from inkread.models.files import KERAS_NAME, MODEL_NAME
from inkread.models.probabilities import cross_entropy, fit_temperature, temper
from inkread.training.fitting import scale_images
from inkread.training.history import History, draw_curves
from inkread.training.networks import in_float32
from inkread.training.provenance import Clock, describe_run
from inkread.training.recipes import Recipe
from inkread.training.training_glyphs import SHARES

LIMITS = "Trained on MNIST alone: American handwriting of the 1990s. Other shapes of digits and print are read worse."
LIMITS_OF_GLYPHS = "Trained on Western digits as people write them; printed digits and other numerals are read worse."
PROTOCOL = (
    "Epochs, seed and settings were fixed before the run; the test images were looked at once, at its end. "
    "Validation while the recipe was made: the last 10 000 training images."
)
PROTOCOL_OF_TUTORIAL = (
    "Epochs, seed and settings were fixed before the run; the test images were looked at after each epoch, as the "
    "tutorial does, and nothing was chosen by them."
)


def save_run(
    folder: Path,
    model: keras.Model,
    recipe: Recipe,
    mnist: Mnist,
    *,
    seed: int,
    history: History,
    clock: Clock,
    temperature: float | None = None,
) -> Card:
    """Write all files of a run into `folder` and return its card. The test on the card uses the exported model.

    temperature: the temperature for the card. With None, it is fitted if the recipe smooths labels.

    Raises `ModelError` if the answers of the exported network differ from those of the trained one.
    """
    with clock.part("saving"):
        _save_model(model, recipe, folder, mnist)
    with clock.part("test"):
        # The folder has no card yet, so the classifier has no temperature.
        written = load_classifier(folder, threads=os.cpu_count() or 1)
        if temperature is None:
            temperature = _temperature(written, mnist) if recipe.smoothing else 1.0
        test = _test(written, mnist, temperature)
    card = Card(
        **describe_run(recipe, seed, model, folder, history, clock),
        data=_data(recipe, mnist),
        test=test,
        temperature=temperature,
        no_digit=0.5 if recipe.training_glyphs else 1.0,
        protocol=PROTOCOL_OF_TUTORIAL if recipe.watches_test else PROTOCOL,
        limits=LIMITS_OF_GLYPHS if recipe.training_glyphs else LIMITS,
        average_images=encoded_images(_average_images(mnist)),
    )
    card.save(folder)
    history.save(folder)
    curves = draw_curves(history, title=f"{recipe.name}: test accuracy {test['accuracy']:.2%}")
    save_figure(curves, folder / "curves.png")
    return card


def _data(recipe: Recipe, mnist: Mnist) -> dict[str, Any]:
    """Return the description of the training data for the card."""
    data = {"name": "MNIST" if mnist.is_original else "own data", "images": len(mnist.train_images)}
    return (
        {**data, "shares": SHARES, "glyphs": recipe.epochs * len(mnist.train_images)}
        if recipe.training_glyphs
        else data
    )


def _save_model(model: keras.Model, recipe: Recipe, folder: Path, mnist: Mnist) -> None:
    """Write the network in every format, always in float32."""
    plain = in_float32(model, recipe.network)
    plain.save(folder / KERAS_NAME)
    export_onnx(plain, folder / MODEL_NAME, scale_images(mnist.train_images[:500])[..., 0])
    if recipe.writes_h5:
        model.save(folder / "mnist.h5")


def _temperature(written: Classifier, mnist: Mnist) -> float:
    """Return the temperature that undoes the effect of label smoothing on the confidences.

    It is fitted on the last 10 000 training images. The network was trained on them, so this is not a calibration on
    unseen writing. But without it, the confidence of a network that was trained to be 91% sure would never be higher.
    """
    images, labels = mnist.train_images[-10_000:], mnist.train_labels[-10_000:]
    return fit_temperature(labels, written.classify(scale_images(images)[..., 0])[:, :CLASSES])


def _test(written: Classifier, mnist: Mnist, temperature: float) -> dict[str, Any]:
    """Return loss, accuracy and confusion matrix of the written model on the test images."""
    probabilities = temper(written.classify(scale_images(mnist.test_images)[..., 0])[:, :CLASSES], temperature)
    matrix = confusion_matrix(mnist.test_labels, probabilities.argmax(axis=1))
    return {
        "images": len(mnist.test_labels),
        "accuracy": round(float(matrix.trace() / matrix.sum()), 6),
        "loss": round(cross_entropy(mnist.test_labels, probabilities), 6),
        "confusion": matrix.tolist(),
    }


def _average_images(mnist: Mnist) -> NDArray[np.uint8]:
    """Return the mean training image of each class, (10, 28, 28) uint8. It is all 0 for a class without images."""
    images = np.zeros((10, 28, 28), np.uint8)
    for digit in np.unique(mnist.train_labels):
        images[digit] = np.rint(mnist.train_images[mnist.train_labels == digit].mean(axis=0))
    return images
