"""Training further: a model goes on with one's own digits, and stays what it was to everybody else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from inkread import ModelError, OptionError, Reader
from inkread.cli import main
from inkread.datasets import Mnist
from inkread.glyphs import CLASSES
from inkread.loading import SHIPPED, load_classifier
from inkread.models.card import Card, load_card
from inkread.training import fine_tune, run
from inkread.training.fine_tuning import sample_mnist, start_from
from inkread.training.recipes import FINE_TUNE

pytest.importorskip("onnx", reason="needs the extra 'train'")

# It has nearly as many steps as the whole.
SHORT = replace(FINE_TUNE, sample=1500, epochs=4, batch=16)
SIGN = np.full((90, 90), 255, np.uint8)
SIGN[20:70, 20:26] = SIGN[20:70, 64:70] = SIGN[64:70, 20:70] = 0


@pytest.fixture(scope="session")
def further(data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Card]:
    """The shipped model after one short epoch on MNIST and a sign that is no digit to anybody but its owner, a 4."""
    folder = tmp_path_factory.mktemp("further")
    (folder / "own" / "4").mkdir(parents=True)
    for number in range(6):
        Image.fromarray(np.roll(SIGN, number)).save(folder / "own" / "4" / f"{number}.png")
    return folder / "model", fine_tune(folder / "own", recipe=SHORT, data=data / "mnist", out=folder / "model")


def test_a_sign_of_ones_own_becomes_likelier(further: tuple[Path, Card]) -> None:
    before, after = (
        Reader(model, profile=None).steps(SIGN, as_="digit").probabilities[0] for model in (None, further[0])
    )
    assert after[4] > 2 * before[4]


def test_other_hands_are_read_as_before(further: tuple[Path, Card], mnist: Mnist) -> None:
    images = np.asarray(mnist.train_images[-2000:] / np.float32(255), np.float32)
    labels = mnist.train_labels[-2000:]
    before, after = (
        (load_classifier(model).classify(images)[:, :CLASSES].argmax(axis=1) == labels).mean()
        for model in (None, further[0])
    )
    assert after > before - 0.003


def test_the_card_says_what_it_went_on_from_and_keeps_what_was_fitted_on_real_pictures(
    further: tuple[Path, Card],
) -> None:
    (folder, card), shipped = further, load_card(SHIPPED)
    assert card.recipe == "fine-tune"
    assert card.data["from"] == {"model": "shipped", "recipe": "best", "sha256": shipped.model_sha256}
    assert card.data["own"] == 6
    for name in ("temperature", "text_power", "min_confidence", "conformal", "limits"):
        assert getattr(card, name) == getattr(shipped, name)
    assert card.calibration["from"] == shipped.calibration
    assert card.scores == {}
    assert load_card(folder) == card


def test_the_threshold_refuses_as_many_digits_of_others_as_before(further: tuple[Path, Card]) -> None:
    card, shipped = further[1], load_card(SHIPPED)
    assert 0.9 < card.calibration["drawn_digits_kept"] < 1
    assert shipped.no_digit / 4 < card.no_digit < shipped.no_digit * 2


def test_what_learnt_further_learns_further_again(
    further: tuple[Path, Card], data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "DRAWN", 100)
    folder, first = further
    shorter = replace(SHORT, sample=200, epochs=1)
    again = fine_tune(base=folder, recipe=shorter, data=data / "mnist", out=tmp_path / "model")
    assert again.data["from"]["sha256"] == first.model_sha256
    # A sample is not MNIST as published.
    assert again.data["name"] == "own data"


def test_a_model_that_cannot_learn_further_is_refused_with_the_reason(
    tmp_path: Path, write_network: Callable[..., Path]
) -> None:
    ten = write_network(tmp_path / "ten.onnx")
    for model, reason in ((ten, "10 classes"), ("tiny", "8 bits"), (tmp_path / "a.tflite", "no way back from LiteRT")):
        with pytest.raises(ModelError, match=f"cannot be trained further, since .*{reason}.*; name another .*--from"):
            start_from(model)
    glyphs = np.random.default_rng(0).random((20, 28, 28), np.float32)
    flat = write_network(tmp_path / "flat.onnx", classes=11, softmax=True, channel=False)
    logits = write_network(tmp_path / "logits.onnx", classes=11)
    for model, reason in ((flat, r"it takes \(28, 28\)"), (logits, "it does not end in a softmax")):
        with pytest.raises(ModelError, match=f"cannot be trained further, since {reason}"):
            start_from(model).network(glyphs)


def test_a_folder_whose_two_files_disagree_is_refused(
    further: tuple[Path, Card], tmp_path: Path, write_network: Callable[..., Path]
) -> None:
    write_network(tmp_path / "model.onnx", classes=11, softmax=True)
    (tmp_path / "model.keras").write_bytes((further[0] / "model.keras").read_bytes())
    with pytest.raises(ModelError, match="gives different answers than the model that reads"):
        start_from(tmp_path).network(np.random.default_rng(0).random((20, 28, 28), np.float32))


@pytest.mark.parametrize("words", [("--from", "model"), ("--from", "model", "--own", "x", "--recipe", "best")])
def test_a_model_to_go_on_from_needs_own_digits_and_no_recipe(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", *words]) == 2
    assert "fine-tuning needs --own, and no --recipe" in capsys.readouterr().err


def test_a_recipe_takes_a_sample_of_mnist_or_all_of_it() -> None:
    images = np.arange(50 * 784, dtype=np.uint32).astype(np.uint8).reshape(50, 28, 28)
    mnist = Mnist(images, np.arange(50, dtype=np.uint8), images[:5], np.arange(5, dtype=np.uint8))
    few = sample_mnist(mnist, 20, seed=1)
    assert len(set(few.train_labels.tolist())) == 20
    assert all((images[label] == image).all() for image, label in zip(few.train_images, few.train_labels, strict=True))
    assert sample_mnist(mnist, None, seed=1) is sample_mnist(mnist, 50, seed=1) is mnist
    with pytest.raises(OptionError, match="0 epochs"):
        fine_tune(recipe=SHORT, epochs=0)
