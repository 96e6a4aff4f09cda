"""Figures: drawn with matplotlib, which is imported only when a figure is asked for. Here they are saved and shown."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from inkread.errors import OptionError
from inkread.files import check_folder, writable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = (".jpg", ".pdf", ".png", ".svg", ".webp")


def check_figure_path(path: Path) -> None:
    """Raise `OptionError` if a figure cannot be written to this path. Called before any work is done."""
    if path.suffix.lower() not in FORMATS:
        raise OptionError(f"{path}: the name of a figure ends in {', '.join(FORMATS)}, as in {path.stem}.png")
    check_folder(path)


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure completely or not at all. The suffix of `path` sets the format.

    Raises `OptionError` for a file that cannot be written.
    """
    check_figure_path(path)
    with writable(path) as temporary:
        figure.savefig(temporary, dpi=figure.dpi)


def show_figure(figure: Figure, name: str) -> Path | None:
    """Open a window with a figure and wait until it is closed. Without a display, save the figure and return its path.

    name: the name of that file, without a folder.
    """
    import matplotlib
    from matplotlib import pyplot
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.backends.registry import BackendFilter, backend_registry

    windows = backend_registry.list_builtin(BackendFilter.INTERACTIVE)  # type: ignore[no-untyped-call]
    if matplotlib.get_backend().lower() not in windows:
        path = Path(tempfile.mkdtemp(prefix="inkread-")) / name
        save_figure(figure, path)
        return path
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # type: ignore[no-untyped-call]
    window = pyplot.figure(name, figsize=figure.get_size_inches(), dpi=figure.dpi)
    pixels = np.asarray(canvas.buffer_rgba())  # type: ignore[no-untyped-call]
    window.figimage(pixels)
    pyplot.show()
    return None
