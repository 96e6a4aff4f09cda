"""Loading: from the name or file of a model to its classifier."""

from __future__ import annotations

import os
from pathlib import Path

from inkread.models.card import card_of
from inkread.models.classifier import Classifier
from inkread.models.files import KERAS_SUFFIXES, LITERT_SUFFIX, check_size, model_file
from inkread.models.session import Session, onnx_session, open_onnx

SHIPPED = Path(__file__).parent / "models" / "shipped"
"""The model folder inside the package, used if no model is named."""

NAMED = {"shipped": SHIPPED, "tiny": SHIPPED / "tiny"}
"""The shipped models by name."""


def load_classifier(model: str | os.PathLike[str] | None = None, *, threads: int = 1) -> Classifier:
    """Return the classifier of a model, with its card.

    model: None for the shipped model, "tiny" for the same in 8-bit integers, a model folder, an `.onnx` file, a
        `.keras` or `.h5` file (these two need the extra 'train'), or a `.tflite` file (the extra 'litert').
    threads: how many cores one call may use, at least 1.

    No code in a file is run. Raises `ModelError` for a model that is missing or damaged, that does not map
    (N, 28, 28, 1), (N, 28, 28) or (N, 784) to (N, 10) or (N, 11), or that holds more than a network. Raises
    `MissingExtra` if the packages for its format are not installed.
    """
    path = SHIPPED if model is None else model_path(model)
    card = card_of(path)
    session, content = _open(path, trusted=path.resolve().is_relative_to(SHIPPED.resolve()))
    return Classifier(session, card, content=content, name=str(path), threads=threads)


def model_path(model: str | os.PathLike[str]) -> Path:
    """Return the path of a model. A file or folder with the name of a shipped model takes precedence."""
    path = Path(model)
    return path if path.exists() else NAMED.get(os.fspath(model), path)


def _open(path: Path, *, trusted: bool) -> tuple[Session, bytes]:
    """Return a session with the model in a folder or file, and its ONNX, which is empty for a LiteRT model.

    trusted: True skips the checks of an ONNX file; only for the models that inkread ships.
    """
    path = model_file(path)
    check_size(path)
    if path.suffix.lower() == LITERT_SUFFIX:
        from inkread.models.litert import LiteRtSession

        return LiteRtSession(path), b""
    if path.suffix.lower() in KERAS_SUFFIXES:
        from inkread.foreign.opening import onnx_of_keras_file

        content = onnx_of_keras_file(path)
        return onnx_session(content, path), content
    return open_onnx(path, trusted=trusted)
