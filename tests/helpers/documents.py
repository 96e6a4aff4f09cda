"""Files with pages for tests: PDFs written by hand, and pages of drawn digits."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from PIL import Image, ImageDraw

Objects = Mapping[int, bytes]
"""The objects of a PDF by number, from 1. The first is the catalogue."""

_PADDING = bytes.fromhex("28bf4e5e4e758a4164004e56fffa01082e2e00b6d0683e802f0ca9fe6453697a")


def pdf_of(objects: Objects, trailer: bytes = b"") -> bytes:
    """Return a PDF with these objects."""
    content, places = b"%PDF-1.7\n", []
    for number, body in sorted(objects.items()):
        places.append(len(content))
        content += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(objects) + 1
    start = len(content)
    content += b"xref\n0 %d\n0000000000 65535 f \n%b" % (size, table)
    return content + b"trailer\n<</Size %d/Root 1 0 R%b>>\nstartxref\n%d\n%%%%EOF\n" % (size, trailer, start)


def stream(content: bytes, entries: bytes = b"") -> bytes:
    """Return a stream as a PDF object."""
    return b"<</Length %d%b>>stream\n%b\nendstream" % (len(content), entries, content)


def drawn_pdf(content: bytes, *, size: tuple[float, float] = (200, 300), page: bytes = b"") -> bytes:
    """Return a PDF of one page that draws this content; `page` has more entries of the page."""
    return pdf_of(_page(content, size, page))


def encrypted_pdf(content: bytes, password: str) -> bytes:
    """Return a PDF of one page, encrypted with the PDF standard's first method (RC4, 40 bits)."""
    padded = (password.encode() + _PADDING)[:32]
    owner = _rc4(hashlib.md5(padded).digest()[:5], padded)  # noqa: S324
    identity, rights = b"0123456789abcdef", (-4).to_bytes(4, "little", signed=True)
    key = hashlib.md5(padded + owner + rights + identity).digest()[:5]  # noqa: S324
    objects = _page(content, (200, 300), b"")
    own = hashlib.md5(key + (4).to_bytes(3, "little") + b"\0\0").digest()[:10]  # noqa: S324
    objects[4] = stream(_rc4(own, content))
    objects[5] = b"<</Filter/Standard/V 1/R 2/O<%b>/U<%b>/P -4>>" % (
        owner.hex().encode(),
        _rc4(key, _PADDING).hex().encode(),
    )
    return pdf_of(objects, b"/Encrypt 5 0 R/ID[<%b><%b>]" % ((identity.hex().encode(),) * 2))


def endless_pdf() -> bytes:
    """Return a PDF of one page that takes years to draw: each of its forms draws the next one ten times."""
    box, form = b"/BBox[0 0 200 300]", b"/Resources<</XObject<</F %d 0 R>>>>"
    objects = _page(b"/F Do", (200, 300), form % 5)
    for number in range(5, 25):
        objects[number] = stream(b"/F Do " * 10, b"/Type/XObject/Subtype/Form" + box + form % (number + 1))
    objects[25] = stream(b"0 0 200 300 re f", b"/Type/XObject/Subtype/Form" + box)
    return pdf_of(objects)


def digit_page(digit: int, size: tuple[int, int] = (240, 320)) -> Image.Image:
    """Return a page with one digit in strokes of a pen; 1, 4 and 7 are drawn."""
    page = Image.new("L", size, 255)
    strokes = {
        1: [[(0.5, 0.2), (0.5, 0.8)]],
        4: [[(0.4, 0.2), (0.3, 0.55), (0.7, 0.55)], [(0.6, 0.3), (0.58, 0.85)]],
        7: [[(0.3, 0.25), (0.7, 0.25), (0.45, 0.8)]],
    }
    for stroke in strokes[digit]:
        places = [(x * size[0], y * size[1]) for x, y in stroke]
        ImageDraw.Draw(page).line(places, fill=20, width=max(3, size[0] // 24), joint="curve")
    return page


def save_pages(path: Path, pages: Sequence[Image.Image], **options: object) -> Path:
    """Save pages as one file."""
    # Pillow keeps the settings of one format in an image, and stumbles over them in another.
    first, *others = [page.copy() for page in pages]
    first.save(path, save_all=True, append_images=others, **options)  # type: ignore[arg-type]
    return path


def scanned_pdf(pages: Sequence[Image.Image], **options: object) -> bytes:
    """Return a PDF whose pages are these images."""
    file = io.BytesIO()
    first, *others = [page.copy() for page in pages]
    first.save(file, "PDF", save_all=True, append_images=others, **options)
    return file.getvalue()


def _page(content: bytes, size: tuple[float, float], page: bytes) -> dict[int, bytes]:
    width, height = size
    return {
        1: b"<</Type/Catalog/Pages 2 0 R>>",
        2: b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        3: b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 %g %g]/Contents 4 0 R%b>>" % (width, height, page),
        4: stream(content),
    }


def _rc4(key: bytes, content: bytes) -> bytes:
    box, j = list(range(256)), 0
    for i in range(256):
        j = (j + box[i] + key[i % len(key)]) % 256
        box[i], box[j] = box[j], box[i]
    out, i, j = bytearray(), 0, 0
    for byte in content:
        i = (i + 1) % 256
        j = (j + box[i]) % 256
        box[i], box[j] = box[j], box[i]
        out.append(byte ^ box[(box[i] + box[j]) % 256])
    return bytes(out)
