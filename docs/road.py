"""The figures of docs/reading.md: every step of reading one drawn page, each drawn from that step's result.

They are narrow and have large letters, so that they can be read on a phone.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import cv2
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

import inkread
from inkread.drawing import Hand, digit_strokes, draw_ink, lay_ground, show
from inkread.drawing.signs import ABOVE, PAD, sign_ink
from inkread.drawing.strokes import Stroke
from inkread.figures.panels import show_image
from inkread.geometry import Box
from inkread.glyphs import CLASSES, NON_DIGIT
from inkread.ink import darken_writing, find_ink
from inkread.layout.page_marks import LIMITS, Marks, find_marks, find_marks_at
from inkread.layout.text_lines import Run, digit_probabilities, find_lines
from inkread.marks import LETTER, MARKS, OTHER_INK, SIGNS
from inkread.models.detector import Detector, load_detector
from inkread.pictures.opening import open_picture
from inkread.steps import Steps
from inkread.style import ANSWER, LINE, QUIET, SURE, TEXT, WARNING

SIZE = (560, 860)

LINES = (("4096 31", (150, 70)), ("2604", (390, 231)), ("63.40", (150, 392)))
"""The lines that are written by hand, and their upper left corners."""

TOUCHING = ("2604", 1)
"""A line, and the index of the digit that touches the next one."""

GAP = -0.1
"""The gap between these two, as a share of a digit's height."""

HEIGHT = 92
"""The height of a digit in pixels."""

PEN = 0.065 * HEIGHT
"""The width of the pen in pixels."""

WORD, WORD_CORNER = "Total", (130, 318)
"""The printed word, and the left end of its baseline."""

INK = (0.12, 0.2, 0.5)
TABLE = (0.36, 0.26, 0.17)
PRINT = 0.15

WIDTH = 7.2
"""The width of a figure in inches, at 110 dots each."""

SIGN, OTHER_COLOUR = "#a61e4d", "#5f3dc4"
"""Colours that are not among those of all figures."""

SIGN_NAMES = dict(zip(SIGNS, ("point", "comma", "dash", "slash", "colon", "per cent", "plus", "equals"), strict=True))

LEAST = 0.4
"""Probability from which on a mark is shown."""

Array = NDArray[np.float32]


class Recorder(Detector):
    """A detector that keeps the views it is shown."""

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self.views: list[Array] = []

    def outputs(self, view: Array) -> Array:
        """Return what the detector gives for a view, and keep the view."""
        self.views.append(view)
        return self._detector.outputs(view)


def figures() -> dict[str, Figure]:
    """Return the figures by name, in the order of the steps."""
    picture = drawn_page()
    page, steps = open_picture(picture, "page"), inkread.Reader(profile=None).steps(picture)
    grey, recorder = darken_writing(page), Recorder(load_detector())
    marks = find_marks(grey, recorder)
    lines = find_lines(marks)
    return {
        "page": on_page(page.colour)[0],
        "ink": on_page(1 - find_ink(page))[0],
        "views": views(recorder.views, grey, marks.scale),
        "marks": found_marks(marks, page.colour),
        "lines": found_runs(lines, marks, page.colour),
        "glyphs": opinions(lines, marks, steps),
        "answer": answer(steps),
    }


# The page


