"""Reading HDF5 as data: only arrays of floats in the file itself, of a bounded size.

HDF5 can do much more: link to other files, whose content would look like weights, hold a small chunk that unpacks to
gigabytes, load filters from a folder, and have cycles. All of this is refused. Import this module only if h5py is
installed; it comes with Keras.
"""

from __future__ import annotations

import json
from typing import IO, Any

import h5py
import numpy as np
from numpy.typing import NDArray

from inkread.models.files import LARGEST_CONTENT

LARGEST_CONFIG = 4 << 20
"""The largest number of bytes of JSON."""

DEPTH = 8
"""The largest number of groups inside each other."""

MEMBERS = 10_000
"""The largest number of groups and arrays in a group of the file."""

_FILTERS = frozenset({h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_FLETCHER32})
FAULTS = (OSError, KeyError, ValueError, RuntimeError, TypeError, RecursionError, MemoryError)
"""What h5py and `json` raise for damaged files."""


class UnfitFile(ValueError):  # noqa: N818 - like `MissingExtra`, it is named for the fault
    """Raised for a file with content that inkread does not support, with the reason in words."""


class Hdf5:
    """The arrays and the text of an HDF5 file, by name, as a context manager.

    content: a path, or the bytes as a file.

    Raises one of `FAULTS` for a file that is not HDF5, and `UnfitFile` for one that holds more than data.
    """

    def __init__(self, content: str | IO[bytes]) -> None:
        self._file = h5py.File(content, "r")
        self._left = LARGEST_CONTENT

    def __enter__(self) -> Hdf5:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def json(self, attribute: str) -> Any:
        """Return the JSON object in an attribute of the file, or None if there is no such attribute."""
        if attribute not in self._file.attrs:
            return None
        if self._file.attrs.get_id(attribute).shape != ():
            raise UnfitFile(f"{attribute} is not a single text")
        text = self._file.attrs[attribute]
        if not isinstance(text, (str, bytes)) or len(text) > LARGEST_CONFIG:
            raise UnfitFile(f"{attribute} is not a text of at most {LARGEST_CONFIG:,} bytes")
        return json.loads(text)

    def arrays(self, group: str) -> dict[str, NDArray[np.float32]]:
        """Return every array in a group and in the groups inside it, float32, by its path in the group."""
        found: dict[str, NDArray[np.float32]] = {}
        members = 0
        waiting = [("", _member(self._file, group), 0)]
        while waiting:
            path, member, depth = waiting.pop()
            members += 1
            if depth > DEPTH or members > MEMBERS:
                raise UnfitFile(f"{group} holds too many groups and arrays")
            if isinstance(member, h5py.Dataset):
                found[path.lstrip("/")] = self._array(member)
            elif isinstance(member, h5py.Group):
                waiting += [(f"{path}/{name}", _member(member, name), depth + 1) for name in member]
        return found

    def label(self, group: str) -> str | None:
        """Return the text of the attribute `name` of a group, in which Keras 3 keeps the name of the layer."""
        attributes = _member(self._file, group).attrs
        if "name" not in attributes or attributes.get_id("name").shape != ():
            return None
        text = attributes["name"]
        return text if isinstance(text, str) else None

    def names(self, group: str) -> list[str]:
        """Return the names in a group; an empty list if there is no such group."""
        return list(_member(self._file, group)) if group in self._file else []

    def _array(self, dataset: h5py.Dataset) -> NDArray[np.float32]:
        """Return an array. Raises `UnfitFile` unless it is in this file, holds floats, and is within the limit."""
        if dataset.external or dataset.is_virtual:
            raise UnfitFile(f"{dataset.name} is in another file")
        if dataset.dtype.kind != "f" or dataset.dtype.itemsize > 8:
            raise UnfitFile(f"{dataset.name} holds {dataset.dtype}, not floats")
        plist = dataset.id.get_create_plist()
        if {plist.get_filter(index)[0] for index in range(plist.get_nfilters())} - _FILTERS:
            raise UnfitFile(f"{dataset.name} is compressed by a filter other than gzip")
        chunk = int(np.prod(dataset.chunks or (), dtype=object)) * dataset.dtype.itemsize
        self._left -= max(int(np.prod(dataset.shape or (0,), dtype=object)) * max(dataset.dtype.itemsize, 4), chunk)
        if self._left < 0:
            raise UnfitFile(f"its arrays take more than {LARGEST_CONTENT >> 20} MiB")
        return np.asarray(dataset[()], np.float32)


def _member(group: h5py.Group, path: str) -> h5py.Group | h5py.Dataset:
    """Return the group or array at a path of a group. Raises `UnfitFile` for a link to another place."""
    for name in path.split("/"):
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            raise UnfitFile(f"{name[:50]} is a link to another place")
        group = group[name]
    return group
