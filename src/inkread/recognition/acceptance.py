"""Acceptance: the digits of a page with their confidences, the confidence of its text, and whether it is refused."""

from __future__ import annotations

from collections.abc import Iterable
from math import exp

import numpy as np

from inkread.glyphs import NON_DIGIT
from inkread.models.card import Card
from inkread.models.probabilities import given_a_digit
from inkread.pictures.page import Page
from inkread.quantiles import median
from inkread.readings import Digit, Refusal, Unread, all_right
from inkread.recognition.recognise import Recognition


def accepted_digits(found: Recognition, page: Page, card: Card) -> tuple[Digit, ...]:
    """Return the digits of a page, with their boxes in pixels of the upright picture.

    The ten probabilities of a digit are conditional on its being a digit. Its confidence is the largest of them times
    the certainty that there is exactly one digit in its place. If the page has several digits, the confidence is raised
    to the power on the card.
    """
    given = given_a_digit(found.probabilities)
    lines = {row: line for line, row in enumerate(sorted({place.row for place in found.places}))}
    power = card.text_power if len(found.places) > 1 else 1.0
    return tuple(
        Digit(
            digit=int(row.argmax()),
            confidence=round((float(row.max()) * place.certainty) ** power, 6),
            probabilities=tuple(round(float(p), 6) for p in row),
            box=page.upright(place.patch.box),
            line=lines[place.row],
            number=place.number,
            _conformal=card.conformal,
        )
        for row, place in zip(given, found.places, strict=True)
    )


def upright_unread(found: Recognition, page: Page) -> tuple[Unread, ...]:
    """Return the places that were not read, with boxes in pixels of the upright picture."""
    return tuple(Unread(page.upright(unread.box), unread.reason) for unread in found.unread)


def text_confidence(found: Recognition, digits: tuple[Digit, ...], card: Card) -> float:
    """Return the probability, 0 to 1, that the whole text of a page is right and no digit is missing.

    Each mark that was not read is a missing digit with the probability that it is a digit. The number of missing digits
    is therefore taken as Poisson distributed. Its mean is the expected number, times the scale on the card.
    """
    return round(all_right(digits) * exp(-card.missed_scale * found.missed), 6)


def refusal(found: Recognition, digits: tuple[Digit, ...], card: Card, min_confidence: float | None) -> Refusal | None:
    """Return why the digits are refused, or None if they are accepted."""
    if not digits:
        if found.unread:
            return Refusal("no-digit", "there is something on this picture, but no digit")
        return Refusal("blank", "there is no writing on this picture")
    nondigit = found.probabilities[:, NON_DIGIT]
    if median(nondigit) > card.no_digit:
        return Refusal("no-digit", "the writing on this picture does not look like a digit")
    # In a long text, some digit is always unsure. The card's minimum is for a digit, the caller's is for the text.
    confidence, least = (
        (median([digit.confidence for digit in digits]), card.min_confidence)
        if min_confidence is None
        else (all_right(digits), min_confidence)
    )
    return None if confidence >= least else _unsure(digits, confidence, least)


def _unsure(digits: Iterable[Digit], confidence: float, least: float) -> Refusal:
    first = min(digits, key=lambda digit: digit.confidence)
    second = int(np.argsort(first.probabilities)[-2])
    return Refusal(
        "unsure", f"{first.digit} or {second}, but only {confidence:.1%} sure; the minimum is {100 * least:g}%"
    )
