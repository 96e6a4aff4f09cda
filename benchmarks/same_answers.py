"""Whether a change of the code changes an answer: what the reader says of 1043 pictures, the same to the last bit.

    python benchmarks/same_answers.py store OUT      # with the code as it was
    python benchmarks/same_answers.py compare OUT    # with the code as it is; exit code 1 where an answer differs

The pictures are those of `pictures`, `field` and `amounts` in the folder that INKREAD_DATA names, or in ../shared/data.
Of each, the text, the refusal, what is unread, boxes, confidences and all probabilities are kept, with floats in
hexadecimal. `PYTHONPATH=FOLDER/src` lets it read with another checkout. It takes one process, and a few minutes.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from inkread import InkreadError, Reader

ROOT = Path(__file__).parents[1]
SETS = ("pictures", "field", "amounts")

Answer = dict[str, Any]


def pictures(data: Path) -> Iterator[tuple[str, Path]]:
    """Yield the name and the path of every picture of the sets, in the order of their lists."""
    for name in SETS:
        with (data / name / "index.csv").open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                yield f"{name}/{row['file']}", data / name / row["file"]


def answer(reader: Reader, picture: Path) -> Answer:
    """Return all that the reader says of a picture, its floats in hexadecimal."""
    try:
        steps = reader.steps(picture)
    except InkreadError as error:
        return {"error": error.code}
    reading = steps.reading
    return {
        "text": reading.text,
        "confidence": None if reading.confidence is None else float(reading.confidence).hex(),
        "refused": reading.refused and reading.refused.code,
        "digits": [
            {
                "digit": digit.digit,
                "place": [digit.line, digit.number],
                "box": list(map(int, digit.box)),
                "confidence": float(digit.confidence).hex(),
                "probabilities": [float(share).hex() for share in digit.probabilities],
            }
            for digit in reading.digits
        ],
        "unread": [[unread.reason, *map(int, unread.box)] for unread in reading.unread],
        "boxes": [list(map(int, box)) for box in steps.boxes],
        "probabilities": [[float(share).hex() for share in row] for row in steps.probabilities],
    }


def answers(data: Path) -> dict[str, Answer]:
    """Return what the shipped model says of every picture, by the name of the picture."""
    reader = Reader(profile=None)
    return {name: answer(reader, path) for name, path in pictures(data)}


def differences(before: dict[str, Answer], after: dict[str, Answer]) -> Iterator[str]:
    """Yield a sentence for each picture of which something differs, naming what."""
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name), after.get(name)
        if old is None or new is None:
            yield f"{name}: read only {'after' if old is None else 'before'}"
        elif old != new:
            parts = [part for part in sorted(old.keys() | new.keys()) if old.get(part) != new.get(part)]
            yield f"{name}: {', '.join(parts)} differ"


def main() -> int:
    """Store or compare, as the command line says."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("task", choices=("store", "compare"))
    parser.add_argument("out", type=Path, help="the JSON file with the answers")
    asked = parser.parse_args()
    data = Path(os.environ.get("INKREAD_DATA", ROOT.parent / "shared" / "data"))
    found = answers(data)
    if asked.task == "store":
        asked.out.write_text(json.dumps(found), encoding="utf-8")
        print(f"{len(found)} answers in {asked.out}")
        return 0
    different = list(differences(json.loads(asked.out.read_text(encoding="utf-8")), found))
    print("\n".join(different) or f"all {len(found)} answers are the same to the last bit")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
