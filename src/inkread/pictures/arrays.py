"""Arrays as pictures: any number type to 8 bits a channel."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inkread.errors import PictureError

_ROUNDING = 1e-3  # how far, as a share of their span, floats may lie outside it: resizing with a cubic overshoots


def eight_bits(array: NDArray[np.generic], name: str) -> NDArray[np.uint8]:
    """Return an array of any number type as uint8 in 0..255, shape (H, W) or (H, W, 2..4).

    Integers span 0..1, 0..255, 0..4095 or 0..65535 and floats 0..1 or 0..255, whichever is the smallest span that
    holds them all. Raises `PictureError`, speaking of `name`, for other shapes, types and values.
    """
    array = array[..., 0] if array.ndim == 3 and array.shape[2] == 1 else array
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (2, 3, 4)):
        shapes = "(H, W), (H, W, 2), (H, W, 3) or (H, W, 4)"
        raise PictureError(f"{name}: an array must be {shapes}, not {array.shape}", code="bad-array")
    if array.size == 0:
        raise PictureError(f"{name}: the array holds no pixels; give one with height and width", code="empty")
    if array.dtype.kind not in "biuf":
        raise PictureError(f"{name}: an array must hold numbers, not {array.dtype}", code="bad-array")
    span = _span(array, name)
    if array.dtype == np.uint8 and span == 255:
        return np.asarray(array, np.uint8)
    return np.asarray(np.rint(np.clip(array.astype(np.float32) * (255 / span), 0, 255)), np.uint8)


def _span(array: NDArray[np.generic], name: str) -> int:
    """Return the largest value that an array's numbers can have."""
    real = array.dtype.kind == "f"
    slack = _ROUNDING if real else 0.0
    low, high = float(array.min()), float(array.max())
    for span in (1, 255) if real else (1, 255, 4095, 65535):
        if -slack * span <= low and high <= (1 + slack) * span:
            return span
    ways = "0..1 or 0..255" if real else "0..65535"  # a NaN compares false and ends here too
    raise PictureError(f"{name}: values must lie in {ways}, these lie in {low:g}..{high:g}", code="bad-array")
