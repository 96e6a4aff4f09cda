"""Pictures of single handwritten digits with known labels."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from inkread.drawing.paper import Ground, lay_ground
from inkread.drawing.pen import LIGHT_COLOURS, draw_ink, find_pen
from inkread.drawing.strokes import Hand, Stroke, digit_strokes

# The usual pens on each ground.
_USUAL = {
    "plain": ("screen", "felt-tip", "marker"),
    "dark": ("screen", "chalk"),
    "blackboard": ("chalk",),
}
_ON_PAPER = ("ballpoint", "pencil", "felt-tip", "marker")


def draw_digit(
    digit: int,
    *,
    rng: np.random.Generator,
    size: tuple[int, int] = (400, 400),
    ground: str = "plain",
    pen: str | None = None,
    shape: str | None = None,
    hand: Hand | None = None,
    share: float = 0.6,
) -> NDArray[np.uint8]:
    """Draw a picture of one digit, `(height, width, 3)` uint8 RGB.

    size: `(height, width)`.
    ground: one of `GROUNDS`.
    pen: a key of `PENS`; None for a random one.
    shape: a key of `SHAPES[digit]`; None for a random one.
    hand: a writer; None for a random one.
    share: the digit's longer side, as an approximate share (above 0, at most 1) of the picture's shorter side. The
        digit is near the middle.
    """
    surface = lay_ground(ground, size=size, rng=rng)
    pen = pen or str(rng.choice(_USUAL.get(ground, _ON_PAPER)))
    ink = digit_ink(digit, rng=rng, size=size, pen=pen, shape=shape, hand=hand, share=share)
    return show(ink, ink_colour(pen, dark=surface.dark, rng=rng), surface, rng=rng)


def digit_ink(
    digit: int,
    *,
    rng: np.random.Generator,
    size: tuple[int, int],
    pen: str,
    shape: str | None = None,
    hand: Hand | None = None,
    share: float = 0.6,
) -> NDArray[np.float32]:
    """Return the ink of one digit, `(height, width)` float32 from 0 to 1. The parameters are as for `draw_digit`."""
    if not 0 < share <= 1:
        raise ValueError(f"the share of a digit must be above 0 and at most 1, not {share}")
    strokes = digit_strokes(digit, rng=rng, shape=shape, hand=hand)
    length = share * min(size) * rng.uniform(0.94, 1)
    width = max(1.2, length * rng.uniform(*find_pen(pen).width))
    return draw_ink(_place(strokes, size, length, rng), size=size, pen=pen, width=width, rng=rng)


def show(
    ink: NDArray[np.float32], colour: NDArray[np.float32], ground: Ground, *, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Return the picture of ink on a ground, `(height, width, 3)` uint8 RGB.

    ink: `(height, width)` float32 from 0 to 1.
    colour: the colour of the ink, `(3,)` float32 RGB from 0 to 1.
    """
    scene = (ground.paper + ink[..., None] * (colour - ground.paper)) * ground.light
    return photograph(scene, rng=rng) if ground.photographed else to_bytes(scene)


def ink_colour(pen: str, *, dark: bool, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return one of the pen's colours, `(3,)` float32 RGB from 0 to 1. It is light if the ground is dark."""
    colours = LIGHT_COLOURS if dark else find_pen(pen).colours
    return np.array(colours[rng.integers(len(colours))], np.float32) / np.float32(255)


def _place(strokes: list[Stroke], size: tuple[int, int], length: float, rng: np.random.Generator) -> list[Stroke]:
    """Scale strokes from the unit box to the picture, a little off its middle."""
    room = np.maximum(np.array(size[::-1]) - length, 0) / 2
    corner = room * (1 + np.clip(rng.normal(0, 0.25, 2), -0.6, 0.6))
    return [stroke * length + corner for stroke in strokes]


def photograph(
    scene: NDArray[np.float32], *, rng: np.random.Generator, noise: float = 0.006, quality: int = 90
) -> NDArray[np.uint8]:
    """Return the picture that a phone takes of `scene`, `(height, width, 3)` uint8 RGB.

    scene: `(height, width, 3)` float32 RGB from 0 to 1.
    noise: the standard deviation of the sensor's noise at full light.
    quality: the quality of the JPEG file, 1 to 100.
    """
    sharp = rng.uniform(0.4, 0.5 + min(scene.shape[:2]) / 1200)
    seen = cv2.GaussianBlur(scene, (0, 0), sharp)
    # Brightness is noisy from pixel to pixel. Cameras smooth the colours, so these are less noisy.
    grey = rng.standard_normal((*scene.shape[:2], 1), dtype=np.float32)
    tint = rng.standard_normal(scene.shape, dtype=np.float32)
    shake = np.sqrt(np.maximum(seen, 0.05)) * (grey + 0.3 * tint)
    return _through_jpeg(to_bytes(np.asarray(seen + noise * shake, np.float32)), quality)


def to_bytes(scene: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return values from 0 to 1 as uint8. Other values are clipped."""
    return np.asarray(np.round(np.clip(scene, 0, 1) * 255), np.uint8)


def _through_jpeg(picture: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    _, data = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)[..., ::-1].copy()
