"""Split conformal prediction: from how likely the truth was on pictures with labels to what a set of digits promises.

Vovk, Gammerman and Shafer 2005, "Algorithmic learning in a random world"; Angelopoulos and Bates 2021, "A gentle
introduction to conformal prediction", whose threshold on the probability (LAC, section 1.1) this is.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

KEPT = 30
"""The largest scores that a card keeps. A promise that these do not reach down to is kept by the smallest of them."""


@dataclass(frozen=True, slots=True)
class Conformal:
    """How unlikely the true digit was on real pictures.

    count: how many pictures.
    scores: 1 - the probability of the true digit, given that it is one, 0 to 1: the largest of all, falling.
    """

    count: int
    scores: tuple[float, ...]

    @classmethod
    def of(cls, probabilities: Iterable[float]) -> Conformal:
        """Return what the probabilities, 0 to 1, that true digits were given come to; at least one."""
        scores = sorted((1 - float(probability) for probability in probabilities), reverse=True)
        return cls(len(scores), tuple(min(1.0, math.ceil(score * 1e6) / 1e6) for score in scores[:KEPT]))

    @property
    def most(self) -> float:
        """The largest probability, below 1, that any set but that of all ten digits can promise."""
        return self.count / (self.count + 1)

    def least(self, promised: float) -> float:
        """Return how likely a digit must be at least to be in the set that holds the truth with this probability.

        0 where so few pictures cannot promise so much: then all ten digits are in it.
        """
        above = self.count - math.ceil(round((self.count + 1) * promised, 9))  # scores that may be larger
        return 1 - self.scores[min(above, len(self.scores) - 1)] if above >= 0 else 0.0

    def damage(self) -> str:
        """Return what is wrong with the numbers, or nothing."""
        falling = list(self.scores) == sorted(self.scores, reverse=True)
        if not self.scores or len(self.scores) > self.count or not falling:
            return f"conformal scores are those of {self.count} pictures, or the largest of them, falling"
        return "" if 0 <= self.scores[-1] <= self.scores[0] <= 1 else "conformal scores lie between 0 and 1"
