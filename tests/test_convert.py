"""Taking models along: every kind of file there and back."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from helpers.networks import entry, keras2_tutorial, write_graph, write_h5, write_maps_first
from inkread import MissingExtra, ModelError, OptionError, Reader
from inkread.cli import main
from inkread.converting import QUANTISED, convert
from inkread.loading import SHIPPED, load_classifier

WriteNetwork = Callable[..., Path]

DOCS = (Path(__file__).parents[1] / "docs" / "convert.md").read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def glyphs() -> NDArray[np.float32]:
    return np.random.default_rng(7).random((20, 28, 28), np.float32)


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


# There and back


def test_the_tutorials_file_answers_as_its_layers_are_defined(mnist_h5: Path, glyphs: NDArray[np.float32]) -> None:
    np.testing.assert_allclose(Reader(mnist_h5).classifier.network.outputs(glyphs), tutorial_answers(glyphs), atol=1e-5)


@pytest.mark.parametrize("name", ["digits.onnx", "digits.keras", "digits.h5", "digits.tflite"])
def test_a_model_answers_alike_in_every_kind_of_file(
    converted: dict[str, Path], name: str, glyphs: NDArray[np.float32]
) -> None:
    np.testing.assert_allclose(load_classifier(converted[name]).outputs(glyphs), tutorial_answers(glyphs), atol=1e-5)


def test_eight_bits_are_less_than_a_third_as_large_and_answer_nearly_alike(tmp_path: Path) -> None:
    path = tmp_path / "digits.int8.onnx"
    done = convert("shipped", path)
    assert done.size < (SHIPPED / "model.onnx").stat().st_size / 3
    assert f"    {path.name}: {done.size / 1024:,.0f} KiB, largest difference 0.0" in DOCS
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
    before, after = (load_classifier(model).classify(glyphs) for model in (None, tmp_path / "digits.keras"))
    # The card has the temperature and the non-digit threshold.
    np.testing.assert_allclose(before, after, atol=1e-4)
    assert (tmp_path / "digits.keras.card.json").is_file()


def test_a_converted_model_reads_pictures_and_refuses_as_before(tmp_path: Path) -> None:
    done = convert("shipped", tmp_path / "digits.tflite")
    assert f"    digits.tflite: {done.size / 1024:,.0f} KiB, largest difference " in DOCS
    before, after = Reader(), Reader(tmp_path / "digits.tflite")
    for picture in sorted((Path(__file__).parents[1] / "examples").glob("*.jpg")):
        assert after.read(picture).text == before.read(picture).text
    blank = np.full((100, 100), 255, np.uint8)
    assert after.read(blank).refused == before.read(blank).refused


def test_keras_3_functional_models_with_branches_are_taken(tmp_path: Path, glyphs: NDArray[np.float32]) -> None:
    from inkread.keras_backend import load_keras

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
        np.testing.assert_allclose(load_classifier(tmp_path / name).outputs(glyphs), expected, atol=1e-5)


def test_a_network_of_784_numbers_is_read(tmp_path: Path, glyphs: NDArray[np.float32]) -> None:
    config = {"class_name": "Sequential", "config": [entry("Dense", "dense", units=10, batch_input_shape=[None, 784])]}
    kernel = np.random.default_rng(0).normal(0, 0.1, (784, 10)).astype(np.float32)
    path = write_h5(tmp_path / "row.h5", config, {"dense": {"kernel:0": kernel, "bias:0": np.zeros(10, np.float32)}})
    np.testing.assert_allclose(load_classifier(path).outputs(glyphs), glyphs.reshape(-1, 784) @ kernel, atol=1e-4)


def test_onnx_of_one_glyph_at_a_time_and_maps_first_is_read(tmp_path: Path, glyphs: NDArray[np.float32]) -> None:
    path, weights = write_graph(tmp_path / "one.onnx", ["Flatten", "Gemm"], shape=[1, 1, 28, 28])
    np.testing.assert_allclose(load_classifier(path).outputs(glyphs), glyphs.reshape(-1, 784) @ weights, atol=1e-4)


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
        # ONNX does not keep it.
        assert b'"Dropout"' in archive.read("config.json")


# The command


def test_the_command_says_what_it_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "digits.onnx"
    assert main(["convert", "shipped", str(out)]) == 0
    said = capsys.readouterr()
    first, second = said.out.splitlines()
    size = (SHIPPED / "model.onnx").stat().st_size / 1024
    assert first.startswith(f"{out}: {size:,.0f} KiB, largest difference 0 on ")
    assert second.endswith("0.0% of the answers changed")
    assert not said.err


def test_an_untrained_model_is_said_to_read_few(
    mnist_h5: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["convert", str(mnist_h5), str(tmp_path / "few.onnx")]) == 0
    assert capsys.readouterr().err.startswith("inkread: most answers are wrong; ")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("digits.pt", "the name of a model ends in .keras, .h5, .onnx, .tflite"),
        ("digits", "the name of a model ends in"),
        ("nowhere/digits.onnx", "there is no folder"),
        ("there.onnx", "exists already; name another file, or replace it with --force"),
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
    with pytest.raises(OptionError, match="this command reads that file, and never replaces it"):
        convert(tmp_path / "there.onnx", tmp_path / "there.onnx", force=True)


def test_only_onnx_has_eight_bits(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="only an ONNX file can have 8 bits"):
        convert(SHIPPED, tmp_path / "digits.tflite", int8=True)


def test_from_litert_there_is_no_way_back(converted: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="a LiteRT file cannot be converted"):
        convert(converted["digits.tflite"], tmp_path / "digits.onnx")


def test_a_savedmodel_of_tensorflow_is_told_from_a_model_folder(tmp_path: Path) -> None:
    (tmp_path / "saved_model.pb").write_bytes(b"")
    with pytest.raises(OptionError, match="load it in TensorFlow and save it as"):
        convert(tmp_path, tmp_path / "digits.onnx")


def test_onnx_that_is_no_chain_of_layers_is_refused_with_the_way_out(tmp_path: Path) -> None:
    path, _ = write_graph(tmp_path / "sine.onnx", ["Flatten", "Sin", "Gemm"])
    with pytest.raises(ModelError, match=r"there is no layer for 'Sin'\); convert the .keras or .h5 file or"):
        convert(path, tmp_path / "sine.keras")
    assert not (tmp_path / "sine.keras").exists()


def test_without_litert_the_extra_is_named(converted: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    for package in ("ai_edge_litert", "tensorflow.lite.python"):
        monkeypatch.setitem(sys.modules, f"{package}.interpreter", None)
    with pytest.raises(MissingExtra, match="needs the extra 'litert': pip install"):
        load_classifier(converted["digits.tflite"])


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
