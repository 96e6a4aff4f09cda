"""The figure of an explanation: the pixels that decide, the smallest change, and the feature maps of every layer."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_rgb
from matplotlib.figure import Figure
from numpy.typing import NDArray

from inkread.explaining import Explanation, Layer, class_name
from inkread.figures.panels import frame, headline, show_image, show_nothing, show_probabilities
from inkread.glyphs import CLASSES
from inkread.style import ANSWER, LINE, QUIET, TEXT, WARNING, caption, percent

SHOWN_MAPS = 16
"""The number of feature maps that are shown of a layer: those with the largest responses."""

_TOP = 4.15
"""Height of the headline and the panels about the glyph, in inches."""

_MAPS, _NUMBERS = 0.98, 0.62
"""Height of a row of feature maps and of a row of numbers, in inches."""

_WIDTH, _LABELS = 15.0, 2.05
"""Width of the figure and of the labels of the layers, in inches."""

RESPONSE = LinearSegmentedColormap.from_list("response", ["#f4f7f8", "#7fb9c4", ANSWER, "#06303a"])


def draw_explanation(explanation: Explanation) -> Figure:
    """Return the figure that explains why a digit was read the way it was.

    The upper part shows the picture, the glyph, the ink and the paper that support or contradict the answer, the change
    that makes it the runner-up, and the probabilities. The lower part has a row for each layer.
    """
    rows = [_MAPS if layer.has_maps else _NUMBERS for layer in explanation.layers]
    below = 0.75 + sum(rows) if rows else 0.0
    height = _TOP + below
    figure = Figure(figsize=(_WIDTH, height), dpi=110, facecolor="white")
    headline(figure, explanation.steps.reading, 1 - 0.38 / height, said=_answer_and_remark(explanation))
    grid = figure.add_gridspec(
        1,
        6,
        left=0.02,
        right=0.985,
        top=1 - 1.3 / height,
        bottom=(below + 0.35) / height,
        wspace=0.15,
        width_ratios=(1, 1, 1, 1, 1, 1.15),
    )
    _panels([figure.add_subplot(grid[0, column]) for column in range(6)], explanation)
    if rows:
        text = "Output of each layer"
        detail = "numbered maps, the largest responses first; each layer has its own scale"
        _draw_heading(figure, (below - 0.12) / height, text, detail)
    y = below - 0.5
    for layer, row in zip(explanation.layers, rows, strict=True):
        y -= row
        calibrated = layer.kind == "softmax" and explanation.steps.card.temperature != 1
        _layer(figure, layer, y / height, row / height, ", before calibration" if calibrated else "")
    return figure


def _answer_and_remark(explanation: Explanation) -> tuple[str, str]:
    """Return the answer and a remark about it and the runner-up."""
    sure = percent(float(explanation.probabilities[explanation.answer]))
    next_ = percent(float(explanation.probabilities[explanation.runner_up]))
    place = f"digit {explanation.index + 1} of {len(explanation.steps.glyphs)}, " if _among(explanation) else ""
    return class_name(explanation.answer), f"{place}probability {sure}; runner-up {explanation.runner_up}, {next_}"


def _among(explanation: Explanation) -> bool:
    return len(explanation.steps.glyphs) > 1


def _draw_heading(figure: Figure, y: float, text: str, detail: str) -> None:
    figure.text(0.02, y, text, fontsize=13, fontweight="bold", color=TEXT, va="top")
    figure.text(0.985, y, detail, fontsize=9, color=QUIET, va="top", ha="right")


def _panels(panels: list[Axes], explanation: Explanation) -> None:
    steps, found = explanation.steps, explanation.evidence
    show_image(panels[0], steps.page.colour)
    panels[0].add_patch(frame(steps.patches[explanation.index].box))
    if _among(explanation):
        _look_closer(panels[0], steps.patches[explanation.index].box)
    caption(panels[0], "Picture", "the digit that is explained" if _among(explanation) else "upright")
    show_image(panels[1], 1 - explanation.glyph, smooth=False)
    caption(panels[1], "Glyph", "28 x 28, as the network sees it")
    answer = class_name(explanation.answer)
    for panel, values, title, change in (
        (panels[2], found.ink, f"Ink for {answer}", "if erased"),
        (panels[3], found.paper, f"Paper for {answer}", "if filled"),
    ):
        _evidence(panel, values, explanation.glyph)
        caption(panel, title, f"{change}: {_fall(values)}")
    _change(panels[4], explanation)
    show_probabilities(panels[5], explanation.probabilities)


def _look_closer(axes: Axes, box: tuple[int, int, int, int]) -> None:
    """Zoom in on a digit of a page: show three times its size in each direction."""
    x, y, w, h = box
    reach = 3.5 * max(w, h)
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    axes.set_xlim(max(left, x + w / 2 - reach), min(right, x + w / 2 + reach))
    axes.set_ylim(min(bottom, y + h / 2 + reach), max(top, y + h / 2 - reach))


def _fall(values: NDArray[np.float32]) -> str:
    """Return how far the odds of the answer fall at the strongest pixel, in words."""
    times = float(np.exp(np.clip(values.max(), 0, 20)))
    if times < 1.05:
        return "hardly any change"
    if times > 1e6:
        return "odds fall to under 1/1,000,000"
    return f"odds fall to 1/{times:,.0f}" if times >= 10 else f"odds fall to 1/{times:.1f}"


def _evidence(axes: Axes, values: NDArray[np.float32], glyph: NDArray[np.float32]) -> None:
    """Show the pixels that support or contradict the answer over the faint glyph. The strongest is the darkest."""
    strength = (np.abs(values) / max(float(np.abs(values).max()), 1e-6))[..., None]
    colours = np.where(values[..., None] > 0, to_rgb(ANSWER), to_rgb(WARNING))
    faint = np.repeat(1 - 0.2 * glyph[..., None], 3, axis=2)
    show_image(axes, np.asarray(faint * (1 - strength) + colours * strength, np.float32), smooth=False)
    for text, across, colour in (("supports", 0, ANSWER), ("contradicts", 62, WARNING)):
        axes.annotate(
            text, (0, 0), (across, -13), xycoords="axes fraction", textcoords="offset points", color=colour, fontsize=9
        )


def _change(axes: Axes, explanation: Explanation) -> None:
    """Show the changed glyph that is read as the runner-up."""
    change, runner_up = explanation.change, explanation.runner_up
    if change is None:
        show_nothing(axes, f"To be read as {runner_up}", "needs more than a few dots of ink")
        return
    before, after = explanation.glyph[..., None], change.glyph[..., None]
    added, taken = np.maximum(after - before, 0), np.maximum(before - after, 0)
    image = 1 - np.minimum(before, after) * np.ones(3) - added * (1 - np.array(to_rgb(WARNING)))
    image -= taken * (1 - np.array(to_rgb("#9fd3dc")))
    show_image(axes, np.asarray(np.clip(image, 0, 1), np.float32), smooth=False)
    caption(axes, f"To be read as {runner_up}", change.words)


def _layer(figure: Figure, layer: Layer, bottom: float, height: float, remark: str) -> None:
    """Draw a layer's name and shape, and next to them its maps or numbers."""
    middle = bottom + height * 0.55
    figure.text(0.02, middle, layer.name, fontsize=11, fontweight="bold", color=TEXT, va="bottom")
    if layer.has_maps and len(layer.values) > SHOWN_MAPS:
        remark += f"\n{SHOWN_MAPS} of {len(layer.values)} shown"
    figure.text(0.02, middle, layer.shape + remark, fontsize=9, color=QUIET, va="top", linespacing=1.6)
    (_maps if layer.has_maps else _numbers)(figure, layer, bottom, height)


