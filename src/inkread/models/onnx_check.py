"""Looking at an ONNX file before ONNX Runtime does: it must be a network that lies in the file itself.

ONNX allows weights in other files of the machine, loops that never end, functions and operators from elsewhere. A
network that reads digits needs none of them. The file is walked as protobuf's wire format, by the field numbers of
`onnx.proto`, since a base install has no package `onnx`.
"""

from __future__ import annotations

from pathlib import Path

from inkread.errors import ModelError
from inkread.models.files import WHOLE
from inkread.models.protobuf import fields

DOMAINS = frozenset({b"", b"ai.onnx", b"ai.onnx.ml", b"com.microsoft"})
"""Whose operators a network may use; the last are those of ONNX Runtime's own quantisation."""

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
    except ValueError:
        cause = "it is damaged or cut short"
        raise ModelError(f"{path}: not an ONNX model that ONNX Runtime can load ({cause}); {WHOLE}") from None
    if reason:
        raise ModelError(f"{path}: {reason}, which inkread does not run; export it anew as one file of plain layers")


def _refused(message: memoryview, kind: str) -> str:
    """Return why a message is refused, or nothing."""
    for number, value in fields(message):
        if kind == "tensor" and (number == _TENSOR_EXTERNAL or (number == _TENSOR_LOCATION and value != 0)):
            return "keeps weights in other files"
        if isinstance(value, int):
            continue
        if kind == "node" and number == _NODE_DOMAIN and bytes(value) not in DOMAINS:
            return f"uses operators of {bytes(value)[:50].decode(errors='replace')!r}"
        inner = _MESSAGES.get(kind, {}).get(number, "")
        if reason := _REFUSED.get(inner) or (_refused(value, inner) if inner else ""):
            return reason
    return ""
