"""Model files that the tests of converting share, written by hand: Keras 2's own and plain ONNX graphs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

h5py = pytest.importorskip("h5py", reason="needs the extra 'train'")
onnx = pytest.importorskip("onnx", reason="needs the extra 'train'")
from onnx import helper, numpy_helper  # noqa: E402 - only where there is onnx

Settings = dict[str, Any]


# Files as TensorFlow 2.x writes them with Keras 2, by hand: the format is older than the Keras that is installed


def entry(kind: str, name: str, **settings: Any) -> Settings:
    """Return a layer as Keras 2 describes it."""
    return {"class_name": kind, "config": {"name": name, "trainable": True, "dtype": "float32", **settings}}


def keras2_tutorial() -> tuple[Settings, dict[str, dict[str, NDArray[np.float32]]]]:
    """Return the tutorial's network, with fewer maps, as Keras 2 of TensorFlow 2.4 describes it, and its weights."""
    convolution = {
        "strides": [1, 1],
        "padding": "same",
        "data_format": "channels_last",
        "dilation_rate": [1, 1],
        "groups": 1,
        "activation": "relu",
        "use_bias": True,
        "kernel_regularizer": None,
        "kernel_initializer": {"class_name": "GlorotUniform", "config": {"seed": None}},
    }
    pool = {"pool_size": [2, 2], "padding": "same", "strides": [2, 2], "data_format": "channels_last"}
    layers = [
        entry("Conv2D", "conv2d", batch_input_shape=[None, 28, 28, 1], filters=3, kernel_size=[5, 5], **convolution),
        entry("MaxPooling2D", "max_pooling2d", **pool),
        entry("Conv2D", "conv2d_1", filters=4, kernel_size=[5, 5], **convolution),
        entry("MaxPooling2D", "max_pooling2d_1", **pool),
        entry("Flatten", "flatten", data_format="channels_last"),
        entry("Dense", "dense", units=16, activation="relu", use_bias=True, bias_constraint=None),
        entry("Dropout", "dropout", rate=0.5, noise_shape=None, seed=None),
        entry("Dense", "dense_1", units=10, activation="softmax", use_bias=True),
    ]
    rng = np.random.default_rng(0)
    shapes = {"conv2d": (5, 5, 1, 3), "conv2d_1": (5, 5, 3, 4), "dense": (196, 16), "dense_1": (16, 10)}
    weights = {
        name: {
            f"{name}/kernel:0": rng.normal(0, 0.3, shape).astype(np.float32),
            f"{name}/bias:0": rng.normal(0, 0.1, shape[-1]).astype(np.float32),
        }
        for name, shape in shapes.items()
    }
    return {"class_name": "Sequential", "config": {"name": "sequential", "layers": layers}}, weights


def write_h5_of(path: Path, *, classes: int) -> Path:
    """Write the tutorial's file with another number of classes than ten."""
    config, weights = keras2_tutorial()
    config["config"]["layers"][-1]["config"]["units"] = classes
    weights["dense_1"] = {
        name: np.resize(array, (*array.shape[:-1], classes)) for name, array in weights["dense_1"].items()
    }
    return write_h5(path, config, weights)


def write_h5(path: Path, config: Any, weights: dict[str, dict[str, NDArray[np.float32]]]) -> Path:
    """Write a file as `model.save("mnist.h5")` of Keras 2 does."""
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(config).encode()
        file.attrs["backend"], file.attrs["keras_version"] = b"tensorflow", b"2.4.0"
        for name, arrays in weights.items():
            group = file.create_group(f"model_weights/{name}")
            group.attrs["weight_names"] = [key.encode() for key in arrays]
            for key, array in arrays.items():
                group[key] = array
    return path


def write_graph(
    path: Path, kinds: list[str], *, shape: list[Any] | None = None, nodes: list[Any] | None = None
) -> tuple[Path, NDArray[np.float32]]:
    """Write an ONNX network of nodes in a row; those of kind Gemm end it, with ten outputs."""
    weights = np.random.default_rng(0).normal(0, 0.1, (784, 10)).astype(np.float32)
    names = ["glyphs", *(f"at_{index}" for index in range(len(kinds)))]
    row = [
        helper.make_node(kind, [names[index], "weights"] if kind == "Gemm" else [names[index]], [names[index + 1]])
        for index, kind in enumerate(kinds)
    ]
    graph = helper.make_graph(
        [*(nodes or []), *row],
        "graph",
        [helper.make_tensor_value_info("glyphs", onnx.TensorProto.FLOAT, shape or ["N", 28, 28, 1])],
        [helper.make_tensor_value_info(names[-1], onnx.TensorProto.FLOAT, None)],
        [numpy_helper.from_array(weights, "weights")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    path.write_bytes(model.SerializeToString())
    return path, weights


def write_maps_first(path: Path) -> Path:
    """Write an ONNX network as PyTorch exports it: the maps before height and width, and flattened so."""
    rng = np.random.default_rng(0)
    arrays = {
        "kernel": rng.normal(0, 0.1, (3, 1, 3, 3)),
        "bias": rng.normal(0, 0.1, 3),
        "dense": rng.normal(0, 0.1, (10, 3 * 14 * 14)),
        "last": rng.normal(0, 0.1, 10),
    }
    nodes = [
        helper.make_node("Conv", ["glyphs", "kernel", "bias"], ["maps"], kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["maps"], ["lit"]),
        helper.make_node("MaxPool", ["lit"], ["pooled"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("Gemm", ["flat", "dense", "last"], ["logits"], transB=1),
        helper.make_node("Softmax", ["logits"], ["answer"], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "maps-first",
        [helper.make_tensor_value_info("glyphs", onnx.TensorProto.FLOAT, ["N", 1, 28, 28])],
        [helper.make_tensor_value_info("answer", onnx.TensorProto.FLOAT, ["N", 10])],
        [numpy_helper.from_array(array.astype(np.float32), name) for name, array in arrays.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    path.write_bytes(model.SerializeToString())
    return path
