"""Looking at an ONNX file before ONNX Runtime does: it must be a network that lies in the file itself.

ONNX allows weights in other files of the machine, loops that never end, functions and operators from elsewhere. A
network that reads digits needs none of them. The file is walked as protobuf's wire format, by the field numbers of
`onnx.proto`, since a base install has no package `onnx`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from inkread.errors import ModelError

DOMAINS = frozenset({b"", b"ai.onnx", b"ai.onnx.ml", b"com.microsoft"})
"""Whose operators a network may use; the last are those of ONNX Runtime's own quantisation."""

WHOLE = "check that the file is whole, or export it anew"
"""The way out of a file that is no model at all."""

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_MESSAGES = {  # the fields of each message that are looked into, and what they hold
    "model": {7: "graph", 20: "training", 25: "function"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "nested graph", 10: "tensor", 11: "nested graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
}
_REFUSED = {
    "function": "brings functions of its own",
    "training": "brings a training loop",
    "nested graph": "has loops or branches",
}
_NODE_DOMAIN = 7
_TENSOR_EXTERNAL, _TENSOR_LOCATION = 13, 14


def check_onnx(content: bytes, path: Path) -> None:
    """Raise `ModelError` for a file that is more than a network whose weights lie in it, or no ONNX at all."""
    try:
        reason = _refused(memoryview(content), "model")
    except (IndexError, ValueError):
        cause = "it is damaged or cut short"
        raise ModelError(f"{path}: not an ONNX model that ONNX Runtime can load ({cause}); {WHOLE}") from None
    if reason:
        raise ModelError(f"{path}: {reason}, which inkread does not run; export it anew as one file of plain layers")


def _refused(message: memoryview, kind: str) -> str:
    """Return why a message is refused, or nothing."""
    for field, value in _fields(message):
        if kind == "tensor" and (field == _TENSOR_EXTERNAL or (field == _TENSOR_LOCATION and value != 0)):
            return "keeps weights in other files"
        if isinstance(value, int):
            continue
        if kind == "node" and field == _NODE_DOMAIN and bytes(value) not in DOMAINS:
            return f"uses operators of {bytes(value)[:50].decode(errors='replace')!r}"
        inner = _MESSAGES.get(kind, {}).get(field, "")
        if reason := _REFUSED.get(inner) or (_refused(value, inner) if inner else ""):
            return reason
    return ""


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Yield number and value of each field: a number, or the bytes of a text or of another message."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        key &= 0xFFFF_FFFF  # as protobuf's own readers cut it off, or a field could hide behind the bits above
        if not key >> 3:
            raise ValueError("no field has the number 0")
        wire = key & 7
        if wire == _VARINT:
            value, at = _varint(message, at)
            yield key >> 3, value
        elif wire == _BYTES:
            length, at = _varint(message, at)
            if at + length > len(message):
                raise ValueError("cut short")
            yield key >> 3, message[at : at + length]
            at += length
        elif wire in (_FIXED32, _FIXED64):
            at += 4 if wire == _FIXED32 else 8
        else:
            raise ValueError("no such wire type")


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    """Return a number of 7 bits a byte, and where it ends."""
    value = 0
    for place in range(10):
        byte = message[at + place]
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return value, at + place + 1
    raise ValueError("a number without an end")
