"""Split conformal prediction: sets of digits that hold the true digit with a chosen probability.

Vovk, Gammerman and Shafer 2005, "Algorithmic learning in a random world"; Angelopoulos and Bates 2021, "A gentle
introduction to conformal prediction", whose threshold on the probability (LAC, section 1.1) this is.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

KEPT = 30
"""How many of the largest scores a card keeps. A probability that needs a smaller score uses the smallest one kept."""


@dataclass(frozen=True, slots=True)
class Conformal:
    """How unlikely the true digit was on real pictures.

    count: how many pictures.
    scores: 1 - the probability of the true digit, given that it is a digit, 0 to 1; the largest ones, in falling order.
    """

    count: int
    scores: tuple[float, ...]

    @classmethod
    def of(cls, probabilities: Iterable[float]) -> Conformal:
        """Create it from the probabilities, 0 to 1, that the model gave to true digits; at least one."""
        scores = sorted((1 - float(probability) for probability in probabilities), reverse=True)
        return cls(len(scores), tuple(min(1.0, math.ceil(score * 1e6) / 1e6) for score in scores[:KEPT]))

    @property
    def most(self) -> float:
        """The largest probability that a set smaller than all ten digits can promise."""
        return self.count / (self.count + 1)

    def least(self, promised: float) -> float:
        """Return the least probability of a digit in the set that holds the truth with probability `promised`.

        Returns 0, so that the set holds all ten digits, where there were too few pictures for that promise.
        """
        # The number of scores that may be larger than the threshold.
        above = self.count - math.ceil(round((self.count + 1) * promised, 9))
        return 1 - self.scores[min(above, len(self.scores) - 1)] if above >= 0 else 0.0

    def damage(self) -> str:
        """Return what is wrong with the numbers, or nothing."""
        falling = list(self.scores) == sorted(self.scores, reverse=True)
        if not self.scores or len(self.scores) > self.count or not falling:
            return f"conformal scores must be those of {self.count} pictures, or the largest of them, in falling order"
        return "" if 0 <= self.scores[-1] <= self.scores[0] <= 1 else "conformal scores must be between 0 and 1"
