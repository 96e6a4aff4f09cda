"""The graph in an ONNX file: reading its nodes and exposing inner tensors, without the package `onnx`.

An ONNX file is one message in protobuf's wire format (https://protobuf.dev/programming-guides/encoding). It is read as
far as needed, strictly and without the package `protobuf`: truncated messages, numbers of more than 64 bits, the field
number 0 and unused wire types are refused. The numbers of the fields are those of onnx.proto
(https://github.com/onnx/onnx/blob/main/onnx/onnx.proto).

ONNX Runtime returns only what a file declares as an output. Protobuf merges a message field that occurs twice, adding
up its repeated parts ("Last One Wins" in its encoding guide). So a second piece of graph that holds only outputs can be
appended to the file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

# The numbers of fields in ModelProto, GraphProto and NodeProto.
_MODEL_GRAPH = 7
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


# The wire types.
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


def fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Yield the number and the value of each field. A value is a number, or the bytes of a text or message.

    Raises `ValueError` for bytes that are not a message.
    """
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        # Protobuf's readers ignore the bits above, so a field could hide behind them.
        key &= 0xFFFF_FFFF
        if not key >> 3:
            raise ValueError("a protobuf message has no field with the number 0")
        wire = key & 7
        if wire == _VARINT:
            value, at = _varint(message, at)
            yield key >> 3, value
            continue
        if wire == _BYTES:
            length, at = _varint(message, at)
        elif wire in (_FIXED64, _FIXED32):
            length = 8 if wire == _FIXED64 else 4
        else:
            raise ValueError(f"a protobuf message has no field of wire type {wire}")
        if at + length > len(message):
            raise ValueError("a protobuf message ends in the middle of a field")
        content = message[at : at + length]
        yield key >> 3, content if wire == _BYTES else int.from_bytes(content, "little")
        at += length


def packed_numbers(content: memoryview) -> Iterator[int]:
    """Yield the numbers of a packed field."""
    at = 0
    while at < len(content):
        number, at = _varint(content, at)
        yield number


def field(number: int, content: bytes) -> bytes:
    """Return a field that holds bytes."""
    return _encode(number << 3 | _BYTES) + _encode(len(content)) + content


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    """Return the number that begins at `at`, seven bits per byte, and the position after it."""
    number = 0
    for shift in range(0, 70, 7):
        if at >= len(message):
            raise ValueError("a protobuf message ends in the middle of a number")
        byte = message[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, at
    raise ValueError("a number in a protobuf message has more than 64 bits")


def _encode(number: int) -> bytes:
    encoded = bytearray()
    while number >= 0x80:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)
