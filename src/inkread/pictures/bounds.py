"""Bounds: what the bytes of a file say about the work it makes, found before a decoder sees them.

A small file can keep a decoder busy for minutes: with thousands of scans, millions of markers or chunks, or tables that
overlap. Pictures of cameras, scanners and programs are far from these bounds. Nothing is decoded here.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator

from PIL import Image

from inkread.errors import PictureError

MOST_MEMORY = 415_000_000
"""Bytes that decoding a picture may take: 100 megapixels in colour take 400 million.

The process takes 160 million more, and a file of 25 million, which makes 600 million together.
"""

MOST_FRAMES = 10_000
"""A file with more pages is refused, because a small file can hold millions."""

_MOST_SEGMENTS = 5000
"""Segments of a JPEG. The largest metadata of cameras has some hundred."""

_MOST_JUNK = 100_000
"""Bytes between the segments of a JPEG, which belong to none; Pillow skips them one by one."""

_MOST_SCANS = 100
"""Scans of a JPEG. Programs write ten, and each passes over all pixels."""

_MOST_STEPS = 50_000
"""Chunks of a PNG or WebP, and blocks of a GIF, besides one for each `_BYTES_PER_STEP`."""

_BYTES_PER_STEP = 512
"""The least bytes per chunk of a large file; those of a GIF have 255, others thousands."""

_MOST_ENTRIES = 300_000
"""Entries in all directories of a TIFF: 10 000 pages have 200 000."""

_MOST_STRIPS = 100_000
"""Strips or tiles of one page of a TIFF: an A3 page at 600 dots per inch has 10 000 rows."""

_MOST_SLOW_PIXELS, _MOST_SLOW_BYTES = 10_000_000, 2_000_000
"""Pixels and bytes of the kinds of BMP and PPM whose decoders are written in Python."""

_Walk = Callable[[bytes], Iterator[str]]


def check_bounds(content: bytes, name: str) -> None:
    """Raise `PictureError` for a file that keeps a decoder busy for longer than its pixels do.

    Damaged files pass: the decoder tells what is wrong with them.
    """
    for heads, walk in _WALKS:
        if content.startswith(heads):
            try:
                reason = next(walk(content), None)
            except (struct.error, IndexError):
                reason = None
            if reason:
                raise PictureError(f"{name}: {reason}; save the picture again as PNG", code="too-complex")


# Markers of JPEG that stand alone, without a length.
_ALONE = frozenset({0x01, *range(0xD0, 0xD9)})
_SCAN, _END = 0xDA, 0xD9
_BASELINE, _PROGRESSIVE = (0xC0, 0xC1), 0xC2
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}

_MARKER = re.compile(rb"\xff+([^\x00\xff])", re.DOTALL)
_MARKER_IN_SCAN = re.compile(rb"\xff+([\x01-\xcf\xd8-\xfe])", re.DOTALL)


def _walk_jpeg(content: bytes) -> Iterator[str]:
    """Yield what is wrong with a JPEG, segment by segment; see ITU-T T.81, annex B."""
    at, junk, scans, marker, parts, coefficients, progressive = 2, 0, 0, 0, 0, 0, False
    for _ in range(_MOST_SEGMENTS):
        found = (_MARKER_IN_SCAN if marker == _SCAN else _MARKER).search(content, at)
        if found is None:
            return
        junk += 0 if marker == _SCAN else found.end() - 2 - at
        if junk > _MOST_JUNK:
            yield "has much between its segments that is none"
        marker, at = found[1][0], found.end()
        if marker == _END:
            return
        if marker in _ALONE:
            continue
        (length,) = struct.unpack_from(">H", content, at)
        if marker in _FRAMES:
            height, width, parts = struct.unpack_from(">HHB", content, at + 3)
            samples = [content[at + 9 + 3 * part] for part in range(parts)]
            coefficients = _coefficients(width * height, [(sample >> 4, sample & 15) for sample in samples])
            if marker not in (*_BASELINE, _PROGRESSIVE):
                yield "is compressed in a way that no camera uses"
            progressive = marker == _PROGRESSIVE
        if marker == _SCAN:
            scans += 1
            if not progressive and content[at + 2] == parts:
                return
            if scans > _MOST_SCANS:
                yield f"has more than {_MOST_SCANS} scans"
            if coefficients > MOST_MEMORY:
                yield f"has {coefficients // 2_000_000} million values in several scans, too many to hold"
        at += length
    yield f"has more than {_MOST_SEGMENTS} segments"


def _coefficients(pixels: int, samples: list[tuple[int, int]]) -> int:
    """Return the bytes of a JPEG's coefficients, which all are in memory if it has several scans.

    samples: how densely each of its components is sampled across and down.
    """
    densities = [across * down for across, down in samples]
    return 2 * pixels * sum(densities) // max(1, *densities, 1)


def _walk_png(content: bytes) -> Iterator[str]:
    at, most = 8, _steps(content)
    for _ in range(most):
        length, kind = struct.unpack_from(">I4s", content, at)
        if kind == b"IEND":
            return
        at += 12 + length
    yield f"has more than {most} chunks"


def _walk_webp(content: bytes) -> Iterator[str]:
    """Yield what is wrong with a WebP: Pillow makes four images of its canvas, two of them as it opens it."""
    if content[8:12] != b"WEBP":
        return
    kind, about = content[12:16], content[20:30]
    if kind == b"VP8X":
        width, height = (1 + int.from_bytes(about[start : start + 3], "little") for start in (4, 7))
    elif kind == b"VP8L":
        bits = int.from_bytes(about[1:5], "little")
        width, height = 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    else:
        width, height = (side & 0x3FFF for side in struct.unpack_from("<HH", about, 6))
    if 16 * width * height > MOST_MEMORY:
        yield f"is a WebP of more than {MOST_MEMORY // 16_000_000} megapixels, which take much memory"
    at, frames, most = 12, 0, _steps(content)
    for _ in range(most):
        if at >= len(content):
            return
        kind, length = struct.unpack_from("<4sI", content, at)
        frames += kind == b"ANMF"
        if frames > MOST_FRAMES:
            yield f"has more than {MOST_FRAMES} pages"
        at += 8 + length + length % 2
    yield f"has more than {most} chunks"


_EXTENSION, _IMAGE, _TRAILER = b"!,;"


def _walk_gif(content: bytes) -> Iterator[str]:
    at, frames = 13 + _table(content[10]), 0
    most = _steps(content) + len(content) // 64
    blocks = False
    for _ in range(most):
        kind = content[at]
        if blocks:
            blocks, at = kind > 0, at + 1 + kind
        elif kind == _TRAILER:
            return
        elif kind == _EXTENSION:
            blocks, at = True, at + 2
        elif kind == _IMAGE:
            frames += 1
            if frames > MOST_FRAMES:
                yield f"has more than {MOST_FRAMES} pages"
            blocks, at = True, at + 11 + _table(content[at + 9])
        else:
            at += 1
    yield f"has more than {most} blocks"


def _table(flags: int) -> int:
    """Return the bytes of a colour table of a GIF, from the flags before it."""
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


# Bytes of a value by its type.
_SIZES = {3: 2, 4: 4, 5: 8, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_STRIP_OFFSETS, _TILE_OFFSETS = 273, 324


def _walk_tiff(content: bytes) -> Iterator[str]:
    """Yield what is wrong with the directories of a TIFF, which may overlap each other and all of the file."""
    order = "<" if content.startswith(b"II") else ">"
    large = struct.unpack_from(order + "H", content, 2)[0] == 43
    count, entry, pointer = ("Q", "HHQQ", "Q") if large else ("H", "HHII", "I")
    (at,) = struct.unpack_from(order + pointer, content, 8 if large else 4)
    entries, held = 0, 0
    seen: set[int] = set()
    while at and at not in seen and len(seen) <= MOST_FRAMES:
        seen.add(at)
        (found,) = struct.unpack_from(order + count, content, at)
        at += struct.calcsize(order + count)
        entries += found
        if entries > _MOST_ENTRIES:
            yield f"has more than {_MOST_ENTRIES} entries in its directories"
        end = at + found * struct.calcsize(order + entry)
        for tag, kind, values, _ in struct.iter_unpack(order + entry, content[at:end]):
            size = values * _SIZES.get(kind, 1)
            held += min(size, len(content))
            if tag in (_STRIP_OFFSETS, _TILE_OFFSETS) and values > _MOST_STRIPS:
                yield f"has more than {_MOST_STRIPS} strips"
        if held > 2 * len(content):
            yield "has directories that name the same bytes again and again"
        (at,) = struct.unpack_from(order + pointer, content, end)


def _walk_bmp(content: bytes) -> Iterator[str]:
    width, height = struct.unpack_from("<ii", content, 18)
    (compression,) = struct.unpack_from("<I", content, 30)
    if compression in (1, 2) and (abs(width * height) > _MOST_SLOW_PIXELS or len(content) > _MOST_SLOW_BYTES):
        yield "is a compressed BMP with many pixels"


def _walk_plain(content: bytes) -> Iterator[str]:
    if len(content) > _MOST_SLOW_BYTES:
        yield f"is a PPM in text of over {_MOST_SLOW_BYTES // 1_000_000} megabytes"


def _steps(content: bytes) -> int:
    return _MOST_STEPS + len(content) // _BYTES_PER_STEP


_WALKS: tuple[tuple[tuple[bytes, ...], _Walk], ...] = (
    ((b"\xff\xd8",), _walk_jpeg),
    ((b"\x89PNG",), _walk_png),
    ((b"RIFF",), _walk_webp),
    ((b"GIF8",), _walk_gif),
    ((b"II", b"MM"), _walk_tiff),
    ((b"BM",), _walk_bmp),
    ((b"P1", b"P2", b"P3"), _walk_plain),
)


# Bytes of a pixel in memory by mode; Pillow takes four for all modes with several channels.
_BYTES = {"1": 1, "L": 1, "P": 1}
# Bytes of a pixel that decoders take besides the image.
_BESIDE = {"WEBP": 12, "HEIF": 4}
_ROWS_PER_STRIP, _BITS = 278, 258


def check_memory(image: Image.Image, full: tuple[int, int], name: str, *, turned: bool = False) -> None:
    """Raise `PictureError` if decoding an image, and making it eight bits in grey or colour, takes too much memory.

    full: its size before a JPEG draft.
    turned: whether it will be turned upright, which copies it.
    """
    pixels, whole = image.size[0] * image.size[1], full[0] * full[1]
    stored = 2 if image.mode.startswith("I;16") else _BYTES.get(image.mode, 4)
    needed = pixels * (stored + _BESIDE.get(image.format or "", 0))
    if image.mode.startswith(("I", "F")) or image.mode == "1":
        # The image in eight bits, and its array.
        needed += 2 * pixels
    elif image.mode not in ("L", "RGB", "RGBA"):
        needed += 4 * pixels
    if image.has_transparency_data:
        # Reducing it makes a copy whose colours are multiplied by their opacity.
        needed += 4 * pixels
    if "progressive" in image.info:
        needed += _coefficients(whole, [layer[1:3] for layer in getattr(image, "layer", ())])
    if image.format == "TIFF" and any(tile[0] == "libtiff" for tile in getattr(image, "tile", ())):
        tags = getattr(image, "tag_v2", {})
        rows = min(image.size[1], tags.get(_ROWS_PER_STRIP, image.size[1]))
        needed += rows * image.size[0] * sum(tags.get(_BITS, (8,))) // 8
    needed += stored * pixels if turned else 0
    if needed > MOST_MEMORY:
        size = f"{full[0]} x {full[1]} pixels of this kind"
        limit = f"take over {MOST_MEMORY // 1_000_000} megabytes of memory"
        raise PictureError(f"{name}: {size} {limit}; reduce the picture first", code="too-large")
