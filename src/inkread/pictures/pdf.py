"""PDF files: how many pages one has, and a page as an image. Needs the extra 'pdf'."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from PIL import Image

from inkread.errors import PictureError, way_to_install
from inkread.pictures.opening import MAX_PIXELS, truncated
from inkread.pictures.page import reduction

if TYPE_CHECKING:
    import pypdfium2

Source: TypeAlias = Path | bytes

DOTS_PER_INCH = 300
"""The resolution in which the boxes of a drawn page are given. It is that of most scanners."""

MAX_RENDERED_PIXELS = 40_000_000
"""A drawn page has at most this many pixels, as A2 paper has at `DOTS_PER_INCH`; larger ones get a lower resolution."""

MAX_SECONDS = 60.0
"""Drawing a page is given up after this time. A page on paper takes less than a second."""

_POINTS_PER_INCH = 72

# How far the edges of a scanned image may be from those of its page, as a share of its sides. Scanners round.
_MARGIN = 0.01

_QUARTER_TURNS = {90: Image.Transpose.ROTATE_270, 180: Image.Transpose.ROTATE_180, 270: Image.Transpose.ROTATE_90}
"""How Pillow turns an image clockwise by an angle."""

# PDFium may be used by one thread at a time only.
_ONE_AT_A_TIME = threading.Lock()


def count_pdf_pages(source: Source, name: str, password: str | None) -> int:
    """Return the number of pages of a PDF, at least 1. Raises `PictureError`, which names `name`."""
    with _opened(source, name, password) as document:
        return len(document)


def pdf_page(
    source: Source, number: int, name: str, password: str | None, pixels: int | None
) -> tuple[Image.Image, tuple[int, int]]:
    """Return a page of a PDF as an image, and its size in pixels at full resolution.

    A page that is one scanned image is that image. Any other page is drawn, with its filled-in form fields and its
    annotations, at `DOTS_PER_INCH` or with about `pixels` pixels, whichever are fewer.

    number: which page, from 1.

    Raises `PictureError`, which names `name`.
    """
    with _opened(source, name, password) as document:
        page = document[number - 1]
        if scan := _scan(page):
            return scan, scan.size
        size = _full_size(page)
        return _drawn(page, (pixels and reduction(size, pixels)) or size, name), size


@contextmanager
def _opened(source: Source, name: str, password: str | None) -> Iterator[pypdfium2.PdfDocument]:
    """Open a PDF, alone among all threads. Whatever PDFium says is raised as `PictureError`."""
    try:
        import pypdfium2
    except ImportError:
        raise PictureError(
            f"{name}: a PDF needs the extra 'pdf': {way_to_install('pdf')}", code="missing-extra"
        ) from None
    # It warns about kinds of forms that it cannot draw.
    logging.getLogger("pypdfium2").setLevel(logging.ERROR)
    with _ONE_AT_A_TIME:
        try:
            with pypdfium2.PdfDocument(source, password) as document:
                # Without this, form fields are empty. It comes before the pages, or they do not know of the form.
                document.init_forms()
                yield document
        except PictureError:
            raise
        except pypdfium2.PdfiumError as error:
            raise _why(error, name, password) from None
        except UnicodeEncodeError:
            raise _wrong_password(name) from None
        except Exception:  # noqa: BLE001 - on hostile bytes its helpers raise errors of several classes
            raise truncated(name) from None


def _why(error: pypdfium2.PdfiumError, name: str, password: str | None) -> PictureError:
    """Return why a PDF cannot be opened."""
    from pypdfium2 import raw

    if error.err_code == raw.FPDF_ERR_PASSWORD and not password:
        return PictureError(f"{name}: is encrypted; give its password with --password", code="encrypted")
    if error.err_code == raw.FPDF_ERR_PASSWORD:
        return _wrong_password(name)
    if error.err_code == raw.FPDF_ERR_SECURITY:
        unknown = "is encrypted in a way that cannot be read here; save it without a password"
        return PictureError(f"{name}: {unknown}", code="encrypted")
    if error.err_code == raw.FPDF_ERR_SUCCESS:
        return PictureError(f"{name}: this PDF has no pages; save or copy it again", code="empty")
    return truncated(name)


def _wrong_password(name: str) -> PictureError:
    return PictureError(f"{name}: the password is wrong; check it, capital letters too", code="wrong-password")


def _scan(page: pypdfium2.PdfPage) -> Image.Image | None:
    """Return the image that a page consists of, upright; None if the page shows anything else.

    The text that a scanner's software lays invisibly over its images does not count.
    """
    from pypdfium2 import PdfImage, raw

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
    if scan is None or math.prod(scan.get_px_size()) > MAX_PIXELS or not _fills(scan, page):
        return None
    # An image without colours of its own is a stencil, through which the page's colour is painted.
    if scan.get_metadata().colorspace == raw.FPDF_COLORSPACE_UNKNOWN:
        return None
    image: Image.Image = scan.get_bitmap().to_pil()
    # The pixels of a grey image still belong to PDFium.
    image = image.copy() if image.mode == "L" else image.convert("RGB")
    turn = _QUARTER_TURNS.get(page.get_rotation())
    return image if turn is None else image.transpose(turn)


def _fills(image: pypdfium2.PdfImage, page: pypdfium2.PdfPage) -> bool:
    """Tell whether an image, neither turned nor mirrored, shows on all of a page and nowhere else."""
    across, aslant, aslope, down, _, _ = image.get_matrix().get()
    if aslant or aslope or across <= 0 or down <= 0:
        return False
    left, bottom, right, top = page.get_bbox()
    margins = (_MARGIN * (right - left), _MARGIN * (top - bottom)) * 2
    edges = zip(image.get_bounds(), (left, bottom, right, top), margins, strict=True)
    return all(abs(edge - of_page) <= margin for edge, of_page, margin in edges)


def _full_size(page: pypdfium2.PdfPage) -> tuple[int, int]:
    """Return the size of a drawn page in pixels, at least 1 and at most `MAX_RENDERED_PIXELS`."""
    width, height = (max(1, math.ceil(side * DOTS_PER_INCH / _POINTS_PER_INCH)) for side in page.get_size())
    return reduction((width, height), MAX_RENDERED_PIXELS) or (width, height)


def _drawn(page: pypdfium2.PdfPage, size: tuple[int, int], name: str) -> Image.Image:
    """Return the image of a page in this size. Raises `PictureError` if it takes longer than `MAX_SECONDS`."""
    from pypdfium2 import PdfBitmap, internal, raw

    end = time.monotonic() + MAX_SECONDS
    pause = raw.IFSDK_PAUSE(version=1)
    internal.set_callback(pause, "NeedToPauseNow", lambda _: time.monotonic() > end)
    bitmap = PdfBitmap.new_native(*size, raw.FPDFBitmap_BGR)
    bitmap.fill_rect((255, 255, 255, 255), 0, 0, *size)
    place = (bitmap, page, 0, 0, *size, 0, raw.FPDF_ANNOT)
    state = raw.FPDF_RenderPageBitmap_Start(*place, pause)
    raw.FPDF_RenderPage_Close(page)
    if state != raw.FPDF_RENDER_DONE:
        slow = f"page takes more than {MAX_SECONDS:.0f} seconds to draw; save the page as PNG"
        raise PictureError(f"{name}: the {slow}", code="too-complex")
    if page.formenv:
        raw.FPDF_FFLDraw(page.formenv, *place)
    image: Image.Image = bitmap.to_pil()
    return image
