"""How well filled-in sheets are read: printed to pixels, filled in with MNIST digits, and photographed by simulation.

    python benchmarks/forms.py [--sheets 60] [--digits test] [--as-labelled]

Twenty writers have each a pen, a size, a slant and a place in the box. Sheets are printed as grey and as the halftone
of a laser printer. Photographs have 1.5 to 12 megapixels, perspective, a shadow, blur, noise and JPEG. Settings are
chosen with the last 10 000 training images (`--digits validation`); the test images are for the report, without those
whose label people dispute.
"""

from __future__ import annotations

import argparse
import csv
import io
import os
import statistics
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pypdfium2
from numpy.typing import NDArray
from PIL import Image

from inkread import PictureError, Reader
from inkread.datasets import load_mnist
from inkread.expecting.check_digits import luhn
from inkread.models.classifier import GlyphClassifier
from inkread.pictures.opening import open_picture
from inkread.sheets.field_rules import rule_of
from inkread.sheets.form_file import read_form
from inkread.sheets.forms import Field, Form
from inkread.sheets.page_layout import FieldBoxes, Rect, SheetLayout
from inkread.sheets.page_reading import PIXELS, FieldOnPage, read_page
from inkread.sheets.placing import lay_out
from inkread.sheets.printing import write_pdf

FORMS = Path(__file__).parents[1] / "examples" / "forms"
DOTS = 300
"""The resolution of printed sheets, in dots per inch."""

DISPUTED = (947, 1621, 1901, 2130, 2462, 2597, 2654, 3520, 3558, 5937, 6651, 6783, 8527, 9679, 9729)
"""The test images whose label at most two of five people confirmed (Northcutt et al. 2021, `mturk/mnist_mturk.json` of
https://github.com/cleanlab/label-errors). No sheet is filled in with them, since nobody knows what should be read."""

Grey = NDArray[np.uint8]
Truth = tuple[str, str]
"""The outcome and the value that a field should have."""


@dataclass(frozen=True)
class Hand:
    """One of the writers: lengths in millimetres."""

    height: float
    slant: float
    darkness: float
    level: float
    offset: tuple[float, float]
    pen: float

    @classmethod
    def random(cls, rng: np.random.Generator) -> Hand:
        """Return a random writer."""
        return cls(
            float(rng.uniform(5.0, 8.2)),
            float(rng.normal(0.05, 0.12)),
            float(rng.uniform(0.5, 0.95)),
            float(rng.uniform(0.3, 0.6)),
            (float(rng.normal(0, 0.5)), float(rng.normal(0, 0.5))),
            float(rng.uniform(0.3, 0.8)),
        )


@cache
def printed(form: Path, page: int, *, halftone: bool) -> Grey:
    """Return a page of a sheet in pixels, as grey or as the dots of a laser printer with 600 dots per inch."""
    return _drawn(lay_out(read_form(form)), page, 7, halftone=halftone)


def _drawn(layout: SheetLayout, page: int, serial: int, *, halftone: bool) -> Grey:
    path = Path("/tmp") / f"forms-{os.getpid()}.pdf"  # noqa: S108
    write_pdf(layout, path, [serial])
    document = pypdfium2.PdfDocument(path)
    dots = 2 * DOTS if halftone else DOTS
    grey = np.asarray(document[page - 1].render(scale=dots / 72).to_pil().convert("L"))
    document.close()
    path.unlink()
    return np.asarray(_screened(grey), np.uint8) if halftone else grey


