"""LiteRT, formerly TensorFlow Lite: `.tflite` files behind the interface of an ONNX Runtime session."""

from __future__ import annotations

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
"""Seconds that an untrusted file may take to open and to classify two glyphs; importing TensorFlow may take ten."""

TRIAL_MEMORY = 8 << 30
"""Bytes of address space, not of memory in use: TensorFlow alone takes 3 GiB of it."""

# BuiltinOperator.CUSTOM of the format: an operator whose code the program brings, such as TensorFlow's.
_CUSTOM = 32


class LiteRtSession:
    """A `.tflite` network with the methods of `onnxruntime.InferenceSession` that the classifier calls.

    An untrusted file is first run on two glyphs in a separate process, with bounded memory and time. LiteRT checks only
    the format of a file, and a malformed network can crash the process that opens it.

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
    """Run a file on two empty glyphs; the separate process calls this."""
    interpreter = open_interpreter(_packages(path)[0], path.read_bytes())
    interpreter.allocate_tensors()
    entry = interpreter.get_input_details()[0]
    if entry["shape_signature"][0] < 0:
        interpreter.resize_tensor_input(entry["index"], (2, *entry["shape"][1:]))
        interpreter.allocate_tensors()
        entry = interpreter.get_input_details()[0]
    interpreter.set_tensor(entry["index"], np.zeros(entry["shape"], entry["dtype"]))
    interpreter.invoke()


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
    except Exception as error:  # noqa: BLE001 - flatbuffers raises errors of any class for a damaged file
        raise ModelError(f"{path}: not a LiteRT file ({type(error).__name__}); check that it is complete") from None
    if custom or named:
        raise ModelError(f"{path}: uses operators that are not LiteRT's own, which inkread does not run; {ANOTHER}")
    if elsewhere:
        raise ModelError(f"{path}: keeps weights in other files, which inkread does not run; export it as one file")


def _try_apart(path: Path) -> None:
    """Run a file in a separate process, and raise `ModelError` if that fails."""
    words = [sys.executable, "-m", "inkread.models.litert", os.fspath(path.resolve())]
    try:
        done = subprocess.run(words, capture_output=True, timeout=TRIAL_SECONDS, check=False)  # noqa: S603 - our own
    except subprocess.TimeoutExpired:
        reason = f"took more than {TRIAL_SECONDS} s for two glyphs"
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
