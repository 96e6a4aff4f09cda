"""Panels that several figures share: images, frames, probabilities and the headline."""

from __future__ import annotations

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.offsetbox import AnnotationBbox, HPacker, TextArea
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray

from inkread.pictures.page import Page
from inkread.readings import Reading
from inkread.style import ANSWER, LINE, OTHER, QUIET, TEXT, WARNING, calm, caption, percent

Image = NDArray[np.uint8] | NDArray[np.float32]


def headline(
    figure: Figure, reading: Reading, y: float = 0.9, *, said: tuple[str, str] | None = None, more: str = ""
) -> None:
    """Draw the headline of a figure, with answer, remark and the picture's name.

    y: the height of the headline, as a fraction of the figure.
    said: answer and remark for a part of the reading; None for those of the whole reading. A refusal replaces both.
    more: what the remark ends with, even if the reading was refused.
    """
    if reading.refused:
        answer, remark, colour = "not read", reading.refused.message, WARNING
    else:
        answer, remark = said or (reading.text, f"{percent(reading.confidence or 0)} sure")
        colour = ANSWER
    name = reading.picture if len(reading.picture) <= 60 else f"...{reading.picture[-57:]}"
    texts: list[Artist] = [
        TextArea(answer, textprops={"fontsize": 26, "fontweight": "bold", "color": colour}),
        TextArea(remark + more, textprops={"fontsize": 13, "color": TEXT, "parse_math": False}),
    ]
    line = HPacker(children=texts, align="baseline", pad=0, sep=14)
    figure.add_artist(
        AnnotationBbox(line, (0.02, y), xycoords="figure fraction", box_alignment=(0, 0.5), frameon=False)
    )
    figure.text(0.985, y, name, fontsize=10, color=QUIET, va="center", ha="right", parse_math=False)


def show_image(axes: Axes, image: Image, *, smooth: bool = True) -> None:
    """Show a grey or colour image in a thin frame. Floats are 0..1, with 1 for white."""
    top = 255 if image.dtype == np.uint8 else 1
    axes.imshow(image, cmap="gray", vmin=0, vmax=top, interpolation="antialiased" if smooth else "nearest")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_anchor("NW")
    axes.spines[:].set_color(LINE)


FEW_UNREAD = 12
"""The largest number of places that were not read whose reasons are written beside them."""


def unread_remark(reading: Reading) -> str:
    """Return the end of a remark, such as "; 3 places not read"; empty if everything was read."""
    count = len(reading.unread)
    return f"; {count} place{'s' * (count != 1)} not read" if count else ""


def show_unread(axes: Axes, reading: Reading, page: Page, *, labels: bool = True) -> None:
    """Draw a dashed outline around each place that was not read, on axes that show the page.

    labels: whether the reasons are written below the outlines, if they are few.
    """
    for place in reading.unread:
        x, y, w, h = page.located(place.box)
        # The light rim keeps the dashes visible on dark pictures.
        rim = [withStroke(linewidth=2.2, foreground="white", alpha=0.7)]
        dashed = (0, (4, 2.5))
        axes.add_patch(
            Rectangle(
                (x - 2, y - 2),
                w + 4,
                h + 4,
                fill=False,
                edgecolor=QUIET,
                linewidth=0.9,
                linestyle=dashed,
                path_effects=rim,
            )
        )
        if labels and len(reading.unread) <= FEW_UNREAD:
            axes.annotate(
                place.reason,
                (x - 2, y + h + 2),
                (0, -2),
                textcoords="offset points",
                fontsize=7.5,
                color=QUIET,
                va="top",
                path_effects=rim,
            )


def frame(box: tuple[int, int, int, int]) -> Rectangle:
    """Return a frame around a box of left and top edge, width and height, in pixels of the image."""
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


def show_nothing(axes: Axes, title: str, detail: str) -> None:
    """Show a text in place of a missing image."""
    axes.set_axis_off()
    caption(axes, title, detail)


def show_probabilities(axes: Axes, values: NDArray[np.float32] | None) -> None:
    """Draw the probabilities, (11,), of the ten digits and of a non-digit as bars. The largest is highlighted."""
    caption(axes, "Probabilities", "of the ten digits and of anything else")
    axes.set_yticks(range(11), [*"0123456789", "other"], fontsize=8)
    axes.tick_params(axis="y", pad=2)
    axes.set_ylim(10.6, -0.6)
    axes.set_xlim(0, 1.3)
    axes.set_xticks([])
    calm(axes)
    axes.spines["bottom"].set_visible(False)
    if values is None:
        return
    best = int(values.argmax())
    colours = [ANSWER if digit == best else OTHER for digit in range(11)]
    axes.barh(range(11), values, color=colours, height=0.72)
    for digit, value in enumerate(values):
        if value >= 0.005:
            weight = "bold" if digit == best else "normal"
            axes.text(
                value + 0.02, digit, percent(float(value)), va="center", fontsize=8.5, color=TEXT, fontweight=weight
            )
