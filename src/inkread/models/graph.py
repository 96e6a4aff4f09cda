"""The graph inside an ONNX file: its nodes read, and inner tensors made outputs, without the package `onnx`.

ONNX Runtime returns only what a file declares as an output. An ONNX file is one protobuf message, and protobuf merges
a message field that occurs twice, adding up its repeated parts ("Last One Wins" in its encoding guide). So a second
piece of graph, holding nothing but outputs, can be put behind the file as it is. The numbers of the fields are those
of onnx.proto (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_MODEL_GRAPH = 7  # ModelProto.graph
_GRAPH_NODE, _GRAPH_OUTPUT = 1, 12
_NODE_INPUT, _NODE_OUTPUT, _NODE_TYPE, _NODE_ATTRIBUTE = 1, 2, 4, 5
_ATTRIBUTE_NAME, _ATTRIBUTE_INTS = 1, 8
_VALUE_NAME = 1

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5  # wire types


@dataclass(frozen=True, slots=True)
class Node:
    """A node of a graph: what it does, the tensors it takes and gives by name, and its attributes of whole numbers."""

    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    sizes: dict[str, tuple[int, ...]]


def nodes_of(model: bytes) -> list[Node]:
    """Return the nodes of an ONNX model's graph, in the order in which they run.

    Raises `ValueError` for bytes that are no protobuf message.
    """
    return [
        _node(node)
        for graph in _pieces(memoryview(model), _MODEL_GRAPH)
        for node in _pieces(graph, _GRAPH_NODE)
    ]  # fmt: skip


def with_outputs(model: bytes, names: Iterable[str]) -> bytes:
    """Return an ONNX model that gives these tensors too, after its own outputs, in this order.

    Their types are left out; ONNX Runtime infers them. Names must be tensors of the graph that are no outputs yet:
    ONNX Runtime refuses the model otherwise.
    """
    outputs = (_field(_GRAPH_OUTPUT, _field(_VALUE_NAME, name.encode())) for name in names)
    return model + _field(_MODEL_GRAPH, b"".join(outputs))


def _node(content: memoryview) -> Node:
    inputs, outputs, kind, sizes = [], [], "", {}
    for field, value in _fields(content):
        if not isinstance(value, memoryview):
            continue
        if field == _NODE_INPUT:
            inputs.append(_text(value))
        elif field == _NODE_OUTPUT:
            outputs.append(_text(value))
        elif field == _NODE_TYPE:
            kind = _text(value)
        elif field == _NODE_ATTRIBUTE:
            sizes.update(_attribute(value))
    return Node(kind, tuple(inputs), tuple(outputs), sizes)


def _attribute(content: memoryview) -> dict[str, tuple[int, ...]]:
    """Return an attribute that is a row of whole numbers by its name, else nothing."""
    name, numbers = "", []
    for field, value in _fields(content):
        if field == _ATTRIBUTE_NAME and isinstance(value, memoryview):
            name = _text(value)
        elif field == _ATTRIBUTE_INTS:  # one by one, or packed, as newer writers do
            numbers += [value] if isinstance(value, int) else list(_packed(value))
    return {name: tuple(numbers)} if numbers else {}


def _pieces(content: memoryview, wanted: int) -> Iterator[memoryview]:
    """Yield every value of one field of a message that is a message, or text, itself."""
    for field, value in _fields(content):
        if field == wanted and isinstance(value, memoryview):
            yield value


def _fields(content: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Yield number and value of each field of a message (https://protobuf.dev/programming-guides/encoding)."""
    at = 0
    while at < len(content):
        tag, at = _varint(content, at)
        wire = tag & 7
        if wire == _VARINT:
            value, at = _varint(content, at)
            yield tag >> 3, value
            continue
        if wire == _BYTES:
            length, at = _varint(content, at)
        elif wire in (_FIXED64, _FIXED32):
            length = 8 if wire == _FIXED64 else 4
        else:
            raise ValueError(f"a protobuf message has no field of wire type {wire}")
        if at + length > len(content):
            raise ValueError("a protobuf message ends in the middle of a field")
        yield tag >> 3, content[at : at + length]
        at += length


def _packed(content: memoryview) -> Iterator[int]:
    at = 0
    while at < len(content):
        number, at = _varint(content, at)
        yield number


def _varint(content: memoryview, at: int) -> tuple[int, int]:
    """Return the number that begins at `at`, seven bits a byte, and where the next field begins."""
    number = 0
    for shift in range(0, 70, 7):
        if at >= len(content):
            raise ValueError("a protobuf message ends in the middle of a number")
        byte = content[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, at
    raise ValueError("a number in a protobuf message has more than 64 bits")


def _field(number: int, content: bytes) -> bytes:
    """Return a field that holds bytes."""
    return _encoded(number << 3 | _BYTES) + _encoded(len(content)) + content


def _encoded(number: int) -> bytes:
    encoded = bytearray()
    while number >= 0x80:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def _text(content: memoryview) -> str:
    return bytes(content).decode("utf-8")  # UnicodeDecodeError is a ValueError
