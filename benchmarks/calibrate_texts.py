"""Fit how probabilities of digits and doubts about a page become the confidence of a text, and write it on a card.

    python benchmarks/calibrate_texts.py MODEL_FOLDER

Reads the measuring sets of `$INKREAD_DATA` and fits, to whether each whole text is right, the power of the digits'
probabilities and the weights of `inkread.recognition.acceptance.text_doubts`. Sets count by the square root of their
size. Prints how well it does on groups (runs of cheques, stations, registers, sources) that the fit did not see.
"""

from __future__ import annotations

import argparse
import csv
import os
import zlib
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize  # type: ignore[import-untyped]

from inkread.evaluation.statistics import calibration_error
from inkread.loading import load_classifier
from inkread.models.card import load_card
from inkread.models.detector import load_detector
from inkread.models.probabilities import given_a_digit
from inkread.pictures.opening import open_picture
from inkread.recognition.acceptance import text_doubts
from inkread.recognition.recognise import PageReader, Recognition

SETS = ("amounts", "weather", "parish", "field", "pictures")
FOLDS = 8
SURE = 0.9


@dataclass(frozen=True, slots=True)
class Texts:
    """N read texts.

    sets, groups: (N,) str. right: (N,) bool. doubts: (N, 1 + D) float64: minus the logarithm of the probability that
    all digits are right, and the doubts about the page. powered: (N,) bool, whether the first is raised to a power.
    """

    sets: NDArray[np.str_]
    groups: NDArray[np.str_]
    right: NDArray[np.bool_]
    doubts: NDArray[np.float64]
    powered: NDArray[np.bool_]
    names: tuple[str, ...]


def read_texts(folder: Path) -> Texts:
    """Read the measuring sets with a model, each as `inkread read` does."""
    reader = PageReader(load_detector(folder), load_classifier(folder))
    root = Path(os.environ.get("INKREAD_DATA", "../shared/data"))
    rows = [(name, row) for name in SETS for row in csv.DictReader((root / name / "index.csv").open(encoding="utf-8"))]
    sets, groups, right, doubts, powered = [], [], [], [], []
    names: tuple[str, ...] = ()
    for name, row in rows:
        found = reader.read(open_picture(str(root / name / row["file"])), "auto")[1]
        if row["kind"] == "nondigit" or not found.places:
            continue
        about = text_doubts(found)
        names = tuple(about)
        likely = given_a_digit(found.probabilities).max(axis=1)
        sets.append(name)
        groups.append(f"{name} {row.get('group') or row['source_repo']}")
        right.append(text_of(found) == "|".join(map(digits_of, row["label"].split("|"))))
        doubts.append([-float(np.log(likely).sum()), *about.values()])
        powered.append(len(found.places) > 1)
    return Texts(
        np.array(sets), np.array(groups), np.array(right), np.array(doubts, np.float64), np.array(powered), names
    )


def text_of(found: Recognition) -> str:
    """Return the lines of a page, joined by bars."""
    lines: dict[int, str] = {}
    for place, digit in zip(found.places, found.probabilities[:, :10].argmax(axis=1), strict=True):
        lines[place.row] = lines.get(place.row, "") + str(digit)
    return "|".join(lines[row] for row in sorted(lines))


def digits_of(text: str) -> str:
    """Return the digits of a text."""
    return "".join(letter for letter in text if letter.isdigit())


def confidences(weights: NDArray[np.float64], texts: Texts) -> NDArray[np.float64]:
    """Return the confidence of each text, (N,), given the power and the weights of the doubts."""
    first = np.where(texts.powered, weights[0], 1.0) * texts.doubts[:, 0]
    return np.exp(-np.maximum(first + texts.doubts[:, 1:] @ weights[1:], 1e-4))


def fit(texts: Texts, chosen: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the power and the weights that make the outcomes of the chosen texts most likely."""
    share = np.zeros(len(texts.right))
    for name in SETS:
        share[texts.sets == name] = 1 / np.sqrt(max(1, (texts.sets == name).sum()))

    def loss(weights: NDArray[np.float64]) -> float:
        likely = np.minimum(confidences(weights, texts), 1 - 1e-6)
        outcome = np.where(texts.right, np.log(likely), np.log1p(-likely))
        return -float((share * outcome)[chosen].sum())

    start = np.full(texts.doubts.shape[1], 0.2)
    bounds = [(0.05, 5.0), *[(0.0, 5.0)] * (len(start) - 1)]
    return np.asarray(minimize(loss, start, method="L-BFGS-B", bounds=bounds).x)


def main() -> None:
    """Fit, write the card and print what groups that the fit did not see show."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="MODEL_FOLDER")
    folder = parser.parse_args().folder
    cv2.setNumThreads(1)
    texts = read_texts(folder)
    weights = fit(texts, np.ones(len(texts.right), bool))
    power, doubts = float(weights[0]), dict(zip(texts.names, (round(float(x), 4) for x in weights[1:]), strict=True))
    card = load_card(folder)
    folds = np.array([zlib.crc32(group.encode()) % FOLDS for group in texts.groups])
    held_out = np.zeros(len(folds))
    for fold in range(FOLDS):
        held_out[folds == fold] = confidences(fit(texts, folds != fold), texts)[folds == fold]
    measured = {name: report(held_out, texts, texts.sets == name) for name in SETS}
    measured["all"] = report(held_out, texts, np.ones(len(folds), bool))
    about = {"data": "whole texts; error, sure and right: groups that the fit did not see", "sets": measured}
    calibration = {**card.calibration, "texts": about}
    replace(card, text_power=round(power, 4), text_doubts=doubts, calibration=calibration).save(folder)
    print(f"power {power:.3f}, doubts {doubts}")
    for name, numbers in measured.items():
        print(name, numbers)


def report(held_out: NDArray[np.float64], texts: Texts, chosen: NDArray[np.bool_]) -> dict[str, float]:
    """Return how many of the chosen texts are right, their calibration error, and what confidences of 0.9 are worth."""
    likely, right = held_out[chosen], texts.right[chosen]
    sure = likely >= SURE
    return {
        "texts": len(right),
        "right": round(float(right.mean()), 4),
        "error": round(calibration_error(likely, right) or 0.0, 4),
        "sure": round(float(sure.mean()), 4),
        "right_if_sure": round(float(right[sure].mean()), 4) if sure.any() else 0.0,
    }


if __name__ == "__main__":
    main()
