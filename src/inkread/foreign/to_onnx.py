"""Exporting Keras models of glyphs to ONNX, with a check that both give the same outputs."""

from __future__ import annotations

import contextlib
import logging
import tempfile
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inkread.errors import ModelError
from inkread.files import whole_file
from inkread.models.card import Card
from inkread.models.classifier import FEATURES, Classifier
from inkread.models.probabilities import as_probabilities
from inkread.models.session import open_onnx

TOLERANCE = 1e-4
"""The largest difference between a probability by Keras and by ONNX Runtime that an export may show."""


def export_onnx(model: Any, path: Path, glyphs: NDArray[np.float32]) -> float:
    """Write a Keras model as ONNX with a free batch dimension; return the largest difference in their outputs.

    glyphs: (N, 28, 28) float32 in 0..1, on which both must agree to `TOLERANCE`.

    Raises `ModelError` where they do not.
    """
    expected = np.asarray(model(_fit_input(model, glyphs), training=False))
    # tf2onnx uses names that NumPy has deprecated.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.export(str(path), format="onnx", verbose=False)
    tidy_onnx(path, path)
    expose_features(path)
    return _difference(path, glyphs, expected)


def refine_onnx(source: Path, target: Path, glyphs: NDArray[np.float32]) -> float:
    """Write an older ONNX export as it would be exported today; return the largest difference in their outputs.

    glyphs: (N, 28, 28) float32 in 0..1, on which both must agree to `TOLERANCE`.

    Raises `ModelError` where they do not.
    """
    tidy_onnx(source, target)
    expose_features(target)
    return _difference(target, glyphs, _classifier(source).outputs(glyphs))


def _classifier(path: Path) -> Classifier:
    """Return the classifier of an ONNX file, without its card."""
    session, content = open_onnx(path)
    return Classifier(session, Card(), content=content, name=str(path))


def _difference(path: Path, glyphs: NDArray[np.float32], expected: NDArray[np.float32]) -> float:
    """Return the largest difference between a written network's outputs and the expected ones."""
    difference = float(np.abs(as_probabilities(_classifier(path).outputs(glyphs)) - as_probabilities(expected)).max())
    if not difference <= TOLERANCE:
        raise ModelError(
            f"{path}: differs by {difference:.2g} from the network it was made from, but {TOLERANCE:g} is allowed; "
            "the export is not used; please report this with the versions of keras, tensorflow, onnx and tf2onnx"
        )
    return difference


def quantise_onnx(source: Path, target: Path, glyphs: NDArray[np.float32]) -> None:
    """Write an ONNX network with weights and activations of 8 bits: a quarter of the size, and faster.

    glyphs: (N, 28, 28) float32 in 0..1, some hundreds like those it will read. They set the range of each activation
        (static quantisation, one scale for each map of a layer; Jacob et al. 2018, "Quantization and training
        of neural networks for efficient integer-arithmetic-only inference").

    The first convolution stays in floats: it has a single input map, and in 8 bits it takes as long as all the other
    layers together. The last outputs also stay in floats, so that the softmax does not see steps.
    """
    from onnxruntime import quantization
    from onnxruntime.quantization.shape_inference import quant_pre_process

    classifier = _classifier(source)
    shaped = glyphs.reshape(-1, *classifier.glyph_shape)
    with tempfile.TemporaryDirectory() as folder, silence_advice():
        # Each batch normalisation is folded into the convolution before it.
        folded = Path(folder) / "folded.onnx"
        quant_pre_process(source, folded, skip_symbolic_shape=True)
        quantization.quantize_static(
            folded,
            target,
            Batches([{classifier.input_name: shaped[start : start + 100]} for start in range(0, len(shaped), 100)]),
            quant_format=quantization.QuantFormat.QDQ,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
            per_channel=True,
            # Processors without VNNI add two 8-bit products in 16 bits, which must not overflow.
            reduce_range=True,
            # A softmax in 8 bits does not sum to 1.
            op_types_to_quantize=["Conv", "Relu", "Gemm", "MatMul"],
            nodes_to_exclude=first_convolution(folded),
            extra_options={"OpTypesToExcludeOutputQuantization": ["Gemm", "MatMul"]},
        )
    expose_features(target)


class Batches:
    """The inputs from which ONNX Runtime's quantisation takes the range of each activation, for one pass over them."""

    def __init__(self, batches: Iterable[dict[str, NDArray[np.float32]]]) -> None:
        self._batches = iter(batches)

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        """Return the next inputs; None after the last."""
        return next(self._batches, None)


