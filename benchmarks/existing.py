"""How well forms are read that inkread has not printed: cells of weather logs, and mark sheets as tables.

    python benchmarks/existing.py

The cells are those of `weather`, each cut from its log: a decimal with three digits, from 0 to 50. The mark sheets are
two of `field`, with two digits in each cell. Some 3% of the labels of `weather` are off by a cell.
"""

from __future__ import annotations

import csv
import os
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

from inkread import PictureError, Reader
from inkread.options import ReadOptions
from inkread.pictures.opening import open_picture
from inkread.sheets.cell_reading import read_cell
from inkread.sheets.existing_forms import TableForm
from inkread.sheets.field_reading import FieldReading
from inkread.sheets.forms import Existing, Field, Form

DEGREES = Field("degrees", "Degrees", "decimal", 3, 1, Decimal(0), Decimal(50))
MARKS = "irtiza1999+Edge-Native-Digitization-of-Handwritten-Marksheets"


def weather(data: Path, reader: Reader) -> Iterator[tuple[FieldReading, str]]:
    """Yield what is read in each cell of the logs, and what is written there."""
    with (data / "weather" / "index.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if len(row["label"]) == DEGREES.digits:
                reading = reader.run(data / "weather" / row["file"], ReadOptions(as_="number", min_confidence=0.0))
                yield read_cell(DEGREES, reading.reading), f"{int(row['label'][:2])}.{row['label'][2]}"


def mark_sheets(data: Path, reader: Reader) -> Iterator[tuple[FieldReading, str]]:
    """Yield what is read in each cell of the mark sheets with two digits in each, and what is written there."""
    with (data / "field" / "index.csv").open(encoding="utf-8", newline="") as file:
        labels = {row["file"]: row["label"] for row in csv.DictReader(file) if row["file"].startswith(MARKS)}
    for number in (1, 2):
        name = f"{MARKS}/marks_{number}.jpg"
        rows = labels[name].split("|")
        size = len(rows), len(rows[0]) // 2
        fields = tuple(Field(f"c{at}", "", "integer", 2, rows=size[0], column=at) for at in range(1, size[1] + 1))
        form = TableForm(Form("Marks", fields, existing=Existing(table=size)), reader)
        try:
            page = form.read(open_picture(data / "field" / name).grey, name)
        except PictureError as error:
            print(error.message)
            continue
        for each in page.fields:
            column = (each.boxes.field.column or 1) - 1
            yield each.reading, str(int(rows[each.boxes.row][2 * column : 2 * column + 2]))


def main() -> None:
    """Print how many cells are right, wrong and flagged."""
    data = Path(os.environ.get("INKREAD_DATA") or Path(__file__).parents[2] / "shared" / "data")
    reader = Reader(profile=None)
    for name, cells in (("weather logs", weather(data, reader)), ("mark sheets", mark_sheets(data, reader))):
        counts: Counter[str] = Counter()
        for reading, true in cells:
            settled = reading.outcome == "value"
            counts["right" if settled and reading.value == true else "wrong" if settled else reading.outcome] += 1
        shown = ", ".join(f"{outcome} {count / counts.total():.1%}" for outcome, count in counts.most_common())
        print(f"{name}: {counts.total()} cells, {shown}")


if __name__ == "__main__":
    main()