def _screened(grey: Grey) -> Grey:
    """Return grey as clustered dots at 45 degrees, 106 lines per inch, reduced to half the resolution."""
    y, x = np.mgrid[: grey.shape[0], : grey.shape[1]].astype(np.float32)
    period = 2 * DOTS / 106 * np.sqrt(2)
    screen = 127.5 + 63.7 * (np.cos(2 * np.pi * (x + y) / period) + np.cos(2 * np.pi * (x - y) / period))
    black = np.where(grey > screen, 255, 0).astype(np.uint8)
    return np.asarray(cv2.resize(black, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.uint8)


class Desk:
    """Fills in sheets: has digits, and the random numbers that decide what is written."""

    def __init__(self, images: Grey, labels: Grey, rng: np.random.Generator) -> None:
        self.images = images
        self.of = [np.flatnonzero(labels == digit) for digit in range(10)]
        self.rng = rng

    def fill_in(self, page: Grey, fields: Sequence[FieldBoxes], hand: Hand) -> dict[tuple[str, int], Truth]:
        """Write into the fields of a page, and return what should be read."""
        return {(each.field.name, each.row): self._fill(page, each, hand) for each in fields}

    def _fill(self, page: Grey, each: FieldBoxes, hand: Hand) -> Truth:
        if self.rng.random() < 0.06:
            return "empty", ""
        if not each.field.template:
            return self._tick(page, each, hand)
        text = self._text(each.field)
        if self.rng.random() < 0.02:
            self._write(page, each.boxes, each.sign, self._text(each.field), hand)
            self._scribble(page, each.boxes[-1], hand)
            if not each.again:
                return "struck", ""
            self._write(page, each.again, each.sign_again, text, hand)
        else:
            self._write(page, each.boxes, each.sign, text, hand)
        return "value", rule_of(each.field).value_of(text)

    def _text(self, each: Field) -> str:
        rng = self.rng
        if each.allowed:
            return str(rng.choice(sorted(each.allowed)))
        if each.kind == "date":
            return f"{rng.integers(1, 29):02d}/{rng.integers(1, 13):02d}/{rng.integers(2026, 2031)}"
        if each.kind == "time":
            return f"{rng.integers(0, 24):02d}:{rng.integers(0, 60):02d}"
        rule = rule_of(each)
        while True:
            digits = each.digits - (
                int(rng.random() < 0.25) if each.digits > each.decimals + 1 and not each.check else 0
            )
            number = "".join(map(str, rng.integers(0, 10, digits)))
            if each.check == "luhn":
                number = next(number[:-1] + str(last) for last in range(10) if luhn(number[:-1] + str(last)))
            text = number[: digits - each.decimals] + ("." + number[digits - each.decimals :] if each.decimals else "")
            text = "-" + text if each.signed and rng.random() < 0.4 else text
            if rule.fits(text, rule.notation):
                return text

    def _write(self, page: Grey, boxes: Sequence[Rect], sign: Rect | None, text: str, hand: Hand) -> None:
        if sign and text.startswith("-"):
            y = sign.y + sign.h / 2 + float(self.rng.normal(0, 0.4))
            self._stroke(page, [(sign.x + 1.3, y + 0.1), (sign.x + 4.6, y - 0.2)], hand)
        digits = [letter for letter in text if letter.isdigit()]
        # Numbers with fewer digits stand at the left or at the right.
        whole = len(text.lstrip("-").split(".")[0]) if "." in text or len(digits) < len(boxes) else len(digits)
        room = len(boxes) - len(digits)
        before = room if self.rng.random() < 0.5 else 0
        for at, digit in enumerate(digits):
            box = boxes[at + (before if at < whole else room)]
            self._digit(page, box, int(digit), hand)

    def _digit(self, page: Grey, box: Rect, digit: int, hand: Hand) -> None:
        rng, scale = self.rng, DOTS / 25.4
        image = self.images[rng.choice(self.of[digit])].astype(np.float32) / 255
        height = float(np.clip(hand.height * rng.normal(1, 0.07), 4, 8.8))
        factor = height * scale / 20
        side = round(34 * factor)
        middle = side / 2
        angle = float(rng.normal(0, 0.05))
        turn = np.array([[np.cos(angle), -np.sin(angle) - hand.slant], [np.sin(angle), np.cos(angle)]]) * factor
        move = np.array([middle, middle]) - turn @ np.array([14.0, 14.0])
        drawn = cv2.warpAffine(image, np.hstack([turn, move[:, None]]), (side, side), flags=cv2.INTER_CUBIC)
        drawn = cv2.GaussianBlur(drawn, (0, 0), factor * 0.35)
        ink = np.clip((drawn - hand.level) / 0.25 + 0.5, 0, 1)
        x = box.x + box.w / 2 + hand.offset[0] + float(rng.normal(0, 0.35))
        y = box.y + box.h / 2 + hand.offset[1] + float(rng.normal(0, 0.4))
        left, top = round(x * scale - middle), round(y * scale - middle)
        part = page[max(0, top) : top + side, max(0, left) : left + side]
        ink = ink[: part.shape[0], : part.shape[1]]
        part[...] = np.minimum(part, 255 * (1 - hand.darkness * ink))

    def _stroke(self, page: Grey, points: Sequence[tuple[float, float]], hand: Hand) -> None:
        scale = DOTS / 25.4
        width = max(2, round(hand.pen * scale))
        places = np.array(points) * scale
        corner = np.maximum(np.floor(places.min(axis=0)).astype(int) - width - 2, 0)
        far = np.ceil(places.max(axis=0)).astype(int) + width + 2
        part = page[corner[1] : far[1], corner[0] : far[0]]
        drawn = np.zeros(part.shape, np.uint8)
        line = np.rint((places - corner) * 16).astype(np.int32)
        cv2.polylines(drawn, [line], False, 255, width, cv2.LINE_AA, 4)
        part[...] = np.minimum(part, 255 - hand.darkness * drawn)

    def _scribble(self, page: Grey, box: Rect, hand: Hand) -> None:
        step = 0.8 * hand.pen
        count = int((box.h - 1) / step)
        points = [(box.x + (0.6 if at % 2 else box.w - 0.6), box.y + 0.5 + at * step) for at in range(count)]
        self._stroke(page, points, hand)

    def _tick(self, page: Grey, each: FieldBoxes, hand: Hand) -> Truth:
        chosen = int(self.rng.integers(len(each.boxes)))
        x, y, w, h = each.boxes[chosen]
        a, b = self.rng.uniform(0.3, 1.6, 2)
        if self.rng.random() < 0.6:
            self._stroke(page, [(x + a, y + b), (x + w - b, y + h - a)], hand)
            self._stroke(page, [(x + w - a, y + b), (x + b, y + h - a)], hand)
        else:
            self._stroke(page, [(x + a, y + h / 2), (x + w / 2 - 0.5, y + h - b), (x + w - a + 0.6, y + b - 0.8)], hand)
        return "value", each.field.choices[chosen] if each.field.choices else "1"


def photograph(page: Grey, rng: np.random.Generator, megapixels: float | None = None) -> bytes:
    """Return a JPEG of a page on a desk."""
    pixels = (megapixels or float(np.exp(rng.uniform(np.log(1.5), np.log(12))))) * 1e6
    turns = int(rng.choice([0, 0, 0, 1, 2, 3]))
    page = np.ascontiguousarray(np.rot90(page, turns))
    tall, wide = page.shape
    ratio = 4 / 3
    height = round(np.sqrt(pixels * (ratio if tall > wide else 1 / ratio)))
    width = round(pixels / height)
    fill = rng.uniform(0.8, 0.95)
    scale = fill * min(height / tall, width / wide)
    corners = np.array([(0, 0), (wide, 0), (wide, tall), (0, tall)], np.float64)
    angle = float(np.radians(rng.normal(0, 1.5)))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) * scale
    placed = (corners - (wide / 2, tall / 2)) @ turn.T + (width / 2, height / 2)
    placed += rng.uniform(-0.022, 0.022, (4, 2)) * max(width, height)
    matrix = cv2.getPerspectiveTransform(corners.astype(np.float32), placed.astype(np.float32))
    if scale < 1:
        # The lens mixes what falls onto one pixel.
        page = np.asarray(cv2.GaussianBlur(page, (0, 0), 0.45 / scale), np.uint8)
    desk = float(rng.uniform(40, 190))
    paper = cv2.warpPerspective(page, matrix, (width, height), flags=cv2.INTER_LINEAR).astype(np.float32)
    mask = cv2.warpPerspective(np.full(page.shape, 255, np.uint8), matrix, (width, height)).astype(np.float32) / 255
    rough = cv2.resize(rng.normal(0, 8, (24, 18)).astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    picture = paper * mask * rng.uniform(0.8, 0.98) + (desk + rough) * (1 - mask)
    picture *= _light(width, height, rng)
    blurred = cv2.GaussianBlur(picture, (0, 0), float(rng.uniform(0.4, 1.0) * (pixels / 3e6) ** 0.25))
    fine = rng.normal(0, rng.uniform(1.5, 5), (512, 512)).astype(np.float32)
    noise = cv2.resize(fine, None, fx=1.5, fy=1.5, interpolation=cv2.INTER_LINEAR)
    noisy = blurred + np.tile(noise, (-(-height // 768), -(-width // 768)))[:height, :width]
    file = io.BytesIO()
    Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8)).save(file, "JPEG", quality=int(rng.integers(55, 93)))
    return file.getvalue()


def _light(width: int, height: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return uneven light with the shadow of a hand or a head."""
    y, x = np.mgrid[0:1:48j, 0:1:48j].astype(np.float32)
    light: NDArray[Any] = np.asarray(1 + rng.uniform(-0.25, 0.1) * x + rng.uniform(-0.25, 0.1) * y, np.float64)
    angle, place = rng.uniform(0, 2 * np.pi), rng.uniform(0.2, 0.9)
    edge = (np.cos(angle) * (x - 0.5) + np.sin(angle) * (y - 0.5) + 0.5 - place) / rng.uniform(0.02, 0.25)
    light *= 1 - rng.uniform(0.1, 0.45) / (1 + np.exp(-np.clip(edge, -30, 30)))
    return np.asarray(cv2.resize(light.astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC), np.float32)


class Score:
    """Counts what was read, and says which confidence is enough."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        # For each number with a likeliest value: its confidence, and whether the value is right.
        self.numbers: list[tuple[float, bool]] = []
        # How many values there are of each confidence, flagged or not, right or not.
        self.values: Counter[tuple[float, bool, bool]] = Counter()

    def add(self, truth: dict[tuple[str, int], Truth], fields: Sequence[FieldOnPage]) -> bool:
        """Count the fields of a page and print those that are wrong or flagged. Tell whether all are right."""
        good = True
        for each in fields:
            name, row, got = each.boxes.field.name, each.boxes.row, each.reading
            expected = truth[name, row]
            self.counts["values"] += 1
            flagged = got.outcome in ("unsure", "unfit")
            right = (got.outcome, got.value) == expected
            self.counts["flagged"] += flagged
            self.counts["wrong"] += not flagged and not right
            self.values[round(got.confidence, 4), flagged, right or (flagged and got.value == expected[1])] += 1
            if got.probabilities and got.value and got.outcome in ("value", "unsure"):
                self.numbers.append((got.confidence, got.value == expected[1]))
            if not right:
                print(f"   {name} {row}: {expected[0]} {expected[1]}, and read {got.outcome} {got.value} ", end="")
                print(f"({got.read}) {got.confidence:.3f}", flush=True)
            good &= right or flagged
        return good

    def report(self) -> None:
        """Print the table."""
        counts, values = self.counts, max(1, self.counts["values"])
        print(f"sheets found: {counts['found']} of {counts['sheets']}")
        print(f"values: {counts['values']}, right or flagged {1 - counts['wrong'] / values:.2%}, ", end="")
        print(f"flagged {counts['flagged'] / values:.2%}")
        for least in (0.7, 0.8, 0.85, 0.9, 0.95, 0.98):
            wrong = sum(sure >= least and not right for sure, right in self.numbers)
            below = sum(sure < least for sure, _ in self.numbers)
            print(f"   numbers at a confidence of {least}: {wrong} wrong, {below} flagged of {len(self.numbers)}")

    def save(self, path: Path) -> None:
        """Write the values for `benchmarks/review.py`."""
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["confidence", "flagged", "right", "count"])
            writer.writerows(
                [sure, int(flagged), int(right), self.values[sure, flagged, right]]
                for sure, flagged, right in sorted(self.values)
            )


def seconds_of_a_large_photograph(desk: Desk, hand: Hand, classifier: GlyphClassifier) -> tuple[int, float]:
    """Return the number of boxes on a sheet, all filled in, and the processor time to read 12 megapixels of it."""
    fields = tuple(Field(name, name, "integer", digits=6, rows=15) for name in ("one", "two", "three"))
    layout = lay_out(Form("Three columns", fields))
    paper = _drawn(layout, 1, 0, halftone=False).copy()
    desk.fill_in(paper, layout.pages[0].fields, hand)
    content, taken = photograph(paper, desk.rng, megapixels=12), []
    for _ in range(5):
        begun = time.process_time()
        grey = open_picture(content, "large", pixels=PIXELS).grey
        read_page(grey, "large", layout, classifier)
        taken.append(time.process_time() - begun)
    return sum(len(each.boxes) for each in layout.pages[0].fields), statistics.median(taken)


def main() -> None:
    """Print what was read on each sheet, and the table."""
    parser = argparse.ArgumentParser(description="measure how well filled-in sheets are read")
    parser.add_argument("--sheets", type=int, default=60)
    parser.add_argument("--digits", choices=["validation", "test"], default="validation")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--as-labelled", action="store_true", help="use the test images with disputed labels, too")
    parser.add_argument("--keep", type=Path, help="a folder for the photographs with wrong values")
    parser.add_argument("--values", type=Path, help="a CSV file to write, with how many values have which confidence")
    asked = parser.parse_args()
    mnist = load_mnist(Path(os.environ.get("INKREAD_DATA") or Path(__file__).parents[2] / "shared" / "data"))
    held_back = (mnist.train_images[-10_000:], mnist.train_labels[-10_000:])
    agreed = np.ones(len(mnist.test_labels), bool)
    agreed[list(() if asked.as_labelled else DISPUTED)] = False
    test = (mnist.test_images[agreed], mnist.test_labels[agreed])
    rng = np.random.default_rng([asked.seed, asked.digits == "test"])
    desk = Desk(*(test if asked.digits == "test" else held_back), rng)
    hands = [Hand.random(rng) for _ in range(20)]
    classifier = Reader(profile=None).classifier
    forms = sorted(FORMS.glob("*.toml"))
    layouts: dict[Path, SheetLayout] = {form: lay_out(read_form(form)) for form in forms}
    score = Score()
    for number in range(asked.sheets):
        form = forms[number % len(forms)]
        page = layouts[form].pages[int(rng.integers(len(layouts[form].pages)))]
        halftone = bool(number // len(forms) % 2)
        paper = printed(form, page.number, halftone=halftone).copy()
        truth = desk.fill_in(paper, page.fields, hands[number % len(hands)])
        content = photograph(paper, rng)
        score.counts["sheets"] += 1
        begun = time.process_time()
        grey = open_picture(content, f"sheet {number}", pixels=PIXELS).grey
        good = False
        try:
            found = read_page(grey, f"sheet {number}", layouts[form], classifier)
        except PictureError as error:
            print(error.message, flush=True)
        else:
            score.counts["found"] += 1
            print(f"sheet {number}: {form.stem}, {'halftone' if halftone else 'grey'}, ", end="")
            print(f"{time.process_time() - begun:.2f} s, residual {found.residual:.2f} mm", flush=True)
            good = score.add(truth, found.fields)
        if asked.keep and not good:
            (asked.keep / f"{number}.jpg").write_bytes(content)
    score.report()
    boxes, seconds = seconds_of_a_large_photograph(desk, hands[0], classifier)
    print(f"a photograph of 12 megapixels with {boxes} boxes: {seconds:.2f} s of one core")
    if asked.values:
        score.save(asked.values)


if __name__ == "__main__":
    main()
