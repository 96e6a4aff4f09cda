"""Bring a trained model into the package: calibrated, with its scores on the card, its int8 sister and its detector.

`calibrate_texts.py` then fits the confidence of whole texts.

    python benchmarks/ship.py runs/best-0

The seed is the first, whatever its score. INKREAD_DATA names the folder of the measuring sets.
"""

from __future__ import annotations

import argparse
import os
import shutil
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from accuracy import measure
from calibrate import calibrate, on_card
from inkread.converting import QUANTISED
from inkread.datasets import load_mnist
from inkread.evaluation.statistics import confusion_matrix
from inkread.files import file_sha256, whole_folder
from inkread.foreign.to_onnx import quantise_onnx, refine_onnx
from inkread.glyphs import normalise
from inkread.loading import SHIPPED, load_classifier
from inkread.models.card import CARD_NAME, Card, load_card
from inkread.models.files import DETECTOR_NAME, MODEL_NAME
from inkread.training.provenance import hardware
from inkread.training.training_glyphs import drawn_glyphs
from measuring_sets import load_set

MNIST_TO_QUANTISE, DRAWN_TO_QUANTISE = 500, 1000


def ship(source: Path, target: Path) -> None:
    """Write the shipped folder: model and card, in tiny/ the same in int8, and the detector."""
    mnist = load_mnist()
    images = np.asarray(mnist.train_images[:MNIST_TO_QUANTISE] / np.float32(255), np.float32)
    with whole_folder(target) as folder:
        refine_onnx(source / MODEL_NAME, folder / MODEL_NAME, images)
        _finish(folder, replace(load_card(source), model_sha256=file_sha256(folder / MODEL_NAME)))
        tiny = folder / "tiny"
        tiny.mkdir()
        drawn = drawn_glyphs(mnist, seed=0, count=DRAWN_TO_QUANTISE)
        quantise_onnx(folder / MODEL_NAME, tiny / MODEL_NAME, np.concatenate([images, drawn]))
        _finish(tiny, _test(tiny, load_card(source), mnist.test_images, mnist.test_labels))
        detector = folder / DETECTOR_NAME
        detector.mkdir()
        for name in (MODEL_NAME, CARD_NAME):
            shutil.copyfile(source / DETECTOR_NAME / name, detector / name)


def _test(folder: Path, card: Card, images: NDArray[np.uint8], labels: NDArray[np.uint8]) -> Card:
    """Return the card of the quantised model: the test is its own, the training its parent's."""
    answers = load_classifier(folder).classify(np.asarray(images / np.float32(255), np.float32))[:, :10].argmax(axis=1)
    matrix = confusion_matrix(labels, answers)
    test = {"images": len(labels), "accuracy": float(matrix.trace() / matrix.sum()), "confusion": matrix.tolist()}
    settings = {**card.settings, "quantised": QUANTISED}
    return replace(card, settings=settings, test=test, model_sha256=file_sha256(folder / MODEL_NAME))


def _finish(folder: Path, card: Card) -> None:
    """Write a model's card with its calibration, scores, size and speed."""
    card.save(folder)
    card = on_card(card, calibrate(load_classifier(folder), load_set("pictures")))
    card.save(folder)
    scores = measure(folder)
    rounded = {
        kind: {name: round(value, 2) for name, value in getattr(scores, kind).items()}
        for kind in ("right", "accepted", "refused")
    }
    size = (folder / MODEL_NAME).stat().st_size
    speed = {"glyphs_a_second": round(_speed(folder), -2), "bytes": size, "on": hardware()}
    replace(card, scores={"unit": "per cent", **rounded, "speed": speed}).save(folder)


def _speed(folder: Path) -> float:
    """Return glyphs classified a second on all cores, the best of five."""
    classifier = load_classifier(folder, threads=os.cpu_count() or 1)
    glyphs = normalise([np.eye(40, dtype=np.float32)]).repeat(10_240, axis=0)
    best = float("inf")
    for _ in range(5):
        started = time.perf_counter()
        classifier.classify(glyphs)
        best = min(best, time.perf_counter() - started)
    return len(glyphs) / best


def main() -> None:
    """Ship."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="MODEL_FOLDER")
    parser.add_argument("--to", type=Path, default=SHIPPED, help="the folder to write; the package's own unless told")
    options = parser.parse_args()
    ship(options.folder, options.to)
    print(f"{options.to} holds {options.folder} now")


if __name__ == "__main__":
    main()
