"""Opening: whatever the picture comes as, the reading is the same; whatever is no picture is refused in one line."""

from __future__ import annotations

import contextlib
import errno
import io
import struct
import sys
import threading
import time
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin

import inkread
from inkread import Box, PictureError, Reading
from inkread.drawing import digit_ink
from inkread.errors import way_to_install
from inkread.pictures.opening import MAX_PIXELS, open_picture

Bytes = NDArray[np.uint8]

WIDTH, HEIGHT = 180, 220
# A 4 turned or mirrored is no 4, and a picture that is not square shows when axes are mixed up.
INK = digit_ink(4, rng=np.random.default_rng(1), size=(HEIGHT, WIDTH), pen="marker", shape="open")
GREY: Bytes = np.rint(255 * (1 - INK)).astype(np.uint8)
SHARP: Bytes = np.where(INK > 0.5, 0, 255).astype(np.uint8)


def box_of(ink: NDArray[Any]) -> Box:
    """Return the box of what is true in a picture."""
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    x, y = int(columns[0]), int(rows[0])
    return Box(x, y, int(columns[-1]) + 1 - x, int(rows[-1]) + 1 - y)


def encoded(image: Image.Image | NDArray[Any], kind: str, **options: Any) -> bytes:
    """Return a picture as the bytes of a file."""
    image = image if isinstance(image, Image.Image) else Image.fromarray(image)
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def assert_near(box: Box, expected: Box, pixels: float) -> None:
    """Assert that each edge of a box is at most this many pixels from where it should be."""
    edges = np.array([box.x, box.y, box.x + box.w, box.y + box.h])
    wanted = np.array([expected.x, expected.y, expected.x + expected.w, expected.y + expected.h])
    assert np.abs(edges - wanted).max() <= pixels, f"{box} is not near {expected}"


def assert_reads_four(reading: Reading, *, near: float = 2) -> None:
    assert reading.text == "4"
    assert_near(reading.digits[0].box, box_of(INK > 0.5), near)


def refusal(picture: Any, code: str) -> str:
    """Return the one line with which a picture is refused under `code`."""
    with pytest.raises(PictureError) as caught:
        inkread.read(picture)
    assert caught.value.code == code
    assert caught.value.exit_code == 1
    assert "\n" not in str(caught.value)
    assert str(caught.value) == caught.value.message
    return caught.value.message


@pytest.fixture(scope="module")
def expected() -> Reading:
    """Return the reading of the plain grey array, with which every other kind must agree."""
    reading = inkread.read(GREY)
    assert_reads_four(reading)
    return reading


@pytest.fixture
def png(tmp_path: Path) -> Path:
    path = tmp_path / "four.png"
    path.write_bytes(encoded(GREY, "PNG"))
    return path


# Where a picture comes from


def test_a_path_may_be_text(png: Path, expected: Reading) -> None:
    reading = inkread.read(str(png))
    assert reading.digits == expected.digits
    assert reading.picture == str(png)


def test_a_path_may_be_a_path(png: Path, expected: Reading) -> None:
    reading = inkread.read(png)
    assert reading.digits == expected.digits
    assert reading.picture == str(png)


def test_bytes_are_read(png: Path, expected: Reading) -> None:
    assert inkread.read(png.read_bytes()).digits == expected.digits


def test_an_open_file_is_read(png: Path, expected: Reading) -> None:
    with png.open("rb") as file:
        reading = inkread.read(file)
    assert reading.digits == expected.digits
    assert reading.picture == str(png)


def test_a_file_in_memory_is_read(png: Path, expected: Reading) -> None:
    assert inkread.read(io.BytesIO(png.read_bytes())).digits == expected.digits


def test_a_pil_image_that_is_not_loaded_yet_is_read(png: Path, expected: Reading) -> None:
    with Image.open(png) as image:
        assert inkread.read(image).digits == expected.digits


def test_a_pil_image_stays_as_it_was() -> None:
    image = Image.fromarray(GREY).convert("RGBA")
    before = image.tobytes()
    inkread.read(image)
    assert (image.mode, image.size) == ("RGBA", (WIDTH, HEIGHT))
    assert image.tobytes() == before


