"""LiteRT, formerly TensorFlow Lite: `.tflite` files behind the interface of an ONNX Runtime session."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inkread.errors import MissingExtra, ModelError
from inkread.models.files import ANOTHER
from inkread.system import quiet_stderr

TRIAL_SECONDS = 60
"""Seconds that an untrusted file may take to open and to classify `TRIAL_GLYPHS`; importing TensorFlow may take ten."""

TRIAL_GLYPHS = 64
"""How many glyphs an untrusted file is tried on: as many as are classified at a time."""

TRIAL_MEMORY = 8 << 30
"""Bytes of address space, not of memory in use: TensorFlow alone takes 3 GiB of it."""

# BuiltinOperator.CUSTOM of the format: an operator whose code the program brings, such as TensorFlow's.
_CUSTOM = 32

LARGEST_TENSORS = 1 << 30
"""Bytes that all tensors of an untrusted file may take together, for `TRIAL_GLYPHS`."""

_MOST_OPERATORS = 10_000

# Operators whose output is larger or smaller depending on the numbers in their input.
_OF_ANY_SIZE = frozenset({"EMBEDDING_LOOKUP_SPARSE", "RANGE", "SKIP_GRAM", "UNIQUE", "WHERE"})


class LiteRtSession:
    """A `.tflite` network with the methods of `onnxruntime.InferenceSession` that the classifier calls.

    An untrusted file is first run on empty glyphs in a separate process, with bounded memory and time. LiteRT checks
    only the format of a file, and a malformed network can crash the process that opens it. No size in a network may
    depend on what is written, so that a picture takes no more memory and time than the empty glyphs did.

    Raises `ModelError` for a file that cannot be run, `MissingExtra` if no package that runs it is installed.
    """

    def __init__(self, path: Path, *, trusted: bool = False) -> None:
        interpreter, schema = _packages(path)
        content = path.read_bytes()
        _check(content, schema, path)
        if not trusted:
            _try_apart(path)
        # An interpreter can do one run at a time.
        self._lock = threading.Lock()
        # LiteRT logs which delegate it chose.
        with quiet_stderr():
            self._interpreter = open_interpreter(interpreter, content)
            self._interpreter.allocate_tensors()
        self._input = self._interpreter.get_input_details()[0]
        self._outputs = self._interpreter.get_output_details()

    def get_inputs(self) -> list[Any]:
        """Return the inputs, each with `name`, `shape` and `type`; -1 for a free dimension."""
        return [_describe(entry) for entry in self._interpreter.get_input_details()]

    def get_outputs(self) -> list[Any]:
        """Return the outputs, each with `name`, `shape` and `type`."""
        return [_describe(entry) for entry in self._outputs]

    def run(self, output_names: list[str] | None, input_feed: dict[str, Any]) -> list[NDArray[Any]]:
        """Return the named outputs, or all of them for None, for the one input."""
        (glyphs,) = input_feed.values()
        with self._lock:
            if tuple(self._interpreter.get_input_details()[0]["shape"]) != glyphs.shape:
                self._interpreter.resize_tensor_input(self._input["index"], glyphs.shape)
                self._interpreter.allocate_tensors()
            self._interpreter.set_tensor(self._input["index"], glyphs)
            self._interpreter.invoke()
            asked = [entry for entry in self._outputs if output_names is None or entry["name"] in output_names]
            return [self._interpreter.get_tensor(entry["index"]) for entry in asked]


def open_interpreter(interpreter: Callable[..., Any], content: bytes) -> Any:
    """Return LiteRT's interpreter for the bytes of a file."""
    # TensorFlow's interpreter warns that it is deprecated.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return interpreter(model_content=content, num_threads=1)


def try_file(path: Path) -> None:
    """Run a file on empty glyphs; the separate process calls this. Raises `ValueError` if it takes too much memory."""
    interpreter = open_interpreter(_packages(path)[0], path.read_bytes())
    interpreter.allocate_tensors()
    entry = interpreter.get_input_details()[0]
    if entry["shape_signature"][0] < 0:
        interpreter.resize_tensor_input(entry["index"], (TRIAL_GLYPHS, *entry["shape"][1:]))
        interpreter.allocate_tensors()
        entry = interpreter.get_input_details()[0]
    interpreter.set_tensor(entry["index"], np.zeros(entry["shape"], entry["dtype"]))
    interpreter.invoke()
    tensors = interpreter.get_tensor_details()
    if sum(math.prod(map(int, each["shape"])) * np.dtype(each["dtype"]).itemsize for each in tensors) > LARGEST_TENSORS:
        raise ValueError(f"its tensors take more than {LARGEST_TENSORS >> 20} MiB")


