"""Exporting the detector: to ONNX of any height and width, its weights in 16 bits, with proof that it answers alike."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inkread.errors import ModelError
from inkread.files import whole_file

DETECTOR_TOLERANCE = 1e-3
"""The largest difference between an answer by Keras and by ONNX Runtime, as a share of the largest answer."""

# Tensors of fewer numbers are left in 32 bits: they are sizes and scales of the graph.
_FEWEST = 16


def export_detector(model: Any, path: Path, pages: NDArray[np.float32]) -> float:
    """Write a detector as ONNX and return the largest difference between the two, as a share of the largest answer.

    The weights of `model`, which is in float32, are rounded to 16 bits first: both networks have the same.

    pages: (N, H, W, 1) float32, on which both must agree to `DETECTOR_TOLERANCE`, whole and cut to another size.

    Raises `ModelError` where they do not.
    """
    import keras

    model.set_weights([weight.astype(np.float16).astype(np.float32) for weight in model.get_weights()])
    any_size = keras.InputSpec(shape=(None, None, None, 1), dtype="float32", name="pages")
    with warnings.catch_warnings():  # tf2onnx looks up names that NumPy has deprecated
        warnings.simplefilter("ignore")
        model.export(str(path), format="onnx", verbose=False, input_signature=[any_size])
    halve_weights(path)
    return max(_difference(model, path, part) for part in (pages[:2], pages[:1, 16:-16, :-32]))


def halve_weights(path: Path) -> None:
    """Store the weights of an ONNX file in 16 bits; a node for each makes 32 bits of it when the file is loaded."""
    import onnx

    model = onnx.load(path)
    graph = model.graph
    casts = []
    for values in list(graph.initializer):
        weights = onnx.numpy_helper.to_array(values)
        if weights.dtype != np.float32 or weights.size < _FEWEST:
            continue
        stored = f"{values.name}_stored"
        graph.initializer.remove(values)
        graph.initializer.append(onnx.numpy_helper.from_array(weights.astype(np.float16), stored))
        casts.append(onnx.helper.make_node("Cast", [stored], [values.name], to=onnx.TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    onnx.checker.check_model(model)
    with whole_file(path) as file:
        onnx.save(model, file)


def _difference(model: Any, path: Path, pages: NDArray[np.float32]) -> float:
    import onnxruntime

    session = onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    answers = session.run(None, {session.get_inputs()[0].name: pages})[0]
    expected = np.asarray(model(pages, training=False))
    difference = float(np.abs(answers - expected).max() / max(1.0, np.abs(expected).max()))
    if not difference <= DETECTOR_TOLERANCE:
        raise ModelError(
            f"{path}: differs by {difference:.2g} from the network it was made from, where {DETECTOR_TOLERANCE:g} is "
            "allowed; the export is not used; please report this with the versions of keras, tensorflow and tf2onnx"
        )
    return difference
