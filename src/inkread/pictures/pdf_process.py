"""The process that opens PDFs with PDFium, for `inkread.pictures.pdf`. A file that keeps it busy can end only this one.

It takes requests from stdin and answers them on stdout, one after the other. A request is a line of JSON, followed by
the bytes of the file if there is no path. An answer is a line of JSON, followed by the pixels of a page. The first line
says that the process is ready.
"""

from __future__ import annotations

import contextlib
import json
import logging
import math
import os
import signal
import sys
import threading
from pathlib import Path
from queue import SimpleQueue
from typing import Any, BinaryIO

from PIL import Image
from pypdfium2 import PdfBitmap, PdfDocument, PdfImage, PdfiumError, PdfPage, raw

from inkread.geometry import reduction

DOTS_PER_INCH = 300
"""The resolution in which the boxes of a drawn page are given. It is that of most scanners."""

MAX_RENDERED_PIXELS = 40_000_000
"""A drawn page has at most this many pixels, as A2 paper has at `DOTS_PER_INCH`; larger ones get a lower resolution."""

MAX_SCAN_PIXELS = 100_000_000
"""A scanned image with more pixels is drawn like any other page. It is the limit of pictures in other files."""

_MOST_MEMORY = 4_000_000_000
"""Bytes that the process may take. A scan of `MAX_SCAN_PIXELS` takes a third of it."""

_POINTS_PER_INCH = 72

# How far the edges of a scanned image may be from those of its page, as a share of its sides. Scanners round.
_MARGIN = 0.01

_QUARTER_TURNS = {90: Image.Transpose.ROTATE_270, 180: Image.Transpose.ROTATE_180, 270: Image.Transpose.ROTATE_90}
"""How Pillow turns an image clockwise by an angle."""


def main() -> None:
    """Answer requests until stdin ends, which it does when the process that started this one ends."""
    # Ctrl-C is for the other process, which then ends this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # PDFium warns about kinds of forms that it cannot draw.
    logging.getLogger("pypdfium2").setLevel(logging.ERROR)
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (_MOST_MEMORY, _MOST_MEMORY))
    requests: SimpleQueue[tuple[dict[str, Any], bytes]] = SimpleQueue()
    threading.Thread(target=_take, args=(sys.stdin.buffer, requests), daemon=True).start()
    _send({})
    while True:
        _send(*_answer(*requests.get()))


def _send(told: dict[str, Any], pixels: bytes = b"") -> None:
    sys.stdout.buffer.write(json.dumps({**told, "bytes": len(pixels)}).encode() + b"\n" + pixels)
    sys.stdout.buffer.flush()


def _take(stream: BinaryIO, requests: SimpleQueue[tuple[dict[str, Any], bytes]]) -> None:
    """Take requests as they come. At the end of the stream, end the process, even if PDFium is at work."""
    while line := stream.readline():
        request = json.loads(line)
        requests.put((request, stream.read(request["bytes"])))
    os._exit(0)


def _answer(request: dict[str, Any], content: bytes) -> tuple[dict[str, Any], bytes]:
    """Return the number of pages of a PDF, or a page as an image, or the code of an error."""
    password, number = request["password"], request["page"]
    try:
        with PdfDocument(Path(request["path"]) if request["path"] else content, password) as document:
            # Without this, form fields are empty. It comes before the pages, or they do not know of the form.
            document.init_forms()
            if number is None:
                return {"count": len(document)}, b""
            image, full = _page_image(document[number - 1], request["pixels"])
            return {"mode": image.mode, "size": image.size, "full": full}, image.tobytes()
    except PdfiumError as error:
        return {"error": _code(error, password)}, b""
    except UnicodeEncodeError:
        return {"error": "wrong-password"}, b""
    except Exception:  # noqa: BLE001 - on hostile bytes its helpers raise errors of several classes
        return {"error": "truncated"}, b""


def _code(error: PdfiumError, password: str | None) -> str:
    if error.err_code == raw.FPDF_ERR_PASSWORD:
        return "wrong-password" if password else "encrypted"
    codes = {raw.FPDF_ERR_SECURITY: "unknown-encryption", raw.FPDF_ERR_SUCCESS: "empty"}
    return codes.get(error.err_code, "truncated")


def _page_image(page: PdfPage, pixels: int | None) -> tuple[Image.Image, tuple[int, int]]:
    """Return a page as an image with about `pixels` pixels, None for all of them, and its size with all of them."""
    if scan := _scan(page):
        size = pixels and reduction(scan.size, pixels)
        return (scan.resize(size, Image.Resampling.BOX) if size else scan), scan.size
    full = _full_size(page)
    return _drawn(page, (pixels and reduction(full, pixels)) or full), full


def _scan(page: PdfPage) -> Image.Image | None:
    """Return the image that a page consists of, upright; None if the page shows anything else.

    The text that a scanner's software lays invisibly over its images does not count.
    """
    if raw.FPDFPage_GetAnnotCount(page) or raw.FPDFPage_HasTransparency(page):
        return None
    scan = None
    for found in page.get_objects(max_depth=1):
        if isinstance(found, PdfImage) and scan is None:
            scan = found
        elif (
            found.type != raw.FPDF_PAGEOBJ_TEXT
            or raw.FPDFTextObj_GetTextRenderMode(found) != raw.FPDF_TEXTRENDERMODE_INVISIBLE
        ):
            return None
    if scan is None or math.prod(scan.get_px_size()) > MAX_SCAN_PIXELS or not _fills(scan, page):
        return None
    # An image without colours of its own is a stencil, through which the page's colour is painted.
    if scan.get_metadata().colorspace == raw.FPDF_COLORSPACE_UNKNOWN:
        return None
    image: Image.Image = scan.get_bitmap().to_pil()
    # The pixels of a grey image still belong to PDFium.
    image = image.copy() if image.mode == "L" else image.convert("RGB")
    turn = _QUARTER_TURNS.get(page.get_rotation())
    return image if turn is None else image.transpose(turn)


def _fills(image: PdfImage, page: PdfPage) -> bool:
    """Tell whether an image, neither turned nor mirrored, shows on all of a page and nowhere else."""
    across, aslant, aslope, down, _, _ = image.get_matrix().get()
    if aslant or aslope or across <= 0 or down <= 0:
        return False
    left, bottom, right, top = page.get_bbox()
    margins = (_MARGIN * (right - left), _MARGIN * (top - bottom)) * 2
    edges = zip(image.get_bounds(), (left, bottom, right, top), margins, strict=True)
    return all(abs(edge - of_page) <= margin for edge, of_page, margin in edges)


def _full_size(page: PdfPage) -> tuple[int, int]:
    """Return the size of a drawn page in pixels, at least 1 and at most `MAX_RENDERED_PIXELS`."""
    width, height = (max(1, math.ceil(side * DOTS_PER_INCH / _POINTS_PER_INCH)) for side in page.get_size())
    return reduction((width, height), MAX_RENDERED_PIXELS) or (width, height)


def _drawn(page: PdfPage, size: tuple[int, int]) -> Image.Image:
    """Return the image of a page in this size, with its annotations and filled-in fields."""
    bitmap = PdfBitmap.new_native(*size, raw.FPDFBitmap_BGR)
    bitmap.fill_rect((255, 255, 255, 255), 0, 0, *size)
    place = (bitmap, page, 0, 0, *size, 0, raw.FPDF_ANNOT)
    raw.FPDF_RenderPageBitmap(*place)
    if page.formenv:
        raw.FPDF_FFLDraw(page.formenv, *place)
    image: Image.Image = bitmap.to_pil()
    return image


if __name__ == "__main__":
    main()
