"""The graph in an ONNX file: reading its nodes and exposing inner tensors, without the package `onnx`.

ONNX Runtime returns only what a file declares as an output. An ONNX file is one protobuf message, and protobuf merges
a message field that occurs twice, adding up its repeated parts ("Last One Wins" in its encoding guide). So a second
piece of graph that holds only outputs can be appended to the file. The numbers of the fields are those
of onnx.proto (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from inkread.models.protobuf import field, fields, packed_numbers

_MODEL_GRAPH = 7  # ModelProto.graph
_GRAPH_NODE, _GRAPH_OUTPUT = 1, 12
_NODE_INPUT, _NODE_OUTPUT, _NODE_TYPE, _NODE_ATTRIBUTE = 1, 2, 4, 5
_ATTRIBUTE_NAME, _ATTRIBUTE_INTS = 1, 8
_VALUE_NAME = 1


@dataclass(frozen=True, slots=True)
class Node:
    """A node of a graph: its operator, the names of its inputs and outputs, and its integer attributes."""

    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    sizes: dict[str, tuple[int, ...]]


def nodes_of(model: bytes) -> list[Node]:
    """Return the nodes of an ONNX model's graph, in the order in which they run.

    Raises `ValueError` for bytes that are not a protobuf message.
    """
    return [
        _node(node)
        for graph in _pieces(memoryview(model), _MODEL_GRAPH)
        for node in _pieces(graph, _GRAPH_NODE)
    ]  # fmt: skip


def with_outputs(model: bytes, names: Iterable[str]) -> bytes:
    """Return an ONNX model with these tensors as further outputs, in this order.

    Their types are omitted; ONNX Runtime infers them. Each name must be a tensor of the graph that is not an output
    yet; otherwise ONNX Runtime refuses the model.
    """
    outputs = (field(_GRAPH_OUTPUT, field(_VALUE_NAME, name.encode())) for name in names)
    return model + field(_MODEL_GRAPH, b"".join(outputs))


def _node(content: memoryview) -> Node:
    inputs, outputs, kind, sizes = [], [], "", {}
    for number, value in fields(content):
        if not isinstance(value, memoryview):
            continue
        if number == _NODE_INPUT:
            inputs.append(_text(value))
        elif number == _NODE_OUTPUT:
            outputs.append(_text(value))
        elif number == _NODE_TYPE:
            kind = _text(value)
        elif number == _NODE_ATTRIBUTE:
            sizes.update(_attribute(value))
    return Node(kind, tuple(inputs), tuple(outputs), sizes)


def _attribute(content: memoryview) -> dict[str, tuple[int, ...]]:
    """Return an integer list attribute by its name; an empty dict for an attribute of another type."""
    name, numbers = "", []
    for number, value in fields(content):
        if number == _ATTRIBUTE_NAME and isinstance(value, memoryview):
            name = _text(value)
        elif number == _ATTRIBUTE_INTS:
            # Older writers give the numbers one by one, newer ones packed.
            numbers += [value] if isinstance(value, int) else list(packed_numbers(value))
    return {name: tuple(numbers)} if numbers else {}


def _pieces(content: memoryview, wanted: int) -> Iterator[memoryview]:
    """Yield every value of one field that holds messages or text."""
    for number, value in fields(content):
        if number == wanted and isinstance(value, memoryview):
            yield value


def _text(content: memoryview) -> str:
    return bytes(content).decode("utf-8")
