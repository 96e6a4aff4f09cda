"""Quantiles of a few numbers. NumPy's own import its masked arrays, a tenth of the time of reading a picture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def quantile(values: NDArray[np.floating], share: float) -> float:
    """Return the value that a share, 0 to 1, of values lies below; between two of them it is interpolated."""
    at = share * (values.size - 1)
    low = int(at)
    high = min(low + 1, values.size - 1)
    parted = np.partition(values, (low, high), axis=None)
    below, above = float(parted[low]), float(parted[high])
    return below + (above - below) * (at - low)


def median(values: NDArray[np.floating] | Sequence[float]) -> float:
    """Return the value in the middle of at least one value, or the mean of the two there."""
    return quantile(np.asarray(values, np.float64), 0.5)
