"""Drawn tables: how many of their cells are read, with their place, their span, their state and their text.

The headers are printed in free fonts of the material (`make material`), the digits are the last 10 000 of MNIST's
training images, and points and dashes are drawn. A fifth of the cells is empty. Tables lean, are photographed at an
angle, in shadow, and compressed. The glyph network has seen these digits, so the results are a little too good for the
digits; they are meant for choosing how tables are read. The set "report" is not looked at while choosing.

    python benchmarks/tables.py [--set choose|report] [--sheet MISSES.png]
    python benchmarks/tables.py --field
"""

from __future__ import annotations

import argparse
import os
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import ImageDraw, ImageFont
from PIL.Image import fromarray

import inkread
from inkread.datasets import load_mnist
from inkread.datasets.material import find_material

COUNT = 40
SEEDS = {"choose": 1907, "report": 2611}
EMPTY = 0.2
WORDS = """
    Date Name Amount Total Sum Weight Height Price Item Qty Tax Net Gross Result Score Points Round Group Code Unit Room
    Site Depth Speed Morning Noon Evening Left Right Monday Tuesday Index Value Level Class
""".split()  # noqa: SIM905 - easier to read than a list
KINDS = ("plain", "leaning", "angle", "shadow", "coarse", "by hand", "thin rules", "spans")
MARK_SHEETS = "irtiza1999+Edge-Native-Digitization-of-Handwritten-Marksheets"
Ink = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class CellTruth:
    """A cell as it should be read: its place, its span, its state and its text."""

    row: int
    column: int
    rows: int
    columns: int
    state: str
    text: str


