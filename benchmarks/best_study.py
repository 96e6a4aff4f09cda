"""What changes to the recipe `best` are worth: one at a time, measured on validation images and glyphs made from them.

    python benchmarks/best_study.py                          every variant that was not run yet
    python benchmarks/best_study.py "AdamW, 10 epochs"       only this one

Trains on the first 50 000 training images of MNIST, seed 0, for a third of the recipe's epochs, or half of those that
it had with AdamW: three to eight minutes per variant on two cores. Measures on the last 10 000 images, and on glyphs
that `inkread.training.training_glyphs` makes from them; the test set is not used. Networks are kept in runs/study; the
table is benchmarks/best_study.md.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fast_study import patch
from inkread.datasets import Mnist, load_mnist
from inkread.files import whole_file
from inkread.glyphs import NON_DIGIT
from inkread.keras_backend import load_keras
from inkread.loading import load_classifier
from inkread.models.probabilities import cross_entropy, fit_temperature, given_a_digit, temper
from inkread.training import RECIPES
from inkread.training.history import History, Watcher
from inkread.training.provenance import hardware, versions
from inkread.training.training_glyphs import SHARES, Glyphs, TrainingGlyphs
from measuring_sets import RUNS

HERE = Path(__file__).parent
STUDY = RUNS / "study"
TRUST = 0.7
"""The share of the teachers' mean answer in a label (Hinton, Vinyals and Dean 2015, "Distilling the knowledge in a
neural network")."""


@dataclass(frozen=True, slots=True)
class Variant:
    """A change to the recipe.

    optimizer: name of a function of `inkread.training.optimizers`; None for the recipe's.
    epochs: passes over the glyphs.
    end: the learning rate at the last step of Muon, as a share of the peak.
    layers: maps, side of the kernel and stride of each convolution; None for the recipe's.
    smoothing: label smoothing.
    teachers: names of the variants from which it is distilled; their answers are smooth already.
    """

    optimizer: str | None = None
    epochs: int = 10
    end: float = 0.2
    layers: tuple[tuple[int, int, int], ...] | None = None
    smoothing: float = 0.1
    teachers: tuple[str, ...] = ()


HALVING = ((32, 5, 2), (64, 3, 2), (64, 3, 1), (64, 3, 1), (96, 3, 2), (96, 3, 1))
BETWEEN = ((32, 5, 2), (48, 3, 1), (64, 3, 2), (64, 3, 1), (96, 3, 2), (96, 3, 1))
ADAMW = partial(Variant, optimizer="averaged_cycle", epochs=20)
VARIANTS = {
    "as it is: Muon, 10 epochs": Variant(),
    "Muon, 10 epochs, whose rate falls to nothing": Variant(end=0.001),
    "AdamW, 10 epochs": Variant(optimizer="averaged_cycle"),
    "AdamW, 20 epochs (`best` before Muon)": ADAMW(),
    "AdamW, 20 epochs, first layer halves the resolution": ADAMW(layers=HALVING),
    "AdamW, 20 epochs, first layer halves the resolution, second keeps it": ADAMW(layers=BETWEEN),
    "halving, AdamW, 20 epochs, label smoothing of 0.02": ADAMW(layers=HALVING, smoothing=0.02),
}
_TEACHERS = tuple(name for name, variant in VARIANTS.items() if variant.epochs == 20 and variant.layers != BETWEEN)
VARIANTS["halving, AdamW, 20 epochs, distilled from three networks with AdamW"] = ADAMW(
    layers=HALVING, smoothing=0.0, teachers=_TEACHERS
)


@dataclass(frozen=True, slots=True)
class Judged:
    """The results of a variant: accuracy over eleven classes and digits refused, in percent, and losses.

    images: accuracy over ten classes, as in the test on MNIST's test images.
    refused: digits of both kinds of glyphs that are refused at the threshold that refuses 95% of the non-digits.
    loss: cross-entropy of each kind of digits, given that it is a digit, at one temperature for all.
    """

    images: float
    augmented: float
    drawn: float
    nondigits: float
    refused: float
    loss: dict[str, float]


def make(mnist: Mnist) -> dict[str, Glyphs]:
    """Return glyphs of each kind, made from MNIST's last 10 000 training images."""
    held = replace(mnist, train_images=mnist.train_images[50_000:], train_labels=mnist.train_labels[50_000:])
    with TrainingGlyphs(held, seed=12345) as material:
        jobs = {name: [material.begin(name, (777, part, 9), 500) for part in range(12)] for name in SHARES}
        parts = {name: [job.result() for job in jobs[name]] for name in SHARES}
    return {name: tuple(map(np.concatenate, zip(*parts[name], strict=True))) for name in SHARES}  # type: ignore[misc]


def judge(model: Path, mnist: Mnist, glyphs: dict[str, Glyphs]) -> Judged:
    """Return the results of a network of the study, an ONNX file."""
    images = {"images": (mnist.train_images[50_000:], mnist.train_labels[50_000:])}
    answers = {name: (outputs([model], shown), labels) for name, (shown, labels) in (glyphs | images).items()}
    threshold = np.quantile(answers["nondigits"][0][:, NON_DIGIT], 0.05)
    refused = np.concatenate([answers[name][0][:, NON_DIGIT] for name in ("augmented", "drawn")]) > threshold
    digits = {name: (given_a_digit(given), labels) for name, (given, labels) in answers.items() if name != "nondigits"}
    given, truth = map(np.concatenate, zip(*digits.values(), strict=True))
    temperature = fit_temperature(truth, given)
    loss = {name: cross_entropy(labels, temper(given, temperature)) for name, (given, labels) in digits.items()}
    answers["images"] = digits["images"]
    right = {name: 100 * float((given.argmax(axis=1) == labels).mean()) for name, (given, labels) in answers.items()}
    return Judged(**right, refused=100 * float(refused.mean()), loss=loss)


