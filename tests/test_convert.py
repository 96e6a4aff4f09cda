"""Taking models along: every kind of file there and back, and the hostile ones that are refused."""

from __future__ import annotations

import io
import json
import os
import pickle
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from inkread import MissingExtra, ModelError, OptionError, Reader
from inkread.cli import main
from inkread.converting import convert
from inkread.converting.convert import QUANTISED
from inkread.models.classifier import SHIPPED, Classifier

h5py = pytest.importorskip("h5py", reason="needs the extra 'train'")
onnx = pytest.importorskip("onnx", reason="needs the extra 'train'")
from onnx import helper, numpy_helper  # noqa: E402 - only where there is onnx

WriteNetwork = Callable[..., Path]
Settings = dict[str, Any]

SEEN = "INKREAD_TEST_WAS_RUN"  # what hostile code would set


@pytest.fixture(scope="session")
def glyphs() -> NDArray[np.float32]:
    return np.random.default_rng(7).random((20, 28, 28), np.float32)


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


def tutorial_answers(glyphs: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return what the network of `keras2_tutorial` answers, by the definitions of its layers."""
    from numpy.lib.stride_tricks import sliding_window_view

    _, weights = keras2_tutorial()
    maps = glyphs[..., None]
    for name in ("conv2d", "conv2d_1"):
        kernel, bias = weights[name].values()
        windows = sliding_window_view(np.pad(maps, ((0, 0), (2, 2), (2, 2), (0, 0))), (5, 5), axis=(1, 2))
        maps = np.maximum(np.einsum("nhwcij,ijco->nhwo", windows, kernel) + bias, 0)
        count, side, _, channels = maps.shape
        maps = maps.reshape(count, side // 2, 2, side // 2, 2, channels).max(axis=(2, 4))
    (kernel, bias), (last, last_bias) = weights["dense"].values(), weights["dense_1"].values()
    logits = np.maximum(maps.reshape(len(maps), -1) @ kernel + bias, 0) @ last + last_bias
    powers = np.exp(logits)
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), np.float32)


@pytest.fixture(scope="session")
def mnist_h5(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the tutorial's mnist.h5, untrained and with few maps."""
    return write_h5(tmp_path_factory.mktemp("tutorial") / "mnist.h5", *keras2_tutorial())


@pytest.fixture(scope="session")
def converted(mnist_h5: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return the tutorial's file in every kind."""
    pytest.importorskip("keras", reason="needs the extra 'train'")
    folder = tmp_path_factory.mktemp("converted")
    names = ("digits.onnx", "digits.keras", "digits.h5", "digits.tflite")
    for name in names:
        convert(mnist_h5, folder / name)
    return {name: folder / name for name in names}


# There and back


def test_the_tutorials_file_answers_as_its_layers_are_defined(mnist_h5: Path, glyphs: NDArray[np.float32]) -> None:
    np.testing.assert_allclose(Reader(mnist_h5).classifier.outputs(glyphs), tutorial_answers(glyphs), atol=1e-5)


@pytest.mark.parametrize("name", ["digits.onnx", "digits.keras", "digits.h5", "digits.tflite"])
def test_a_model_answers_alike_in_every_kind_of_file(
    converted: dict[str, Path], name: str, glyphs: NDArray[np.float32]
) -> None:
    np.testing.assert_allclose(Classifier(converted[name]).outputs(glyphs), tutorial_answers(glyphs), atol=1e-5)


def test_eight_bits_are_a_third_as_large_and_answer_nearly_alike(tmp_path: Path) -> None:
    path = tmp_path / "digits.int8.onnx"
    done = convert("shipped", path)
    assert done.size < (SHIPPED / "model.onnx").stat().st_size / 3
    assert 0 < done.difference < 0.2
    assert done.changed < 0.01
    card = Reader(path).card
    assert card.temperature == Reader().card.temperature
    assert (card.settings["quantised"], card.test, card.scores) == (QUANTISED, {}, {})


@pytest.mark.parametrize("name", ["digits.keras", "digits.h5"])
def test_what_is_written_for_keras_is_loaded_by_keras(
    converted: dict[str, Path], name: str, glyphs: NDArray[np.float32]
) -> None:
    import keras

    answers = np.asarray(keras.saving.load_model(converted[name], compile=False)(glyphs[..., None]))
    np.testing.assert_allclose(answers, tutorial_answers(glyphs), atol=1e-5)


def test_the_shipped_model_is_taken_along_as_layers_of_keras(tmp_path: Path, glyphs: NDArray[np.float32]) -> None:
    done = convert("shipped", tmp_path / "digits.keras")
    assert done.difference < 1e-4
    assert done.changed == 0
    assert done.right[0] == done.right[1] > 0.9
    assert done.size == (tmp_path / "digits.keras").stat().st_size
    before, after = (Classifier(model).classify(glyphs) for model in (None, tmp_path / "digits.keras"))
    np.testing.assert_allclose(before, after, atol=1e-4)  # with the temperature and the class of no digit on the card
    assert (tmp_path / "digits.keras.card.json").is_file()


def test_a_converted_model_reads_pictures_and_refuses_as_before(tmp_path: Path) -> None:
    convert("shipped", tmp_path / "digits.tflite")
    before, after = Reader(), Reader(tmp_path / "digits.tflite")
    for picture in sorted((Path(__file__).parents[1] / "examples").glob("*.jpg")):
        assert after.read(picture).text == before.read(picture).text
    blank = np.full((100, 100), 255, np.uint8)
    assert after.read(blank).refused == before.read(blank).refused


def test_keras_3_functional_models_with_branches_are_taken(tmp_path: Path, glyphs: NDArray[np.float32]) -> None:
    from inkread.training.backend import load_keras

    keras = load_keras("a test")
    layers, given = keras.layers, keras.Input((28, 28))
    first = layers.Conv2D(4, 3, padding="same", strides=2, use_bias=False)(layers.Reshape((28, 28, 1))(given))
    normal = layers.ReLU(max_value=6)(layers.BatchNormalization()(first))
    deep = layers.DepthwiseConv2D(3, padding="same", activation="relu")(normal)
    both = layers.Concatenate()([layers.Add()([normal, deep]), layers.LeakyReLU()(first)])
    model = keras.Model(given, layers.Dense(11)(layers.GlobalAveragePooling2D()(both)))
    expected = np.asarray(model(glyphs))
    for name in ("branches.keras", "branches.h5"):
        model.save(tmp_path / name)
        np.testing.assert_allclose(Classifier(tmp_path / name).outputs(glyphs), expected, atol=1e-5)


def test_a_network_of_784_numbers_is_read(tmp_path: Path, glyphs: NDArray[np.float32]) -> None:
    config = {"class_name": "Sequential", "config": [entry("Dense", "dense", units=10, batch_input_shape=[None, 784])]}
    kernel = np.random.default_rng(0).normal(0, 0.1, (784, 10)).astype(np.float32)
    path = write_h5(tmp_path / "row.h5", config, {"dense": {"kernel:0": kernel, "bias:0": np.zeros(10, np.float32)}})
    np.testing.assert_allclose(Classifier(path).outputs(glyphs), glyphs.reshape(-1, 784) @ kernel, atol=1e-4)


def test_onnx_of_one_glyph_at_a_time_and_maps_first_is_read(tmp_path: Path, glyphs: NDArray[np.float32]) -> None:
    path, weights = write_graph(tmp_path / "one.onnx", ["Flatten", "Gemm"], shape=[1, 1, 28, 28])
    np.testing.assert_allclose(Classifier(path).outputs(glyphs), glyphs.reshape(-1, 784) @ weights, atol=1e-4)


def test_layers_flattened_with_the_maps_first_are_rebuilt(tmp_path: Path) -> None:
    path = write_maps_first(tmp_path / "maps-first.onnx")
    assert convert(path, tmp_path / "rebuilt.h5").difference < 1e-5


def test_a_model_folder_gives_the_network_that_was_trained(tmp_path: Path, converted: dict[str, Path]) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    shutil.copy(converted["digits.onnx"], folder / "model.onnx")
    shutil.copy(converted["digits.keras"], folder / "model.keras")
    convert(folder, tmp_path / "again.keras")
    with zipfile.ZipFile(tmp_path / "again.keras") as archive:
        assert b'"Dropout"' in archive.read("config.json")  # which ONNX has not kept


# The command


def test_the_command_says_what_it_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "digits.onnx"
    assert main(["convert", "shipped", str(out)]) == 0
    said = capsys.readouterr()
    first, second = said.out.splitlines()
    size = (SHIPPED / "model.onnx").stat().st_size / 1024
    assert first.startswith(f"{out}: {size:,.0f} KiB, largest difference 0 on ")
    assert second.endswith("0.0% have another answer now")
    assert not said.err


def test_an_untrained_model_is_said_to_read_few(
    mnist_h5: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["convert", str(mnist_h5), str(tmp_path / "few.onnx")]) == 0
    assert capsys.readouterr().err.startswith("inkread: few are right; ")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("digits.pt", "a model ends in .keras, .h5, .onnx, .tflite"),
        ("digits", "a model ends in"),
        ("nowhere/digits.onnx", "there is no folder"),
        ("there.onnx", "is there already; name another file, or replace it with --force"),
        ("folder.onnx", "is a folder"),
    ],
)
def test_a_file_that_cannot_be_written_is_said_before_any_work(tmp_path: Path, name: str, reason: str) -> None:
    (tmp_path / "there.onnx").write_bytes(b"mine")
    (tmp_path / "folder.onnx").mkdir()
    with pytest.raises(OptionError, match=reason):
        convert(SHIPPED, tmp_path / name)
    assert (tmp_path / "there.onnx").read_bytes() == b"mine"