class Printer:
    """Draws tables with printed headers and written digits."""

    def __init__(self, data: Path) -> None:
        mnist = load_mnist(data / "mnist")
        self.images, self.labels = mnist.train_images[-10_000:], mnist.train_labels[-10_000:]
        self.fonts = find_material().print

    def table(self, kind: str, rng: np.random.Generator) -> tuple[NDArray[np.uint8], list[CellTruth]]:
        """Return a picture of a table, (H, W) uint8, and its cells."""
        height = float(rng.uniform(22, 40))
        rows, columns = int(rng.integers(3, 11)), int(rng.integers(2, 8))
        most = int(rng.integers(1, 5))
        decimals = rng.random() < 0.35
        tops = np.concatenate([[0], np.cumsum(height * rng.uniform(1.5, 2.1) * np.ones(rows))])
        wide = height * (0.75 * (most + decimals) + 1.2)
        lefts = np.concatenate([[0], np.cumsum(wide * rng.uniform(1.0, 1.5, columns))])
        labels = rng.random() < 0.5
        if labels:
            lefts[1:] += height * 2.5
        # Headers are printed; some have a word above two or three columns.
        spans = _header(columns, kind == "spans", labels=labels, rng=rng)
        head = 1 + max(row for _, row, _, _ in spans)
        cells = [CellTruth(row, column, 1, wide_, "other", "") for column, row, wide_, _ in spans]
        margin = height * rng.uniform(1.2, 2.5)
        size = int(tops[-1] + 2 * margin), int(lefts[-1] + 2 * margin)
        print_, pen = np.zeros(size, np.float32), np.zeros(size, np.float32)
        tops, lefts = tops + margin, lefts + margin
        family = self.fonts[int(rng.integers(len(self.fonts)))]
        font = ImageFont.truetype(str(family), int(height * rng.uniform(0.5, 0.8)))
        walls = _walls(len(tops) - 1, len(lefts) - 1)
        for column, row, wide_, word in spans:
            walls[1][row, column + 1 : column + wide_] = False
            self._print(print_, word, font, (lefts[column], tops[row], lefts[column + wide_], tops[row + 1]))
        # In a bottom row, a printed word may stand above several columns, as "Total" does.
        last = rows
        total = columns > 3 and kind == "spans" and rows > head + 1 and rng.random() < 0.6
        if total:
            last, over = rows - 1, int(rng.integers(2, columns))
            walls[1][rows - 1, 1:over] = False
            self._print(print_, "Total", font, (lefts[0], tops[-2], lefts[over], tops[-1]))
            cells.append(CellTruth(rows - 1, 0, 1, over, "other", ""))
        for row in range(head, rows):
            for column in range(columns):
                if row == last and column < over:
                    continue
                box = (lefts[column], tops[row], lefts[column + 1], tops[row + 1])
                if labels and column == 0:
                    self._print(print_, str(rng.choice(WORDS)), font, box)
                    cells.append(CellTruth(row, column, 1, 1, "other", ""))
                    continue
                text = "" if rng.random() < EMPTY else self._text(most, decimals=decimals, rng=rng)
                if text:
                    self._write(pen, text, box, height, rng)
                cells.append(CellTruth(row, column, 1, 1, "value" if text else "empty", text))
        thick = height * (rng.uniform(0.02, 0.04) if kind == "thin rules" else rng.uniform(0.04, 0.09))
        ruled = pen if kind == "by hand" else print_
        _rule(ruled, tops, lefts, walls, max(1.0, thick), by_hand=kind == "by hand", rng=rng)
        return _photographed(print_, pen, kind, height, rng), cells

    def _text(self, most: int, *, decimals: bool, rng: np.random.Generator) -> str:
        if rng.random() < 0.04:
            return "-"
        text = "".join(map(str, rng.integers(0, 10, int(rng.integers(1, most + 1)))))
        return text + "." + str(rng.integers(0, 10)) if decimals and rng.random() < 0.6 else text

    def _print(
        self, canvas: Ink, word: str, font: ImageFont.FreeTypeFont, box: tuple[float, float, float, float]
    ) -> None:
        left, top, right, bottom = box
        while font.getlength(word) > right - left - 6 and len(word) > 1:
            word = word[:-1]
        page = fromarray((canvas * 255).astype(np.uint8))
        middle = ((left + right) / 2, (top + bottom) / 2)
        ImageDraw.Draw(page).text(middle, word, font=font, fill=255, anchor="mm")
        canvas[:] = np.asarray(page, np.float32) / np.float32(255)

    def _write(
        self, canvas: Ink, text: str, box: tuple[float, float, float, float], height: float, rng: np.random.Generator
    ) -> None:
        left, top, right, bottom = box
        stroke = max(2, round(0.09 * height))
        parts: list[tuple[Ink, float]] = []
        for character in text:
            if character.isdigit():
                choice = np.flatnonzero(self.labels == int(character))
                ink = _cropped(self.images[choice[int(rng.integers(len(choice)))]])
                ink = _resized(ink, height * rng.uniform(0.85, 1.0) / ink.shape[0])
                parts.append((ink, height - ink.shape[0]))
            elif character == "-":
                parts.append((np.ones((stroke, int(height * rng.uniform(0.4, 0.8))), np.float32), 0.5 * height))
            else:
                parts.append((np.ones((stroke + 1, stroke + 1), np.float32), height - stroke))
        gaps = height * rng.uniform(0.06, 0.18, len(parts))
        whole = sum(ink.shape[1] for ink, _ in parts) + float(gaps[:-1].sum())
        room = right - left - whole - 0.25 * height
        x = left + 0.125 * height + max(0.0, room) * rng.uniform(0.2, 0.8)
        y = top + max(0.0, bottom - top - height - 3) * rng.uniform(0.25, 0.75) + 1
        for (ink, drop), gap in zip(parts, gaps, strict=True):
            rows = slice(int(y + drop), int(y + drop) + ink.shape[0])
            part = canvas[rows, int(x) : int(x) + ink.shape[1]]
            np.maximum(part, ink[: part.shape[0], : part.shape[1]], out=part)
            x += ink.shape[1] + gap


def _header(columns: int, spans: bool, *, labels: bool, rng: np.random.Generator) -> list[tuple[int, int, int, str]]:
    """Return the cells of the header: column, row, how many columns, and the word."""
    words = [str(word) for word in rng.choice(WORDS, columns, replace=False)]
    if rng.random() < 0.15:
        words[-1] = f"Test {int(rng.integers(1, 10))}"
    if not spans or columns < 3:
        return [(column, 0, 1, word) for column, word in enumerate(words)]
    above, column = [], 0
    while column < columns:
        wide = 1 if labels and column == 0 else min(columns - column, int(rng.integers(2, 4)))
        above.append((column, 0, wide, str(rng.choice(WORDS))))
        column += wide
    return [*above, *((column, 1, 1, word) for column, word in enumerate(words))]


