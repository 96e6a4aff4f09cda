"""Documents: the pages of PDFs, of many-page TIFFs and of animated GIF, WebP and PNG files."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NoReturn

import numpy as np
from PIL import Image

from inkread.errors import OptionError, PictureError
from inkread.options import PageRanges
from inkread.pictures.bounds import MOST_FRAMES
from inkread.pictures.opening import FilePage, Picture, check_pixels, content_of, name_of, opened, truncated
from inkread.pictures.pdf import Source, count_pdf_pages, pdf_page

MAX_PAGES = 200
"""All pages of a file are read if there are at most this many. The pages of a larger file must be chosen."""

# A PDF may begin with this many bytes of something else.
_HEAD_BYTES = 1024

_FORMATS_WITH_FRAMES = ("TIFF", "GIF", "WEBP", "PNG")
"""The formats whose frames are pages. Those of a JPEG are smaller copies, or views of the same scene."""

MOST_PAGES = MOST_FRAMES
"""A file with more pages is refused."""

# Pixels of the frames before one that is read. They take a few seconds.
_MOST_DRAWN = 500_000_000

# Files in these formats begin with one of these. Others are not opened to count their pages.
_HEADS_WITH_FRAMES = (b"II", b"MM", b"GIF8", b"RIFF", b"\x89PNG")

# The TIFF tag that tells what a frame is, and its bit for a smaller copy of another frame.
_SUBFILE_TYPE, _SMALLER_COPY = 254, 1


def pages_of(picture: Picture, ranges: PageRanges | None = None, password: str | None = None) -> list[Picture]:
    """Return pages of a picture, each of which can be read as a picture. Nothing is decoded or drawn yet.

    The pages of a file with several are named "scan.pdf#1", "scan.pdf#2" and so on. A picture with a single page is
    returned itself, or as a file if it could be read only once.

    ranges: which pages; None for all.
    password: what opens an encrypted PDF; other pictures ignore it.

    Raises `PictureError` for a PDF that cannot be opened, and without `ranges` for a file with more than `MAX_PAGES`
    pages; `OptionError` for a page that the picture does not have.
    """
    name = name_of(picture)
    if not isinstance(picture, str | os.PathLike | Image.Image | np.ndarray | FilePage):
        content = content_of(picture, name)
        picture = io.BytesIO(content)
        picture.name = name
        document = _document(content, name, password)
    else:
        source = _source_of(picture)
        document = None if source is None else _document(source, name, password)
    count = document.count if document else 1
    if ranges is None and count > MAX_PAGES:
        many = f"has {count} pages, more than the {MAX_PAGES} that are read at once"
        raise PictureError(f"{name}: {many}; choose some, as in --pages 1-{MAX_PAGES}", code="too-many-pages")
    numbers = _chosen(ranges, count, name)
    return [document.page(number) for number in numbers] if document else [picture]


def page_of(picture: Picture, name: str, page: int | None = None, password: str | None = None) -> Picture:
    """Return one page of a picture that can be read more than once, with the errors of `pages_of`.

    name: the name of the picture.
    page: which page, from 1; None for the first one, under the name of the file and without counting.
    """
    source = _source_of(picture)
    if page is not None:
        document = None if source is None else _document(source, name, password)
        _chosen(((page, page),), document.count if document else 1, name)
        return document.page(page) if document else picture
    if source is None or not _is_pdf(_head(source)):
        return picture
    first = _document(source, name, password)
    return FilePage(name, 1, first.count if first else 1, partial(pdf_page, source, 1, name, password))


def unopened(name: str, error: PictureError) -> FilePage:
    """Return a page in place of a file that cannot be opened. Reading it raises why."""

    def load(_: int | None) -> NoReturn:
        raise error

    return FilePage(name, 1, 1, load)


@dataclass(frozen=True, slots=True)
class _Document:
    """A file with pages: its name, their number, and a function that returns the loader of a page, given its name."""

    name: str
    count: int
    loading: Callable[[int, str], Callable[[int | None], tuple[Image.Image, tuple[int, int]]]]

    def page(self, number: int) -> FilePage:
        name = f"{self.name}#{number}" if self.count > 1 else self.name
        return FilePage(name, number, self.count, self.loading(number, name))


def _source_of(picture: Picture) -> Source | None:
    """Return a path or the bytes of a picture; None if it is neither, or a pipe, which can be read only once."""
    if isinstance(picture, str | os.PathLike):
        return Path(picture) if os.path.isfile(picture) else None  # noqa: PTH113 - a Path fails on a null byte
    return picture if isinstance(picture, bytes) else None


def _document(source: Source, name: str, password: str | None) -> _Document | None:
    """Return a file with pages; None for any other picture, even one that cannot be opened."""
    head = _head(source)
    if _is_pdf(head):
        count = count_pdf_pages(source, name, password)
        document = _Document(name, count, lambda number, page: partial(pdf_page, source, number, page, password))
    else:
        frames = _frames(source, name) if head.startswith(_HEADS_WITH_FRAMES) else []
        if len(frames) < 2:
            return None
        document = _Document(name, len(frames), lambda number, page: partial(_frame, source, frames[number - 1], page))
    if document.count > MOST_PAGES:
        many = f"this file has more than {MOST_PAGES:,} pages; split it"
        raise PictureError(f"{name}: {many}", code="too-many-pages")
    return document


def _head(source: Source) -> bytes:
    """Return the first bytes of a file; none if it cannot be read, since reading it tells why."""
    if isinstance(source, bytes):
        return source[:_HEAD_BYTES]
    try:
        with source.open("rb") as file:
            return file.read(_HEAD_BYTES)
    except OSError:
        return b""


def _is_pdf(head: bytes) -> bool:
    # A picture may speak of a PDF in its metadata.
    return b"%PDF-" in head and not head.startswith((*_HEADS_WITH_FRAMES, b"\xff\xd8", b"BM"))


def _frames(source: Source, name: str) -> list[int]:
    """Return which frames of a picture are pages; none if it cannot be opened, since reading it tells why."""
    found: list[int] = []
    try:
        image = opened(content_of(source, name), name)
        if image.format not in _FORMATS_WITH_FRAMES:
            return []
        if image.format != "TIFF":
            found = list(range(getattr(image, "n_frames", 1)))
        else:
            for number in range(MOST_PAGES + 1):
                image.seek(number)
                if not image.getexif().get(_SUBFILE_TYPE, 0) & _SMALLER_COPY:
                    found.append(number)
    except EOFError:
        # There are no more frames.
        pass
    except Exception:  # noqa: BLE001 - on hostile bytes Pillow's plugins raise errors of any class
        return []
    return found


def _frame(source: Source, number: int, name: str, _: int | None) -> tuple[Image.Image, tuple[int, int]]:
    """Return a frame of a picture, not yet decoded, and its size."""
    image = opened(content_of(source, name), name)
    # To show a frame, an animation draws the frames before it.
    check_pixels(image.size, name)
    if image.format != "TIFF" and number * image.size[0] * image.size[1] > _MOST_DRAWN:
        many = f"takes more than {_MOST_DRAWN // 1_000_000} megapixels of earlier pages to draw"
        raise PictureError(f"{name}: {many}; save it as a picture of its own", code="too-complex")
    try:
        image.seek(number)
    except Exception:  # noqa: BLE001 - see `_frames`
        raise truncated(name) from None
    return image, image.size


def _chosen(ranges: PageRanges | None, count: int, name: str) -> list[int]:
    """Return the numbers of the chosen pages, each once. Raises `OptionError` for a page that is not there."""
    if ranges is None:
        return list(range(1, count + 1))
    for first, last in ranges:
        if (highest := max(first, last or 0)) > count or first < 1:
            pages = f"{count} page{'s' * (count != 1)}"
            raise OptionError(f"{name}: has {pages}, and page {highest} is not one of them; pages count from 1")
    return list(dict.fromkeys(number for first, last in ranges for number in range(first, (last or count) + 1)))
