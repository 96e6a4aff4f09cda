"""The figure of one reading: every step from the picture to the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from inkread.datasets.mnist import mnist_at_hand
from inkread.figures.panels import frame, headline, show_image, show_nothing, show_probabilities
from inkread.figures.sheet import draw_sheet
from inkread.style import caption

if TYPE_CHECKING:
    from inkread.steps import Steps


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
    headline(figure, steps.reading)
    _training_image(panels[0], steps)
    height, width = steps.page.grey.shape
    show_image(panels[1], steps.page.colour)
    caption(panels[1], "Picture", f"{steps.page.size[0]} x {steps.page.size[1]} pixels, upright")
    show_image(panels[2], steps.page.grey)
    caption(panels[2], "Page", f"grey, {width} x {height}")
    show_image(panels[3], 1 - steps.ink)
    caption(panels[3], "Ink", "paper, light and colour taken away")
    for patch in steps.patches:
        for panel in panels[1:4]:
            panel.add_patch(frame(patch.box))
    _glyph(panels[4], steps)
    show_probabilities(panels[5], steps.probabilities[0] if len(steps.probabilities) else None)
    return figure


def _training_image(axes: Axes, steps: Steps) -> None:
    """Show what the network learnt this class from: its nearest training image, or the class's average."""
    if not steps.reading.digits:
        show_nothing(axes, "Training", "no class was read")
        return
    digit = steps.reading.digits[0].digit
    mnist = mnist_at_hand()
    if mnist is not None and mnist.is_original:
        images = mnist.train_images[mnist.train_labels == digit]
        image, detail = _nearest(images, steps.glyphs[0]), f"the nearest {digit} of MNIST"
    else:
        average = steps.card.average_image(digit)
        if average is None:
            show_nothing(axes, "Training", "not on the model's card")
            return
        image, detail = average, f"the average {digit} it was trained on"
    show_image(axes, image, smooth=False)
    caption(axes, "Training", detail)


def _nearest(images: NDArray[np.uint8], glyph: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return the image, out of (N, 28, 28), with the smallest squared difference to the glyph, (28, 28) in 0..1."""
    flat = images.reshape(len(images), -1).astype(np.float32) / 255
    distance = np.square(flat).sum(axis=1) - 2 * flat @ glyph.ravel()
    return np.asarray(images[int(distance.argmin())])


def _glyph(axes: Axes, steps: Steps) -> None:
    if not len(steps.glyphs):
        show_nothing(axes, "Glyph", "no ink, no glyph")
        return
    show_image(axes, steps.glyphs[0], smooth=False)
    caption(axes, "Glyph", "28 x 28, as the network sees it")