def _packages(path: Path) -> tuple[Callable[..., Any], Any]:
    """Return an interpreter and the format's schema, from LiteRT's package if installed, else from TensorFlow."""
    for interpreter, schema in (
        ("ai_edge_litert.interpreter", "ai_edge_litert.schema_py_generated"),
        ("tensorflow.lite.python.interpreter", "tensorflow.lite.python.schema_py_generated"),
    ):
        try:
            return import_module(interpreter).Interpreter, import_module(schema)
        except ImportError:
            continue
    raise MissingExtra(f"{path}: a LiteRT file", "litert")


def _describe(entry: dict[str, Any]) -> SimpleNamespace:
    shape = entry["shape_signature"] if len(entry["shape_signature"]) else entry["shape"]
    # ONNX Runtime calls float32 "float".
    name = np.dtype(entry["dtype"]).name.replace("float32", "float")
    return SimpleNamespace(name=entry["name"], shape=[int(side) for side in shape], type=f"tensor({name})")


def _check(content: bytes, schema: Any, path: Path) -> None:
    """Raise `ModelError` for a file that is not LiteRT, or that needs custom operators or data in other files."""
    if content[4:8] != b"TFL3":
        raise ModelError(f"{path}: not a LiteRT file; check that it is complete")
    try:
        model = schema.Model.GetRootAs(content, 0)
        codes = [model.OperatorCodes(index) for index in range(min(model.OperatorCodesLength(), 1000))]
        custom = [code for code in codes if _CUSTOM in (code.BuiltinCode(), code.DeprecatedBuiltinCode())]
        named = any(code.CustomCode() for code in codes)
        elsewhere = (
            getattr(model, "ExternalBuffersLength", int)() or getattr(model, "ExternalBufferGroupsLength", int)()
        )
        growing = not custom and _may_grow(model, schema)
    except Exception as error:  # noqa: BLE001 - flatbuffers raises errors of any class for a damaged file
        raise ModelError(f"{path}: not a LiteRT file ({type(error).__name__}); check that it is complete") from None
    if custom or named:
        raise ModelError(f"{path}: uses operators that are not LiteRT's own, which inkread does not run; {ANOTHER}")
    if elsewhere:
        raise ModelError(f"{path}: keeps weights in other files, which inkread does not run; export it as one file")
    if growing:
        raise ModelError(
            f"{path}: has sizes that depend on what is written, or loops, which inkread does not run; {ANOTHER}"
        )


def _may_grow(model: Any, schema: Any) -> bool:
    """Return whether memory or time may depend on the numbers that a network gets, and not only on their shape."""
    graph = model.Subgraphs(0)
    if model.SubgraphsLength() > 1 or graph.OperatorsLength() > _MOST_OPERATORS:
        return True
    names = {code: name for name, code in vars(schema.BuiltinOperator).items() if name.isupper()}
    sizes = {schema.TensorType.INT32, schema.TensorType.INT64}
    known = {at for at in range(graph.TensorsLength()) if model.Buffers(graph.Tensors(at).Buffer()).DataLength()}
    for at in range(graph.OperatorsLength()):
        operator = graph.Operators(at)
        code = model.OperatorCodes(operator.OpcodeIndex())
        kind = names.get(max(code.BuiltinCode(), code.DeprecatedBuiltinCode()), "")
        takes = [tensor for tensor in map(operator.Inputs, range(operator.InputsLength())) if tensor >= 0]
        unknown = [tensor for tensor in takes if tensor not in known]
        if kind in _OF_ANY_SIZE or any(graph.Tensors(tensor).Type() in sizes for tensor in unknown):
            return True
        if kind == "SHAPE" or not unknown:
            known.update(map(operator.Outputs, range(operator.OutputsLength())))
    return False


def _try_apart(path: Path) -> None:
    """Run a file in a separate process, and raise `ModelError` if that fails."""
    words = [sys.executable, "-m", "inkread.models.litert", os.fspath(path.resolve())]
    try:
        done = subprocess.run(words, capture_output=True, timeout=TRIAL_SECONDS, check=False)  # noqa: S603 - our own
    except subprocess.TimeoutExpired:
        reason = f"took more than {TRIAL_SECONDS} s for {TRIAL_GLYPHS} glyphs"
    else:
        if done.returncode == 0:
            return
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        reason = lines[-1][:200] if done.returncode == 1 and lines else "it ended the process that opened it"
    raise ModelError(f"{path}: LiteRT cannot run it on empty glyphs ({reason}); {ANOTHER}")


def _bound() -> None:
    """Bound the memory and the processor time of this process, where the system can."""
    try:
        import resource
    except ImportError:
        # Windows has no such limits.
        return
    resource.setrlimit(resource.RLIMIT_AS, (TRIAL_MEMORY, TRIAL_MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (TRIAL_SECONDS, TRIAL_SECONDS))


if __name__ == "__main__":
    _bound()
    try_file(Path(sys.argv[1]))
