"""inkread as a scikit-learn classifier. Needs the extra 'sklearn'.

    from inkread.sklearn import DigitClassifier
    DigitClassifier().fit(images, labels).score(more_images, more_labels)
    DigitClassifier(recipe=None).fit(images, labels)  # the shipped network; nothing is trained

It takes glyphs, not pictures: arrays of 28x28 pixels with MNIST's conventions, as a model sees them. `inkread.Reader`
reads pictures.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import replace
from numbers import Integral
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from inkread.errors import MissingExtra
from inkread.glyphs import CLASSES
from inkread.loading import load_classifier
from inkread.models.card import Card
from inkread.models.files import MODEL_NAME
from inkread.models.probabilities import fit_temperature

try:
    from sklearn.base import BaseEstimator, ClassifierMixin
    from sklearn.utils import check_random_state
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import check_is_fitted, check_non_negative, validate_data
except ImportError:
    raise MissingExtra("inkread.sklearn", "sklearn") from None

FEATURES = 784
"""Pixels of a glyph."""


# scikit-learn has no types.
class DigitClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A classifier of glyphs, (n, 28, 28), (n, 28, 28, 1) or (n, 784), with ink as 1 and paper as 0.

    Floats are in 0..1. Integers, as in MNIST's files, are in 0..255 and are divided by 255.

    recipe: how `fit` trains a new network: "fast", in seconds, or "classic", the recipe of the well-known tutorial, in
        minutes (docs/cli.md has the settings of both). With None, `fit` trains nothing and only stores the classes;
        `model` predicts.
    model: the model that predicts if the recipe is None, as `inkread.Reader` takes it; None for the shipped model.
    epochs: passes over the images, at least 1; None for the recipe's number.
    random_state: the seed of the training, an integer from 0; or a NumPy `RandomState`, or None for NumPy's global one,
        from which each `fit` draws a seed.

    After `fit` it has `classes_`, the sorted labels, at most ten; `n_features_in_`, always 784; and, if it trained,
    `temperature_`, which calibrates its probabilities. A pickle of it includes the trained network.
    """

    def __init__(
        self,
        recipe: Literal["fast", "classic"] | None = "fast",
        *,
        model: str | os.PathLike[str] | None = None,
        epochs: int | None = None,
        random_state: int | np.integer | np.random.RandomState | None = 0,
    ) -> None:
        self.recipe = recipe
        self.model = model
        self.epochs = epochs
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike) -> DigitClassifier:  # noqa: N803 - scikit-learn's names
        """Train on images and their labels, (n,), of up to ten classes, and return the classifier.

        Raises `ValueError` for arrays of another shape or range, for unknown settings and, if the recipe is None, for
        labels that are not digits; `MissingExtra` if the packages for training are not installed.
        """
        if self.recipe not in ("fast", "classic", None):
            raise ValueError(
                f"recipe must be 'fast', 'classic' or None, not {self.recipe!r}; 'best' is for `inkread train`"
            )
        if self.epochs is not None and not (_is_whole(self.epochs) and self.epochs >= 1):
            raise ValueError(f"epochs must be a whole number from 1, or None, not {self.epochs!r}")
        check_random_state(self.random_state)
        images, labels = validate_data(self, _rows(X), y, dtype=None)
        check_classification_targets(labels)
        glyphs = _glyphs(images)
        self.classes_, indices = np.unique(labels, return_inverse=True)
        if self.recipe is None:
            self._columns, self._onnx = _digits(self.classes_), None
        elif len(self.classes_) > CLASSES:
            raise ValueError(f"y has {len(self.classes_)} classes, but a network has {CLASSES}")
        else:
            self._columns = np.arange(len(self.classes_))
            self._onnx, self.temperature_ = self._train(glyphs, indices)
        self._open()
        return self

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float32]:  # noqa: N803
        """Return the probability of each of `classes_`, (n, classes) float32 with rows that sum to 1."""
        check_is_fitted(self)
        images = validate_data(self, _rows(X), dtype=None, reset=False)
        shares = self._classifier.classify(_glyphs(images))[:, self._columns]
        return np.asarray(shares / np.maximum(shares.sum(axis=1, keepdims=True), 1e-30), np.float32)

    def predict(self, X: ArrayLike) -> NDArray[Any]:  # noqa: N803
        """Return the likeliest of `classes_` for each image, (n,)."""
        likeliest = self.predict_proba(X).argmax(axis=1)
        return np.asarray(self.classes_[likeliest])

    def _train(self, glyphs: NDArray[np.float32], indices: NDArray[np.intp]) -> tuple[bytes, float]:
        """Train a network on glyphs and their classes, and return it as ONNX, with its temperature."""
        from inkread.datasets import Mnist
        from inkread.keras_backend import load_keras
        from inkread.training.history import History, Watcher
        from inkread.training.recipes import RECIPES
        from inkread.training.run import resolve_recipe

        recipe = replace(
            resolve_recipe(RECIPES[str(self.recipe)], self.epochs and int(self.epochs)), watches_test=False
        )
        load_keras("DigitClassifier.fit")
        from inkread.foreign.to_onnx import export_onnx
        from inkread.training.fitting import fit_recipe
        from inkread.training.networks import in_float32

        images, labels = np.rint(glyphs * 255).astype(np.uint8), indices.astype(np.uint8)
        data = Mnist(images, labels, images[:0], labels[:0])
        network = fit_recipe(recipe, data, seed=_seed(self.random_state), history=History(), watcher=Watcher())
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / MODEL_NAME
            export_onnx(in_float32(network, recipe.network), path, glyphs[:500])
            shares = load_classifier(path).classify(glyphs[-10_000:])[:, :CLASSES]
            temperature = fit_temperature(labels[-10_000:], shares) if recipe.smoothing else 1.0
            return path.read_bytes(), temperature

    def _open(self) -> None:
        """Open the network that `fit` trained or, if there is none, `model`."""
        if self._onnx is None:
            self._classifier = load_classifier(self.model)
            return
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "trained.onnx"
            path.write_bytes(self._onnx)
            self._classifier = load_classifier(path)
        self._classifier.card = Card(temperature=self.temperature_)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.input_tags.positive_only = True
        return tags

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in super().__getstate__().items() if name != "_classifier"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if hasattr(self, "classes_"):
            self._open()


