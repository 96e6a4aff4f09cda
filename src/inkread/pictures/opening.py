"""Open: from whatever the user has to a page, upright, opaque and grey."""

from __future__ import annotations

import io
import os
import struct
import threading
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from inkread.errors import PictureError

Picture: TypeAlias = str | os.PathLike[str] | bytes | BinaryIO | Image.Image | NDArray[np.generic]

MAX_PIXELS = 100_000_000
"""Pictures with more pixels are refused before they are decoded: a small file can hold a huge picture."""

WORKING_PIXELS = 2_000_000
"""Pages are reduced to this many pixels, so that the work does not grow with the camera's sensor. A digit of a
hundredth of the page's area still spans about 140 pixels then, five times what the network sees."""

LUMINANCE = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601, the weights of Pillow's mode L

_SILENCE = threading.Lock()  # warnings are silenced for all threads at once, so by one at a time

_SUFFIXES_OF_HEIC = {".heic", ".heif", ".hif"}
_BRANDS_OF_HEIC = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}


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


def open_picture(picture: Picture, name: str | None = None) -> Page:
    """Return the page of a path, bytes, binary file, PIL image or array.

    Arrays are (H, W), (H, W, 1), (H, W, 2) grey and alpha, (H, W, 3) RGB or (H, W, 4) RGBA; bool, any integer
    type, or float. Integers span 0..255, 0..4095 or 0..65535, whichever is the smallest that holds them all;
    floats span 0..1 or 0..255 likewise. Of a file with several frames the first is taken.

    `name` is how messages speak of the picture; left out, `name_of` finds one.

    Raises `PictureError` for whatever is not a picture of 1 to `MAX_PIXELS` pixels.
    """
    name = name or name_of(picture)
    if isinstance(picture, np.ndarray):
        return _page(Image.fromarray(_eight_bits(picture, name)))
    if isinstance(picture, Image.Image):
        _check_pixels(picture.size, name)
        return _decoded(picture, name)
    with _opened(content_of(picture, name), name) as image:
        _check_pixels(image.size, name)
        full = image.size
        if reduction := _reduction(full):
            image.draft(None, reduction)  # JPEG only: decodes at 1/2, 1/4 or 1/8, many times faster
        return _decoded(image, name, full)


def name_of(picture: Picture) -> str:
    """Return the name under which messages and results speak of a picture."""
    if isinstance(picture, str | os.PathLike):
        return os.fspath(picture)
    if isinstance(picture, np.ndarray):
        return f"array{picture.shape}"
    name = getattr(picture, "filename", "") or getattr(picture, "name", "")
    return name if isinstance(name, str) and name else f"<{type(picture).__name__}>"


def content_of(picture: str | os.PathLike[str] | bytes | BinaryIO, name: str) -> bytes:
    """Return the bytes of a picture, with an error of our own where there are none."""
    if isinstance(picture, str | os.PathLike):
        content = _read_file(Path(picture), name)
    else:
        if not isinstance(picture, bytes) and not hasattr(picture, "read"):
            raise TypeError(f"a picture is a path, bytes, a binary file, a PIL image or an array, not {name}")
        content = picture if isinstance(picture, bytes) else picture.read()
    if not isinstance(content, bytes):
        raise PictureError(f"{name}: the file gives text, not bytes; open it with mode 'rb'")
    if not content:
        raise PictureError(f"{name}: the file is empty; save or copy the picture again", code="empty")
    return content


def _read_file(path: Path, name: str) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise PictureError(f"{name}: no such file; check the name and the folder", code="missing") from None
    except IsADirectoryError:
        raise PictureError(
            f"{name}: this is a folder; name the pictures in it, as in {name.rstrip(os.sep)}/*",
            code="directory",
        ) from None
    except (OSError, ValueError) as error:  # ValueError: a null byte in the name
        cause = getattr(error, "strerror", None) or str(error)
        raise PictureError(f"{name}: cannot be read ({cause}); check its permissions", code="unreadable") from None


