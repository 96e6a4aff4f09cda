"""Training: a short real run, what it leaves behind, and what it never does."""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from helpers.small_detector import REDUCED
from inkread import DataError, MissingExtra, OptionError, Reader
from inkread.cli import main
from inkread.datasets.mnist import read_idx
from inkread.files import whole_folder
from inkread.foreign.to_onnx import quantise_onnx, tidy_onnx
from inkread.loading import SHIPPED, load_classifier
from inkread.models.card import Card, load_card
from inkread.models.detector import load_detector
from inkread.training import RECIPES, train
from inkread.training.history import Watcher

SHORT = replace(REDUCED, steps_per_epoch=1)
"""A recipe of the detector for tests of what is trained with it."""


class StopsIn(Watcher):
    """Presses Ctrl-C in an epoch, counted from 0, of the fit of this number, counted from 1, and keeps what is said."""

    def __init__(self, *, epoch: int, fit: int) -> None:
        self.epoch, self.fit, self.begun = epoch, fit, 0
        self.said: list[str] = []

    def says(self, what: str) -> None:
        self.said.append(what)

    def begins(self, epochs: int, images: int) -> None:
        self.begun += 1

    def steps(self, epoch: int, images: int, loss: float, accuracy: float) -> None:
        if (epoch, self.begun) == (self.epoch, self.fit):
            raise KeyboardInterrupt


FILES = {"model.keras", "model.onnx", "card.json", "history.csv", "curves.png"}


def write_idx(path: Path, array: NDArray[np.uint8]) -> None:
    shape = b"".join(side.to_bytes(4, "big") for side in array.shape)
    path.write_bytes(bytes([0, 0, 8, array.ndim]) + shape + array.tobytes())


