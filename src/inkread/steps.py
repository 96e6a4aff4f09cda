"""Steps: every intermediate result from a picture to its reading."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from inkread.geometry import Box
from inkread.layout.patches import Patch
from inkread.models.card import Card
from inkread.pictures.page import Page
from inkread.readings import Reading


@dataclass(frozen=True, slots=True)
class Steps:
    """Every intermediate result from a picture to its reading.

    page: the upright picture.
    ink: (H, W) float32 in 0..1, as large as the page.
    patches: the ink of each digit.
    glyphs: (N, 28, 28) float32 in 0..1, one for each patch.
    probabilities: (N, 11) float32, rows that sum to 1: the ten digits, then the class non-digit.
    card: the card of the model.
    reading: the reading.
    """

    page: Page
    ink: NDArray[np.float32] = field(repr=False)
    patches: tuple[Patch, ...] = field(repr=False)
    glyphs: NDArray[np.float32] = field(repr=False)
    probabilities: NDArray[np.float32] = field(repr=False)
    card: Card
    reading: Reading

    @property
    def boxes(self) -> tuple[Box, ...]:
        """The box of each patch, in pixels of the upright picture, even if the reading was refused."""
        return tuple(self.page.upright(patch.box) for patch in self.patches)