def _opened(content: bytes, name: str) -> Image.Image:
    """Return the undecoded image: header read, pixels not yet."""
    try:
        with _SILENCE, warnings.catch_warnings():  # Pillow warns of broken EXIF and of what `_check_pixels` refuses
            warnings.simplefilter("ignore")
            return Image.open(io.BytesIO(content))
    except Image.DecompressionBombError:
        raise _too_large(name) from None
    except Exception:  # noqa: BLE001 - on hostile bytes Pillow's plugins raise errors of any class
        branded = content[4:8] == b"ftyp" and content[8:12] in _BRANDS_OF_HEIC
        if branded or Path(name).suffix.lower() in _SUFFIXES_OF_HEIC:
            return _opened_heic(content, name)
        raise PictureError(f"{name}: this is not a picture that inkread knows; save it as PNG or JPEG") from None


def _opened_heic(content: bytes, name: str) -> Image.Image:
    try:
        from pillow_heif import HeifImageFile
    except ImportError:
        raise PictureError(
            f"{name}: a HEIC picture needs the extra 'heic': pip install 'inkread[heic]'",
            code="missing-extra",
        ) from None
    try:
        image: Image.Image = HeifImageFile(io.BytesIO(content))
    except Exception:  # noqa: BLE001 - see _opened
        raise PictureError(f"{name}: the HEIC file is damaged; copy it again or save it as JPEG") from None
    return image


def _check_pixels(size: tuple[int, int], name: str) -> None:
    if size[0] * size[1] > MAX_PIXELS:
        raise _too_large(name, f"{size[0]} x {size[1]} pixels are ")
    if 0 in size:
        raise PictureError(f"{name}: the picture has no pixels; save or copy it again", code="empty")


def _too_large(name: str, what: str = "") -> PictureError:
    limit = f"over the limit of {MAX_PIXELS // 1_000_000} megapixels"
    return PictureError(f"{name}: {what}{limit}; reduce the picture first", code="too-large")


def _reduction(size: tuple[int, int]) -> tuple[int, int] | None:
    """Return the working size for a picture of `size`, or None where it is small enough already."""
    factor = (WORKING_PIXELS / (size[0] * size[1])) ** 0.5
    if factor >= 1:
        return None
    return max(1, round(size[0] * factor)), max(1, round(size[1] * factor))


def _decoded(image: Image.Image, name: str, full: tuple[int, int] | None = None) -> Page:
    """Decode `image`, turn it upright and make it opaque; `full` is its size before a JPEG draft."""
    full = full or image.size
    try:
        image.load()
        upright = _upright(image)
        if upright.mode.startswith(("I", "F")):  # 16-bit and wider; Pillow would clip them at 255
            upright = Image.fromarray(_eight_bits(np.asarray(upright), name))
        turned = (upright.size[0] > upright.size[1]) != (full[0] > full[1])
        return _page(upright, full[::-1] if turned else full)
    except (OSError, EOFError, SyntaxError, struct.error):
        raise PictureError(f"{name}: the file ends too early or is damaged; copy it again", code="truncated") from None
    except Image.DecompressionBombError:
        raise _too_large(name) from None
    except PictureError:
        raise
    except Exception as error:  # noqa: BLE001 - see _opened
        raise PictureError(f"{name}: cannot be decoded ({error}); save it as PNG or JPEG") from None


def _upright(image: Image.Image) -> Image.Image:
    """Return `image` turned as its EXIF orientation says; a broken EXIF block says nothing."""
    try:
        return ImageOps.exif_transpose(image)
    except (ArithmeticError, LookupError, OSError, SyntaxError, TypeError, ValueError, Warning, struct.error):
        return image


