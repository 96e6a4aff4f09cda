"""Evaluation: how many labelled digits or pictures a model reads right."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from inkread.datasets import load_mnist
from inkread.datasets.folders import LabelledPicture, labelled_pictures
from inkread.errors import PictureError
from inkread.reader import Reader
from inkread.scores import confusion_matrix, wilson_interval


@dataclass(frozen=True, slots=True)
class Miss:
    """A picture that was not read right: its label, and the text that was read or "<code>" of refusal or error."""

    picture: str
    label: str
    answer: str
    confidence: float | None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The score of a model on labelled data.

    data: what it was measured on.
    right, of: how many were right, of how many.
    interval: the 95 % interval of the accuracy, each end in 0..1 (Wilson).
    refused, failed: how many were refused or could not be opened; both count as not right.
    groups: right and of for each group of pictures.
    confusion: (10, 10) counts, a row for each true digit, of the digits that were read.
    misses: what was not right; for MNIST, the index is the name.
    seconds: how long reading took.
    """

    data: str
    right: int
    of: int
    interval: tuple[float, float]
    refused: int
    failed: int
    groups: dict[str, tuple[int, int]]
    confusion: list[list[int]]
    misses: list[Miss]
    seconds: float

    @property
    def accuracy(self) -> float:
        """The share that was right, 0 to 1."""
        return self.right / self.of

    def to_dict(self) -> dict[str, Any]:
        """Return the evaluation as a JSON object."""
        return {"accuracy": self.accuracy, **asdict(self)}


def evaluate(data: str, *, model: Path | None = None, progress: Callable[[int, int], None] | None = None) -> Evaluation:
    """Return the score of a model, None for the shipped one.

    data: "mnist" for MNIST's 10 000 test images, given to the network as they are; or a folder of folders named
        0 to 9, or an index file, whose pictures take the whole road.
    progress: told how many of how many are done.

    Raises `DataError` for data that is not there, `ModelError` for a model that cannot be used.
    """
    if data == "mnist":
        return _on_mnist(model)
    return _on_pictures(data, labelled_pictures(Path(data)), Reader(model), progress or _silent)


def _silent(done: int, of: int) -> None:
    """Show no progress."""


def _on_mnist(model: Path | None) -> Evaluation:
    mnist = load_mnist()
    classifier = Reader(model).classifier
    started = time.perf_counter()
    probabilities = classifier.classify(np.asarray(mnist.test_images / np.float32(255), np.float32))
    seconds = time.perf_counter() - started
    answers = probabilities.argmax(axis=1)
    misses = [
        Miss(
            f"test image {index}",
            str(mnist.test_labels[index]),
            str(answers[index]),
            float(probabilities[index].max()),
        )
        for index in np.flatnonzero(answers != mnist.test_labels)
    ]
    of = len(answers)
    matrix = confusion_matrix(mnist.test_labels, answers).tolist()
    return Evaluation(
        "mnist",
        of - len(misses),
        of,
        wilson_interval(of - len(misses), of),
        0,
        0,
        {},
        matrix,
        misses,
        seconds,
    )


def _on_pictures(
    data: str, pictures: list[LabelledPicture], reader: Reader, progress: Callable[[int, int], None]
) -> Evaluation:
    started = time.perf_counter()
    misses: list[Miss] = []
    groups: dict[str, tuple[int, int]] = {}
    refused = failed = 0
    pairs: list[tuple[int, int]] = []
    outcomes = reader.try_many(picture.path for picture in pictures)
    for done, (picture, outcome) in enumerate(zip(pictures, outcomes, strict=True), start=1):
        confidence = None
        if isinstance(outcome, PictureError):
            failed, answer = failed + 1, f"<{outcome.code}>"
        elif outcome.refused:
            refused, answer = refused + 1, f"<{outcome.refused.code}>"
        else:
            answer, confidence = "|".join(outcome.lines), outcome.confidence
            if len(picture.label) == len(answer) == 1:
                pairs.append((int(picture.label), int(answer)))
        right = answer == picture.label
        if not right:
            misses.append(Miss(str(picture.path), picture.label, answer, confidence))
        before = groups.get(picture.group, (0, 0))
        groups[picture.group] = (before[0] + right, before[1] + 1)
        progress(done, len(pictures))
    truth, answers = np.array(pairs, int).reshape(-1, 2).T
    right_in_all = len(pictures) - len(misses)
    return Evaluation(
        data=data,
        right=right_in_all,
        of=len(pictures),
        interval=wilson_interval(right_in_all, len(pictures)),
        refused=refused,
        failed=failed,
        groups=groups if len(groups) > 1 else {},
        confusion=confusion_matrix(truth, answers).tolist(),
        misses=misses,
        seconds=time.perf_counter() - started,
    )
