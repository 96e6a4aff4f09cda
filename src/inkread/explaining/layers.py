"""The output of every layer of a network for a glyph: feature maps, or rows of numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from inkread.models.classifier import Classifier
from inkread.models.onnx_graph import Node

_KINDS = {
    "Conv": "convolution",
    "MaxPool": "pooling",
    "AveragePool": "pooling",
    "GlobalMaxPool": "pooling",
    "GlobalAveragePool": "pooling",
    "Flatten": "flattening",
    "Reshape": "flattening",
    "Gemm": "dense",
    "MatMul": "dense",
    "Softmax": "softmax",
}

_PART_OF_A_LAYER = {
    *("Add", "BatchNormalization", "Cast", "Clip", "DequantizeLinear", "Dropout", "Elu", "Gelu", "HardSigmoid"),
    *("HardSwish", "Identity", "LeakyRelu", "Mul", "PRelu", "QuantizeLinear", "Relu", "Selu", "Sigmoid", "Softplus"),
    *("Sub", "Tanh"),
}
"""Nodes that belong to the layer before them: bias, normalisation, activation, quantisation."""

_UNREADABLE = {"QuantizeLinear"}
"""Nodes whose output is quantised to 8 bits and is not shown."""


@dataclass(frozen=True, slots=True)
class Layer:
    """The output of one layer for a glyph, after its activation.

    kind: "convolution", "pooling", "flattening", "dense" or "softmax".
    window: height and width of its kernel or window; empty if it has none.
    values: (maps, height, width) float32 for a convolution or pooling, (numbers,) for any other layer.
    """

    kind: str
    window: tuple[int, ...]
    values: NDArray[np.float32] = field(repr=False)

    @property
    def has_maps(self) -> bool:
        """Whether its output is feature maps."""
        return self.values.ndim == 3

    @property
    def order(self) -> NDArray[np.intp]:
        """The indices of the maps or numbers, the largest response first. A response is the mean of positive values."""
        response = np.maximum(self.values, 0).reshape(len(self.values), -1).mean(axis=1)
        return np.argsort(-response, kind="stable")

    @property
    def shape(self) -> str:
        """Its shape in words: "32 maps of 14 x 14", or "2,048 numbers"."""
        if not self.has_maps:
            return f"{len(self.values):,} numbers"
        maps, height, width = self.values.shape
        return f"{maps} maps of {height} x {width}"

    @property
    def name(self) -> str:
        """Its kind with its window: "convolution 5 x 5"."""
        return f"{self.kind} {' x '.join(map(str, self.window))}".strip()


def layers_of(classifier: Classifier, glyph: NDArray[np.float32]) -> tuple[Layer, ...]:
    """Return the output of each layer of a network for a glyph, (28, 28) float32 in 0..1, from first to last.

    A layer includes its activation. The result is empty if the model file has no layer that inkread knows. Raises
    `ModelError` if ONNX Runtime does not give access to the inner layers.
    """
    found = dict(_layers(classifier.nodes()))
    values = classifier.inner(found, glyph[None]) if found else {}
    return tuple(_to_layer(node, values[name][0]) for name, node in found.items() if _is_layer(node, values[name]))


def _layers(nodes: list[Node]) -> Iterator[tuple[str, Node]]:
    """Yield the output tensor of each layer, with the layer's first node."""
    users: dict[str, list[Node]] = {}
    for node in nodes:
        for name in node.inputs:
            users.setdefault(name, []).append(node)
    for node in nodes:
        if node.kind in _KINDS and node.outputs:
            yield _end_of_layer(node, users), node


def _end_of_layer(node: Node, users: dict[str, list[Node]]) -> str:
    """Follow bias, normalisation and activation to the last tensor of a layer."""
    end, at = node.outputs[0], node.outputs[0]
    while parts := [user for user in users.get(at, ()) if user.kind in _PART_OF_A_LAYER]:
        at = parts[0].outputs[0]
        if parts[0].kind not in _UNREADABLE:
            end = at
    return end


def _is_layer(node: Node, value: NDArray[np.float32]) -> bool:
    """Return whether a tensor is the output of a layer, and not a shape or a reshaped input."""
    if value.dtype != np.float32 or value.shape[:1] != (1,):
        return False
    return value.ndim == 2 or (value.ndim == 4 and node.kind != "Reshape")


def _to_layer(node: Node, value: NDArray[np.float32]) -> Layer:
    # Pooling over the whole map leaves one number per map.
    if value.shape[1:] == (1, 1):
        value = value[:, 0, 0]
    return Layer(_KINDS[node.kind], node.sizes.get("kernel_shape", ()), value)
