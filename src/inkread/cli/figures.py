"""Figures at the command line: saved, shown, or both."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def hand_over(figure: Figure, path: Path | None, *, show: bool, name: str) -> None:
    """Save a figure where a path is given, and show it if asked: without a display in a file of this name."""
    from inkread.figures.saving import save_figure, show_figure

    if path is not None:
        save_figure(figure, path)
    if show and (shown := show_figure(figure, name)):
        print(f"inkread: there is no display; the figure is in {shown}", file=sys.stderr)
