"""Acceptance: the digits of a page with their confidences, the confidence of its text, and whether it is refused."""

from __future__ import annotations

from collections.abc import Iterable
from math import exp, log, log1p

import numpy as np

from inkread.glyphs import NON_DIGIT
from inkread.models.card import Card
from inkread.models.probabilities import given_a_digit
from inkread.pictures.page import Page
from inkread.quantiles import median
from inkread.readings import Digit, Number, Refusal, Sign, Unread, all_right
from inkread.recognition.recognise import Recognition
from inkread.values import Notation

_ILLEGIBLE = 0.2
"""A page whose marks are less legible than this shows no writing: grained paper, a photograph of something else."""


_LEGIBLE, _SEVERAL = 0.4, 3
"""On a page that is more legible than this and has at least this many digits, the glyph network cannot refuse alone:
the detector has seen the digits beside each other."""

_FINE, _LEAST = 1000.0, 1e-6
"""Doubts about digits are told apart from a thousandth on, and the probability of a digit counts as at least this."""

_AMONG = 3
"""On a less legible page, a single digit among this many other marks looks like a digit only by chance."""

_AMONG_WORDS = 0.5
"""On a page with at least as many words as digits, a text with a smaller confidence is refused. Some letters of cursive
writing look like digits."""


def accepted_numbers(found: Recognition, page: Page, card: Card, notation: Notation) -> tuple[Number, ...]:
    """Return the numbers of a page in reading order, with boxes in pixels of the upright picture.

    notation: how numbers are written, which their values depend on.

    The ten probabilities of a digit are given that it is one. Its confidence is the probability of the likeliest; on a
    page with several digits, to the power on the card. So is that of a sign.
    """
    index = number_indices(found)
    line = {row: at for at, row in enumerate(sorted({row for row, _ in index}))}
    written: list[dict[int, Digit | Sign]] = [{} for _ in index]
    given = given_a_digit(found.probabilities)
    power = card.text_power if len(found.places) > 1 else 1.0
    for row, whole, at in zip(given, found.probabilities, found.places, strict=True):
        number = index[at.row, at.number]
        written[number][at.before] = Digit(
            digit=int(row.argmax()),
            confidence=round(float(row.max()) ** power, 6),
            probabilities=tuple(round(float(p), 6) for p in row),
            box=page.upright(at.patch.box),
            line=line[at.row],
            number=number,
            non_digit=float(whole[NON_DIGIT]),
            _conformal=card.conformal,
        )
    for sign in found.signs:
        number = index[sign.row, sign.number]
        sure, box = round(sign.confidence**card.sign_power, 6), page.upright(sign.box)
        written[number][sign.before] = Sign(sign.sign, sure, box, line[sign.row], number, sign.probabilities)
    return tuple(Number.of([own[before] for before in sorted(own)], notation) for own in written)


def number_indices(found: Recognition) -> dict[tuple[int, int], int]:
    """Return the index in the reading of each number of a page: of its row, and its index in that row."""
    digits, signs = ({(at.row, at.number) for at in places} for places in (found.places, found.signs))
    order = sorted(digits | signs)
    return {place: at for at, place in enumerate(order)}


def upright_unread(found: Recognition, page: Page) -> tuple[Unread, ...]:
    """Return the places that were not read, with boxes in pixels of the upright picture."""
    return tuple(Unread(page.upright(unread.box), unread.reason) for unread in found.unread)


def text_confidence(found: Recognition, numbers: tuple[Number, ...], card: Card) -> float:
    """Return the probability, 0 to 1, that the whole text of a page is right, with no digit missing or too many.

    That of its digits is logistic in the doubts about the page. Without weights for them on the card, or if only a
    digit was looked for, nothing is known about the page, and it is the product over the numbers.
    """
    if not card.text_doubts or (not found.doubts and found.legibility == 1):
        return round(all_right(numbers), 6)
    doubts = text_doubts(found)
    odds = card.text_odds - sum(weight * doubts.get(name, 0.0) for name, weight in card.text_doubts.items())
    signs = all_right(sign for number in numbers for sign in number.signs)
    return round(signs / (1 + exp(-odds)), 6)