def drawn_page() -> NDArray[np.uint8]:
    """Return a photo of a ruled page on a table, (H, W, 3) uint8.

    It has three lines of numbers, one of them underlined and one beside a printed word, a tick, and dirt.
    """
    rng = np.random.default_rng(11)
    ground = lay_ground("ruled", size=SIZE, rng=rng)
    hand = Hand(slant=0.12, breadth=1.0, wobble=0.014, haste=0.01, tremor=0.001)
    strokes: list[Stroke] = []
    signs = np.zeros(SIZE, np.float32)
    for text, corner in LINES:
        strokes += write(text, corner, hand, signs, rng)
    strokes.append(np.column_stack([np.linspace(140, 520, 90), 178 + 5 * np.sin(np.linspace(0, 5, 90))]))
    strokes.append(np.array([[640, 455], [668, 490], [740, 400]], np.float64))
    ink = np.maximum(draw_ink(strokes, size=SIZE, pen="felt-tip", width=PEN, rng=rng), signs)
    for x, y in rng.uniform((170, 60), (820, 500), (7, 2)):
        cv2.circle(ink, (round(x), round(y)), 2, 0.9, -1, cv2.LINE_AA)
    table = np.zeros((*SIZE, 1), np.float32)
    cv2.fillPoly(table, [np.array([[0, 0], [66, 0], [44, SIZE[0]], [0, SIZE[0]]], np.int32)], 1.0, cv2.LINE_AA)
    paper = ground.paper + table * (np.array(TABLE, np.float32) - ground.paper)
    word = np.zeros((*SIZE, 1), np.uint8)
    cv2.putText(word, WORD, WORD_CORNER, cv2.FONT_HERSHEY_DUPLEX, 2.5, 255, 4, cv2.LINE_AA)
    paper += word / np.float32(255) * (np.float32(PRINT) - paper)
    return show(ink, np.array(INK, np.float32), dataclasses.replace(ground, paper=paper), rng=rng)


def write(text: str, corner: tuple[float, float], hand: Hand, signs: Array, rng: np.random.Generator) -> list[Stroke]:
    """Return the strokes of a line of digits from its upper left corner, and draw its signs on `signs`, (H, W)."""
    strokes: list[Stroke] = []
    right = corner[0]
    for at, letter in enumerate(text):
        if letter == " ":
            right += 1.4 * HEIGHT
            continue
        if not letter.isdigit():
            ink = sign_ink(letter, height=HEIGHT, stroke=PEN, rng=rng)
            x, y = round(right) - PAD, round(corner[1] - ABOVE * HEIGHT)
            signs[y : y + len(ink), x : x + ink.shape[1]] = ink
            right += ink.shape[1] - 2 * PAD + 0.2 * HEIGHT
            continue
        drawn = [HEIGHT * np.exp(rng.normal(0, 0.05)) * way for way in digit_strokes(int(letter), rng=rng, hand=hand)]
        low, high = (edge(np.concatenate(drawn)[:, 0]) for edge in (np.min, np.max))
        strokes += [np.add(stroke, (right - low, corner[1])) for stroke in drawn]
        right += high - low + (GAP if (text, at) == TOUCHING else 0.3) * HEIGHT
    return strokes


# The steps


def on_page(image: NDArray[np.uint8] | Array, *, below: float = 0.0) -> tuple[Figure, Axes]:
    """Return a figure that an image fills, and its axes in pixels of the image.

    below: inches left free below the image.
    """
    height, width = image.shape[:2]
    picture = WIDTH * height / width
    figure = Figure(figsize=(WIDTH, picture + below), dpi=110, facecolor="white")
    rest = below / (picture + below)
    axes = figure.add_axes((0.003, 0.003 + rest, 0.994, 0.994 * (1 - rest)))
    show_image(axes, image)
    axes.set_autoscale_on(False)
    return figure, axes