def test_an_array_stays_as_it_was(expected: Reading) -> None:
    array = GREY.copy()
    array.flags.writeable = False
    assert inkread.read(array).digits == expected.digits
    assert np.array_equal(array, GREY)


def test_a_name_with_an_unusual_spelling_is_read(tmp_path: Path, expected: Reading) -> None:
    path = tmp_path / "nüm ber #4 (копия)"
    path.write_bytes(encoded(GREY, "PNG"))
    assert inkread.read(path).digits == expected.digits


# Arrays


def alpha_of(array: Bytes) -> Bytes:
    return np.full_like(array, 255)


ARRAYS: dict[str, Callable[[], NDArray[Any]]] = {
    "(H, W, 1)": lambda: GREY[..., None],
    "RGB": lambda: np.dstack([GREY] * 3),
    "RGBA": lambda: np.dstack([GREY] * 3 + [alpha_of(GREY)]),
    "LA": lambda: np.dstack([GREY, alpha_of(GREY)]),
    "LA, ink in alpha": lambda: np.dstack([np.zeros_like(GREY), 255 - GREY]),
    "int32 to 255": lambda: GREY.astype(np.int32),
    "uint16 to 65535": lambda: GREY.astype(np.uint16) * np.uint16(257),
    "uint16 to 4095": lambda: np.rint(GREY / 255 * 4095).astype(np.uint16),
    "int32 to 65535": lambda: GREY.astype(np.int32) * 257,
    "int64 RGB to 65535": lambda: np.dstack([GREY] * 3).astype(np.int64) * 257,
    "float64 to 1": lambda: GREY / 255,
    "float32 to 255": lambda: GREY.astype(np.float32),
    "float32 RGBA to 1": lambda: np.dstack([GREY] * 3 + [alpha_of(GREY)]).astype(np.float32) / 255,
    "Fortran order": lambda: np.asfortranarray(GREY),
    "a view from the end": lambda: np.ascontiguousarray(GREY[::-1, ::-1])[::-1, ::-1],
    "big-endian": lambda: (GREY.astype(np.uint16) * np.uint16(257)).astype(">u2"),
}


@pytest.mark.parametrize("kind", ARRAYS)
def test_arrays_of_every_shape_and_type_read_the_same(kind: str, expected: Reading) -> None:
    assert inkread.read(ARRAYS[kind]()).digits == expected.digits


def test_a_boolean_array_reads_like_black_and_white() -> None:
    reading = inkread.read(SHARP > 0)
    assert reading.digits == inkread.read(SHARP).digits
    assert_reads_four(reading)


@pytest.mark.parametrize(
    ("array", "what"),
    [
        (np.full((40, 40), np.nan), "0..1 or 0..255"),
        (np.where(INK > 0.5, np.nan, 0.5), "0..1 or 0..255"),
        (np.full((40, 40), -0.5), "0..1 or 0..255"),
        (np.full((40, 40), 300.0), "0..1 or 0..255"),
        (np.full((40, 40), np.inf), "0..1 or 0..255"),
        (np.full((40, 40), -1), "0..65535"),
        (np.full((40, 40), 70_000), "0..65535"),
        (np.zeros(40, np.uint8), r"\(H, W\)"),
        (np.zeros((40, 40, 5), np.uint8), r"\(H, W\)"),
        (np.zeros((2, 40, 40, 3), np.uint8), r"\(H, W\)"),
        (np.zeros((40, 40), complex), "numbers"),
        (np.full((40, 40), "7"), "numbers"),
        (np.full((40, 40), None, object), "numbers"),
    ],
    ids=lambda value: f"{value.dtype}{value.shape}" if isinstance(value, np.ndarray) else value,
)
def test_an_array_that_is_no_picture_is_refused(array: NDArray[Any], what: str) -> None:
    with pytest.raises(PictureError, match=what) as caught:
        inkread.read(array)
    assert caught.value.code == "bad-array"
    assert caught.value.message.startswith(f"array{array.shape}: ")


