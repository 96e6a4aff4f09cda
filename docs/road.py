"""The figures of docs/reading.md: every step of reading one drawn page, each drawn from that step's result.

They are narrow and have large letters, so that they can be read on a phone.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from itertools import pairwise

import cv2
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Arc, Rectangle
from numpy.typing import NDArray

import inkread
from inkread.drawing import Hand, digit_strokes, draw_ink, lay_ground, show
from inkread.drawing.strokes import Stroke
from inkread.figures.panels import frame, show_image
from inkread.glyphs import CLASSES, NON_DIGIT, normalise
from inkread.ink.handwriting import find_handwriting
from inkread.layout.candidates import CandidateRow
from inkread.layout.rows import find_rows
from inkread.pictures.opening import open_picture
from inkread.recognition.decoding import Lattice, best_paths
from inkread.steps import Steps
from inkread.style import ANSWER, LINE, QUIET, SURE, TEXT, WARNING

SIZE = (560, 860)
LINES = ("4096 31", "2604", "63 140")

TOUCHING = ("2604", 1)
"""A line, and the index of the digit that touches the next one."""

GAP = -0.1
"""The gap between these two, as a share of a digit's height."""

HEIGHT = 92
"""The height of a digit in pixels."""

INK = (0.12, 0.2, 0.5)
TABLE = (0.36, 0.26, 0.17)

WIDTH = 7.2
"""The width of a figure in inches, at 110 dots each."""

ACROSS = 6
"""Glyphs in a row of the figure."""

COLOURS = ("#0b7285", "#d9480f", "#5f3dc4", "#2b8a3e", "#a61e4d", "#1864ab")

Array = NDArray[np.float32]
Span = tuple[int, int]


def figures() -> dict[str, Figure]:
    """Return the figures by name, in the order of the steps."""
    picture = drawn_page()
    reader = inkread.Reader(profile=None)
    page = open_picture(picture, "page")
    ink, handwriting = find_handwriting(page)
    rows = find_rows(handwriting)
    glyphs = [dict(zip(row.spans, normalise([patch.ink for patch in row.spans.values()]), strict=True)) for row in rows]
    lattices = [dict(zip(row, reader.classifier.classify(np.stack(list(row.values()))), strict=True)) for row in glyphs]
    at = max(range(len(rows)), key=lambda number: sum(rows[number].cut))
    best = best_paths(rows, lattices)[at].spans
    return {
        "page": shown(page.colour),
        "ink": shown(1 - ink),
        "writing": shown(taken_out(ink, covered(rows, ink.shape))),
        "pieces": pieces(rows, page.grey.shape),
        "lattice": lattice(rows[at], lattices[at], best),
        "glyphs": candidates(glyphs[at], lattices[at], best),
        "answer": answer(reader.steps(picture)),
    }


# The page


def drawn_page() -> NDArray[np.uint8]:
    """Return a photo of a ruled page, (H, W, 3) uint8: three lines, one underlined, dirt, and the edge of a table."""
    rng = np.random.default_rng(11)
    ground = lay_ground("ruled", size=SIZE, rng=rng)
    hand = Hand(slant=0.12, breadth=1.0, wobble=0.014, haste=0.01, tremor=0.001)
    strokes: list[Stroke] = []
    for number, line in enumerate(LINES):
        strokes += written(line, (150, 70 + 1.75 * HEIGHT * number), hand, rng)
    strokes.append(np.column_stack([np.linspace(140, 520, 90), 178 + 5 * np.sin(np.linspace(0, 5, 90))]))
    ink = draw_ink(strokes, size=SIZE, pen="felt-tip", width=0.065 * HEIGHT, rng=rng)
    for x, y in rng.uniform((170, 60), (820, 500), (7, 2)):
        cv2.circle(ink, (round(x), round(y)), 2, 0.9, -1, cv2.LINE_AA)
    table = np.zeros((*SIZE, 1), np.float32)
    cv2.fillPoly(table, [np.array([[0, 0], [66, 0], [44, SIZE[0]], [0, SIZE[0]]], np.int32)], 1.0, cv2.LINE_AA)
    paper = ground.paper + table * (np.array(TABLE, np.float32) - ground.paper)
    return show(ink, np.array(INK, np.float32), dataclasses.replace(ground, paper=paper), rng=rng)


