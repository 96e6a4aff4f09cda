"""The classifier: a trained network in ONNX Runtime, from glyphs to probabilities."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from inkread.errors import ModelError
from inkread.models.card import Card, load_card
from inkread.scores import given_a_digit, tempered

SHIPPED = Path(__file__).parent / "shipped"
"""The model folder inside the package: what reads when no model is named."""

NAMED = {"tiny": SHIPPED / "tiny"}
"""Models that are shipped beside it, by the name under which they are asked for."""

CLASSES = 10

NO_DIGIT = CLASSES
"""The eleventh class: what is no digit. A model may do without it."""

MODEL_NAME = "model.onnx"

FEATURES = "features"
"""Name of the second output of a network that can be taught: what goes into its last layer, (N, K)."""

_BATCH = 1024  # glyphs at a time, so that memory stays bounded however many there are


class Classifier:
    """A network that gives every glyph a probability for each of the ten digits, and for being none.

    model: None for the shipped model, "tiny" for the same in 8-bit integers, a model folder, an `.onnx` file, or a
        `.keras` or `.h5` file of Keras (these two need the extra 'train').
    threads: how many cores one call may use, at least 1.

    Raises `ModelError` for a model that is missing, damaged or of other shapes than (N, 28, 28, 1) or (N, 28, 28)
    to (N, 10) or (N, 11).
    """

    def __init__(self, model: str | os.PathLike[str] | None = None, *, threads: int = 1) -> None:
        if threads < 1:
            raise ValueError(f"threads must be at least 1, not {threads}")
        path = SHIPPED if model is None else _path(model)
        self.card: Card = load_card(path if path.is_dir() else path.parent) if _has_card(path) else Card()
        self._name = str(path)
        self._content = _onnx(path)
        self._session = _session(self._content, self._name, threads)
        self._input = self._session.get_inputs()[0]
        names = [output.name for output in self._session.get_outputs()]
        self._answer = next((name for name in names if name != FEATURES), names[0])
        self.has_features = FEATURES in names and len(names) > 1
        self._check()

    def classify(self, glyphs: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return probabilities, (N, 11) float32 with rows that sum to 1, for glyphs, (N, 28, 28) float32 in 0..1.

        The last is that of no digit, as the network gives it; 0 for a network without that class. What it leaves is
        shared by the ten digits, tempered as the card says. Raises `ValueError` for glyphs of another shape.
        """
        if glyphs.ndim != 3 or glyphs.shape[1:] != (28, 28):
            raise ValueError(f"glyphs must be (N, 28, 28), not {glyphs.shape}")
        batches = [self.outputs(glyphs[start : start + _BATCH]) for start in range(0, len(glyphs), _BATCH)]
        if not batches:
            return np.zeros((0, CLASSES + 1), np.float32)
        return self._probabilities(np.concatenate(batches))

    def outputs(self, glyphs: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return what the network gives for glyphs, (N, 28, 28): (N, 10 or 11) probabilities or logits."""
        return self._run(glyphs, self._answer)[0]

    def classify_with_features(self, glyphs: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return what `classify` gives for glyphs, (N, 28, 28), N at least 1, and their features, (N, K) float32.

        All glyphs are taken at a time. Raises `ModelError` for a network without the output `features`.
        """
        if not self.has_features:
            raise ModelError(
                f"{self._name}: this network does not give its features, so it cannot be taught; take the shipped "
                "model, or one that inkread trained or exported"
            )
        outputs, features = self._run(glyphs, self._answer, FEATURES)
        return self._probabilities(outputs), features

    def _run(self, glyphs: NDArray[np.float32], *names: str) -> list[NDArray[np.float32]]:
        """Return outputs of the network by their names."""
        shaped = np.ascontiguousarray(glyphs, np.float32)
        if len(self._input.shape) == 4:
            shaped = shaped[..., None]
        outputs: list[NDArray[np.float32]] = self._session.run(names, {self._input.name: shaped})
        return outputs

    @property
    def sha256(self) -> str:
        """The SHA-256 of the network as ONNX, in hexadecimal; takes a millisecond."""
        import hashlib

        return hashlib.sha256(self._content).hexdigest()

    @property
    def input_name(self) -> str:
        """The name of the network's input."""
        return str(self._input.name)

    def _probabilities(self, outputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the outputs as calibrated probabilities, whether the network ends in a softmax or before it."""
        if outputs.min() < 0 or not np.allclose(outputs.sum(axis=1), 1, atol=1e-3):
            powers = np.exp(outputs - outputs.max(axis=1, keepdims=True))
            outputs = powers / powers.sum(axis=1, keepdims=True)
        digits = tempered(given_a_digit(outputs), self.card.temperature)
        none = np.clip(outputs[:, CLASSES:], 0, 1) if outputs.shape[1] > CLASSES else np.zeros_like(outputs[:, :1])
        return np.asarray(np.hstack([digits * (1 - none), none]), np.float32)

    def _check(self) -> None:
        """Run the network once on two empty glyphs, so that a wrong model fails here and not at the first picture."""
        try:
            outputs = self.outputs(np.zeros((2, 28, 28), np.float32))
        except Exception as error:  # noqa: BLE001 - ONNX Runtime raises a class of its own for every cause
            reason = str(error).splitlines()[0]
            raise ModelError(f"{self._name}: takes other input than (N, 28, 28, 1) glyphs ({reason})") from None
        if outputs.shape not in ((2, CLASSES), (2, CLASSES + 1)):
            raise ModelError(
                f"{self._name}: gives {outputs.shape[1:]} outputs a glyph where inkread needs {CLASSES}, one a digit, "
                f"or {CLASSES + 1}, with one for no digit"
            )


def _path(model: str | os.PathLike[str]) -> Path:
    """Return where a model lies; a file or folder of the user's goes before a name of ours."""
    path = Path(model)
    return path if path.exists() else NAMED.get(os.fspath(model), path)


def _has_card(path: Path) -> bool:
    """Tell whether a card belongs to the model: a folder's own, or that of the folder a `model.*` file lies in."""
    return path.is_dir() or (path.is_file() and path.stem == Path(MODEL_NAME).stem)


def _onnx(path: Path) -> bytes:
    """Return the network as ONNX, whatever the file."""
    if path.is_dir():
        path = path / MODEL_NAME
    if path.suffix.lower() in {".keras", ".h5"}:
        from inkread.training.exporting import onnx_of_keras_file

        return onnx_of_keras_file(path)
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise ModelError(
            f"{path}: no such model; name a folder, an .onnx, .keras or .h5 file, or train one: inkread train"
        ) from None
    except OSError as error:
        raise ModelError(f"{path}: the model cannot be read ({error.strerror})") from None


def _session(model: bytes, name: str, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # noqa: BLE001 - see Classifier._check
        reason = str(error).splitlines()[0]
        raise ModelError(f"{name}: not an ONNX model that ONNX Runtime can load ({reason})") from None
