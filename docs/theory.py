"""The figures of docs/how-it-works.md, each made by the program that it explains.

Those of the tutorial's own network need it trained: `python benchmarks/tutorial.py` leaves it in runs/classic-0, and
its history in benchmarks/tutorial_history.csv. Without them the figures stay as they are.
"""

from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import ConnectionPatch, Rectangle
from numpy.typing import NDArray
from PIL import Image

import inkread
from inkread.explaining import Layer, explain
from inkread.explaining.layers import layers_of
from inkread.figures.explain import RESPONSE, draw_explanation
from inkread.figures.panels import show_image
from inkread.pictures.opening import open_picture
from inkread.style import ANSWER, LINE, OTHER, QUIET, TEXT, WARNING, calm, caption, percent
from inkread.training.history import History, draw_curves

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"
CLASSIC = ROOT / "runs" / "classic-0"
HISTORY = ROOT / "benchmarks" / "tutorial_history.csv"

Array = NDArray[np.float32]


def figures() -> dict[str, Figure]:
    """Return the figures by name, those that can be drawn on this machine."""
    reader = inkread.Reader()
    eight = reader.steps(EXAMPLES / "8-ruled.jpg")
    found = {
        "pixels": pixels(eight.glyphs[0]),
        "explain": draw_explanation(
            explain(reader.steps(os.path.relpath(EXAMPLES / "4-transparent.png")), reader.classifier.network)
        ),
    }
    if CLASSIC.is_dir():
        classic = inkread.Reader(CLASSIC)
        glyph = eight.glyphs[0]
        layers = layers_of(classic.classifier.network, glyph)
        found["convolution"] = convolution(classic, glyph, layers[0])
        found["pooling"] = pooling(*layers[:2])
        found["flattening"] = flattening(*layers[3:5])
        found["dropout"] = dropout(layers[5])
        found["softmax"] = softmax(*layers[-2:])
        found["two-roads"] = two_roads(classic)
    if HISTORY.exists():
        learnt = history(HISTORY)
        found["curves"] = draw_curves(learnt, title=f"The tutorial's network: {len(learnt.epochs)} epochs")
    return found


def pixels(glyph: Array) -> Figure:
    """Show a picture's three channels, and a glyph's numbers."""
    page = open_picture(EXAMPLES / "8-ruled.jpg").colour
    side = min(page.shape[:2])
    left = (page.shape[1] - side) // 2
    figure, axes = _panels(5, 3.2)
    figure.set_dpi(80)
    show_image(axes[0], page[:side, left : left + side])
    caption(axes[0], "Picture", "three numbers a pixel")
    for channel, name in enumerate(("Red", "Green", "Blue")):
        show_image(axes[channel + 1], page[:side, left : left + side, channel])
        caption(axes[channel + 1], name, "one channel, 0 to 255")
    part = np.rint(255 * glyph[4:14, 8:18]).astype(int)
    show_image(axes[4], np.asarray(1 - part / 255, np.float32), smooth=False)
    caption(axes[4], "Glyph", "10 x 10 of its 28 x 28 numbers")
    for (row, column), value in np.ndenumerate(part):
        colour = "white" if value > 110 else TEXT if value else QUIET
        axes[4].text(column, row, str(value), ha="center", va="center", fontsize=6, color=colour)
    return figure


def convolution(classic: inkread.Reader, glyph: Array, maps: Layer) -> Figure:
    """Show a few of the first layer's kernels, and what each makes of the glyph."""
    name = next(node.outputs[0] for node in classic.classifier.network.nodes() if node.kind == "Conv")
    spot = np.zeros((2, 28, 28), np.float32)
    # The answer to a single point is the kernel, turned.
    spot[1, 14, 14] = 1
    silence, answer = classic.classifier.network.inner([name], spot)[name]
    kernels = (answer - silence)[:, 12:17, 12:17][:, ::-1, ::-1]
    figure, axes = _panels(6, 4.6, rows=2)
    show_image(axes[0], 1 - glyph, smooth=False)
    axes[0].add_patch(Rectangle((9.5, 5.5), 5, 5, fill=False, edgecolor=WARNING, linewidth=1.6))
    caption(axes[0], "Glyph", "a 5 x 5 window moves over it")
    axes[6].set_axis_off()
    axes[6].text(
        0,
        0.95,
        "Each number in the\nwindow times its weight,\nall added up, and what\nis below zero set to zero:\n"
        "one pixel of the map.",
        fontsize=9,
        color=TEXT,
        va="top",
        linespacing=1.5,
        transform=axes[6].transAxes,
    )
    most = float(np.abs(kernels).max())
    for place, index in enumerate(maps.order[:5], start=1):
        axes[place].imshow(kernels[index], cmap="PuOr_r", vmin=-most, vmax=most)
        _bare(axes[place])
        caption(axes[place], f"Kernel {index}", "25 weights, orange > 0")
        _map(axes[place + 6], maps.values[index], float(maps.values.max()))
        _above(axes[place + 6], f"its map, {len(maps.values[index])} x {len(maps.values[index])}")
    return figure


