"""Saving and showing figures."""

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
    """Raise `OptionError` for a file name that no figure can be written to, before any work is done for it."""
    if path.suffix.lower() not in FORMATS:
        raise OptionError(f"{path}: a figure ends in {', '.join(FORMATS)}, as in {path.stem}.png")
    check_folder(path)


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure whole or not at all; the suffix of `path` chooses the format.

    Raises `OptionError` for a file that cannot be written.
    """
    check_figure_path(path)
    with writable(path) as temporary:
        figure.savefig(temporary, dpi=figure.dpi)


def show_figure(figure: Figure, name: str) -> Path | None:
    """Open a window with a figure and wait until it is closed; without a display, write it and return where.

    name: the file's name, without a folder, where a file is needed.
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
