"""Fit how probabilities of digits and doubts about a page become the confidence of a text, and write it on a card.

    python benchmarks/calibrate_texts.py MODEL_FOLDER

Reads the measuring sets of `$INKREAD_DATA` and fits, to whether each whole text is right, the powers of the digits' and
signs' probabilities and the weights of `inkread.recognition.acceptance.text_doubts`. Sets count by the square root of
their size. Most sets have no labels for signs, so numbers of `signs.py` are another set, with other random numbers, and
only there and in the pictures of kind `signs` must signs be right. Prints how well it does on groups (runs of
cheques, stations, registers, sources) that the fit did not see. The int8 sister in tiny/ gets the same weights.
"""

from __future__ import annotations

import argparse
import csv
import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize  # type: ignore[import-untyped]

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


@dataclass(frozen=True, slots=True)
class Texts:
    """N read texts.

    sets, groups: (N,) str. right: (N,) bool. doubts: (N, 2 + D) float64: minus the logarithms of the probabilities that
    all digits and that all signs are right, and the doubts about the page. powered: (N,) bool, whether the first is
    raised to a power.
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
    sets, groups, right, doubts, powered = [], [], [], [], []
    names: tuple[str, ...] = ()
    for name, picture, row in pictures(root):
        page = open_picture(picture)
        found = reader.read(page, "auto")[1]
        if row["kind"] == "nondigit" or not found.places:
            continue
        about = text_doubts(found)
        names = tuple(about)
        likely = given_a_digit(found.probabilities).max(axis=1)
        sets.append(name)
        groups.append(f"{name} {row.get('group') or row['source_repo']}")
        text, label = text_of(found, page), row["label"].replace(" ", "")
        right.append(text == label if row["kind"] == "signs" else digits_of(text) == digits_of(label))
        signs = -sum(float(np.log(max(sign.confidence, 0.01))) for sign in found.signs)
        doubts.append([-float(np.log(likely).sum()), signs, *about.values()])
        powered.append(len(found.places) > 1)
    return Texts(
        np.array(sets),
        np.array(groups),
        np.array(right),
        np.array(doubts, np.float64),
        np.array(powered),
        names,
    )


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


def confidences(weights: NDArray[np.float64], texts: Texts) -> NDArray[np.float64]:
    """Return the confidence of each text, (N,), given the powers and the weights of the doubts."""
    digits = np.where(texts.powered, weights[0], 1.0) * texts.doubts[:, 0]
    return np.asarray(np.exp(-np.maximum(digits + texts.doubts[:, 1:] @ weights[1:], 1e-4)))


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
    bounds = [*[(0.05, 5.0)] * 2, *[(0.0, 5.0)] * (len(start) - 2)]
    return np.asarray(minimize(loss, start, method="L-BFGS-B", bounds=bounds).x)


def main() -> None:
    """Fit, write the card and print what groups that the fit did not see show."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="MODEL_FOLDER")
    folder = parser.parse_args().folder
    cv2.setNumThreads(1)
    texts = read_texts(folder)
    weights = fit(texts, np.ones(len(texts.right), bool))
    power, signs, *others = (round(float(weight), 4) for weight in weights)
    doubts = dict(zip(texts.names, others, strict=True))
    card = load_card(folder)
    folds = np.array([zlib.crc32(group.encode()) % FOLDS for group in texts.groups])
    held_out = np.zeros(len(folds))
    for fold in range(FOLDS):
        held_out[folds == fold] = confidences(fit(texts, folds != fold), texts)[folds == fold]
    measured = {name: report(held_out, texts, texts.sets == name) for name in SETS}
    measured["all"] = report(held_out, texts, np.ones(len(folds), bool))
    about = {"data": "whole texts; error, sure and right: groups that the fit did not see", "sets": measured}
    calibration = {**card.calibration, "texts": about}
    card = replace(card, calibration=calibration, text_power=power, sign_power=signs, text_doubts=doubts)
    card.save(folder)
    if (small := folder / "tiny").is_dir():
        replace(load_card(small), text_power=power, sign_power=signs, text_doubts=doubts).save(small)
    print(f"power {power}, of signs {signs}, doubts {doubts}")
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
