"""A network as plain data, as a model file describes it, before any framework reads it.

A network can have only what this module lists: layers by their names in Keras, settings of known names and ranges, and
weights as arrays. Anything else in a file is refused, with its name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Weights = list[NDArray[np.float32]]

ACTIVATIONS = (
    *("linear", "relu", "relu6", "leaky_relu", "elu", "selu", "gelu", "silu", "swish", "mish"),
    *("tanh", "sigmoid", "softplus", "softsign", "softmax"),
)
"""The activations that a layer may have. Keras 2 and Keras 3 define hard_sigmoid differently, so it is not one."""

LARGEST_COUNT = 65_536
"""The largest number of maps or units in one layer."""

LARGEST_NEST = 4
"""The largest number of values in a list of a setting such as [[1, 1], [1, 1]]."""


@dataclass(frozen=True, slots=True, eq=False)
class KerasLayer:
    """One layer: its name in the network, its class in Keras, its settings, its weights and its input layers."""

    name: str
    kind: str
    settings: dict[str, Any] = field(default_factory=dict)
    weights: Weights = field(default_factory=list)
    inputs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """Layers in an order in which each comes after its inputs. The last gives the output.

    input_shape: the shape of one glyph, such as (28, 28, 1).
    input_name: the name of the input in `KerasLayer.inputs`.
    """

    input_shape: tuple[int, ...]
    input_name: str
    layers: tuple[KerasLayer, ...]


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= LARGEST_COUNT


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e6


def _are_counts(value: object) -> bool:
    return _is_count(value) or (isinstance(value, list) and len(value) <= LARGEST_NEST and all(map(_are_counts, value)))


def _is_axis(value: object) -> bool:
    # Keras 2 writes [3].
    value = value[0] if isinstance(value, list) and len(value) == 1 else value
    return isinstance(value, int) and not isinstance(value, bool) and -4 <= value <= 4


def _one_of(*choices: object) -> Callable[[object], bool]:
    return lambda value: isinstance(value, (str, bool, type(None))) and value in choices


_SETTINGS: dict[str, Callable[[object], bool]] = {
    **dict.fromkeys(("filters", "units", "groups", "depth_multiplier"), _is_count),
    **dict.fromkeys(("kernel_size", "pool_size", "dilation_rate"), _are_counts),
    **dict.fromkeys(("epsilon", "negative_slope", "alpha", "threshold"), _is_number),
    **dict.fromkeys(("use_bias", "center", "scale", "keepdims"), _one_of(True, False)),
    "rate": lambda value: _is_number(value) and 0 <= float(str(value)) < 1,
    "max_value": lambda value: value is None or _is_number(value),
    "strides": lambda value: value is None or _are_counts(value),
    "padding": lambda value: value in ("valid", "same") if isinstance(value, str) else _are_counts(value),
    "target_shape": lambda value: isinstance(value, list) and all(_is_count(side) or side == -1 for side in value),
    "activation": _one_of(*ACTIVATIONS),
    # TensorFlow supports no other on a CPU.
    "data_format": _one_of("channels_last", None),
    "axis": _is_axis,
}

_CONVOLUTION = "kernel_size strides padding data_format dilation_rate activation use_bias"
_POOLING = "pool_size strides padding data_format"
LAYERS: dict[str, frozenset[str]] = {
    kind: frozenset(settings.split())
    for kind, settings in {
        "Conv2D": f"filters groups {_CONVOLUTION}",
        "DepthwiseConv2D": f"depth_multiplier {_CONVOLUTION}",
        "Dense": "units activation use_bias",
        "BatchNormalization": "axis epsilon center scale",
        "MaxPooling2D": _POOLING,
        "AveragePooling2D": _POOLING,
        "GlobalAveragePooling2D": "data_format keepdims",
        "GlobalMaxPooling2D": "data_format keepdims",
        "ZeroPadding2D": "padding data_format",
        "Flatten": "data_format",
        "Reshape": "target_shape",
        "Activation": "activation",
        "ReLU": "max_value negative_slope threshold",
        "LeakyReLU": "negative_slope alpha",
        "Softmax": "axis",
        "Dropout": "rate",
        "SpatialDropout2D": "rate",
        "Add": "",
        "Average": "",
        "Maximum": "",
        "Multiply": "",
        "Concatenate": "axis",
    }.items()
}
"""The layers that a file may have, each with the settings that change what it computes."""

WEIGHTS: dict[str, tuple[str, ...]] = {
    "Conv2D": ("kernel", "bias"),
    "DepthwiseConv2D": ("kernel", "bias"),
    "Dense": ("kernel", "bias"),
    "BatchNormalization": ("gamma", "beta", "moving_mean", "moving_variance"),
}
"""The names of the weights of each kind of layer that has any, in Keras's order."""

# Settings that change the name or the training of a layer but not what it computes.
_IDLE = frozenset(
    {
        *("name", "trainable", "dtype", "batch_input_shape", "batch_shape", "build_config", "momentum", "seed"),
        *("noise_shape", "renorm_clipping", "renorm_momentum", "fused", "synchronized", "lora_alpha"),
    }
)
# Settings with the only value that the layer supports.
_IDLE_VALUES = (("groups", 1),)
_IDLE_ENDINGS = ("_initializer", "_regularizer", "_constraint")


class UnfitLayer(ValueError):  # noqa: N818 - like `MissingExtra`, it is named for the fault
    """Raised for a layer that inkread does not support, with the reason in words."""


def check_settings(name: str, kind: object, config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a layer that change what it computes, each with a known name and range.

    Raises `UnfitLayer`, which names the layer, for any other layer, setting or value.
    """
    if not isinstance(kind, str) or kind not in LAYERS:
        raise UnfitLayer(f"layer {name[:50]!r} is of class {str(kind)[:50]!r}, which inkread does not support")
    settings = {}
    for key, value in config.items():
        if key in LAYERS[kind]:
            settings["negative_slope" if key == "alpha" else key] = _check_value(name, key, value)
        elif key not in _IDLE and not key.endswith(_IDLE_ENDINGS) and (key, value) not in _IDLE_VALUES and value:
            raise UnfitLayer(f"layer {name[:50]!r} has the setting {key[:50]!r}, which inkread does not support")
    return settings


def _check_value(name: str, key: str, value: Any) -> Any:
    """Return the value of a setting in the form that Keras 3 takes."""
    # Keras 3 writes some of its activations as an object.
    if key == "activation" and isinstance(value, dict):
        value = str(value.get("class_name", value)).lower() if value.get("module") == "keras.activations" else value
    if not _SETTINGS[key](value):
        raise UnfitLayer(f"layer {name[:50]!r} has {key} = {str(value)[:50]!r}, which inkread does not support")
    return value[0] if key == "axis" and isinstance(value, list) else value