def fade(colour: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a page so light that what is drawn on it stands out."""
    return np.asarray(255 - 0.5 * (255 - colour.astype(np.float32)), np.uint8)


def views(looked_at: Sequence[Array], grey: NDArray[np.uint8], best: float) -> Figure:
    """Return the figure of the views of a page in the order in which they were made, with the marks found in each.

    best: the scale of the view that the marks of the page were found in, which is framed.

    The last views, which confirm the marks, are sheared.
    """
    shear, upright = LIMITS.shear, len(looked_at) - len(LIMITS.confirming)
    rows = -(-len(looked_at) // 2)
    tall = (WIDTH / 2 - 0.1) * grey.shape[0] / grey.shape[1]
    height = rows * (tall + 0.78)
    figure = Figure(figsize=(WIDTH, height), dpi=110, facecolor="white")
    for number, view in enumerate(looked_at):
        row, column = divmod(number, 2)
        bottom = height - row * (tall + 0.78) - 0.7 - tall
        axes = figure.add_axes((0.006 + 0.5 * column, bottom / height, 0.488, tall / height))
        show_image(axes, np.clip(1 - view, 0, 1), smooth=False)
        axes.set_autoscale_on(False)
        scale = float(np.sqrt(view.size / grey.size))
        marks = shown_only(find_marks_at(grey, load_detector(), scale))
        sheared = number >= upright
        for box, kind in zip(marks.boxes * scale - 0.5, marks.kinds, strict=True):
            aside = shear * ((box[1] + box[3]) / 2 - len(view) / 2) if sheared else 0.0
            axes.add_patch(edges(box + np.array([aside, 0, aside, 0]), colour_of(int(kind)), 2))
        chosen = abs(scale / best - 1) < 0.02 and not sheared
        axes.spines[:].set(color=ANSWER if chosen else LINE, linewidth=4 if chosen else 1)
        title = f"{number + 1}.  {view.shape[1]} x {view.shape[0]} pixels"
        digits = int((marks.kinds < CLASSES).sum())
        axes.text(0, 1.15, title, transform=axes.transAxes, fontsize=16, color=TEXT, fontweight="bold")
        said = f"scale {scale:.2f}, {'sheared' if sheared else f'{digits} digits'}"
        axes.text(0, 1.035, said, transform=axes.transAxes, fontsize=15, color=TEXT)
    return figure


def shown_only(marks: Marks) -> Marks:
    """Return the marks that are certain enough to be shown."""
    return marks.at(marks.certainties > LEAST)


def edges(box: Array, colour: str, line: float) -> Rectangle:
    """Return a frame around left, top, right and bottom edges, (4,)."""
    left, top, right, bottom = box.tolist()
    return Rectangle((left, top), right - left, bottom - top, fill=False, edgecolor=colour, linewidth=line)


def colour_of(kind: int) -> str:
    """Return the colour of a class of marks."""
    if kind < CLASSES:
        return ANSWER
    return {LETTER: WARNING, OTHER_INK: OTHER_COLOUR}.get(kind, SIGN)


def found_marks(marks: Marks, colour: NDArray[np.uint8]) -> Figure:
    """Return the figure of marks: a box around each in the colour of its class, with the name of digits and signs."""
    figure, axes = on_page(fade(colour), below=0.55)
    marks = shown_only(marks)
    for box, kind in zip(marks.boxes, marks.kinds.tolist(), strict=True):
        axes.add_patch(edges(box, colour_of(kind), 2.5))
        if kind < CLASSES:
            label(axes, (box[0], box[1]), MARKS[kind], ANSWER)
        elif kind < LETTER:
            # Above a point its name would cover the digits beside.
            label(axes, (box[0] - 30, box[3] + 38), SIGN_NAMES[MARKS[kind]], SIGN)
    names = (("digit", ANSWER), ("sign", SIGN), ("letter", WARNING), ("other ink", OTHER_COLOUR))
    for place, (name, shade) in enumerate(names):
        figure.text(0.03 + 0.24 * place, 0.25 / figure.get_figheight(), name, fontsize=18, fontweight="bold",
                    color="white", va="center", bbox={"boxstyle": "square,pad=0.25", "facecolor": shade,
                                                      "edgecolor": "none"})  # fmt: skip
    return figure


def label(axes: Axes, corner: Sequence[float], text: str, colour: str) -> None:
    """Write a text in a filled box, whose lower left corner is at `corner`."""
    axes.text(corner[0], corner[1] - 5, text, fontsize=16, fontweight="bold", color="white",
              bbox={"boxstyle": "square,pad=0.15", "facecolor": colour, "edgecolor": "none"})  # fmt: skip


def found_runs(lines: Sequence[Sequence[Run]], marks: Marks, colour: NDArray[np.uint8]) -> Figure:
    """Return the figure of lines: a frame around each run, with what it is."""
    figure, axes = on_page(fade(colour))
    for number, line in enumerate(lines):
        for run in line:
            boxes = marks.boxes[list(run.digits + run.others)]
            box = np.concatenate([boxes[:, :2].min(axis=0) - 4, boxes[:, 2:].max(axis=0) + 4])
            shade = ANSWER if run.kind == "number" else WARNING
            axes.add_patch(edges(box, shade, 2.5))
            label(axes, (box[0], box[1]), f"{number + 1}: {run.kind}{', print' if run.printed else ''}", shade)
    return figure


def opinions(lines: Sequence[Sequence[Run]], marks: Marks, steps: Steps) -> Figure:
    """Return the figure of the digits of a line: each glyph with the detector's opinion, the network's, and both.

    It is the line on which the two are least sure together.
    """
    numbers = [[run for run in line if run.kind == "number" and not run.printed] for line in lines]
    counts = [sum(len(run.digits) for run in line) for line in numbers]
    starts = np.cumsum([0, *counts])
    agreed = steps.probabilities[:, :CLASSES]
    sure = [agreed[start : start + count].max(axis=1).min() if count else 1.0
            for start, count in zip(starts, counts, strict=False)]  # fmt: skip
    at = int(np.argmin(sure))
    glyphs = steps.glyphs[starts[at] : starts[at + 1]]
    detected = np.concatenate([digit_probabilities(marks, run.digits) for run in numbers[at]])
    alone = inkread.Reader(profile=None).classifier.classify(glyphs)
    rows = (("detector", detected), ("glyph network", alone), ("together", agreed[starts[at] : starts[at + 1]]))
    return glyph_table(glyphs, rows)


def glyph_table(glyphs: Array, rows: Sequence[tuple[str, Array]]) -> Figure:
    """Return the figure of glyphs, (N, 28, 28), side by side, above rows of opinions, each with its name."""
    count = max(4, len(glyphs))
    side = WIDTH / count
    height = side + 0.75 * len(rows) + 0.1
    figure = Figure(figsize=(WIDTH, height), dpi=110, facecolor="white")
    for place, glyph in enumerate(glyphs):
        axes = figure.add_axes((place / count + 0.01, 1 - 0.98 * side / height, 0.98 / count, 0.95 * side / height))
        show_image(axes, glyph, smooth=False)
    for row, (name, probabilities) in enumerate(rows):
        y = 1 - (side + 0.2 + 0.75 * row) / height
        strong = row == len(rows) - 1
        shade = ANSWER if strong else TEXT
        figure.text(0.012, y, name, fontsize=15, color=shade if strong else QUIET, va="center")
        for place, each in enumerate(probabilities):
            figure.text((place + 0.5) / count, y - 0.33 / height, said(each), fontsize=17, color=shade, ha="center",
                        va="center", fontweight="bold" if strong else "normal")  # fmt: skip
    return figure


def said(probabilities: Array) -> str:
    """Return the likeliest digit of (10,) or (11,) probabilities and its probability, or "none" for a non-digit."""
    digit = int(probabilities[:CLASSES].argmax())
    if len(probabilities) > NON_DIGIT and probabilities[NON_DIGIT] > probabilities[digit]:
        return "none"
    return f"{digit}  {probabilities[digit]:.3f}"


def answer(steps: Steps) -> Figure:
    """Return the figure of the reading: a box on every digit, coloured by its confidence, and on what is not read."""
    figure, axes = on_page(steps.page.colour)
    for digit in steps.reading.digits:
        frame(axes, digit.box, str(digit.digit), ANSWER if digit.confidence >= SURE else WARNING)
    for sign in steps.reading.signs:
        frame(axes, sign.box, sign.sign, ANSWER if sign.confidence >= SURE else WARNING)
    for unread in steps.reading.unread:
        frame(axes, unread.box, unread.reason, QUIET)
        axes.patches[-1].set_linestyle((0, (3, 2)))
    return figure


def frame(axes: Axes, box: Box, text: str, colour: str) -> None:
    """Draw a frame around a box, and a text above it."""
    axes.add_patch(edges(np.array([box.x - 4, box.y - 4, box.x + box.w + 4, box.y + box.h + 4]), colour, 2.5))
    label(axes, (box.x - 4, box.y - 4), text, colour)