def test_what_is_not_even_a_kind_of_picture_is_a_programming_error() -> None:
    with pytest.raises(TypeError, match="a picture is a path, bytes, a binary file, a PIL image or an array"):
        inkread.read(4)  # type: ignore[arg-type]


# Pillow's modes


def palette_with_transparency() -> Image.Image:
    """Return ink as index 0 in a palette of two colours, both black, of which the paper is transparent."""
    image = Image.fromarray((SHARP > 0).astype(np.uint8), "P")
    image.putpalette([0, 0, 0, 0, 0, 0])
    image.info["transparency"] = 1
    return image


def in_mode(mode: str) -> Image.Image:
    return Image.fromarray(GREY).convert(mode)


MODES: dict[str, Callable[[], Image.Image]] = {
    **{mode: partial(in_mode, mode) for mode in ("L", "RGB", "RGBA", "P", "LA", "CMYK", "RGBX", "F")},
    "I": lambda: Image.fromarray(GREY.astype(np.int32) * 257),
    "I;16": lambda: Image.fromarray(GREY.astype(np.uint16) * np.uint16(257)),
}


@pytest.mark.parametrize("mode", MODES)
def test_pil_images_of_every_mode_read_the_same(mode: str, expected: Reading) -> None:
    image = MODES[mode]()
    assert image.mode == mode
    assert inkread.read(image).digits == expected.digits


