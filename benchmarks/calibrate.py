"""Fit what turns a model's outputs into confidences and refusals on real pictures, and write it on its card.

    python benchmarks/calibrate.py MODEL_FOLDER

Fitted on the single pictures of `../shared/data/pictures`; how well it does is measured on sources that the fit did not
see, one source after the other.
"""

from __future__ import annotations

import argparse
import copy
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inkread.models.card import Card, load_card
from inkread.models.classifier import NO_DIGIT, Classifier
from inkread.scores import calibration_error, fitted_temperature, given_a_digit, tempered
from sets import Glyphs, load_set

KEPT = 0.99
"""Share of the single pictures that the threshold for no digit lets pass."""

MIN_CONFIDENCE = 0.5
"""A digit that is more likely wrong than right is not read."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """What was fitted, and how it does on sources that the fit did not see.

    temperature, no_digit: as on the card, fitted on all pictures.
    error: calibration error of the confidences, 0 to 1, each source with a temperature fitted on the others.
    kept: share of pictures that a threshold fitted on the other sources lets pass.
    """

    temperature: float
    no_digit: float
    error: float
    kept: float


def calibrated(classifier: Classifier, pictures: Glyphs) -> Calibration:
    """Return the calibration of a model, whatever its card says."""
    plain = with_card(classifier, replace(classifier.card, temperature=1.0)).classify(pictures.images)
    none, digits = plain[:, NO_DIGIT], given_a_digit(plain)
    confidences, passes = np.zeros(len(none)), np.zeros(len(none), bool)
    for source in np.unique(pictures.groups):
        own = pictures.groups == source
        temperature = fitted_temperature(pictures.labels[~own], digits[~own])
        confidences[own] = tempered(digits[own], temperature).max(axis=1)
        passes[own] = none[own] <= _threshold(none[~own])
    right = digits.argmax(axis=1) == pictures.labels
    return Calibration(
        temperature=fitted_temperature(pictures.labels, digits),
        no_digit=_threshold(none),
        error=calibration_error(confidences, right) or 0.0,
        kept=float(passes.mean()),
    )


def on_card(card: Card, found: Calibration) -> Card:
    """Return a card with a calibration on it."""
    about = "291 single pictures of 41 sources; error and kept: each source by a fit on the others"
    return replace(
        card,
        temperature=found.temperature,
        no_digit=found.no_digit,
        min_confidence=MIN_CONFIDENCE,
        calibration={"data": about, **{name: round(value, 4) for name, value in asdict(found).items()}},
    )


def with_card(classifier: Classifier, card: Card) -> Classifier:
    """Return a classifier with the same network and another card."""
    other = copy.copy(classifier)
    other.card = card
    return other


def _threshold(none: NDArray[np.floating]) -> float:
    """Return the smallest probability of no digit, at least 0.05, above which only 1 in 100 of these digits lies."""
    return max(0.05, round(float(np.quantile(none, KEPT)), 4))


def main() -> None:
    """Fit and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="MODEL_FOLDER")
    folder = parser.parse_args().folder
    found = calibrated(Classifier(folder), load_set("pictures"))
    on_card(load_card(folder), found).save(folder)
    print(found)


if __name__ == "__main__":
    main()
