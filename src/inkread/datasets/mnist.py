"""MNIST: where it is found, how it is fetched, and whether it is what it says."""

from __future__ import annotations

import hashlib
import io
import os
import tokenize
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from inkread.datasets.download import Progress, cache_folder, download_all, md5_of
from inkread.datasets.idx import LARGEST_CONTENT, WAY_OUT, read_idx
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
# Of the bytes of the four arrays, one after the other.
ORIGINAL_SHA256 = "06b0d1f124c4e5fa796686ade41a9b778edacc8622f2195a352ef479ad44fc16"
# What numpy and zipfile raise for damaged, encrypted, pickled and lying files.
NPZ_FAULTS = (
    *(OSError, EOFError, RuntimeError, MemoryError, zipfile.BadZipFile, zlib.error),
    *(ValueError, TypeError, SyntaxError, tokenize.TokenError),
)
SIDE = 28  # pixels

Bytes: TypeAlias = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Mnist:
    """Handwritten digits with labels, for training and for the one look at the end.

    `train_images` and `test_images` are uint8 of shape `(count, 28, 28)`, 0 = paper, 255 = ink;
    `train_labels` and `test_labels` are uint8 of shape `(count,)`, 0 to 9. The original counts 60 000 and
    10 000; a user's own data may count anything over 0.
    """

    train_images: Bytes
    train_labels: Bytes
    test_images: Bytes
    test_labels: Bytes

    @property
    def is_original(self) -> bool:
        """Whether this is MNIST as published, byte for byte and in its order; takes 50 ms."""
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
    """Load MNIST, or data in its format, from where it is.

    `data` is a folder with the four idx files (plain or gzip) or `mnist.npz`, or with a folder `mnist` that
    has them, or the path of an npz file in Keras's layout. Without it the variable INKREAD_DATA says the
    same. Only when neither is given, the user's cache is used, and what it lacks is downloaded from
    `mirrors`, telling `progress` of every step.

    Raises DataError, naming the file, the cause and the way out, when files are missing, damaged, do not
    belong together or cannot be downloaded.
    """
    try:
        if data is not None:
            return _load_given(Path(data))
        if variable := os.environ.get("INKREAD_DATA"):
            return _load_given(Path(variable), shown="INKREAD_DATA=")
        return _load_cached(cache_folder("mnist"), progress, mirrors)
    except OSError as error:
        raise DataError(f"{error.filename}: {error.strerror}; give another folder by --data DIR") from error


def holds_mnist(folder: Path) -> bool:
    """Tell whether a folder, or a folder `mnist` in it, holds data in the format of MNIST."""
    places = (folder, folder / "mnist")
    return any((place / NPZ_NAME).is_file() or _find_idx(place, IDX_NAMES[0]) for place in places)


def mnist_at_hand() -> Mnist | None:
    """Return what `load_mnist()` would, if it lies on this machine already, else None; downloads nothing."""
    try:
        if os.environ.get("INKREAD_DATA") or cache_folder("mnist").is_dir():
            return load_mnist(mirrors=())
    except DataError:
        pass  # not whole, so not at hand
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
    """Return the data in `folder`, or None where neither the four idx files nor the npz are there."""
    idx_files = [file for name in IDX_NAMES if (file := _find_idx(folder, name))]
    if len(idx_files) == len(IDX_NAMES):
        return _read_idx_files(idx_files)
    if (folder / NPZ_NAME).is_file():
        return _read_npz(folder / NPZ_NAME)
    return None


def _find_idx(folder: Path, name: str) -> Path | None:
    """Find an idx file plain or gzip, spelled as published or with the dot of unpacked copies."""
    spellings = (name, name.replace("-idx", ".idx"))
    candidates = (folder / f"{spelling}{suffix}" for suffix in ("", ".gz") for spelling in spellings)
    return next((file for file in candidates if file.is_file()), None)


def _what_is_missing(path: Path) -> str:
    if not path.exists():
        return f"no such file or folder; {_wanted(IDX_NAMES)} are looked for there"
    folder = path / "mnist" if (path / "mnist").is_dir() else path
    missing = [name for name in IDX_NAMES if not _find_idx(folder, name)]
    return f"no complete MNIST; put {_wanted(missing)} into {folder}"


def _wanted(names: Sequence[str]) -> str:
    return f"{', '.join(names)} (each may end in .gz) or {NPZ_NAME}"


def _check_downloads(folder: Path) -> None:
    for name, md5 in MD5S.items():
        file = folder / name
        if file.is_file() and (found := md5_of(file)) != md5:
            raise DataError(
                f"{file}: wrong checksum (md5 {found}, not {md5}); delete it and inkread downloads it again, "
                "or give a folder with data of your own by --data DIR"
            )


def _read_idx_files(files: Sequence[Path]) -> Mnist:
    return _checked([read_idx(file) for file in files], [str(file) for file in files])


def _read_npz(path: Path) -> Mnist:
    try:
        with zipfile.ZipFile(path) as archive:
            arrays = [_read_member(archive, key) for key in NPZ_KEYS]
    except KeyError as error:
        raise DataError(f"{path}: {error.args[0]}; {WAY_OUT}, with arrays {', '.join(NPZ_KEYS)}") from error
    except NPZ_FAULTS as error:
        raise DataError(f"{path}: no readable {NPZ_NAME} ({error}); {WAY_OUT}") from error
    return _checked(arrays, [f"{path}, array {key}" for key in NPZ_KEYS])


def _read_member(archive: zipfile.ZipFile, key: str) -> Bytes:
    member = archive.getinfo(f"{key}.npy")
    if member.file_size > LARGEST_CONTENT:
        raise ValueError(f"array {key} is over the limit of {LARGEST_CONTENT} bytes")
    # Read whole before it is parsed, so that damage meets zip's checksum and not numpy's parser.
    content = io.BytesIO(archive.read(member))
    array: Bytes = np.lib.format.read_array(content, allow_pickle=False)
    if array.dtype != np.uint8:
        raise ValueError(f"array {key} is of {array.dtype}, not uint8")
    return array


def _checked(arrays: Sequence[Bytes], names: Sequence[str]) -> Mnist:
    named = list(zip(arrays, names, strict=True))
    for (images, images_name), (labels, labels_name) in (named[:2], named[2:]):
        _check_images(images, images_name)
        _check_labels(labels, labels_name)
        if len(images) != len(labels):
            counts = f"{len(labels)} labels for the {len(images)} images of {images_name}"
            raise DataError(f"{labels_name}: {counts}; put files in their place that belong together")
    return Mnist(*arrays)


def _check_images(images: Bytes, name: str) -> None:
    if images.ndim != 3 or images.shape[1:] != (SIDE, SIDE) or not len(images):
        raise DataError(f"{name}: shape {images.shape}, not (count, {SIDE}, {SIDE}) with images; {WAY_OUT}")


def _check_labels(labels: Bytes, name: str) -> None:
    if labels.ndim != 1:
        raise DataError(f"{name}: shape {labels.shape}, not (count,) with labels; {WAY_OUT}")
    if len(labels) and labels.max() > 9:
        raise DataError(f"{name}: label {labels.max()} at index {labels.argmax()}, over 9; {WAY_OUT}")
