"""Why a digit was read the way it was: the layers, the pixels and the runner-up."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inkread.errors import OptionError, PictureError
from inkread.explaining.evidence import Change, Evidence, evidence, smallest_change
from inkread.explaining.layers import Layer, layers_of
from inkread.glyphs import NON_DIGIT
from inkread.models.classifier import Classifier
from inkread.models.probabilities import given_a_digit
from inkread.steps import Steps


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a digit was read the way it was, by the network alone.

    steps: how the picture was read, with the probabilities of the network alone.
    index: the index of the digit in reading order, from 0.
    answer: the most probable class of the network, 0 to 9, or 10 for a non-digit.
    read_as: the same, with the taught digits taken into account.
    runner_up: the digit, 0 to 9, that is read after `change`. Without a change, the most probable other digit. For a
        clear digit, all other probabilities are tiny, and which of them is the largest is chance.
    evidence: which pixels support the answer and which contradict it.
    change: the change that makes it the runner-up. None if a few dots of ink are not enough.
    layers: the output of each layer. Empty if the model file has no layer that inkread knows.
    """

    steps: Steps
    index: int
    answer: int
    read_as: int
    runner_up: int
    evidence: Evidence
    change: Change | None
    layers: tuple[Layer, ...]

    @property
    def glyph(self) -> NDArray[np.float32]:
        """The digit as the network sees it, (28, 28) in 0..1."""
        return np.asarray(self.steps.glyphs[self.index])

    @property
    def probabilities(self) -> NDArray[np.float32]:
        """The probabilities of the network, (11,): the ten digits and, last, the non-digit."""
        return np.asarray(self.steps.probabilities[self.index])

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object that the command line prints: everything except the values of the feature maps."""
        change = self.change
        return {
            "picture": self.steps.reading.picture,
            "digit": self.index + 1,
            "of": len(self.steps.glyphs),
            "answer": class_name(self.answer),
            "read_as": class_name(self.read_as),
            "probability": round(float(self.probabilities[self.answer]), 6),
            "runner_up": class_name(self.runner_up),
            "runner_up_probability": round(float(self.probabilities[self.runner_up]), 6),
            "probabilities": _round(self.probabilities, 6),
            "glyph": _round(self.glyph, 3),
            "evidence": {"ink": _round(self.evidence.ink, 3), "paper": _round(self.evidence.paper, 3)},
            "change": change
            and {
                "added": [list(place) for place in change.added],
                "erased": [list(place) for place in change.erased],
                "probability": round(change.probability, 6),
            },
            "layers": [
                {"kind": layer.kind, "shape": list(layer.values.shape), "largest": layer.order[:16].tolist()}
                for layer in self.layers
            ],
        }


def explain(steps: Steps, network: Classifier, *, digit: int | None = None) -> Explanation:
    """Return why a digit of a picture was read the way it was.

    steps: the result of `Reader.steps` for the picture.
    network: the network that read it, `Reader.classifier.network`. Surroundings and lessons change only `read_as`.
    digit: which digit, counted from 1 in reading order; None for the one with the lowest confidence.

    Raises `PictureError` for a picture without writing, `OptionError` for a digit that does not exist, `ModelError` if
    the inner layers of the network are not available. Takes a few tenths of a second, since the network reads thousands
    of changed glyphs.
    """
    taught = steps.probabilities
    steps = replace(steps, probabilities=network.classify(steps.glyphs))
    index = _index(steps, digit)
    glyph = np.asarray(steps.glyphs[index])
    probabilities = steps.probabilities[index]
    answer = int(probabilities.argmax())
    change = smallest_change(glyph, answer, network.classify)
    likeliest = (digit for digit in np.argsort(-probabilities[:NON_DIGIT]).tolist() if digit != answer)
    return Explanation(
        steps,
        index,
        answer,
        int(taught[index].argmax()),
        change.answer if change else next(likeliest),
        evidence(glyph, answer, network.classify),
        change,
        layers_of(network, glyph),
    )


def class_name(answer: int) -> str:
    """Return the name of a class, 0 to 10: the digit, or "non-digit"."""
    return "non-digit" if answer == NON_DIGIT else str(answer)


def _index(steps: Steps, digit: int | None) -> int:
    """Return the index of the digit to explain."""
    name, count = steps.reading.picture, len(steps.glyphs)
    if not count:
        raise PictureError(f"{name}: there is no writing on this picture, so there is nothing to explain", code="blank")
    if digit is None:
        digits = steps.reading.digits
        likely = [digit.confidence for digit in digits] or given_a_digit(steps.probabilities).max(axis=1).tolist()
        return int(np.argmin(likely))
    if not 1 <= digit <= count:
        there = f"are {count} digits, counted from 1" if count > 1 else "is 1 digit"
        raise OptionError(f"{name}: there is no digit {digit}; there {there}")
    return digit - 1


def _round(values: NDArray[np.float32], places: int) -> Any:
    return np.round(values.astype(np.float64), places).tolist()
