"""The detector's training: a short real run, its files, and what happens when it is interrupted or lacks material."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import matplotlib as mpl
import numpy as np
import onnxruntime
import pytest

from helpers.small_detector import REDUCED
from inkread import DataError, ModelError, OptionError
from inkread.cli import main
from inkread.datasets import load_mnist
from inkread.datasets.material import (
    FREE_LICENCES,
    HANDWRITING,
    MEASURING_ONLY,
    PRINT,
    find_material,
    load_photographs,
    material_folder,
)
from inkread.marks import CHANNELS
from inkread.models.card import Card, load_card
from inkread.training import detector_material, train, train_detector
from inkread.training.detector_material import DetectorBatches, Drawing
from inkread.training.detector_run import fit_detector
from inkread.training.history import History, Watcher
from inkread.training.provenance import weights_sha256


class Interrupts(Watcher):
    """Is a user who presses Ctrl-C in the second epoch."""

    def steps(self, epoch: int, images: int, loss: float, accuracy: float) -> None:
        if epoch == 1:
            raise KeyboardInterrupt


class Listens(Watcher):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def says(self, what: str) -> None:
        self.said.append(what)


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file of 40 made-up digits in Keras's layout of MNIST."""
    labels = np.arange(40, dtype=np.uint8) % 10
    images = np.zeros((40, 28, 28), np.uint8)
    for image, label in zip(images, labels, strict=True):
        image[4 + label : 22, 8:12] = image[4:8, 8 : 10 + label] = 255
    path = tmp_path_factory.mktemp("digits") / "mnist.npz"
    np.savez(path, x_train=images, y_train=labels, x_test=images, y_test=labels)
    return path


@dataclass
class Run:
    """A run that was interrupted and started again: what was left in between, what was said, and the outcome."""

    out: Path
    left_out: list[Path]
    left_in_cache: list[Path]
    said: list[str]
    card: Card


