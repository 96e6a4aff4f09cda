"""Orientation: whether a page that reads badly is to be turned by quarters, and when a turned page is believed."""

from __future__ import annotations

import numpy as np

from inkread.glyphs import SIDE

_DIGITS_TO_TURN = 3  # fewer digits do not tell which way up a page is
_MOST_TO_TURN = 400  # and a page with more does not fail to be read for being turned alone
_FLUENT = 0.93  # a page whose digits are this likely in the mean is the right way up;
_HALF_FLUENT = 0.7  # one whose are this likely does not lie on its side, but may be upside down;
_LEGIBLE = 0.5  # and one that is turned has to be read this well
_TURN = 20  # and to be so many times likelier: so much rarer are turned pages


def turns_to_try(shape: tuple[int, ...], count: int, fluency: float) -> tuple[int, ...]:
    """Return by how many quarter turns, against the clock, to try a page: none for one that reads well or tells little.

    shape: of the page. count: how many pieces were found on it. fluency: how well they read, 0 to 1.
    """
    if min(shape) < SIDE or not _DIGITS_TO_TURN <= count <= _MOST_TO_TURN or fluency > _FLUENT:
        return ()
    return (2,) if fluency > _HALF_FLUENT else (1, 2, 3)


def reads_better(count: int, before: float, after: float) -> bool:
    """Tell whether a turned page reads so much better that it is the right way up.

    count: pieces that both tell of. before, after: how well the page reads as it is and turned, 0 to 1.
    """
    evidence = count * np.log(after / before)
    return bool(after > _LEGIBLE and evidence > np.log(_TURN))
