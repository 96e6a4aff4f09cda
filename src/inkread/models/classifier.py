"""The classifier: a trained network in ONNX Runtime, from glyphs to probabilities."""

from __future__ import annotations

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from inkread.errors import ModelError
from inkread.models.card import Card, load_card
from inkread.models.graph import Node, nodes_of, with_outputs
from inkread.scores import given_a_digit, tempered

SHIPPED = Path(__file__).parent / "shipped"
"""The model folder inside the package: what reads when no model is named."""

NAMED = {"tiny": SHIPPED / "tiny"}
"""Models that are shipped beside it, by the name under which they are asked for."""

CLASSES = 10

NO_DIGIT = CLASSES
"""The eleventh class: what is no digit. A model may do without it."""

MODEL_NAME = "model.onnx"

_BATCH = 64  # glyphs at a time: their maps fit into a core's cache


class Classifier:
    """A network that gives every glyph a probability for each of the ten digits, and for being none.

    model: None for the shipped model, "tiny" for the same in 8-bit integers, a model folder, an `.onnx` file, or a
        `.keras` or `.h5` file of Keras (these two need the extra 'train').
    threads: how many cores one call may use, at least 1. Each core takes batches of its own: sharing out every layer of
        a network as small as these would cost more than it gives.

    Raises `ModelError` for a model that is missing, damaged or of other shapes than (N, 28, 28, 1) or (N, 28, 28)
    to (N, 10) or (N, 11).
    """

    def __init__(self, model: str | os.PathLike[str] | None = None, *, threads: int = 1) -> None:
        if threads < 1:
            raise ValueError(f"threads must be at least 1, not {threads}")
        path = SHIPPED if model is None else _path(model)
        self.card: Card = load_card(path if path.is_dir() else path.parent) if _has_card(path) else Card()
        self._name = str(path)
        self._model, self._threads = _onnx(path), threads
        self._session = _session(self._model, self._name)
        self._input = self._session.get_inputs()[0]
        self._check()

    def classify(self, glyphs: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return probabilities, (N, 11) float32 with rows that sum to 1, for glyphs, (N, 28, 28) float32 in 0..1.

        The last is that of no digit, as the network gives it; 0 for a network without that class. What it leaves is
        shared by the ten digits, tempered as the card says. Raises `ValueError` for glyphs of another shape.
        """
        if glyphs.ndim != 3 or glyphs.shape[1:] != (28, 28):
            raise ValueError(f"glyphs must be (N, 28, 28), not {glyphs.shape}")
        if not len(glyphs):
            return np.zeros((0, CLASSES + 1), np.float32)
        batches = [glyphs[start : start + _BATCH] for start in range(0, len(glyphs), _BATCH)]
        if min(self._threads, len(batches)) == 1:
            return self._probabilities(np.concatenate([*map(self.outputs, batches)]))
        with ThreadPoolExecutor(self._threads) as pool:
            return self._probabilities(np.concatenate([*pool.map(self.outputs, batches)]))

    def outputs(self, glyphs: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return what the network gives for glyphs, (N, 28, 28): (N, 10 or 11) probabilities or logits."""
        outputs: NDArray[np.float32] = self._session.run(None, self._fed(glyphs))[0]
        return outputs

    def nodes(self) -> list[Node]:
        """Return the nodes of the network, in the order in which they run.

        Raises `ModelError` for a file that ONNX Runtime can read and we cannot.
        """
        try:
            return nodes_of(self._model)
        except ValueError as error:
            raise ModelError(f"{self._name}: its layers cannot be read from the file ({error})") from None

    def inner(self, names: Iterable[str], glyphs: NDArray[np.float32]) -> dict[str, NDArray[Any]]:
        """Return tensors inside the network by name, as it has them for glyphs, (N, 28, 28) float32 in 0..1.

        The network is opened once more for this. Raises `ModelError` for names that are no tensors of it.
        """
        names, own = list(dict.fromkeys(names)), {output.name for output in self._session.get_outputs()}
        opened = with_outputs(self._model, (name for name in names if name not in own))
        session = _session(opened, self._name)
        return dict(zip(names, session.run(names, self._fed(glyphs)), strict=True))

    def _fed(self, glyphs: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        shaped = np.ascontiguousarray(glyphs, np.float32)
        return {self._input.name: shaped[..., None] if len(self._input.shape) == 4 else shaped}

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


def _session(model: bytes, name: str) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # noqa: BLE001 - see Classifier._check
        reason = str(error).splitlines()[0]
        raise ModelError(f"{name}: not an ONNX model that ONNX Runtime can load ({reason})") from None
