"""A recipe of the detector that takes seconds."""

from __future__ import annotations

from dataclasses import replace

from inkread.training import DETECTOR

REDUCED = replace(
    DETECTOR, widths=(8, 8, 12, 16), blocks=(0, 1, 0), learning_rate=5e-3, epochs=2, steps_per_epoch=15, batch=3,
    again=1, kept=1, precision="float32",
)  # fmt: skip
