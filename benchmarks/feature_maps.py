"""Too few and too many feature maps: the tutorial's two convolutions with 1 to 128 maps each.

    python benchmarks/feature_maps.py                 prints first how long it will take
    python benchmarks/feature_maps.py --maps 1 8 --seeds 1 --epochs 1 --out /tmp/trial       a trial

Each network is trained on the first 10 000 training images, few enough for a large one to begin to memorise them, and
is tested once, at its end, on MNIST's test images; nothing is chosen by that test. Writes benchmarks/FEATURE_MAPS.md
and docs/theory/feature-maps.png. After an interruption, run it again to continue: results are in
runs/feature_maps.json.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from inkread.datasets import Mnist, load_mnist
from inkread.figures import save_figure
from inkread.files import whole_file
from inkread.keras_backend import load_keras
from inkread.style import ANSWER, QUIET, TEXT, WARNING, calm, caption
from inkread.training.provenance import hardware, versions

ROOT = Path(__file__).parents[1]
MAPS = (1, 2, 4, 8, 16, 32, 64, 128)
IMAGES = 10_000
BATCH = 64
TRIAL_STEPS = 20

Result = dict[str, float]


def network(maps: int) -> Any:
    """Return the compiled network: two convolutions with `maps` maps, each pooled, and one dense layer."""
    keras = load_keras("the study")
    layers = keras.layers
    model = keras.Sequential(
        [
            layers.Input((28, 28, 1)),
            layers.Conv2D(maps, 5, padding="same", activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(maps, 5, padding="same", activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(keras.optimizers.Adam(1e-3), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def run(maps: int, seed: int, epochs: int, mnist: Mnist) -> Result:
    """Train one network and return its accuracies, parameters and seconds."""
    load_keras("the study").utils.set_random_seed(seed)
    model = network(maps)
    images, labels = scale(mnist.train_images[:IMAGES]), mnist.train_labels[:IMAGES]
    started = time.perf_counter()
    model.fit(images, labels, batch_size=BATCH, epochs=epochs, verbose=0)
    seconds = time.perf_counter() - started
    training = float(model.evaluate(images, labels, batch_size=1000, verbose=0)[1])
    test = float(model.evaluate(scale(mnist.test_images), mnist.test_labels, batch_size=1000, verbose=0)[1])
    return {"training": training, "test": test, "parameters": model.count_params(), "seconds": seconds}


def scale(images: np.typing.NDArray[np.uint8]) -> np.typing.NDArray[np.float32]:
    """Return images, (N, 28, 28) uint8, as (N, 28, 28, 1) float32 in 0..1."""
    return np.asarray(images[..., None] / np.float32(255), np.float32)


def expected_seconds(todo: Iterable[tuple[int, int]], epochs: int) -> float:
    """Return an estimate of the time that these runs, (maps, seed), take, from a few steps of each size."""
    glyphs, labels = np.zeros((BATCH * TRIAL_STEPS, 28, 28, 1), np.float32), np.zeros(BATCH * TRIAL_STEPS)
    sizes = [maps for maps, _ in todo]
    total = 0.0
    for maps in sorted(set(sizes)):
        model = network(maps)
        # The first step compiles.
        model.fit(glyphs[:BATCH], labels[:BATCH], batch_size=BATCH, verbose=0)
        started = time.perf_counter()
        model.fit(glyphs, labels, batch_size=BATCH, verbose=0)
        step = (time.perf_counter() - started) / TRIAL_STEPS
        total += sizes.count(maps) * (step * epochs * IMAGES / BATCH + 3)
    return total


def measure(maps: Sequence[int], seeds: int, epochs: int, kept: Path) -> dict[str, Result]:
    """Return the results by "maps/seed/epochs": those in `kept`, and the others, which are run and stored there."""
    results: dict[str, Result] = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {}
    todo = [(size, seed) for seed in range(seeds) for size in maps if f"{size}/{seed}/{epochs}" not in results]
    if todo:
        print(f"{len(todo)} runs to do, about {expected_seconds(todo, epochs) / 60:.0f} minutes", flush=True)
    mnist = load_mnist()
    for size, seed in todo:
        result = results[f"{size}/{seed}/{epochs}"] = run(size, seed, epochs, mnist)
        print(f"{size:4} maps, seed {seed}: " + json.dumps(result), flush=True)
        kept.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(kept) as path:
            path.write_text(json.dumps(results, indent=1), encoding="utf-8")
    return {key: result for key, result in results.items() if key.endswith(f"/{epochs}")}


def row_of(results: dict[str, Result], maps: int, name: str) -> list[float]:
    """Return one measurement for every seed of a size."""
    return [result[name] for key, result in results.items() if key.startswith(f"{maps}/")]


def table(results: dict[str, Result], maps: Sequence[int], epochs: int) -> str:
    """Return FEATURE_MAPS.md."""
    machine, used = hardware(), versions()
    seeds = len(row_of(results, maps[0], "test"))
    lines = [
        "# Too few and too many feature maps\n",
        f"Written by `python benchmarks/feature_maps.py`: {epochs} epochs over the first {IMAGES:,} training images, "
        f"seeds 0 to {seeds - 1}, mean and standard deviation; the test images were looked at once per run, at its "
        "end. "
        f"{machine['processor']}, {machine['cores']} cores; "
        + ", ".join(f"{name} {version}" for name, version in used.items())
        + ".\n",
        "| feature maps | parameters | training accuracy | test accuracy | training minus test | seconds |",
        "|---|---|---|---|---|---|",
    ]
    for size in maps:
        training, test = row_of(results, size, "training"), row_of(results, size, "test")
        gap = 100 * (statistics.mean(training) - statistics.mean(test))
        seconds = statistics.median(row_of(results, size, "seconds"))
        parameters = int(row_of(results, size, "parameters")[0])
        lines.append(f"| {size} | {parameters:,} | {spread(training)} | {spread(test)} | {gap:.2f} | {seconds:.0f} |")
    return "\n".join(lines) + "\n"


def spread(accuracies: Sequence[float]) -> str:
    """Return mean and standard deviation in percent."""
    deviation = f" +- {100 * statistics.stdev(accuracies):.2f}" if len(accuracies) > 1 else ""
    return f"{100 * statistics.mean(accuracies):.2f}%{deviation}"


def draw(results: dict[str, Result], maps: Sequence[int]) -> Figure:
    """Return the figure: training and test accuracy against the number of maps, each seed a dot."""
    figure = Figure(figsize=(7.2, 4.2), dpi=110, facecolor="white", layout="constrained")
    axes = figure.add_subplot()
    for name, colour in (("training", ANSWER), ("test", WARNING)):
        means = [100 * statistics.mean(row_of(results, size, name)) for size in maps]
        axes.plot(maps, means, color=colour, linewidth=1.8, label=f"{name} images")
        for size in maps:
            values = [100 * value for value in row_of(results, size, name)]
            axes.plot([size] * len(values), values, "o", color=colour, markersize=3.5, alpha=0.6, markeredgewidth=0)
    axes.set_xscale("log", base=2)
    axes.set_xticks(maps, [str(size) for size in maps])
    axes.minorticks_off()
    axes.set_xlabel("feature maps of each convolution", color=QUIET, fontsize=9)
    axes.grid(axis="y", color="#eef1f3")
    axes.set_axisbelow(True)
    axes.legend(loc="lower right", frameon=False, labelcolor=TEXT, fontsize=9)
    caption(axes, "Too few and too many feature maps", f"percent right after training on {IMAGES:,} images")
    calm(axes)
    return figure


def main() -> None:
    """Run the missing parts of the study, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--maps", type=int, nargs="+", default=list(MAPS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--out", type=Path, help="folder for everything; default: where the docs expect it")
    options = parser.parse_args()
    kept = (options.out or ROOT / "runs") / "feature_maps.json"
    results = measure(options.maps, options.seeds, options.epochs, kept)
    written, figure = ROOT / "benchmarks" / "FEATURE_MAPS.md", ROOT / "docs" / "theory" / "feature-maps.png"
    if options.out:
        written, figure = options.out / written.name, options.out / figure.name
    with whole_file(written) as path:
        path.write_text(table(results, options.maps, options.epochs), encoding="utf-8")
    figure.parent.mkdir(parents=True, exist_ok=True)
    save_figure(draw(results, options.maps), figure)


if __name__ == "__main__":
    main()
