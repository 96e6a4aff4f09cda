"""Tidying: what a converter leaves in an ONNX network that takes time and computes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

_TO_CHANNELS_LAST = [0, 2, 3, 1]


def tidy_onnx(source: Path, target: Path) -> None:
    """Write an ONNX network anew without the turns and the arithmetic on shapes between its maps and a dense layer.

    Keras flattens maps with the channel last, ONNX computes them with the channel first. Turning the dense layer's
    weights once spares turning every glyph's maps. A network without such a place is written as it is.
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
    """Return the name of a network's first convolution in a list; an empty one for a network that has none."""
    import onnx

    return [node.name for node in onnx.load(path).graph.node if node.op_type == "Conv"][:1]


def _shape(value: Any) -> tuple[int, ...]:
    """Return the dimensions of a value of the graph, 0 where they are free."""
    return tuple(dimension.dim_value for dimension in value.type.tensor_type.shape.dim)


def _turns_channels_last(node: Any) -> bool:
    """Tell whether a node turns (N, maps, height, width) to (N, height, width, maps)."""
    return node.op_type == "Transpose" and any(list(entry.ints) == _TO_CHANNELS_LAST for entry in node.attribute)


def _drop_unused(graph: Any) -> None:
    """Take away nodes and weights whose outcome nothing uses any more."""
    used = {value.name for value in graph.output}
    for node in reversed(list(graph.node)):  # nodes stand in the order of their work
        if used.isdisjoint(node.output):
            graph.node.remove(node)
        else:
            used.update(node.input)
    for values in [values for values in graph.initializer if values.name not in used]:
        graph.initializer.remove(values)
