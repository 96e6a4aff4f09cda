"""The figure of one reading: every step from the picture to the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.offsetbox import AnnotationBbox, HPacker, TextArea
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from inkread.datasets.mnist import mnist_at_hand
from inkread.figures.sheet import draw_sheet
from inkread.figures.style import ANSWER, LINE, OTHER, QUIET, TEXT, WARNING, calm, caption, percent

if TYPE_CHECKING:
    from inkread.reader import Steps

Image = NDArray[np.uint8] | NDArray[np.float32]


def draw_steps(steps: Steps) -> Figure:
    """Return the figure: a training image of the class, picture, page, ink, glyph and probabilities.

    Of several digits, the page with each of them instead.
    """
    if len(steps.reading.digits) > 1:
        return draw_sheet(steps)
    figure = Figure(figsize=(15, 3.9), dpi=110, facecolor="white")
    grid = figure.add_gridspec(
        1, 6, left=0.02, right=0.985, top=0.68, bottom=0.07, wspace=0.15, width_ratios=(1, 1, 1, 1, 1.06, 1.2)
    )
    panels = [figure.add_subplot(grid[0, column]) for column in range(6)]
    _headline(figure, steps)
    _training_image(panels[0], steps)
    height, width = steps.page.grey.shape
    _image(panels[1], steps.page.colour)
    caption(panels[1], "Picture", f"{steps.page.size[0]} x {steps.page.size[1]} pixels, upright")
    _image(panels[2], steps.page.grey)
    caption(panels[2], "Page", f"grey, {width} x {height}")
    _image(panels[3], 1 - steps.ink)
    caption(panels[3], "Ink", "paper, light and colour taken away")
    for patch in steps.patches:
        for panel in panels[1:4]:
            panel.add_patch(_frame(patch.box))
    _glyph(panels[4], steps)
    _probabilities(panels[5], steps)
    return figure


def _headline(figure: Figure, steps: Steps) -> None:
    reading = steps.reading
    if reading.refused:
        answer, remark, colour = "not read", reading.refused.message, WARNING
    else:
        answer, remark, colour = reading.text, f"{percent(reading.confidence or 0)} sure", ANSWER
    name = reading.picture if len(reading.picture) <= 60 else f"...{reading.picture[-57:]}"
    texts: list[Artist] = [
        TextArea(answer, textprops={"fontsize": 26, "fontweight": "bold", "color": colour}),
        TextArea(remark, textprops={"fontsize": 13, "color": TEXT, "parse_math": False}),
    ]
    line = HPacker(children=texts, align="baseline", pad=0, sep=14)
    figure.add_artist(
        AnnotationBbox(line, (0.02, 0.9), xycoords="figure fraction", box_alignment=(0, 0.5), frameon=False)
    )
    figure.text(0.985, 0.9, name, fontsize=10, color=QUIET, va="center", ha="right", parse_math=False)


def _image(axes: Axes, image: Image, *, smooth: bool = True) -> None:
    """Show an image, grey or colour, in a thin frame; floats are 0..1, 1 = white."""
    top = 255 if image.dtype == np.uint8 else 1
    axes.imshow(image, cmap="gray", vmin=0, vmax=top, interpolation="antialiased" if smooth else "nearest")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_anchor("NW")
    axes.spines[:].set_color(LINE)


def _frame(box: tuple[int, int, int, int]) -> Rectangle:
    x, y, w, h = box
    rim = 0.06 * max(w, h)
    return Rectangle(
        (x - rim, y - rim),
        w + 2 * rim,
        h + 2 * rim,
        fill=False,
        edgecolor=ANSWER,
        linewidth=1.6,
        clip_on=False,
    )


def _training_image(axes: Axes, steps: Steps) -> None:
    """Show what the network learnt this class from: its nearest training image, or the class's average."""
    if not steps.reading.digits:
        _nothing(axes, "Training", "no class was read")
        return
    digit = steps.reading.digits[0].digit
    mnist = mnist_at_hand()
    if mnist is not None and mnist.is_original:
        images = mnist.train_images[mnist.train_labels == digit]
        image, detail = _nearest(images, steps.glyphs[0]), f"the nearest {digit} of MNIST"
    else:
        average = steps.card.average_image(digit)
        if average is None:
            _nothing(axes, "Training", "not on the model's card")
            return
        image, detail = average, f"the average {digit} it was trained on"
    _image(axes, image, smooth=False)
    caption(axes, "Training", detail)


def _nearest(images: NDArray[np.uint8], glyph: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return the image, out of (N, 28, 28), with the smallest squared difference to the glyph, (28, 28) in 0..1."""
    flat = images.reshape(len(images), -1).astype(np.float32) / 255
    distance = np.square(flat).sum(axis=1) - 2 * flat @ glyph.ravel()
    return np.asarray(images[int(distance.argmin())])


def _glyph(axes: Axes, steps: Steps) -> None:
    if not len(steps.glyphs):
        _nothing(axes, "Glyph", "no ink, no glyph")
        return
    _image(axes, steps.glyphs[0], smooth=False)
    caption(axes, "Glyph", "28 x 28, as the network sees it")


def _nothing(axes: Axes, title: str, detail: str) -> None:
    axes.set_axis_off()
    caption(axes, title, detail)


def _probabilities(axes: Axes, steps: Steps) -> None:
    """Draw the probabilities of the ten digits, and of none, as bars, the largest marked."""
    caption(axes, "Probabilities", "of the ten digits, and of none")
    axes.set_yticks(range(11), [*"0123456789", "none"], fontsize=8)
    axes.tick_params(axis="y", pad=2)
    axes.set_ylim(10.6, -0.6)
    axes.set_xlim(0, 1.3)
    axes.set_xticks([])
    calm(axes)
    axes.spines["bottom"].set_visible(False)
    if not len(steps.probabilities):
        return
    values = steps.probabilities[0]
    best = int(values.argmax())
    colours = [ANSWER if digit == best else OTHER for digit in range(11)]
    axes.barh(range(11), values, color=colours, height=0.72)
    for digit, value in enumerate(values):
        if value >= 0.005:
            weight = "bold" if digit == best else "normal"
            axes.text(
                value + 0.02, digit, percent(float(value)), va="center", fontsize=8.5, color=TEXT, fontweight=weight
            )
