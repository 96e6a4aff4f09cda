"""Evaluation: how many labelled digits or pictures a model reads correctly, and which of two models reads better."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from inkread.datasets import load_mnist
from inkread.datasets.folders import LabelledPicture, labelled_pictures
from inkread.datasets.mnist import holds_mnist
from inkread.errors import PictureError
from inkread.evaluation.statistics import calibration_error, confusion_matrix, mcnemar, paired_interval, wilson_interval
from inkread.reader import Reader
from inkread.readings import Reading, Refusal

BY: tuple[Literal["class", "capture", "source"], ...] = ("class", "capture", "source")
"""The groups that accuracy is given for."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a labelled picture was read as.

    text: the text that was read, as labels are written: without spaces, lines joined by "|"; empty if there is none.
    confidence: the probability, 0 to 1, that the whole text is right; None if there is none.
    kind, capture, source: the values in the index. May be empty.
    refused: why the reading was refused, or None.
    error: why the picture could not be opened, or None.
    """

    picture: str
    label: str
    text: str
    confidence: float | None
    kind: str = ""
    capture: str = ""
    source: str = ""
    refused: Refusal | None = None
    error: PictureError | None = None

    @property
    def answer(self) -> str:
        """The text, or "<code>" of the refusal or error."""
        why = self.refused or self.error
        return f"<{why.code}>" if why else self.text

    @property
    def right(self) -> bool:
        """Whether the whole text is right."""
        return self.text == self.label

    @property
    def about(self) -> tuple[str, str]:
        """The picture and its label. Both are needed, since an index may list a picture twice."""
        return self.picture, self.label

    def to_dict(self) -> dict[str, Any]:
        """Return the answer as a JSON object."""
        values: dict[str, Any] = {name: getattr(self, name) for name in ("picture", "label", "text", "confidence")}
        for name, why in {"refused": self.refused, "error": self.error}.items():
            values[name] = {"code": why.code, "message": why.message} if why else None
        return values


@dataclass(frozen=True, slots=True)
class Exhibit:
    """The steps between a picture and its answer, for display.

    picture: (H, W, 3) uint8; None for an image of MNIST.
    ink: (H, W) float32 in 0..1; None for an image of MNIST.
    glyphs: (N, 28, 28) float32 in 0..1.
    """

    picture: NDArray[np.uint8] | None = field(repr=False)
    ink: NDArray[np.float32] | None = field(repr=False)
    glyphs: NDArray[np.float32] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The score of a model on labelled data.

    data: the name of the data.
    model: the name of the model.
    right, of: how many were right, out of how many.
    interval: the 95% interval of the accuracy, each end in 0..1 (Wilson).
    refused, failed: how many were refused or could not be opened. Both count as wrong.
    groups: `right` and `of` for each group of pictures.
    confusion: (10, 10) counts of the digits that were read, a row for each true digit.
    answers: the answer for each picture. The name of an MNIST image is its index.
    seconds: how long reading took, with several pictures at a time.
    show: returns the steps between the picture of an answer and the answer; None if the picture no longer opens.
    """

    data: str
    model: str
    right: int
    of: int
    interval: tuple[float, float]
    refused: int
    failed: int
    groups: dict[str, tuple[int, int]]
    confusion: list[list[int]] = field(repr=False)
    answers: list[Answer] = field(repr=False)
    seconds: float
    show: Callable[[Answer], Exhibit | None] = field(repr=False, compare=False)

    @property
    def accuracy(self) -> float:
        """The share that was right, 0 to 1."""
        return self.right / self.of

    @property
    def misses(self) -> list[Answer]:
        """The answers that are wrong."""
        return [answer for answer in self.answers if not answer.right]

    def by(self, what: Literal["class", "capture", "source"]) -> dict[str, list[Answer]]:
        """Return the answers by class (single digits only), capture or source, sorted by name; "" if not known."""
        named: dict[str, list[Answer]] = defaultdict(list)
        for answer in self.answers:
            if what != "class":
                named[getattr(answer, what)].append(answer)
            elif len(answer.label) == 1:
                named[answer.label].append(answer)
        return dict(sorted(named.items()))

    @property
    def confidences(self) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """The confidence of each answer that was not refused, (N,) in 0..1, and whether it was right."""
        given = [answer for answer in self.answers if answer.confidence is not None]
        return np.array([answer.confidence for answer in given], float), np.array([a.right for a in given], bool)

    @property
    def calibration_error(self) -> float | None:
        """The expected calibration error of the answers that were not refused, 0 to 1; None if all were refused."""
        return calibration_error(*self.confidences)

    def to_dict(self) -> dict[str, Any]:
        """Return the evaluation as a JSON object. Of the answers it contains only the misses."""
        names = ("data", "model", "right", "of", "interval", "refused", "failed", "groups", "confusion", "seconds")
        counted = {
            f"by_{what}": {
                name: [sum(a.right for a in answers), len(answers)] for name, answers in self.by(what).items()
            }
            for what in BY
        }
        return {
            "accuracy": self.accuracy,
            **{name: getattr(self, name) for name in names},
            **counted,
            "calibration_error": self.calibration_error,
            "misses": [miss.to_dict() for miss in self.misses],
        }


