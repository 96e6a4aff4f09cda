"""Models that are refused: of another shape, and files made to do harm."""

from __future__ import annotations

import io
import json
import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from helpers.networks import Settings, entry, keras2_tutorial, write_graph, write_h5, write_h5_of
from inkread import ModelError, Reader
from inkread.converting import convert
from inkread.foreign.opening import keras_model

h5py = pytest.importorskip("h5py", reason="needs the extra 'train'")
onnx = pytest.importorskip("onnx", reason="needs the extra 'train'")
from onnx import helper, numpy_helper  # noqa: E402 - only where there is onnx

WriteNetwork = Callable[..., Path]

# Hostile code would set this.
SEEN = "INKREAD_TEST_WAS_RUN"


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
    assert refusal(path, tmp_path).startswith("takes (N, 20, 20, 1) as tensor(float), but inkread gives (N, 28, 28, 1)")
    assert refusal(path, tmp_path).endswith("; export it again with such an input, or name another model")


@pytest.mark.parametrize("name", ["letters.onnx", "letters.h5", "letters.keras"])
def test_another_number_of_classes_is_refused_with_the_file_and_a_way_out(
    tmp_path: Path, write_network: WriteNetwork, name: str
) -> None:
    path = tmp_path / name
    if name.endswith(".onnx"):
        write_network(path, classes=12)
    else:
        write_h5_of(tmp_path / "letters.h5", classes=12)
    if name.endswith(".keras"):
        keras_model(tmp_path / "letters.h5").save(path)
    assert refusal(path, tmp_path) == (
        "gives (12,) outputs per glyph, but inkread needs 10, one per digit, or 11 with one for non-digits; train it "
        "again with as many, or name another model"
    )


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (b"", "is empty"),
        (b"\x08\x08", "not an ONNX model that ONNX Runtime can load (No graph was found in the protobuf)"),
        (bytes(5000), "not an ONNX model that ONNX Runtime can load (it is damaged or cut short)"),
        (b"no network", "not an ONNX model that ONNX Runtime can load (it is damaged or cut short)"),
    ],
)
def test_a_file_that_is_no_model_is_refused_with_a_way_out(tmp_path: Path, content: bytes, cause: str) -> None:
    (tmp_path / "damaged.onnx").write_bytes(content)
    said = refusal(tmp_path / "damaged.onnx", tmp_path)
    assert said == f"{cause}; check that the file is complete, or export it again"


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
    assert "which inkread does not support" in said or "is of a custom class" in said


def test_a_lambda_that_keras_itself_wrote_is_refused(tmp_path: Path) -> None:
    from inkread.keras_backend import load_keras

    keras = load_keras("a test")
    run = keras.layers.Lambda(lambda x: (os.environ.setdefault("INKREAD_TEST_SAVED", "1"), x)[1], output_shape=(10,))
    model = keras.Sequential([keras.Input((784,)), keras.layers.Dense(10), run])
    for name in ("saved.h5", "saved.keras"):
        model.save(tmp_path / name)
        os.environ.pop("INKREAD_TEST_SAVED", None)
        assert "is of class 'Lambda', which inkread does not support" in refusal(tmp_path / name, tmp_path)
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
        assert "is in another file" in said or "is a link to another place" in said


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
    assert "holds too many groups and arrays" in refusal(path, tmp_path)


def test_weights_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    config, weights = keras2_tutorial()
    weights["dense_1"]["dense_1/bias:0"][3] = np.nan
    assert "weights that are not finite numbers" in refusal(write_h5(tmp_path / "nan.h5", config, weights), tmp_path)


def test_weights_without_a_network_are_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "weights.h5"
    with h5py.File(path, "w") as file:
        file["dense/kernel:0"] = np.zeros((784, 10))
    assert "save the whole network with model.save" in refusal(path, tmp_path)


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
    assert "its model.weights.h5 has 629,145,600 bytes; at most 536,870,912 are allowed" in refusal(path, tmp_path)


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
    assert refusal(path, tmp_path).startswith("not a Keras model (")


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
        # A hole takes no space.
        file.truncate(1 << 39)
    with pytest.raises(ModelError, match="has 549,755,813,888 bytes; a model may have at most 268,435,456"):
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
    # This is field 25 with a 33rd bit.
    function = bytes([0xCA, 0x81, 0x80, 0x80, 0x10, 0x00])
    path.write_bytes(path.read_bytes() + function)
    assert refusal(path, tmp_path).startswith("defines its own functions")


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


def test_litert_with_sizes_that_depend_on_what_is_written_is_refused(
    converted: dict[str, Path], tmp_path: Path
) -> None:
    from ai_edge_litert import schema_py_generated as schema

    wanted = "has sizes that depend on what is written, or loops"
    for kind in ("CAST", "WHERE"):
        model = schema.ModelT.InitFromPackedBuf(converted["digits.tflite"].read_bytes(), 0)
        code = next(each for each in model.operatorCodes if each.builtinCode == schema.BuiltinOperator.SHAPE)
        code.builtinCode = code.deprecatedBuiltinCode = getattr(schema.BuiltinOperator, kind)
        assert refusal_of_litert(model, tmp_path).startswith(wanted)
    model = schema.ModelT.InitFromPackedBuf(converted["digits.tflite"].read_bytes(), 0)
    model.subgraphs *= 2
    assert refusal_of_litert(model, tmp_path).startswith(wanted)


def test_litert_whose_tensors_take_too_much_is_refused(
    converted: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    from inkread.models import litert

    litert.try_file(converted["digits.tflite"])
    monkeypatch.setattr(litert, "LARGEST_TENSORS", 1000)
    with pytest.raises(ValueError, match="its tensors take more than 0 MiB"):
        litert.try_file(converted["digits.tflite"])


def test_a_litert_file_that_crashes_litert_ends_a_process_of_its_own(
    converted: dict[str, Path], tmp_path: Path
) -> None:
    """LiteRT follows the number of a tensor that is left out; what a convolution finds there differs by the machine."""
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(converted["digits.tflite"].read_bytes(), 0)
    kinds = [code.builtinCode for code in model.operatorCodes]
    slicing = kinds.index(schema.BuiltinOperator.STRIDED_SLICE)
    cut = next(operator for operator in model.subgraphs[0].operators if operator.opcodeIndex == slicing)
    cut.inputs = np.array([-1, *cut.inputs[1:]], np.int32)
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
