"""The page: a decoded picture, upright, opaque and at working size, with the grey in which writing stands out."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inkread.geometry import Box
from inkread.quantiles import quantile

WORKING_PIXELS = 2_000_000
"""Pages are reduced to this many pixels, so that the work does not grow with the camera's sensor. A digit of a
hundredth of the page's area still spans about 140 pixels then, five times what the network sees."""

_PAPER_AND_INK = 24  # grey levels between the lightest and the darkest; strokes of one colour have fewer

LUMINANCE = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601, the weights of Pillow's mode L


@dataclass(frozen=True, slots=True)
class Page:
    """A decoded picture: upright, opaque, at working size.

    colour: (H, W, 3) uint8, RGB.
    grey: (H, W) uint8, the mix of the three channels in which the writing stands out most.
    size: width and height in pixels of the upright picture before it was reduced.
    """

    colour: NDArray[np.uint8]
    grey: NDArray[np.uint8]
    size: tuple[int, int]

    @property
    def scale(self) -> tuple[float, float]:
        """Pixels of the upright picture to one pixel of the page, along x and along y."""
        height, width = self.grey.shape
        return self.size[0] / width, self.size[1] / height

    def turned(self, turns: int) -> Page:
        """Return the page after so many quarter turns against the clock."""
        colour, grey = (np.ascontiguousarray(np.rot90(area, turns)) for area in (self.colour, self.grey))
        return Page(colour, grey, self.size[::-1] if turns % 2 else self.size)

    def upright(self, box: Box) -> Box:
        """Return a box on the page in pixels of the upright picture: the smallest whole pixels that hold it."""
        (across, down), (x, y, w, h) = self.scale, box
        left, top = int(x * across), int(y * down)
        right, bottom = (  # rounding must not carry the far edge out of the picture
            min(size, int(np.ceil(end * scale)))
            for end, scale, size in zip((x + w, y + h), self.scale, self.size, strict=True)
        )
        return Box(left, top, right - left, bottom - top)


def make_page(image: Image.Image, full: tuple[int, int] | None = None, *, pixels: int = WORKING_PIXELS) -> Page:
    """Return the page of an upright image of any mode that holds 8 bits a channel.

    full: width and height of the picture, where `image` is a reduced version of it.
    pixels: larger images are reduced to so many.
    """
    mode = "RGBA" if image.has_transparency_data else "RGB"
    reduced = image if image.mode == mode else image.convert(mode)
    if size := reduction(image.size, pixels):
        reduced = reduced.resize(size, Image.Resampling.BOX)
    colour = _opaque(np.asarray(reduced)) if mode == "RGBA" else np.asarray(reduced)
    return Page(colour=colour, grey=_grey(colour), size=full or image.size)


def reduction(size: tuple[int, int], pixels: int = WORKING_PIXELS) -> tuple[int, int] | None:
    """Return the size of so many pixels for a picture of `size`, or None where it is small enough already."""
    factor = (pixels / (size[0] * size[1])) ** 0.5
    if factor >= 1:
        return None
    return max(1, round(size[0] * factor)), max(1, round(size[1] * factor))


def _opaque(rgba: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Lay a transparent picture on a ground against which what can be seen of it stands out.

    Mostly opaque pictures with light and dark in them carry their own paper, so the ground continues it. Otherwise
    only strokes are there: dark ones get white paper, light ones black.
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
    """Return the mix of the channels in which writing stands out, (H, W) uint8.

    Luminance loses yellow on white and red on green. What differs from its surroundings is mostly writing, so
    the channels are mixed along the principal direction of these differences; a share of luminance in them
    decides where there is little or no colour.
    """
    if _is_grey(colour):  # whatever the mix, it is that grey again
        return np.ascontiguousarray(colour[..., 0])
    factor = min(1, 256 / max(colour.shape[:2]))
    height, width = (max(1, round(length * factor)) for length in colour.shape[:2])
    small = cv2.resize(colour, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32)
    difference = (small - cv2.blur(small, (31, 31))).reshape(-1, 3).T.astype(np.float64, order="C")
    moments = np.einsum("ik,jk", difference, difference)  # `@` would wake a thread on every core for this
    prior = np.outer(LUMINANCE, LUMINANCE) / (LUMINANCE @ LUMINANCE)
    mix = np.linalg.eigh(moments + 0.1 * (np.trace(moments) + 1) * prior)[1][:, -1]
    mix = mix if mix @ LUMINANCE > 0 else -mix
    low, high = 255 * mix[mix < 0].sum(), 255 * mix[mix > 0].sum()
    kernel = (mix * 255 / (high - low))[None]
    return np.asarray(cv2.transform(colour, np.hstack([kernel, [[-low * 255 / (high - low)]]])), np.uint8)


def _is_grey(colour: NDArray[np.uint8]) -> bool:
    """Tell whether the three channels are alike all over a page."""
    red, green, blue = (colour[..., channel] for channel in range(3))
    return bool((red[0] == green[0]).all()) and np.array_equal(red, green) and np.array_equal(green, blue)
