"""Fit the confidences of texts, digits and signs to what is right in the measuring sets, and write them on a card.

    python benchmarks/calibrate_texts.py MODEL_FOLDER

Reads the measuring sets of `$INKREAD_DATA` and fits, to whether all digits of each picture are right, the weights of
`inkread.recognition.acceptance.text_doubts` in a logistic model. Sets count by the square root of their size. Prints
how well it does on groups (runs of cheques, stations, registers, sources) that the fit did not see. The power of
digits' probabilities is fitted to texts of one number, and that of signs' to drawn numbers of `signs.py`, with other
random numbers, since most sets have no labels for signs. The int8 sister in tiny/ gets the same numbers.
"""

from __future__ import annotations

import argparse
import csv
import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize, minimize_scalar  # type: ignore[import-untyped]

from inkread.evaluation.statistics import calibration_error
from inkread.loading import load_classifier
from inkread.models.card import Card, load_card
from inkread.models.detector import load_detector
from inkread.models.probabilities import given_a_digit
from inkread.pictures.opening import open_picture
from inkread.pictures.page import Page
from inkread.recognition.acceptance import accepted_numbers, text_doubts
from inkread.recognition.recognise import PageReader, Recognition
from inkread.values import Notation
from signs import Writer
from signs import texts as sign_texts

SETS = ("amounts", "weather", "parish", "field", "pictures", "signs")
# The seed of the set `signs`.
DRAWN = 21
FOLDS = 8
SURE = 0.9
_RIDGE = 1e-3
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class MeasuredText:
    """A text that was read.

    name, group: its set, and its group there.
    right, signs_right: whether all its digits are right, and whether all its signs are, too.
    doubts: those about its page.
    unlikely: minus the logarithm of the probability that all digits are right; signs: the same for its signs.
    one: whether it is one number of several digits.
    """

    name: str
    group: str
    right: bool
    signs_right: bool
    doubts: dict[str, float]
    unlikely: float
    signs: float
    one: bool


def read_texts(folder: Path) -> list[MeasuredText]:
    """Read the measuring sets with a model, each as `inkread read` does."""
    reader = PageReader(load_detector(folder), load_classifier(folder))
    root = Path(os.environ.get("INKREAD_DATA", "../shared/data"))
    texts = []
    for name, picture, row in pictures(root):
        page = open_picture(picture)
        found = reader.read(page, "auto")[1]
        if row["kind"] == "nondigit" or not found.places:
            continue
        text, label = text_of(found, page), row["label"].replace(" ", "")
        likely = given_a_digit(found.probabilities).max(axis=1)
        texts.append(
            MeasuredText(
                name,
                f"{name} {row.get('group') or row['source_repo']}",
                digits_of(text) == digits_of(label),
                text == label,
                text_doubts(found),
                -float(np.log(likely).sum()),
                -sum(float(np.log(max(sign.confidence, 0.01))) for sign in found.signs),
                row["kind"] == "line" and len(found.places) > 1,
            )
        )
    return texts


def pictures(root: Path) -> Iterator[tuple[str, str | NDArray[np.uint8], dict[str, str]]]:
    """Yield the set, the picture and the row of the index of every picture."""
    for name in SETS[:-1]:
        for row in csv.DictReader((root / name / "index.csv").open(encoding="utf-8")):
            yield name, str(root / name / row["file"]), row
    writer, rng = Writer(root), np.random.default_rng(DRAWN)
    for number, (_, text) in enumerate(sign_texts(rng)):
        yield "signs", writer.page(text, rng), {"kind": "signs", "label": text, "group": str(number % FOLDS)}


def text_of(found: Recognition, page: Page) -> str:
    """Return the lines of a page without spaces, joined by bars."""
    lines: dict[int, str] = {}
    for number in accepted_numbers(found, page, Card(), Notation()):
        lines[number.line] = lines.get(number.line, "") + number.text
    return "|".join(lines[line] for line in sorted(lines))


def digits_of(text: str) -> str:
    """Return the digits of each line of a text."""
    return "|".join("".join(letter for letter in line if letter.isdigit()) for line in text.split("|"))