def _maps(figure: Figure, layer: Layer, bottom: float, height: float) -> None:
    left = (_LABELS + 0.3) / _WIDTH
    pitch = (0.985 - left) / SHOWN_MAPS
    most = max(float(layer.values.max()), 1e-6)
    for place, index in enumerate(layer.order[:SHOWN_MAPS]):
        axes = figure.add_axes((left + place * pitch, bottom + 0.16 * height, pitch * 0.9, height * 0.8))
        axes.imshow(layer.values[index], cmap=RESPONSE, vmin=0, vmax=most, interpolation="nearest")
        axes.set_xticks([])
        axes.set_yticks([])
        axes.spines[:].set_color(LINE)
        axes.set_xlabel(f"{index}", fontsize=7, color=QUIET, labelpad=2)


def _numbers(figure: Figure, layer: Layer, bottom: float, height: float) -> None:
    """Draw numbers as a strip. Numbers of classes have the name of the class. Long rows are wrapped."""
    left = (_LABELS + 0.3) / _WIDTH
    axes = figure.add_axes((left, bottom + 0.3 * height, 0.985 - left, height * 0.5))
    values = layer.values
    low, high = (min(0.0, float(values.min())), float(values.max())) if _of_classes(layer) else (0.0, values.max())
    high = 1.0 if layer.kind == "softmax" else max(high, low + 1e-6)
    lines = max(1, len(values) // 256)
    while len(values) % lines:
        lines -= 1
    axes.imshow(values.reshape(lines, -1), cmap=RESPONSE, vmin=low, vmax=high, interpolation="nearest", aspect="auto")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_color(LINE)
    if not _of_classes(layer):
        return
    axes.set_xticks(range(len(values)), [*"0123456789", "other"][: len(values)])
    axes.tick_params(length=0, labelsize=8, labelcolor=QUIET, pad=2)
    for index, value in enumerate(values.tolist()):
        text = percent(value) if layer.kind == "softmax" else f"{value:.1f}"
        colour = "white" if (value - low) / (high - low) > 0.45 else TEXT
        axes.text(index, 0, text, ha="center", va="center", fontsize=9, color=colour)


def _of_classes(layer: Layer) -> bool:
    """Return whether a layer has one number for each class."""
    return len(layer.values) in (CLASSES, CLASSES + 1)
