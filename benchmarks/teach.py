"""Measure what teaching is worth, with the shipped model or another, and write benchmarks/TEACH.md.

    python benchmarks/teach.py [--model FOLDER] [--out FILE.md]

The test images of USPS and MNIST and the pictures are only measured here. docs/decisions/teaching.md says how the
constants in `inkread.teaching.neighbours` were chosen. INKREAD_DATA names the folder of the measuring sets. Takes 5
minutes.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV

from inkread.datasets import load_mnist
from inkread.datasets.folders import LabelledPicture, labelled_pictures
from inkread.errors import PictureError
from inkread.evaluation.statistics import calibration_error
from inkread.files import whole_file
from inkread.glyphs import CLASSES, NON_DIGIT
from inkread.loading import load_classifier
from inkread.models.classifier import Classifier
from inkread.models.probabilities import given_a_digit
from inkread.reader import Reader
from inkread.teaching import Profile
from inkread.teaching.lessons import as_bytes
from inkread.teaching.neighbours import Neighbours
from inkread.training.provenance import hardware
from measures import ROOT
from measuring_sets import Glyphs, load_set

DRAWS, OF_EACH = 5, 5
MANY = 100
"""How many of each class are taught to measure the effect of much teaching."""

_BATCH = 256


@dataclass(frozen=True, slots=True)
class Seen:
    """A set as the network sees it."""

    labels: NDArray[np.int64]
    glyphs: NDArray[np.uint8]
    probabilities: NDArray[np.float32]
    features: NDArray[np.float32]

    def part(self, indices: NDArray[np.intp]) -> Seen:
        """Return the part of it at these indices."""
        return Seen(self.labels[indices], self.glyphs[indices], self.probabilities[indices], self.features[indices])


@dataclass(frozen=True, slots=True)
class Row:
    """Means over draws: glyphs, errors before and after, accuracy of accepted ones, and calibration errors."""

    name: str
    of: int
    before: float
    after: float
    accepted: tuple[float, float]
    calibration: tuple[float, float]


def seen(classifier: Classifier, glyphs: Glyphs) -> Seen:
    """Return a set as a network sees it."""
    batches = [glyphs.images[start : start + _BATCH] for start in range(0, len(glyphs.images), _BATCH)]
    pairs = [classifier.classify_with_features(batch) for batch in batches]
    probabilities, features = (np.concatenate(parts) for parts in zip(*pairs, strict=True))
    return Seen(glyphs.labels, as_bytes(glyphs.images), probabilities, features)


def taught(lessons: Seen) -> Neighbours:
    """Return the neighbours after teaching a set."""
    return Neighbours(lessons.labels.tolist(), list(lessons.glyphs), lessons.probabilities, lessons.features)


def weighed(neighbours: Neighbours, of: Seen) -> NDArray[np.float32]:
    """Return the probabilities of a set after teaching."""
    return neighbours.reweigh(of.glyphs, of.probabilities, of.features)


class Tally:
    """Collects how a set is read before and after teaching."""

    def __init__(self, name: str, no_digit: float) -> None:
        self.name, self.no_digit = name, no_digit
        self.labels: list[NDArray[np.int64]] = []
        self.before: list[NDArray[np.float32]] = []
        self.after: list[NDArray[np.float32]] = []

    def add(self, of: Seen, after: NDArray[np.float32]) -> None:
        """Add one draw."""
        self.labels.append(of.labels)
        self.before.append(of.probabilities)
        self.after.append(after)

    @property
    def draws(self) -> int:
        """The number of draws to average over; the halves of writers are added up instead."""
        return 1 if self.name.startswith("writers") else len(self.labels)

    def row(self) -> Row:
        """Return the means over the draws."""
        labels = np.concatenate(self.labels)
        values = [self._scores(labels, np.concatenate(rows)) for rows in (self.before, self.after)]
        (wrong, accepted, error), (wrong_after, accepted_after, error_after) = values
        return Row(
            self.name,
            len(labels) // self.draws,
            wrong / self.draws,
            wrong_after / self.draws,
            (accepted, accepted_after),
            (error, error_after),
        )

    def _scores(self, labels: NDArray[np.int64], rows: NDArray[np.float32]) -> tuple[float, float, float]:
        digits = given_a_digit(rows)
        right = digits.argmax(axis=1) == labels
        accepted = right & (rows[:, NON_DIGIT] <= self.no_digit)
        return float((~right).sum()), 100 * float(accepted.mean()), calibration_error(digits.max(axis=1), right) or 0.0


def of_each_class(labels: NDArray[np.int64], count: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Return the indices of `count` of each class, at random."""
    parts = [rng.choice(np.flatnonzero(labels == digit), count, replace=False) for digit in range(CLASSES)]
    return np.concatenate(parts)