@pytest.fixture(scope="module")
def trained(material: Path, digits: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Train a reduced network for two short epochs, interrupted in the second and started again."""
    folder = tmp_path_factory.mktemp("runs")
    out, cache, listens = folder / "out" / "model", folder / "cache", Listens()
    with pytest.MonkeyPatch.context() as patch:
        # matplotlib would look for all fonts of the machine again.
        patch.setenv("MPLCONFIGDIR", mpl.get_cachedir())
        patch.setenv("XDG_CACHE_HOME", str(cache))
        train = partial(train_detector, REDUCED, data=digits, material=material, out=out, seed=2)
        with pytest.raises(KeyboardInterrupt):
            train(watcher=Interrupts())
        left_out, left_in_cache = list(out.parent.iterdir()), list(cache.rglob("*.*"))
        return Run(out, left_out, left_in_cache, listens.said, train(watcher=listens))


def test_a_short_run_learns_and_leaves_a_whole_folder(trained: Run) -> None:
    assert {path.name for path in trained.out.iterdir()} == {"model.keras", "model.onnx", "card.json", "history.csv"}
    first, last = (epoch["loss"] for epoch in trained.card.epochs)
    assert last < 0.8 * first


def test_an_interrupted_run_leaves_nothing_but_its_checkpoint_and_goes_on_from_it(trained: Run) -> None:
    assert trained.left_out == []
    assert [path.suffix for path in trained.left_in_cache] == [".npz"]
    assert any("after epoch 1" in said for said in trained.said)
    assert [epoch["step"] for epoch in trained.card.epochs] == [15, 30]
    assert not trained.left_in_cache[0].exists()


def test_a_run_in_one_go_ends_with_the_same_weights(trained: Run, material: Path, digits: Path) -> None:
    mnist = load_mnist(digits)
    drawing = Drawing(2, mnist.train_images, mnist.train_labels, find_material(material))
    model, _ = fit_detector(REDUCED, drawing, seed=2, history=History(), watcher=Watcher())
    stored = [weight.astype(np.float16).astype(np.float32) for weight in model.get_weights()]
    assert weights_sha256(stored) == trained.card.weights_sha256


def test_a_run_can_continue_from_an_exported_detector(trained: Run) -> None:
    from inkread.foreign.to_onnx import take_detector_weights
    from inkread.training.detector_network import detector

    model = detector(REDUCED.widths, REDUCED.blocks)
    take_detector_weights(model, trained.out / "model.onnx")
    assert weights_sha256(model.get_weights()) == trained.card.weights_sha256
    wider = detector((8, 16, 24, 48), (1, 1, 1))
    with pytest.raises(ModelError, match="another size"):
        take_detector_weights(wider, trained.out / "model.onnx")


def test_only_best_continues_from_a_model(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="only the recipe 'best'"):
        train("fast", base="shipped", out=tmp_path / "out")


def test_the_card_names_fonts_and_photographs_with_their_licences(trained: Run) -> None:
    out, card = trained.out, trained.card
    assert load_card(out) == card
    assert (card.recipe, card.seed, card.data["patches"]) == ("detector", 2, 2 * 15 * 3)
    assert card.data["fonts"]["caveat"]["licence"] == "OFL-1.1"
    assert card.data["photographs"]["slopes"]["licences"] == ["CC0-1.0"]
    assert card.data["digits"] == {"name": "own data", "images": 40}


def test_the_onnx_file_takes_pages_of_any_size_and_answers_as_keras_does(trained: Run) -> None:
    import keras

    out, card = trained.out, trained.card
    assert card.test["export_difference"] < 1e-3
    network = keras.models.load_model(out / "model.keras")
    session = onnxruntime.InferenceSession(out / "model.onnx")
    for shape in ((2, 64, 96, 1), (1, 160, 48, 1)):
        pages = np.random.default_rng(0).normal(0, 1, shape).astype(np.float32)
        answers = session.run(None, {session.get_inputs()[0].name: pages})[0]
        assert answers.shape == (shape[0], shape[1] // 4, shape[2] // 4, CHANNELS)
        np.testing.assert_allclose(answers, np.asarray(network(pages)), atol=1e-3)


def test_the_weights_in_the_file_take_two_bytes_each(trained: Run) -> None:
    out, card = trained.out, trained.card
    assert card.parameters
    assert (out / "model.onnx").stat().st_size < 2 * card.parameters + 40_000


def test_the_whole_network_is_as_large_as_planned() -> None:
    from inkread.training.detector_network import detector

    assert detector().count_params() == 1_230_890


def test_the_batches_follow_from_the_seed_whatever_the_workers_and_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    with DetectorBatches(Drawing(5), size=2, again=1, kept=2, workers=2) as drawn:
        batches = drawn.batches()
        first = [next(batches) for _ in range(3)]
        later = next(drawn.batches(2))
    for one, other in zip(first[2], later, strict=True):
        assert np.array_equal(one, other)
    monkeypatch.setattr(detector_material, "_stocks", [Drawing(5).stock()])
    here = [detector_material._draw_patches((5, number + 2, detector_material._NEW), 1)[0].page for number in range(3)]
    assert np.array_equal(here, [pages[0, ..., 0] for pages, _ in first])
    assert first[0][0].shape == (2, 128, 320, 1)
    assert first[0][1].shape == (2, 32, 80, 9)
    assert not np.array_equal(here[0], here[1])


# The material


def test_without_material_the_command_says_in_one_line_how_to_fetch_it(
    tmp_path: Path, digits: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("INKREAD_MATERIAL", str(tmp_path / "nothing"))
    command = ["train", "--recipe", "detector", "--data", str(digits), "--out", str(tmp_path / "model")]
    assert main(command) == DataError.exit_code
    said = capsys.readouterr().err.strip()
    assert "\n" not in said
    assert f"{tmp_path / 'nothing'}: " in said
    assert "`make material`" in said
    assert not (tmp_path / "model").exists()


def test_the_detector_takes_no_digits_of_ones_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--recipe", "detector", "--own", str(tmp_path)]) == OptionError.exit_code
    assert "--own" in capsys.readouterr().err


def test_material_lies_where_the_variable_says_or_in_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INKREAD_MATERIAL", str(tmp_path))
    assert material_folder() == tmp_path
    monkeypatch.delenv("INKREAD_MATERIAL")
    assert material_folder().name == "material"


def test_material_is_found_by_its_kind(material: Path) -> None:
    found = find_material(material)
    assert [path.stem for path in found.handwriting] == ["caveat"]
    assert [path.stem for path in found.print] == ["roboto"]
    assert load_photographs(found)[0].shape == (200, 240)


def test_no_family_for_measuring_is_learnt_from(material: Path, tmp_path: Path) -> None:
    assert len(MEASURING_ONLY) == 10
    assert not set(MEASURING_ONLY) & {*HANDWRITING, *PRINT}
    folder = shutil.copytree(material, tmp_path / "material")
    fonts = {"kalam": {"licence": "OFL-1.1"}}
    (folder / "licences.json").write_text(json.dumps({"fonts": fonts, "photographs": {}}), encoding="utf-8")
    with pytest.raises(DataError, match="kalam, which is for measuring only"):
        find_material(folder)


@pytest.mark.parametrize("content", ["", "[]", '{"fonts": {}}'])
def test_damaged_material_is_named(material: Path, tmp_path: Path, content: str) -> None:
    folder = shutil.copytree(material, tmp_path / "material")
    (folder / "licences.json").write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=r"licences\.json: cannot be read"):
        find_material(folder)


def test_a_font_that_went_missing_is_named(material: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(material, tmp_path / "material")
    (folder / "fonts" / "roboto.woff2").unlink()
    with pytest.raises(DataError, match=r"roboto\.woff2: is missing"):
        find_material(folder)


def test_the_fonts_on_this_machine_are_under_licences_that_allow_it() -> None:
    try:
        found = find_material()
    except DataError as error:
        pytest.skip(f"needs fonts: {error.message}")
    assert {font["licence"] for font in found.licences["fonts"].values()} <= set(FREE_LICENCES)
