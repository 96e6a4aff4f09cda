"""Reading `.h5` and `.keras` files, as TensorFlow 2, Keras 2 and Keras 3 write them, without Keras.

Keras would build whatever classes a file names and, in the older format, run the code in it: `safe_mode` is for
`.keras` alone. Here a file says which of the layers in `network.LAYERS` it has, and brings their weights.
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
from typing import Any

from inkread.errors import ModelError
from inkread.foreign.hdf5 import FAULTS, LARGEST_CONFIG, Hdf5, UnfitFile
from inkread.foreign.network import WEIGHTS, KerasLayer, Network, UnfitLayer, Weights, checked_settings
from inkread.models.files import LARGEST_CONTENT, check_size
from inkread.models.session import GIVEN, fitting_shape, shown_shape

LARGEST_DEPTH = 200  # layers
WAY_OUT = "convert it where it was made, or save it anew with plain layers of Keras"
CONFIG, WEIGHTS_FILE = "config.json", "model.weights.h5"

WeightsOf = Callable[[str, str], Weights]


def read_keras_file(path: Path) -> Network:
    """Return the network in a `.h5` or `.keras` file; nothing in the file is run.

    Raises `ModelError` for a file that is damaged, too large, or holds anything but layers of `network.LAYERS` and
    their weights.
    """
    check_size(path)
    try:
        return _of_keras(path) if path.suffix.lower() == ".keras" else _of_h5(path)
    except (UnfitLayer, UnfitFile) as error:
        raise ModelError(f"{path}: {error}; {WAY_OUT}") from None
    except (*FAULTS, zipfile.BadZipFile, zlib.error, AttributeError, IndexError, EOFError) as error:
        cause = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise ModelError(f"{path}: not a model of Keras ({cause}); check that the file is whole") from None


def _of_h5(path: Path) -> Network:
    with Hdf5(str(path)) as file:
        config = file.json("model_config")
        if config is None:
            raise UnfitFile("holds no network, at most its weights; save the whole of it by model.save")
        return _network(config, lambda name, kind: _by_name(file.arrays(f"model_weights/{name}"), kind))


def _of_keras(path: Path) -> Network:
    with zipfile.ZipFile(path) as archive:
        config = json.loads(_member(archive, CONFIG, LARGEST_CONFIG))
        with Hdf5(io.BytesIO(_member(archive, WEIGHTS_FILE, LARGEST_CONTENT))) as file:
            return _network(config, _weights_of_keras(file, config))


def _member(archive: zipfile.ZipFile, name: str, limit: int) -> bytes:
    """Return a file of an archive, which must be there once and unpack to no more than it says and may."""
    if archive.namelist().count(name) != 1:
        raise UnfitFile(f"holds {'no' if name not in archive.namelist() else 'more than one'} {name}")
    if archive.getinfo(name).file_size > limit:
        raise UnfitFile(f"its {name} takes {archive.getinfo(name).file_size:,} bytes where {limit:,} are allowed")
    return archive.read(name)


def _by_name(arrays: Mapping[str, Any], kind: str) -> Weights:
    """Return a layer's arrays in the order of `WEIGHTS`, told by names such as "dense/kernel:0"."""
    names = {path: path.rsplit("/", 1)[-1].partition(":")[0].removeprefix("depthwise_") for path in arrays}
    named = {names[path]: array for path, array in arrays.items()}
    order = WEIGHTS.get(kind, ())
    if len(named) != len(arrays) or named.keys() - set(order):
        raise UnfitFile(f"has the weights {', '.join(sorted(arrays))[:100]} for a layer of class {kind}")
    return [named[name] for name in order if name in named]


def _weights_of_keras(file: Hdf5, config: Any) -> WeightsOf:
    """Return a function that gives the weights of a layer of the archive: numbered, in a group named for its class."""
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
            raise UnfitFile(f"has weights of {label!r:.50} in the place of those of {name!r:.50}")
        return [arrays[f"vars/{index}"] for index in range(len(arrays))]

    return weights


def _snake_case(kind: str) -> str:
    """Return the name of a class as Keras names groups: "MaxPooling2D" is "max_pooling2d"."""
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", kind)).lower()


