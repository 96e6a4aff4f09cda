"""Acceptance: which readings are refused, by what stands beside the digits."""

from __future__ import annotations

import numpy as np
import pytest

from inkread.geometry import Box
from inkread.layout.patches import Patch
from inkread.loading import SHIPPED
from inkread.models.card import load_card
from inkread.readings import Digit, Number, Refusal, Unread
from inkread.recognition.acceptance import refusal
from inkread.recognition.recognise import LocatedDigit, Recognition
from inkread.values import Notation

PLACE = Box(0, 0, 10, 20)


def judged(digits: int, words: int, confidence: float, least: float | None = None) -> Refusal | None:
    """Return the refusal of a page with so many digits and words, whose text has this confidence."""
    probabilities = np.zeros((digits, 11), np.float32)
    probabilities[:, 3] = 1
    located = LocatedDigit(Patch(PLACE, np.ones((20, 10), np.float32)))
    found = Recognition(
        (located,) * digits,
        np.zeros((digits, 28, 28), np.float32),
        probabilities,
        unread=(Unread(PLACE, "word"),) * words,
        legibility=0.9,
    )
    digit = Digit(3, 0.9, tuple(probabilities[0, :10].tolist()), PLACE)
    numbers = (Number.of((digit,) * digits, Notation()),)
    return refusal(found, numbers, confidence, load_card(SHIPPED), least)


@pytest.mark.parametrize(("digits", "words", "confidence"), [(2, 6, 0.4), (4, 4, 0.1)])
def test_unsure_digits_among_as_many_words_are_refused(digits: int, words: int, confidence: float) -> None:
    refused = judged(digits, words, confidence)
    assert refused is not None
    assert refused.code == "no-digit"


@pytest.mark.parametrize(
    ("digits", "words", "confidence", "least"),
    [(2, 6, 0.7, None), (6, 2, 0.1, None), (2, 6, 0.4, 0.3)],
    ids=["sure", "few words", "the caller's minimum decides"],
)
def test_other_numbers_beside_words_are_read(digits: int, words: int, confidence: float, least: float | None) -> None:
    assert judged(digits, words, confidence, least) is None
