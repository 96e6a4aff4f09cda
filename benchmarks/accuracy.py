"""Train `best` with several seeds, measure each on every set, and write benchmarks/ACCURACY.md.

    python benchmarks/accuracy.py               five seeds: under two hours each on two cores, detector included
    python benchmarks/accuracy.py --seeds 1     only the first seed
    python benchmarks/accuracy.py --no-train    measure the models that exist already
    python benchmarks/accuracy.py --ray auto    one Ray task per seed, two cores each, on nodes that share this folder

After an interruption, run it again to continue: models are in runs/best-SEED. INKREAD_DATA names the folder of the
sets.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from calibrate import Calibration, calibrate, on_card, with_card
from inkread.batch.cluster import load_ray
from inkread.files import whole_file
from inkread.glyphs import CLASSES, NON_DIGIT
from inkread.loading import SHIPPED, load_classifier
from inkread.models.card import Card, load_card
from inkread.models.classifier import Classifier
from inkread.models.probabilities import given_a_digit
from inkread.training.provenance import hardware, versions
from measures import INKREAD, ROOT, time_run
from measuring_sets import RUNS, Glyphs, load_set

MINUTES = 115
"""Minutes that one training takes on two cores."""

WANTED = {
    "MNIST test": (99.70, 99.78),
    "usps": (97.8, 98.5),
    "optdigits": (98.3, 99.3),
    "drawn/eval": (98.5, 99.5),
    "european": (98.7, 99.6),
    "pictures": (98.6, 99.7),
}
REFUSING = ("nondigits", "held-out families")


@dataclass(frozen=True, slots=True)
class Scores:
    """The scores of a model, in percent.

    right: digits whose most probable class is the right one, by set.
    accepted: digits that are right and not refused at the card's thresholds, by set.
    refused: non-digits that are refused, by set.
    calibration: the calibration on single pictures, for each source fitted on the others.
    """

    right: dict[str, float]
    accepted: dict[str, float]
    refused: dict[str, float]
    calibration: Calibration
    seconds: float


def measure(folder: Path) -> Scores:
    """Return the scores of a model folder on every set."""
    classifier = load_classifier(folder, threads=os.cpu_count() or 1)
    card = classifier.card
    calibration = calibrate(classifier, load_set("pictures"))
    classifier = with_card(classifier, on_card(card, calibration))
    right, accepted = {"MNIST test": 100 * card.test["accuracy"]}, {}
    for name in WANTED:
        if name != "MNIST test":
            right[name], accepted[name] = _digits(classifier, load_set(name))
    refused = {name: _count_refused(classifier, load_set(name)) for name in REFUSING}
    return Scores(right, accepted, refused, calibration, card.seconds["total"])


def _digits(classifier: Classifier, glyphs: Glyphs) -> tuple[float, float]:
    """Return the percentages that are right, and that are right and accepted."""
    probabilities = classifier.classify(glyphs.images)
    right = probabilities[:, :CLASSES].argmax(axis=1) == glyphs.labels
    return 100 * float(right.mean()), 100 * float((right & ~refuses(classifier.card, probabilities)).mean())


def _count_refused(classifier: Classifier, glyphs: Glyphs) -> float:
    """Return the percentage of non-digits that are refused, including those that are blank."""
    blank = ~glyphs.images.any(axis=(1, 2))
    return 100 * float((blank | refuses(classifier.card, classifier.classify(glyphs.images))).mean())


def refuses(card: Card, probabilities: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Tell which rows, (N, 11), a card's thresholds refuse, as the reader does."""
    confidence = given_a_digit(probabilities).max(axis=1)
    return np.asarray((probabilities[:, NON_DIGIT] > card.no_digit) | (confidence < card.min_confidence), np.bool_)


def train_all(seeds: int, ray: str | None = None) -> None:
    """Train the missing seeds, after printing how long it takes; on a Ray cluster, several at a time."""
    todo = [seed for seed in range(seeds) if not (_folder(seed) / "card.json").exists()]
    if todo:
        print(f"{len(todo)} trainings to go, about {MINUTES} minutes each on two cores", flush=True)
    for said in map(_train, todo) if ray is None else _trained_on(ray, todo):
        print(said, flush=True)


def _train(seed: int) -> str:
    """Train with a seed, and return a line about it."""
    seconds, printed = time_run((INKREAD, "train", "--recipe", "best", "--seed", str(seed), "--out", _folder(seed)))
    return f"seed {seed}: {printed.splitlines()[0]}; {seconds / 60:.1f} minutes"


