"""The figure of one reading: every step from the picture to the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from inkread.datasets.mnist import mnist_at_hand
from inkread.figures.panels import (
    frame,
    headline,
    show_image,
    show_nothing,
    show_probabilities,
    show_unread,
    unread_remark,
)
from inkread.style import ANSWER, LINE, QUIET, SURE, TEXT, WARNING, caption, percent

if TYPE_CHECKING:
    from inkread.steps import Steps


def draw_steps(steps: Steps) -> Figure:
    """Return the figure of a reading: a training image of the class, picture, page, ink, glyph and probabilities.

    Places that were not read have a dashed outline. With several digits, it is the figure of `draw_sheet`.
    """
    if len(steps.reading.digits) > 1:
        return draw_sheet(steps)
    figure = Figure(figsize=(15, 3.9), dpi=110, facecolor="white")
    grid = figure.add_gridspec(
        1, 6, left=0.02, right=0.985, top=0.68, bottom=0.07, wspace=0.15, width_ratios=(1, 1, 1, 1, 1.06, 1.2)
    )
    panels = [figure.add_subplot(grid[0, column]) for column in range(6)]
    headline(figure, steps.reading, more=unread_remark(steps.reading))
    _training_image(panels[0], steps)
    height, width = steps.page.grey.shape
    show_image(panels[1], steps.page.colour)
    caption(panels[1], "Picture", f"{steps.page.size[0]} x {steps.page.size[1]} pixels, upright")
    show_image(panels[2], steps.page.grey)
    caption(panels[2], "Page", f"grey, {width} x {height}")
    show_image(panels[3], 1 - steps.ink)
    caption(panels[3], "Ink", "without paper, shadows and colours")
    for panel in panels[1:4]:
        show_unread(panel, steps.reading, steps.page, labels=panel is panels[1])
        for patch in steps.patches:
            panel.add_patch(frame(patch.box))
    _glyph(panels[4], steps)
    show_probabilities(panels[5], steps.probabilities[0] if len(steps.probabilities) else None)
    return figure


def _training_image(axes: Axes, steps: Steps) -> None:
    """Show the training image of the class that is nearest to the glyph, or the average of the class."""
    if not steps.reading.digits:
        show_nothing(axes, "Training", "no class was read")
        return
    digit = steps.reading.digits[0].digit
    mnist = mnist_at_hand()
    if mnist is not None and mnist.is_original:
        images = mnist.train_images[mnist.train_labels == digit]
        image, detail = _nearest(images, steps.glyphs[0]), f"the nearest {digit} in MNIST"
    else:
        average = steps.card.average_image(digit)
        if average is None:
            show_nothing(axes, "Training", "not on the model's card")
            return
        image, detail = average, f"average {digit} in the training data"
    show_image(axes, image, smooth=False)
    caption(axes, "Training", detail)


def _nearest(images: NDArray[np.uint8], glyph: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return the image of (N, 28, 28) with the smallest squared difference from the glyph, (28, 28) in 0..1."""
    flat = images.reshape(len(images), -1).astype(np.float32) / 255
    distance = np.square(flat).sum(axis=1) - 2 * flat @ glyph.ravel()
    return np.asarray(images[int(distance.argmin())])


def _glyph(axes: Axes, steps: Steps) -> None:
    if not len(steps.glyphs):
        show_nothing(axes, "Glyph", "no ink, no glyph")
        return
    show_image(axes, steps.glyphs[0], smooth=False)
    caption(axes, "Glyph", "28 x 28, as the network sees it")


_GLYPHS_A_ROW = 24
_MOST_GLYPHS = 6 * _GLYPHS_A_ROW
"""The largest number of glyphs in the strip. A page with more shows those with the lowest confidence."""


def draw_sheet(steps: Steps) -> Figure:
    """Return the figure of a page: the picture with its digits, unsure ones in another colour, and the glyphs.

    Places that were not read have a dashed outline, with the reason if they are few.
    """
    height, width = steps.page.grey.shape
    shown = _choose_shown(steps)
    rows = -(-len(shown) // _GLYPHS_A_ROW)
    across = 12.0
    picture = min(14.0, max(1.6, across * height / width))
    total = 0.9 + picture + 0.55 * rows + 0.5
    figure = Figure(figsize=(across, total), dpi=110, facecolor="white")
    _page_headline(figure, steps, 1 - 0.35 / total)
    axes = figure.add_axes((0.02, (0.55 * rows + 0.45) / total, 0.96, picture / total))
    _page(axes, steps)
    strip = figure.add_axes((0.02, 0.12 / total, 0.96, 0.55 * rows / total))
    _strip(strip, steps, shown)
    return figure


def _page_headline(figure: Figure, steps: Steps, y: float) -> None:
    reading = steps.reading
    numbers = "  |  ".join(line.text for line in reading.lines)
    text = numbers if len(numbers) <= 70 else f"{numbers[:67]}..."
    unsure = sum(digit.confidence < SURE for digit in reading.digits)
    few = f"{unsure} of them less than {SURE:.0%} sure" if unsure else f"each at least {SURE:.0%} sure"
    remark = f"{len(reading.digits)} digits, {few}{unread_remark(reading)}"
    figure.text(0.02, y, text, fontsize=17, fontweight="bold", color=ANSWER, va="center", parse_math=False)
    figure.text(0.98, y, remark, fontsize=10, color=QUIET, va="center", ha="right")


def _page(axes: Axes, steps: Steps) -> None:
    axes.imshow(steps.page.colour, interpolation="antialiased")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_anchor("NW")
    axes.spines[:].set_color(LINE)
    show_unread(axes, steps.reading, steps.page)
    for sign in steps.reading.signs:
        x, y, w, h = steps.page.located(sign.box)
        colour = ANSWER if sign.confidence >= SURE else WARNING
        axes.add_patch(Rectangle((x - 2, y - 2), w + 4, h + 4, fill=False, edgecolor=colour, linewidth=0.9))
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


def _choose_shown(steps: Steps) -> NDArray[np.intp]:
    """Return the indices of the digits in the strip, in reading order."""
    confidences = np.array([digit.confidence for digit in steps.reading.digits])
    return np.sort(np.argsort(confidences, kind="stable")[:_MOST_GLYPHS])


def _strip(axes: Axes, steps: Steps, shown: NDArray[np.intp]) -> None:
    """Draw the glyphs in rows, each with its digit, and its confidence if that is low."""
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