def pooling(maps: Layer, pooled: Layer) -> Figure:
    """Show one map before and after pooling, and one window of it as numbers."""
    index = int(maps.order[0])
    before, after = maps.values[index], pooled.values[index]
    figure, axes = _panels(3, 3.6, width=9)
    most = float(before.max())
    _map(axes[0], before, most)
    caption(axes[0], f"Map {index}", "28 x 28, with one window of 2 x 2")
    _map(axes[1], after, most)
    caption(axes[1], "Pooled", "14 x 14: the largest of each window")
    row, column = np.unravel_index(int(after.argmax()), after.shape)
    window = before[2 * row : 2 * row + 2, 2 * column : 2 * column + 2]
    axes[0].add_patch(Rectangle((2 * column - 0.5, 2 * row - 0.5), 2, 2, fill=False, edgecolor=WARNING, linewidth=1.8))
    axes[1].add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, edgecolor=WARNING, linewidth=1.8))
    _map(axes[2], window, most)
    caption(axes[2], "The window", f"its largest number, {window.max():.2f}, is kept")
    for (y, x), value in np.ndenumerate(window):
        colour = "white" if value > 0.5 * most else TEXT
        weight = "bold" if value == window.max() else "normal"
        axes[2].text(x, y, f"{value:.2f}", ha="center", va="center", color=colour, fontweight=weight, fontsize=12)
    return figure


