"""Opening: from a path, bytes, an image or an array to a page, upright, opaque and grey."""

from __future__ import annotations

import io
import os
import struct
import threading
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps

from inkread.errors import PictureError, way_to_install
from inkread.geometry import Box, reduction
from inkread.pictures.bounds import check_bounds, check_memory
from inkread.pictures.page import WORKING_PIXELS, Page, make_page
from inkread.system import silence_libtiff


@dataclass(frozen=True, slots=True)
class FilePage:
    """One page of a file with several pages or of a PDF; `inkread.pictures.documents` makes them.

    name: the name of the page, such as "scan.pdf#2".
    number: which page of the file it is, from 1.
    of: how many pages the file has.
    load: a function that returns the page's image, and the size of the page as a picture in pixels. Its argument is the
        number of pixels that suffice, None for all; the image may have more pixels. Raises `PictureError`.
    """

    name: str
    number: int
    of: int
    load: Callable[[int | None], tuple[Image.Image, tuple[int, int]]]


Picture: TypeAlias = str | os.PathLike[str] | bytes | BinaryIO | Image.Image | NDArray[np.generic] | FilePage

MAX_PIXELS = 100_000_000
"""Pictures with more pixels are refused before they are decoded, because a small file can hold a huge picture."""

MAX_BYTES = 1_000_000_000
"""At most this many bytes of a file are read: 100 megapixels of the widest pixels take fewer."""

JPEG_2000 = "INKREAD_JPEG2000"
"""The environment variable that has JPEG 2000 read where it is 1. Nobody photographs in it, and a file of one kilobyte
takes two gigabytes to decode."""

FORMATS = (
    "JPEG",
    "PNG",
    "WEBP",
    "GIF",
    "TIFF",
    "BMP",
    "PPM",
    *(["JPEG2000"] if os.environ.get(JPEG_2000) == "1" else []),
)
"""The formats that Pillow may decode. Its other decoders are rarely used, and one (EPS) starts another program."""

# The first bytes of JPEG, PNG, GIF and TIFF files.
_HEADS = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"II*\0", b"MM\0*")

_HEADS_OF_JPEG_2000 = (b"\xff\x4f\xff\x51", b"\0\0\0\x0cjP  ")

# Python silences warnings for all threads at once, so one thread at a time may do it.
_SILENCE = threading.Lock()

_SUFFIXES_OF_HEIC = {".heic", ".heif", ".hif"}
_BRANDS_OF_HEIC = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}


def open_picture(
    picture: Picture, name: str | None = None, *, pixels: int = WORKING_PIXELS, region: Box | None = None
) -> Page:
    """Return the page of a path, bytes, binary file, PIL image or array.

    Arrays are (H, W), (H, W, 1), (H, W, 2) grey and alpha, (H, W, 3) RGB or (H, W, 4) RGBA; bool, any integer
    type, or float. Integers span the smallest of 0..1, 0..255, 0..4095 and 0..65535 that holds them all; floats span
    0..1 or 0..255 in the same way. Of a file with several frames, the first is used; see `inkread.pictures.documents`.

    name: the picture's name in messages; None for that of `name_of`.
    pixels: larger pictures are reduced to this number of pixels.
    region: the part of the upright picture that the page shows; None for all of it.

    Raises `PictureError` for anything other than a picture of 1 to `MAX_PIXELS` pixels, and for a region outside it.
    """
    name = name or name_of(picture)
    if isinstance(picture, np.ndarray):
        check_pixels((picture.size, 1) if picture.ndim < 2 else picture.shape[1::-1], name)
        return _page(Image.fromarray(eight_bits(picture, name)), None, name, pixels, region)
    if isinstance(picture, Image.Image):
        check_pixels(picture.size, name)
        return _decoded(picture, name, pixels=pixels, region=region)
    if isinstance(picture, FilePage):
        image, full = picture.load(pixels if region is None else None)
        check_pixels(full, name)
        return _decoded(image, name, full, pixels=pixels, region=region)
    with opened(content_of(picture, name), name) as image:
        check_pixels(image.size, name)
        full = image.size
        if region is None and (size := reduction(full, pixels)):
            # A JPEG is decoded at 1/2, 1/4 or 1/8 of its size, which is many times faster; other formats are not.
            image.draft(None, size)
        return _decoded(image, name, full, pixels=pixels, region=region)


def name_of(picture: Picture) -> str:
    """Return the name of a picture for messages and results."""
    if isinstance(picture, str | os.PathLike):
        return os.fspath(picture)
    if isinstance(picture, np.ndarray):
        return f"array{picture.shape}"
    name = getattr(picture, "filename", "") or getattr(picture, "name", "")
    return name if isinstance(name, str) and name else f"<{type(picture).__name__}>"


