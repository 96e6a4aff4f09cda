"""Fit what turns a model's outputs into confidences and refusals on real pictures, and write it on its card.

    python benchmarks/calibrate.py MODEL_FOLDER

The temperature is fitted on the single pictures of `../shared/data/pictures`; how well it does is measured on sources
that the fit did not see, one source after the other. The threshold for non-digits is fitted on drawn ones, so that
pictures, with digits and without, show what it is worth.
"""

from __future__ import annotations

import argparse
import copy
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inkread.datasets import load_mnist
from inkread.evaluation.statistics import calibration_error
from inkread.glyphs import NON_DIGIT
from inkread.loading import load_classifier
from inkread.models.card import Card, Conformal, load_card
from inkread.models.classifier import Classifier
from inkread.models.probabilities import fit_temperature, given_a_digit, temper
from inkread.training.training_glyphs import drawn_glyphs
from measuring_sets import Glyphs, load_set

PASSED = 0.03
"""Share of the drawn non-digits, of the families that training saw, that the threshold lets pass."""

DRAWN, SEED = 6000, 2026
"""The number of non-digits that are drawn for this, and their seed."""

MIN_CONFIDENCE = 0.5
"""A digit that is more likely wrong than right is not read."""

PROMISED = (0.99, 0.995)
"""What `Digit.candidates` is measured at; 291 pictures cannot promise 0.997."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """What was fitted, and how it does on sources that the fit did not see.

    temperature: as on the card, fitted on all pictures.
    no_digit: as on the card, fitted on drawn non-digits.
    error: calibration error of the confidences, 0 to 1, each source with a temperature fitted on the others.
    kept: share of pictures that this threshold lets pass.
    conformal: as on the card, fitted on all pictures.
    covered: for each of `PROMISED`, the share of pictures whose digit is among the candidates, each source with a
        temperature and scores fitted on the others; candidates: how many there are in the mean.
    """

    temperature: float
    no_digit: float
    error: float
    kept: float
    conformal: Conformal
    covered: dict[str, float]
    candidates: dict[str, float]


def calibrate(classifier: Classifier, pictures: Glyphs) -> Calibration:
    """Return the calibration of a model, whatever its card says."""
    plain = with_card(classifier, replace(classifier.card, temperature=1.0)).classify(pictures.images)
    none, digits = plain[:, NON_DIGIT], given_a_digit(plain)
    no_digit = _threshold(classifier)
    confidences = np.zeros(len(none))
    among = np.zeros((len(PROMISED), *digits.shape), bool)
    for source in np.unique(pictures.groups):
        own = pictures.groups == source
        temperature = fit_temperature(pictures.labels[~own], digits[~own])
        others, found = temper(digits[~own], temperature), temper(digits[own], temperature)
        confidences[own] = found.max(axis=1)
        conformal = _conformal(others, pictures.labels[~own])
        for sets, promised in zip(among, PROMISED, strict=True):
            sets[own] = found >= np.minimum(conformal.least(promised), found.max(axis=1, keepdims=True))
    right = digits.argmax(axis=1) == pictures.labels
    temperature = fit_temperature(pictures.labels, digits)
    return Calibration(
        temperature=temperature,
        no_digit=no_digit,
        error=calibration_error(confidences, right) or 0.0,
        kept=float((none <= no_digit).mean()),
        conformal=_conformal(temper(digits, temperature), pictures.labels),
        covered=_by_promise(sets[np.arange(len(none)), pictures.labels] for sets in among),
        candidates=_by_promise(sets.sum(axis=1) for sets in among),
    )


def _conformal(digits: NDArray[np.float32], labels: NDArray[np.int64]) -> Conformal:
    return Conformal.of(digits[np.arange(len(labels)), labels])


def _by_promise(values: Iterable[NDArray[Any]]) -> dict[str, float]:
    return {str(promised): round(float(own.mean()), 4) for promised, own in zip(PROMISED, values, strict=True)}


def on_card(card: Card, found: Calibration) -> Card:
    """Return a card with a calibration on it."""
    about = (
        "291 single pictures of 41 sources; error, covered and candidates: each source by a fit on the others; "
        f"no_digit: where {PASSED:.0%} of drawn non-digits pass"
    )
    numbers = {name: round(getattr(found, name), 4) for name in ("temperature", "no_digit", "error", "kept")}
    return replace(
        card,
        temperature=found.temperature,
        no_digit=found.no_digit,
        min_confidence=MIN_CONFIDENCE,
        conformal=found.conformal,
        calibration={"data": about, **numbers, "covered": found.covered, "candidates": found.candidates},
    )


def with_card(classifier: Classifier, card: Card) -> Classifier:
    """Return a classifier with the same network and another card."""
    other = copy.copy(classifier)
    other.card = card
    return other


def _threshold(classifier: Classifier) -> float:
    """Return the non-digit probability above which all but `PASSED` of the drawn non-digits lie."""
    return round(float(np.quantile(classifier.classify(_draw())[:, NON_DIGIT], PASSED)), 4)


@cache
def _draw() -> NDArray[np.float32]:
    """Return drawn non-digits that no training saw, (DRAWN, 28, 28) float32 in 0..1."""
    return drawn_glyphs(load_mnist(), seed=SEED, count=DRAWN, shares=("nondigits",))


def main() -> None:
    """Fit and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="MODEL_FOLDER")
    folder = parser.parse_args().folder
    found = calibrate(load_classifier(folder), load_set("pictures"))
    on_card(load_card(folder), found).save(folder)
    print(found)


if __name__ == "__main__":
    main()
