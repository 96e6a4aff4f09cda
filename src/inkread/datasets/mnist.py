"""MNIST: finding, downloading, reading and checking it.

It is published in the idx format: a magic number, the dimensions, then the bytes. The content of a file is not trusted.
Sizes are checked before and while bytes are read, so the memory used depends on what a file holds and not on what its
header claims.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import math
import os
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from inkread.datasets.download import Progress, cache_folder, download_all, md5_of
from inkread.errors import DataError

MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
MD5S = {
    "train-images-idx3-ubyte.gz": "f68b3c2dcbeaaa9fbdd348bbdeb94873",
    "train-labels-idx1-ubyte.gz": "d53e105ee54ea40749a09fcbcd1e9432",
    "t10k-images-idx3-ubyte.gz": "9fb629c4189551a2d022fa330f9573f3",
    "t10k-labels-idx1-ubyte.gz": "ec29112dd5afa0611ce80d1b7f02629c",
}
IDX_NAMES = tuple(name.removesuffix(".gz") for name in MD5S)
NPZ_NAME = "mnist.npz"
NPZ_KEYS = ("x_train", "y_train", "x_test", "y_test")
# The SHA-256 of the bytes of the four arrays, one after the other.
ORIGINAL_SHA256 = "06b0d1f124c4e5fa796686ade41a9b778edacc8622f2195a352ef479ad44fc16"
# What NumPy and zipfile raise for damaged, encrypted, pickled and inconsistent files.
NPZ_FAULTS = (
    *(OSError, EOFError, RuntimeError, MemoryError, zipfile.BadZipFile, zlib.error),
    *(ValueError, TypeError, SyntaxError, tokenize.TokenError),
)
SIDE = 28
"""Side of an image in pixels."""

LARGEST_CONTENT = 1 << 30
"""Bytes that a file may hold when unpacked: twenty times MNIST, and a bound for gzip bombs."""

WAY_OUT = "put an intact copy in its place"

Bytes: TypeAlias = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Mnist:
    """Handwritten digits with labels, for training and for the test at its end.

    `train_images` and `test_images` are uint8 of shape `(count, 28, 28)`, 0 = paper, 255 = ink. `train_labels` and
    `test_labels` are uint8 of shape `(count,)`, 0 to 9. The original has 60 000 and 10 000 images; other data may have
    any number above 0.
    """

    train_images: Bytes = field(repr=False)
    train_labels: Bytes = field(repr=False)
    test_images: Bytes = field(repr=False)
    test_labels: Bytes = field(repr=False)

    @property
    def is_original(self) -> bool:
        """Whether this is MNIST as published, byte for byte and in the same order; takes 50 ms."""
        digest = hashlib.sha256()
        for array in (self.train_images, self.train_labels, self.test_images, self.test_labels):
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest() == ORIGINAL_SHA256


def load_mnist(
    data: str | os.PathLike[str] | None = None,
    *,
    progress: Progress | None = None,
    mirrors: Sequence[str] = MIRRORS,
) -> Mnist:
    """Load MNIST, or data in its format.

    data: a folder with the four idx files (plain or gzip) or `mnist.npz`, a folder with a folder `mnist` that has them,
        or an npz file in Keras's layout. None for the value of INKREAD_DATA. If that is not set either, the user's
        cache is used, and missing files are downloaded.
    progress: called during downloads.
    mirrors: the folders to download from, tried in order.

    Raises `DataError`, which names the file, the cause and the remedy, if files are missing or damaged, do not belong
    together, or cannot be downloaded.
    """
    try:
        if data is not None:
            return _load_given(Path(data))
        if variable := os.environ.get("INKREAD_DATA"):
            return _load_given(Path(variable), shown="INKREAD_DATA=")
        return _load_cached(cache_folder("mnist"), progress, mirrors)
    except OSError as error:
        raise DataError(f"{error.filename}: {error.strerror}; name another folder with --data DIR") from error


def holds_mnist(folder: Path) -> bool:
    """Tell whether a folder, or its folder `mnist`, has data in the format of MNIST."""
    places = (folder, folder / "mnist")
    return any((place / NPZ_NAME).is_file() or _find_idx(place, IDX_NAMES[0]) for place in places)


def mnist_at_hand() -> Mnist | None:
    """Return the result of `load_mnist()` if it is on this machine already, else None. Downloads nothing."""
    try:
        if os.environ.get("INKREAD_DATA") or cache_folder("mnist").is_dir():
            return load_mnist(mirrors=())
    except DataError:
        # An incomplete download counts as missing.
        pass
    return None


def _load_given(path: Path, *, shown: str = "") -> Mnist:
    if path.is_file():
        return _read_npz(path)
    for folder in (path, path / "mnist"):
        if found := _load_folder(folder):
            return found
    raise DataError(f"{shown}{path}: {_what_is_missing(path)}")


def _load_cached(folder: Path, progress: Progress | None, mirrors: Sequence[str]) -> Mnist:
    lacking = {f"{name}.gz": MD5S[f"{name}.gz"] for name in IDX_NAMES if not _find_idx(folder, name)}
    if lacking and not (folder / NPZ_NAME).is_file():
        download_all(lacking, folder, mirrors=mirrors, progress=progress)
    _check_downloads(folder)
    return _load_given(folder)


def _load_folder(folder: Path) -> Mnist | None:
    """Return the data in `folder`, or None if it has neither the four idx files nor the npz."""
    idx_files = [file for name in IDX_NAMES if (file := _find_idx(folder, name))]
    if len(idx_files) == len(IDX_NAMES):
        return _read_idx_files(idx_files)
    if (folder / NPZ_NAME).is_file():
        return _read_npz(folder / NPZ_NAME)
    return None


def _find_idx(folder: Path, name: str) -> Path | None:
    """Return an idx file, plain or gzip, named as published or with the dot of unpacked copies; None if missing."""
    spellings = (name, name.replace("-idx", ".idx"))
    candidates = (folder / f"{spelling}{suffix}" for suffix in ("", ".gz") for spelling in spellings)
    return next((file for file in candidates if file.is_file()), None)


def _what_is_missing(path: Path) -> str:
    if not path.exists():
        return f"no such file or folder; it should hold {_list_wanted(IDX_NAMES)}"
    folder = path / "mnist" if (path / "mnist").is_dir() else path
    missing = [name for name in IDX_NAMES if not _find_idx(folder, name)]
    return f"no complete MNIST; put {_list_wanted(missing)} into {folder}"


def _list_wanted(names: Sequence[str]) -> str:
    return f"{', '.join(names)} (each may end in .gz) or {NPZ_NAME}"


def _check_downloads(folder: Path) -> None:
    for name, md5 in MD5S.items():
        file = folder / name
        if file.is_file() and (found := md5_of(file)) != md5:
            raise DataError(
                f"{file}: wrong checksum (md5 {found}, not {md5}); delete it and inkread downloads it again, "
                "or name a folder with other data with --data DIR"
            )


def _read_idx_files(files: Sequence[Path]) -> Mnist:
    return _check([read_idx(file) for file in files], [str(file) for file in files])


def _read_npz(path: Path) -> Mnist:
    try:
        with zipfile.ZipFile(path) as archive:
            arrays = [_read_member(archive, key) for key in NPZ_KEYS]
    except KeyError as error:
        raise DataError(f"{path}: {error.args[0]}; {WAY_OUT}, with arrays {', '.join(NPZ_KEYS)}") from error
    except NPZ_FAULTS as error:
        raise DataError(f"{path}: not a readable {NPZ_NAME} ({error}); {WAY_OUT}") from error
    return _check(arrays, [f"{path}, array {key}" for key in NPZ_KEYS])


def _read_member(archive: zipfile.ZipFile, key: str) -> Bytes:
    member = archive.getinfo(f"{key}.npy")
    if member.file_size > LARGEST_CONTENT:
        raise ValueError(f"array {key} is over the limit of {LARGEST_CONTENT} bytes")
    # The whole member is read first, so that zip's checksum finds damage before NumPy parses it.
    content = io.BytesIO(archive.read(member))
    array: Bytes = np.lib.format.read_array(content, allow_pickle=False)
    if array.dtype != np.uint8:
        raise ValueError(f"array {key} has the type {array.dtype}, not uint8")
    return array


def _check(arrays: Sequence[Bytes], names: Sequence[str]) -> Mnist:
    named = list(zip(arrays, names, strict=True))
    for (images, images_name), (labels, labels_name) in (named[:2], named[2:]):
        _check_images(images, images_name)
        _check_labels(labels, labels_name)
        if len(images) != len(labels):
            counts = f"{len(labels)} labels for the {len(images)} images of {images_name}"
            raise DataError(f"{labels_name}: {counts}; replace them by files that belong together")
    return Mnist(*arrays)


def _check_images(images: Bytes, name: str) -> None:
    if images.ndim != 3 or images.shape[1:] != (SIDE, SIDE) or not len(images):
        raise DataError(f"{name}: shape {images.shape}, not (count, {SIDE}, {SIDE}) with images; {WAY_OUT}")


def _check_labels(labels: Bytes, name: str) -> None:
    if labels.ndim != 1:
        raise DataError(f"{name}: shape {labels.shape}, not (count,) with labels; {WAY_OUT}")
    if len(labels) and labels.max() > 9:
        raise DataError(f"{name}: label {labels.max()} at index {labels.argmax()}, over 9; {WAY_OUT}")


GZIP_MAGIC = b"\x1f\x8b"
DIMENSIONS_BY_MAGIC = {0x00000801: 1, 0x00000803: 3}
CHUNK = 1 << 20
"""Bytes that are read at a time."""


def read_idx(path: Path) -> NDArray[np.uint8]:
    """Read an idx file of unsigned bytes, plain or gzip, whatever its name.

    Returns a writable uint8 array of shape `(count,)` for labels or `(count, height, width)` for images.
    Raises `DataError` if the file cannot be opened, is not such an idx file, is damaged, or does not hold exactly the
    bytes that its header promises.
    """
    try:
        with path.open("rb") as raw, _decode(raw) as stream:
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


def _decode(raw: io.BufferedReader) -> io.BufferedIOBase:
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
