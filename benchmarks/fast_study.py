"""What each setting of the recipe `fast` is worth: one changed at a time, judged on validation images.

    python benchmarks/fast_study.py [--seeds 4]        about 12 minutes on two cores

Trains on the first 50 000 training images of MNIST and tests on the last 10 000; the test set is not touched. Writes
benchmarks/fast_study.md. MNIST is looked for in INKREAD_DATA, the cache or the mirrors, as always.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inkread.datasets import load_mnist
from inkread.files import whole_file
from inkread.keras_backend import load_keras
from inkread.training import RECIPES, train
from inkread.training.provenance import hardware, versions

HERE = Path(__file__).parent
FAST = RECIPES["fast"]

VARIANTS: dict[str, dict[str, Any]] = {
    "as it is": {},
    "2 epochs, all images": {"epochs": 2, "hardest": 1.0},
    "3 epochs, all images": {"epochs": 3, "hardest": 1.0},
    "4 epochs, the hardest third": {"epochs": 4, "hardest": 1 / 3},
    "4 epochs, the hardest half": {"epochs": 4},
    "peak rate 2.5e-3": {"learning_rate": 2.5e-3},
    "peak rate 1e-2": {"learning_rate": 1e-2},
    "no label smoothing": {"smoothing": 0.0},
    "batches of 256": {"batch": 256},
    "float32": {"precision": "float32"},
    "back to Python after each step": {"steps_per_call": 1},
}


def validation_set(folder: Path) -> Path:
    """Write MNIST's training images as a data set of its own: 50 000 to train, the last 10 000 to test."""
    mnist = load_mnist()
    for name, part in (("train", slice(0, 50_000)), ("t10k", slice(50_000, None))):
        _write_idx(folder / f"{name}-images-idx3-ubyte", mnist.train_images[part])
        _write_idx(folder / f"{name}-labels-idx1-ubyte", mnist.train_labels[part])
    return folder


def _write_idx(path: Path, array: NDArray[np.uint8]) -> None:
    header = bytes([0, 0, 8, array.ndim]) + b"".join(side.to_bytes(4, "big") for side in array.shape)
    path.write_bytes(header + array.tobytes())


@contextmanager
def patch(module: Any, name: str, value: Any) -> Iterator[None]:
    """Put `value` in the place of a function or number of a module."""
    kept = getattr(module, name)
    setattr(module, name, value)
    try:
        yield
    finally:
        setattr(module, name, kept)


def run(folder: Path, seeds: int, **changes: Any) -> str:
    """Train a changed `fast` with each seed; return validation accuracy and seconds of training as table cells."""
    out = folder / "model"
    cards = [
        train(replace(FAST, **changes), data=folder, out=out, seed=seed, force=out.exists()) for seed in range(seeds)
    ]
    accuracies = [100 * card.test["accuracy"] for card in cards]
    seconds = statistics.median(card.seconds["training"] for card in cards)
    return f"{statistics.mean(accuracies):.2f} % +- {statistics.stdev(accuracies):.2f} | {seconds:.1f} s"


def study(folder: Path, seeds: int) -> Iterator[str]:
    """Yield the table, line by line."""
    keras = load_keras("the study")
    from inkread.training import networks, optimizers

    machine, used = hardware(), versions()
    yield "# What each setting of `fast` is worth\n"
    yield f"Written by `python benchmarks/fast_study.py --seeds {seeds}`: trained on the first 50 000 training images,"
    yield f"judged on the last 10 000, mean and standard deviation of seeds 0 to {seeds - 1}. {machine['processor']},"
    yield f"{machine['cores']} cores; " + ", ".join(f"{name} {version}" for name, version in used.items()) + ".\n"
    yield "| changed | validation accuracy | training, median |\n|---|---|---|"
    for name, changes in VARIANTS.items():
        yield f"| {name} | {run(folder, seeds, **changes)} |"

    def adamw_of_habit(learning_rate: float, steps: int) -> Any:
        return keras.optimizers.AdamW(optimizers.OneCycle(learning_rate, steps), weight_decay=1e-4)

    with patch(optimizers, "one_cycle", adamw_of_habit):
        yield f"| beta_2 0.999, Adam's own | {run(folder, seeds)} |"

    plain = networks.fast

    def normalise(precision: str = "float32") -> Any:
        layers: list[Any] = []
        for layer in plain(precision).layers:
            layers.append(layer)
            if isinstance(layer, keras.layers.Conv2D):
                layer.activation = keras.activations.linear
                layers += [keras.layers.BatchNormalization(dtype=precision), keras.layers.ReLU(dtype=precision)]
        return keras.Sequential([keras.layers.Input((28, 28, 1)), *layers])

    with patch(networks, "fast", normalise):
        yield f"| with batch normalisation | {run(folder, seeds)} |"


def main() -> None:
    """Run the study and write its table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=4)
    seeds = parser.parse_args().seeds
    lines = []
    with tempfile.TemporaryDirectory() as folder:
        for line in study(validation_set(Path(folder)), seeds):
            print(line, flush=True)
            lines.append(line)
    with whole_file(HERE / "fast_study.md") as path:
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
