"""Draw the figures of README and docs anew.

    python docs/figures.py

Only from our own examples and the shipped model: whatever MNIST lies on this machine is left out of them, so that the
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
from inkread.figures.saving import save_figure

HERE = Path(__file__).parent
EXAMPLES = HERE.parent / "examples"


def main() -> None:
    """Draw the steps of three examples and of a drawn page, the digits of one with boxes, and those of the theory."""
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