def outputs(models: Iterable[Path], glyphs: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the networks' mean output for glyphs, (N, 28, 28) uint8: (N, 11) float32."""
    parts = [np.asarray(glyphs[start : start + 500] / 255, np.float32) for start in range(0, len(glyphs), 500)]
    given = [np.concatenate([*map(load_classifier(model).outputs, parts)]) for model in models]
    return np.asarray(np.mean(given, axis=0), np.float32)


def run(name: str, mnist: Mnist) -> float:
    """Train a variant, save its network as an ONNX file, and return the seconds that training took."""
    keras = load_keras("the study")
    from inkread.foreign.to_onnx import export_onnx
    from inkread.training import fitting, networks, optimizers

    variant = VARIANTS[name]

    def change(precision: str = "float32") -> Any:  # noqa: ARG001 - the signature of all networks
        middle: list[Any] = []
        for maps, side, stride in variant.layers or ():
            settings = {"padding": "same", "use_bias": False, "kernel_initializer": "he_normal"}
            middle += [keras.layers.Conv2D(maps, side, strides=stride, **settings)]
            middle += [keras.layers.BatchNormalization(momentum=0.98), keras.layers.ReLU()]
        end = [keras.layers.Flatten(), keras.layers.Dense(11), keras.layers.Softmax()]
        return keras.Sequential([keras.layers.Input((28, 28, 1)), *middle, *end])

    def train(epochs: Iterable[Glyphs], size: int) -> Iterator[tuple[NDArray[np.float32], NDArray[np.float32]]]:
        teachers = [_onnx(other) for other in variant.teachers]
        for glyphs, labels in epochs:
            answers = TRUST * outputs(teachers, glyphs) + (1 - TRUST) * np.eye(11, dtype=np.float32)[labels]
            for start in range(0, len(labels), size):
                yield fitting.scale_images(glyphs[start : start + size]), answers[start : start + size]

    best = RECIPES["best"]
    recipe = replace(
        best,
        epochs=variant.epochs,
        optimizer=variant.optimizer or best.optimizer,  # type: ignore[arg-type]
        smoothing=variant.smoothing,
    )
    small = replace(mnist, train_images=mnist.train_images[:50_000], train_labels=mnist.train_labels[:50_000])
    with ExitStack() as stack:
        ending = partial(optimizers.OneCycle, end=variant.end)
        if best.optimizer == recipe.optimizer:
            stack.enter_context(patch(optimizers, "OneCycle", lambda peak, steps, **_: ending(peak, steps)))
        if variant.layers:
            stack.enter_context(patch(networks, "best", change))
        if variant.teachers:
            stack.enter_context(patch(fitting, "_batches", train))
        started = time.perf_counter()
        model = fitting.fit_recipe(recipe, small, seed=0, history=History(), watcher=Watcher())
        seconds = time.perf_counter() - started
    with whole_file(_onnx(name)) as path:
        export_onnx(model, path, fitting.scale_images(mnist.train_images[:500])[..., 0])
    return seconds


def _onnx(name: str) -> Path:
    return STUDY / f"{list(VARIANTS).index(name)}.onnx"


def table(results: dict[str, tuple[Judged, float]]) -> Iterator[str]:
    """Yield best_study.md line by line, from the results and the training time of each variant."""
    machine = hardware()
    yield "# What changes to `best` are worth\n"
    yield "Written by `benchmarks/best_study.py`: trained on the first 50 000 training images, seed 0. Accuracy: of"
    yield "the last 10 000 training images over ten classes, and of 6 000 glyphs of *augmented*, *drawn* and non-"
    yield "digits over eleven. Loss: mean cross-entropy in thousandths, given that it is a digit, of images,"
    yield "*augmented* and *drawn*. Digits refused: of *augmented* and *drawn*, at the threshold that refuses 95%"
    yield "of the drawn non-digits."
    yield f"{machine['processor']}, {machine['cores']} cores; {', '.join(f'{n} {v}' for n, v in versions().items())}.\n"
    yield "| changed | images | augmented | drawn | non-digits | digits refused | loss | training |"
    yield "|---|---|---|---|---|---|---|---|"
    for name, (reached, seconds) in results.items():
        *shares, loss = asdict(reached).values()
        cells = [f"{share:.2f}%" for share in shares]
        cells += [" / ".join(f"{1000 * loss[share]:.1f}" for share in ("images", "augmented", "drawn"))]
        yield f"| {name} | {' | '.join(cells)} | {seconds / 60:.1f} min |"


def main() -> None:
    """Run the given variant, or all that were not run yet, and write the table of all results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("variant", nargs="?", choices=VARIANTS)
    asked = parser.parse_args().variant
    STUDY.mkdir(parents=True, exist_ok=True)
    kept = STUDY / "seconds.json"
    seconds: dict[str, float] = json.loads(kept.read_text()) if kept.exists() else {}
    mnist = load_mnist()
    for name in [asked] if asked else [name for name in VARIANTS if name not in seconds]:
        seconds[name] = run(name, mnist)
        with whole_file(kept) as path:
            path.write_text(json.dumps(seconds, indent=1))
    glyphs = make(mnist)
    results = {name: (judge(_onnx(name), mnist, glyphs), seconds[name]) for name in VARIANTS if name in seconds}
    with whole_file(HERE / "best_study.md") as path:
        path.write_text("\n".join(table(results)) + "\n", encoding="utf-8")
    print((HERE / "best_study.md").read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