def on_sets(classifier: Classifier, train: Seen, test: Seen) -> list[Row]:
    """Teach digits of USPS's training images, and of writers; read the test images of USPS and MNIST."""
    limit = classifier.card.no_digit
    mnist = load_mnist()
    images = np.asarray(mnist.test_images / np.float32(255), np.float32)
    mnist_test = seen(classifier, Glyphs(images, mnist.test_labels.astype(np.int64), np.array([])))
    kinds = ("USPS test", "MNIST test after USPS", "writers of 20", "MNIST test after writers", "no digit after USPS")
    usps, mnist_after, writers, mnist_after_writers, none = (Tally(name, limit) for name in kinds)
    smaller, much = Tally("writers of 10 to 19", limit), Tally(f"USPS test after {MANY} of each", limit)
    nothing = load_set("held-out families")
    others = seen(classifier, nothing)
    for draw in range(DRAWS):
        known = taught(train.part(of_each_class(train.labels, OF_EACH, np.random.default_rng(draw))))
        for tally, of in ((usps, test), (mnist_after, mnist_test), (none, others)):
            tally.add(of, weighed(known, of))
    much.add(test, weighed(taught(train.part(of_each_class(train.labels, MANY, np.random.default_rng(0)))), test))
    for lessons, rest in _halves(classifier, 20, 999):
        known = taught(lessons)
        writers.add(rest, weighed(known, rest))
        mnist_after_writers.add(mnist_test, weighed(known, mnist_test))
    for lessons, rest in _halves(classifier, 10, 19):
        smaller.add(rest, weighed(taught(lessons), rest))
    tallies = (usps, mnist_after, writers, mnist_after_writers, smaller, much)
    return [tally.row() for tally in tallies] + [_refusing(none)]


def with_all(train: Seen, test: Seen) -> int:
    """Return how many of USPS's test images are misread by a last layer fitted on all of its training images.

    This is the most that the features can give for USPS. Its regularisation is chosen on the training images.
    """
    fitted = GridSearchCV(LogisticRegression(max_iter=300), {"C": [1, 10, 100, 1000]}, cv=5)
    fitted.fit(_unit(train.features), train.labels)
    return int((fitted.predict(_unit(test.features)) != test.labels).sum())


