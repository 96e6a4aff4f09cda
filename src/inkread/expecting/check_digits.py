"""Check digits: whether the last digit of a number matches the others. A text without digits never matches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

# The tables of Verhoeff (1969), "Error detecting decimal codes": the group D5, and a permutation of the digits.
_D5 = (
    "0123456789", "1234067895", "2340178956", "3401289567", "4012395678",
    "5987604321", "6598710432", "7659821043", "8765932104", "9876543210",
)  # fmt: skip
_PERMUTATION = "1576283094"


def luhn(digits: str) -> bool:
    """Check bank cards and many customer numbers: every second digit from the right is doubled (ISO/IEC 7812-1)."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return len(digits) > 1 and total % 10 == 0


def ean(digits: str) -> bool:
    """Check EAN-8, UPC-A, EAN-13, ISBN-13 and GTIN-14: alternating weights 1 and 3 from the right."""
    total = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(reversed(digits)))
    return len(digits) in (8, 12, 13, 14) and total % 10 == 0


def mod11(digits: str) -> bool:
    """Check with weights 1, 2, 3 and so on from the right, modulo 11, as in ISBN-10.

    A number whose check character is X has no digit there, so it never passes.
    """
    total = sum(int(digit) * weight for weight, digit in enumerate(reversed(digits), 1))
    return len(digits) > 1 and total % 11 == 0


def verhoeff(digits: str) -> bool:
    """Check by Verhoeff's method, which finds all single errors and all swaps of neighbours."""
    state = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit)
        for _ in range(place % 8):
            value = int(_PERMUTATION[value])
        state = int(_D5[state][value])
    return len(digits) > 1 and state == 0


CheckName = Literal["luhn", "mod11", "verhoeff", "ean"]
"""How the last digit of a number is checked."""

CHECK_DIGITS: dict[CheckName, Callable[[str], bool]] = {"luhn": luhn, "mod11": mod11, "verhoeff": verhoeff, "ean": ean}
"""The checks by name. Each takes digits, the check digit last."""
