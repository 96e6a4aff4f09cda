"""The classifier: a trained network in ONNX Runtime, from glyphs to probabilities."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from inkread.errors import ModelError
from inkread.glyphs import CLASSES
from inkread.models.card import Card
from inkread.models.files import ANOTHER
from inkread.models.onnx_graph import Node, nodes_of, with_outputs
from inkread.models.probabilities import as_probabilities, given_a_digit, pool_opinions, temper
from inkread.models.session import Session, cause_of, glyph_input, onnx_session

FEATURES = "features"
"""Name of the second output of a network that can be taught: the input of its last layer, (N, K)."""

# Glyphs per run. The feature maps of this many fit into a core's cache.
_BATCH = 64


class GlyphClassifier(Protocol):
    """Anything that classifies glyphs: a `Classifier` or a `TaughtClassifier`."""

    @property
    def card(self) -> Card:
        """The card, which says how outputs become confidences."""

    def classify(self, glyphs: NDArray[np.float32], detected: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
        """Return probabilities, (N, 11) float32 with rows that sum to 1, for glyphs, (N, 28, 28) float32 in 0..1.

        detected: the probabilities of the ten digits that the detector gives for the same places, (N, 10), if any.
        """


class Classifier:
    """A network that gives every glyph a probability for each of the ten digits and for the class non-digit.

    session: runs the network.
    card: says how outputs become confidences.
    content: the network as ONNX; empty for a LiteRT file.
    name: the name of the model, for messages.
    threads: how many cores one call may use, at least 1. Each core takes whole batches: networks this small do not gain
        from splitting a layer between cores.

    `inkread.loading.load_classifier` creates one from a model file. Raises `ModelError` unless the network maps
    (N, 28, 28, 1), (N, 28, 28) or (N, 784) to (N, 10) or (N, 11).
    """

    def __init__(
        self, session: Session, card: Card, *, content: bytes = b"", name: str = "the model", threads: int = 1
    ) -> None:
        if threads < 1:
            raise ValueError(f"threads must be at least 1, not {threads}")
        self.card = card
        self._name = name
        self._threads = threads
        self._session, self._content = session, content
        self._input, self._shape = glyph_input(self._session, self._name)
        names = [output.name for output in self._session.get_outputs()]
        self._answer = next((name for name in names if name != FEATURES), names[0])
        self.has_features = FEATURES in names and len(names) > 1
        self._check()

    def classify(self, glyphs: NDArray[np.float32], detected: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
        """Return probabilities, (N, 11) float32 with rows that sum to 1, for glyphs, (N, 28, 28) float32 in 0..1.

        detected: the probabilities of the ten digits that the detector gives for the same places, (N, 10), if any. They
            count with the weight on the card, `detector_share`.

        The last column is the non-digit probability, as the network gives it; 0 for a network without that class. The
        rest is divided among the ten digits, with the card's temperature applied.

        Raises `ValueError` for glyphs of another shape.
        """
        if glyphs.ndim != 3 or glyphs.shape[1:] != (28, 28):
            raise ValueError(f"glyphs must be (N, 28, 28), not {glyphs.shape}")
        if not len(glyphs):
            return np.zeros((0, CLASSES + 1), np.float32)
        batches = [glyphs[start : start + _BATCH] for start in range(0, len(glyphs), _BATCH)]
        if min(self._threads, len(batches)) == 1:
            return self._probabilities(np.concatenate([*map(self.outputs, batches)]), detected)
        with ThreadPoolExecutor(self._threads) as pool:
            return self._probabilities(np.concatenate([*pool.map(self.outputs, batches)]), detected)

    def outputs(self, glyphs: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the raw outputs for glyphs, (N, 28, 28): (N, 10 or 11) probabilities or logits."""
        return self._run(self._session, [self._answer], glyphs)[0]

    def classify_with_features(
        self, glyphs: NDArray[np.float32], detected: NDArray[np.float32] | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return what `classify` gives for glyphs, (N, 28, 28), N at least 1, and their features, (N, K) float32.

        All glyphs are run as one batch. Raises `ModelError` for a network without the output `features`.
        """
        if not self.has_features:
            raise ModelError(
                f"{self._name}: this network does not give its features, so it cannot be taught; use the shipped "
                "model, a model folder, or a file other than LiteRT"
            )
        outputs, features = self._run(self._session, [self._answer, FEATURES], glyphs)
        if not np.isfinite(features).all():
            raise ModelError(
                f"{self._name}: gives features that are not finite, so it cannot be taught; train it again"
            )
        return self._probabilities(outputs, detected), features

    def nodes(self) -> list[Node]:
        """Return the nodes of the network, in the order in which they run; an empty list for a LiteRT file.

        Raises `ModelError` for a file that only ONNX Runtime can read.
        """
        try:
            return nodes_of(self._content)
        except ValueError as error:
            raise ModelError(f"{self._name}: its layers cannot be read from the file ({error})") from None

    def inner(self, names: Iterable[str], glyphs: NDArray[np.float32]) -> dict[str, NDArray[Any]]:
        """Return the values of inner tensors by name, for glyphs, (N, 28, 28) float32 in 0..1.

        Opens the network a second time. Raises `ModelError` for a name that is not one of its tensors.
        """
        names, outputs = list(dict.fromkeys(names)), {output.name for output in self._session.get_outputs()}
        opened = with_outputs(self._content, (name for name in names if name not in outputs))
        return dict(zip(names, self._run(onnx_session(opened, self._name), names, glyphs), strict=True))

    def _run(self, session: Session, names: list[str], glyphs: NDArray[np.float32]) -> list[NDArray[Any]]:
        """Return outputs by name. For a network with a fixed batch size, the last batch is padded."""
        shaped = np.ascontiguousarray(glyphs, np.float32).reshape(-1, *self._shape)
        batch = self._input.shape[0]
        if not isinstance(batch, int) or batch < 1:
            return self._run_once(session, names, shaped)
        filled = np.concatenate([shaped, np.zeros((-len(shaped) % batch, *self._shape), np.float32)])
        parts = (filled[start : start + batch] for start in range(0, len(filled), batch))
        outputs = [self._run_once(session, names, part) for part in parts]
        return [np.concatenate(arrays)[: len(shaped)] for arrays in zip(*outputs, strict=True)]

    def _run_once(self, session: Session, names: list[str], glyphs: NDArray[np.float32]) -> list[NDArray[Any]]:
        try:
            return session.run(names, {self._input.name: glyphs})
        except Exception as error:  # noqa: BLE001 - ONNX Runtime raises a different class for every cause
            count = f"{len(glyphs)} glyph{'s' * (len(glyphs) > 1)}"
            raise ModelError(f"{self._name}: cannot be run on {count} ({cause_of(error)}); {ANOTHER}") from None

    @property
    def glyph_shape(self) -> tuple[int, ...]:
        """The shape of one glyph as the network takes it, such as (28, 28, 1)."""
        return self._shape

    @property
    def sha256(self) -> str:
        """The SHA-256 of the network as ONNX, in hexadecimal; takes a millisecond."""
        import hashlib

        return hashlib.sha256(self._content).hexdigest()

    @property
    def input_name(self) -> str:
        """The name of the network's input."""
        return str(self._input.name)

    def _probabilities(self, outputs: NDArray[np.float32], detected: NDArray[np.float32] | None) -> NDArray[np.float32]:
        """Return the outputs as calibrated probabilities, whether the network ends in a softmax or in logits."""
        if not np.isfinite(outputs).all():
            raise ModelError(f"{self._name}: gives no finite numbers for a glyph; train or copy it again")
        outputs = as_probabilities(outputs)
        digits = temper(given_a_digit(outputs), self.card.temperature)
        non_digit = np.clip(outputs[:, CLASSES:], 0, 1) if outputs.shape[1] > CLASSES else np.zeros_like(outputs[:, :1])
        own = np.asarray(np.hstack([digits * (1 - non_digit), non_digit]), np.float32)
        share = self.card.detector_share
        return own if detected is None or share == 0 else pool_opinions(own, detected, share)

    def _check(self) -> None:
        """Run the network once on two empty glyphs, so that a wrong model fails here and not at the first picture."""
        outputs = self.outputs(np.zeros((2, 28, 28), np.float32))
        if outputs.shape not in ((2, CLASSES), (2, CLASSES + 1)):
            raise ModelError(
                f"{self._name}: gives {outputs.shape[1:]} outputs per glyph, but inkread needs {CLASSES}, one per "
                f"digit, or {CLASSES + 1} with one for non-digits; train it again with as many, or name another model"
            )
        if not np.isfinite(outputs).all():
            raise ModelError(f"{self._name}: gives no finite numbers for an empty glyph; train or copy it again")
