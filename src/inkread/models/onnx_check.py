"""Checking an ONNX file before ONNX Runtime loads it: it must be a network with all its weights in the file.

ONNX allows weights in other files, endless loops, and functions and operators from other libraries. A network that
reads digits needs none of them. The check reads protobuf's wire format, by the field numbers of `onnx.proto`, because a
base install does not have the package `onnx`.
"""

from __future__ import annotations

from pathlib import Path

from inkread.errors import ModelError
from inkread.models.files import WHOLE
from inkread.models.protobuf import fields

DOMAINS = frozenset({b"", b"ai.onnx", b"ai.onnx.ml", b"com.microsoft"})
"""The domains of the operators that a network may use; ONNX Runtime's quantisation uses the last one."""

# The fields of each message that are checked, by number, and what they hold.
_MESSAGES = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "nested graph", 10: "tensor", 11: "nested graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
}
_REFUSED = {
    "function": "defines its own functions",
    "training": "has a training loop",
    "nested graph": "has loops or branches",
}
_NODE_DOMAIN = 7
_TENSOR_EXTERNAL, _TENSOR_LOCATION = 13, 14


def check_onnx(content: bytes, path: Path) -> None:
    """Raise `ModelError` for a file that is not ONNX, or that is more than a network with its weights."""
    try:
        reason = _refused(memoryview(content), "model")
    except ValueError:
        cause = "it is damaged or cut short"
        raise ModelError(f"{path}: not an ONNX model that ONNX Runtime can load ({cause}); {WHOLE}") from None
    if reason:
        raise ModelError(f"{path}: {reason}, which inkread does not run; export it again as one file of plain layers")


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