@pytest.mark.parametrize("mode", ["YCbCr", "LAB", "HSV"])
def test_pil_images_of_other_colour_spaces_are_read(mode: str) -> None:
    bands = {"YCbCr": (GREY, GREY // 255 + 127, GREY // 255 + 127), "LAB": (GREY, GREY * 0, GREY * 0)}
    flat = bands.get(mode, (GREY * 0, GREY * 0, GREY))
    assert_reads_four(inkread.read(Image.merge(mode, [Image.fromarray(band) for band in flat])))


def test_a_pil_image_of_one_bit_is_read() -> None:
    image = Image.fromarray(SHARP).convert("1")
    assert inkread.read(image).digits == inkread.read(SHARP).digits


def test_a_palette_with_transparency_is_read() -> None:
    assert inkread.read(palette_with_transparency()).digits == inkread.read(SHARP).digits


# Files


FILES: dict[str, Callable[[], bytes]] = {
    "PNG": lambda: encoded(GREY, "PNG"),
    "PNG, RGBA": lambda: encoded(in_mode("RGBA"), "PNG"),
    "PNG, palette": lambda: encoded(in_mode("P"), "PNG"),
    "PNG, 16 bits": lambda: encoded(GREY.astype(np.uint16) * np.uint16(257), "PNG"),
    "WebP": lambda: encoded(in_mode("RGB"), "WEBP", lossless=True),
    "GIF": lambda: encoded(GREY, "GIF"),
    "TIFF": lambda: encoded(GREY, "TIFF"),
    "TIFF, CMYK": lambda: encoded(in_mode("CMYK"), "TIFF"),
    "TIFF, 16 bits": lambda: encoded(GREY.astype(np.uint16) * np.uint16(257), "TIFF"),
    "TIFF, float": lambda: encoded(GREY.astype(np.float32) / 255, "TIFF"),
    "TIFF, LZW": lambda: encoded(GREY, "TIFF", compression="tiff_lzw"),
    "BMP": lambda: encoded(GREY, "BMP"),
    "PPM": lambda: encoded(GREY, "PPM"),
}
LOSSY: dict[str, Callable[[], bytes]] = {
    "JPEG": lambda: encoded(GREY, "JPEG"),
    "JPEG, colour": lambda: encoded(in_mode("RGB"), "JPEG"),
    "JPEG, CMYK": lambda: encoded(in_mode("CMYK"), "JPEG"),
    "JPEG, progressive": lambda: encoded(GREY, "JPEG", progressive=True),
    "JPEG, poor": lambda: encoded(GREY, "JPEG", quality=15),
    "WebP": lambda: encoded(in_mode("RGB"), "WEBP", quality=40),
}


@pytest.mark.parametrize("kind", FILES)
def test_files_of_every_kind_read_the_same(kind: str, expected: Reading) -> None:
    assert inkread.read(FILES[kind]()).digits == expected.digits


@pytest.mark.parametrize("kind", LOSSY)
def test_files_that_lose_detail_are_read(kind: str) -> None:
    assert_reads_four(inkread.read(LOSSY[kind]()))


@pytest.mark.parametrize("kind", ["GIF", "TIFF", "WEBP", "PNG"])
def test_the_first_of_several_frames_is_read(kind: str, expected: Reading) -> None:
    frames = [Image.fromarray(np.full_like(GREY, 255)), Image.fromarray(np.flipud(GREY).copy())]
    lossless = {"lossless": True} if kind == "WEBP" else {}
    content = encoded(GREY, kind, save_all=True, append_images=frames, **lossless)
    with Image.open(io.BytesIO(content)) as image:
        assert getattr(image, "n_frames", 1) == 3
    assert inkread.read(content).digits == expected.digits


def test_the_content_and_not_the_suffix_says_what_a_file_is(tmp_path: Path, expected: Reading) -> None:
    path = tmp_path / "four.jpg"
    path.write_bytes(encoded(GREY, "PNG"))
    assert inkread.read(path).digits == expected.digits


def heic(image: Image.Image | None = None, **options: Any) -> bytes:
    pillow_heif = pytest.importorskip("pillow_heif", reason="needs the extra 'heic'")
    file = io.BytesIO()
    pillow_heif.from_pillow(image or in_mode("RGB")).save(file, quality=90, **options)
    return file.getvalue()


def test_heic_is_read_whatever_its_name(tmp_path: Path) -> None:
    for name in ("IMG_0004.HEIC", "four"):
        (tmp_path / name).write_bytes(heic())
        assert_reads_four(inkread.read(tmp_path / name))


@pytest.mark.parametrize("orientation", [3, 6, 7])
def test_a_turned_heic_is_read_upright(orientation: int) -> None:
    image, exif = stored(in_mode("RGB"), orientation)
    assert_reads_four(inkread.read(heic(image, exif=exif.tobytes())))


def test_heic_without_the_extra_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "four.heic"
    path.write_bytes(heic())
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    message = refusal(path, "missing-extra")
    assert message == f"{path}: a HEIC picture needs the extra 'heic': {way_to_install('heic')}"


def test_a_damaged_heic_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("pillow_heif", reason="needs the extra 'heic'")
    path = tmp_path / "four.heic"
    path.write_bytes(heic()[:60] + bytes(400))
    assert str(path) in refusal(path, "truncated")


def test_formats_that_start_other_programs_are_not_decoded(tmp_path: Path) -> None:
    path = tmp_path / "four.eps"
    Image.fromarray(GREY).save(path, "EPS")
    assert str(path) in refusal(path, "not-a-picture")


# Transparency


@pytest.mark.parametrize("level", [0, 255], ids=["black", "white"])
def test_strokes_that_fill_their_transparent_ground_are_read(level: int) -> None:
    """A thick digit, trimmed to its edges, is opaque nearly everywhere and carries no paper."""
    alpha = np.zeros((180, 120), np.uint8)
    cv2.ellipse(alpha, (60, 90), (45, 75), 0, 0, 360, 255, 29)
    assert (alpha > 127).mean() > 0.5
    strokes = np.dstack([np.full_like(alpha, level)] * 3 + [alpha])
    assert inkread.read(strokes).text == "0"


def test_white_strokes_that_are_half_transparent_are_read() -> None:
    strokes = np.dstack([np.full_like(GREY, 255)] * 3 + [(255 - GREY) // 3])
    assert inkread.read(strokes).text == "4"


@pytest.mark.parametrize("level", [0, 60, 200, 255], ids=["black", "dark", "light", "white"])
def test_strokes_on_a_transparent_ground_are_read_whatever_their_colour(level: int) -> None:
    strokes = np.dstack([np.full_like(GREY, level)] * 3 + [255 - GREY])
    assert_reads_four(inkread.read(Image.fromarray(strokes, "RGBA")))
    assert_reads_four(inkread.read(encoded(Image.fromarray(strokes, "RGBA"), "PNG")))


def test_the_hidden_colour_of_transparent_paper_does_not_matter() -> None:
    hidden = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    hidden[INK > 0] = 0
    assert_reads_four(inkread.read(np.dstack([hidden, 255 - GREY])))


def test_a_cut_out_photo_with_transparent_corners_is_read() -> None:
    y, x = np.indices(GREY.shape)
    inside = np.hypot((x - WIDTH / 2) / WIDTH, (y - HEIGHT / 2) / HEIGHT) < 0.53
    tinted = np.dstack([GREY // 2 + 90, GREY // 2 + 80, GREY // 2 + 60])
    picture = np.dstack([tinted, np.where(inside, 255, 0).astype(np.uint8)])
    assert_reads_four(inkread.read(picture))
    corner, paper = open_picture(picture).colour[0, 0], tinted[10, WIDTH // 2]
    assert np.array_equal(corner, paper)


def test_a_picture_of_which_nothing_can_be_seen_is_blank() -> None:
    for level in (0, 255):
        reading = inkread.read(np.dstack([np.full_like(GREY, level), np.zeros_like(GREY)]))
        assert reading.refused is not None
        assert reading.refused.code == "blank"


# Turned by the camera


# How a picture must be stored so that the orientation of its EXIF block turns it upright.
STORED = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def stored(image: Image.Image, orientation: int) -> tuple[Image.Image, Image.Exif]:
    """Return an image as a camera held that way stores it, and the EXIF block that says so."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    turn = STORED[orientation]
    return (image if turn is None else image.transpose(turn)), exif


@pytest.mark.parametrize("orientation", STORED)
def test_a_turned_photo_is_read_upright_with_its_box_in_upright_pixels(orientation: int, expected: Reading) -> None:
    image, exif = stored(Image.fromarray(GREY), orientation)
    assert image.size == ((WIDTH, HEIGHT) if orientation < 5 else (HEIGHT, WIDTH))
    assert inkread.read(encoded(image, "PNG", exif=exif)).digits == expected.digits
    assert_reads_four(inkread.read(encoded(image, "JPEG", exif=exif)))


@pytest.mark.parametrize("orientation", [3, 6])
def test_a_pil_image_is_turned_as_its_exif_says(orientation: int, expected: Reading) -> None:
    image, exif = stored(Image.fromarray(GREY), orientation)
    with Image.open(io.BytesIO(encoded(image, "PNG", exif=exif))) as opened:
        assert inkread.read(opened).digits == expected.digits


def test_the_page_has_the_size_of_the_upright_picture() -> None:
    image, exif = stored(Image.fromarray(GREY), 6)
    assert open_picture(encoded(image, "JPEG", exif=exif)).size == (WIDTH, HEIGHT)


def tiff_block(entries: bytes) -> bytes:
    return b"Exif\0\0" + b"II*\0" + struct.pack("<I", 8) + entries


BROKEN_EXIF = {
    "garbage": b"Exif\0\0" + bytes(range(60)),
    "empty": b"Exif\0\0",
    "cut off": tiff_block(struct.pack("<H", 9)),
    "cut off within an entry": tiff_block(struct.pack("<HHH", 1, 0x0112, 3)),
    "orientation 0": tiff_block(struct.pack("<HHHIHHI", 1, 0x0112, 3, 1, 0, 0, 0)),
    "orientation 99": tiff_block(struct.pack("<HHHIHHI", 1, 0x0112, 3, 1, 99, 0, 0)),
    "orientation of an unknown type": tiff_block(struct.pack("<HHHIHHI", 1, 0x0112, 77, 1, 6, 0, 0)),
    "orientation as text": tiff_block(struct.pack("<HHHI4sI", 1, 0x0112, 2, 4, b"six\0", 0)),
    "orientation far outside the block": tiff_block(struct.pack("<HHHIII", 1, 0x0112, 3, 40, 9999, 0)),
    "a directory that points to itself": tiff_block(struct.pack("<HHHIII", 1, 0x8769, 4, 1, 8, 8)),
}


@pytest.mark.parametrize("file", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("kind", BROKEN_EXIF)
def test_a_broken_exif_block_is_ignored(kind: str, file: str) -> None:
    content = encoded(GREY, file, exif=BROKEN_EXIF[kind])
    assert BROKEN_EXIF[kind].removeprefix(b"Exif\0\0") in content
    assert_reads_four(inkread.read(content))
    with Image.open(io.BytesIO(encoded(GREY, file))) as image:
        image.info["exif"] = BROKEN_EXIF[kind]
        assert_reads_four(inkread.read(image))


# Large pictures


def enlarged(grey: Bytes, times: float) -> Image.Image:
    size = (round(grey.shape[1] * times), round(grey.shape[0] * times))
    return Image.fromarray(grey).resize(size, Image.Resampling.BILINEAR)


@pytest.mark.parametrize("orientation", [1, 6])
def test_boxes_are_in_pixels_of_the_full_picture_of_12_megapixels(orientation: int) -> None:
    upright = enlarged(GREY, 17.5)
    assert upright.size == (3150, 3850)
    image, exif = stored(upright, orientation)
    reading = inkread.read(encoded(image, "JPEG", quality=80, exif=exif))
    assert reading.text == "4"
    # Three pixels of the page, which has 2 of these 12 megapixels.
    assert_near(reading.digits[0].box, box_of(np.asarray(upright) < 128), 3 * np.sqrt(12 / 2))


def test_a_small_digit_in_a_large_photo_is_read() -> None:
    photo = np.full((2400, 3200), 235, np.uint8)
    digit = np.asarray(enlarged(GREY, 1.5)) // 2 + 108
    photo[1000 : 1000 + digit.shape[0], 1500 : 1500 + digit.shape[1]] = digit
    reading = inkread.read(encoded(photo, "JPEG"))
    assert reading.text == "4"
    assert_near(reading.digits[0].box, box_of(photo < 180), 8)


def png_that_claims(width: int, height: int) -> bytes:
    """Return a PNG of one bit per pixel whose header promises this many pixels, and that contains none."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


@pytest.mark.parametrize("size", [(20_000, 6_000), (10_001, 10_000), (200_000, 200_000)])
def test_a_picture_over_100_megapixels_is_refused_before_it_is_decoded(tmp_path: Path, size: tuple[int, int]) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(png_that_claims(*size))
    # If it were decoded first, it would be found to be truncated.
    message = refusal(path, "too-large")
    assert message.startswith(f"{path}: ")
    assert message.endswith("over the limit of 100 megapixels; reduce the picture first")


def test_a_real_bomb_is_refused_at_once() -> None:
    file = io.BytesIO()
    Image.new("1", (20_000, 6_000), 1).save(file, "PNG")
    assert len(file.getvalue()) < 100_000
    started = time.perf_counter()
    assert "20000 x 6000 pixels" in refusal(file.getvalue(), "too-large")
    # This takes a millisecond. Decoding takes seconds.
    assert time.perf_counter() - started < 0.5


def test_a_picture_just_under_the_limit_is_not_too_large() -> None:
    assert "too early" in refusal(png_that_claims(10_000, MAX_PIXELS // 10_000), "truncated")


def test_an_array_over_100_megapixels_is_refused_before_it_is_copied() -> None:
    array = np.broadcast_to(np.uint8(255), (6_000, 20_000))
    assert "20000 x 6000 pixels" in refusal(array, "too-large")


@pytest.mark.parametrize("shape", [(1, 1), (1, 2), (2, 2), (1, 3000), (3000, 1), (2, 200_000), (90_000, 4), (7, 5)])
def test_a_picture_of_any_form_is_read_or_refused(shape: tuple[int, int]) -> None:
    for picture in (
        np.full(shape, 255, np.uint8),
        np.random.default_rng(3).integers(0, 256, shape, dtype=np.uint8),
        np.where(np.indices(shape).sum(axis=0) * 2 < sum(shape), 0, 255).astype(np.uint8),
    ):
        reading = inkread.read(picture)
        assert (reading.text == "") == (reading.refused is not None)
        for digit in reading.digits:
            assert digit.box.x >= 0
            assert digit.box.y >= 0
            assert digit.box.x + digit.box.w <= shape[1]
            assert digit.box.y + digit.box.h <= shape[0]


# What is no picture


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    message = refusal(tmp_path / "nope.png", "missing")
    assert message == f"{tmp_path / 'nope.png'}: no such file; check the name and the folder"


def test_a_folder_is_no_picture(tmp_path: Path) -> None:
    assert f"name the pictures in it, as in {tmp_path}/*" in refusal(tmp_path, "directory")


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.png").touch()
    for picture in (tmp_path / "empty.png", b"", io.BytesIO()):
        assert "save or copy the picture again" in refusal(picture, "empty")


@pytest.mark.parametrize("array", [np.zeros((0, 5), np.uint8), np.zeros((5, 0, 3), np.uint8)])
def test_an_array_without_pixels_is_refused(array: Bytes) -> None:
    assert "no pixels" in refusal(array, "empty")


def test_text_is_no_picture(tmp_path: Path) -> None:
    path = tmp_path / "notes.png"
    path.write_text("4\n")
    assert refusal(path, "not-a-picture") == (
        f"{path}: this is not a picture that inkread knows; save it as PNG or JPEG"
    )


def test_a_file_opened_as_text_says_how_to_open_it(png: Path) -> None:
    with png.open(encoding="latin-1") as file:
        assert "mode 'rb'" in refusal(file, "not-a-picture")


def test_a_name_that_no_file_can_have_is_refused() -> None:
    assert "cannot be read" in refusal("four\0.png", "unreadable")


def test_a_file_that_may_not_be_read_names_the_cause(png: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # It is simulated, since root may read everything.
    def denied(path: Path, mode: str) -> BinaryIO:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "open", denied)
    assert refusal(png, "unreadable") == f"{png}: cannot be read (Permission denied); check its permissions"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "TIFF", "WEBP", "BMP"])
@pytest.mark.parametrize("share", [0.9, 0.5])
def test_a_truncated_file_is_refused(tmp_path: Path, kind: str, share: float) -> None:
    noisy = (GREY // 2 + np.random.default_rng(0).integers(0, 99, GREY.shape)).astype(np.uint8)
    content = encoded(noisy, kind)
    path = tmp_path / "four"
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(PictureError) as caught:
        inkread.read(path)
    assert caught.value.code in {"truncated", "not-a-picture"}
    assert caught.value.message.startswith(f"{path}: ")
    if kind in {"JPEG", "PNG"}:
        assert refusal(path, "truncated").endswith("the file ends too early or is damaged; copy it again")


SMALL = {
    kind: encoded(Image.fromarray(GREY[::5, ::5]).convert("RGB"), kind)
    for kind in ("PNG", "JPEG", "GIF", "TIFF", "BMP", "WEBP", "PPM")
}


# Pillow itself warns about damage in files.
@pytest.mark.filterwarnings("default")
@settings(max_examples=150)
@given(
    kind=st.sampled_from(sorted(SMALL)),
    damage=st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 255)), min_size=1, max_size=8),
    length=st.floats(0.05, 1),
)
def test_damaged_bytes_are_read_or_refused_but_nothing_else(
    kind: str, damage: list[tuple[float, int]], length: float
) -> None:
    content = bytearray(SMALL[kind])
    for where, value in damage:
        content[int(where * min(len(content), 400))] = value
    with contextlib.suppress(PictureError):
        inkread.read(bytes(content[: max(1, int(length * len(content)))]))


def test_pictures_may_be_opened_by_many_threads(expected: Reading) -> None:
    content = encoded(GREY, "PNG")
    readings: list[Reading] = []
    threads = [threading.Thread(target=lambda: readings.append(inkread.read(content))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [reading.digits for reading in readings] == [expected.digits] * 8


def test_text_chunks_and_other_extras_of_a_png_do_not_matter(expected: Reading) -> None:
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", "7" * 500, zip=True)
    assert inkread.read(encoded(GREY, "PNG", pnginfo=info, dpi=(1, 1))).digits == expected.digits