def content_of(picture: str | os.PathLike[str] | bytes | BinaryIO, name: str) -> bytes:
    """Return the bytes of a picture. Raises `PictureError` if there are none."""
    if isinstance(picture, str | os.PathLike):
        content = _read_file(Path(picture), name)
    else:
        if not isinstance(picture, bytes | bytearray | memoryview) and not hasattr(picture, "read"):
            raise TypeError(f"a picture is a path, bytes, a binary file, a PIL image or an array, not {name}")
        content = picture.read() if hasattr(picture, "read") else bytes(picture)
    if not isinstance(content, bytes):
        raise PictureError(f"{name}: the file gives text, not bytes; open it with mode 'rb'")
    if not content:
        raise PictureError(f"{name}: the file is empty; save or copy the picture again", code="empty")
    if len(content) > MAX_BYTES:
        raise too_large(name, f"over {MAX_BYTES // 1_000_000} megabytes and certainly ")
    return content


def _read_file(path: Path, name: str) -> bytes:
    if not name:
        raise PictureError("a picture has no name; check the command line for empty quotes", code="missing")
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise PictureError(f"{name}: {why_missing(name)}", code="missing") from None
    except IsADirectoryError:
        raise PictureError(
            f"{name}: this is a folder; name the pictures in it, as in {name.rstrip(os.sep)}/*",
            code="directory",
        ) from None
    except (OSError, ValueError) as error:
        # A null byte in the name raises ValueError.
        cause = getattr(error, "strerror", None) or str(error)
        raise PictureError(f"{name}: cannot be read ({cause}); check its permissions", code="unreadable") from None
    except MemoryError:
        raise too_large(name, "with more bytes than there is memory ") from None
    return content


def why_missing(name: str) -> str:
    """Return why there is no file with this name, and what to do."""
    # Imported late, since most pictures are there.
    import glob

    if "://" in name:
        return "is an address, not a file; download the picture and name the downloaded file"
    if not glob.has_magic(name):
        return "no such file; check the name and the folder"
    if not any(glob.iglob(name)):  # noqa: PTH207 - Path.glob takes no absolute pattern
        return "no file matches this pattern; check the folder and the ending"
    return "is a pattern, not a file; write it without quotes, so that the shell lists the files"


def opened(content: bytes, name: str) -> Image.Image:
    """Return the image with its header read but its pixels not yet decoded."""
    check_bounds(content, name)
    # Pillow warns about broken EXIF, and about sizes that `check_pixels` refuses.
    try:
        with _SILENCE, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return Image.open(io.BytesIO(content), formats=FORMATS)
    except Image.DecompressionBombError:
        raise too_large(name) from None
    except Exception:  # noqa: BLE001 - on hostile bytes Pillow's plugins raise errors of any class
        branded = content[4:8] == b"ftyp" and content[8:12] in _BRANDS_OF_HEIC
        if branded or Path(name).suffix.lower() in _SUFFIXES_OF_HEIC:
            return _opened_heic(content, name)
        if content.startswith(_HEADS_OF_JPEG_2000) and "JPEG2000" not in FORMATS:
            raise PictureError(
                f"{name}: is a JPEG 2000, which is read only with {JPEG_2000}=1 in the environment; save it as PNG"
            ) from None
        if content.startswith(_HEADS) or content[8:12] == b"WEBP":
            raise truncated(name) from None
        raise PictureError(f"{name}: this is not a picture that inkread knows; save it as PNG or JPEG") from None


def _opened_heic(content: bytes, name: str) -> Image.Image:
    try:
        from pillow_heif import HeifImageFile
    except ImportError:
        raise PictureError(
            f"{name}: a HEIC picture needs the extra 'heic': {way_to_install('heic')}",
            code="missing-extra",
        ) from None
    try:
        image: Image.Image = HeifImageFile(io.BytesIO(content))
    except Exception:  # noqa: BLE001 - see `opened`
        raise truncated(name) from None
    return image


def check_pixels(size: tuple[int, int], name: str) -> None:
    """Raise `PictureError` for a size in pixels that is not read."""
    if size[0] * size[1] > MAX_PIXELS:
        raise too_large(name, f"{size[0]} x {size[1]} pixels are ")
    if 0 in size:
        raise PictureError(f"{name}: the picture has no pixels; save or copy it again", code="empty")


def truncated(name: str) -> PictureError:
    """Return the error for a file that ends too early or is damaged."""
    return PictureError(f"{name}: the file ends too early or is damaged; copy it again", code="truncated")


def too_large(name: str, what: str = "") -> PictureError:
    """Return the error for a picture with too many pixels; `what` has them."""
    limit = f"over the limit of {MAX_PIXELS // 1_000_000} megapixels"
    return PictureError(f"{name}: {what}{limit}; reduce the picture first", code="too-large")


