"""Noise: smooth noise along a line and over an area, at a given scale, and random choices by probability."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

Choice = TypeVar("Choice")


def pick(choices: Sequence[tuple[float, Choice]], rng: np.random.Generator) -> Choice:
    """Return a random choice out of pairs `(probability, choice)`. The probabilities sum to 1."""
    at = rng.random()
    for probability, choice in choices:
        at -= probability
        if at < 0:
            return choice
    return choices[-1][1]


def drift(count: int, *, scale: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return `(count,)` values of smooth noise with mean 0 and standard deviation 1, with lumps about `scale` long."""
    reach = max(1, round(3 * scale))
    bell = np.exp(-0.5 * (np.arange(-reach, reach + 1) / max(scale, 0.1)) ** 2)
    # Dividing by the root of the sum of squares keeps the standard deviation at 1 for any scale.
    wander = np.convolve(rng.standard_normal(count + 2 * reach), bell / np.sqrt((bell**2).sum()), mode="valid")
    return np.asarray(wander, np.float64)


def cloud(
    size: tuple[int, int], *, scale: float | tuple[float, float], rng: np.random.Generator
) -> NDArray[np.float32]:
    """Return `(height, width)` float32 noise with mean 0 and standard deviation 1.

    `size` is `(height, width)`. `scale` is the size of its lumps in pixels, one number or `(down, across)`.
    """
    down, across = scale if isinstance(scale, tuple) else (scale, scale)
    # A cell is half a lump. The cells are blurred before they are enlarged, so that the grid is not visible.
    cells = (int(size[0] * 2 / down) + 4, int(size[1] * 2 / across) + 4)
    coarse = cv2.GaussianBlur(rng.standard_normal(cells, dtype=np.float32), (0, 0), 1.0)
    field = cv2.resize(coarse, (size[1], size[0]), interpolation=cv2.INTER_CUBIC)
    return np.asarray((field - field.mean()) / (field.std() + 1e-6), np.float32)
