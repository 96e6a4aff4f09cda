"""The card: the JSON file beside a model that says how it was made and how good it is."""

from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inkread.errors import ModelError
from inkread.files import whole_file

CARD_NAME = "card.json"

_LARGEST = 4_000_000
"""Bytes of a card: those of the shipped models have 30 000."""

KEPT = 30
"""How many of the largest scores a card keeps. A probability that needs a smaller score uses the smallest one kept."""


@dataclass(frozen=True, slots=True)
class Conformal:
    """Scores for split conformal prediction: how unlikely the true digit was on real pictures.

    They give sets of digits that hold the true digit with a chosen probability (Vovk, Gammerman and Shafer 2005,
    "Algorithmic learning in a random world"; Angelopoulos and Bates 2021, "A gentle introduction to conformal
    prediction", section 1.1: the threshold on the probability that is called LAC).

    count: how many pictures.
    scores: 1 - the probability of the true digit, given that it is a digit, 0 to 1; the largest ones, in falling order.
    """

    count: int
    scores: tuple[float, ...] = field(repr=False)

    @classmethod
    def of(cls, probabilities: Iterable[float]) -> Conformal:
        """Create it from the probabilities, 0 to 1, that the model gave to true digits; at least one."""
        scores = sorted((1 - float(probability) for probability in probabilities), reverse=True)
        return cls(len(scores), tuple(min(1.0, math.ceil(score * 1e6) / 1e6) for score in scores[:KEPT]))

    @property
    def most(self) -> float:
        """The largest probability that a set smaller than all ten digits can promise."""
        return self.count / (self.count + 1)

    def least(self, promised: float) -> float:
        """Return the least probability of a digit in the set that holds the truth with probability `promised`.

        Returns 0, so that the set holds all ten digits, where there were too few pictures for that promise.
        """
        # The number of scores that may be larger than the threshold.
        above = self.count - math.ceil(round((self.count + 1) * promised, 9))
        return 1 - self.scores[min(above, len(self.scores) - 1)] if above >= 0 else 0.0

    def damage(self) -> str:
        """Return what is wrong with the numbers, or nothing."""
        falling = list(self.scores) == sorted(self.scores, reverse=True)
        if not self.scores or len(self.scores) > self.count or not falling:
            return f"conformal scores must be those of {self.count} pictures, or the largest of them, in falling order"
        return "" if 0 <= self.scores[-1] <= self.scores[0] <= 1 else "conformal scores must be between 0 and 1"


@dataclass(frozen=True, slots=True)
class Card:
    """How a model was made, how good it is and how its outputs become confidences.

    recipe: name of the recipe; "unknown" for a model without a card.
    settings: the recipe's settings by name.
    seed: the seed of the run.
    created: when training ended, ISO 8601 in UTC.
    inkread, versions: the version of inkread, and of Python and the libraries used.
    hardware: processor, cores and memory of the machine.
    data: what it was trained on.
    parameters: trainable weights in the network.
    weights_sha256: SHA-256 of the weights: float32, layer by layer, in the order Keras has them.
    model_sha256: SHA-256 of `model.onnx`.
    seconds: duration of each part of the run.
    epochs: one entry per epoch, with loss and accuracy.
    test: loss, accuracy and the 10 x 10 confusion matrix (rows: truth) on the test set, at the end of the run.
    temperature: the digits' log probabilities are divided by this before they become confidences; 1 changes nothing.
    detector_share: the weight of the detector's opinion on which digit it is, 0 to 1; 0 for a model that reads alone.
    text_power: where a page holds several digits, the confidence of each is raised to this power; 1 changes nothing.
    sign_power: the confidence of each sign is raised to this power; 1 changes nothing.
    text_odds: the logarithm of the odds that a text is right if nothing makes it doubtful.
    text_doubts: how much each doubt about a whole page counts, by the names of `inkread.recognition.acceptance`.
    no_digit: ink is refused if its non-digit probability is larger than this; 1 refuses nothing.
    min_confidence: a digit with a smaller confidence is refused as "unsure", unless the caller sets another limit.
    conformal: how unlikely the true digit was on real pictures, for `Digit.candidates`; None if that is not known.
    calibration: what the temperature and the two thresholds were fitted on, and how well they do.
    protocol: how the run and its test were kept honest.
    scores: accuracies on other data by name, with what each was measured on.
    limits: a sentence on what the model is not good at.
    average_images: the mean training image of each class, (10, 28, 28) uint8, as base64.
    """

    recipe: str = "unknown"
    settings: dict[str, Any] = field(default_factory=dict)
    seed: int | None = None
    created: str = ""
    inkread: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    hardware: dict[str, Any] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)
    parameters: int | None = None
    weights_sha256: str = ""
    model_sha256: str = ""
    seconds: dict[str, float] = field(default_factory=dict)
    epochs: list[dict[str, float]] = field(default_factory=list)
    test: dict[str, Any] = field(default_factory=dict)
    temperature: float = 1.0
    detector_share: float = 0.0
    text_power: float = 1.0
    sign_power: float = 1.0
    text_odds: float = 0.0
    text_doubts: dict[str, float] = field(default_factory=dict)
    no_digit: float = 1.0
    min_confidence: float = 0.0
    conformal: Conformal | None = None
    calibration: dict[str, Any] = field(default_factory=dict)
    protocol: str = ""
    scores: dict[str, Any] = field(default_factory=dict)
    limits: str = ""
    average_images: str = ""

    def average_image(self, digit: int) -> NDArray[np.uint8] | None:
        """Return the mean training image of a class, (28, 28) uint8 with 255 = ink, or None if not on the card."""
        if not self.average_images:
            return None
        images = np.frombuffer(base64.b64decode(self.average_images), np.uint8).reshape(10, 28, 28)
        return np.asarray(images[digit])

    def to_dict(self) -> dict[str, Any]:
        """Return the card as a JSON object."""
        return asdict(self)

    def to_json(self) -> str:
        """Return the card as indented JSON text, with each row of numbers on one line."""
        text = json.dumps(self.to_dict(), indent=1, ensure_ascii=False)
        row_of_numbers = r"\[\s+([\d.e-]+(?:,\s+[\d.e-]+)*)\s+\]"
        return re.sub(row_of_numbers, lambda row: "[" + ", ".join(row[1].split()).replace(",,", ",") + "]", text)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Card:
        """Return the card of `to_dict`; entries of later versions are ignored."""
        known = {key: value for key, value in values.items() if key in cls.__slots__}
        if conformal := known.get("conformal"):
            known["conformal"] = Conformal(conformal["count"], tuple(conformal["scores"]))
        return cls(**known)

    def save(self, model: Path) -> None:
        """Write the card into a model folder, or beside a model file."""
        with whole_file(card_path(model)) as path:
            path.write_text(self.to_json() + "\n", encoding="utf-8")


