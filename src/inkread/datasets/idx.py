"""The idx format, in which MNIST is published: a magic number, the dimensions, then the bytes.

The content of a file is not trusted. Sizes are checked before and while bytes are read, so the memory used depends on
what a file holds and not on what its header claims.
"""

from __future__ import annotations

import gzip
import io
import math
import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inkread.errors import DataError

GZIP_MAGIC = b"\x1f\x8b"
DIMENSIONS_BY_MAGIC = {0x00000801: 1, 0x00000803: 3}
LARGEST_CONTENT = 1 << 30
"""Bytes that a file may hold when unpacked: twenty times MNIST, and a bound for gzip bombs."""

CHUNK = 1 << 20
"""Bytes that are read at a time."""

WAY_OUT = "put an intact copy in its place"


def read_idx(path: Path) -> NDArray[np.uint8]:
    """Read an idx file of unsigned bytes, plain or gzip, whatever its name.

    Returns a writable uint8 array of shape `(count,)` for labels or `(count, height, width)` for images.
    Raises `DataError` if the file cannot be opened, is not such an idx file, is damaged, or does not hold exactly the
    bytes that its header promises.
    """
    try:
        with path.open("rb") as raw, _decoded(raw) as stream:
            return _read_array(stream)
    except EOFError:
        cause = "truncated gzip"
    except (gzip.BadGzipFile, zlib.error) as error:
        cause = f"damaged gzip ({error})"
    except OSError as error:
        cause = error.strerror or str(error)
    except ValueError as error:
        cause = str(error)
    raise DataError(f"{path}: {cause}; {WAY_OUT}")


def _decoded(raw: io.BufferedReader) -> io.BufferedIOBase:
    if raw.peek(2).startswith(GZIP_MAGIC):
        return gzip.GzipFile(fileobj=raw)
    return raw


def _read_array(stream: io.BufferedIOBase) -> NDArray[np.uint8]:
    shape = _read_shape(stream)
    size = math.prod(shape)
    promise = f"{' x '.join(map(str, shape))} bytes"
    if size > LARGEST_CONTENT:
        raise ValueError(f"its header promises {promise}, over the limit of {LARGEST_CONTENT}")
    content = _read_up_to(size, stream)
    if len(content) < size:
        raise ValueError(f"truncated: its header promises {promise}, but there are only {len(content)}")
    # Reading past the end also makes gzip verify its checksum.
    if stream.read(1):
        raise ValueError(f"more bytes than the {promise} that its header promises")
    return np.frombuffer(content, dtype=np.uint8).reshape(shape)


def _read_shape(stream: io.BufferedIOBase) -> tuple[int, ...]:
    (magic,) = _read_words(stream, 1)
    if magic not in DIMENSIONS_BY_MAGIC:
        raise ValueError(f"wrong magic number 0x{magic:08x}, not 0x00000801 (labels) or 0x00000803 (images)")
    return _read_words(stream, DIMENSIONS_BY_MAGIC[magic])


def _read_words(stream: io.BufferedIOBase, count: int) -> tuple[int, ...]:
    words = stream.read(4 * count)
    if len(words) < 4 * count:
        raise ValueError("truncated within its header" if words else "truncated: no header")
    return struct.unpack(f">{count}I", words)


def _read_up_to(size: int, stream: io.BufferedIOBase) -> bytearray:
    content = bytearray()
    while chunk := stream.read(min(CHUNK, size - len(content))):
        content += chunk
    return content