def evaluate(data: str, *, model: Path | None = None, progress: Callable[[int, int], None] | None = None) -> Evaluation:
    """Return the score of a model, None for the shipped one.

    data: "mnist" for MNIST's 10,000 test images, a folder with data in MNIST's format, a folder with folders named 0 to
        9, or an index file. MNIST's images go straight to the network. Pictures go through every step.
    progress: called with the number of pictures done and the total.

    Raises `DataError` for data that does not exist, and `ModelError` for a model that cannot be used.
    """
    # Without a profile, the score is that of the model alone.
    reader = Reader(model, profile=None)
    name = "the shipped model" if model is None else str(model)
    if data == "mnist" or holds_mnist(Path(data)):
        return _on_mnist(data, reader, name)
    return _on_pictures(data, labelled_pictures(Path(data)), reader, name, progress or _silent)


def _silent(done: int, of: int) -> None:
    """Show no progress."""


def _on_mnist(data: str, reader: Reader, model: str) -> Evaluation:
    mnist = load_mnist() if data == "mnist" else load_mnist(data)
    glyphs = np.asarray(mnist.test_images / np.float32(255), np.float32)
    started = time.perf_counter()
    probabilities = reader.classifier.classify(glyphs)[:, :10]
    seconds = time.perf_counter() - started
    answers = [
        Answer(f"test image {index}", str(truth), str(row.argmax()), float(row.max()))
        for index, (truth, row) in enumerate(zip(mnist.test_labels, probabilities, strict=True))
    ]
    index = {answer.picture: at for at, answer in enumerate(answers)}

    def show(answer: Answer) -> Exhibit:
        return Exhibit(None, None, glyphs[index[answer.picture]][None])

    return _score(data, model, answers, seconds=seconds, show=show)


def _on_pictures(
    data: str, pictures: list[LabelledPicture], reader: Reader, model: str, progress: Callable[[int, int], None]
) -> Evaluation:
    started = time.perf_counter()
    answers: list[Answer] = []
    outcomes = reader.read_many((picture.path for picture in pictures), errors="yield")
    for picture, outcome in zip(pictures, outcomes, strict=True):
        answers.append(_answer_of(picture, outcome))
        progress(len(answers), len(pictures))

    def show(answer: Answer) -> Exhibit | None:
        try:
            steps = reader.steps(answer.picture)
        except PictureError:
            return None
        return Exhibit(steps.page.colour, steps.ink, steps.glyphs)

    return _score(data, model, answers, seconds=time.perf_counter() - started, show=show)


def _answer_of(picture: LabelledPicture, outcome: Reading | PictureError) -> Answer:
    name, known = str(picture.path), (picture.kind, picture.capture, picture.source)
    if isinstance(outcome, PictureError):
        return Answer(name, picture.label, "", None, *known, error=outcome)
    text = "|".join(line.text.replace(" ", "") for line in outcome.lines)
    return Answer(name, picture.label, text, outcome.confidence, *known, refused=outcome.refused)


def _score(
    data: str, model: str, answers: list[Answer], *, seconds: float, show: Callable[[Answer], Exhibit | None]
) -> Evaluation:
    right = sum(answer.right for answer in answers)
    singles = [answer for answer in answers if len(answer.label) == 1 and answer.answer.isdigit()]
    pairs = np.array([(answer.label, answer.answer) for answer in singles if len(answer.answer) == 1], int)
    groups: dict[str, list[bool]] = defaultdict(list)
    for answer in answers:
        groups[f"{answer.kind} {answer.capture}".strip()].append(answer.right)
    return Evaluation(
        data=data,
        model=model,
        right=right,
        of=len(answers),
        interval=wilson_interval(right, len(answers)),
        refused=sum(bool(answer.refused) for answer in answers),
        failed=sum(bool(answer.error) for answer in answers),
        groups={name: (sum(rights), len(rights)) for name, rights in groups.items()} if len(groups) > 1 else {},
        confusion=confusion_matrix(*pairs.reshape(-1, 2).T).tolist(),
        answers=answers,
        seconds=seconds,
        show=show,
    )


@dataclass(frozen=True, slots=True)
class Comparison:
    """The scores of two models on the same data, paired picture by picture.

    first, second: the scores.
    only_first, only_second: how many pictures only that model read right.
    difference: the second accuracy minus the first, -1 to 1.
    interval: the 95% interval of the difference.
    p: the probability that two equally good models differ at least as much (McNemar, exact).
    """

    first: Evaluation
    second: Evaluation
    only_first: int
    only_second: int
    difference: float
    interval: tuple[float, float]
    p: float

    @property
    def verdict(self) -> str:
        """The result of the test in words."""
        if self.p >= 0.05:
            return "the difference may be chance"
        return f"the {'second' if self.difference > 0 else 'first'} is better"

    def to_dict(self) -> dict[str, Any]:
        """Return the comparison as a JSON object."""
        names = ("only_first", "only_second", "difference", "interval", "p", "verdict")
        second = self.second.to_dict()
        return {"model": second["model"], "accuracy": second["accuracy"], **{n: getattr(self, n) for n in names}}


def compare(first: Evaluation, second: Evaluation) -> Comparison:
    """Return the comparison of two models on the same data.

    Raises `ValueError` for scores on different pictures.
    """
    pairs = list(zip(first.answers, second.answers, strict=True))
    if any(one.about != two.about for one, two in pairs):
        raise ValueError("the two scores are on different pictures")
    only_first = sum(one.right and not two.right for one, two in pairs)
    only_second = sum(two.right and not one.right for one, two in pairs)
    return Comparison(
        first,
        second,
        only_first,
        only_second,
        second.accuracy - first.accuracy,
        paired_interval(only_first, only_second, first.of),
        mcnemar(only_first, only_second),
    )
