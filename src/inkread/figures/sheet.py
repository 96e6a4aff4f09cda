"""The figure of a page with several digits: each boxed and labelled on the picture, and their glyphs below."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from inkread.style import ANSWER, LINE, QUIET, SURE, TEXT, WARNING, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from inkread.steps import Steps

_GLYPHS_A_ROW = 24
_MOST_GLYPHS = 6 * _GLYPHS_A_ROW  # of larger pages the strip shows the least sure ones


def draw_sheet(steps: Steps) -> Figure:
    """Return the figure of a page: the picture with its digits, the uncertain ones in another colour, and glyphs."""
    height, width = steps.page.grey.shape
    shown = _shown(steps)
    rows = -(-len(shown) // _GLYPHS_A_ROW)
    across = 12.0
    picture = min(14.0, max(1.6, across * height / width))
    total = 0.9 + picture + 0.55 * rows + 0.5
    figure = Figure(figsize=(across, total), dpi=110, facecolor="white")
    _headline(figure, steps, 1 - 0.35 / total)
    axes = figure.add_axes((0.02, (0.55 * rows + 0.45) / total, 0.96, picture / total))
    _page(axes, steps)
    strip = figure.add_axes((0.02, 0.12 / total, 0.96, 0.55 * rows / total))
    _strip(strip, steps, shown)
    return figure


def _headline(figure: Figure, steps: Steps, y: float) -> None:
    reading = steps.reading
    numbers = "  |  ".join(line.text for line in reading.lines)
    text = numbers if len(numbers) <= 70 else f"{numbers[:67]}..."
    unsure = sum(digit.confidence < SURE for digit in reading.digits)
    few = f"{unsure} of them less than {SURE:.0%} sure" if unsure else f"each at least {SURE:.0%} sure"
    remark = f"{len(reading.digits)} digits, {few}"
    figure.text(0.02, y, text, fontsize=17, fontweight="bold", color=ANSWER, va="center", parse_math=False)
    figure.text(0.98, y, remark, fontsize=10, color=QUIET, va="center", ha="right")


def _page(axes: Axes, steps: Steps) -> None:
    axes.imshow(steps.page.colour, interpolation="antialiased")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_anchor("NW")
    axes.spines[:].set_color(LINE)
    for patch, digit in zip(steps.patches, steps.reading.digits, strict=True):
        x, y, w, h = patch.box
        colour = ANSWER if digit.confidence >= SURE else WARNING
        axes.add_patch(Rectangle((x - 2, y - 2), w + 4, h + 4, fill=False, edgecolor=colour, linewidth=1.2))
        axes.annotate(
            str(digit.digit),
            (x - 2, y - 2),
            fontsize=9,
            fontweight="bold",
            color="white",
            va="bottom",
            bbox={"boxstyle": "square,pad=0.12", "facecolor": colour, "edgecolor": "none"},
        )


def _shown(steps: Steps) -> NDArray[np.intp]:
    """Return the indices of the digits in the strip, in reading order."""
    confidences = np.array([digit.confidence for digit in steps.reading.digits])
    return np.sort(np.argsort(confidences, kind="stable")[:_MOST_GLYPHS])


def _strip(axes: Axes, steps: Steps, shown: NDArray[np.intp]) -> None:
    """Draw the glyphs in rows, each with its digit, and its confidence where that is low."""
    rows = -(-len(shown) // _GLYPHS_A_ROW)
    side, gap, below = 28, 4, 13
    canvas = np.ones((rows * (side + below), _GLYPHS_A_ROW * (side + gap)), np.float32)
    for place, index in enumerate(shown):
        row, column = divmod(place, _GLYPHS_A_ROW)
        y, x = row * (side + below), column * (side + gap)
        canvas[y : y + side, x : x + side] = 1 - steps.glyphs[index]
        digit = steps.reading.digits[index]
        sure = digit.confidence >= SURE
        label = str(digit.digit) if sure else f"{digit.digit} {percent(digit.confidence)}"
        axes.text(x + side / 2, y + side + 1, label, fontsize=8, color=TEXT if sure else WARNING, ha="center", va="top")
    axes.imshow(canvas, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    axes.set_anchor("NW")
    axes.set_axis_off()