def _trained_on(address: str, seeds: list[int]) -> Iterator[str]:
    """Train each seed as a task of a Ray cluster, and yield a line about each as it ends."""
    ray = load_ray()
    ray.init(address=address, log_to_driver=False, runtime_env={"env_vars": {"PYTHONPATH": str(Path(__file__).parent)}})
    task = ray.remote(num_cpus=2)(_train)
    waiting = [task.remote(seed) for seed in seeds]
    while waiting:
        done, waiting = ray.wait(waiting)
        yield from ray.get(done)


def _folder(seed: int) -> Path:
    return RUNS / f"best-{seed}"


def report(runs: dict[str, Scores], shipped: Scores) -> Iterator[str]:
    """Yield ACCURACY.md line by line."""
    machine = hardware()
    libraries = ", ".join(f"{name} {version}" for name, version in versions().items())
    yield "# Accuracy of `best`\n"
    yield "Written by `benchmarks/accuracy.py`; run it to measure on your machine. Epochs and settings were fixed"
    yield "before the runs; each run looked at MNIST's test images once, at its end. The other sets were never used"
    yield "for training.\n"
    yield f"Measured on {machine['processor']}, {machine['cores']} cores, {machine['memory_gib']} GiB; {libraries}.\n"
    yield f"| right, of each set | mean of {len(runs)} seeds | shipped | at least | aim |\n|---|---|---|---|---|"
    for name, (least, aim) in WANTED.items():
        values = [scores.right[name] for scores in runs.values()]
        yield f"| {name} | {_spread(values)} | {shipped.right[name]:.2f}% | {least}% | {aim}% |"
    values = [scores.accepted["pictures"] for scores in runs.values()]
    yield f"| pictures, right and accepted | {_spread(values)} | {shipped.accepted['pictures']:.2f}% | 97% | 99% |"
    for name, wanted in zip(REFUSING, ("90%", ""), strict=True):
        values = [scores.refused[name] for scores in runs.values()]
        yield f"| {name}, refused | {_spread(values)} | {shipped.refused[name]:.1f}% | {wanted} | |"
    errors = [scores.calibration.error for scores in runs.values()]
    error = shipped.calibration.error
    yield f"| calibration error, pictures | {statistics.mean(errors):.4f} | {error:.4f} | 0.02 | 0.01 |"
    minutes = [scores.seconds / 60 for scores in runs.values()]
    yield f"| one training, minutes | {_spread(minutes, '')} | {shipped.seconds / 60:.1f} | 60 | 20 |"
    yield "\nRight and accepted at the shipped thresholds: " + ", ".join(
        f"{name} {value:.2f}%" for name, value in shipped.accepted.items()
    )
    yield "\n| seed | " + " | ".join(WANTED) + " |\n|---|" + "---|" * len(WANTED)
    for seed, scores in runs.items():
        yield f"| {seed} | " + " | ".join(f"{scores.right[name]:.2f}%" for name in WANTED) + " |"


def _spread(values: list[float], unit: str = "%") -> str:
    deviation = f" +- {statistics.stdev(values):.2f}" if len(values) > 1 else ""
    return f"{statistics.mean(values):.2f}{unit}{deviation}"


def main() -> None:
    """Train, measure and write up."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5, help="how many seeds, from 0; default: 5")
    parser.add_argument("--no-train", action="store_true", help="measure existing models, train nothing")
    parser.add_argument("--ray", metavar="ADDRESS", help="train on a Ray cluster: its address, 'auto' or 'local'")
    options = parser.parse_args()
    if not os.environ.get("INKREAD_DATA"):
        parser.error("INKREAD_DATA must name the folder with mnist/, pictures/ and the other sets")
    if not options.no_train:
        train_all(options.seeds, options.ray)
    trained = [seed for seed in range(options.seeds) if (_folder(seed) / "card.json").exists()]
    runs = {str(seed): measure(_folder(seed)) for seed in trained}
    shipped = measure(SHIPPED)
    with whole_file(ROOT / "benchmarks" / "ACCURACY.md") as path:
        path.write_text("\n".join(report(runs, shipped)) + "\n", encoding="utf-8")
    print(json.dumps({"best": load_card(SHIPPED).recipe, "right": shipped.right, "refused": shipped.refused}, indent=1))


if __name__ == "__main__":
    main()
