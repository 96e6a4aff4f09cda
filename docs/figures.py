"""Draw the figures of README and docs.

    python docs/figures.py

They use only the examples in the repository and the shipped model. A copy of MNIST on this machine is ignored, so the
figures show the average images of the model's card. Some figures of the theory need more: see docs/theory.py.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import numpy as np
import road
import theory

import inkread
from inkread.drawing import draw_sheet
from inkread.figures import save_figure

HERE = Path(__file__).parent
EXAMPLES = HERE.parent / "examples"


def main() -> None:
    """Draw the steps of three examples, of a drawn page and of a page with boxes, and the figures of the theory."""
    with tempfile.TemporaryDirectory() as empty:
        os.environ["INKREAD_DATA"] = empty
        for name in ("7-shadow.jpg", "8-ruled.jpg", "5-blackboard.jpg"):
            reading = inkread.read(os.path.relpath(EXAMPLES / name))
            save_figure(reading.figure(), HERE / f"{Path(name).stem}.png")
        boxes = draw_sheet(["30 4171", "9625834"], rng=np.random.default_rng(5), ground="paper", boxes=True, slope=0.05)
        save_figure(inkread.read(boxes).figure(), HERE / "boxes.webp")
        for name, figure in road.figures().items():
            save_figure(figure, HERE / f"road-{name}.webp")
        for name, figure in theory.figures().items():
            save_figure(figure, HERE / "theory" / f"{name}.png")


if __name__ == "__main__":
    main()