def test_force_replaces_the_file_but_never_the_model_itself(tmp_path: Path) -> None:
    (tmp_path / "there.onnx").write_bytes(b"mine")
    convert(SHIPPED, tmp_path / "there.onnx", force=True)
    with pytest.raises(OptionError, match="is the model itself"):
        convert(tmp_path / "there.onnx", tmp_path / "there.onnx", force=True)


def test_only_onnx_has_eight_bits(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="8 bits go into an ONNX file alone"):
        convert(SHIPPED, tmp_path / "digits.tflite", int8=True)


def test_from_litert_there_is_no_way_back(converted: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="from LiteRT there is no way back"):
        convert(converted["digits.tflite"], tmp_path / "digits.onnx")


def test_a_savedmodel_of_tensorflow_is_told_from_a_model_folder(tmp_path: Path) -> None:
    (tmp_path / "saved_model.pb").write_bytes(b"")
    with pytest.raises(OptionError, match="load it there and save it as"):
        convert(tmp_path, tmp_path / "digits.onnx")


def test_onnx_that_is_no_chain_of_layers_is_refused_with_the_way_out(tmp_path: Path) -> None:
    path, _ = write_graph(tmp_path / "sine.onnx", ["Flatten", "Sin", "Gemm"])
    with pytest.raises(ModelError, match=r"there is no layer for 'Sin'\); convert the .keras or .h5 file or"):
        convert(path, tmp_path / "sine.keras")
    assert not (tmp_path / "sine.keras").exists()