@pytest.fixture(scope="session")
def few(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """640 training and 100 test images: bright bars whose place is their class, so that a network learns them."""
    folder = tmp_path_factory.mktemp("few")
    rng = np.random.default_rng(0)
    for name, count in (("train", 640), ("t10k", 100)):
        labels = np.arange(count, dtype=np.uint8) % 10
        images = rng.integers(0, 60, (count, 28, 28), np.uint8)
        for image, label in zip(images, labels, strict=True):
            image[4 + 2 * label : 6 + 2 * label, 4:24] = 255
        write_idx(folder / f"{name}-images-idx3-ubyte", images)
        write_idx(folder / f"{name}-labels-idx1-ubyte", labels)
    return folder


@pytest.fixture(scope="session")
def trained(data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Card]:
    """A model folder of one epoch of `fast` on real MNIST: 469 steps."""
    out = tmp_path_factory.mktemp("runs") / "model"
    return out, train("fast", data=data / "mnist", out=out, epochs=1, seed=3)


def test_one_epoch_on_mnist_reads_its_test_set(trained: tuple[Path, Card]) -> None:
    _, card = trained
    assert card.test["accuracy"] > 0.97
    assert np.sum(card.test["confusion"]) == 10_000
    assert np.trace(card.test["confusion"]) == round(card.test["accuracy"] * 10_000)


def test_a_model_folder_holds_all_it_should(trained: tuple[Path, Card]) -> None:
    out, card = trained
    assert {path.name for path in out.iterdir()} == FILES
    assert load_card(out) == card
    assert card.model_sha256 == hashlib.sha256((out / "model.onnx").read_bytes()).hexdigest()
    assert card.data == {"name": "MNIST", "images": 60_000}
    assert card.seed == 3
    assert card.settings["epochs"] == 1
    with Image.open(out / "curves.png") as curves:
        assert curves.size[0] > 800


def test_the_history_ends_with_the_last_step(trained: tuple[Path, Card]) -> None:
    out, card = trained
    with (out / "history.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["step"]) for row in rows][-1] == card.epochs[-1]["step"] == 469
    assert float(rows[-1]["loss"]) < float(rows[0]["loss"])


def test_the_average_images_look_like_their_class(trained: tuple[Path, Card], data: Path) -> None:
    _, card = trained
    images = read_idx(data / "mnist" / "t10k-images-idx3-ubyte.gz").reshape(-1, 784).astype(float)
    labels = read_idx(data / "mnist" / "t10k-labels-idx1-ubyte.gz")
    averages = np.array([card.average_image(digit) for digit in range(10)]).reshape(10, 784).astype(float)
    nearest = ((images[:500, None] - averages[None]) ** 2).sum(axis=2).argmin(axis=1)
    # The nearest class mean reads about 80% of MNIST.
    assert (nearest == labels[:500]).mean() > 0.75


def test_the_keras_file_reads_as_the_onnx_file_does(trained: tuple[Path, Card]) -> None:
    out, _ = trained
    glyphs = np.random.default_rng(1).random((20, 28, 28), np.float32)
    keras, onnx = (Reader(out / name).classifier.classify(glyphs) for name in ("model.keras", "model.onnx"))
    np.testing.assert_allclose(keras, onnx, atol=1e-4)


def test_the_same_seed_gives_the_same_weights(few: Path, tmp_path: Path) -> None:
    runs = {"first": 5, "again": 5, "other": 6}
    first, again, other = (train("fast", data=few, out=tmp_path / name, seed=seed) for name, seed in runs.items())
    assert first.weights_sha256 == again.weights_sha256 != other.weights_sha256


@pytest.fixture(scope="session")
def best(few: Path, material: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Card]:
    """A model folder of a few short epochs of `best`."""
    out = tmp_path_factory.mktemp("best") / "model"
    return out, train("best", data=few, out=out, material=material, detector=SHORT, epochs=6, seed=1)


def test_best_trains_a_detector_that_the_model_is_read_with(best: tuple[Path, Card]) -> None:
    out, card = best
    assert {path.name for path in out.iterdir()} == FILES | {"detector"}
    assert load_card(out / "detector").recipe == "detector"
    assert card.detector_share > 0
    assert load_detector(out) is not load_detector()
    assert Reader(out).read(np.full((60, 60), 255, np.uint8)).refused


def test_best_continues_where_it_was_interrupted(
    best: tuple[Path, Card], few: Path, material: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    again = partial(train, "best", data=few, out=tmp_path / "model", material=material, detector=SHORT, epochs=6)
    with pytest.raises(KeyboardInterrupt):
        again(seed=1, watcher=StopsIn(epoch=3, fit=2))
    assert not (tmp_path / "model").exists()
    listening = StopsIn(epoch=99, fit=2)
    assert again(seed=1, watcher=listening).weights_sha256 == best[1].weights_sha256
    assert [said for said in listening.said if said.startswith("continuing")] == [
        "continuing after epoch 6 of the interrupted run",
        "continuing after epoch 3 of the interrupted run",
    ]
    assert not list((tmp_path / "cache").rglob("*.npz"))


def test_best_without_material_says_how_to_fetch_it(few: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="make material"):
        train("best", data=few, out=tmp_path / "model", material=tmp_path)


def test_best_has_a_class_for_what_is_no_digit(best: tuple[Path, Card]) -> None:
    out, card = best
    classifier = Reader(out).classifier.network
    assert classifier.outputs(np.zeros((3, 28, 28), np.float32)).shape == (3, 11)
    assert card.parameters == 249_179
    assert (card.no_digit, card.data["glyphs"]) == (0.5, 6 * 640)
    assert [epoch["step"] for epoch in card.epochs] == [3, 6, 9, 12, 15, 18]


def test_best_learns_and_its_card_says_by_which_protocol(best: tuple[Path, Card]) -> None:
    _, card = best
    assert card.epochs[-1]["loss"] < card.epochs[0]["loss"]
    assert "looked at once" in card.protocol
    assert "printed digits" in card.limits


def test_a_tidied_network_answers_alike_without_turning_its_maps(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    random, made = np.random.default_rng(0), onnx.helper
    constants = {
        "channels first": np.array([-1, 1, 28, 28]),
        "convolution": random.random((3, 1, 5, 5), np.float32) / 25,
        "start": np.array([0]),
        "end": np.array([1]),
        "numbers": np.array([108]),
        "dense": random.random((108, 10), np.float32) - np.float32(0.5),
    }
    # tf2onnx writes a Flatten of maps whose channel is the last like this.
    nodes = [
        made.make_node("Reshape", ["glyphs", "channels first"], ["images"]),
        made.make_node("Conv", ["images", "convolution"], ["maps"], strides=[4, 4]),
        made.make_node("Transpose", ["maps"], ["turned"], perm=[0, 2, 3, 1]),
        made.make_node("Shape", ["maps"], ["shape"]),
        made.make_node("Slice", ["shape", "start", "end"], ["count"]),
        made.make_node("Concat", ["count", "numbers"], ["flat shape"], axis=0),
        made.make_node("Reshape", ["turned", "flat shape"], ["flat"]),
        made.make_node("MatMul", ["flat", "dense"], ["logits"]),
        made.make_node("Softmax", ["logits"], ["answer"]),
    ]
    ends = [
        made.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["N", *shape])
        for name, shape in (("glyphs", (28, 28, 1)), ("answer", (10,)))
    ]
    weights = [onnx.numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = made.make_graph(nodes, "network", ends[:1], ends[1:], weights)
    model = made.make_model(graph, opset_imports=[made.make_opsetid("", 15)], ir_version=8)
    onnx.save(model, tmp_path / "converted.onnx")

    tidy_onnx(tmp_path / "converted.onnx", tmp_path / "tidy.onnx")
    tidy_onnx(tmp_path / "tidy.onnx", tmp_path / "again.onnx")
    glyphs = random.random((5, 28, 28), np.float32)
    expected = load_classifier(tmp_path / "converted.onnx").outputs(glyphs)
    for name in ("tidy.onnx", "again.onnx"):
        np.testing.assert_allclose(load_classifier(tmp_path / name).outputs(glyphs), expected, atol=1e-6)
        kinds = [node.op_type for node in onnx.load(tmp_path / name).graph.node]
        assert kinds == ["Reshape", "Conv", "Flatten", "MatMul", "Softmax"]


def test_what_is_trained_can_be_taught(trained: tuple[Path, Card]) -> None:
    classifier = load_classifier(trained[0])
    probabilities, features = classifier.classify_with_features(np.zeros((3, 28, 28), np.float32))
    assert (probabilities.shape, features.shape) == ((3, 11), (3, 1024))
    assert classifier.sha256 == trained[1].model_sha256


def own_sign(folder: Path) -> NDArray[np.uint8]:
    """Return a sign that nobody else takes for a digit, and write it six times as somebody's 4, beside a blank page."""
    sign = np.full((90, 90), 255, np.uint8)
    sign[20:70, 20:26] = sign[20:70, 64:70] = sign[64:70, 20:70] = 0
    (folder / "4").mkdir(parents=True)
    for number in range(6):
        Image.fromarray(np.roll(sign, number)).save(folder / "4" / f"{number}.png")
    Image.fromarray(np.full((90, 90), 255, np.uint8)).save(folder / "4" / "blank.png")
    return sign


def test_own_digits_are_learnt_beside_the_others(few: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sign that is a non-digit anywhere else is read as what its owner means by it."""
    monkeypatch.setenv("INKREAD_HOME", str(tmp_path / "home"))
    sign = own_sign(tmp_path / "own")
    card = train("fast", data=few, out=tmp_path / "model", own=tmp_path / "own", epochs=6)
    assert (card.data["name"], card.data["own"], len(card.data["left_out"])) == ("MNIST and own digits", 6, 1)
    assert card.data["images"] > 640
    assert load_card(tmp_path / "model") == card
    assert Reader(tmp_path / "model", profile=None).read(sign, as_="digit", min_confidence=0).text == "4"
    Reader().teach(4, sign, as_="digit")
    assert train("fast", data=few, out=tmp_path / "of-profile", own="default", epochs=1).data["own"] == 1


def test_own_digits_that_are_not_there_are_said(few: Path, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="neither a folder with folders named 0 to 9 nor a profile"):
        train("fast", data=few, out=tmp_path / "model", own="nobody")
    with pytest.raises(DataError, match="no pictures"):
        train("fast", data=few, out=tmp_path / "model", own=few)


def test_a_quantised_model_answers_as_its_parent_and_is_a_third_as_large(tmp_path: Path, data: Path) -> None:
    glyphs = np.asarray(read_idx(data / "mnist" / "train-images-idx3-ubyte.gz")[:600] / np.float32(255), np.float32)
    tiny = tmp_path / "model.onnx"
    quantise_onnx(SHIPPED / "model.onnx", tiny, glyphs[:200])
    assert tiny.stat().st_size < (SHIPPED / "model.onnx").stat().st_size / 3
    parent, child = (load_classifier(path).outputs(glyphs[200:]) for path in (SHIPPED / "model.onnx", tiny))
    np.testing.assert_allclose(child.sum(axis=1), 1, atol=1e-4)
    assert load_classifier(tiny).classify_with_features(glyphs[:5])[1].shape == (5, 1536)
    assert np.abs(child - parent).mean() < 0.005
    assert (child.argmax(axis=1) == parent.argmax(axis=1)).mean() > 0.99


def test_classic_is_the_tutorials_network_and_writes_its_file(few: Path, tmp_path: Path) -> None:
    card = train("classic", data=few, out=tmp_path / "model", epochs=2)
    assert card.parameters == 3_274_634
    assert {path.name for path in (tmp_path / "model").iterdir()} == FILES | {"mnist.h5"}
    assert all({"loss", "accuracy", "test_loss", "test_accuracy"} <= epoch.keys() for epoch in card.epochs)
    glyphs = np.random.default_rng(1).random((5, 28, 28), np.float32)
    h5, onnx = (Reader(tmp_path / "model" / name).classifier.classify(glyphs) for name in ("mnist.h5", "model.onnx"))
    np.testing.assert_allclose(h5, onnx, atol=1e-4)


def test_fast_looks_at_the_test_set_only_at_the_end(trained: tuple[Path, Card]) -> None:
    _, card = trained
    assert not any(key.startswith("test") for epoch in card.epochs for key in epoch)


def test_after_the_first_epoch_fast_keeps_the_harder_half(few: Path, tmp_path: Path) -> None:
    seen = []

    class Counts(Watcher):
        def begins(self, epochs: int, images: int) -> None:
            seen.append(images)

    card = train("fast", data=few, out=tmp_path / "model", watcher=Counts())
    assert seen == [640 + 320 + 320]
    assert [epoch["step"] for epoch in card.epochs] == [5, 8, 11]


class Interrupts(Watcher):
    def steps(self, epoch: int, images: int, loss: float, accuracy: float) -> None:
        raise KeyboardInterrupt


def test_an_interrupted_run_leaves_nothing_behind(few: Path, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        train("fast", data=few, out=tmp_path / "model", watcher=Interrupts())
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_run_keeps_the_model_it_would_have_replaced(few: Path, tmp_path: Path) -> None:
    with whole_folder(tmp_path / "model") as folder:
        (folder / "model.onnx").write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt):
        train("fast", data=few, out=tmp_path / "model", force=True, watcher=Interrupts())
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    assert (tmp_path / "model" / "model.onnx").read_bytes() == b"old"


@pytest.mark.parametrize("name", ["model.onnx", "holiday.jpg"])
def test_a_folder_that_holds_something_is_not_overwritten(
    name: str, few: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / name).write_bytes(b"precious")
    assert main(["train", "--data", str(few), "--out", str(tmp_path)]) == 2
    assert str(tmp_path) in capsys.readouterr().err
    assert (tmp_path / name).read_bytes() == b"precious"


@pytest.mark.parametrize("out", ["/proc/model", "/dev/null/model", "/dev/null", "."])
def test_a_folder_that_cannot_be_written_is_refused_before_training(
    out: str, few: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["train", "--data", str(few), "--out", out]) == 2
    error = capsys.readouterr().err
    assert "--out" in error
    assert "TensorFlow" not in error


def test_a_linked_folder_is_replaced_where_it_lies(few: Path, tmp_path: Path) -> None:
    with whole_folder(tmp_path / "model") as folder:
        (folder / "model.onnx").write_bytes(b"old")
    (tmp_path / "link").symlink_to(tmp_path / "model")
    card = train("fast", data=few, out=tmp_path / "link", epochs=1, force=True)
    assert load_card(tmp_path / "model") == card
    assert (tmp_path / "link").is_symlink()
    assert {path.name for path in tmp_path.iterdir()} == {"model", "link"}


def test_on_a_processor_without_bfloat16_the_card_says_float32(
    few: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inkread.training.recipes.has_bfloat16", lambda: False)
    assert train("fast", data=few, out=tmp_path / "model", epochs=1).settings["precision"] == "float32"


def test_force_never_replaces_a_folder_of_other_things(few: Path, tmp_path: Path) -> None:
    (tmp_path / "holiday.jpg").write_bytes(b"precious")
    with pytest.raises(OptionError, match="other files"):
        train("fast", data=few, out=tmp_path, force=True)


def test_without_keras_one_line_says_which_extra_brings_it(
    few: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "keras", None)
    assert main(["train", "--data", str(few), "--out", str(tmp_path / "model")]) == 3
    assert "needs the extra 'train': pip install" in capsys.readouterr().err
    # Nobody looks for data first, or downloads it, only to hear that the extra is missing.
    for recipe in ("fast", "best", "detector"):
        assert main(["train", "--recipe", recipe, "--data", "nowhere", "--out", str(tmp_path / "model")]) == 3
    assert main(["train", "--own", "nowhere", "--from", "nowhere.onnx", "--out", str(tmp_path / "model")]) == 3
    with pytest.raises(MissingExtra):
        train("fast", data=few, out=tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_the_command_prints_the_card_and_nothing_of_tensorflows_chatter(few: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "inkread", "train", "--data", str(few), "--out", str(tmp_path / "m")]
    run = subprocess.run([*command, "--epochs", "1", "--format", "json"], capture_output=True, text=True, check=True)
    assert json.loads(run.stdout)["recipe"] == "fast"
    heads = {line.split()[0] for line in run.stderr.splitlines()}
    assert heads == {"starting", "epoch", "saving"}


def test_damaged_data_ends_with_exit_4_before_training(
    tmp_path: Path, few: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in few.iterdir():
        (tmp_path / f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes())[:-20])
    assert main(["train", "--data", str(tmp_path), "--out", str(tmp_path / "model")]) == 4
    error = capsys.readouterr().err
    assert "train-images-idx3-ubyte.gz" in error
    assert error.count("\n") == 1


def test_the_rate_rises_to_its_peak_and_falls_to_nearly_nothing() -> None:
    from inkread.keras_backend import load_keras

    load_keras("a test")
    from inkread.training.optimizers import OneCycle

    rate = [float(OneCycle(0.01, 100)(step)) for step in range(100)]
    assert max(rate) == pytest.approx(0.01, rel=0.02)
    assert int(np.argmax(rate)) == 20
    assert rate[0] == pytest.approx(0.0005)
    assert rate[-1] < 0.0002


def test_kernels_of_convolutions_take_orthogonal_steps_and_all_else_those_of_adamw() -> None:
    from inkread.keras_backend import load_keras

    keras = load_keras("a test")
    from inkread.training.optimizers import muon_cycle

    rng = np.random.default_rng(5)
    before = [rng.normal(size=shape).astype(np.float32) for shape in ((3, 3, 4, 8), (12, 10), (8,))]
    gradients = [rng.normal(size=weights.shape).astype(np.float32) for weights in before]
    variables = [keras.Variable(weights) for weights in before]
    optimizer = muon_cycle(0.01, 100)
    optimizer.apply([keras.ops.convert_to_tensor(gradient) for gradient in gradients], variables)
    # It happens at the first step.
    rate = 0.0005
    shrunk = [weights * (1 - rate * 0.03) for weights in before]
    steps = [(kept - variable.numpy()) / rate for kept, variable in zip(shrunk, variables, strict=True)]
    # Keras's five iterations bring the singular values to 0.7 to 1.2, not to 1; a step has the root mean square 0.2.
    assert np.linalg.svd(steps[0].reshape(36, 8), compute_uv=False) == pytest.approx(0.2 * 36**0.5, rel=0.4)
    for step, gradient in zip(steps[1:], gradients[1:], strict=True):
        np.testing.assert_allclose(step, np.sign(gradient), atol=0.02)
    again = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
    assert (type(again), again.weight_decay) == (type(optimizer), optimizer.weight_decay)


def test_a_recipe_counts_its_steps() -> None:
    fast = RECIPES["fast"]
    assert [fast.steps(60_000, epoch) for epoch in range(3)] == [469, 235, 235]
    assert [replace(fast, hardest=1.0).steps(60_000, epoch) for epoch in range(2)] == [469, 469]
