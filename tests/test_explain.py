"""`inkread explain`: what the layers see, which pixels decide, and what would change the answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from inkread import ModelError, OptionError, PictureError, Reader
from inkread.cli import main
from inkread.drawing import draw_digit
from inkread.explaining import Explanation, explain
from inkread.explaining.evidence import evidence, log_odds, smallest_change
from inkread.explaining.layers import layers_of
from inkread.figures.explain import SHOWN_MAPS, draw_explanation
from inkread.loading import SHIPPED, load_classifier
from inkread.models.classifier import Classifier
from inkread.models.onnx_graph import nodes_of, with_outputs

WriteNetwork = Callable[..., Path]

EXAMPLES = Path(__file__).parents[1] / "examples"
MODEL = (SHIPPED / "model.onnx").read_bytes()


def paint(path: Path, *digits: int) -> Path:
    pictures = [draw_digit(d, rng=np.random.default_rng(3), size=(150, 150), pen="felt-tip") for d in digits]
    Image.fromarray(np.hstack(pictures)).save(path)
    return path


@pytest.fixture(scope="module")
def explained(reader: Reader) -> Explanation:
    """Return why the green 4 is a 4."""
    return explain(reader.steps(EXAMPLES / "4-transparent.png"), reader.classifier.network)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Classifier]:
    """Return a function that exports the untrained network of a recipe, as training does."""
    from inkread.keras_backend import load_keras

    keras = load_keras("the test")
    from inkread.foreign.to_onnx import export_onnx
    from inkread.training import networks

    folder = tmp_path_factory.mktemp("networks")

    def export(name: str) -> Classifier:
        keras.utils.set_random_seed(0)
        path = folder / f"{name}.onnx"
        export_onnx(getattr(networks, name)(), path, np.zeros((2, 28, 28), np.float32))
        return load_classifier(path)

    return export


# The graph inside an ONNX file


@pytest.mark.parametrize("name", ["model.onnx", "tiny/model.onnx"])
def test_the_nodes_are_those_that_the_package_onnx_reads(name: str) -> None:
    onnx = pytest.importorskip("onnx", reason="needs the extra 'train'")
    model = (SHIPPED / name).read_bytes()
    expected = onnx.load_from_string(model).graph.node
    found = nodes_of(model)
    assert [(node.kind, list(node.inputs), list(node.outputs)) for node in found] == [
        (node.op_type, list(node.input), list(node.output)) for node in expected
    ]
    sizes = [{a.name: tuple(a.ints) for a in node.attribute if a.ints} for node in expected]
    assert [node.sizes for node in found] == sizes


def test_a_model_with_more_outputs_is_the_same_model_otherwise() -> None:
    onnx = pytest.importorskip("onnx", reason="needs the extra 'train'")
    inner = [node.outputs[0] for node in nodes_of(MODEL) if node.kind == "Relu"]
    model, opened = onnx.load_from_string(MODEL), onnx.load_from_string(with_outputs(MODEL, inner))
    own = len(model.graph.output)
    assert [output.name for output in opened.graph.output][own:] == inner
    del opened.graph.output[own:]
    assert opened == model


def test_no_more_outputs_leave_the_model_as_it_is() -> None:
    assert nodes_of(with_outputs(MODEL, [])) == nodes_of(MODEL)


def test_inner_tensors_are_what_the_rest_of_the_network_reads(reader: Reader) -> None:
    """Flattened maps times the last layer's weights are its outputs: so they are the network's own."""
    numpy_helper = pytest.importorskip("onnx.numpy_helper", reason="needs the extra 'train'")
    onnx = pytest.importorskip("onnx")
    weights = {t.name: numpy_helper.to_array(t) for t in onnx.load_from_string(MODEL).graph.initializer}
    nodes = {node.kind: node for node in nodes_of(MODEL)}
    multiply, add = nodes["MatMul"], nodes["Add"]
    glyphs = np.random.default_rng(0).random((3, 28, 28), np.float32)
    inner = reader.classifier.network.inner([multiply.inputs[0], add.outputs[0]], glyphs)
    logits = inner[multiply.inputs[0]] @ weights[multiply.inputs[1]] + weights[add.inputs[1]]
    assert logits == pytest.approx(inner[add.outputs[0]], abs=1e-3)
    powers = np.exp(logits)
    assert powers / powers.sum(axis=1, keepdims=True) == pytest.approx(
        reader.classifier.network.outputs(glyphs), abs=1e-4
    )


def test_a_tensor_that_is_not_there_is_a_model_error(reader: Reader) -> None:
    with pytest.raises(ModelError, match="not an ONNX model that ONNX Runtime can load"):
        reader.classifier.network.inner(["nothing"], np.zeros((1, 28, 28), np.float32))


@given(st.binary(max_size=200))
def test_any_bytes_are_nodes_or_a_value_error(content: bytes) -> None:
    try:
        nodes = nodes_of(content)
    except ValueError:
        return
    assert isinstance(nodes, list)


@pytest.mark.parametrize("end", [1, 1000, len(MODEL) // 2, len(MODEL) - 1])
def test_a_truncated_model_is_a_value_error(end: int) -> None:
    with pytest.raises(ValueError, match="protobuf message ends"):
        nodes_of(MODEL[:end])


# Layers


def test_the_shipped_model_shows_every_layer_with_its_shape(explained: Explanation) -> None:
    *maps, flat, dense, softmax = explained.layers
    assert {layer.kind for layer in maps} == {"convolution"}
    assert (maps[0].name, maps[0].shape) == ("convolution 3 x 3", "16 maps of 28 x 28")
    assert (flat.kind, flat.shape) == ("flattening", f"{maps[-1].values.size:,} numbers")
    assert [layer.name for layer in (dense, softmax)] == ["dense", "softmax"]
    assert dense.shape == softmax.shape == "11 numbers"


def test_the_tutorials_network_shows_what_the_tutorial_talks_about(exported: Callable[[str], Classifier]) -> None:
    layers = layers_of(exported("classic"), np.ones((28, 28), np.float32))
    assert [(layer.name, layer.shape) for layer in layers] == [
        ("convolution 5 x 5", "32 maps of 28 x 28"),
        ("pooling 2 x 2", "32 maps of 14 x 14"),
        ("convolution 5 x 5", "64 maps of 14 x 14"),
        ("pooling 2 x 2", "64 maps of 7 x 7"),
        ("flattening", "3,136 numbers"),
        ("dense", "1,024 numbers"),
        ("dense", "10 numbers"),
        ("softmax", "10 numbers"),
    ]


@pytest.mark.parametrize(("name", "maps"), [("fast", [16, 32, 32, 64, 64]), ("best", [16, 48, 48, 64, 64, 96, 96])])
def test_every_recipe_shows_its_maps(exported: Callable[[str], Classifier], name: str, maps: list[int]) -> None:
    layers = layers_of(exported(name), np.ones((28, 28), np.float32))
    assert [len(layer.values) for layer in layers if layer.has_maps] == maps
    assert layers[-1].kind == "softmax"


def test_pooling_shows_the_largest_of_each_window(exported: Callable[[str], Classifier]) -> None:
    maps, pooled, *_ = layers_of(exported("classic"), np.random.default_rng(0).random((28, 28), np.float32))
    assert pooled.values == pytest.approx(maps.values.reshape(32, 14, 2, 14, 2).max(axis=(2, 4)))


def test_maps_are_shown_with_their_activation_and_the_largest_first(explained: Explanation) -> None:
    for layer in (layer for layer in explained.layers if layer.has_maps):
        assert layer.values.min() >= 0
        means = layer.values.mean(axis=(1, 2))[layer.order]
        assert (np.diff(means) <= 0).all()
        assert sorted(layer.order) == list(range(len(layer.values)))


def test_the_8_bit_model_shows_nearly_the_same(explained: Explanation) -> None:
    tiny = layers_of(load_classifier("tiny"), explained.glyph)
    assert [layer.shape for layer in tiny] == [layer.shape for layer in explained.layers]
    for ours, other in zip(tiny[:4], explained.layers[:4], strict=True):
        assert np.corrcoef(ours.values.ravel(), other.values.ravel())[0, 1] > 0.99


def test_the_last_layer_is_what_the_network_answers(explained: Explanation, reader: Reader) -> None:
    outputs = reader.classifier.network.outputs(explained.glyph[None])[0]
    assert explained.layers[-1].values == pytest.approx(outputs, abs=1e-5)


# Pixels


def test_ink_that_only_the_answer_has_speaks_for_it() -> None:
    """A judge who looks at one corner: ink there is a 1, none a 0; the rest says nothing."""

    def corner(glyphs: NDArray[np.float32]) -> NDArray[np.float32]:
        probabilities = np.full((len(glyphs), 11), 0.01, np.float32)
        ink = glyphs[:, 5:8, 5:8].mean(axis=(1, 2))
        probabilities[:, 1], probabilities[:, 0] = 0.05 + 0.8 * ink, 0.86 - 0.8 * ink
        return probabilities

    glyph = np.zeros((28, 28), np.float32)
    glyph[4:10, 4:10] = glyph[18:24, 18:24] = 1
    found = evidence(glyph, 1, corner)
    assert found.ink[6, 6] > 2
    assert np.abs(found.ink[18:24, 18:24]).max() < 1e-6
    against = evidence(glyph, 0, corner)
    assert against.ink[6, 6] < -2
    empty = np.zeros((28, 28), np.float32)
    assert evidence(empty, 0, corner).paper[6, 6] > 2
    assert evidence(empty, 1, corner).paper[6, 6] < -2


def test_evidence_lies_on_the_ink_and_on_the_paper(explained: Explanation) -> None:
    found, glyph = explained.evidence, explained.glyph
    assert found.ink.shape == found.paper.shape == (28, 28)
    assert not found.ink[glyph == 0].any()
    assert not found.paper[glyph == 1].any()


def test_a_4_hangs_on_its_ink_and_on_its_paper(explained: Explanation) -> None:
    """Without some of its ink, or closed at some place, this 4 is something else, or nothing."""
    evidence, glyph = explained.evidence, explained.glyph
    assert evidence.ink.max() > np.log(10)
    strong = np.abs(evidence.paper) > evidence.paper.max() / 2
    assert strong.mean() < 0.1, "few places count nearly as much as the strongest"
    for worth, belongs in ((evidence.ink, glyph), (evidence.paper, 1 - glyph)):
        row, column = np.unravel_index(worth.argmax(), (28, 28))
        around = belongs[max(0, row - 2) : row + 3, max(0, column - 2) : column + 3]
        assert around.max() > 0.5


def test_log_odds_keep_what_a_float_near_1_has_lost() -> None:
    probabilities = np.array([[1.0, 1e-12, *[0.0] * 9]], np.float32)
    assert log_odds(probabilities, 0)[0] == pytest.approx(np.log(1e12), abs=1e-3)


# What would have to change


def test_the_change_makes_the_runner_up_and_no_part_of_it_can_be_left_out(
    explained: Explanation, reader: Reader
) -> None:
    change = explained.change
    assert change is not None
    assert change.answer == explained.runner_up != explained.answer
    probabilities = reader.classifier.classify(change.glyph[None])[0]
    assert probabilities.argmax() == explained.runner_up
    assert change.probability == pytest.approx(float(probabilities.max()))
    assert len(change.added) + len(change.erased) <= 6
    added, erased = change.glyph - explained.glyph > 0, explained.glyph - change.glyph > 0
    assert added.any() == bool(change.added)
    assert erased.any() == bool(change.erased)


@pytest.mark.parametrize("name", ["7-shadow.jpg", "3-plain.png", "6-sideways.jpg", "2-small.jpg"])
def test_ink_is_added_only_where_it_touches_the_writing(reader: Reader, name: str) -> None:
    found = explain(reader.steps(EXAMPLES / name), reader.classifier.network)
    assert found.change is not None
    _, pieces = cv2.connectedComponents((found.change.glyph > 0.2).astype(np.uint8))
    written = {int(piece) for piece in pieces[found.glyph > 0.2]}
    assert set(np.unique(pieces)) - {0} <= written


def test_where_few_dots_do_not_do_there_is_no_change() -> None:
    def stubborn(glyphs: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.tile(np.array([0.9, *[0.01] * 10], np.float32), (len(glyphs), 1))

    assert smallest_change(np.ones((28, 28), np.float32), 0, stubborn) is None


@pytest.mark.parametrize(
    ("added", "erased", "words"),
    [
        (1, 0, "1 dot of ink added"),
        (3, 0, "3 dots of ink added"),
        (0, 2, "2 dots of ink erased"),
        (1, 2, "1 dot of ink added, 2 erased"),
    ],
)
def test_a_change_is_told_in_words(added: int, erased: int, words: str) -> None:
    from inkread.explaining import Change

    assert Change(3, ((0, 0),) * added, ((0, 0),) * erased, np.zeros((28, 28), np.float32), 0.5).words == words


# Which digit


def test_the_runner_up_is_the_digit_that_the_fewest_dots_make_of_it(explained: Explanation) -> None:
    assert explained.answer == int(explained.probabilities.argmax()) == 4
    assert explained.change is not None
    assert explained.runner_up == explained.change.answer


def test_where_few_dots_make_no_other_digit_of_it_the_runner_up_is_the_likeliest(
    reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inkread.explaining.explanation.smallest_change", lambda *_: None)
    found = explain(reader.steps(EXAMPLES / "4-transparent.png"), reader.classifier.network)
    assert found.change is None
    assert found.runner_up == int(np.argsort(found.probabilities[:10])[-2])


def test_of_several_digits_the_least_sure_is_explained(reader: Reader, tmp_path: Path) -> None:
    steps = reader.steps(paint(tmp_path / "1234.png", 1, 2, 3, 4))
    confidences = [digit.confidence for digit in steps.reading.digits]
    assert explain(steps, reader.classifier.network).index == int(np.argmin(confidences))


def test_a_digit_is_picked_by_its_place(reader: Reader, tmp_path: Path) -> None:
    steps = reader.steps(paint(tmp_path / "258.png", 2, 5, 8))
    assert [explain(steps, reader.classifier.network, digit=place).answer for place in (1, 2, 3)] == [2, 5, 8]
    for place in (0, 4):
        with pytest.raises(OptionError, match=rf"there is no digit {place}; there are 3 digits, counted from 1"):
            explain(steps, reader.classifier.network, digit=place)


def test_what_is_no_digit_is_explained_as_that(reader: Reader, tmp_path: Path) -> None:
    letter = np.full((150, 150), 255, np.uint8)
    cv2.putText(letter, "W", (30, 110), cv2.FONT_HERSHEY_SIMPLEX, 3.5, 0, 9)
    Image.fromarray(letter).save(tmp_path / "w.png")
    found = explain(reader.steps(tmp_path / "w.png", as_="digit"), reader.classifier.network)
    assert found.steps.reading.refused is not None
    assert found.answer == 10
    assert found.change is not None
    assert found.runner_up == found.change.answer < 10
    assert found.to_dict()["answer"] == "non-digit"


def test_a_blank_picture_has_nothing_to_explain(reader: Reader) -> None:
    with pytest.raises(PictureError, match="nothing to explain") as raised:
        explain(reader.steps(np.full((60, 60), 255, np.uint8)), reader.classifier.network)
    assert raised.value.code == "blank"


# The figure


def test_the_figure_shows_the_largest_maps_of_every_layer_and_stays_readable(explained: Explanation) -> None:
    figure = draw_explanation(explained)
    width, height = figure.get_size_inches()
    assert (width, height) < (16, 16)
    shown = [axes.get_xlabel() for axes in figure.axes if axes.get_xlabel()]
    expected = [str(index) for layer in explained.layers if layer.has_maps for index in layer.order[:SHOWN_MAPS]]
    assert shown == expected
    texts = {text.get_text() for text in figure.texts}
    assert {layer.name for layer in explained.layers} <= texts
    captions = {
        f"{layer.shape}\n16 of {len(layer.values)} shown" if len(layer.values) > SHOWN_MAPS else layer.shape
        for layer in explained.layers
        if layer.has_maps
    }
    assert {"16 maps of 28 x 28", "96 maps of 4 x 4\n16 of 96 shown"} <= captions <= texts
    titles = [axes.get_title(loc="left") for axes in figure.axes[:6]]
    change = f"To be read as {explained.runner_up}"
    assert titles == ["Picture", "Glyph", "Ink for 4", "Paper for 4", change, "Probabilities"]


def test_of_a_page_the_figure_shows_the_surroundings_of_the_digit(reader: Reader, tmp_path: Path) -> None:
    found = explain(reader.steps(paint(tmp_path / "row.png", *[2, 5, 8] * 4)), reader.classifier.network, digit=7)
    left, right = draw_explanation(found).axes[0].get_xlim()
    x, _, w, _ = found.steps.patches[6].box
    assert left < x < x + w < right
    assert right - left < 0.7 * found.steps.page.grey.shape[1]


def test_a_network_without_layers_that_we_know_still_has_its_pixels(
    write_network: WriteNetwork, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from inkread.explaining import layers

    monkeypatch.setattr(layers, "_KINDS", {})
    model, figure = write_network(tmp_path / "own.onnx"), tmp_path / "why.png"
    assert main(["explain", str(EXAMPLES / "3-plain.png"), "--model", str(model), "--figure", str(figure)]) == 0
    assert "this model has no layers that can be shown" in capsys.readouterr().err
    assert figure.is_file()


@pytest.mark.parametrize("softmax", [True, False])
@pytest.mark.parametrize("classes", [10, 11])
def test_a_network_of_ones_own_is_explained(
    write_network: WriteNetwork, tmp_path: Path, classes: int, softmax: bool
) -> None:
    reader = Reader(write_network(tmp_path / "own.onnx", classes=classes, softmax=softmax))
    found = explain(reader.steps(EXAMPLES / "3-plain.png"), reader.classifier.network)
    kinds = ["flattening", "dense", *(["softmax"] if softmax else [])]
    assert [layer.kind for layer in found.layers] == kinds
    draw_explanation(found)


# The command line


def test_the_command_draws_the_figure_and_says_it_in_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    figure = tmp_path / "why.png"
    assert main(["explain", str(EXAMPLES / "4-transparent.png"), "--figure", str(figure)]) == 0
    captured = capsys.readouterr()
    first, second, *layers = captured.out.splitlines()
    assert first.startswith("4 9")
    assert ", runner-up " in first
    assert second.startswith("to be read as ")
    assert layers[0].startswith("  convolution 3 x 3  16 maps of 28 x 28   largest: ")
    assert captured.err == ""
    with Image.open(figure) as drawn:
        assert drawn.width == 1650


def test_json_is_one_object_with_what_each_pixel_weighs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", str(EXAMPLES / "4-transparent.png"), "--format", "json"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    told = json.loads(line)
    assert (told["answer"], told["digit"], told["of"]) == ("4", 1, 1)
    assert np.array(told["evidence"]["ink"]).shape == np.array(told["evidence"]["paper"]).shape == (28, 28)
    assert told["layers"][0]["shape"] == [16, 28, 28]
    assert len(told["change"]["added"]) + len(told["change"]["erased"]) > 0


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--digit", "2"], 2, "there is no digit 2; there is 1 digit"),
        (["--figure", "why.txt"], 2, "a figure ends in"),
        (["--model", "nothing.onnx"], 4, "nothing.onnx: no such model"),
    ],
)
def test_what_cannot_be_explained_ends_in_one_line(
    capsys: pytest.CaptureFixture[str], words: list[str], code: int, message: str
) -> None:
    assert main(["explain", str(EXAMPLES / "4-transparent.png"), *words]) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    assert message in line


def test_a_missing_picture_ends_with_1(tmp_path: Path) -> None:
    assert main(["explain", str(tmp_path / "nothing.png")]) == 1
