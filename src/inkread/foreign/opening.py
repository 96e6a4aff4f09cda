"""Opening an untrusted model file as a Keras model. Shapes and weights are checked before a layer is built."""

from __future__ import annotations

import importlib.util
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from inkread.errors import MissingExtra, ModelError, speaking_of
from inkread.foreign.network import KerasLayer, Network, UnfitLayer
from inkread.models.files import KERAS_SUFFIXES, check_size

if TYPE_CHECKING:
    import keras


def keras_model(path: Path) -> Any:
    """Return the network in a `.keras`, `.h5` or `.onnx` file as a Keras model. No code in the file is run.

    Takes some seconds, because TensorFlow must start. A file is refused before that.

    Raises `ModelError` for a file that is missing, damaged or holds something that inkread does not support, and
    `MissingExtra` if Keras is not installed.
    """
    check_size(path)
    network = _network(path)
    from inkread.keras_backend import load_keras

    load_keras(f"{path}: a Keras file")
    try:
        return build_model(network)
    except UnfitLayer as error:
        raise ModelError(f"{path}: {error}; save it again where it was made") from None


def onnx_of_keras_file(path: Path) -> bytes:
    """Return a `.keras` or `.h5` file as ONNX that gives the same outputs. Raises what `keras_model` raises."""
    model = keras_model(path)
    from inkread.foreign.to_onnx import export_onnx

    with tempfile.TemporaryDirectory() as folder:
        onnx = Path(folder) / "model.onnx"
        with speaking_of(path, onnx):
            export_onnx(model, onnx, np.random.default_rng(0).random((16, 28, 28), np.float32))
        return onnx.read_bytes()


def _network(path: Path) -> Network:
    if path.suffix.lower() not in KERAS_SUFFIXES:
        from inkread.foreign.from_onnx import network_of_onnx

        return network_of_onnx(path)
    if not importlib.util.find_spec("h5py"):
        raise MissingExtra(f"{path}: a Keras file", "train")
    from inkread.foreign.from_keras_file import read_keras_file

    return read_keras_file(path)


LARGEST_MAP = 4 << 20
"""The largest number of outputs of one layer for one glyph."""

Shape = tuple[int, ...]


def build_model(network: Network) -> keras.Model:
    """Return the network as a Keras model, with its weights.

    Every shape is computed and compared with the weights before a layer is built, so that no setting makes Keras
    allocate more memory than the weights in the file take.

    Call `load_keras` before. Raises `UnfitLayer`, which names the layer, if its settings, weights and inputs do not fit
    together.
    """
    import keras

    glyph = keras.Input(network.input_shape, name="glyph")
    given = {network.input_name: glyph}
    for layer in network.layers:
        given[layer.name] = _apply_layer(layer, [given[name] for name in layer.inputs])
    return keras.Model(glyph, given[network.layers[-1].name])


def _apply_layer(layer: KerasLayer, inputs: list[keras.KerasTensor]) -> keras.KerasTensor:
    """Return the output of a layer, after checking its settings and weights."""
    import keras

    try:
        made = getattr(keras.layers, layer.kind)(**layer.settings)
        shapes = [tensor.shape for tensor in inputs]
        gives = made.compute_output_shape(shapes[0] if len(shapes) == 1 else shapes)
        _check_map(layer, gives)
        _check_weights(layer, shapes[0])
        applied = made(inputs[0] if len(inputs) == 1 else inputs)
        made.set_weights(layer.weights)
    except UnfitLayer:
        raise
    except Exception as error:  # noqa: BLE001 - Keras raises errors of any class for settings that do not fit
        reason = " ".join(str(error).split())[:150]
        raise UnfitLayer(f"layer {layer.name[:50]!r} of class {layer.kind} cannot be built ({reason})") from None
    return applied


def _check_map(layer: KerasLayer, gives: Shape) -> None:
    if int(np.prod([side or 1 for side in gives], dtype=object)) > LARGEST_MAP:
        raise UnfitLayer(f"layer {layer.name[:50]!r} gives {gives[1:]} numbers per glyph, more than {LARGEST_MAP:,}")


def _check_weights(layer: KerasLayer, taken: Shape) -> None:
    shapes = [array.shape for array in layer.weights]
    if shapes != (expected := _weight_shapes(layer, taken)):
        raise UnfitLayer(f"layer {layer.name[:50]!r} has weights of {shapes}, but its settings need {expected}")
    if not all(np.isfinite(array).all() for array in layer.weights):
        raise UnfitLayer(f"layer {layer.name[:50]!r} has weights that are not finite numbers")


def _weight_shapes(layer: KerasLayer, taken: Shape) -> list[Shape]:
    """Return the expected shapes of a layer's weights."""
    settings, channels = layer.settings, taken[-1]
    if layer.kind == "BatchNormalization":
        switches = (settings.get("scale", True), settings.get("center", True), True, True)
        return [(taken[settings.get("axis", -1)],) for switch in switches if switch]
    if layer.kind == "Dense":
        kernel, maps = (channels, settings["units"]), settings["units"]
    elif layer.kind in ("Conv2D", "DepthwiseConv2D"):
        size = settings["kernel_size"]
        window = (size, size) if isinstance(size, int) else tuple(size)
        if layer.kind == "Conv2D":
            maps = settings["filters"]
            kernel = (*window, channels // settings.get("groups", 1), maps)
        else:
            multiplier = settings.get("depth_multiplier", 1)
            kernel, maps = (*window, channels, multiplier), channels * multiplier
    else:
        return []
    return [kernel, (maps,)] if settings.get("use_bias", True) else [kernel]
