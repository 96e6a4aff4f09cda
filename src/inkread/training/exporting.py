"""Exporting: from a Keras model to ONNX, with proof that both answer alike."""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inkread.errors import ModelError
from inkread.models.classifier import Classifier
from inkread.training.backend import load_keras

TOLERANCE = 1e-4
"""The largest difference between a probability by Keras and by ONNX Runtime that an export may show."""


def export_onnx(model: Any, path: Path, glyphs: NDArray[np.float32]) -> float:
    """Write a Keras model as ONNX with a free batch dimension and return the largest difference between the two.

    glyphs: (N, 28, 28) float32 in 0..1, on which both must agree to `TOLERANCE`.

    Raises `ModelError` where they do not.
    """
    expected = np.asarray(model(_shaped(model, glyphs), training=False))
    with warnings.catch_warnings():  # tf2onnx looks up names that NumPy has deprecated
        warnings.simplefilter("ignore")
        model.export(str(path), format="onnx", verbose=False)
    difference = float(np.abs(Classifier(path).outputs(glyphs) - expected).max())
    if not difference <= TOLERANCE:
        raise ModelError(
            f"{path}: ONNX Runtime and Keras differ by {difference:.2g} where {TOLERANCE:g} is allowed; the export is "
            "not used; please report this with the versions of keras, tensorflow and tf2onnx"
        )
    return difference


def onnx_of_keras_file(path: Path) -> bytes:
    """Return a `.keras` or `.h5` file of Keras as ONNX.

    Raises `ModelError` for a file that is missing or damaged, `MissingExtra` where Keras is not installed.
    """
    if not path.is_file():
        raise ModelError(f"{path}: no such model; check the name and the folder")
    keras = load_keras(f"{path}: a file of Keras")
    try:
        model = keras.saving.load_model(path, compile=False)
    except Exception as error:  # noqa: BLE001 - Keras raises errors of any class for a damaged file
        raise ModelError(f"{path}: not a model that Keras can load ({str(error).splitlines()[0]})") from None
    if [tuple(entry.shape) for entry in model.inputs] not in ([(None, 28, 28, 1)], [(None, 28, 28)]):
        raise ModelError(f"{path}: takes other input than (N, 28, 28, 1) glyphs")
    glyphs = np.random.default_rng(0).random((16, 28, 28), np.float32)
    with tempfile.TemporaryDirectory() as folder:
        onnx = Path(folder) / "model.onnx"
        export_onnx(model, onnx, glyphs)
        return onnx.read_bytes()


def _shaped(model: Any, glyphs: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return glyphs as the model takes them: with or without a dimension for the channel."""
    return glyphs[..., None] if len(model.inputs[0].shape) == 4 else glyphs
