"""Exporting: from a Keras model to ONNX, with proof that both answer alike."""

from __future__ import annotations

import contextlib
import logging
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inkread.errors import ModelError
from inkread.models.classifier import Classifier
from inkread.training.backend import load_keras
from inkread.training.features import expose_features

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
    expose_features(path)
    difference = float(np.abs(Classifier(path).outputs(glyphs) - expected).max())
    if not difference <= TOLERANCE:
        raise ModelError(
            f"{path}: ONNX Runtime and Keras differ by {difference:.2g} where {TOLERANCE:g} is allowed; the export is "
            "not used; please report this with the versions of keras, tensorflow and tf2onnx"
        )
    return difference


def quantise_onnx(source: Path, target: Path, glyphs: NDArray[np.float32]) -> None:
    """Write an ONNX network anew with weights and activations of 8 bits: a quarter as large, and quicker.

    glyphs: (N, 28, 28) float32 in 0..1, some hundreds like those it will read; the range of each activation is taken
        from them (static quantisation, one scale for each map of a layer; Jacob et al. 2018, "Quantization and training
        of neural networks for efficient integer-arithmetic-only inference").
    """
    from onnxruntime import quantization
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(quantization.CalibrationDataReader):  # type: ignore[misc]
        def __init__(self, name: str) -> None:
            self._batches = iter(
                [{name: glyphs[start : start + 100, ..., None]} for start in range(0, len(glyphs), 100)]
            )

        def get_next(self) -> dict[str, NDArray[np.float32]] | None:
            return next(self._batches, None)

    with tempfile.TemporaryDirectory() as folder, _silenced():
        folded = Path(folder) / "folded.onnx"  # each batch normalisation within the convolution before it
        quant_pre_process(source, folded, skip_symbolic_shape=True)
        quantization.quantize_static(
            folded,
            target,
            Reader(Classifier(source).input_name),
            quant_format=quantization.QuantFormat.QDQ,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
            per_channel=True,
            reduce_range=True,  # processors without VNNI add two products of 8 bits in 16, which must not overflow
            op_types_to_quantize=["Conv", "Gemm", "MatMul"],  # a softmax in 8 bits does not sum to 1
        )
    expose_features(target)


@contextlib.contextmanager
def _silenced() -> Iterator[None]:
    """Keep ONNX Runtime's quantisation from advising on the root logger."""
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


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
