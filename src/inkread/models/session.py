"""Sessions: opening a network in ONNX Runtime. Untrusted files are checked and run once with bounded memory."""

from __future__ import annotations

import re
import threading
from functools import cache, partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import onnxruntime

from inkread.errors import ModelError
from inkread.models.files import ANOTHER, WHOLE, check_size
from inkread.models.onnx_graph import fields

LARGEST_RUN = 1 << 30
"""Bytes of memory that all untrusted networks of this process may use at a time."""

LONGEST_RUN = 20.0
"""Seconds that one run of an untrusted network may take: 64 glyphs, or a view of a page. The shipped ones take one."""

# Runs of untrusted networks at a time. A detector takes up to 430 MB for a view.
_TOGETHER = threading.BoundedSemaphore(2)

LARGEST_BATCH = 1024
"""Glyphs that a network with a fixed batch may take at a time."""

GLYPH_SHAPES = ((28, 28, 1), (28, 28), (784,), (1, 28, 28))
"""The shapes in which a network may take one glyph; the last is PyTorch's order."""

GIVEN = "(N, 28, 28, 1), (N, 28, 28) or (N, 784)"

DOMAINS = frozenset({b"", b"ai.onnx", b"ai.onnx.ml", b"com.microsoft"})
"""The domains of the operators that a network may use; ONNX Runtime's quantisation uses the last one."""

# The fields of each protobuf message that are checked, by their numbers in `onnx.proto`, and what they hold.
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


class Session(Protocol):
    """What runs a network: ONNX Runtime's `InferenceSession` or `inkread.models.litert.LiteRtSession`."""

    def get_inputs(self) -> list[Any]:
        """Return the inputs, each with `name`, `shape` and `type`."""

    def get_outputs(self) -> list[Any]:
        """Return the outputs, each with `name`, `shape` and `type`."""

    def run(self, output_names: list[str] | None, input_feed: dict[str, Any]) -> list[Any]:
        """Return the outputs for the inputs."""


def open_onnx(path: Path, *, trusted: bool = False) -> tuple[Session, bytes]:
    """Return a session with the network in an ONNX file, and the content of the file.

    trusted: True skips the checks; only for the models that inkread ships.

    Raises `ModelError` for a file that is missing, damaged, too large, or holds more than a network.
    """
    check_size(path)
    content = path.read_bytes()
    if not trusted:
        check_onnx(content, path)
        _try_run(content, path)
    return onnx_session(content, path, trusted=trusted), content


def check_onnx(content: bytes, path: Path) -> None:
    """Raise `ModelError` for a file that is not ONNX, or that is more than a network with its weights.

    ONNX allows weights in other files, endless loops, and functions and operators from other libraries. A network that
    reads digits needs none of them. The check reads protobuf's wire format, because a base install does not have the
    package `onnx`.
    """
    try:
        reason = _find_refusal(memoryview(content), "model")
    except ValueError:
        cause = "it is damaged or cut short"
        raise ModelError(f"{path}: not an ONNX model that ONNX Runtime can load ({cause}); {WHOLE}") from None
    if reason:
        raise ModelError(f"{path}: {reason}, which inkread does not run; export it again as one file of plain layers")


def _find_refusal(message: memoryview, kind: str) -> str:
    """Return why a message is refused, or nothing."""
    for number, value in fields(message):
        if kind == "tensor" and (number == _TENSOR_EXTERNAL or (number == _TENSOR_LOCATION and value != 0)):
            return "keeps weights in other files"
        if isinstance(value, int):
            continue
        if kind == "node" and number == _NODE_DOMAIN and bytes(value) not in DOMAINS:
            return f"uses operators of {bytes(value)[:50].decode(errors='replace')!r}"
        inner = _MESSAGES.get(kind, {}).get(number, "")
        if reason := _REFUSED.get(inner) or (_find_refusal(value, inner) if inner else ""):
            return reason
    return ""


def glyph_input(session: Session, path: Path | str) -> tuple[Any, tuple[int, ...]]:
    """Return the input of a session and its shape of one glyph, one of `GLYPH_SHAPES`.

    A free dimension is any value that is not a whole number. Raises `ModelError`, with the shapes, for a network that
    takes other input.
    """
    entries = session.get_inputs()
    if len(entries) == 1 and entries[0].type == "tensor(float)" and entries[0].shape:
        batch, *sides = entries[0].shape
        shape = fitting_shape(sides)
        if shape and (_is_open(batch) or 1 <= batch <= LARGEST_BATCH):
            return entries[0], shape
    taken = " and ".join(f"{shown_shape(entry.shape)} as {entry.type}" for entry in entries)
    raise ModelError(
        f"{path}: takes {taken}, but inkread gives {GIVEN} as tensor(float); export it again with such an input, or "
        "name another model"
    )