def _decoded(
    image: Image.Image, name: str, full: tuple[int, int] | None = None, *, pixels: int, region: Box | None
) -> Page:
    """Decode an image, turn it upright and make it opaque. `full` is its size before a JPEG draft."""
    full = full or image.size
    try:
        if image.format == "TIFF":
            from PIL import _imaging

            silence_libtiff(_imaging.__file__)
        check_memory(image, full, name)
        image.load()
        check_memory(image, full, name, turned=_is_turned(image))
        upright = _upright(image)
        # Pillow would clip values of 16 bits and more at 255.
        if upright.mode.startswith(("I", "F")):
            upright = _eight_bit_image(upright, name)
        turned = (upright.size[0] > upright.size[1]) != (full[0] > full[1])
        return _page(upright, full[::-1] if turned else full, name, pixels, region)
    except (OSError, EOFError, SyntaxError, struct.error):
        raise truncated(name) from None
    except Image.DecompressionBombError:
        raise too_large(name) from None
    except PictureError:
        raise
    except Exception as error:  # noqa: BLE001 - see `opened`
        raise PictureError(f"{name}: cannot be decoded ({error}); save it as PNG or JPEG") from None


def _page(image: Image.Image, full: tuple[int, int] | None, name: str, pixels: int, region: Box | None) -> Page:
    """Return the page of an upright image, or of a region of it."""
    if region is None:
        return make_page(image, full, pixels=pixels)
    (width, height), (x, y, w, h) = image.size, region
    if x + w > width or y + h > height:
        raise PictureError(
            f"{name}: the region {x},{y},{w},{h} does not lie inside this picture of {width} x {height} pixels; "
            "choose a smaller one",
            code="bad-region",
        )
    return replace(make_page(image.crop((x, y, x + w, y + h)), pixels=pixels), corner=(x, y))


_BROKEN_EXIF = (ArithmeticError, LookupError, OSError, SyntaxError, TypeError, ValueError, Warning, struct.error)


def _upright(image: Image.Image) -> Image.Image:
    """Return an image turned as its EXIF orientation says. A broken EXIF block is ignored."""
    try:
        # `exif_transpose` copies even an image that is upright already.
        return ImageOps.exif_transpose(image) if _is_turned(image) else image
    except _BROKEN_EXIF:
        return image


def _is_turned(image: Image.Image) -> bool:
    try:
        return bool(image.getexif().get(ExifTags.Base.Orientation, 1) != 1)
    except _BROKEN_EXIF:
        return False


# How far floats may lie outside their span, as a share of it. Cubic resizing overshoots.
_ROUNDING = 1e-3


def eight_bits(array: NDArray[np.generic], name: str) -> NDArray[np.uint8]:
    """Return an array of any number type as uint8 in 0..255, shape (H, W) or (H, W, 2..4).

    Integers span 0..1, 0..255, 0..4095 or 0..65535 and floats 0..1 or 0..255: the smallest span that holds them all.
    Raises `PictureError`, which names `name`, for other shapes, types and values.
    """
    array = array[..., 0] if array.ndim == 3 and array.shape[2] == 1 else array
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (2, 3, 4)):
        shapes = "(H, W), (H, W, 2), (H, W, 3) or (H, W, 4)"
        raise PictureError(f"{name}: an array must be {shapes}, not {array.shape}", code="bad-array")
    if array.size == 0:
        raise PictureError(f"{name}: the array holds no pixels; give one with height and width", code="empty")
    if array.dtype.kind not in "biuf":
        raise PictureError(f"{name}: an array must hold numbers, not {array.dtype}", code="bad-array")
    span = _span([array], name)
    if array.dtype == np.uint8 and span == 255:
        return np.asarray(array, np.uint8)
    return _scaled(array, span)


# Pixels of an image with 16 bits and more that are converted at a time.
_STRIP = 1_000_000


def _eight_bit_image(image: Image.Image, name: str) -> Image.Image:
    """Return the same as `eight_bits` of an image with one channel, strip by strip, which saves much memory."""
    width, height = image.size
    rows = max(1, _STRIP // width)
    boxes = [(0, top, width, min(height, top + rows)) for top in range(0, height, rows)]
    span = _span((np.asarray(image.crop(box)) for box in boxes), name)
    grey = Image.new("L", image.size)
    for box in boxes:
        grey.paste(Image.fromarray(_scaled(np.asarray(image.crop(box)), span)), box)
    return grey


def _scaled(array: NDArray[np.generic], span: int) -> NDArray[np.uint8]:
    return np.asarray(np.rint(np.clip(array.astype(np.float32) * (255 / span), 0, 255)), np.uint8)


def _span(arrays: Iterable[NDArray[np.generic]], name: str) -> int:
    """Return the largest value that the numbers of arrays of one type can have."""
    real, ends = False, []
    for array in arrays:
        real = array.dtype.kind == "f"
        ends.append((float(array.min()), float(array.max())))
    slack = _ROUNDING if real else 0.0
    # Other than Python's own, these know NaN.
    low, high = float(np.min(ends)), float(np.max(ends))
    for span in (1, 255) if real else (1, 255, 4095, 65535):
        if -slack * span <= low and high <= (1 + slack) * span:
            return span
    # A NaN fits no span.
    ways = "0..1 or 0..255" if real else "0..65535"
    raise PictureError(f"{name}: values must lie in {ways}, these lie in {low:g}..{high:g}", code="bad-array")
