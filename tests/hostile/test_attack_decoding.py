"""Attacks on decoders: what a small file can keep them busy with is found before they see it."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from pathlib import Path

import attacks
import numpy as np
import pytest
from attacks import blank, encoded
from PIL import Image

from inkread import PictureError
from inkread.pictures import documents, opening, page
from inkread.pictures.bounds import check_bounds, check_memory
from inkread.pictures.documents import pages_of
from inkread.pictures.opening import open_picture

EXAMPLES = Path(__file__).parents[2] / "examples"

HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "scans": (lambda: attacks.progressive_jpeg(scans=200, side=64), "has more than 100 scans"),
    "values": (
        lambda: attacks.progressive_jpeg(scans=1, side=9000, parts=3),
        "has 243 million values in several scans",
    ),
    "segments": (lambda: attacks.many_segments(count=5001), "has more than 5000 segments"),
    "junk": (lambda: attacks.junk_in_jpeg(count=100_001), "has much between its segments that is none"),
    "fill": (lambda: encoded(blank(), "JPEG")[:2] + b"\xff" * 100_100 + encoded(blank(), "JPEG")[2:], "has much betw"),
    "arithmetic": (
        lambda: encoded(blank(), "JPEG").replace(b"\xff\xc0", b"\xff\xc9", 1),
        "is compressed in a way that no camera uses",
    ),
    "chunks": (lambda: attacks.many_chunks(count=60_000), r"has more than \d+ chunks"),
    "blocks": (lambda: attacks.many_blocks(count=60_000), r"has more than \d+ blocks"),
    "frames": (lambda: attacks.many_frames(count=10_001), "has more than 10000 pages"),
    "tags": (lambda: attacks.overlapping_tags(pages=50, size=10_000), "has directories that name the same bytes"),
    "strips": (lambda: attacks.many_strips(count=100_001), "has more than 100000 strips"),
    "run length": (lambda: attacks.run_length_bmp(side=4000), "is a compressed BMP with many pixels"),
    "text": (lambda: b"P2\n2000 2000\n255\n" + b"0 " * 1_000_000, "is a PPM in text of over 2 megabytes"),
    "WebP": (lambda: b"RIFF\0\0\0\0WEBPVP8X\n\0\0\0\0\0\0\0" + b"\x10\x27\0" * 2, "is a WebP of more than 25 megapix"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_file_that_keeps_a_decoder_busy_is_refused_at_once(kind: str) -> None:
    make, words = HOSTILE[kind]
    content = make()
    began = time.perf_counter()
    with pytest.raises(PictureError, match=f"a.png: {words}") as why:
        open_picture(content, "a.png")
    assert time.perf_counter() - began < 1
    assert why.value.code == "too-complex"
    assert why.value.message.endswith("; save the picture again as PNG")


ORDINARY: dict[str, Callable[[], bytes]] = {
    "progressive": lambda: encoded(blank(mode="RGB"), "JPEG", progressive=True, comment=b"\xff\xda" * 9000),
    "four channels": lambda: encoded(blank(mode="CMYK"), "JPEG"),
    "restarts": lambda: encoded(blank(600), "JPEG", restart_marker_blocks=1),
    "profile": lambda: encoded(blank(), "JPEG", icc_profile=bytes(5_000_000)),
    "scan of a document": lambda: encoded(blank(2000, "1"), "TIFF", compression="group4"),
    "pages": lambda: encoded(blank(), "TIFF", save_all=True, append_images=[blank() for _ in range(300)]),
    "animation": lambda: encoded(
        blank(), "GIF", save_all=True, append_images=[Image.new("L", (60, 60), grey) for grey in range(200)]
    ),
    "WebP": lambda: encoded(blank(mode="RGB"), "WEBP", lossless=True),
    "small BMP": lambda: attacks.run_length_bmp(side=200),
}


@pytest.mark.parametrize("kind", ORDINARY)
def test_files_of_cameras_and_scanners_are_within_the_bounds(kind: str) -> None:
    content = ORDINARY[kind]()
    check_bounds(content, kind)
    assert open_picture(content).grey.size


def test_all_examples_are_within_the_bounds() -> None:
    pictures = [path for path in EXAMPLES.iterdir() if path.suffix in {".jpg", ".png"}]
    for path in pictures:
        check_bounds(path.read_bytes(), path.name)
    assert len(pictures) > 5


def test_a_file_that_ends_anywhere_passes_the_bounds() -> None:
    """The decoder tells what is wrong with it."""
    for kind in ("JPEG", "PNG", "GIF", "TIFF", "WEBP", "BMP"):
        content = encoded(blank(8, "RGB"), kind)
        for end in range(len(content)):
            check_bounds(content[:end], kind)


@pytest.mark.parametrize(
    ("kind", "mode", "fits", "too_large"),
    [
        ("PNG", "RGB", 10_000, 10_700),
        ("PNG", "RGBA", 7000, 7700),
        ("PNG", "L", 10_000, 22_000),
        ("PNG", "P", 9000, 10_000),
        ("PNG", "I;16", 10_000, 13_000),
        ("TIFF", "F", 8000, 9000),
        ("TIFF", "CMYK", 7000, 8000),
        ("HEIF", "RGB", 7000, 7500),
    ],
)
def test_memory_is_bounded_by_pixels_and_their_kind(kind: str, mode: str, fits: int, too_large: int) -> None:
    image = blank(1, mode)
    image.format = kind
    for side in (fits, too_large):
        image._size = (side, side)
        if side == fits:
            check_memory(image, image.size, "a")
        else:
            with pytest.raises(PictureError, match=f"a: {side} x {side} pixels of this kind take over 415 mega") as why:
                check_memory(image, image.size, "a")
            assert why.value.code == "too-large"


@pytest.mark.parametrize("mode", ["I;16", "I", "F"])
def test_strips_give_what_the_whole_array_gives(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    array = np.random.default_rng(0).integers(0, 4000, (90, 70)).astype(np.uint16)
    image = Image.fromarray(array) if mode == "I;16" else Image.fromarray(array.astype(np.int32)).convert(mode)
    image = image if mode != "F" else Image.fromarray(np.asarray(image) / np.float32(4095))
    monkeypatch.setattr(opening, "_STRIP", 700)
    strips = opening._eight_bit_image(image, "a")
    assert np.array_equal(np.asarray(strips), opening.eight_bits(np.asarray(image), "a"))


def test_a_nan_in_any_strip_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    array = np.zeros((30, 30), np.float32)
    array[20, 3] = np.nan
    monkeypatch.setattr(opening, "_STRIP", 100)
    with pytest.raises(PictureError, match="values must lie in"):
        open_picture(encoded(Image.fromarray(array), "TIFF"))


def test_grey_gives_the_same_page_as_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "_LARGE_GREY", 1000)
    grey = Image.fromarray(np.random.default_rng(0).integers(0, 255, (333, 777), dtype=np.uint8))
    for mode in ("L", "1"):
        image = grey.convert(mode)
        pages = [open_picture(each, pixels=20_000) for each in (image, image.convert("RGB"))]
        assert np.array_equal(pages[0].colour, pages[1].colour)


def test_a_late_frame_of_a_large_animation_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "_MOST_DRAWN", 60 * 60 * 3)
    frames = [Image.new("L", (60, 60), grey) for grey in range(0, 250, 50)]
    pages = pages_of(io.BytesIO(encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])))
    assert open_picture(pages[3]).grey.shape == (60, 60)
    with pytest.raises(PictureError, match="megapixels of earlier pages to draw; save it as a picture of its own"):
        open_picture(pages[4])


def test_jpeg_2000_is_read_only_if_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    content = encoded(blank(), "JPEG2000")
    with pytest.raises(PictureError, match=r"is a JPEG 2000, which is read only with INKREAD_JPEG2000=1"):
        open_picture(content)
    monkeypatch.setattr(opening, "FORMATS", (*opening.FORMATS, "JPEG2000"))
    assert open_picture(content).grey.shape == (60, 60)
