"""Small generators of hostile files. `benchmarks/hostile.py` makes them large; the tests keep them small."""

from __future__ import annotations

import io
import struct
import tarfile
import zipfile
import zlib
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw


def sparse_tar(path: Path, *, members: int = 4, real: int = 990_000_000) -> Path:
    """Write a tar file of a few kilobytes whose members say that they are of `real` bytes."""
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
        for number in range(members):
            block = f"1\n{real}\n0\n".encode().ljust(512, b"\0")
            member = tarfile.TarInfo(f"{number}.png")
            member.size = len(block)
            member.pax_headers = {
                "GNU.sparse.major": "1",
                "GNU.sparse.minor": "0",
                "GNU.sparse.name": f"{number}.png",
                "GNU.sparse.realsize": str(real),
            }
            archive.addfile(member, io.BytesIO(block))
    return path


def zeros_tar(path: Path, *, size: int) -> Path:
    """Write a compressed tar file with one member of `size` zeros, which takes a thousandth of that."""
    with tarfile.open(path, "w:gz", compresslevel=1) as archive:
        member = tarfile.TarInfo("zeros.png")
        member.size = size
        archive.addfile(member, io.BytesIO(bytes(size)))
    return path


def long_header_tar(path: Path, *, size: int) -> Path:
    """Write a compressed tar file with a name of `size` bytes."""
    header = tarfile.TarInfo("././@LongLink")
    header.type, header.size = tarfile.GNUTYPE_LONGNAME, size
    with tarfile.open(path, "w:gz", compresslevel=1) as archive:
        archive.addfile(header, io.BytesIO(b"a" * size))
    return path


def zip_of_lists(path: Path, *, count: int) -> Path:
    """Write a zip that says that so many empty lists were taught, three bytes each."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("taught.json", "w") as file:
        file.write(b'{"taught":[')
        for _ in range(count // 10_000):
            file.write(b"[]," * 10_000)
        file.write(b"[]]}")
    return path


def shape_from_data(path: Path, *, elements: float = 1.5e9, products: int = 0) -> Path:
    """Write a network that asks for memory as soon as a glyph has ink: `elements` times the largest value in it.

    products: how many times that memory, as a square, is then multiplied by itself. Needs the package `onnx`.
    """
    from onnx import TensorProto, helper, numpy_helper

    node = helper.make_node
    one = helper.make_tensor("value", TensorProto.FLOAT, [1], [1.0])
    nodes = [
        node("Reshape", ["x", "shape"], ["flat"]),
        node("MatMul", ["flat", "weights"], ["logits"]),
        node("ReduceMax", ["x"], ["most"], keepdims=0),
        node("Mul", ["most", "elements"], ["count"]),
        node("Cast", ["count"], ["whole"], to=TensorProto.INT64),
        node("Reshape", ["whole", "single"], ["side"]),
        node("Concat", ["side", "side"] if products else ["side"], ["sides"], axis=0),
        node("ConstantOfShape", ["sides"], ["power0"], value=one),
        *(node("MatMul", [f"power{at}", "power0"], [f"power{at + 1}"]) for at in range(products)),
        node("ReduceSum", [f"power{products}"], ["sum"], keepdims=0),
        node("Mul", ["sum", "zero"], ["nothing"]),
        node("Add", ["logits", "nothing"], ["sums"]),
        node("Softmax", ["sums"], ["y"], axis=1),
    ]
    weights = np.random.default_rng(0).normal(0, 0.05, (784, 10)).astype(np.float32)
    values = {"shape": np.array([-1, 784]), "weights": weights, "elements": np.float32(elements),
              "single": np.array([1]), "zero": np.float32(0)}  # fmt: skip
    graph = helper.make_graph(
        nodes,
        "hostile",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 28, 28, 1])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 10])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in values.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    path.write_bytes(model.SerializeToString())
    return path


def _segment(marker: int, content: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(content) + 2) + content


def _packed(bits: str) -> bytes:
    bits += "1" * (-len(bits) % 8)
    return bytes(int(bits[at : at + 8], 2) for at in range(0, len(bits), 8)).replace(b"\xff", b"\xff\0")


def progressive_jpeg(*, scans: int, side: int = 10_000, parts: int = 1) -> bytes:
    """Return a grey progressive JPEG whose scans each pass over all of its pixels, in some dozen bytes.

    parts: the number of its components; with more than one, it is only good for its header.
    """
    blocks = ((side + 7) // 8) ** 2
    table = bytes([1, 1, *[0] * 14])
    first = _segment(0xDA, b"\1\1\0\0\0\0") + _packed("0" * blocks)
    further = _segment(0xDA, b"\1\1\0\1\x3f\0") + _packed(("0" + "1" * 14) * (blocks // 32767 + 1))
    frame = struct.pack(">BHHB", 8, side, side, parts) + b"".join(
        bytes([part, 0x11, 0]) for part in range(1, parts + 1)
    )
    tables = _segment(0xDB, b"\0" + b"\1" * 64) + _segment(0xC2, frame)
    tables += _segment(0xC4, b"\0" + table + b"\0\1") + _segment(0xC4, b"\x10" + table + b"\xe0\0")
    return b"\xff\xd8" + tables + first + further * scans + b"\xff\xd9"


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    """Return an image as a file."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def blank(side: int = 60, mode: str = "L") -> Image.Image:
    """Return an empty picture."""
    return Image.new(mode, (side, side), "white" if mode not in ("I;16", "F") else 1)


