"""Converting a model to another file format, with a check that the new file gives the same answers.

    from inkread.converting import convert
    result = convert("mnist.h5", "mnist.onnx")

A Keras file is read as data: see `inkread.foreign`. Importing this module does not import a training framework.
"""

from __future__ import annotations

import importlib.util
import os
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inkread.datasets.mnist import mnist_at_hand
from inkread.drawing import digit_ink
from inkread.errors import InkreadError, MissingExtra, ModelError, OptionError, speaking_of
from inkread.files import check_folder, check_outputs, file_sha256, writable
from inkread.foreign.opening import keras_model, onnx_of_keras_file
from inkread.glyphs import CLASSES, normalise
from inkread.loading import load_classifier, model_path
from inkread.models.card import Card, card_path
from inkread.models.classifier import Classifier
from inkread.models.files import KERAS_NAME, KERAS_SUFFIXES, LITERT_SUFFIX, MODEL_NAME, model_file
from inkread.models.probabilities import as_probabilities
from inkread.system import quiet_stderr

TOLERANCE = 1e-4
"""The largest difference of a single output that is allowed for a conversion that keeps the weights."""

CHANGED_ANSWERS = 0.02
"""The largest share of glyphs whose answer may change in 8 bits."""

QUANTISED = "8-bit weights and activations, after training"

SUFFIXES = (".keras", ".h5", ".onnx", LITERT_SUFFIX)


@dataclass(frozen=True, slots=True)
class Conversion:
    """A written file, and how its answers compare with those of the source.

    target: the file written.
    size: its size in bytes.
    glyphs: what both models were compared on, in words.
    difference: the largest difference between an output of one model and of the other.
    changed: the share of the glyphs whose answer changed, 0 to 1.
    right: the shares of the glyphs that the source and the target read right, 0 to 1.
    """

    target: Path
    size: int
    glyphs: str
    difference: float
    changed: float
    right: tuple[float, float]


def convert(
    model: str | os.PathLike[str], out: str | os.PathLike[str], *, int8: bool = False, force: bool = False
) -> Conversion:
    """Write a model in another file format, and return how its answers compare with the source's.

    model: a model folder, "shipped", "tiny", or an `.onnx`, `.keras` or `.h5` file. No code in a file is run.
    out: a file that ends in `.keras`, `.h5`, `.onnx` or `.tflite`. The card of a calibrated model is written beside it,
        as `OUT.card.json`, and used when `out` is read.
    int8: write an ONNX file with weights and activations of 8 bits; a name ending in `.int8.onnx` does the same.
    force: whether an existing file at `out` may be replaced; the source never is.

    Raises `OptionError` for another ending or an existing file; `ModelError` for a model that cannot be used or
    converted, or if the answers differ; `MissingExtra` if the packages for the format are not installed. In all these
    cases nothing is written.
    """
    source, target = model_path(model), Path(out)
    int8 = int8 or target.name.lower().endswith(".int8.onnx")
    _check_target(source, target, int8=int8, force=force)
    _check_source(source)
    classifier, glyphs = load_classifier(model), glyphs_at_hand()
    with writable(target) as temporary:
        with _way_out(source, target):
            _write(source, temporary, glyphs.glyphs, int8=int8)
        with speaking_of(target, temporary):
            result = _compare(classifier, load_classifier(temporary), target, glyphs, int8=int8)
    _write_card(classifier.card, target, int8=int8)
    return replace(result, size=target.stat().st_size)


def _check_target(source: Path, target: Path, *, int8: bool, force: bool) -> None:
    """Raise `OptionError` for a file that cannot be written as requested, before any work is done."""
    if target.suffix.lower() not in SUFFIXES:
        raise OptionError(f"{target}: the name of a model ends in {', '.join(SUFFIXES)}, or .int8.onnx for 8 bits")
    if int8 and target.suffix.lower() != ".onnx":
        raise OptionError(f"{target}: only an ONNX file can have 8 bits; name it {target.stem}.int8.onnx")
    check_folder(target)
    # A card that was left there would be used for the new file.
    check_outputs((target, card_path(target)), (source, card_path(source)), force=force)


def _check_source(source: Path) -> None:
    if source.suffix.lower() == LITERT_SUFFIX:
        raise OptionError(f"{source}: a LiteRT file cannot be converted; convert the model it was made from")
    if (source / "saved_model.pb").is_file():
        raise OptionError(f"{source}: is a TensorFlow SavedModel; load it in TensorFlow and save it as .keras or .h5")


