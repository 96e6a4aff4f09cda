"""Exporting Keras models to ONNX, those of glyphs and the detector, with a check that both give the same outputs."""

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

    class Batches(quantization.CalibrationDataReader):  # type: ignore[misc]
        def __init__(self, name: str) -> None:
            self._batches = iter([{name: shaped[start : start + 100]} for start in range(0, len(shaped), 100)])

        def get_next(self) -> dict[str, NDArray[np.float32]] | None:
            return next(self._batches, None)

    with tempfile.TemporaryDirectory() as folder, _silence_advice():
        # Each batch normalisation is folded into the convolution before it.
        folded = Path(folder) / "folded.onnx"
        quant_pre_process(source, folded, skip_symbolic_shape=True)
        quantization.quantize_static(
            folded,
            target,
            Batches(classifier.input_name),
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


@contextlib.contextmanager
def _silence_advice() -> Iterator[None]:
    """Silence the advice that ONNX Runtime's quantisation writes to the root logger."""
    logging.disable(logging.WARNING)
    try:
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
    with warnings.catch_warnings():
        # tf2onnx uses names that NumPy has deprecated.
        warnings.simplefilter("ignore")
        model.export(str(path), format="onnx", verbose=False, input_signature=[any_size])
    halve_weights(path)
    return max(_detector_difference(model, path, part) for part in (pages[:2], pages[:1, 16:-16, :-32]))


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


def take_detector_weights(model: Any, path: Path) -> None:
    """Give a new Keras detector, in float32, the weights of one that `export_detector` has written.

    Raises `ModelError` if the file is not of a network like this one, or the two then differ.
    """
    import onnx

    stored: dict[str, list[NDArray[np.float32]]] = {}
    for values in onnx.load(path).graph.initializer:
        array = onnx.numpy_helper.to_array(values)
        if array.dtype in (np.float16, np.float32) and "/" in values.name:
            stored.setdefault(values.name.split("/")[1], []).append(np.asarray(array, np.float32))
    for kind in ("conv2d", "scale", "answers"):
        layers = [layer for layer in model.layers if layer.name.split("_")[0] == kind]
        layers.sort(key=lambda layer: _numbers(layer.name))
        # An export adds a number to the name of each layer.
        sources = sorted((name for name in stored if name.split("_")[0] == kind), key=lambda name: _numbers(name)[:-1])
        for layer, source in zip(layers, sources, strict=False):
            arrays = sorted(stored[source], key=lambda array: -array.ndim)
            fitting = [
                array.transpose(2, 3, 1, 0) if array.ndim == 4 and kind != "scale" else array for array in arrays
            ]
            shapes = [weight.shape for weight in layer.weights]
            if [array.size for array in fitting] != [int(np.prod(shape)) for shape in shapes]:
                raise ModelError(f"{path}: is a detector of another size than this recipe trains; train from the start")
            layer.set_weights([array.reshape(shape) for array, shape in zip(fitting, shapes, strict=True)])
    _detector_difference(model, path, np.random.default_rng(0).random((1, 64, 96, 1), np.float32))


def _numbers(name: str) -> list[int]:
    """Return the numbers at the end of a layer's name, by which layers are in the order in which they were made."""
    return [int(part) for part in name.split("_")[1:] if part.isdigit()]


def _detector_difference(model: Any, path: Path, pages: NDArray[np.float32]) -> float:
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
