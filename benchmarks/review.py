"""How many errors a review leaves in a table, compared with keying it twice.

    python benchmarks/review.py [--records 10000] [--share 0.03]

The values of a table are drawn with the confidences, flags and errors that `benchmarks/forms.py --values` measured on
sheets of MNIST's test digits (`forms_values.csv`). A person goes through the review, the least certain value first, and
types a wrong value as often as people do who key once. The person stops after a share of the values. Errors are
compared with the rates that Garza et al. pooled from 93 papers: 29 per 10 000 fields for keying once, 14 for keying
twice (Contemporary Clinical Trials, 2025, https://pmc.ncbi.nlm.nih.gov/articles/PMC13078370/).
"""

from __future__ import annotations

import argparse
import csv
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

from inkread.reviewing.review import Review, ReviewAnswer
from inkread.sheets.audit import Audit, Entry
from inkread.sheets.forms import Field, fields_as_json
from inkread.sheets.table import Place

ONCE, TWICE = 0.0029, 0.0014
"""The share of fields that are wrong after keying once and twice."""

FIELDS = tuple(Field(f"f{number}", f"Field {number}", "integer", digits=3) for number in range(1, 6))
VALUES = Path(__file__).with_name("forms_values.csv")


def drawn(count: int, rng: np.random.Generator) -> list[tuple[float, bool, bool]]:
    """Return the confidence of values, whether they are flagged and whether they are right, as they were measured."""
    with VALUES.open(encoding="utf-8", newline="") as file:
        rows = [[float(cell) for cell in row.values()] for row in csv.DictReader(file)]
    counts = np.array([row[3] for row in rows])
    chosen = rng.choice(len(rows), count, p=counts / counts.sum())
    return [(rows[at][0], bool(rows[at][1]), bool(rows[at][2])) for at in chosen]


def write_audit(data: Path, records: int, rng: np.random.Generator) -> dict[Place, str]:
    """Write the audit of a table, and return the true value of each field."""
    truth: dict[Place, str] = {}
    entries: list[Entry] = [{"kind": "form", "form": "STUDY", "geometry": "0", "fields": fields_as_json(FIELDS)}]
    values = iter(drawn(records * len(FIELDS), rng))
    for record in range(records):
        sheet = f"{record + 1:04d}"
        for field in FIELDS:
            confidence, flagged, right = next(values)
            true = int(rng.integers(100, 1000))
            read = true if right else 100 + (true - 100 + int(rng.integers(1, 900))) % 900
            truth[sheet, field.name, 0] = str(true)
            entries.append(
                {
                    "kind": "value",
                    "picture": "study.jpg",
                    "sheet": sheet,
                    "page": 1,
                    "field": field.name,
                    "row": 0,
                    "crop": "study.crops/none.png",
                    "outcome": "unsure" if flagged else "value",
                    "read": str(read),
                    "value": str(read),
                    "confidence": confidence,
                    "probabilities": [[0.0] * 11] * 3,
                }
            )
        entries.append({"kind": "page", "picture": "study.jpg", "sheet": sheet, "page": 1})
    with Audit(data, "study") as audit:
        audit.append(entries)
    return truth


def errors(data: Path, truth: dict[Place, str]) -> int:
    """Return how many cells of the table are wrong, question marks left away."""
    with data.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return sum(row[field.name].rstrip("?") != truth[row["sheet"], field.name, 0] for row in rows for field in FIELDS)


def main() -> None:
    """Print how many errors are left after each step of a review."""
    parser = argparse.ArgumentParser(description="measure how many errors a review leaves")
    parser.add_argument("--records", type=int, default=10_000)
    parser.add_argument("--share", type=float, default=0.03)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    rng = np.random.default_rng(asked.seed)
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "study.csv"
        truth = write_audit(data, asked.records, rng)
        begun = time.perf_counter()
        review = Review(data, "study")
        state = review.state(more=True)
        print(f"{len(truth):,} values, opened in {time.perf_counter() - begun:.1f} s, {state['left']} to check")
        print("| reviewed | errors left per 10 000 | errors that inkread expects |\n|---|---|---|")
        seconds = []
        most = round(asked.share * len(truth))
        for count in range(most + 1):
            if count % max(1, most // 6) == 0 or count == most:
                left, expected = errors(data, truth), state["expected"]
                print(
                    f"| {count / len(truth):.1%} | {1e4 * left / len(truth):.1f} | {1e4 * expected / len(truth):.1f} |"
                )
            if count == most or state["item"] is None:
                break
            place = tuple(state["item"]["place"])
            typed = truth[place] if rng.random() >= ONCE else str(rng.integers(100, 1000))
            begun = time.perf_counter()
            state = review.answer(ReviewAnswer(place, state["item"]["seen"], "value", typed, more=True))
            seconds.append(time.perf_counter() - begun)
        print(f"keyed once: {1e4 * ONCE:.0f}; keyed twice: {1e4 * TWICE:.0f} per 10 000")
        print(f"an answer takes {1000 * statistics.median(seconds):.0f} ms (median of {len(seconds)})")


if __name__ == "__main__":
    main()