def many_segments(*, count: int) -> bytes:
    """Return a JPEG with empty comments at its beginning."""
    content = encoded(blank(), "JPEG")
    return content[:2] + b"\xff\xfe\0\2" * count + content[2:]


def junk_in_jpeg(*, count: int) -> bytes:
    """Return a JPEG with bytes between its segments that belong to none."""
    content = encoded(blank(), "JPEG")
    return content[:2] + b"a" * count + content[2:]


def many_chunks(*, count: int) -> bytes:
    """Return a PNG with empty private chunks at its beginning."""
    content = encoded(blank())
    chunk = b"\0\0\0\0teSt" + struct.pack(">I", zlib.crc32(b"teSt"))
    return content[:33] + chunk * count + content[33:]


def many_blocks(*, count: int) -> bytes:
    """Return a GIF with a comment of blocks of one byte at its beginning."""
    content = encoded(blank(), "GIF")
    at = 13 + (3 << (content[10] & 7) + 1 if content[10] & 0x80 else 0)
    return content[:at] + b"!\xfe" + b"\1a" * count + b"\0" + content[at:]


def many_frames(*, count: int) -> bytes:
    """Return a GIF with frames of one pixel."""
    content = encoded(Image.new("L", (1, 1)), "GIF")
    at = content.index(b",")
    return content[:at] + content[at:-1] * count + b";"


def overlapping_tags(*, pages: int, size: int) -> bytes:
    """Return a TIFF whose pages each have a tag with the same `size` bytes."""
    tag = struct.pack("<HHII", 65000, 7, size, 8)
    page, at = 2 + 12 + 4, 8 + size
    chain = (struct.pack("<H", 1) + tag + struct.pack("<I", at + (number + 1) * page) for number in range(pages))
    return b"II*\0" + struct.pack("<I", at) + bytes(size) + b"".join(chain)


def many_strips(*, count: int) -> bytes:
    """Return a TIFF of a pixel per row whose strips are of one row."""
    values = [(256, 4, 1, 1), (257, 4, 1, count), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1), (273, 4, count, 134),
              (277, 3, 1, 1), (278, 4, 1, 1), (279, 4, count, 134)]  # fmt: skip
    entries = b"".join(struct.pack("<HHII", *value) for value in values)
    head = b"II*\0" + struct.pack("<IH", 8, len(values)) + entries + bytes(4)
    return head.ljust(134, b"\0") + struct.pack("<I", 1) * count


def run_length_bmp(*, side: int) -> bytes:
    """Return a compressed BMP of which one byte is many pixels."""
    data = (b"\xff\0" * (side // 255) + bytes([side % 255, 0, 0, 0])) * side
    head = struct.pack("<IiiHHIIiiII", 40, side, side, 1, 8, 1, len(data), 0, 0, 256, 0) + bytes(1024)
    return b"BM" + struct.pack("<IHHI", 14 + len(head) + len(data), 0, 0, 14 + len(head)) + head + data


def dots(count: int, *, pitch: int) -> Image.Image:
    """Return a page with `count` x `count` dots, `pitch` pixels apart, each of which may be writing."""
    rng, page = np.random.default_rng(1), np.full((pitch * count, pitch * count), 255, np.uint8)
    for y in range(0, pitch * count, pitch):
        for x in range(0, pitch * count, pitch):
            right, down = rng.integers(0, 3, 2)
            page[y + down : y + down + pitch - 4, x + right : x + right + pitch - 4] = 0
    return Image.fromarray(page)


def salt(width: int, *, height: int = 1000) -> Image.Image:
    """Return a page of which one pixel in twenty is black."""
    grains = np.random.default_rng(1).random((height, width)) < 0.05
    return Image.fromarray(np.where(grains, 0, 255).astype(np.uint8))


def printed_page() -> Image.Image:
    """Return a page of printed text, A4 at 150 dots per inch."""
    rng, page = np.random.default_rng(1), Image.new("L", (1240, 1753), 255)
    for y in range(75, 1678, 25):
        letters = rng.choice(list("etaoinshrdlucmfwypvbgkjqxz   "), 110)
        ImageDraw.Draw(page).text((75, y), "".join(letters), fill=0, font_size=20)
    return page
