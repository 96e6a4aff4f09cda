"""Orientation: which quarter turns to try for a page that reads badly, and whether a turned page reads better."""

from __future__ import annotations

import numpy as np

from inkread.glyphs import SIDE

_DIGITS_TO_TURN = 3
"""Fewer digits than this do not show which way up a page is."""

_MOST_TO_TURN = 400
"""If a page with more digits than this reads badly, a wrong orientation is not the only reason."""

_FLUENT = 0.93
"""A page is the right way up if its fluency, the geometric mean of the probabilities of its digits, exceeds this."""

_HALF_FLUENT = 0.7
"""A page is not on its side if its fluency is larger than this, but it may be upside down."""

_LEGIBLE = 0.5
"""A turned page is accepted only if its fluency is larger than this."""

_TURN = 20
"""A turned page is accepted only if its digits are more than this many times likelier. Turned pages are that rare."""


def turns_to_try(shape: tuple[int, ...], count: int, fluency: float) -> tuple[int, ...]:
    """Return the numbers of counter-clockwise quarter turns to try for a page.

    Empty if the page reads well, or has too few or too many digits to decide.

    shape: the shape of the page.
    count: how many digits were found on it.
    fluency: how well they read, 0 to 1.
    """
    if min(shape) < SIDE or not _DIGITS_TO_TURN <= count <= _MOST_TO_TURN or fluency > _FLUENT:
        return ()
    return (2,) if fluency > _HALF_FLUENT else (1, 2, 3)


def reads_better(count: int, before: float, after: float) -> bool:
    """Return whether a turned page reads so much better that it is the right way up.

    count: the number of digits that both readings have.
    before, after: how well the page reads as it is and turned, 0 to 1.
    """
    evidence = count * np.log(after / before)
    return bool(after > _LEGIBLE and evidence > np.log(_TURN))
