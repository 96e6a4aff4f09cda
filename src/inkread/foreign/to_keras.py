"""Building a Keras model from a network as plain data. Import this module only after `load_keras`."""

from __future__ import annotations

import keras
import numpy as np

from inkread.foreign.network import KerasLayer, Network, UnfitLayer

LARGEST_MAP = 4 << 20
"""The largest number of outputs of one layer for one glyph."""

Shape = tuple[int, ...]


def build_model(network: Network) -> keras.Model:
    """Return the network as a Keras model, with its weights.

    Every shape is computed and compared with the weights before a layer is built, so that no setting makes Keras
    allocate more memory than the weights in the file take.

    Raises `UnfitLayer`, which names the layer, if its settings, weights and inputs do not fit together.
    """
    glyph = keras.Input(network.input_shape, name="glyph")
    given = {network.input_name: glyph}
    for layer in network.layers:
        given[layer.name] = _applied(layer, [given[name] for name in layer.inputs])
    return keras.Model(glyph, given[network.layers[-1].name])


def _applied(layer: KerasLayer, inputs: list[keras.KerasTensor]) -> keras.KerasTensor:
    """Return the output of a layer, after checking its settings and weights."""
    try:
        made = getattr(keras.layers, layer.kind)(**layer.settings)
        shapes = [tensor.shape for tensor in inputs]
        gives = made.compute_output_shape(shapes[0] if len(shapes) == 1 else shapes)
        _check_size(layer, gives)
        _check_weights(layer, shapes[0])
        applied = made(inputs[0] if len(inputs) == 1 else inputs)
        made.set_weights(layer.weights)
    except UnfitLayer:
        raise
    except Exception as error:  # noqa: BLE001 - Keras raises errors of any class for settings that do not fit
        reason = " ".join(str(error).split())[:150]
        raise UnfitLayer(f"layer {layer.name[:50]!r} of class {layer.kind} cannot be built ({reason})") from None
    return applied


def _check_size(layer: KerasLayer, gives: Shape) -> None:
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
