"""The forms in which people write the ten digits, as the knots a pen passes through.

A form is a text: strokes are parted by `/`, a knot is `x,y` with x to the right and y downwards, about 100
units to the height of a digit. The pen passes smoothly through its knots, but turns sharply where marked `!`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FORMS: dict[int, dict[str, str]] = {
    0: {
        "plain": "46,3 22,14 8,50 22,88 42,97 64,82 71,48 60,14 40,4",
        "open": "50,4 24,10 8,46 18,86 42,97 66,78 72,46 64,18",
        "curled": "40,6 16,22 6,56 20,90 44,95 66,68 66,28 46,3 30,8 34,22 58,18",
        "slashed": "46,3 20,14 8,50 22,88 42,97 64,82 71,48 60,14 40,4 / 74,2 4,97",
    },
    1: {
        "plain": "30,2 29,50 28,98",
        "flagged": "6,34 22,20 36,2! 35,50 34,98",
        "footed": "12,22 24,14 36,2! 36,50 35,96 / 10,96 36,97 64,95",
    },
    2: {
        "plain": "8,24 20,7 42,2 62,16 58,40 36,66 6,95! 40,95 72,93",
        "round": "6,28 14,8 38,1 60,14 60,38 40,62 18,82 5,95! 28,92 52,97 74,90",
        "looped": "8,26 22,6 46,4 60,22 52,50 32,78 14,94 4,88 12,78 30,84 48,95 74,88",
    },
    3: {
        "plain": "8,14 28,2 54,10 54,32 26,46! 56,54 64,76 44,96 20,96 4,84",
        "flat": "8,5 34,4 62,4! 48,22 30,40! 56,48 66,70 50,94 24,98 4,88",
        "curled": "8,16 28,2 52,10 52,32 34,44 24,48 30,52 40,47 60,60 62,82 38,98 12,94 4,84",
    },
    4: {
        "open": "18,4 14,28 8,56! 40,56 74,54 / 54,24 53,60 50,98",
        "square": "14,8 12,30 12,52! 34,54 56,51 / 56,4 56,50 54,98",
        "closed": "54,3 30,32 4,66! 40,66 76,63 / 54,3 54,50 52,98",
        "sail": "74,67 40,68 4,66! 28,36 56,3! 55,50 53,98",
    },
    5: {
        "plain": "66,4 42,5 18,6! 15,24 12,44! 34,36 60,44 67,66 54,90 30,97 5,88",
        "barred": "20,8 17,26 13,46! 36,38 60,46 66,68 52,91 28,97 5,90 / 24,6 46,5 70,2",
        "swift": "70,3 46,5 24,7! 18,24 20,38 40,42 62,56 62,76 46,92 24,97 4,90",
    },
    6: {
        "plain": "56,3 32,22 13,52 10,78 26,97 50,94 64,76 54,58 32,58 13,76",
        "straight": "44,2 26,34 10,66 14,90 36,97 58,86 56,66 36,60 14,76",
        "curled": "62,12 50,2 26,14 10,48 10,80 30,98 56,90 62,70 48,54 26,60 16,74",
    },
    7: {
        "plain": "6,8 36,7 66,5! 50,38 30,98",
        "curved": "6,10 30,6 66,6! 46,34 36,64 34,98",
        "crossed": "6,8 36,6 68,5! 50,40 30,98 / 22,52 42,50 66,48",
        "flagged": "8,24 9,14 11,6! 38,8 68,4! 52,36 32,98",
        "adorned": "7,22 8,12 10,6! 40,6 68,5! 50,40 30,98 / 24,53 44,51 64,50",
    },
    8: {
        "plain": "56,12 34,2 14,14 20,34 44,50 62,70 56,92 32,98 10,86 14,66 36,48 56,30 56,14",
        "open": "62,8 40,2 16,12 18,32 42,48 60,66 58,90 34,98 12,88 12,68 32,50 54,32 66,14",
        "snowman": "36,46 16,34 16,12 36,2 56,12 54,34 34,47 12,62 10,86 34,98 60,88 60,64 38,48",
        "slanted": "40,3 22,10 22,28 40,44 52,64 46,88 26,98 10,86 18,64 42,44 60,22 54,6 40,4",
    },
    9: {
        "straight": "56,16 38,3 14,12 10,34 26,48 46,40 57,14! 56,56 54,98",
        "hooked": "56,18 38,3 14,12 10,34 26,48 46,42 57,16! 60,50 56,82 38,97 12,88",
        "leaning": "56,20 42,3 18,10 10,30 24,46 46,38 58,14 52,46 36,98",
    },
}


@dataclass(frozen=True)
class Path:
    """One stroke: `knots` `(n, 2)` float64 in units of the digit's height, `corners` `(n,)` bool."""

    knots: NDArray[np.float64]
    corners: NDArray[np.bool_]


def paths(form: str) -> list[Path]:
    """Read a form's text into its strokes."""
    return [_path(stroke.split()) for stroke in form.split("/")]


def _path(words: list[str]) -> Path:
    knots = [[float(number) for number in word.rstrip("!").split(",")] for word in words]
    return Path(np.array(knots) / 100, np.array([word.endswith("!") for word in words]))