def encoded_images(images: NDArray[np.uint8]) -> str:
    """Return ten images, (10, 28, 28) uint8, as base64 text."""
    return base64.b64encode(images.tobytes()).decode("ascii")


def load_card(folder: Path) -> Card:
    """Return the card in a model folder, or an empty card if the folder has none.

    Raises `ModelError` for a damaged card.
    """
    return _load(folder / CARD_NAME)


def card_of(model: Path) -> Card:
    """Return the card of a model folder or file, or an empty card if it has none.

    Raises `ModelError` for a damaged card.
    """
    return _load(card_path(model))


def card_path(model: Path) -> Path:
    """Return the path of a model's card: `card.json` in a model folder, else `FILE.card.json` beside the file."""
    if model.is_dir():
        return model / CARD_NAME
    return model.with_name(CARD_NAME if model.stem == "model" else f"{model.name}.{CARD_NAME}")


def _load(path: Path) -> Card:
    if path.exists() and not path.is_file() and not path.is_dir():
        raise ModelError(f"{path}: is not a file; train or copy the model again")
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST + 1)
        if len(content) > _LARGEST:
            raise ModelError(f"{path}: has over {_LARGEST:,} bytes; train or copy the model again")
        card = Card.from_dict(json.loads(content))
        damage = _damage(card)
        card.average_image(0)
    except FileNotFoundError:
        return Card()
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ModelError(f"{path}: the card is damaged ({error}); train or copy the model again") from None
    if damage:
        raise ModelError(f"{path}: {damage}; train or copy the model again")
    return card


def _damage(card: Card) -> str:
    """Return what is wrong with the numbers that reading uses, or nothing."""
    if not 0.01 <= card.temperature <= 100:
        return f"the temperature must be between 0.01 and 100, not {card.temperature}"
    for power in (card.text_power, card.sign_power):
        if not 0.01 <= power <= 100:
            return f"the power must be between 0.01 and 100, not {power}"
    for name in ("detector_share", "no_digit", "min_confidence"):
        if not 0 <= getattr(card, name) <= 1:
            return f"{name} must be between 0 and 1, not {getattr(card, name)}"
    if not -100 <= card.text_odds <= 100:
        return f"text_odds must be between -100 and 100, not {card.text_odds}"
    if not all(0 <= doubt <= 100 for doubt in card.text_doubts.values()):
        return f"text_doubts must be between 0 and 100, not {card.text_doubts}"
    return card.conformal.damage() if card.conformal else ""