def _entries(config: Any) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield name, class and entry of each layer of a network's configuration."""
    if config["class_name"] not in ("Sequential", "Functional", "Model"):
        raise UnfitFile(f"is a model of class {str(config['class_name'])[:50]!r}, which inkread does not take")
    entries = config["config"]["layers"] if isinstance(config["config"], dict) else config["config"]
    if len(entries) > LARGEST_DEPTH:
        raise UnfitFile(f"has {len(entries)} layers where {LARGEST_DEPTH} are allowed")
    for entry in entries:
        if str(entry.get("registered_name") or "").count(">"):
            raise UnfitLayer(f"layer {str(entry['registered_name'])[:50]!r} is of a class of its author's own")
        yield str(entry["config"].get("name") or entry.get("name")), str(entry["class_name"]), entry


def _network(config: Any, weights_of: WeightsOf) -> Network:
    entries = list(_entries(config))
    sequential = config["class_name"] == "Sequential"
    inputs = [name for name, kind, _ in entries if kind == "InputLayer"]
    if len(inputs) > 1:
        raise UnfitFile(f"takes {len(inputs)} inputs where inkread gives one")
    before = input_name = inputs[0] if inputs else "glyph"
    layers = []
    for name, kind, entry in entries:
        if kind == "InputLayer":
            continue
        settings = checked_settings(name, kind, entry["config"])
        takes = (before,) if sequential else _inbound(name, entry["inbound_nodes"])
        layers.append(KerasLayer(name, kind, settings, weights_of(name, kind) if kind in WEIGHTS else [], takes))
        before = name
    if len({layer.name for layer in layers} | {input_name}) <= len(layers):
        raise UnfitFile("has two layers of one name")
    outputs = [before] if sequential else _names(config["config"]["output_layers"])
    return Network(_input_shape(config, entries), input_name, _up_to(outputs, layers, input_name))


def _inbound(name: str, nodes: Any) -> tuple[str, ...]:
    """Return the layers that a layer takes from, however this version of Keras writes them."""
    if len(nodes) != 1:
        raise UnfitLayer(f"layer {name[:50]!r} is used {len(nodes)} times where inkread takes layers used once")
    return tuple(_names(nodes))


def _names(nodes: Any, depth: int = 0) -> list[str]:
    """Return the names of layers in nested lists and objects: each stands before two numbers, node and output."""
    if depth > 12:
        raise UnfitFile("has connections nested without an end")
    if isinstance(nodes, dict):
        return [name for value in nodes.values() for name in _names(value, depth + 1)]
    if not isinstance(nodes, list):
        return []
    if len(nodes) >= 3 and isinstance(nodes[0], str):
        if nodes[1:3] != [0, 0]:
            raise UnfitLayer(f"layer {nodes[0][:50]!r} is used more than once")
        return [nodes[0]]
    return [name for value in nodes for name in _names(value, depth + 1)]


def _up_to(outputs: list[str], layers: list[KerasLayer], input_name: str) -> tuple[KerasLayer, ...]:
    """Return the layers in working order up to the one that answers."""
    if len(outputs) != 1:
        raise UnfitFile(f"gives {len(outputs)} outputs where inkread takes one")
    known, ordered = {input_name}, []
    while outputs[0] not in known:
        ready = [layer for layer in layers if layer.name not in known and layer.inputs and known >= set(layer.inputs)]
        if not ready:
            raise UnfitFile("has layers that no input reaches")
        ordered += ready
        known |= {layer.name for layer in ready}
    return tuple(sorted(ordered, key=lambda layer: layer.name == outputs[0]))


def _input_shape(config: Any, entries: list[tuple[str, str, dict[str, Any]]]) -> tuple[int, ...]:
    """Return the shape of one glyph as the first layer says, or what a network without that was built with."""
    first = entries[0][2]["config"]
    shape = first.get("batch_shape") or first.get("batch_input_shape")
    if shape is None and isinstance(config["config"], dict):
        shape = config["config"].get("build_input_shape")
    if not shape:
        raise UnfitFile("does not say what input it takes")
    if taken := fitting_shape(shape[1:]):
        return taken
    raise UnfitFile(f"takes glyphs of {shown_shape(shape)}, where inkread gives {GIVEN}")