@contextmanager
def _way_out(source: Path, target: Path) -> Iterator[None]:
    """Turn the libraries' errors for a network that they cannot write into one line."""
    try:
        yield
    except (InkreadError, OSError):
        raise
    except Exception as error:  # noqa: BLE001 - exporters raise errors of any class
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise ModelError(f"{source}: cannot be written as {target.suffix} ({reason}); try another format") from None


def _write(source: Path, target: Path, glyphs: NDArray[np.float32], *, int8: bool) -> None:
    if target.suffix.lower() == ".onnx":
        _write_onnx(model_file(source), target, glyphs, int8=int8)
        return
    # A model folder has the trained Keras model beside the ONNX file.
    kept = source / KERAS_NAME
    model = keras_model(kept if kept.is_file() else model_file(source))
    with warnings.catch_warnings(), quiet_stderr():
        warnings.simplefilter("ignore")
        if target.suffix.lower() == LITERT_SUFFIX:
            model.export(str(target), format="litert", verbose=False)
        else:
            model.save(target)


def _write_onnx(source: Path, target: Path, glyphs: NDArray[np.float32], *, int8: bool) -> None:
    content = onnx_of_keras_file(source) if source.suffix.lower() in KERAS_SUFFIXES else source.read_bytes()
    if not int8:
        target.write_bytes(content)
        return
    if not importlib.util.find_spec("onnx"):
        raise MissingExtra(f"{target}: an ONNX model in 8 bits", "train")
    from inkread.foreign.to_onnx import quantise_onnx

    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / MODEL_NAME
        plain.write_bytes(content)
        quantise_onnx(plain, target, glyphs)


def _compare(before: Classifier, after: Classifier, target: Path, glyphs: SampleGlyphs, *, int8: bool) -> Conversion:
    """Compare two models' answers. Raises `ModelError` if they differ by more than allowed."""
    first, second = (as_probabilities(classifier.outputs(glyphs.glyphs)) for classifier in (before, after))
    difference = float(np.abs(first - second).max()) if first.shape == second.shape else np.inf
    answers = [outputs[:, :CLASSES].argmax(axis=1) for outputs in (first, second)]
    changed = float((answers[0] != answers[1]).mean())
    if not (changed <= CHANGED_ANSWERS if int8 else difference <= TOLERANCE):
        raise ModelError(
            f"{target}: would give different answers for {glyphs.what} (difference {difference:.2g}, {changed:.1%} "
            "of the answers), so it is not written; convert the file that the model was first saved to"
        )
    right = tuple(float((answer == glyphs.labels).mean()) for answer in answers)
    return Conversion(target, 0, glyphs.what, difference, changed, (right[0], right[1]))


def _write_card(card: Card, target: Path, *, int8: bool) -> None:
    """Write the model's card, if it has one, beside the file, so that its outputs become confidences."""
    if card == Card():
        return
    # Scores measured before the conversion do not hold for 8 bits.
    if int8:
        card = replace(card, settings={**card.settings, "quantised": QUANTISED}, test={}, scores={})
    replace(card, model_sha256=file_sha256(target)).save(target)


IMAGES, DRAWINGS = 1000, 300
"""The number of glyphs on which two models are compared: images of MNIST, or else drawn digits."""


@dataclass(frozen=True, slots=True, eq=False)
class SampleGlyphs:
    """Glyphs, (N, 28, 28) float32 in 0..1, their labels, (N,) uint8, and a description."""

    glyphs: NDArray[np.float32]
    labels: NDArray[np.uint8]
    what: str


def glyphs_at_hand() -> SampleGlyphs:
    """Return the last 1000 of MNIST's training images if MNIST is on this machine, else 300 drawn digits."""
    mnist = mnist_at_hand()
    if mnist is not None and len(mnist.train_images) >= IMAGES:
        images = np.asarray(mnist.train_images[-IMAGES:] / np.float32(255), np.float32)
        return SampleGlyphs(images, mnist.train_labels[-IMAGES:], f"{IMAGES} images of MNIST")
    rng = np.random.default_rng(0)
    labels = np.arange(DRAWINGS, dtype=np.uint8) % 10
    inks = [digit_ink(int(label), rng=rng, size=(80, 80), pen="felt-tip") for label in labels]
    return SampleGlyphs(normalise(inks), labels, f"{DRAWINGS} drawn digits")