def _unit(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return features scaled to length 1, (N, F), because teaching also compares angles."""
    return np.asarray(features / np.linalg.norm(features, axis=1, keepdims=True), np.float32)


def _refusing(none: Tally) -> Row:
    """Return how many non-digits are not refused, before and after, averaged over the draws."""
    missed = [
        sum(float((rows[:, NON_DIGIT] <= none.no_digit).sum()) for rows in way) / DRAWS
        for way in (none.before, none.after)
    ]
    of = len(none.labels[0])
    return Row("non-digits not refused, after USPS", of, missed[0], missed[1], (0.0, 0.0), (0.0, 0.0))


def _halves(classifier: Classifier, least: int, most: int) -> Iterator[tuple[Seen, Seen]]:
    """Yield, for each writer with `least` to `most` pictures, two halves to teach and read, in both orders."""
    pictures = load_set("pictures")
    everything = seen(classifier, pictures)
    for writer, count in zip(*np.unique(pictures.groups, return_counts=True), strict=True):
        if not least <= count <= most:
            continue
        indices = np.flatnonzero(pictures.groups == writer)
        indices = indices[np.argsort(pictures.labels[indices], kind="stable")]
        for first in (0, 1):
            yield everything.part(indices[first::2]), everything.part(indices[1 - first :: 2])


@dataclass(frozen=True, slots=True)
class Selves:
    """How pictures that were taught are read again from their files."""

    teachable: int
    right: int
    relabelled: int
    corrected: int
    not_one_digit: int
    wrong_before: int
    milliseconds: float


def on_themselves(model: Path | None) -> Selves:
    """Teach every single picture in a separate profile: its label, then a wrong one, then its label again."""
    pictures = [picture for picture in labelled_pictures(_index()) if picture.kind == "single"]
    counts, taking = [0] * 6, list[float]()
    with tempfile.TemporaryDirectory() as folder:
        for number, picture in enumerate(pictures):
            reader = Reader(model, profile=Profile(path=Path(folder) / f"{number}.sqlite"))
            try:
                outcomes = list(_taught_and_read(reader, picture, taking))
            except PictureError:
                counts[4] += 1
                continue
            counts = [sum(pair) for pair in zip(counts, (True, *outcomes[1:], False, not outcomes[0]), strict=True)]
    teachable, right, relabelled, corrected, not_one_digit, wrong_before = counts
    milliseconds = 1000 * float(np.median(taking))
    return Selves(teachable, right, relabelled, corrected, not_one_digit, wrong_before, milliseconds)


def _taught_and_read(reader: Reader, picture: LabelledPicture, taking: list[float]) -> Iterator[bool]:
    """Yield whether a picture is read as taught: before, after its label, after a wrong one, and after correction."""
    yield reader.read(picture.path).text == picture.label
    wrong = str((int(picture.label) + 5) % 10)
    for label in (picture.label, wrong, picture.label):
        lessons = reader.teach(label, picture.path)
        started = time.perf_counter()
        reader.classifier.classify(np.asarray(lessons[0].glyph[None] / np.float32(255), np.float32))
        taking.append(time.perf_counter() - started)
        yield reader.read(picture.path).text == label


def _index() -> Path:
    return Path(os.environ["INKREAD_DATA"]) / "pictures" / "index.csv"


def report(rows: list[Row], selves: Selves, ceiling: int, name: str) -> Iterator[str]:
    """Yield TEACH.md line by line."""
    machine = hardware()
    yield "# What teaching is worth\n"
    yield f"Written by `benchmarks/teach.py`, {name}, on {machine['processor']}, {machine['cores']} cores. {OF_EACH} of"
    yield f"each class of USPS's training images are taught, mean of {DRAWS} draws; of the writers with 20 pictures in"
    yield "`pictures/` 10 are taught and the other 10 read, then the reverse. Misread digits, refused or not:\n"
    yield "| set | of | wrong before | wrong after | right and accepted | calibration error |"
    yield "|---|---|---|---|---|---|"
    for row in rows:
        judged = (
            (
                f"{row.accepted[0]:.2f}% -> {row.accepted[1]:.2f}%",
                f"{row.calibration[0]:.4f} -> {row.calibration[1]:.4f}",
            )
            if any(row.accepted)
            else ("", "")
        )
        yield f"| {row.name} | {row.of} | {row.before:.1f} | {row.after:.1f} | {judged[0]} | {judged[1]} |"
    usps, mnist, writers, *_ = rows
    yield "\n| what | reached | at least |\n|---|---|---|"
    gone = 100 * (1 - usps.after / usps.before)
    right = " -> ".join(_right(usps, wrong) for wrong in (usps.before, usps.after))
    yield f"| USPS test: errors removed | {gone:.0f}% ({right}) | 50% |"
    least = f"{100 * (1 - ceiling / usps.before):.0f}% ({_right(usps, usps.before)} -> {_right(usps, ceiling)})"
    yield f"| the same, with a last layer fitted on all 7291 training images of USPS | {least} | |"
    yield f"| writers: wrong before -> after | {writers.before:.0f} -> {writers.after:.0f} | half, never more |"
    lost = 100 * (mnist.after - mnist.before) / mnist.of
    yield f"| MNIST test after that teaching: points lost | {lost:.3f} | 0.05 |"
    yield f"| a taught picture, read from the file | {selves.right} of {selves.teachable} | all |"
    yield f"| taught again with a wrong label, read as that label | {selves.relabelled} of {selves.teachable} | all |"
    yield f"| and corrected again | {selves.corrected} of {selves.teachable} | all |"
    yield f"\nOf the single pictures that were taught, {selves.wrong_before} was misread before;"
    yield f"{selves.not_one_digit} could not be taught with `--as auto`, because reading did not find one digit. The"
    yield f"first glyph after teaching, which reads the file again, took {selves.milliseconds:.1f} ms (median)."


def _right(row: Row, wrong: float) -> str:
    return f"{100 * (1 - wrong / row.of):.2f}%"


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, help="a model folder; default: the shipped model")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "TEACH.md")
    options = parser.parse_args()
    classifier = load_classifier(options.model, threads=os.cpu_count() or 1)
    usps = [seen(classifier, load_set(name)) for name in ("usps/train", "usps")]
    rows, ceiling = on_sets(classifier, *usps), with_all(*usps)
    name = f"`{options.model}`" if options.model else "shipped model"
    with whole_file(options.out) as path:
        path.write_text("\n".join([*report(rows, on_themselves(options.model), ceiling, name), ""]), encoding="utf-8")
    print(options.out.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
