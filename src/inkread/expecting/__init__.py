"""Expecting: what the user expects of numbers, and the likeliest text that fits."""

from inkread.expecting.check_digits import CheckName
from inkread.expecting.expectation import Expect, expectation

__all__ = ["CheckName", "Expect", "expectation"]