def _eight_bits(array: NDArray[np.generic], name: str) -> NDArray[np.uint8]:
    """Return an array of any number type as uint8 in 0..255, shape (H, W) or (H, W, 2..4)."""
    array = array[..., 0] if array.ndim == 3 and array.shape[2] == 1 else array
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (2, 3, 4)):
        raise PictureError(
            f"{name}: an array must be (H, W), (H, W, 3) or (H, W, 4), not {array.shape}", code="bad-array"
        )
    _check_pixels((array.shape[1], array.shape[0]), name)
    if array.dtype == np.uint8:
        return np.asarray(array.astype(np.uint8, copy=False))
    if array.dtype == np.bool_:
        return np.where(array, np.uint8(255), np.uint8(0))
    if array.dtype.kind not in "iuf":
        raise PictureError(f"{name}: an array must hold numbers, not {array.dtype}", code="bad-array")
    numbers = array.astype(np.float32)
    spans = (1, 255) if array.dtype.kind == "f" else (255, 4095, 65535)
    low, high = float(numbers.min()), float(numbers.max())
    span = next((span for span in spans if low >= 0 and high <= span), None)
    if span is None:  # a NaN compares false and ends here too
        ways = "0..1 or 0..255" if array.dtype.kind == "f" else "0..65535"
        raise PictureError(f"{name}: values must lie in {ways}, these lie in {low:g}..{high:g}", code="bad-array")
    return np.asarray(np.rint(numbers * (255 / span)), np.uint8)


def _page(image: Image.Image, full: tuple[int, int] | None = None) -> Page:
    """Return the page of an upright image: opaque, reduced to working size, with its best grey."""
    full = full or image.size
    if image.has_transparency_data:
        colour = _opaque(np.asarray(image.convert("RGBA")))
    else:
        colour = np.asarray(image.convert("RGB"))
    if reduction := _reduction(image.size):
        colour = np.asarray(cv2.resize(colour, reduction, interpolation=cv2.INTER_AREA), np.uint8)
    return Page(colour=colour, grey=_grey(colour), size=full)


def _opaque(rgba: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Lay a transparent picture on a ground against which what can be seen of it stands out.

    Mostly opaque pictures carry their own paper, so the ground continues it. Otherwise only strokes are there:
    dark ones get white paper, light ones black.
    """
    alpha = rgba[..., 3:].astype(np.float32) / 255
    seen = rgba[..., :3][alpha[..., 0] > 0.5]
    if 2 * len(seen) > alpha.size:
        ground = np.median(seen, axis=0)
    else:
        light = len(seen) > 0 and float((seen @ LUMINANCE).mean()) > 127
        ground = np.full(3, 0.0 if light else 255.0)
    mixed = rgba[..., :3] * alpha + ground.astype(np.float32) * (1 - alpha)
    return np.asarray(np.rint(mixed), np.uint8)


def _grey(colour: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the mix of the channels in which writing stands out, (H, W) uint8.

    Luminance loses yellow on white and red on green. What differs from its surroundings is mostly writing, so
    the channels are mixed along the principal direction of these differences; a share of luminance in them
    decides where there is little or no colour.
    """
    factor = min(1, 256 / max(colour.shape[:2]))
    height, width = (max(1, round(length * factor)) for length in colour.shape[:2])
    small = cv2.resize(colour, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32)
    difference = (small - cv2.blur(small, (31, 31))).reshape(-1, 3).astype(np.float64)
    moments = difference.T @ difference
    prior = np.outer(LUMINANCE, LUMINANCE) / (LUMINANCE @ LUMINANCE)
    mix = np.linalg.eigh(moments + 0.1 * (np.trace(moments) + 1) * prior)[1][:, -1]
    mix = mix if mix @ LUMINANCE > 0 else -mix
    low, high = 255 * mix[mix < 0].sum(), 255 * mix[mix > 0].sum()
    kernel = (mix * 255 / (high - low))[None]
    mixed = cv2.transform(colour.astype(np.float32), np.hstack([kernel, [[-low * 255 / (high - low)]]]))
    return np.asarray(np.rint(mixed), np.uint8)
