"""Fit how sure whole texts are, and write it on the cards of models; run `calibrate.py` before.

    python benchmarks/text_confidence.py MODEL_FOLDER [MODEL_FOLDER...]

The confidences of the digits of a text are raised to one power, fitted on the real numbers and sheets. How well it does
is measured on sources that the fit did not see, one after the other, and on drawn pages. Beside each calibration error
stands the one that so few texts have by chance where their confidences are true.
"""

from __future__ import annotations

import argparse
import csv
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inkread.drawing import draw_sheet
from inkread.evaluation.statistics import calibration_error
from inkread.models.card import load_card
from inkread.reader import Reader
from inkread.readings import Reading

PAGES = 150
GROUNDS = ("plain", "paper", "ruled", "squared", "shadow", "blackboard")


def drawn_pages(count: int) -> Iterator[tuple[NDArray[np.uint8], str]]:
    """Yield drawn numbers and sheets with their texts: any ground, size, slope and hand, some in boxes."""
    for seed in range(count):
        rng = np.random.default_rng([7, seed])
        lines = ["".join(map(str, rng.integers(0, 10, rng.integers(2, 11)))) for _ in range(rng.integers(1, 4))]
        boxes = rng.random() < 0.2
        page = draw_sheet(
            lines,
            rng=rng,
            ground="paper" if boxes else str(rng.choice(GROUNDS)),
            height=float(rng.uniform(18, 70)),
            uneven=float(rng.uniform(0.03, 0.12)),
            slope=float(rng.uniform(-0.06, 0.06)),
            boxes=boxes,
        )
        yield page, "|".join(lines)


def real_pages(data: Path) -> Iterator[tuple[Path, str, str]]:
    """Yield the real numbers and sheets with their texts and sources."""
    with (data / "pictures" / "index.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["kind"] in ("line", "multi"):
                yield data / "pictures" / row["file"], row["label"], row["source_repo"]


@dataclass(frozen=True, slots=True)
class Outcomes:
    """The confidence of each text that was read, (N,), whether it is right, and whose it is."""

    confidences: NDArray[np.float64]
    right: NDArray[np.bool_]
    sources: NDArray[np.str_]

    @property
    def power(self) -> float:
        """The power that fits them."""
        return fitted_power(self.confidences, self.right)


def outcomes(readings: Iterable[tuple[Reading, str, str]]) -> Outcomes:
    """Return what came of readings, each with its truth and its source."""
    read = [(reading, truth, source) for reading, truth, source in readings if not reading.refused]
    right = ["|".join(line.text.replace(" ", "") for line in reading.lines) == truth for reading, truth, _ in read]
    confidences = np.array([reading.confidence for reading, _, _ in read], np.float64)
    return Outcomes(confidences, np.array(right), np.array([source for _, _, source in read]))


def unseen(found: Outcomes) -> NDArray[np.float64]:
    """Return the confidences of each source by a power fitted on the others."""
    raised = np.zeros(len(found.right))
    for source in np.unique(found.sources):
        own = found.sources == source
        raised[own] = found.confidences[own] ** fitted_power(found.confidences[~own], found.right[~own])
    return raised


def fitted_power(confidences: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    """Return the power, 0.1 to 10, under which the log loss of these confidences is smallest.

    Of 38 texts one or two are wrong, and whether it is one or two decides too much. So one more than was seen is
    counted, of the median confidence (after Laplace's rule of succession).
    """
    confidences, right = np.append(confidences, np.median(confidences)), np.append(right, False)
    powers = np.geomspace(0.1, 10, 231)
    clipped = np.clip(confidences, 1e-9, 1 - 1e-6)
    raised = clipped[None] ** powers[:, None]
    losses = -np.where(right, np.log(raised), np.log1p(-np.minimum(raised, 1 - 1e-9))).mean(axis=1)
    return round(float(powers[int(np.argmin(losses))]), 3)


def by_chance(confidences: NDArray[np.float64], *, times: int = 2000) -> float:
    """Return the calibration error, in the mean, of so many texts whose confidences are true."""
    rng = np.random.default_rng(0)
    errors = [calibration_error(confidences, rng.random(len(confidences)) < confidences) for _ in range(times)]
    return float(np.mean([error for error in errors if error is not None]))


def main() -> None:
    """Fit, measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, metavar="MODEL_FOLDER", nargs="+")
    parser.add_argument("--pages", type=int, default=PAGES)
    options = parser.parse_args()
    for folder in options.folders:
        reader = Reader(folder)
        reader.classifier.network.card = replace(reader.card, text_power=1.0)
        pages = real_pages(Path(os.environ["INKREAD_DATA"]))
        real = outcomes((reader.read(path), truth, source) for path, truth, source in pages)
        drawn = outcomes((reader.read(page), truth, "") for page, truth in drawn_pages(options.pages))
        print(f"{folder.name}: power {real.power} on {len(real.right)} real texts, {drawn.power} on drawn ones")
        for what, confidences, right in (
            ("real, as they are", real.confidences, real.right),
            ("real, each source by a fit on the others", unseen(real), real.right),
            ("drawn, by the fit on real ones", drawn.confidences**real.power, drawn.right),
        ):
            error, chance = calibration_error(confidences, right), by_chance(confidences)
            sure = f"{right.mean():.3f} right, {confidences.mean():.3f} sure"
            print(f"  {what}: {sure}, calibration error {error:.3f}, by chance {chance:.3f}")
        replace(load_card(folder), text_power=real.power).save(folder)


if __name__ == "__main__":
    main()