def _walls(rows: int, columns: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which horizontal walls, (R + 1, C), and vertical walls, (R, C + 1), are drawn."""
    return np.ones((rows + 1, columns), bool), np.ones((rows, columns + 1), bool)


def _rule(
    canvas: Ink,
    tops: NDArray[np.float64],
    lefts: NDArray[np.float64],
    walls: tuple[NDArray[np.bool_], NDArray[np.bool_]],
    thick: float,
    *,
    by_hand: bool,
    rng: np.random.Generator,
) -> None:
    wobble = 0.03 * float(tops[1] - tops[0]) if by_hand else 0.0
    x, y = np.meshgrid(lefts, tops)
    x, y = x + rng.normal(0, 1, x.shape) * wobble, y + rng.normal(0, 1, y.shape) * wobble
    ink = np.zeros(canvas.shape, np.uint8)

    def draw(one: tuple[int, int], other: tuple[int, int]) -> None:
        ends = [(round(16 * x[at]), round(16 * y[at])) for at in (one, other)]
        cv2.line(ink, ends[0], ends[1], 255, max(1, round(thick)), cv2.LINE_AA, 4)

    for row, column in zip(*np.nonzero(walls[0]), strict=True):
        draw((row, column), (row, column + 1))
    for row, column in zip(*np.nonzero(walls[1]), strict=True):
        draw((row, column), (row + 1, column))
    np.maximum(canvas, ink.astype(np.float32) / np.float32(255), out=canvas)


def _photographed(print_: Ink, pen: Ink, kind: str, height: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return the picture of a page, (H, W) uint8."""
    lean = {"plain": 0.8, "by hand": 1.5, "spans": 2.0, "thin rules": 1.0, "coarse": 1.0}.get(kind, 4.0)
    angle = {"angle": 0.09, "shadow": 0.04}.get(kind, 0.0)
    rows, columns = print_.shape
    corners = np.array([[0, 0], [columns, 0], [columns, rows], [0, rows]], np.float64)
    radians = np.radians(rng.uniform(-lean, lean))
    turn = np.array([[np.cos(radians), np.sin(radians)], [-np.sin(radians), np.cos(radians)]])
    moved = (corners - corners.mean(axis=0)) @ turn + rng.uniform(-angle, angle, (4, 2)) * (columns, rows)
    moved -= moved.min(axis=0)
    size = [int(side) + 1 for side in moved.max(axis=0)]
    matrix = cv2.getPerspectiveTransform(corners.astype(np.float32), moved.astype(np.float32))
    print_, pen = (
        np.asarray(cv2.warpPerspective(ink, matrix, size, flags=cv2.INTER_AREA), np.float32) for ink in (print_, pen)
    )
    paper = rng.uniform(0.78, 0.98) + cv2.resize(rng.normal(0, 0.012, (8, 8)).astype(np.float32), size)
    if kind in ("shadow", "angle"):
        paper *= _shadow(size, rng)
    light = paper * (1 - print_ * rng.uniform(0.45, 0.85)) * (1 - pen * rng.uniform(0.5, 0.85))
    light += rng.normal(0, rng.uniform(0.003, 0.02), light.shape)
    light = cv2.GaussianBlur(light, (0, 0), rng.uniform(0.3, 0.03 * height if kind != "coarse" else 0.05 * height))
    if kind == "coarse":
        light = cv2.resize(light, None, fx=0.75, fy=0.75, interpolation=cv2.INTER_AREA)
    picture = np.asarray(np.clip(light * 255, 0, 255), np.uint8)
    quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(45, 95))]
    return np.asarray(cv2.imdecode(cv2.imencode(".jpg", picture, quality)[1], cv2.IMREAD_GRAYSCALE), np.uint8)


def _shadow(size: list[int], rng: np.random.Generator) -> Ink:
    columns, rows = size
    x, y = np.meshgrid(np.linspace(-1, 1, columns), np.linspace(-1, 1, rows))
    way = rng.uniform(0, 2 * np.pi)
    edge = np.cos(way) * x + np.sin(way) * y - rng.uniform(-0.5, 0.5)
    soft = rng.uniform(3, 30)
    return np.asarray(1 - rng.uniform(0.25, 0.55) / (1 + np.exp(-soft * edge)), np.float32)


def _cropped(image: NDArray[np.uint8]) -> Ink:
    x, y, w, h = cv2.boundingRect((image > 100).view(np.uint8))
    return image[y : y + h, x : x + w].astype(np.float32) / np.float32(255)


def _resized(ink: Ink, scale: float) -> Ink:
    size = [max(2, round(side * scale)) for side in ink.shape[::-1]]
    return np.asarray(cv2.resize(ink, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC), np.float32)


def drawn_tables(printer: Printer, which: str) -> Iterator[tuple[str, NDArray[np.uint8], list[CellTruth]]]:
    """Yield the kind, the picture and the cells of each table of a set."""
    rng = np.random.default_rng(SEEDS[which])
    for number in range(COUNT):
        kind = KINDS[number % len(KINDS)]
        yield kind, *printer.table(kind, rng)


def found_cells(reading: inkread.Reading) -> set[CellTruth]:
    """Return the cells of the first table of a reading."""
    tables = reading.tables[:1]
    return {
        CellTruth(cell.row, cell.column, cell.rows, cell.columns, cell.state, cell.text)
        for table in tables
        for cell in table.cells
    }