def text_doubts(found: Recognition) -> dict[str, float]:
    """Return what makes the text of a page doubtful, as values from 0 by name.

    digits: how unlikely it is that all digits are right: the logarithm of one and a thousand times minus the logarithm
        of that probability.
    single: whether the page has one digit. Beside others, a digit has been compared with their height and level.
    word, drawing: logarithms of one more than the number of words and other ink on the page that were not read.
    illegible: minus the logarithm of how legible the marks of the page are.

    The others are those of `inkread.recognition.recognise.Recognition.doubts`.
    """
    reasons = [unread.reason for unread in found.unread]
    likely = given_a_digit(found.probabilities).max(axis=1, initial=0)
    return {
        "digits": log1p(-_FINE * float(np.log(np.maximum(likely, _LEAST)).sum())),
        "single": float(len(found.places) == 1),
        **found.doubts,
        "word": log1p(reasons.count("word")),
        "drawing": log1p(reasons.count("drawing")),
        "illegible": -log(max(found.legibility, _ILLEGIBLE)),
    }


def refusal(
    found: Recognition, numbers: tuple[Number, ...], confidence: float, card: Card, min_confidence: float | None
) -> Refusal | None:
    """Return why numbers are not to be read, or None if they are; `confidence` is that of the whole text."""
    digits = [digit for number in numbers for digit in number.digits]
    if not digits:
        return _without_digits(found, numbers, confidence, min_confidence)
    nondigit = found.probabilities[:, NON_DIGIT]
    if len(digits) == 1 and len(found.unread) >= _AMONG and found.legibility < _LEGIBLE:
        return Refusal("no-digit", "there is something on this picture that looks like a digit by chance")
    unclear = len(digits) < _SEVERAL or found.legibility < _LEGIBLE
    if (unclear and median(nondigit) > card.no_digit) or found.legibility < _ILLEGIBLE:
        return Refusal("no-digit", "the writing on this picture does not look like a digit")
    words = sum(unread.reason == "word" for unread in found.unread)
    if min_confidence is None and words >= len(digits) and confidence < _AMONG_WORDS:
        return Refusal("no-digit", "there are words on this picture, and too little among them looks like digits")
    least_of_all = card.min_confidence ** sum(len(number.characters) for number in numbers)
    if min_confidence is None and confidence < least_of_all:
        return _unsure(digits, confidence, least_of_all)
    # In a long text, some digit is always unsure. The card's minimum is for a digit, the caller's is for the text.
    confidence, least = (
        (median([digit.confidence for digit in digits]), card.min_confidence)
        if min_confidence is None
        else (confidence, min_confidence)
    )
    return None if confidence >= least else _unsure(digits, confidence, least)


def _without_digits(
    found: Recognition, numbers: tuple[Number, ...], confidence: float, min_confidence: float | None
) -> Refusal | None:
    """Return why a page without digits is refused; None for a table with dashes."""
    if not numbers:
        if found.unread:
            return Refusal("no-digit", "there is something on this picture, but no digit")
        return Refusal("blank", "there is no writing on this picture")
    least = min_confidence or 0.0
    if confidence >= least:
        return None
    return Refusal("unsure", f"dashes, but only {confidence:.1%} sure; the minimum is {100 * least:g}%")


def _unsure(digits: Iterable[Digit], confidence: float, least: float) -> Refusal:
    first = min(digits, key=lambda digit: digit.confidence)
    second = int(np.argsort(first.probabilities)[-2])
    return Refusal(
        "unsure", f"{first.digit} or {second}, but only {confidence:.1%} sure; the minimum is {100 * least:g}%"
    )
