"""Exporting the detector to ONNX with weights and activations of 8 bits, and taking the weights back.

The graph is written layer by layer. Keras's export gives the same answers, but its enlargements of maps are chains of
15 nodes each, which ONNX Runtime does not compute in 8 bits.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inkread.errors import ModelError
from inkread.files import whole_file
from inkread.foreign.to_onnx import Batches, silence_advice
from inkread.marks import CENTRE
from inkread.models.files import KERAS_NAME

TOLERANCE = 1e-3
"""The largest difference between an answer by Keras and by ONNX Runtime in floats, as a share of the largest answer."""

TOLERANCE_OF_8_BITS = 0.02
"""The largest mean difference between a probability of a centre in 8 bits and in floats."""

_RANGE = 99.999
"""The percentage of the activations that are in the range of 8 bits. A few larger ones would make all steps coarser."""

_INPUT, _OUTPUT, _OPSET = "pages", "answers", 17

Weights = dict[str, NDArray[np.float32]]


def export_detector(model: Any, path: Path, pages: NDArray[np.float32]) -> float:
    """Write a detector as ONNX in 8 bits; return the largest difference of its answers in floats, as a share.

    model: the network in float32.
    pages: (N, H, W, 1) float32, some dozens like those it will see. They set the range of each activation, as in
        `inkread.foreign.to_onnx.quantise_onnx`.

    Raises `ModelError` if the network in ONNX does not agree with Keras's: in floats on the first pages, whole and cut
    to another size, to `TOLERANCE`; in 8 bits on all pages, to `TOLERANCE_OF_8_BITS`.
    """
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "plain.onnx"
        write_in_floats(model, plain)
        difference = max(_difference(model, plain, part) for part in (pages[:2], pages[:1, 16:-16, :-32]))
        with whole_file(path) as file:
            _quantise(plain, file, pages)
            off = float(np.abs(_centres(plain, pages) - _centres(file, pages)).mean())
            if not off <= TOLERANCE_OF_8_BITS:
                raise ModelError(
                    f"{path}: in 8 bits, the probability of a centre is off by {off:.2g} on the mean, where "
                    f"{TOLERANCE_OF_8_BITS:g} is allowed; the export is not used; please report this"
                )
    return difference


def take_detector_weights(model: Any, path: Path) -> None:
    """Give a new Keras detector, in float32, the weights of one that `export_detector` has written.

    They are those of the Keras model beside the ONNX file. Without one, as in the shipped model, they are the weights
    of 8 bits. A scale that was multiplied into a kernel is divided out again, so that the kernel is as large as a new
    one: Keras learns with steps of that size.

    Raises `ModelError` if the file is not of a network like this one, or the two then differ.
    """
    import keras

    beside = path.with_name(KERAS_NAME)
    if beside.is_file():
        _fill(model, path, [layer.get_weights() for layer in keras.models.load_model(beside).layers])
        return
    stored = _stored(path)
    fitting: list[list[NDArray[np.float32]]] = []
    scaled = {layer.input.name for layer in model.layers if _kind(layer) == "Scale"}
    scale = np.zeros(0, np.float32)
    for layer in model.layers:
        arrays: list[NDArray[np.float32]] = []
        if _kind(layer) == "Conv2D":
            arrays = [stored[name] for name in (f"{len(fitting)}_kernel", f"{len(fitting)}_bias") if name in stored]
            if layer.output.name in scaled and arrays:
                usual = np.sqrt(2 / np.prod(arrays[0].shape[:3]))
                scale = np.full(arrays[0].shape[-1:], arrays[0].std() / usual, np.float32)
                arrays = [array / scale for array in arrays]
        elif _kind(layer) == "Scale":
            arrays = [scale]
        fitting.append(arrays)
    _fill(model, path, fitting)


def _fill(model: Any, path: Path, arrays: list[list[NDArray[np.float32]]]) -> None:
    """Set the weights of each layer of a network. Raises `ModelError` where they do not fit."""
    expected = [[weight.shape for weight in layer.weights] for layer in model.layers]
    if [[array.shape for array in of_layer] for of_layer in arrays] != expected:
        raise ModelError(f"{path}: is a detector of another size than this recipe trains; train from the start")
    for layer, of_layer in zip(model.layers, arrays, strict=True):
        layer.set_weights(of_layer)


def _kind(layer: Any) -> str:
    return type(layer).__name__


def write_in_floats(model: Any, path: Path) -> None:
    """Write a detector as an ONNX graph in floats, with the channels first and each scale in the kernel before it."""
    from onnx import TensorProto, checker, helper, numpy_helper, save

    makers = {layer.output.name: index for index, layer in enumerate(model.layers)}
    nodes = [helper.make_node("Transpose", [_INPUT], ["0"], perm=[0, 3, 1, 2])]
    weights: Weights = {"twice": np.array([1, 1, 2, 2], np.float32)}
    for index, layer in enumerate(model.layers):
        given = layer.input if isinstance(layer.input, list) else [layer.input]
        before = [str(makers[maps.name]) for maps in given] if index else []
        match _kind(layer):
            case "InputLayer":
                pass
            case "Conv2D":
                kernel, bias = layer.get_weights()
                weights[f"{index}_kernel"] = np.ascontiguousarray(kernel.transpose(3, 2, 0, 1))
                weights[f"{index}_bias"] = bias
                inputs = [*before, f"{index}_kernel", f"{index}_bias"]
                active = layer.activation.__name__ == "relu"
                nodes.append(
                    helper.make_node(
                        "Conv",
                        inputs,
                        [f"{index}_linear" if active else str(index)],
                        name=f"convolution_{index}",
                        auto_pad="SAME_UPPER",
                        strides=list(layer.strides),
                    )
                )
                if active:
                    nodes.append(helper.make_node("Relu", [f"{index}_linear"], [str(index)], name=f"relu_{index}"))
            case "Scale":
                (scale,) = layer.get_weights()
                weights[f"{before[0]}_kernel"] *= scale[:, None, None, None]
                weights[f"{before[0]}_bias"] *= scale
                nodes[-1].output[0] = str(index)
            case "ReLU":
                nodes.append(helper.make_node("Relu", before, [str(index)], name=f"relu_{index}"))
            case "Add":
                nodes.append(helper.make_node("Add", before, [str(index)], name=f"add_{index}"))
            case "UpSampling2D":
                nodes.append(
                    helper.make_node(
                        "Resize",
                        [*before, "", "twice"],
                        [str(index)],
                        name=f"resize_{index}",
                        mode="nearest",
                        coordinate_transformation_mode="asymmetric",
                        nearest_mode="floor",
                    )
                )
            case kind:
                raise ModelError(f"a layer of the kind {kind}: is in no detector")
    nodes.append(helper.make_node("Transpose", [str(len(model.layers) - 1)], [_OUTPUT], perm=[0, 2, 3, 1]))
    graph = helper.make_graph(
        nodes,
        "detector",
        [helper.make_tensor_value_info(_INPUT, TensorProto.FLOAT, ["N", "H", "W", 1])],
        [helper.make_tensor_value_info(_OUTPUT, TensorProto.FLOAT, ["N", "h", "w", model.output.shape[-1]])],
        [numpy_helper.from_array(np.asarray(array, np.float32), name) for name, array in weights.items()],
    )
    written = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=9)
    checker.check_model(written)
    save(written, path)


def _quantise(plain: Path, target: Path, pages: NDArray[np.float32]) -> None:
    """Write a network in floats with weights of 7 bits, one scale for each map, and activations of 8.

    The first convolution has one input map, which is slow in 8 bits. The last gives distances and logits, which need
    finer steps. Both stay in floats.
    """
    import onnx
    from onnxruntime import quantization

    convolutions = [node.name for node in onnx.load(plain).graph.node if node.op_type == "Conv"]
    with silence_advice():
        quantization.quantize_static(
            plain,
            target,
            Batches([{_INPUT: page} for page in pages[:, None]]),
            quant_format=quantization.QuantFormat.QDQ,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
            per_channel=True,
            reduce_range=True,
            calibrate_method=quantization.CalibrationMethod.Percentile,
            extra_options={"CalibPercentile": _RANGE},
            op_types_to_quantize=["Conv", "Relu", "Add", "Resize"],
            nodes_to_exclude=[convolutions[0], convolutions[-1]],
        )


def _stored(path: Path) -> Weights:
    """Return the weights in a file of `export_detector` by name, as Keras has them, in floats."""
    import onnx

    stored = {values.name: onnx.numpy_helper.to_array(values) for values in onnx.load(path).graph.initializer}
    found: Weights = {name: array for name, array in stored.items() if array.dtype == np.float32 and array.ndim}
    for name in [name for name in stored if name.endswith("_quantized")]:
        plain = name.removesuffix("_quantized")
        steps = stored[f"{plain}_scale"] if f"{plain}_scale" in stored else stored[f"{name}_scale"]
        array = stored[name].astype(np.float32)
        found[plain] = array * np.reshape(steps, (-1, *[1] * (array.ndim - 1)))
    return {name: array.transpose(2, 3, 1, 0) if array.ndim == 4 else array for name, array in found.items()}


def _difference(model: Any, path: Path, pages: NDArray[np.float32]) -> float:
    expected = np.asarray(model(pages, training=False))
    difference = float(np.abs(_answers(path, pages) - expected).max() / max(1.0, np.abs(expected).max()))
    if not difference <= TOLERANCE:
        raise ModelError(
            f"{path}: differs by {difference:.2g} from the network it was made from, where {TOLERANCE:g} is allowed; "
            "the export is not used; please report this with the versions of keras, tensorflow and onnxruntime"
        )
    return difference


def _centres(path: Path, pages: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray((1 + np.tanh(_answers(path, pages)[..., CENTRE] / 2)) / 2, np.float32)


def _answers(path: Path, pages: NDArray[np.float32]) -> NDArray[np.float32]:
    import onnxruntime

    session = onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    return np.concatenate([session.run(None, {_INPUT: page})[0] for page in pages[:, None]])