def fit(doubts: Floats, right: Flags, shares: Floats) -> Floats:
    """Return the weights, (D,), that make the outcomes most likely: the log odds are minus the weighted sum.

    doubts: (N, D), the first column is -1. right: (N,). shares: (N,), how much each text counts.
    """

    def loss(weights: Floats) -> tuple[float, Floats]:
        odds = -(doubts @ weights)
        likely = 1 / (1 + np.exp(-odds))
        outcome = np.where(right, np.logaddexp(0, -odds), np.logaddexp(0, odds))
        slope = -((shares * (likely - right)) @ doubts)
        return float((shares * outcome).sum() + _RIDGE * (weights[1:] ** 2).sum()), slope + _ridge_slope(weights)

    bounds = [(None, None), *[(0.0, 20.0)] * (doubts.shape[1] - 1)]
    return np.asarray(minimize(loss, np.zeros(doubts.shape[1]), jac=True, method="L-BFGS-B", bounds=bounds).x)


def _ridge_slope(weights: Floats) -> Floats:
    slope = 2 * _RIDGE * weights
    slope[0] = 0
    return np.asarray(slope)


def fit_power(unlikely: Floats, right: Flags) -> float:
    """Return the power of probabilities that makes the outcomes most likely.

    unlikely: (N,), minus the logarithm of the probability that all parts of a text are right.
    """

    def loss(power: float) -> float:
        likely = np.clip(np.exp(-power * unlikely), 1e-6, 1 - 1e-6)
        return -float(np.where(right, np.log(likely), np.log1p(-likely)).sum())

    return round(float(minimize_scalar(loss, bounds=(0.05, 20.0), method="bounded").x), 4)


def main() -> None:
    """Fit, write the card and print what groups that the fit did not see show."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="MODEL_FOLDER")
    folder = parser.parse_args().folder
    cv2.setNumThreads(1)
    every = read_texts(folder)
    drawn = [text for text in every if text.name == "signs" and text.right]
    texts = [text for text in every if text.name != "signs"]
    sets = np.array([text.name for text in texts])
    right = np.array([text.right for text in texts])
    names = list(dict.fromkeys(name for text in texts for name in text.doubts))
    doubts = np.array([[-1.0, *(text.doubts.get(name, 0.0) for name in names)] for text in texts])
    shares = np.array([1 / np.sqrt((sets == name).sum()) for name in sets])
    folds = np.array([zlib.crc32(text.group.encode()) % FOLDS for text in texts])
    held_out = np.zeros(len(texts))
    for fold in range(FOLDS):
        seen = folds != fold
        weights = fit(doubts[seen], right[seen], shares[seen])
        held_out[~seen] = 1 / (1 + np.exp(doubts[~seen] @ weights))
    odds, *others = (round(float(weight), 4) for weight in fit(doubts, right, shares))
    ones = [text for text in texts if text.one]
    fitted: dict[str, Any] = {
        "text_odds": odds,
        "text_doubts": dict(zip(names, others, strict=True)),
        "text_power": fit_power(np.array([text.unlikely for text in ones]), np.array([text.right for text in ones])),
        "sign_power": fit_power(
            np.array([text.signs for text in drawn]), np.array([text.signs_right for text in drawn])
        ),
    }
    held_out *= np.exp(-fitted["sign_power"] * np.array([text.signs for text in texts]))
    measured = {name: report(held_out[sets == name], right[sets == name]) for name in SETS[:-1]}
    measured["all"] = report(held_out, right)
    card = load_card(folder)
    about = {"data": "whole texts; error, sure and right: groups that the fit did not see", "sets": measured}
    card = replace(card, calibration={**card.calibration, "texts": about}, **fitted)
    card.save(folder)
    if (small := folder / "tiny").is_dir():
        replace(load_card(small), **fitted).save(small)
    print(fitted)
    for name, numbers in measured.items():
        print(name, numbers)


def report(likely: Floats, right: Flags) -> dict[str, float]:
    """Return how many texts are right, their calibration error, and what confidences of 0.9 are worth."""
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