def written(text: str, corner: tuple[float, float], hand: Hand, rng: np.random.Generator) -> list[Stroke]:
    """Return the strokes of a line of digits from its upper left corner."""
    strokes: list[Stroke] = []
    right = corner[0]
    for at, sign in enumerate(text):
        if sign == " ":
            right += 1.4 * HEIGHT
            continue
        drawn = [HEIGHT * np.exp(rng.normal(0, 0.05)) * way for way in digit_strokes(int(sign), rng=rng, hand=hand)]
        low, high = (edge(np.concatenate(drawn)[:, 0]) for edge in (np.min, np.max))
        strokes += [np.add(stroke, (right - low, corner[1])) for stroke in drawn]
        right += high - low + (GAP if (text, at) == TOUCHING else 0.3) * HEIGHT
    return strokes


# The steps


def shown(image: NDArray[np.uint8] | Array) -> Figure:
    """Return a figure that an image fills."""
    return on_page(image)[0]


def on_page(image: NDArray[np.uint8] | Array) -> tuple[Figure, Axes]:
    """Return a figure that an image fills, and its axes in pixels of the image."""
    height, width = image.shape[:2]
    figure = Figure(figsize=(WIDTH, WIDTH * height / width), dpi=110, facecolor="white")
    axes = figure.add_axes((0.003, 0.003, 0.994, 0.994))
    show_image(axes, image)
    axes.set_autoscale_on(False)
    return figure, axes


def covered(rows: Sequence[CandidateRow], shape: tuple[int, ...]) -> Array:
    """Return the ink of all pieces of rows, (H, W)."""
    left = np.zeros(shape, np.float32)
    for row in rows:
        for at in range(row.pieces):
            x, y, w, h = row.spans[at, at + 1].box
            np.maximum(left[y : y + h, x : x + w], row.spans[at, at + 1].ink, out=left[y : y + h, x : x + w])
    return left


def taken_out(ink: Array, left: Array) -> NDArray[np.uint8]:
    """Return ink, black where it was kept and coloured where it was removed, (H, W, 3) uint8."""
    stays, gone = np.minimum(ink, left)[..., None], np.clip(ink - left, 0, 1)[..., None]
    colour = np.array(to_rgb(WARNING), np.float32)
    return np.asarray(np.rint(255 * np.clip(1 - stays - gone * (1 - colour), 0, 1)), np.uint8)


def pieces(rows: Sequence[CandidateRow], shape: tuple[int, ...]) -> Figure:
    """Return the figure of rows: each piece in a different colour, with dashed lines where ink may be cut."""
    canvas = np.ones((*shape, 3), np.float32)
    for row in rows:
        for piece in range(row.pieces):
            colour = np.array(to_rgb(COLOURS[piece % len(COLOURS)]), np.float32)
            x, y, w, h = row.spans[piece, piece + 1].box
            part = canvas[y : y + h, x : x + w]
            part -= row.spans[piece, piece + 1].ink[..., None] * (part - colour)
    figure, axes = on_page(canvas)
    for row in rows:
        boxes = np.array([row.spans[at, at + 1].box for at in range(row.pieces)])
        top, bottom = boxes[:, 1].min() - 10, (boxes[:, 1] + boxes[:, 3]).max() + 10
        left, right = boxes[0, 0] - 14, (boxes[:, 0] + boxes[:, 2]).max() + 14
        axes.add_patch(Rectangle((left, top), right - left, bottom - top, fill=False, edgecolor=LINE, linewidth=1.5))
        for at, cut in enumerate(row.cut):
            if cut:
                axes.plot([boxes[at + 1, 0]] * 2, [top, bottom], color=TEXT, linewidth=1.6, linestyle=(0, (3, 2)))
    return figure


