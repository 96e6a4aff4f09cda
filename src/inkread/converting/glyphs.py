"""Real glyphs with labels, on which two models are compared."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inkread.datasets.mnist import mnist_at_hand
from inkread.drawing import digit_ink
from inkread.glyphs import normalise

IMAGES, DRAWINGS = 1000, 300


@dataclass(frozen=True, slots=True, eq=False)
class Glyphs:
    """Glyphs, (N, 28, 28) float32 in 0..1, their digits, (N,) uint8, and what they are, in words."""

    glyphs: NDArray[np.float32]
    labels: NDArray[np.uint8]
    what: str


def glyphs_at_hand() -> Glyphs:
    """Return 1000 of MNIST's last training images where MNIST lies on this machine, and else 300 drawn digits."""
    mnist = mnist_at_hand()
    if mnist is not None and len(mnist.train_images) >= IMAGES:
        images = np.asarray(mnist.train_images[-IMAGES:] / np.float32(255), np.float32)
        return Glyphs(images, mnist.train_labels[-IMAGES:], f"{IMAGES} images of MNIST")
    rng = np.random.default_rng(0)
    labels = np.arange(DRAWINGS, dtype=np.uint8) % 10
    inks = [digit_ink(int(label), rng=rng, size=(80, 80), pen="felt-tip") for label in labels]
    return Glyphs(normalise(inks), labels, f"{DRAWINGS} drawn digits")
