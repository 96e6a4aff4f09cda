"""Opening an untrusted model file as a Keras model."""

from __future__ import annotations

import importlib.util
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from inkread.errors import MissingExtra, ModelError, speaking_of
from inkread.foreign.network import Network, UnfitLayer
from inkread.models.files import KERAS_SUFFIXES, check_size


def keras_model(path: Path) -> Any:
    """Return the network in a `.keras`, `.h5` or `.onnx` file as a Keras model. No code in the file is run.

    Takes some seconds, because TensorFlow must start. A file is refused before that.

    Raises `ModelError` for a file that is missing, damaged or holds something that inkread does not support, and
    `MissingExtra` if Keras is not installed.
    """
    check_size(path)
    network = _network(path)
    from inkread.keras_backend import load_keras

    load_keras(f"{path}: a Keras file")
    from inkread.foreign.to_keras import build_model

    try:
        return build_model(network)
    except UnfitLayer as error:
        raise ModelError(f"{path}: {error}; save it again where it was made") from None


def onnx_of_keras_file(path: Path) -> bytes:
    """Return a `.keras` or `.h5` file as ONNX that gives the same outputs. Raises what `keras_model` raises."""
    model = keras_model(path)
    from inkread.foreign.to_onnx import export_onnx

    with tempfile.TemporaryDirectory() as folder:
        onnx = Path(folder) / "model.onnx"
        with speaking_of(path, onnx):
            export_onnx(model, onnx, np.random.default_rng(0).random((16, 28, 28), np.float32))
        return onnx.read_bytes()


def _network(path: Path) -> Network:
    if path.suffix.lower() not in KERAS_SUFFIXES:
        from inkread.foreign.from_onnx import network_of_onnx

        return network_of_onnx(path)
    if not importlib.util.find_spec("h5py"):
        raise MissingExtra(f"{path}: a Keras file", "train")
    from inkread.foreign.from_keras_file import read_keras_file

    return read_keras_file(path)
