"""Average the weights of two models, of which one continued from the other, into a third.

    python benchmarks/average.py shipped runs/again runs/average

Networks with a common past often lie in one basin, where their average reads better than each of them (Wortsman et al.
2022, "Model soups", arXiv:2203.05482). `ship.py` then calibrates the model.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inkread.datasets import load_mnist
from inkread.evaluation.statistics import confusion_matrix
from inkread.files import file_sha256, whole_folder
from inkread.foreign.opening import keras_model
from inkread.foreign.to_onnx import export_detector, export_onnx, take_detector_weights
from inkread.keras_backend import load_keras
from inkread.loading import load_classifier, model_path
from inkread.models.card import load_card
from inkread.models.files import DETECTOR_NAME, KERAS_NAME, MODEL_NAME
from inkread.training.provenance import weights_sha256

CHECKED = 64
"""The number of glyphs on which the export is compared with the network."""


def average(first: Path, second: Path, out: Path) -> None:
    """Write the model folder of the average. Its cards are those of the second model, with both models named."""
    load_keras("training")
    from inkread.training.detector_network import detector

    mnist = load_mnist()
    glyphs = np.asarray(mnist.train_images[:CHECKED] / np.float32(255), np.float32)
    pages = np.random.default_rng(0).normal(0, 1, (2, 128, 160, 1)).astype(np.float32)
    sources = [first, second]
    with whole_folder(out) as folder:
        network = _average([keras_model(source / MODEL_NAME) for source in sources])
        network.save(folder / KERAS_NAME)
        difference = export_onnx(network, folder / MODEL_NAME, glyphs)
        _save_card(folder, sources, network, {"export_difference": difference})
        within = folder / DETECTOR_NAME
        within.mkdir()
        detectors = [detector(), detector()]
        for model, source in zip(detectors, sources, strict=True):
            take_detector_weights(model, source / DETECTOR_NAME / MODEL_NAME)
        both = _average(detectors)
        difference = export_detector(both, within / MODEL_NAME, pages)
        both.save(within / KERAS_NAME)
        _save_card(within, [source / DETECTOR_NAME for source in sources], both, {"export_difference": difference})
        card = load_card(folder)
        right = _test(folder, mnist.test_images, mnist.test_labels)
        replace(card, test={**card.test, **right}).save(folder)


def _average(networks: list[Any]) -> Any:
    """Return the second network with the mean of both networks' weights."""
    one, other = (network.get_weights() for network in networks)
    networks[1].set_weights([(left + right) / 2 for left, right in zip(one, other, strict=True)])
    return networks[1]


def _save_card(folder: Path, sources: list[Path], network: Any, test: dict[str, float]) -> None:
    card = load_card(sources[1])
    averaged = [file_sha256(source / MODEL_NAME) for source in sources]
    replace(
        card,
        data={**card.data, "average_of": averaged},
        weights_sha256=weights_sha256(network.get_weights()),
        model_sha256=file_sha256(folder / MODEL_NAME),
        test={**card.test, **test},
    ).save(folder)


def _test(folder: Path, images: NDArray[np.uint8], labels: NDArray[np.uint8]) -> dict[str, Any]:
    """Return the test of the average, which replaces that of the second model."""
    answers = load_classifier(folder).classify(np.asarray(images / np.float32(255), np.float32))[:, :10].argmax(axis=1)
    matrix = confusion_matrix(labels, answers)
    return {"images": len(labels), "accuracy": float(matrix.trace() / matrix.sum()), "confusion": matrix.tolist()}


def main() -> None:
    """Average."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("first", type=model_path, metavar="MODEL_FOLDER")
    parser.add_argument("second", type=Path, metavar="MODEL_FOLDER")
    parser.add_argument("out", type=Path, metavar="OUT")
    options = parser.parse_args()
    average(options.first, options.second, options.out)
    print(f"{options.out} holds the average of {options.first} and {options.second}")


if __name__ == "__main__":
    main()
