"""Fine-tuning: a trained model as a network that can be trained further, and the user's digits to train it on."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inkread.datasets import Mnist
from inkread.errors import DataError, ModelError, OptionError, PictureError
from inkread.foreign.to_onnx import TOLERANCE
from inkread.glyphs import CLASSES, NON_DIGIT
from inkread.loading import SHIPPED, load_classifier, model_path
from inkread.models.card import Card
from inkread.models.classifier import Classifier
from inkread.models.files import KERAS_NAME, LITERT_SUFFIX, model_file
from inkread.reader import Reader
from inkread.teaching import Lesson, Profile
from inkread.teaching.exchange import import_lessons
from inkread.training.augment import nudge

PROTOCOL = (
    "Epochs, seed and settings were fixed before the run; the test images were looked at once, at its end. The model "
    "it started from was trained in an earlier run."
)

_WAY_OUT = "name another model with --from, or train from the start with --recipe"


@dataclass(frozen=True, slots=True)
class Start:
    """A model to continue from: its path, its card, and the classifier that reads with it."""

    path: Path
    classifier: Classifier

    @property
    def card(self) -> Card:
        """The card of the model."""
        return self.classifier.card

    def about(self) -> dict[str, Any]:
        """Return the description of this model for the card of the new network."""
        name = "shipped" if self.path == SHIPPED else str(self.path)
        return {"model": name, "recipe": self.card.recipe, "sha256": self.classifier.sha256}

    def carried_over(self, card: Card, network: Classifier, digits: NDArray[np.float32]) -> Card:
        """Return the card of a network that continued from this model, with the settings that make its confidences.

        digits: drawn digits of hands other than the user's, (N, 28, 28) float32 in 0..1.

        The settings that were fitted on real pictures are kept, except for the threshold of the non-digit class.
        Training changes its probabilities. So the new threshold is the one at which the network refuses as many drawn
        digits as the model did before.
        """
        base_card = self.card
        kept = float((self.classifier.classify(digits)[:, NON_DIGIT] <= base_card.no_digit).mean())
        no_digit = base_card.no_digit if kept == 1 else float(np.quantile(network.classify(digits)[:, NON_DIGIT], kept))
        about = "carried over from the model it started from, not fitted on real pictures again"
        return replace(
            card,
            data={**card.data, "from": self.about()},
            temperature=base_card.temperature,
            detector_share=base_card.detector_share,
            text_power=base_card.text_power,
            sign_power=base_card.sign_power,
            text_odds=base_card.text_odds,
            text_doubts=base_card.text_doubts,
            no_digit=round(no_digit, 4),
            min_confidence=base_card.min_confidence,
            conformal=base_card.conformal,
            calibration={"data": about, "drawn_digits_kept": round(kept, 4), "from": base_card.calibration},
            protocol=PROTOCOL,
            limits=base_card.limits,
        )

    def network(self, glyphs: NDArray[np.float32]) -> Any:
        """Return the Keras model, after a check on glyphs, (N, 28, 28) float32 in 0..1, that its answers are the same.

        Call `load_keras` before. Raises `ModelError` if the file cannot be turned into layers that can learn.
        """
        from inkread.foreign.opening import keras_model

        # A model folder holds the trained Keras network next to the ONNX file that reads.
        kept = self.path / KERAS_NAME
        source = kept if kept.is_file() else model_file(self.path)
        model = keras_model(source)
        if model.inputs[0].shape[1:] != (28, 28, 1):
            raise _unfit(self.path, f"it takes {model.inputs[0].shape[1:]}, and training gives (28, 28, 1)")
        answers = np.asarray(model(glyphs[..., None], training=False))
        if not np.allclose(answers.sum(axis=1), 1, atol=1e-3):
            raise _unfit(self.path, "it does not end in a softmax")
        if not np.abs(answers - self.classifier.outputs(glyphs)).max() <= TOLERANCE:
            raise _unfit(self.path, f"{source.name} gives different answers than the model that reads")
        return model


def start_from(model: str | os.PathLike[str] | None) -> Start:
    """Return a model to continue from: a folder, a file, or None for the shipped model.

    Raises `ModelError` for a model that cannot be used, or whose network cannot learn what `best` learns. Errors that
    show in the file itself are raised before Keras is loaded.
    """
    path = SHIPPED if model is None else model_path(model)
    if path.suffix.lower() == LITERT_SUFFIX:
        raise _unfit(path, "there is no way back from LiteRT")
    classifier = load_classifier(path, threads=os.cpu_count() or 1)
    classes = classifier.outputs(np.zeros((1, 28, 28), np.float32)).shape[1]
    if classes != CLASSES + 1:
        raise _unfit(path, f"it has {classes} classes, and no class for non-digits")
    if any(node.kind in {"QuantizeLinear", "DequantizeLinear"} for node in classifier.nodes()):
        raise _unfit(path, "its weights are integers of 8 bits")
    return Start(path, classifier)


def sample_mnist(mnist: Mnist, count: int | None, *, seed: int) -> Mnist:
    """Return MNIST with `count` of its training images, chosen at random; None for all."""
    if count is None or count >= len(mnist.train_labels):
        return mnist
    chosen = np.random.default_rng((seed, 7)).permutation(len(mnist.train_labels))[:count]
    return replace(mnist, train_images=mnist.train_images[chosen], train_labels=mnist.train_labels[chosen])


def _unfit(path: Path, reason: str) -> ModelError:
    return ModelError(f"{path}: cannot be trained further, since {reason}; {_WAY_OUT}")


SHARE = 0.2
"""The share of the user's digits in the training images. To reach it, each digit is repeated, and each copy is turned,
scaled and shifted a little."""

MOST_TIMES = 100
"""The largest number of times a digit is repeated. A network would overfit to a few pictures repeated more often."""


@dataclass(frozen=True, slots=True, eq=False)
class OwnDigits:
    """Digits that the user wrote.

    glyphs: (N, 28, 28) uint8, 255 = ink.
    labels: (N,) uint8, 0 to 9.
    left_out: one line for each picture that does not show exactly one digit.
    """

    glyphs: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    left_out: tuple[str, ...] = ()

    def among(self, mnist: Mnist, *, seed: int) -> Mnist:
        """Return MNIST with these digits before its training images. The test images stay the same."""
        wanted = SHARE / (1 - SHARE) * len(mnist.train_labels)
        times = int(np.clip(wanted // len(self.labels), 1, MOST_TIMES))
        glyphs = nudge(np.tile(self.glyphs, (times, 1, 1)), rng=np.random.default_rng((seed, 6)))
        return replace(
            mnist,
            train_images=np.concatenate([glyphs, mnist.train_images]),
            train_labels=np.concatenate([np.tile(self.labels, times), mnist.train_labels]),
        )


def own_digits(own: str | os.PathLike[str]) -> OwnDigits:
    """Return the digits of a profile, or of a folder with folders named 0 to 9, whose pictures are read as usual.

    Raises `DataError` for a folder without such pictures, and `OptionError` if there is no such folder or profile.
    """
    found = [*import_lessons(Path(own), Reader(profile=None))] if Path(own).is_dir() else [*_of_profile(os.fspath(own))]
    lessons = [entry for entry in found if isinstance(entry, Lesson)]
    if not lessons:
        raise DataError(f"{own}: found no digit on any of the {len(found)} pictures in its folders 0 to 9")
    return OwnDigits(
        np.stack([lesson.glyph for lesson in lessons]),
        np.array([lesson.label for lesson in lessons], np.uint8),
        tuple(entry.message for entry in found if isinstance(entry, PictureError)),
    )


def _of_profile(name: str) -> list[Lesson]:
    lessons = Profile(name).lessons() if not Path(name).parent.name else []
    if not lessons:
        raise OptionError(
            f"--own {name}: is neither a folder with folders named 0 to 9 nor a profile with taught digits; see "
            "'inkread teach'"
        )
    return lessons
