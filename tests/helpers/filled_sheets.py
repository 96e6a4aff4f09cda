"""Sheets that are filled in and photographed by a program, with digits that are drawn and not random."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from numpy.typing import NDArray
from PIL import Image

from helpers.ended import Ended
from inkread.cli.main import main
from inkread.drawing.strokes import Hand, digit_strokes
from inkread.sheets.page_layout import FieldBoxes, Rect, SheetLayout
from inkread.sheets.printing import draw_page

DOTS = 150 / 25.4
"""Pixels per millimetre."""

Writing = Mapping[tuple[str, int], str]
"""What is written into each field and row: digits for its boxes, `_` for an empty one, `#` for a filled one, first `-`
for a minus, and `/` before what is written into the boxes for a second try; for ticks `x` for a cross."""


def filled_page(
    layout: SheetLayout, page: int = 1, serial: int = 0, writing: Writing | None = None
) -> NDArray[np.uint8]:
    """Return a page of a sheet, (H, W) uint8, with what is written on it."""
    printed = layout.pages[page - 1]
    canvas = FigureCanvasAgg(draw_page(layout, printed, serial))
    canvas.figure.set_dpi(150)
    canvas.draw()  # type: ignore[no-untyped-call]
    rgba = np.asarray(canvas.buffer_rgba())  # type: ignore[no-untyped-call]
    grey = np.ascontiguousarray(rgba[..., 0])
    for each in printed.fields:
        if text := (writing or {}).get((each.field.name, each.row)):
            _write(grey, each, text)
    return grey


def _write(grey: NDArray[np.uint8], each: FieldBoxes, text: str) -> None:
    first, _, again = text.partition("/")
    for boxes, sign, marks in ((each.boxes, each.sign, first), (each.again, each.sign_again, again)):
        if marks.startswith("-") and sign:
            y = sign.y + sign.h / 2
            _draw(grey, np.array([(sign.x + 1.2, y), (sign.x + sign.w - 1.2, y)]))
        write_digits(grey, boxes, marks.removeprefix("-"))


def write_digits(grey: NDArray[np.uint8], boxes: Sequence[Rect], text: str) -> None:
    """Write into boxes, in millimetres, what `Writing` has for them."""
    for box, mark in zip(boxes, text, strict=False):
        _mark(grey, box, mark)


def _mark(grey: NDArray[np.uint8], box: Rect, mark: str) -> None:
    if mark == "#":
        x, y, w, h = (round(side * DOTS) for side in box)
        grey[y + 3 : y + h - 2, x + 3 : x + w - 2] = 40
    elif mark == "x":
        for left, right in ((1.0, box.w - 1.0), (box.w - 1.0, 1.0)):
            _draw(grey, np.array([(box.x + left, box.y + 1), (box.x + right, box.y + box.h - 1)]))
    elif mark.isdigit():
        shapes = {1: "flagged", 4: "open", 9: "hooked"}
        hand = Hand(slant=0.06, wobble=0.0, haste=0.02, tremor=0.0)
        shape = shapes.get(int(mark), "plain")
        for stroke in digit_strokes(int(mark), rng=np.random.default_rng(0), shape=shape, hand=hand):
            _draw(grey, stroke * 6.6 + (box.x + box.w / 2 - 3.3, box.y + box.h / 2 - 3.3))


def _draw(grey: NDArray[np.uint8], points: NDArray[Any]) -> None:
    line = np.rint(points * DOTS * 16).astype(np.int32)
    cv2.polylines(grey, [line], False, 40, 3, cv2.LINE_AA, 4)


def photographed(page: NDArray[np.uint8], *, turns: int = 0, covered: Sequence[int] = ()) -> NDArray[np.uint8]:
    """Return a photograph of a page on a grey desk, a little askew and in uneven light.

    turns: counter-clockwise quarter turns. covered: the corners that a thumb covers, 1 to 4 clockwise.
    """
    height, width = page.shape
    page = page.copy()
    for corner in covered:
        x, y = ((0, 0), (1, 0), (1, 1), (0, 1))[corner - 1]
        cv2.circle(page, (round(x * width), round(y * height)), 150, 120, -1)
    page = np.ascontiguousarray(np.rot90(page, turns))
    height, width = page.shape
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    placed = np.array([(60, 40), (width + 30, 75), (width + 70, height + 45), (35, height + 80)], np.float32)
    matrix = cv2.getPerspectiveTransform(corners, placed)
    size = (width + 110, height + 120)
    picture = cv2.warpPerspective(page, matrix, size, borderMode=cv2.BORDER_CONSTANT, borderValue=130.0)
    light = np.linspace(0.75, 1, size[0])[None] * np.linspace(1, 0.85, size[1])[:, None]
    return np.asarray(cv2.GaussianBlur(picture * light, (0, 0), 0.7), np.uint8)


def save(picture: NDArray[np.uint8], path: Path) -> Path:
    """Write a picture and return its path."""
    Image.fromarray(picture).save(path, quality=90)
    return path


def run(capsys: pytest.CaptureFixture[str], *words: str) -> Ended:
    """Fill `data.csv` of the current folder by `form.toml`, with the arguments `words`."""
    code = main(["fill", *words, "--form", "form.toml", "--output", "data.csv", "--user", "ada"])
    captured = capsys.readouterr()
    return Ended(code, captured.out.splitlines(), captured.err.splitlines())


def table() -> list[str]:
    """Return the lines of `data.csv` of the current folder."""
    return Path("data.csv").read_text(encoding="utf-8").splitlines()
