"""The look that all figures share."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TEXT = "#1f2933"
QUIET = "#7b8794"
LINE = "#cbd2d9"
ANSWER = "#0b7285"
OTHER = "#c5d5d9"
WARNING = "#d9480f"

SURE = 0.9
"""Digits with a smaller confidence are marked."""


def percent(probability: float) -> str:
    """Return a probability as text; never 0% or 100%, since nothing is certain or impossible."""
    if probability < 0.0005:
        return "< 0.1%"
    return "> 99.9%" if probability >= 0.9995 else f"{probability:.1%}"


def calm(axes: Axes) -> None:
    """Hide the parts of an axes' frame that carry no meaning."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(LINE)
    axes.tick_params(colors=QUIET, labelcolor=TEXT, length=0)


def caption(axes: Axes, title: str, detail: str = "") -> None:
    """Give a panel a title and, in smaller type below it, a detail."""
    axes.set_title(title, fontsize=11, color=TEXT, loc="left", pad=22, fontweight="bold")
    axes.annotate(
        detail,
        (0, 1),
        (0, 8),
        xycoords="axes fraction",
        textcoords="offset points",
        fontsize=8.5,
        color=QUIET,
    )
