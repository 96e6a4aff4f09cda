"""Reading `.h5` and `.keras` files of TensorFlow 2, Keras 2 and Keras 3 without Keras.

Keras would build any class that a file names and, in the older format, run the code in it: its `safe_mode` covers only
`.keras`. Here a file can only name layers of `network.LAYERS` and give their weights.

The weights are in HDF5, which is read as data: only arrays of floats in the file itself, of a bounded size. HDF5 can do
much more: link to other files, whose content would look like weights, hold a small chunk that unpacks to gigabytes,
load filters from a folder, and have cycles. All of this is refused. Import this module only if h5py is installed; it
comes with Keras.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import h5py
import numpy as np
from numpy.typing import NDArray

from inkread.errors import ModelError
from inkread.foreign.network import WEIGHTS, KerasLayer, Network, UnfitLayer, Weights, check_settings
from inkread.models.files import LARGEST_CONTENT, check_size
from inkread.models.session import GIVEN, fitting_shape, shown_shape

LARGEST_DEPTH = 200
"""The largest number of layers."""

WAY_OUT = "convert it where it was made, or save it again with plain Keras layers"
CONFIG, WEIGHTS_FILE = "config.json", "model.weights.h5"

WeightsOf = Callable[[str, str], Weights]


def read_keras_file(path: Path) -> Network:
    """Return the network in a `.h5` or `.keras` file. No code in the file is run.

    Raises `ModelError` for a file that is damaged, too large, or holds anything other than layers of `network.LAYERS`
    and their weights.
    """
    check_size(path)
    try:
        return _of_keras(path) if path.suffix.lower() == ".keras" else _of_h5(path)
    except (UnfitLayer, UnfitFile) as error:
        raise ModelError(f"{path}: {error}; {WAY_OUT}") from None
    except (*FAULTS, zipfile.BadZipFile, zlib.error, AttributeError, IndexError, EOFError) as error:
        cause = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise ModelError(f"{path}: not a Keras model ({cause}); check that the file is complete") from None


def _of_h5(path: Path) -> Network:
    with Hdf5(str(path)) as file:
        config = file.json("model_config")
        if config is None:
            raise UnfitFile("holds weights at most, not a network; save the whole network with model.save")
        return _network(config, lambda name, kind: _by_name(file.arrays(f"model_weights/{name}"), kind))


def _of_keras(path: Path) -> Network:
    with zipfile.ZipFile(path) as archive:
        config = json.loads(_read_member(archive, CONFIG, LARGEST_CONFIG))
        with Hdf5(io.BytesIO(_read_member(archive, WEIGHTS_FILE, LARGEST_CONTENT))) as file:
            return _network(config, _weights_of_keras(file, config))


def _read_member(archive: zipfile.ZipFile, name: str, limit: int) -> bytes:
    """Return a member of an archive. Raises `UnfitFile` unless there is exactly one of that name, within the limit."""
    if archive.namelist().count(name) != 1:
        raise UnfitFile(f"holds {'no' if name not in archive.namelist() else 'more than one'} {name}")
    if archive.getinfo(name).file_size > limit:
        raise UnfitFile(f"its {name} has {archive.getinfo(name).file_size:,} bytes; at most {limit:,} are allowed")
    return archive.read(name)


def _by_name(arrays: Mapping[str, Any], kind: str) -> Weights:
    """Return a layer's arrays in the order of `WEIGHTS`, by names such as "dense/kernel:0"."""
    names = {path: path.rsplit("/", 1)[-1].partition(":")[0].removeprefix("depthwise_") for path in arrays}
    named = {names[path]: array for path, array in arrays.items()}
    order = WEIGHTS.get(kind, ())
    if len(named) != len(arrays) or named.keys() - set(order):
        raise UnfitFile(f"has the weights {', '.join(sorted(arrays))[:100]} for a layer of class {kind}")
    return [named[name] for name in order if name in named]


def _weights_of_keras(file: Hdf5, config: Any) -> WeightsOf:
    """Return a function that gives the weights of a layer. In the archive they are numbered, in a group per layer."""
    counts: Counter[str] = Counter()
    groups = {}
    for name, kind, _ in _entries(config):
        stem = _snake_case(kind)
        groups[name] = f"layers/{stem}_{counts[stem]}" if counts[stem] else f"layers/{stem}"
        counts[stem] += 1

    def weights(name: str, _kind: str) -> Weights:
        arrays = file.arrays(groups[name])
        if arrays.keys() != {f"vars/{index}" for index in range(len(arrays))}:
            raise UnfitFile(f"has the weights {', '.join(sorted(arrays))[:100]} for the layer {name[:50]}")
        label = file.label(f"{groups[name]}/vars")
        if label not in (None, name):
            raise UnfitFile(f"has the weights of {label!r:.50} in the place of those of {name!r:.50}")
        return [arrays[f"vars/{index}"] for index in range(len(arrays))]

    return weights


