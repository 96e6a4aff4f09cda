"""What 8 bits change in the detector: its size, its time, and how many digits of drawn pages it finds and reads.

    python benchmarks/eight_bits.py runs/best-0 [--pages 400]

MODEL_FOLDER is one that `inkread train --recipe best` has written, since the package has no weights in floats. The
pages have MNIST's test digits among our own drawings. Prints a table.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from inkread.datasets import load_mnist
from inkread.datasets.material import find_material
from inkread.foreign.detector_to_onnx import write_in_floats
from inkread.keras_backend import load_keras
from inkread.marks import CENTRE, CLASSES_FROM, CLASSES_TO
from inkread.models.files import DETECTOR_NAME, KERAS_NAME, MODEL_NAME
from inkread.training import detector_targets as target
from inkread.training.detector_material import Drawing, draw_patch
from inkread.training.provenance import hardware, versions

SEED = 991
FOUND = 0.4
"""A mark is found if its probability of a centre is larger than this, as in reading."""

TIMED = (1, 1216, 848, 1)
"""The shape of the page that is timed: A4 at about 100 dots per inch."""


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="MODEL_FOLDER")
    parser.add_argument("--pages", type=int, default=400)
    options = parser.parse_args()
    within = options.folder / DETECTOR_NAME
    pages, targets = _draw(options.pages)
    load_keras("comparing")
    import keras

    import inkread.training.detector_network  # noqa: F401 - Keras finds the layers of the detector there

    print(f"{hardware()}, {versions()}, {options.pages} pages, seed {SEED}\n")
    print("| detector | MB | ms a page of 1 megapixel, one core | digits found | digits right |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / MODEL_NAME
        write_in_floats(keras.models.load_model(within / KERAS_NAME), plain)
        for name, path in (("32-bit floats", plain), ("8 bits", within / MODEL_NAME)):
            print(f"| {name} | {path.stat().st_size / 1e6:.2f} | {_row(path, pages, targets)} |", flush=True)


def _draw(count: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return pages, (N, H, W, 1), and their targets, (N, H/4, W/4, 9), as in a training, but with test digits."""
    mnist = load_mnist()
    stock = Drawing(SEED, mnist.test_images, mnist.test_labels, find_material(None)).stock()
    rng = np.random.default_rng(SEED)
    patches = [draw_patch(stock, rng=rng) for _ in range(count)]
    pages = np.stack([patch.page for patch in patches])[..., None].astype(np.float32)
    of_pages = [target.detector_targets(patch.marks, patch.ignored, pages.shape[1:3]) for patch in patches]
    return pages, np.stack(of_pages)


def _row(path: Path, pages: NDArray[np.float32], targets: NDArray[np.float32]) -> str:
    """Return the last three columns of a detector."""
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, settings, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    found = right = digits = 0
    for page, wanted in zip(pages, targets, strict=True):
        answers = session.run(None, {name: page[None]})[0][0]
        at = (wanted[..., target.HEAT] >= 1) & (wanted[..., target.CLASS] < 10)
        here = answers[at]
        digits += len(here)
        found += int(((1 + np.tanh(here[:, CENTRE] / 2)) / 2 > FOUND).sum())
        right += int((here[:, CLASSES_FROM:CLASSES_TO].argmax(axis=1) == wanted[at][:, target.CLASS]).sum())
    large = np.random.default_rng(SEED).normal(0, 1, TIMED).astype(np.float32)
    taken = []
    for _ in range(9):
        started = time.process_time()
        session.run(None, {name: large})
        taken.append(time.process_time() - started)
    return f"{1000 * np.median(taken):.0f} | {100 * found / digits:.2f}% | {100 * right / digits:.2f}% of {digits}"


if __name__ == "__main__":
    main()
