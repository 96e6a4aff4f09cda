"""The page: a decoded picture, upright, opaque and at working size, with the grey that shows writing best."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inkread.geometry import Box, reduction
from inkread.quantiles import quantile

WORKING_PIXELS = 2_000_000
"""Pages are reduced to this many pixels, so that the work does not grow with the camera's resolution. A digit with a
hundredth of the page's area is still about 140 pixels wide, five times a glyph."""

# A grey picture with more pixels is reduced before it becomes colour, which takes a quarter of the memory. The C
# library keeps more of the memory of several smaller ones.
_LARGE_GREY = 40_000_000

# Grey levels between the lightest and the darkest pixel. Strokes of a single colour have fewer.
_PAPER_AND_INK = 24

LUMINANCE = np.array([0.299, 0.587, 0.114])
"""The share of red, green and blue in luminance (ITU-R BT.601), as in Pillow's mode L."""


@dataclass(frozen=True, slots=True)
class Page:
    """A decoded picture: upright, opaque, at working size.

    colour: (H, W, 3) uint8, RGB.
    grey: (H, W) uint8, the mix of the three channels that shows the writing best.
    size: width and height of the page in pixels of the upright picture, before it was reduced.
    corner: where the page's left upper corner is in the upright picture, if it is only a region of it.
    """

    colour: NDArray[np.uint8] = field(repr=False)
    grey: NDArray[np.uint8] = field(repr=False)
    size: tuple[int, int]
    corner: tuple[int, int] = (0, 0)

    @property
    def scale(self) -> tuple[float, float]:
        """Pixels of the upright picture per pixel of the page, along x and along y."""
        height, width = self.grey.shape
        return self.size[0] / width, self.size[1] / height

    def turned(self, turns: int) -> Page:
        """Return the page after a number of counter-clockwise quarter turns; a region is turned alone."""
        colour, grey = (np.ascontiguousarray(np.rot90(area, turns)) for area in (self.colour, self.grey))
        return Page(colour, grey, self.size[::-1] if turns % 2 else self.size, self.corner)

    def upright(self, box: Box) -> Box:
        """Return a box of the page in pixels of the upright picture: the smallest whole pixels that contain it."""
        (across, down), (x, y, w, h) = self.scale, box
        left, top = int(x * across), int(y * down)
        # Rounding must not move the far edges outside the picture.
        right, bottom = (
            min(size, int(np.ceil(end * scale)))
            for end, scale, size in zip((x + w, y + h), self.scale, self.size, strict=True)
        )
        return Box(self.corner[0] + left, self.corner[1] + top, right - left, bottom - top)

    def located(self, box: Box) -> tuple[float, float, float, float]:
        """Return where a box of the upright picture is on the page: left, top, width and height in its pixels.

        The inverse of `upright`, except for its rounding to whole pixels.
        """
        (across, down), (left, top), (x, y, w, h) = self.scale, self.corner, box
        return (x - left) / across, (y - top) / down, w / across, h / down


def make_page(image: Image.Image, full: tuple[int, int] | None = None, *, pixels: int = WORKING_PIXELS) -> Page:
    """Return the page of an upright image of any mode with 8 bits per channel.

    full: width and height of the picture, if `image` is a reduced version of it.
    pixels: larger images are reduced to this number of pixels.
    """
    mode = "RGBA" if image.has_transparency_data else "RGB"
    large = image.mode in ("L", "1") and mode == "RGB" and image.size[0] * image.size[1] > _LARGE_GREY
    reduced = image.convert("L" if large else mode) if image.mode != mode else image
    if size := reduction(image.size, pixels):
        reduced = reduced.resize(size, Image.Resampling.BOX)
    if large:
        reduced = reduced.convert(mode)
    colour = _opaque(np.asarray(reduced)) if mode == "RGBA" else np.asarray(reduced)
    return Page(colour=colour, grey=_grey(colour), size=full or image.size)


def _opaque(rgba: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Put a transparent picture on a background on which its visible part stands out.

    A mostly opaque picture with light and dark pixels contains its paper, so the background continues the paper.
    Otherwise there are only strokes: dark ones get a white background, light ones a black one.
    """
    alpha = rgba[..., 3:].astype(np.float32) / 255
    light = rgba[..., :3] @ LUMINANCE
    seen = alpha[..., 0] > 0.5
    if 2 * seen.sum() > seen.size and quantile(light[seen], 0.98) - quantile(light[seen], 0.02) > _PAPER_AND_INK:
        ground = np.median(rgba[seen][:, :3], axis=0)
    else:
        mean = (light * alpha[..., 0]).sum() / max(float(alpha.sum()), 1e-6)
        ground = np.full(3, 0.0 if mean > 127 else 255.0)
    mixed = rgba[..., :3] * alpha + ground.astype(np.float32) * (1 - alpha)
    return np.asarray(np.rint(mixed), np.uint8)


def _grey(colour: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the mix of the channels that shows writing best, (H, W) uint8.

    Luminance loses yellow on white and red on green. Pixels that differ from their surroundings are mostly writing, so
    the channels are mixed along the principal direction of these differences. A share of luminance is added; it decides
    where there is little or no colour.
    """
    # Every mix of three equal channels is the same grey.
    if _is_grey(colour):
        return np.ascontiguousarray(colour[..., 0])
    factor = min(1, 256 / max(colour.shape[:2]))
    height, width = (max(1, round(length * factor)) for length in colour.shape[:2])
    small = cv2.resize(colour, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32)
    difference = (small - cv2.blur(small, (31, 31))).reshape(-1, 3).T.astype(np.float64, order="C")
    # `@` would start a thread on every core for this.
    moments = np.einsum("ik,jk", difference, difference)
    prior = np.outer(LUMINANCE, LUMINANCE) / (LUMINANCE @ LUMINANCE)
    mix = np.linalg.eigh(moments + 0.1 * (np.trace(moments) + 1) * prior)[1][:, -1]
    mix = mix if mix @ LUMINANCE > 0 else -mix
    low, high = 255 * mix[mix < 0].sum(), 255 * mix[mix > 0].sum()
    kernel = (mix * 255 / (high - low))[None]
    return np.asarray(cv2.transform(colour, np.hstack([kernel, [[-low * 255 / (high - low)]]])), np.uint8)


def _is_grey(colour: NDArray[np.uint8]) -> bool:
    """Tell whether the three channels are equal everywhere on a page."""
    red, green, blue = (colour[..., channel] for channel in range(3))
    return bool((red[0] == green[0]).all()) and np.array_equal(red, green) and np.array_equal(green, blue)