@contextlib.contextmanager
def silence_advice() -> Iterator[None]:
    """Silence what ONNX Runtime's quantisation writes to the root logger, and prints."""
    logging.disable(logging.WARNING)
    try:
        with contextlib.redirect_stdout(None):
            yield
    finally:
        logging.disable(logging.NOTSET)


def _fit_input(model: Any, glyphs: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return glyphs in the model's input shape: 28x28, with or without a channel dimension, or flat."""
    return glyphs.reshape(-1, *model.inputs[0].shape[1:])


def expose_features(path: Path) -> None:
    """Give the ONNX network in a file the output `features`: (N, K) float32, the input of its last dense layer.

    This adds no computation: the tensor exists already and is only renamed. A network that already has the output, or
    that has no dense layer, is not changed.
    """
    import onnx

    model = onnx.load(path)
    graph = model.graph
    dense = [node for node in graph.node if node.op_type in {"Gemm", "MatMul"}]
    given = {value.name for value in graph.input}
    if not dense or FEATURES in {value.name for value in graph.output} or dense[-1].input[0] in given:
        return
    old = dense[-1].input[0]
    for node in graph.node:
        for names in (node.input, node.output):
            names[:] = [FEATURES if name == old else name for name in names]
    for value in [value for value in graph.value_info if value.name == old]:
        graph.value_info.remove(value)
    graph.output.append(onnx.helper.make_tensor_value_info(FEATURES, onnx.TensorProto.FLOAT, ["N", "K"]))
    onnx.checker.check_model(model)
    with whole_file(path) as file:
        onnx.save(model, file)


_TO_CHANNELS_LAST = [0, 2, 3, 1]


def tidy_onnx(source: Path, target: Path) -> None:
    """Write an ONNX network without the transpose and the shape arithmetic between its maps and a dense layer.

    Keras flattens maps with the channel last, and ONNX computes them with the channel first. Transposing the dense
    layer's weights once saves transposing the maps of every glyph. Other networks are written unchanged.
    """
    import onnx

    model = onnx.load(source)
    graph = model.graph
    shapes = {value.name: _shape(value) for value in onnx.shape_inference.infer_shapes(model).graph.value_info}
    weights = {values.name: values for values in graph.initializer}
    makers = {output: node for node in graph.node for output in node.output}
    for dense in [node for node in graph.node if node.op_type in {"MatMul", "Gemm"}]:
        flat = makers.get(dense.input[0])
        turn = makers.get(flat.input[0]) if flat and flat.op_type == "Reshape" else None
        if flat is None or turn is None or not _turns_channels_last(turn) or dense.input[1] not in weights:
            continue
        if dense.op_type == "Gemm" and any(attribute.name in {"transA", "transB"} for attribute in dense.attribute):
            continue
        height, width, maps = shapes.get(turn.output[0], (0, 0, 0, 0))[1:]
        kernel = onnx.numpy_helper.to_array(weights[dense.input[1]])
        if len(kernel) != height * width * maps:
            continue
        turned = kernel.reshape(height, width, maps, -1).transpose(2, 0, 1, 3).reshape(kernel.shape)
        name = f"{dense.input[1]}_channels_first"
        graph.initializer.append(onnx.numpy_helper.from_array(np.ascontiguousarray(turned), name))
        dense.input[1] = name
        flat.CopyFrom(onnx.helper.make_node("Flatten", [turn.input[0]], list(flat.output), name=flat.name, axis=1))
    _drop_unused(graph)
    onnx.checker.check_model(model)
    onnx.save(model, target)


def first_convolution(path: Path) -> list[str]:
    """Return the name of a network's first convolution, in a list that is empty if it has none."""
    import onnx

    return [node.name for node in onnx.load(path).graph.node if node.op_type == "Conv"][:1]


def _shape(value: Any) -> tuple[int, ...]:
    """Return the dimensions of a value of the graph; 0 for a free one."""
    return tuple(dimension.dim_value for dimension in value.type.tensor_type.shape.dim)


def _turns_channels_last(node: Any) -> bool:
    """Tell whether a node transposes (N, maps, height, width) to (N, height, width, maps)."""
    return node.op_type == "Transpose" and any(list(entry.ints) == _TO_CHANNELS_LAST for entry in node.attribute)


def _drop_unused(graph: Any) -> None:
    """Remove nodes and weights that nothing uses any more."""
    used = {value.name for value in graph.output}
    # ONNX lists nodes in the order in which they run.
    for node in reversed(list(graph.node)):
        if used.isdisjoint(node.output):
            graph.node.remove(node)
        else:
            used.update(node.input)
    for values in [values for values in graph.initializer if values.name not in used]:
        graph.initializer.remove(values)
