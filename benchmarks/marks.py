"""What the detector and the glyph classifier read together on the measuring sets: the exam of design (a) of issue 18.

    python benchmarks/marks.py [SET ...]

Prints, for each kind of picture in `$INKREAD_DATA/SET/index.csv`, how many whole texts are right (digits alone, lines
in order), and the processor time. `inkread read` does not use the detector yet; pages are read as they lie.
"""

from __future__ import annotations

import csv
import os
import sys
import time
from collections import Counter
from pathlib import Path

from inkread.ink.ink import darken_writing, find_ink
from inkread.loading import load_classifier
from inkread.models.detector import load_detector
from inkread.pictures.opening import open_picture
from inkread.recognition.marked_pages import recognise_marked

SETS = ("amounts", "weather", "parish", "field", "pictures")


def main(names: list[str]) -> None:
    """Measure the sets of these names, or all."""
    root = Path(os.environ.get("INKREAD_DATA", "../shared/data"))
    for name in names or SETS:
        with (root / name / "index.csv").open(encoding="utf-8") as file:
            measure(name, root / name, list(csv.DictReader(file)))


def measure(name: str, folder: Path, rows: list[dict[str, str]]) -> None:
    """Read the pictures of a set and print what was right."""
    classifier, detector = load_classifier(), load_detector()
    right: Counter[str] = Counter()
    total: Counter[str] = Counter()
    began = time.process_time()
    for row in rows:
        page = open_picture(str(folder / row["file"]))
        found = recognise_marked(darken_writing(page), find_ink(page), detector, classifier)
        wanted = "" if row["kind"] == "nondigit" else row["label"]
        total[row["kind"]] += 1
        right[row["kind"]] += "|".join(found.lines) == "|".join(map(digits_of, wanted.split("|")))
    seconds = time.process_time() - began
    for kind, count in total.items():
        print(f"{name:10s} {kind:10s} {right[kind]:4d} of {count:4d}  {right[kind] / count:6.1%}")
    print(f"{name:10s} {seconds / len(rows):.2f} s of processor time a picture", flush=True)


def digits_of(text: str) -> str:
    """Return the digits of a text."""
    return "".join(letter for letter in text if letter.isdigit())


if __name__ == "__main__":
    main(sys.argv[1:])
