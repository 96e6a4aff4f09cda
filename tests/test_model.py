"""Models at reading time: the classifier, its card, and the files that are refused."""

from __future__ import annotations

import base64
import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from inkread import ModelError, Reader
from inkread.loading import SHIPPED, load_classifier
from inkread.models.card import Card, encoded_images, load_card
from inkread.models.classifier import Classifier

Map = NDArray[np.float32]
WriteNetwork = Callable[..., Path]


@pytest.fixture(scope="module")
def glyphs() -> Map:
    """Return 50 maps of random blots, on which a network is anything but sure."""
    coarse = np.random.default_rng(0).random((50, 7, 7), np.float32)
    return np.asarray(np.kron(coarse > 0.6, np.ones((4, 4))), np.float32)


@pytest.fixture(scope="module")
def shipped() -> Classifier:
    return load_classifier()


def softmax(logits: NDArray[np.floating]) -> NDArray[np.float64]:
    powers = np.exp(np.asarray(logits, float) - np.max(logits, axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def refusal(model: Path) -> str:
    """Return the one line with which a model is refused."""
    with pytest.raises(ModelError) as caught:
        Reader(model)
    assert caught.value.exit_code == 4
    assert "\n" not in caught.value.message
    return caught.value.message


def with_none(probabilities: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the probabilities of ten digits, and a zero for the non-digit."""
    return np.pad(np.asarray(probabilities, float), ((0, 0), (0, 1)))


def write_card(folder: Path, **values: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "card.json").write_text(json.dumps(values), encoding="utf-8")
    return folder


# Probabilities


def test_probabilities_sum_to_one(shipped: Classifier, glyphs: Map) -> None:
    probabilities = shipped.classify(glyphs)
    assert probabilities.shape == (50, 11)
    assert probabilities.dtype == np.float32
    assert probabilities.min() >= 0
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)


def test_different_glyphs_get_different_probabilities(shipped: Classifier, glyphs: Map) -> None:
    assert len(np.unique(shipped.classify(glyphs).round(4), axis=0)) == 50


@pytest.mark.parametrize("count", [0, 1, 2, 49])
def test_any_number_of_glyphs_is_classified_as_one_by_one(shipped: Classifier, glyphs: Map, count: int) -> None:
    together = shipped.classify(glyphs[:count])
    assert together.shape == (count, 11)
    for one, glyph in zip(together, glyphs, strict=False):
        np.testing.assert_allclose(one, shipped.classify(glyph[None])[0], atol=1e-5)


def test_three_thousand_glyphs_are_classified_in_order(shipped: Classifier, glyphs: Map) -> None:
    probabilities = shipped.classify(np.tile(glyphs, (60, 1, 1)))
    assert probabilities.shape == (3000, 11)
    np.testing.assert_allclose(probabilities, np.tile(shipped.classify(glyphs), (60, 1)), atol=1e-5)


def test_two_threads_answer_as_one_does(shipped: Classifier, glyphs: Map) -> None:
    np.testing.assert_allclose(load_classifier(threads=2).classify(glyphs), shipped.classify(glyphs), atol=1e-5)


@pytest.mark.parametrize("shape", [(28, 28), (2, 27, 28), (2, 28, 28, 1), (2, 784), (0,)])
def test_glyphs_of_another_shape_are_a_programming_error(shipped: Classifier, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"glyphs must be \(N, 28, 28\), not"):
        shipped.classify(np.zeros(shape, np.float32))


def test_glyphs_of_doubles_and_views_are_classified_alike(shipped: Classifier, glyphs: Map) -> None:
    expected = shipped.classify(glyphs)
    np.testing.assert_allclose(shipped.classify(glyphs.astype(np.float64)), expected, atol=1e-6)
    turned = np.ascontiguousarray(glyphs.transpose(0, 2, 1)).transpose(0, 2, 1)
    np.testing.assert_allclose(shipped.classify(turned), expected, atol=1e-6)


# Networks of others


def test_logits_become_probabilities(tmp_path: Path, glyphs: Map, write_network: WriteNetwork) -> None:
    classifier = load_classifier(write_network(tmp_path / "logits.onnx"))
    outputs = classifier.outputs(glyphs)
    assert outputs.min() < 0
    np.testing.assert_allclose(classifier.classify(glyphs), with_none(softmax(outputs)), atol=1e-6)


def test_probabilities_stay_as_they_are(tmp_path: Path, glyphs: Map, write_network: WriteNetwork) -> None:
    logits = load_classifier(write_network(tmp_path / "logits.onnx"))
    classifier = load_classifier(write_network(tmp_path / "probabilities.onnx", softmax=True))
    np.testing.assert_allclose(classifier.classify(glyphs), with_none(classifier.outputs(glyphs)), atol=1e-6)
    np.testing.assert_allclose(classifier.classify(glyphs), logits.classify(glyphs), atol=1e-5)


@pytest.mark.parametrize("ends_in_softmax", [False, True])
def test_the_temperature_of_the_card_divides_the_logits(
    tmp_path: Path, glyphs: Map, write_network: WriteNetwork, ends_in_softmax: bool
) -> None:
    logits = load_classifier(write_network(tmp_path / "logits.onnx")).outputs(glyphs)
    write_network(tmp_path / "model.onnx", softmax=ends_in_softmax)
    write_card(tmp_path, temperature=2.5)
    probabilities = load_classifier(tmp_path).classify(glyphs)
    np.testing.assert_allclose(probabilities, with_none(softmax(logits / 2.5)), atol=1e-5)
    assert probabilities.dtype == np.float32
    # It makes the network less sure of the same answers.
    plain = softmax(logits)
    assert (probabilities.argmax(axis=1) == plain.argmax(axis=1)).all()
    assert (probabilities.max(axis=1) < plain.max(axis=1)).all()


@pytest.mark.parametrize("ends_in_softmax", [False, True])
def test_an_eleventh_class_is_no_digit_and_keeps_its_probability_at_any_temperature(
    tmp_path: Path, glyphs: Map, write_network: WriteNetwork, ends_in_softmax: bool
) -> None:
    logits = load_classifier(write_network(tmp_path / "logits.onnx", classes=11)).outputs(glyphs)
    write_network(tmp_path / "model.onnx", classes=11, softmax=ends_in_softmax)
    write_card(tmp_path, temperature=2.5)
    probabilities, plain = load_classifier(tmp_path).classify(glyphs), softmax(logits)
    np.testing.assert_allclose(probabilities[:, 10], plain[:, 10], atol=1e-5)
    given = softmax(logits[:, :10] / 2.5)
    np.testing.assert_allclose(probabilities[:, :10], given * (1 - plain[:, 10:]), atol=1e-5)


def test_a_glyph_that_is_certainly_no_digit_still_has_finite_probabilities(
    tmp_path: Path, write_network: WriteNetwork
) -> None:
    classifier = load_classifier(write_network(tmp_path / "logits.onnx", classes=11))
    probabilities = classifier.classify(np.random.default_rng(0).uniform(0, 1e4, (50, 28, 28)).astype(np.float32))
    assert (probabilities[:, 10] == 1).any()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)


def test_large_logits_do_not_overflow(tmp_path: Path, write_network: WriteNetwork) -> None:
    classifier = load_classifier(write_network(tmp_path / "logits.onnx"))
    probabilities = classifier.classify(np.full((3, 28, 28), 1e4, np.float32))
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)


def test_a_network_without_a_dimension_for_the_channel_is_used(
    tmp_path: Path, glyphs: Map, write_network: WriteNetwork
) -> None:
    with_channel = load_classifier(write_network(tmp_path / "with.onnx"))
    without = load_classifier(write_network(tmp_path / "without.onnx", channel=False))
    np.testing.assert_allclose(without.classify(glyphs), with_channel.classify(glyphs), atol=1e-6)


def test_a_network_of_five_classes_is_refused(tmp_path: Path, write_network: WriteNetwork) -> None:
    path = write_network(tmp_path / "five.onnx", classes=5)
    assert (
        refusal(path)
        == f"{path}: gives (5,) outputs per glyph, but inkread needs 10, one per digit, or 11 with one for non-digits; "
        "train it again with as many, or name another model"
    )


@pytest.mark.parametrize("channel", [True, False])
def test_a_network_of_other_glyphs_is_refused(tmp_path: Path, write_network: WriteNetwork, channel: bool) -> None:
    path = write_network(tmp_path / "small.onnx", side=20, channel=channel)
    shape = "(N, 20, 20, 1)" if channel else "(N, 20, 20)"
    assert refusal(path).startswith(f"{path}: takes {shape} as tensor(float), but inkread gives (N, 28, 28, 1), ")


# Files and folders


def test_the_shipped_model_is_a_folder_like_any_other(tmp_path: Path, shipped: Classifier, glyphs: Map) -> None:
    folder = tmp_path / "a copy"
    shutil.copytree(SHIPPED, folder)
    for model in (folder, str(folder), folder / "model.onnx"):
        classifier = load_classifier(model)
        assert np.array_equal(classifier.classify(glyphs), shipped.classify(glyphs))
        assert classifier.card == shipped.card


def test_the_card_of_a_folder_belongs_to_its_own_model_alone(tmp_path: Path, write_network: WriteNetwork) -> None:
    write_card(tmp_path, recipe="mine")
    write_network(tmp_path / "model.onnx")
    write_network(tmp_path / "another.onnx")
    assert Reader(tmp_path).card.recipe == "mine"
    assert Reader(tmp_path / "model.onnx").card.recipe == "mine"
    assert Reader(tmp_path / "another.onnx").card == Card()


def test_a_model_without_a_card_is_used_as_it_is(tmp_path: Path, write_network: WriteNetwork) -> None:
    write_network(tmp_path / "model.onnx")
    card = Reader(tmp_path).card
    assert card == Card()
    assert (card.recipe, card.temperature) == ("unknown", 1.0)


@pytest.mark.parametrize("name", ["nothing", "nothing.onnx", "nothing.keras", "nothing.h5"])
def test_a_missing_model_is_named(tmp_path: Path, name: str) -> None:
    assert refusal(tmp_path / name).startswith(f"{tmp_path / name}: no such model; ")


def test_a_folder_without_a_model_is_named(tmp_path: Path) -> None:
    assert refusal(tmp_path).startswith(f"{tmp_path / 'model.onnx'}: no such model; ")


@pytest.mark.parametrize("content", [b"", b"no network", bytes(5000)], ids=["empty", "text", "zeros"])
def test_a_damaged_model_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "damaged.onnx"
    path.write_bytes(content)
    assert refusal(path).startswith(f"{path}: ")


def test_a_truncated_model_is_refused(tmp_path: Path) -> None:
    content = (SHIPPED / "model.onnx").read_bytes()
    (tmp_path / "model.onnx").write_bytes(content[: len(content) // 2])
    assert refusal(tmp_path).startswith(f"{tmp_path / 'model.onnx'}: not an ONNX model that ONNX Runtime can load (")


# Cards


@pytest.mark.parametrize(
    "content",
    [
        *(b"{", b"[]", b"3", b"\xff\xfe", b'{"temperature": "warm"}', b'{"temperature": null}'),
        *(b'{"no_digit": 1.5}', b'{"no_digit": "few"}', b'{"min_confidence": -0.1}', b'{"min_confidence": NaN}'),
        *(b'{"temperature": 0}', b'{"temperature": -1}', b'{"temperature": NaN}', b'{"temperature": Infinity}'),
    ],
)
def test_a_damaged_card_is_refused_by_its_name(tmp_path: Path, content: bytes) -> None:
    shutil.copy(SHIPPED / "model.onnx", tmp_path)
    (tmp_path / "card.json").write_bytes(content)
    assert refusal(tmp_path).startswith(f"{tmp_path / 'card.json'}: ")


def test_a_card_that_is_a_folder_is_refused_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "card.json").mkdir()
    with pytest.raises(ModelError, match=r"card\.json: the card is damaged"):
        load_card(tmp_path)


def test_entries_of_later_versions_are_ignored(tmp_path: Path) -> None:
    card = load_card(write_card(tmp_path, recipe="best", tomorrow={"new": 1}, seed=7))
    assert (card.recipe, card.seed) == ("best", 7)
    assert not hasattr(card, "tomorrow")


def test_a_card_is_saved_and_loaded_as_it_is(tmp_path: Path) -> None:
    card = Card(
        recipe="fast", seed=3, settings={"epochs": 2}, limits="nur Ziffern, größer als 8 Pixel", temperature=1.5
    )
    card.save(tmp_path)
    assert load_card(tmp_path) == card
    assert "größer" in (tmp_path / "card.json").read_text(encoding="utf-8")
    with pytest.raises(dataclasses.FrozenInstanceError):
        card.seed = 4  # type: ignore[misc]


def test_a_card_keeps_the_average_image_of_each_class() -> None:
    images = np.random.default_rng(0).integers(0, 256, (10, 28, 28), dtype=np.uint8)
    card = Card(average_images=encoded_images(images))
    assert len(base64.b64decode(card.average_images)) == 7840
    for digit in range(10):
        image = card.average_image(digit)
        assert image is not None
        assert np.array_equal(image, images[digit])
    assert Card().average_image(3) is None


def test_the_shipped_card_says_how_the_model_was_made_and_what_it_is_not_good_at() -> None:
    card = load_card(SHIPPED)
    assert card.test["accuracy"] > 0.985
    assert (card.data["name"], card.data["images"]) == ("MNIST", 60_000)
    assert 0 < card.no_digit < 1
    assert card.calibration["temperature"] == card.temperature
    assert set(card.scores["right"]) == {"MNIST test", "usps", "optdigits", "drawn/eval", "european", "pictures"}
    assert card.protocol
    assert card.temperature > 0
    assert card.limits
    assert all((card.recipe, card.settings, card.created, card.versions, card.hardware, card.parameters, card.seconds))


def test_the_shipped_card_belongs_to_the_shipped_weights() -> None:
    import hashlib

    digest = hashlib.sha256((SHIPPED / "model.onnx").read_bytes()).hexdigest()
    assert load_card(SHIPPED).model_sha256 == digest


def test_the_average_images_of_the_shipped_card_show_their_digits(shipped: Classifier) -> None:
    images = [shipped.card.average_image(digit) for digit in range(10)]
    averages = np.stack([image for image in images if image is not None]) / np.float32(255)
    assert averages.shape == (10, 28, 28)
    # An average is blurred, so the network may take it for a non-digit; which digit it resembles most is what counts.
    likeliest = shipped.classify(np.asarray(averages, np.float32))[:, :10].argmax(axis=1)
    assert (likeliest == np.arange(10)).sum() >= 8
