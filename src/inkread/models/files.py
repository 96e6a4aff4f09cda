"""Model files: their names, their largest sizes, and which file of a folder is used for reading."""

from __future__ import annotations

import os
from pathlib import Path

from inkread.errors import ModelError

MODEL_NAME = "model.onnx"
KERAS_NAME = "model.keras"
DETECTOR_NAME = "detector"
KERAS_SUFFIXES = frozenset({".keras", ".h5", ".hdf5"})
LITERT_SUFFIX = ".tflite"

LARGEST_FILE = 256 << 20
"""Bytes of a model file: the tutorial's takes 13 MB, or 39 MB with the state of its optimiser."""

LARGEST_CONTENT = 512 << 20
"""Bytes that the weights in a compressed file may take."""

ANOTHER = "export it again as one file of plain layers, or name another model"
"""The advice for a network that does not run."""

WHOLE = "check that the file is complete, or export it again"
"""The advice for a file that is not a model."""


def model_file(path: Path) -> Path:
    """Return the model file: the path itself, or the `model.onnx` of a folder, or else its `model.keras`."""
    if not path.is_dir():
        return path
    names = (MODEL_NAME, KERAS_NAME)
    return next((path / name for name in names if (path / name).is_file()), path / MODEL_NAME)


def check_size(path: Path) -> None:
    """Raise `ModelError` for a path that is missing, not a file, or larger than `LARGEST_FILE`."""
    try:
        size = path.stat().st_size
    except OSError as error:
        if not isinstance(error, FileNotFoundError):
            raise ModelError(f"{path}: the model cannot be read ({error.strerror})") from None
        raise ModelError(
            f"{path}: no such model; name a folder, an .onnx, .keras, .h5 or .tflite file, or train one: inkread train"
        ) from None
    if not path.is_file():
        raise ModelError(f"{path}: is not a file; name a model folder or a model file")
    if not size:
        raise ModelError(f"{path}: is empty; {WHOLE}")
    if size > LARGEST_FILE:
        raise ModelError(
            f"{path}: has {size:,} bytes; a model may have at most {LARGEST_FILE:,}; save it with fewer weights"
        )
    if not os.access(path, os.R_OK):
        raise ModelError(f"{path}: the model cannot be read (no permission)")