def fitting_shape(sides: list[Any]) -> tuple[int, ...] | None:
    """Return the first of `GLYPH_SHAPES` that fits, or None. A free dimension fits any size."""
    for shape in GLYPH_SHAPES:
        pairs = zip(sides, shape, strict=False)
        if len(sides) == len(shape) and all(_is_open(side) or side == wanted for side, wanted in pairs):
            return shape
    return None


def _is_open(side: object) -> bool:
    return not isinstance(side, int) or side < 0


def shown_shape(shape: list[Any]) -> str:
    """Return a shape as text, with ? for a free dimension and N for a free batch."""
    sides = ["N?"[bool(place)] if _is_open(side) else str(side) for place, side in enumerate(shape)]
    return f"({', '.join(sides)})"


def onnx_session(content: bytes, path: Path | str, *, trusted: bool = False) -> Session:
    """Return a session of ONNX Runtime with an ONNX model. Raises `ModelError`, naming `path`, if it fails.

    trusted: False bounds the memory and the time of every run, since a shape may depend on the picture. A run that
        exceeds them raises an exception.
    """
    options = onnxruntime.SessionOptions()
    options.inter_op_num_threads = 1
    return _session(content, path, options) if trusted else _BoundedSession(content, path, options)


class _BoundedSession:
    """A session with bounded memory and time."""

    def __init__(self, content: bytes, path: Path | str, options: onnxruntime.SessionOptions) -> None:
        _bound_memory()
        options.add_session_config_entry("session.use_env_allocators", "1")
        session = _session(content, path, options)
        self.get_inputs, self.get_outputs = session.get_inputs, session.get_outputs
        self._session: Any = session

    def run(self, output_names: list[str] | None, input_feed: dict[str, Any]) -> list[Any]:
        options = onnxruntime.RunOptions()
        # Otherwise memory that is free again stays divided as it was, and larger pages find no room in it.
        options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
        with _TOGETHER:
            # ONNX Runtime looks at the flag before every node.
            timer = threading.Timer(LONGEST_RUN, partial(setattr, options, "terminate", True))
            timer.start()
            try:
                outputs: list[Any] = self._session.run(output_names, input_feed, options)
            finally:
                timer.cancel()
        return outputs


def _session(content: bytes, path: Path | str, options: onnxruntime.SessionOptions) -> Session:
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    # ONNX is the only format that `check_onnx` can check.
    options.add_session_config_entry("session.load_model_format", "ONNX")
    try:
        session: Session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # noqa: BLE001 - ONNX Runtime raises a different class for every cause
        raise ModelError(f"{path}: not an ONNX model that ONNX Runtime can load ({cause_of(error)}); {WHOLE}") from None
    return session


def _try_run(content: bytes, path: Path) -> None:
    """Run an untrusted network once as it is: a file of a few bytes can ask for all memory."""
    options = onnxruntime.SessionOptions()
    # Optimising the graph would already run parts of it.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = _BoundedSession(content, path, options)
    entry, shape = glyph_input(session, path)
    batch = entry.shape[0] if isinstance(entry.shape[0], int) else 2
    try:
        session.run(None, {entry.name: np.zeros((batch, *shape), np.float32)})
    except Exception as error:  # noqa: BLE001 - see `_session`
        raise ModelError(f"{path}: cannot be run on {batch} empty glyphs ({cause_of(error)}); {ANOTHER}") from None


@cache
def _bound_memory() -> None:
    """Set up, once per process, the bounded memory that sessions with `session.use_env_allocators` share."""
    kind = onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR
    memory = onnxruntime.OrtMemoryInfo("Cpu", kind, 0, onnxruntime.OrtMemType.DEFAULT)
    # With kSameAsRequested the arena grows by what is asked for, and not in powers of two.
    as_asked = 1
    bounds = onnxruntime.OrtArenaCfg({"max_mem": LARGEST_RUN, "arena_extend_strategy": as_asked})
    onnxruntime.create_and_register_allocator(memory, bounds)


def cause_of(error: Exception) -> str:
    """Return the first line of an ONNX Runtime error, without its prefix."""
    if "terminate flag" in str(error):
        return f"it takes more than {LONGEST_RUN:g} seconds"
    if "bfc_arena" in str(error):
        return f"it asks for more than {LARGEST_RUN >> 20} MiB"
    return re.sub(r"^\[ONNXRuntimeError\] : \d+ : \w+ : ", "", str(error).splitlines()[0]).rstrip(".")
