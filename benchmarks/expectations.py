"""What an expectation is worth: how many numbers are right without it and with it.

    python benchmarks/expectations.py

Of `amounts` the number of digits is expected, which a bank knows from the words beside it; of the temperatures of
`weather` two or three digits and 5 to 45 degrees in tenths; and of drawn numbers of eight digits, written with MNIST's
last 10 000 training images, a Luhn check digit. The cells of `weather` with four digits hold sums of temperatures.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inkread import Expect, Reader
from inkread.expecting.check_digits import luhn
from inkread.readings import Reading
from signs import Writer

COUNT, SEED = 300, 30
Item = tuple[str | NDArray[np.uint8], str, Expect]


def digits_of(text: str) -> str:
    """Return the digits of a text."""
    return "".join(letter for letter in text if letter.isdigit())


def amounts(root: Path) -> Iterator[Item]:
    """Yield cheque amounts with their number of digits."""
    for row in csv.DictReader((root / "amounts" / "index.csv").open(encoding="utf-8")):
        label = digits_of(row["label"])
        yield str(root / "amounts" / row["file"]), label, Expect(rf"\D*(\d\D*){{{len(label)}}}")


def weather(root: Path) -> Iterator[Item]:
    """Yield the temperatures of weather logs in tenths of a degree, with the range that they can have in Congo."""
    for row in csv.DictReader((root / "weather" / "index.csv").open(encoding="utf-8")):
        label = digits_of(row["label"])
        if len(label) <= 3:
            yield str(root / "weather" / row["file"]), label, Expect(r"\d{2,3}", 50, 450)


def card_numbers(root: Path) -> Iterator[Item]:
    """Yield drawn numbers with a Luhn check digit."""
    writer, rng = Writer(root), np.random.default_rng(SEED)
    for _ in range(COUNT):
        first = "".join(map(str, rng.integers(0, 10, 7)))
        text = next(first + str(last) for last in range(10) if luhn(first + str(last)))
        yield writer.page(text, rng), text, Expect(r"\d{8}", check="luhn")


def measure(reader: Reader, items: Iterator[Item]) -> list[str]:
    """Return the cells of a row of the table: right without and with the expectation, refused, and wrong with it."""
    right = fitted = unfit = wrong = count = 0
    for picture, label, expect in items:
        plain = reader.read(picture, as_="number")
        with_it: Reading = reader.read(picture, as_="number", expect=expect)
        count += 1
        right += digits_of(plain.text) == label
        fitted += digits_of(with_it.text) == label
        unfit += with_it.refused is not None
        wrong += with_it.refused is None and digits_of(with_it.text) != label
    return [f"{100 * n / count:.1f}%" for n in (right, fitted, unfit, wrong)]


SETS: dict[str, Callable[[Path], Iterator[Item]]] = {
    "`amounts`, number of digits": amounts,
    "`weather`, `\\d{2,3}` from 50 to 450": weather,
    "drawn, Luhn check digit": card_numbers,
}


def main() -> None:
    """Read each set twice and print the table."""
    root, reader = Path(os.environ["INKREAD_DATA"]), Reader(profile=None)
    print("| what is expected | right without | right with | refused | wrong with |\n|---|---|---|---|---|", flush=True)
    for name, items in SETS.items():
        print(f"| {name} | {' | '.join(measure(reader, items(root)))} |", flush=True)


if __name__ == "__main__":
    main()