def test_without_litert_the_extra_is_named(converted: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    for package in ("ai_edge_litert", "tensorflow.lite.python"):
        monkeypatch.setitem(sys.modules, f"{package}.interpreter", None)
    with pytest.raises(MissingExtra, match=r"pip install 'inkread\[litert\]'"):
        Classifier(converted["digits.tflite"])


def test_tensorflow_runs_a_litert_file_where_litert_itself_is_missing(
    converted: dict[str, Path], glyphs: NDArray[np.float32]
) -> None:
    script = (
        "import sys; sys.modules['ai_edge_litert.interpreter'] = None\n"
        "import numpy as np; from pathlib import Path; from inkread.models.litert import LiteRtSession\n"
        f"session = LiteRtSession(Path({str(converted['digits.tflite'])!r}), trusted=True)\n"
        f"glyphs = np.full((3, 28, 28, 1), 0.5, np.float32)\n"
        "print(session.run(None, {session.get_inputs()[0].name: glyphs})[0].round(4).tolist())"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    expected = tutorial_answers(np.full((3, 28, 28), 0.5, np.float32))
    np.testing.assert_allclose(json.loads(done.stdout), expected, atol=2e-4)


# Models of another kind


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


def refusal(path: Path, tmp_path: Path) -> str:
    """Return the one line with which a file is refused, to read with and to convert alike."""
    lines = []
    for use in (lambda: Reader(path), lambda: convert(path, tmp_path / "out.onnx")):
        with pytest.raises(ModelError) as caught:
            use()
        lines.append(caught.value.message)
    assert lines[0] == lines[1]
    assert lines[0].startswith(f"{path}: ")
    assert not (tmp_path / "out.onnx").exists()
    assert SEEN not in os.environ
    return lines[0].removeprefix(f"{path}: ")


def test_another_input_is_refused_with_its_shapes(tmp_path: Path, write_network: WriteNetwork) -> None:
    path = write_network(tmp_path / "small.onnx", side=20)
    assert refusal(path, tmp_path).startswith(
        "takes (N, 20, 20, 1) as tensor(float), where inkread gives (N, 28, 28, 1)"
    )


def test_another_number_of_classes_is_refused_with_it(tmp_path: Path, write_network: WriteNetwork) -> None:
    path = write_network(tmp_path / "letters.onnx", classes=26)
    assert refusal(path, tmp_path).startswith("gives (26,) outputs a glyph where inkread needs 10, one a digit, or 11")


def test_another_input_of_keras_is_refused_with_its_shape(tmp_path: Path) -> None:
    config, weights = keras2_tutorial()
    config["config"]["layers"][0]["config"]["batch_input_shape"] = [None, 32, 32, 3]
    assert "takes glyphs of (N, 32, 32, 3)" in refusal(write_h5(tmp_path / "colour.h5", config, weights), tmp_path)


# Hostile files of Keras


def with_layer(layer: Settings, at: int = 6) -> tuple[Settings, dict[str, dict[str, NDArray[np.float32]]]]:
    """Return the tutorial's network with a layer of an attacker's choice in the place of one of its own."""
    config, weights = keras2_tutorial()
    config["config"]["layers"][at] = layer
    return config, weights


def hostile_lambda() -> Settings:
    """Return a Lambda layer whose code sets a variable of the environment, as Keras would run it."""
    import base64
    import marshal

    code = compile(f"__import__('os').environ.__setitem__({SEEN!r}, '1')", "hostile", "eval")
    packed = base64.b64encode(marshal.dumps(code)).decode()
    return entry("Lambda", "lambda", function=[packed, None, None], function_type="lambda", module="builtins")


HOSTILE_LAYERS = {
    "lambda": hostile_lambda(),
    "operator": entry("TFOpLambda", "write", function="io.write_file"),
    "custom": {**entry("Evil>Layer", "evil"), "registered_name": "Evil>Layer", "module": "os"},
    "module": {**entry("system", "evil", command="true"), "module": "os"},
    "vocabulary": entry("StringLookup", "lookup", vocabulary="/etc/passwd"),
    "nested": entry("Sequential", "inner", layers=[hostile_lambda()]),
    "wrapped": entry("TimeDistributed", "wrapper", layer=hostile_lambda()),
}


@pytest.mark.parametrize("kind", HOSTILE_LAYERS)
def test_a_layer_that_is_code_is_refused_by_its_class(tmp_path: Path, kind: str) -> None:
    path = write_h5(tmp_path / "hostile.h5", *with_layer(HOSTILE_LAYERS[kind]))
    said = refusal(path, tmp_path)
    assert HOSTILE_LAYERS[kind]["class_name"] in said
    assert "which inkread does not take" in said or "of its author's own" in said


def test_a_lambda_that_keras_itself_wrote_is_refused(tmp_path: Path) -> None:
    from inkread.training.backend import load_keras

    keras = load_keras("a test")
    run = keras.layers.Lambda(lambda x: (os.environ.setdefault("INKREAD_TEST_SAVED", "1"), x)[1], output_shape=(10,))
    model = keras.Sequential([keras.Input((784,)), keras.layers.Dense(10), run])
    for name in ("saved.h5", "saved.keras"):
        model.save(tmp_path / name)
        os.environ.pop("INKREAD_TEST_SAVED", None)
        assert "is of class 'Lambda', which inkread does not take" in refusal(tmp_path / name, tmp_path)
        assert "INKREAD_TEST_SAVED" not in os.environ


@pytest.mark.parametrize(
    "setting",
    [
        {"activation": "os.system"},
        {"activation": {"class_name": "function", "config": "system", "module": "os", "registered_name": "system"}},
        {"activation": {"class_name": "__lambda__", "config": {"value": "x"}}},
        {"units": 10**12},
        {"units": True},
        {"units": "10"},
        {"lora_rank": 4},
        {"vocabulary": "/etc/passwd"},
    ],
)
def test_a_setting_that_no_such_layer_has_is_refused(tmp_path: Path, setting: Settings) -> None:
    layer = entry("Dense", "dense_1", **{"units": 10, "activation": "softmax", **setting})
    path = write_h5(tmp_path / "hostile.h5", *with_layer(layer, at=7))
    assert next(iter(setting)) in refusal(path, tmp_path)


@pytest.mark.parametrize(
    ("layer", "at"),
    [
        (entry("Dense", "dense", units=65_000, activation="relu"), 5),
        (entry("ZeroPadding2D", "padding", padding=[[60_000, 60_000], [60_000, 60_000]]), 3),
        (entry("Conv2D", "conv2d_1", filters=60_000, kernel_size=[5, 5], padding="same"), 2),
        (entry("Reshape", "reshape", target_shape=[65_000, 65_000]), 3),
    ],
    ids=["units", "padding", "filters", "shape"],
)
def test_a_layer_that_asks_for_more_than_its_weights_is_refused_before_it_is_built(
    tmp_path: Path, layer: Settings, at: int
) -> None:
    said = refusal(write_h5(tmp_path / "huge.h5", *with_layer(layer, at=at)), tmp_path)
    assert f"layer {layer['config']['name']!r}" in said


def test_weights_that_lie_in_another_file_are_refused(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(bytes(640))
    config, weights = keras2_tutorial()
    for how in ("external", "link", "virtual", "soft"):
        path = write_h5(tmp_path / f"{how}.h5", config, weights)
        with h5py.File(path, "a") as file:
            group = file["model_weights/dense_1"]
            name = "dense_1/kernel:0"
            del group[name]
            if how == "external":
                group.create_dataset(name, (16, 10), "f4", external=[(tmp_path / "secret", 0, 640)])
            elif how == "link":
                group[name] = h5py.ExternalLink(tmp_path / "other.h5", "/secret")
            elif how == "soft":
                group[name] = h5py.SoftLink("/model_weights/dense/dense/kernel:0")
            else:
                layout = h5py.VirtualLayout((16, 10), "f4")
                layout[:] = h5py.VirtualSource(tmp_path / "other.h5", "secret", (16, 10))
                group.create_virtual_dataset(name, layout)
        said = refusal(path, tmp_path)
        assert "lies in another file" in said or "is a link to another place" in said


def test_arrays_that_unpack_to_gigabytes_are_refused_unread(tmp_path: Path) -> None:
    config, weights = keras2_tutorial()
    attacks: dict[str, Settings] = {
        "shape": {"shape": (2**40, 10), "chunks": (1024, 10)},
        "chunk": {"shape": (16, 10), "chunks": (2**26, 10), "maxshape": (None, 10)},
    }
    for how, options in attacks.items():
        path = write_h5(tmp_path / f"{how}.h5", config, weights)
        with h5py.File(path, "a") as file:
            del file["model_weights/dense_1/dense_1/kernel:0"]
            file.create_dataset("model_weights/dense_1/dense_1/kernel:0", dtype="f4", compression="gzip", **options)
        assert "its arrays take more than 512 MiB" in refusal(path, tmp_path)


def test_groups_that_go_round_in_circles_are_refused(tmp_path: Path) -> None:
    path = write_h5(tmp_path / "round.h5", *keras2_tutorial())
    with h5py.File(path, "a") as file:
        file["model_weights/dense/again"] = file["model_weights/dense"]
    assert "groups without an end" in refusal(path, tmp_path)


def test_weights_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    config, weights = keras2_tutorial()
    weights["dense_1"]["dense_1/bias:0"][3] = np.nan
    assert "weights that are no numbers" in refusal(write_h5(tmp_path / "nan.h5", config, weights), tmp_path)


def test_weights_without_a_network_are_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "weights.h5"
    with h5py.File(path, "w") as file:
        file["dense/kernel:0"] = np.zeros((784, 10))
    assert "save the whole of it by model.save" in refusal(path, tmp_path)


def write_archive(path: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("_", "."), content)
    return path


def test_an_archive_that_unpacks_to_gigabytes_is_refused_unread(tmp_path: Path) -> None:
    config = json.dumps(keras2_tutorial()[0]).encode()
    path = tmp_path / "bomb.keras"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("config.json", config)
        with archive.open("model.weights.h5", "w") as member:
            for _ in range(600):
                member.write(bytes(1 << 20))
    assert path.stat().st_size < 4 << 20
    assert "its model.weights.h5 takes 629,145,600 bytes where 536,870,912 are allowed" in refusal(path, tmp_path)


@pytest.mark.parametrize(
    "config",
    [
        b"{",
        b"[]",
        b"null",
        b'{"class_name": "Sequential"}',
        b"[" * 100_000,
        b'{"class_name": "Sequential", "config": 3}',
    ],
)
def test_an_archive_with_a_damaged_network_is_refused(tmp_path: Path, config: bytes) -> None:
    weights = io.BytesIO()
    h5py.File(weights, "w").close()
    path = write_archive(tmp_path / "damaged.keras", config_json=config, model_weights_h5=weights.getvalue())
    assert refusal(path, tmp_path).startswith("not a model of Keras (")


def test_a_keras_archive_whose_weights_are_another_layers_is_refused(
    converted: dict[str, Path], tmp_path: Path
) -> None:
    path = tmp_path / "swapped.keras"
    with zipfile.ZipFile(converted["digits.keras"]) as source, zipfile.ZipFile(path, "w") as target:
        target.writestr("config.json", source.read("config.json"))
        weights = io.BytesIO(source.read("model.weights.h5"))
        with h5py.File(weights, "a") as file:
            file.move("layers/dense", "layers/kept")
            file.move("layers/dense_1", "layers/dense")
            file.move("layers/kept", "layers/dense_1")
        target.writestr("model.weights.h5", weights.getvalue())
    assert "in the place of those of" in refusal(path, tmp_path)


class Pickled:
    """Makes a folder when it is unpickled."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.folder),)


@pytest.mark.parametrize("suffix", [".keras", ".h5", ".onnx", ".tflite"])
def test_a_pickle_under_any_name_is_refused_and_not_loaded(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"pickle{suffix}"
    path.write_bytes(pickle.dumps(Pickled(tmp_path / "was run")))
    with pytest.raises(ModelError, match=r"not an? "):
        Reader(path)
    assert not (tmp_path / "was run").exists()


@pytest.mark.parametrize("suffix", [".keras", ".h5", ".onnx", ".tflite"])
def test_a_file_of_half_a_terabyte_is_refused_unread(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"huge{suffix}"
    with path.open("wb") as file:
        file.truncate(1 << 39)  # a hole, which takes no room
    with pytest.raises(ModelError, match="has 549,755,813,888 bytes where a model may have 268,435,456"):
        Reader(path)


@pytest.mark.parametrize("name", ["digits.onnx", "digits.keras", "digits.h5", "digits.tflite"])
def test_a_file_cut_short_anywhere_is_refused_in_one_line(
    converted: dict[str, Path], tmp_path: Path, name: str
) -> None:
    content = converted[name].read_bytes()
    for part in (0.02, 0.3, 0.6, 0.97):
        path = tmp_path / name
        path.write_bytes(content[: int(len(content) * part)])
        with pytest.raises(ModelError) as caught:
            Reader(path)
        assert "\n" not in caught.value.message


# Hostile ONNX and LiteRT


def test_onnx_with_weights_in_other_files_is_refused(tmp_path: Path) -> None:
    path, _ = write_graph(tmp_path / "outside.onnx", ["Flatten", "Gemm"])
    model = onnx.load(path)
    onnx.save(model, path, save_as_external_data=True, location="weights.bin", size_threshold=0)
    assert (tmp_path / "weights.bin").is_file()
    assert refusal(path, tmp_path).startswith("keeps weights in other files, which inkread does not run")


def test_onnx_with_weights_in_other_files_of_an_attribute_is_refused(tmp_path: Path) -> None:
    tensor = numpy_helper.from_array(np.zeros(1, np.float32))
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")
    constant = helper.make_node("Constant", [], ["constant"], value=tensor)
    path, _ = write_graph(tmp_path / "outside.onnx", ["Flatten", "Gemm"], nodes=[constant])
    assert refusal(path, tmp_path).startswith("keeps weights in other files")


def test_onnx_that_loops_is_refused(tmp_path: Path) -> None:
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["on"])],
        "body",
        [
            helper.make_tensor_value_info("turn", onnx.TensorProto.INT64, []),
            helper.make_tensor_value_info("go", onnx.TensorProto.BOOL, []),
        ],
        [helper.make_tensor_value_info("on", onnx.TensorProto.BOOL, [])],
    )
    true = helper.make_node("Constant", [], ["true"], value=numpy_helper.from_array(np.array(True)))
    loop = helper.make_node("Loop", ["", "true"], [], body=body)
    path, _ = write_graph(tmp_path / "loop.onnx", ["Flatten", "Gemm"], nodes=[true, loop])
    assert refusal(path, tmp_path).startswith("has loops or branches, which inkread does not run")


def test_onnx_with_operators_of_its_author_is_refused(tmp_path: Path) -> None:
    evil = helper.make_node("Evil", ["glyphs"], ["evil"], domain="com.evil")
    path, _ = write_graph(tmp_path / "evil.onnx", ["Flatten", "Gemm"], nodes=[evil])
    assert refusal(path, tmp_path).startswith("uses operators of 'com.evil'")


def test_a_small_onnx_that_asks_for_all_memory_is_refused(tmp_path: Path) -> None:
    """Two vectors of 40 000 make a table of 1.6 milliard numbers, 6 GiB."""
    shape = numpy_helper.from_array(np.array([40_000, 1]))
    nodes = [
        helper.make_node("Constant", [], ["shape"], value=shape),
        helper.make_node("ConstantOfShape", ["shape"], ["column"]),
        helper.make_node("Transpose", ["column"], ["row"]),
        helper.make_node("Add", ["column", "row"], ["table"]),
        helper.make_node("ReduceMax", ["table"], ["largest"], keepdims=0),
    ]
    path, _ = write_graph(tmp_path / "bomb.onnx", ["Flatten", "Gemm"], nodes=nodes)
    model = onnx.load(path)
    model.graph.node.append(helper.make_node("Add", ["at_1", "largest"], ["sum"]))
    model.graph.output[0].name = "sum"
    path.write_bytes(model.SerializeToString())
    assert path.stat().st_size < 40_000
    assert "it asks for more than 1024 MiB" in refusal(path, tmp_path)


def test_a_field_hidden_behind_the_bits_that_protobuf_drops_is_found(tmp_path: Path) -> None:
    path, _ = write_graph(tmp_path / "hidden.onnx", ["Flatten", "Gemm"])
    function = bytes([0xCA, 0x81, 0x80, 0x80, 0x10, 0x00])  # field 25, with a 33rd bit
    path.write_bytes(path.read_bytes() + function)
    assert refusal(path, tmp_path).startswith("brings functions of its own")


def test_litert_with_operators_from_elsewhere_is_refused(converted: dict[str, Path], tmp_path: Path) -> None:
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(converted["digits.tflite"].read_bytes(), 0)
    model.operatorCodes[0].builtinCode = model.operatorCodes[0].deprecatedBuiltinCode = schema.BuiltinOperator.CUSTOM
    model.operatorCodes[0].customCode = "FlexWriteFile"
    assert refusal_of_litert(model, tmp_path).startswith("uses operators that are not LiteRT's own")


def test_litert_that_asks_for_all_memory_is_refused(converted: dict[str, Path], tmp_path: Path) -> None:
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(converted["digits.tflite"].read_bytes(), 0)
    model.subgraphs[0].tensors[model.subgraphs[0].inputs[0]].shape = [60_000, 28, 28, 10_000]
    model.subgraphs[0].tensors[model.subgraphs[0].inputs[0]].shapeSignature = None
    assert refusal_of_litert(model, tmp_path).startswith("LiteRT cannot run it on empty glyphs")


def test_a_litert_file_that_crashes_litert_ends_a_process_of_its_own(
    converted: dict[str, Path], tmp_path: Path
) -> None:
    """LiteRT follows the number of the tensor that is left out, whatever asks for it."""
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(converted["digits.tflite"].read_bytes(), 0)
    convolution = model.subgraphs[0].operators[0]
    convolution.inputs = np.array([convolution.inputs[0], -1, convolution.inputs[2]], np.int32)
    assert "it ended the process that opened it" in refusal_of_litert(model, tmp_path)


def refusal_of_litert(model: Any, tmp_path: Path) -> str:
    import flatbuffers

    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    path = tmp_path / "hostile.tflite"
    path.write_bytes(bytes(builder.Output()))
    with pytest.raises(ModelError) as caught:
        Reader(path)
    return caught.value.message.removeprefix(f"{path}: ")