def _snake_case(kind: str) -> str:
    """Return the name that Keras gives the group of a class: "max_pooling2d" for "MaxPooling2D"."""
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", kind)).lower()


def _entries(config: Any) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield name, class and entry of each layer of a network's configuration."""
    if config["class_name"] not in ("Sequential", "Functional", "Model"):
        raise UnfitFile(f"is a model of class {str(config['class_name'])[:50]!r}, which inkread does not support")
    entries = config["config"]["layers"] if isinstance(config["config"], dict) else config["config"]
    if len(entries) > LARGEST_DEPTH:
        raise UnfitFile(f"has {len(entries)} layers; at most {LARGEST_DEPTH} are allowed")
    for entry in entries:
        if str(entry.get("registered_name") or "").count(">"):
            raise UnfitLayer(f"layer {str(entry['registered_name'])[:50]!r} is of a custom class")
        yield str(entry["config"].get("name") or entry.get("name")), str(entry["class_name"]), entry


def _network(config: Any, weights_of: WeightsOf) -> Network:
    entries = list(_entries(config))
    sequential = config["class_name"] == "Sequential"
    inputs = [name for name, kind, _ in entries if kind == "InputLayer"]
    if len(inputs) > 1:
        raise UnfitFile(f"takes {len(inputs)} inputs, but inkread gives one")
    before = input_name = inputs[0] if inputs else "glyph"
    layers = []
    for name, kind, entry in entries:
        if kind == "InputLayer":
            continue
        settings = check_settings(name, kind, entry["config"])
        takes = (before,) if sequential else _inbound(name, entry["inbound_nodes"])
        layers.append(KerasLayer(name, kind, settings, weights_of(name, kind) if kind in WEIGHTS else [], takes))
        before = name
    if len({layer.name for layer in layers} | {input_name}) <= len(layers):
        raise UnfitFile("has two layers of the same name")
    outputs = [before] if sequential else _names(config["config"]["output_layers"])
    return Network(_input_shape(config, entries), input_name, _sort_layers(outputs, layers, input_name))


def _inbound(name: str, nodes: Any) -> tuple[str, ...]:
    """Return the names of a layer's input layers, in the notation of any version of Keras."""
    if len(nodes) != 1:
        raise UnfitLayer(f"layer {name[:50]!r} is used {len(nodes)} times; inkread supports only layers used once")
    return tuple(_names(nodes))


def _names(nodes: Any, depth: int = 0) -> list[str]:
    """Return the names of layers in nested lists and objects. Each is followed by two numbers, node and output."""
    if depth > 12:
        raise UnfitFile("has connections that are nested too deeply")
    if isinstance(nodes, dict):
        return [name for value in nodes.values() for name in _names(value, depth + 1)]
    if not isinstance(nodes, list):
        return []
    if len(nodes) >= 3 and isinstance(nodes[0], str):
        if nodes[1:3] != [0, 0]:
            raise UnfitLayer(f"layer {nodes[0][:50]!r} is used more than once")
        return [nodes[0]]
    return [name for value in nodes for name in _names(value, depth + 1)]


def _sort_layers(outputs: list[str], layers: list[KerasLayer], input_name: str) -> tuple[KerasLayer, ...]:
    """Return the layers in the order in which they run, up to the output layer."""
    if len(outputs) != 1:
        raise UnfitFile(f"gives {len(outputs)} outputs, but inkread takes one")
    known, ordered = {input_name}, []
    while outputs[0] not in known:
        ready = [layer for layer in layers if layer.name not in known and layer.inputs and known >= set(layer.inputs)]
        if not ready:
            raise UnfitFile("has layers that the input does not reach")
        ordered += ready
        known |= {layer.name for layer in ready}
    return tuple(sorted(ordered, key=lambda layer: layer.name == outputs[0]))


def _input_shape(config: Any, entries: list[tuple[str, str, dict[str, Any]]]) -> tuple[int, ...]:
    """Return the shape of one glyph, from the first layer or else from what the network was built with."""
    first = entries[0][2]["config"]
    shape = first.get("batch_shape") or first.get("batch_input_shape")
    if shape is None and isinstance(config["config"], dict):
        shape = config["config"].get("build_input_shape")
    if not shape:
        raise UnfitFile("does not give the shape of its input")
    if taken := fitting_shape(shape[1:]):
        return taken
    raise UnfitFile(f"takes glyphs of {shown_shape(shape)}, but inkread gives {GIVEN}")


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
