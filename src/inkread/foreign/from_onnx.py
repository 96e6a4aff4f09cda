"""From an ONNX network back to Keras layers that compute the same.

An ONNX file holds operations, not the layers they came from, so this does not work in general. It works for a plain
chain of convolutions, poolings and dense layers, which most digit networks are, including those that inkread trains.
The caller compares the outputs of both networks and refuses a rebuilt network that differs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inkread.errors import MissingExtra, ModelError
from inkread.foreign.network import KerasLayer, Network, UnfitLayer
from inkread.models.session import glyph_input, open_onnx

Shape = tuple[int, ...]

_ACTIVATIONS = {
    "Relu": "relu",
    "Selu": "selu",
    "Sigmoid": "sigmoid",
    "Softmax": "softmax",
    "Softplus": "softplus",
    "Softsign": "softsign",
    "Tanh": "tanh",
}
_IDLE = frozenset({"Identity", "Dropout", "Cast", "Shape"})
_TO_LAST, _TO_FIRST = [0, 2, 3, 1], [0, 3, 1, 2]


def network_of_onnx(path: Path) -> Network:
    """Return the network in an ONNX file as Keras layers.

    Raises `ModelError` if it is more than a plain chain of layers, and `MissingExtra` if the package `onnx` is not
    installed.
    """
    try:
        import onnx
    except ImportError:
        raise MissingExtra(f"{path}: from ONNX to Keras", "train") from None
    model = onnx.load_from_string(path.read_bytes())
    try:
        return _Chain(model, _shapes(model, path)).network()
    except (UnfitLayer, KeyError, IndexError, ValueError) as error:
        reason = str(error) if isinstance(error, UnfitLayer) else f"{type(error).__name__}: {error}"
        raise ModelError(
            f"{path}: its Keras layers cannot be rebuilt from ONNX ({reason}); convert the .keras or .h5 file or the "
            "model folder it was made from"
        ) from None


def _shapes(model: Any, path: Path) -> dict[str, Shape]:
    """Return the shape of every tensor for one glyph, by running the network with all tensors as outputs."""
    import onnx
    import onnxruntime

    session, _ = open_onnx(path)
    entry, shape = glyph_input(session, path)
    every = onnx.ModelProto()
    every.CopyFrom(model)
    known = {output.name for output in every.graph.output}
    names = [name for node in every.graph.node for name in node.output if name and name not in known]
    every.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    whole = onnxruntime.InferenceSession(every.SerializeToString(), options, providers=["CPUExecutionProvider"])
    batch = entry.shape[0] if isinstance(entry.shape[0], int) else 1
    given = whole.run(None, {entry.name: np.zeros((batch, *shape), np.float32)})
    shapes = {output.name: array.shape for output, array in zip(whole.get_outputs(), given, strict=True)}
    return {**shapes, entry.name: (batch, *shape)}


class _Chain:
    """A walk along the nodes from the glyph to the output.

    `_at` is the current tensor; `_first` tells whether it has the maps before height and width.
    """

    def __init__(self, model: Any, shapes: dict[str, Shape]) -> None:
        from onnx import numpy_helper

        self._graph, self._shapes = model.graph, shapes
        self._constants = {entry.name: numpy_helper.to_array(entry) for entry in self._graph.initializer}
        for node in self._graph.node:
            if node.op_type == "Constant":
                self._constants[node.output[0]] = numpy_helper.to_array(node.attribute[0].t)
        inputs = [entry for entry in self._graph.input if entry.name not in self._constants]
        self._at = inputs[0].name
        self._first = len(shapes[self._at]) == 4 and shapes[self._at][1] == 1
        # The number of maps, height and width of a tensor that was flattened with the maps first.
        self._flat_of: Shape | None = None
        self._layers: list[KerasLayer] = []
        self._steps: dict[str, Callable[[Any, dict[str, Any]], None]] = {
            "Conv": self._convolution,
            **dict.fromkeys(("MaxPool", "AveragePool"), self._pooling),
            "Transpose": self._transpose,
            **dict.fromkeys(("Reshape", "Flatten", "Squeeze", "Unsqueeze"), self._reshape),
            **dict.fromkeys(("MatMul", "Gemm"), self._dense),
            "Add": self._bias,
            "BatchNormalization": self._normalise,
            "GlobalAveragePool": self._average,
            "LeakyRelu": self._leaky,
        }

    def network(self) -> Network:
        """Return the layers of the whole walk."""
        shape = self._shapes[self._at][1:]
        glyph = (28, 28, 1) if len(shape) == 3 else shape
        for node in self._graph.node:
            if node.op_type != "Constant" and self._at in node.input:
                self._step(node)
        if self._at != self._graph.output[0].name:
            raise UnfitLayer("the layers are not a chain")
        return Network(glyph, "glyph", tuple(self._layers))

    def _step(self, node: Any) -> None:
        """Add the layer of a node, if it has one, and move to the node's output."""
        # A Shape node gives only the size for flattening and is not part of the chain.
        if node.op_type == "Shape":
            return
        if node.op_type in _ACTIVATIONS:
            self._add("Activation", {"activation": _ACTIVATIONS[node.op_type]})
        elif node.op_type not in _IDLE:
            if node.op_type not in self._steps or node.domain not in ("", "ai.onnx"):
                raise UnfitLayer(f"there is no layer for {node.op_type[:50]!r}")
            self._steps[node.op_type](node, _attributes(node))
        self._at = node.output[0]

    def _add(self, kind: str, settings: dict[str, Any] | None = None, weights: Sequence[NDArray[Any]] = ()) -> None:
        takes = self._layers[-1].name if self._layers else "glyph"
        arrays = [np.ascontiguousarray(array, np.float32) for array in weights]
        self._layers.append(KerasLayer(f"{kind.lower()}_{len(self._layers)}", kind, settings or {}, arrays, (takes,)))

    def _convolution(self, node: Any, has: dict[str, Any]) -> None:
        kernel, bias = self._constants[node.input[1]], [self._constants[name] for name in node.input[2:3]]
        settings = {
            "filters": kernel.shape[0],
            "kernel_size": list(kernel.shape[2:]),
            "strides": has.get("strides", [1, 1]),
            "dilation_rate": has.get("dilations", [1, 1]),
            "groups": has.get("group", 1),
            "use_bias": bool(bias),
            "padding": self._padding(node, has, list(kernel.shape[2:])),
        }
        self._add("Conv2D", settings, [kernel.transpose(2, 3, 1, 0), *bias])

    def _pooling(self, node: Any, has: dict[str, Any]) -> None:
        kind = "MaxPooling2D" if node.op_type == "MaxPool" else "AveragePooling2D"
        window = has["kernel_shape"]
        before = len(self._layers)
        padding = self._padding(node, has, window)
        if len(self._layers) != before or has.get("ceil_mode") or (has.get("count_include_pad") and padding == "same"):
            raise UnfitLayer("a pooling has padding that Keras does not support")
        self._add(kind, {"pool_size": window, "strides": has.get("strides", [1, 1]), "padding": padding})

    def _padding(self, node: Any, has: dict[str, Any], window: list[int]) -> str:
        """Return Keras's name for the padding. Padding without a name becomes a layer of its own."""
        named = {"SAME_UPPER": "same", "VALID": "valid"}.get(has.get("auto_pad", b"NOTSET").decode())
        pads = has.get("pads", [0, 0, 0, 0])
        if named or not any(pads):
            return named or "valid"
        sides, dilations = self._shapes[node.input[0]][2:], has.get("dilations", [1, 1])
        strides = has.get("strides", [1, 1])
        missing = [
            max((-(-side // stride) - 1) * stride + (size - 1) * dilation + 1 - side, 0)
            for side, stride, size, dilation in zip(sides, strides, window, dilations, strict=True)
        ]
        if pads == [*(border // 2 for border in missing), *(border - border // 2 for border in missing)]:
            return "same"
        self._add("ZeroPadding2D", {"padding": [[pads[0], pads[2]], [pads[1], pads[3]]]})
        return "valid"

    def _transpose(self, _node: Any, has: dict[str, Any]) -> None:
        if has["perm"] != (_TO_LAST if self._first else _TO_FIRST):
            raise UnfitLayer("there is no layer for a transposition")
        self._first = not self._first

    def _reshape(self, node: Any, _has: dict[str, Any]) -> None:
        """Handle a change of shape: flattening, or moving the axis of a single map."""
        before, after = self._shapes[node.input[0]], self._shapes[node.output[0]]
        if len(after) == 2 < len(before):
            self._flat_of = before[1:] if len(before) == 4 and self._first else None
            self._add("Flatten")
        elif len(after) == 4 and 1 in (after[1], after[3]) and after[2] == 28:
            self._first = after[1] == 1
            if len(before) != 4:
                self._add("Reshape", {"target_shape": [28, 28, 1]})
        elif after != before:
            raise UnfitLayer(f"there is no layer for a change of shape from {before[1:]} to {after[1:]}")

    def _dense(self, node: Any, has: dict[str, Any]) -> None:
        kernel = self._constants[node.input[1]]
        if has.get("alpha", 1) != 1 or has.get("beta", 1) != 1 or has.get("transA"):
            raise UnfitLayer("a matrix product has a factor or a transposed input")
        kernel = kernel.T if has.get("transB") else kernel
        # Keras flattens with the maps last.
        if self._flat_of:
            maps, height, width = self._flat_of
            kernel = kernel.reshape(maps, height, width, -1).transpose(1, 2, 0, 3).reshape(kernel.shape)
            self._flat_of = None
        bias = [self._constants[name].ravel() for name in node.input[2:3]]
        self._add("Dense", {"units": kernel.shape[1], "use_bias": bool(bias)}, [kernel, *bias])

    def _bias(self, node: Any, _has: dict[str, Any]) -> None:
        """Add a sum with constants to the previous layer as its bias."""
        (name,) = [name for name in node.input if name != self._at]
        last, bias = self._layers[-1], self._constants[name].ravel()
        if last.settings.get("use_bias") is not False:
            raise UnfitLayer("there is no layer for a sum")
        self._layers[-1] = KerasLayer(
            last.name, last.kind, {**last.settings, "use_bias": True}, [*last.weights, bias], last.inputs
        )

    def _normalise(self, node: Any, has: dict[str, Any]) -> None:
        weights = [self._constants[name] for name in node.input[1:5]]
        self._add("BatchNormalization", {"epsilon": has.get("epsilon", 1e-5)}, weights)

    def _average(self, _node: Any, _has: dict[str, Any]) -> None:
        self._add("GlobalAveragePooling2D", {"keepdims": True})

    def _leaky(self, _node: Any, has: dict[str, Any]) -> None:
        self._add("LeakyReLU", {"negative_slope": has.get("alpha", 0.01)})


def _attributes(node: Any) -> dict[str, Any]:
    from onnx import helper

    return {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