def lattice(row: CandidateRow, seen: Lattice, best: Sequence[Span]) -> Figure:
    """Return the figure of a row's lattice: separate pieces, and an arc over every span, thick on the best path.

    Each arc is labelled with the likeliest digit and its probability, or with "none" for a non-digit.
    """
    patches = [row.spans[at, at + 1] for at in range(row.pieces)]
    height = max(patch.box[3] for patch in patches)
    nodes = np.cumsum([0.0, *(max(0.6 * height, patch.box[2]) + 0.35 * height for patch in patches)])
    most = max(end - start for start, end in row.spans)
    top = 1.2 * height
    figure, axes = plain((nodes[-1] + 0.3 * height, top + (0.55 * most + 0.5) * height))
    for (left, right), patch in zip(pairwise(nodes), patches, strict=True):
        x, y = (left + right - patch.box[2]) / 2, (height - patch.box[3]) / 2
        axes.imshow(1 - patch.ink, cmap="gray", vmin=0, vmax=1, extent=(x, x + patch.box[2], y, y + patch.box[3]))
    for span in sorted(row.spans, key=lambda span: (span in best, span)):
        start, end = nodes[list(span)]
        arc(axes, (start, end), top, 0.55 * height * (span[1] - span[0]), seen[span], best=span in best)
    axes.plot(nodes, [top] * len(nodes), "o", color="white", markeredgecolor=TEXT, markersize=10, zorder=5)
    axes.set_xlim(-0.15 * height, nodes[-1] + 0.15 * height)
    axes.set_ylim(-0.05 * height, top + (0.55 * most + 0.45) * height)
    return figure


def plain(size: tuple[float, float]) -> tuple[Figure, Axes]:
    """Return a figure of the common width with the aspect ratio of `size`, and its axes without a frame."""
    figure = Figure(figsize=(WIDTH, WIDTH * size[1] / size[0]), dpi=110, facecolor="white")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    return figure, axes


def arc(axes: Axes, ends: tuple[float, float], node: float, height: float, probabilities: Array, *, best: bool) -> None:
    """Draw an arc from one node to another."""
    colour = ANSWER if best else QUIET
    middle, width = sum(ends) / 2, ends[1] - ends[0]
    axes.add_patch(Arc((middle, node), width, 2 * height, theta1=0, theta2=180, edgecolor=colour,
                       linewidth=3.5 if best else 1.2))  # fmt: skip
    axes.text(middle, node + height, said(probabilities), fontsize=15, color=colour, ha="center", va="center",
              fontweight="bold" if best else "normal",
              bbox={"boxstyle": "square,pad=0.15", "facecolor": "white", "edgecolor": "none"})  # fmt: skip


def said(probabilities: Array) -> str:
    """Return the likeliest digit of (11,) probabilities and its probability, or "none" if a non-digit is likelier."""
    digit = int(probabilities[:CLASSES].argmax())
    return "none" if probabilities[NON_DIGIT] > probabilities[digit] else f"{digit}  {probabilities[digit]:.2f}"


def candidates(glyphs: dict[Span, Array], seen: Lattice, best: Sequence[Span]) -> Figure:
    """Return the figure of the glyphs of a row's spans, in reading order, with frames on the best path."""
    spans = sorted(glyphs)
    figure = Figure(figsize=(WIDTH, 1.35 * -(-len(spans) // ACROSS)), dpi=110, facecolor="white")
    grid = figure.subplots(-(-len(spans) // ACROSS), ACROSS, squeeze=False)
    figure.subplots_adjust(0.01, 0.14, 0.99, 0.99, wspace=0.12, hspace=0.35)
    for axes in grid.flat:
        axes.set_axis_off()
    for axes, span in zip(grid.flat, spans, strict=False):
        axes.set_axis_on()
        show_image(axes, glyphs[span], smooth=False)
        axes.set_anchor("C")
        if span in best:
            axes.spines[:].set(color=ANSWER, linewidth=3)
        axes.set_xlabel(said(seen[span]), fontsize=15, color=ANSWER if span in best else QUIET, labelpad=3)
    return figure


def answer(steps: Steps) -> Figure:
    """Return the figure of the reading: the page with a box on every digit, coloured by its confidence."""
    figure, axes = on_page(steps.page.colour)
    for patch, digit in zip(steps.patches, steps.reading.digits, strict=True):
        colour = ANSWER if digit.confidence >= SURE else WARNING
        axes.add_patch(frame(patch.box))
        axes.patches[-1].set(edgecolor=colour, linewidth=2)
        axes.text(patch.box[0] - 2, patch.box[1] - 6, str(digit.digit), fontsize=14, fontweight="bold", color="white",
                  bbox={"boxstyle": "square,pad=0.15", "facecolor": colour, "edgecolor": "none"})  # fmt: skip
    return figure