def _is_whole(number: object) -> bool:
    """Return whether this is an integer of Python or NumPy. A parameter search may pass either."""
    return isinstance(number, Integral) and not isinstance(number, bool)


def _seed(random_state: Any) -> int:
    """Return the seed for a `random_state`: the number itself, or one drawn from it."""
    if _is_whole(random_state):
        return int(random_state)
    return int(check_random_state(random_state).randint(np.iinfo(np.int32).max))


def _rows(images: Any) -> Any:
    """Return images as rows of pixels, (n, 784). Rows of another length are not changed, and are rejected later."""
    images = images if hasattr(images, "shape") else np.asarray(images)
    if images.shape[1:] in ((28, 28), (28, 28, 1)):
        return np.asarray(images).reshape(-1, FEATURES)
    if len(images.shape) > 2:
        taken = "(n, 28, 28), (n, 28, 28, 1) or (n, 784)"
        raise ValueError(f"X has the shape {tuple(images.shape)}, but DigitClassifier takes {taken}")
    return images


def _glyphs(images: NDArray[Any]) -> NDArray[np.float32]:
    """Return rows of pixels as glyphs, (n, 28, 28) float32 in 0..1."""
    # Like scikit-learn, this raises ValueError for text.
    if images.dtype.kind not in "buif":
        images = images.astype(np.float64)
    check_non_negative(images, "DigitClassifier")
    if images.shape[1] != FEATURES:
        raise ValueError(f"X has {images.shape[1]} feature(s), but a glyph has {FEATURES}: 28 x 28 pixels")
    largest = 255 if images.dtype.kind in "ui" else 1
    if images.max() > largest:
        raise ValueError(f"X goes up to {images.max():g}, but ink is {largest} for {images.dtype}; divide it")
    return np.asarray(images.reshape(-1, 28, 28) / np.float32(largest), np.float32)


def _digits(classes: NDArray[Any]) -> NDArray[np.intp]:
    """Return the digit of each class, a number or a text, if nothing is trained. Raises `ValueError` for others."""
    names = [str(label) for label in classes]
    if not set(names) <= set("0123456789"):
        other = next(name for name in names if name not in set("0123456789"))
        raise ValueError(f"y has the class {other!r}: with recipe=None, the classes must be digits, 0 to 9")
    return np.array([int(name) for name in names], np.intp)
