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
from inkread.scores import as_probabilities
from inkread.training.features import expose_features
from inkread.training.tidying import first_convolution, tidy_onnx

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
    tidy_onnx(path, path)
    expose_features(path)
    return _difference(path, glyphs, expected)


def refined_onnx(source: Path, target: Path, glyphs: NDArray[np.float32]) -> float:
    """Write an ONNX network that was exported before as it would be today; return the largest difference between both.

    glyphs: (N, 28, 28) float32 in 0..1, on which both must agree to `TOLERANCE`.

    Raises `ModelError` where they do not.
    """
    tidy_onnx(source, target)
    expose_features(target)
    return _difference(target, glyphs, Classifier(source).outputs(glyphs))


def _difference(path: Path, glyphs: NDArray[np.float32], expected: NDArray[np.float32]) -> float:
    """Return the largest difference between what a written network gives and what it should give."""
    difference = float(np.abs(as_probabilities(Classifier(path).outputs(glyphs)) - as_probabilities(expected)).max())
    if not difference <= TOLERANCE:
        raise ModelError(
            f"{path}: differs by {difference:.2g} from the network it was made from, where {TOLERANCE:g} is allowed; "
            "the export is not used; please report this with the versions of keras, tensorflow, onnx and tf2onnx"
        )
    return difference


def quantise_onnx(source: Path, target: Path, glyphs: NDArray[np.float32]) -> None:
    """Write an ONNX network anew with weights and activations of 8 bits: a quarter as large, and quicker.

    glyphs: (N, 28, 28) float32 in 0..1, some hundreds like those it will read; the range of each activation is taken
        from them (static quantisation, one scale for each map of a layer; Jacob et al. 2018, "Quantization and training
        of neural networks for efficient integer-arithmetic-only inference").

    The first convolution stays in floats: of one map there is too little to multiply, and in 8 bits it takes as long as
    all the others together. So do the last outputs, or the softmax would see steps.
    """
    from onnxruntime import quantization
    from onnxruntime.quantization.shape_inference import quant_pre_process

    classifier = Classifier(source)
    shaped = glyphs.reshape(-1, *classifier.glyph_shape)

    class Reader(quantization.CalibrationDataReader):  # type: ignore[misc]
        def __init__(self, name: str) -> None:
            self._batches = iter([{name: shaped[start : start + 100]} for start in range(0, len(shaped), 100)])

        def get_next(self) -> dict[str, NDArray[np.float32]] | None:
            return next(self._batches, None)

    with tempfile.TemporaryDirectory() as folder, _silenced():
        folded = Path(folder) / "folded.onnx"  # each batch normalisation within the convolution before it
        quant_pre_process(source, folded, skip_symbolic_shape=True)
        quantization.quantize_static(
            folded,
            target,
            Reader(classifier.input_name),
            quant_format=quantization.QuantFormat.QDQ,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
            per_channel=True,
            reduce_range=True,  # processors without VNNI add two products of 8 bits in 16, which must not overflow
            op_types_to_quantize=["Conv", "Relu", "Gemm", "MatMul"],  # a softmax in 8 bits does not sum to 1
            nodes_to_exclude=first_convolution(folded),
            extra_options={"OpTypesToExcludeOutputQuantization": ["Gemm", "MatMul"]},
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


def _shaped(model: Any, glyphs: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return glyphs as the model takes them: in 28x28, with or without a dimension for the channel, or in a row."""
    return glyphs.reshape(-1, *model.inputs[0].shape[1:])
