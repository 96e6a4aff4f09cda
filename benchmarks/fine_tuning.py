"""Measure what `inkread train --own` gains for badly read handwriting, and what it costs for others: OWN.md.

    python benchmarks/fine_tuning.py                four trainings, two minutes each on two cores
    python benchmarks/fine_tuning.py --each 2       only with 20 digits of each hand

The hands are drawn. They lean back further than any that training draws, each with one shape of each digit. Harm is
counted on MNIST's training images, never on its test images. Models are in runs/own-HAND-COUNT; existing ones are not
trained again. INKREAD_DATA names the folder of the measuring sets.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from accuracy import refuses
from inkread.datasets import load_mnist
from inkread.drawing import SHAPES, Hand, draw_digit
from inkread.evaluation.statistics import calibration_error
from inkread.files import whole_file, whole_folder
from inkread.glyphs import CLASSES
from inkread.loading import load_classifier
from inkread.models.classifier import Classifier
from inkread.models.probabilities import given_a_digit
from inkread.reader import Reader
from inkread.training import fine_tune
from inkread.training.provenance import hardware
from measures import ROOT
from measuring_sets import RUNS, Glyphs, load_set

HANDS = (2, 6)
"""The two of eight hands that the shipped model reads worst."""

EACH = (2, 20)
"""How many of each digit are learnt."""

OTHERS = 30
"""How many of each digit are read before and after."""

IMAGES = 20_000
"""How many of MNIST's training images are read."""

PROMISED = 0.995


def hand(seed: int) -> tuple[Hand, dict[int, str]]:
    """Return a writer who leans back, and their shape of each digit."""
    rng = np.random.default_rng((seed, 0))
    slant, breadth = float(rng.uniform(-0.8, -0.4)), float(rng.uniform(0.6, 1.0))
    wobble, haste = float(rng.uniform(0.02, 0.03)), float(rng.uniform(0.02, 0.06))
    shapes = {digit: str(rng.choice(list(SHAPES[digit]))) for digit in SHAPES}
    return Hand(slant, breadth, wobble, haste), shapes


def pictures(seed: int, each: int, part: int) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """Yield pictures of a writer's digits, `each` of every digit. Another part has other pictures."""
    writer, shapes = hand(seed)
    rng = np.random.default_rng((seed, part))
    for _ in range(each):
        for digit in range(CLASSES):
            yield (
                digit,
                draw_digit(digit, rng=rng, size=(200, 200), pen="felt-tip", shape=shapes[digit], hand=writer),
            )


def others(seed: int) -> Glyphs:
    """Return the glyphs of a writer's digits that are read before and after."""
    reader = Reader(profile=None)
    drawn = list(pictures(seed, OTHERS, 1))
    images = np.stack([reader.steps(picture, as_="digit").glyphs[0] for _, picture in drawn])
    return Glyphs(images, np.array([digit for digit, _ in drawn]), np.array([]))


def learnt(seed: int, each: int) -> Path:
    """Return the shipped model, fine-tuned with `each` of every digit of a writer."""
    model, own = RUNS / f"own-{seed}-{10 * each}", RUNS / f"own-digits-{seed}-{10 * each}"
    if not own.exists():
        with whole_folder(own) as folder:
            for number, (digit, picture) in enumerate(pictures(seed, each, 2)):
                (folder / str(digit)).mkdir(exist_ok=True)
                Image.fromarray(picture).save(folder / str(digit) / f"{number}.png")
    if not model.exists():
        fine_tune(own, out=model)
    return model


def sets() -> dict[str, Glyphs]:
    """Return the sets of other writers."""
    mnist = load_mnist()
    images = np.asarray(mnist.train_images[-IMAGES:] / np.float32(255), np.float32)
    return {
        "MNIST's training images": Glyphs(images, mnist.train_labels[-IMAGES:].astype(np.int64), np.array([])),
        "drawn/eval": load_set("drawn/eval"),
        "pictures": load_set("pictures"),
    }


def report(seeds: tuple[int, ...], each: tuple[int, ...]) -> Iterator[str]:
    """Train, measure, and yield OWN.md line by line."""
    machine, kept = hardware(), sets()
    yield "# What fine-tuning with your digits is worth\n"
    yield f"Written by `benchmarks/fine_tuning.py` on {machine['processor']}, {machine['cores']} cores. The digits are"
    yield f"those of a drawn hand that leans back; *others* are {10 * OTHERS} more of it."
    yield "A cell is percent wrong / percent right and not refused."
    yield "*No digit* is the share of non-digits not refused, of kinds that training never sees. Calibration is the"
    yield "calibration error on the real single pictures, and how many of their digits are among"
    yield f"`candidates({PROMISED})`, both with the values that the card copies.\n"
    yield f"| model | others | {' | '.join(kept)} | non-digits | calibration | threshold | minutes |"
    yield "|---|---|" + "---|" * len(kept) + "---|---|---|---|"
    for seed in seeds:
        own = others(seed)
        yield row(f"hand {seed}, shipped", None, own, kept)
        for count in each:
            yield row(f"hand {seed}, {10 * count} digits", learnt(seed, count), own, kept)


def row(name: str, model: Path | None, own: Glyphs, kept: dict[str, Glyphs]) -> str:
    """Return a row of the table."""
    classifier = load_classifier(model, threads=os.cpu_count() or 1)
    cells = [_read(classifier, glyphs) for glyphs in (own, *kept.values())]
    none = load_set("held-out families").images
    missed = 100 * float((~refuses(classifier.card, classifier.classify(none)) & none.any(axis=(1, 2))).mean())
    card = classifier.card
    minutes = "" if model is None else f"{card.seconds['total'] / 60:.1f}"
    calibration = _calibration(classifier, kept["pictures"])
    return f"| {name} | {' | '.join(cells)} | {missed:.1f} | {calibration} | {card.no_digit:.3f} | {minutes} |"


def _read(classifier: Classifier, glyphs: Glyphs) -> str:
    probabilities = classifier.classify(glyphs.images)
    right = probabilities[:, :CLASSES].argmax(axis=1) == glyphs.labels
    accepted = right & ~refuses(classifier.card, probabilities)
    return f"{100 * float((~right).mean()):.2f} / {100 * float(accepted.mean()):.2f}"


def _calibration(classifier: Classifier, glyphs: Glyphs) -> str:
    """Return the calibration error, and the share of true digits that are among the candidates."""
    digits = given_a_digit(classifier.classify(glyphs.images))
    right = digits.argmax(axis=1) == glyphs.labels
    error = calibration_error(digits.max(axis=1), right) or 0.0
    if (conformal := classifier.card.conformal) is None:
        return f"{error:.4f}"
    least = np.minimum(conformal.least(PROMISED), digits.max(axis=1))
    among = digits[np.arange(len(right)), glyphs.labels] >= least
    return f"{error:.4f}, {100 * float(among.mean()):.2f}%"


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hands", type=int, nargs="+", default=HANDS, help="numbers of hands; default: 2 and 6")
    parser.add_argument("--each", type=int, nargs="+", default=EACH, help="how many of each digit; default: 2 and 20")
    options = parser.parse_args()
    lines = [*report(tuple(options.hands), tuple(options.each)), ""]
    with whole_file(ROOT / "benchmarks" / "OWN.md") as path:
        path.write_text("\n".join(lines), encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