def flattening(maps: Layer, flat: Layer) -> Figure:
    """Show the 64 maps of 7 x 7 and the row of 3136 numbers that they become."""
    most = float(maps.values.max())
    figure = Figure(figsize=(11, 4.4), dpi=100, facecolor="white")
    tiles = np.full((8 * 8, 8 * 8), np.nan, np.float32)
    for index, values in enumerate(maps.values):
        y, x = 8 * (index // 8), 8 * (index % 8)
        tiles[y : y + 7, x : x + 7] = values
    left = figure.add_axes((0.02, 0.05, 0.33, 0.76))
    _map(left, tiles, most)
    left.set_anchor("NW")
    caption(left, "64 maps of 7 x 7", "what the second pooling leaves")
    right = figure.add_axes((0.44, 0.32, 0.54, 0.49))
    right.imshow(flat.values.reshape(28, 112), cmap=RESPONSE, vmin=0, vmax=most, aspect="auto", interpolation="nearest")
    _bare(right)
    caption(right, "3136 numbers", "64 x 7 x 7 in one row, folded here into 28 lines of 112")
    kind = "axes fraction"
    arrow = ConnectionPatch(
        (1.02, 0.6), (-0.02, 0.4), kind, kind, axesA=left, axesB=right, arrowstyle="->", color=QUIET
    )
    figure.add_artist(arrow)
    text = "Nothing is computed here. A dense layer takes a row of numbers,\nso these are laid one behind the other."
    figure.text(0.44, 0.25, text, fontsize=9, color=TEXT, va="top", linespacing=1.5)
    return figure


def dropout(layer: Layer) -> Figure:
    """Show the 1024 numbers of the dense layer, whole and with a different half of them struck out twice."""
    figure, axes = _panels(3, 3.4, width=10)
    values = layer.values.reshape(32, 32)
    _map(axes[0], values, float(values.max()))
    caption(axes[0], "Reading", "all 1024 numbers")
    for step in (1, 2):
        kept = np.random.default_rng(step).random(values.shape) >= 0.5
        _map(axes[step], np.where(kept, values, np.nan), float(values.max()))
        axes[step].set_facecolor("#d9dee2")
        caption(axes[step], f"Training, step {step}", "half of them struck out at random (grey)")
    return figure


def softmax(dense: Layer, probabilities: Layer) -> Figure:
    """Show the last ten numbers, and the probabilities that softmax makes of them."""
    figure, axes = _panels(3, 3.4, width=10)
    shown = (dense.values, np.exp(dense.values), probabilities.values)
    titles = (
        ("Ten numbers", "any size, below zero too"),
        ("e to the power of each", "above zero; the large ones far ahead"),
        ("Divided by their sum", "ten probabilities that sum to 1"),
    )
    for panel, values, title in zip(axes, shown, titles, strict=True):
        best = int(values.argmax())
        panel.barh(range(10), values, color=[ANSWER if digit == best else OTHER for digit in range(10)], height=0.72)
        panel.set_yticks(range(10), [*"0123456789"], fontsize=8)
        panel.set_ylim(9.6, -0.6)
        panel.set_xticks([])
        calm(panel)
        panel.margins(x=0.25)
        caption(panel, *title)
        for digit, value in enumerate(values.tolist()):
            text = percent(value) if panel is axes[2] else f"{value:,.1f}"
            panel.annotate(
                text,
                (max(value, 0), digit),
                (3, 0),
                textcoords="offset points",
                va="center",
                fontsize=7.5,
                color=TEXT if digit == best else QUIET,
            )
    return figure


def two_roads(classic: inkread.Reader) -> Figure:
    """Show the same pictures as the tutorial and as inkread prepare them, each read by the same network."""
    names = ("2-small.jpg", "3-dark.png", "5-blackboard.jpg", "7-shadow.jpg", "8-ruled.jpg", "9-marker.jpg")
    figure, axes = _panels(len(names), 6.2, rows=3, width=11)
    for column, name in enumerate(names):
        steps = classic.steps(EXAMPLES / name, as_="digit", min_confidence=0)
        with Image.open(EXAMPLES / name) as picture:
            small = np.asarray(picture.convert("RGB").resize((28, 28)).convert("L"))
        simple = np.asarray((255 - small) / np.float32(255), np.float32)
        show_image(axes[column], steps.page.colour)
        _above(axes[column], "the picture" if column == 0 else "")
        answers = classic.classifier.classify(np.stack([simple, steps.glyphs[0]])).argmax(axis=1)
        for row, (glyph, answer) in enumerate(zip((simple, steps.glyphs[0]), answers, strict=True), start=1):
            panel = axes[row * len(names) + column]
            show_image(panel, 1 - glyph, smooth=False)
            right = str(answer) == name[0]
            way = "resized, inverted" if row == 1 else "inkread's glyph"
            _above(panel, f"{way}: " if column == 0 else "")
            colour = ANSWER if right else WARNING
            panel.set_title(str(answer), loc="right", fontsize=13, fontweight="bold", color=colour)
    return figure


def history(path: Path) -> History:
    """Return the history that `History.save` wrote."""
    found = History()
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            point = {name: float(value) for name, value in row.items() if value}
            found.points.append(point)
            if "test_loss" in point:
                found.epochs.append(point)
    return found


def _panels(columns: int, height: float, *, rows: int = 1, width: float = 12) -> tuple[Figure, list[Axes]]:
    figure = Figure(figsize=(width, height), dpi=100, facecolor="white")
    top = 1 - (0.65 if rows < 3 else 0.3) / height
    grid = {"left": 0.02, "right": 0.985, "top": top, "bottom": 0.03, "wspace": 0.12, "hspace": 0.22}
    return figure, list(np.ravel(figure.subplots(rows, columns, gridspec_kw=grid)))


def _above(axes: Axes, text: str) -> None:
    axes.set_title(text, fontsize=8.5, color=QUIET, loc="left")


def _map(axes: Axes, values: Array, most: float) -> None:
    axes.imshow(values, cmap=RESPONSE, vmin=0, vmax=most, interpolation="nearest")
    _bare(axes)


def _bare(axes: Axes) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_color(LINE)
