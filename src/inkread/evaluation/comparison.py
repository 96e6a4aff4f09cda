"""Compares two models on the same data, picture by picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from inkread.evaluation.evaluate import Evaluation
from inkread.evaluation.statistics import mcnemar, paired_interval


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