def _place(cell: CellTruth) -> tuple[int, int, int, int]:
    return cell.row, cell.column, cell.rows, cell.columns


def measure_drawn(which: str, sheet: Path | None) -> None:
    """Read the drawn tables of a set and print the table of results."""
    reader, printer = inkread.Reader(profile=None), Printer(Path(os.environ["INKREAD_DATA"]))
    right, placed, stated, of, misses = Counter[str](), Counter[str](), Counter[str](), Counter[str](), []
    for kind, page, truth in drawn_tables(printer, which):
        reading = reader.read(page)
        found, wanted = found_cells(reading), set(truth)
        of[kind] += max(len(found), len(wanted))
        right[kind] += len(found & wanted)
        placed[kind] += len({_place(cell) for cell in found} & {_place(cell) for cell in wanted})
        states = ({(_place(cell), cell.state) for cell in cells} for cells in (found, wanted))
        stated[kind] += len(set.intersection(*states))
        wrong = {_place(cell): cell for cell in wanted - found}
        got = {_place(cell): cell for cell in found - wanted}
        boxes = {(c.row, c.column, c.rows, c.columns): c.box for table in reading.tables[:1] for c in table.cells}
        for place, cell in wrong.items():
            other = got.get(place)
            seen = f"{other.state} {other.text}" if other else "no such cell"
            title = f"{kind}: {cell.state} {cell.text} > {seen}"
            print(title)
            x, y, w, h = boxes.get(place, (0, 0, page.shape[1], page.shape[0]))
            misses.append((page[max(0, y - h // 4) : y + h + h // 4, max(0, x - h // 4) : x + w + h // 4], title))
    print("| tables | cells right | place and span right | state right, too |\n|---|---|---|---|")
    rows = [(kind, right[kind], placed[kind], stated[kind], of[kind]) for kind in KINDS]
    for kind, *counts, whole in [*rows, ("all", right.total(), placed.total(), stated.total(), of.total())]:
        print(f"| {kind} | " + " | ".join(f"{100 * count / whole:.1f}%" for count in counts) + f" | ({whole} cells)")
    if sheet:
        cv2.imwrite(str(sheet), _contact_sheet(misses))


def measure_field() -> None:
    """Print how many cells of the mark sheets of the data beside the project are read, by row, column and text.

    Their labels have the digits of each row; where these are not separated, each cell but those of the last column has
    two digits.
    """
    import csv

    data, reader = Path(os.environ["INKREAD_DATA"]) / "field", inkread.Reader(profile=None)
    all_right = all_of = 0
    for row in csv.DictReader((data / "index.csv").open(encoding="utf-8")):
        if MARK_SHEETS not in row["file"] or row["kind"] == "nondigit" or "|" not in row["label"]:
            continue
        lines = row["label"].split("|")
        wanted = [line.split() if " " in line else re.findall("..?", line) for line in lines]
        reading = reader.read(data / row["file"])
        found = reading.tables[0].to_rows() if reading.tables else []
        cells = {(r, c, text) for r, line in enumerate(wanted) for c, text in enumerate(line)}
        got = {(r, c, text) for r, line in enumerate(found) for c, text in enumerate(line) if text}
        of = max(len(cells), len(got))
        all_right, all_of = all_right + len(cells & got), all_of + of
        print(row["file"].rpartition("/")[2], f"{len(cells & got)} of {of}", sorted(cells - got), sorted(got - cells))
    print(f"mark sheets: {100 * all_right / all_of:.1f}% of {all_of} cells")


def _contact_sheet(misses: list[tuple[NDArray[np.uint8], str]]) -> NDArray[np.uint8]:
    tiles = []
    for page, title in misses[:120]:
        scale = min(240 / page.shape[1], 90 / page.shape[0])
        tile = np.full((110, 250), 255, np.uint8)
        small = cv2.resize(page, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        tile[16 : 16 + small.shape[0], : small.shape[1]] = small
        cv2.putText(tile, title[:42], (2, 11), 0, 0.35, 0, 1)
        tiles.append(tile)
    while len(tiles) % 6 or not tiles:
        tiles.append(np.full((110, 250), 255, np.uint8))
    return np.vstack([np.hstack(tiles[at : at + 6]) for at in range(0, len(tiles), 6)])


def main() -> None:
    """Draw the tables, read them, and print the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--set", choices=list(SEEDS), default="choose", dest="which")
    parser.add_argument("--sheet", type=Path, help="also save a contact sheet of the cells that are wrong")
    parser.add_argument("--field", action="store_true", help="the mark sheets of the data beside the project instead")
    args = parser.parse_args()
    if args.field:
        measure_field()
    else:
        measure_drawn(args.which, args.sheet)


if __name__ == "__main__":
    main()
