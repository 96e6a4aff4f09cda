"""The classifier of scikit-learn: its conventions, and what it makes of MNIST's images."""

from __future__ import annotations

import pickle
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from numpy.typing import NDArray

from inkread import ModelError
from inkread.datasets import Mnist
from inkread.errors import way_to_install
from inkread.loading import load_classifier

pytest.importorskip("sklearn", reason="needs the extra 'sklearn'")
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import check_estimator

from helpers.networks import write_h5_of
from inkread.sklearn import DigitClassifier

FEW = "its data has 1 to 10 features, where a glyph has 784 pixels; tested below on glyphs"
EXPECTED_TO_FAIL = dict.fromkeys(
    [
        "check_classifier_data_not_an_array",
        "check_classifiers_classes",
        "check_classifiers_one_label",
        "check_classifiers_train",
        "check_dict_unchanged",
        "check_dont_overwrite_parameters",
        "check_dtype_object",
        "check_estimators_dtypes",
        "check_estimators_fit_returns_self",
        "check_estimators_nan_inf",
        "check_estimators_overwrite_params",
        "check_estimators_pickle",
        "check_f_contiguous_array_estimator",
        "check_fit2d_1sample",
        "check_fit2d_predict1d",
        "check_fit_check_is_fitted",
        "check_fit_idempotent",
        "check_fit_score_takes_y",
        "check_methods_sample_order_invariance",
        "check_methods_subset_invariance",
        "check_n_features_in",
        "check_n_features_in_after_fitting",
        "check_pipeline_consistency",
        "check_readonly_memmap_input",
        "check_supervised_y_2d",
    ],
    FEW,
)


@pytest.mark.parametrize("recipe", ["fast", None])
def test_conventions_of_scikit_learn(recipe: Literal["fast"] | None) -> None:
    results = check_estimator(DigitClassifier(recipe), expected_failed_checks=EXPECTED_TO_FAIL, on_skip=None)
    failed = {result["check_name"] for result in results if result["status"] == "xfail"}
    assert failed == EXPECTED_TO_FAIL.keys()
    assert sum(result["status"] == "passed" for result in results) > 25


# The same on glyphs


@pytest.fixture(scope="session")
def few(mnist: Mnist) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]:
    """Return 3000 images of MNIST to train on, their labels, and 1000 others to test on."""
    return (
        mnist.train_images[:3000],
        mnist.train_labels[:3000],
        mnist.train_images[-1000:],
        mnist.train_labels[-1000:],
    )


@pytest.fixture(scope="session")
def trained(few: tuple[NDArray[np.uint8], ...]) -> DigitClassifier:
    images, labels, _, _ = few
    return DigitClassifier(epochs=5).fit(images, labels)


def test_fit_trains_and_score_tells_how_well(trained: DigitClassifier, few: tuple[NDArray[np.uint8], ...]) -> None:
    _, _, images, labels = few
    assert trained.score(images, labels) > 0.9
    assert trained.classes_.tolist() == list(range(10))
    assert trained.n_features_in_ == 784


def test_rows_squares_floats_and_lists_are_one(trained: DigitClassifier, few: tuple[NDArray[np.uint8], ...]) -> None:
    images = few[2][:50]
    expected = trained.predict_proba(images)
    assert expected.shape == (50, 10)
    np.testing.assert_allclose(expected.sum(axis=1), 1, atol=1e-5)
    for same in (
        images.reshape(50, 784),
        images[..., None],
        images.astype(np.int64),
        images / 255,
        images.tolist(),
        np.asfortranarray(images),
    ):
        np.testing.assert_allclose(trained.predict_proba(same), expected, atol=1e-5)


def test_images_are_classified_one_by_one_and_in_any_order_alike(
    trained: DigitClassifier, few: tuple[NDArray[np.uint8], ...]
) -> None:
    images, order = few[2][:40], np.random.default_rng(0).permutation(40)
    expected = trained.predict_proba(images)
    np.testing.assert_allclose(trained.predict_proba(images[order]), expected[order], atol=1e-5)
    np.testing.assert_allclose(np.vstack([trained.predict_proba(image[None]) for image in images]), expected, atol=1e-5)


def test_the_same_seed_trains_the_same_network_and_a_clone_is_untrained(
    trained: DigitClassifier, few: tuple[NDArray[np.uint8], ...]
) -> None:
    again = clone(trained)
    assert again.get_params() == trained.get_params()
    with pytest.raises(NotFittedError):
        again.predict(few[2])
    assert again.fit(few[0], few[1]) is again
    np.testing.assert_allclose(again.predict_proba(few[2]), trained.predict_proba(few[2]), atol=1e-5)


def test_a_seed_is_whatever_scikit_learn_takes(few: tuple[NDArray[np.uint8], ...]) -> None:
    def trained(random_state: int | np.integer | np.random.RandomState | None) -> NDArray[np.float32]:
        classifier = DigitClassifier(epochs=1, random_state=random_state).fit(few[0][:300], few[1][:300])
        return classifier.predict_proba(few[2][:100])

    np.testing.assert_array_equal(trained(np.int64(3)), trained(3))
    drawn = trained(np.random.RandomState(0))
    np.testing.assert_array_equal(trained(np.random.RandomState(0)), drawn)
    random = np.random.RandomState(0)
    np.testing.assert_array_equal(trained(random), drawn)
    # Each call draws another seed.
    assert (trained(random) != drawn).any()
    np.random.seed(5)  # noqa: NPY002 - what None stands for in scikit-learn
    first = trained(None)
    np.random.seed(5)  # noqa: NPY002
    np.testing.assert_array_equal(trained(None), first)


def test_seeds_and_epochs_of_numpy_are_searched_over(few: tuple[NDArray[np.uint8], ...]) -> None:
    grid = {"random_state": np.arange(2), "epochs": np.array([1])}
    search = GridSearchCV(DigitClassifier(), grid, cv=2, error_score="raise").fit(few[0][:200], few[1][:200])
    assert search.best_params_["random_state"] in (0, 1)


@pytest.mark.parametrize("name", ["letters.h5", "letters.onnx"])
def test_a_model_of_other_classes_is_refused_by_its_name(
    tmp_path: Path, write_network: Callable[..., Path], name: str
) -> None:
    path = tmp_path / name
    write_network(path, classes=12) if name.endswith(".onnx") else write_h5_of(path, classes=12)
    images = np.zeros((10, 28, 28), np.uint8)
    with pytest.raises(ModelError, match=re.escape(f"{path}: gives (12,) outputs per glyph")):
        DigitClassifier(None, model=path).fit(images, np.arange(10))


def test_a_pickle_holds_the_trained_network(
    trained: DigitClassifier, few: tuple[NDArray[np.uint8], ...], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("pickle")
    (folder / "trained.pickle").write_bytes(pickle.dumps(trained))
    np.save(folder / "images.npy", few[2][:20])
    script = (
        "import pickle, sys, numpy as np\n"
        "trained = pickle.load(open('trained.pickle', 'rb'))\n"
        "print(*trained.predict(np.load('images.npy')), 'keras' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=folder, capture_output=True, text=True, check=True)
    # Reading needs no Keras.
    assert done.stdout.split() == [*map(str, trained.predict(few[2][:20])), "False"]


def test_predicting_changes_nothing(trained: DigitClassifier, few: tuple[NDArray[np.uint8], ...]) -> None:
    before = dict(vars(trained))
    trained.predict(few[2])
    assert vars(trained) == before


def test_labels_may_be_words_and_fewer_than_ten(few: tuple[NDArray[np.uint8], ...]) -> None:
    images, labels, others, truth = few
    words = np.array(["zero", "one", "two"])
    classifier = DigitClassifier(epochs=6).fit(images[labels < 3], words[labels[labels < 3]])
    assert classifier.classes_.tolist() == ["one", "two", "zero"]
    assert classifier.predict_proba(others).shape == (1000, 3)
    assert classifier.score(others[truth < 3], words[truth[truth < 3]]) > 0.9


def test_the_shipped_network_answers_where_nothing_is_trained(few: tuple[NDArray[np.uint8], ...]) -> None:
    _, _, images, labels = few
    scaled = np.asarray(images / np.float32(255), np.float32)
    classifier = DigitClassifier(recipe=None).fit(images[:30], labels[:30].astype(str))
    assert classifier.predict(images).tolist() == [
        str(digit) for digit in load_classifier().classify(scaled)[:, :10].argmax(axis=1)
    ]
    assert cross_val_score(DigitClassifier(recipe=None), images, labels, cv=4).min() > 0.98
    assert pickle.loads(pickle.dumps(classifier)).score(images, labels.astype(str)) > 0.98  # noqa: S301 - our own


def test_it_is_the_end_of_a_pipeline(few: tuple[NDArray[np.uint8], ...]) -> None:
    _, _, images, labels = few
    turned = make_pipeline(FunctionTransformer(lambda paper: 1 - paper), DigitClassifier(recipe=None))
    assert turned.fit(1 - images / 255, labels).score(1 - images / 255, labels) > 0.98


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda x: x[:, :8, :8].reshape(-1, 64), r"X has 64 feature\(s\), but a glyph has 784: 28 x 28 pixels"),
        (lambda x: x.astype(float), "X goes up to 255, but ink is 1 for float64; divide it"),
        (lambda x: -x.astype(float), "Negative values in data"),
        (lambda x: np.where(x > 200, np.nan, x / 255), "contains NaN"),
        (lambda x: x[:0], "0 sample"),
        (
            lambda x: np.stack([x] * 3, axis=-1),
            r"X has the shape \(20, 28, 28, 3\), but DigitClassifier takes \(n, 28, 28\), \(n, 28, 28, 1\) or",
        ),
        (lambda x: x[0], "Found array with dim|X has 28 feature|inconsistent numbers of samples"),
    ],
)
def test_other_arrays_are_refused_in_words(change, reason: str) -> None:  # type: ignore[no-untyped-def]
    images = np.random.default_rng(0).integers(0, 256, (20, 28, 28), np.uint8)
    changed = change(images)
    with pytest.raises(ValueError, match=reason):
        DigitClassifier(recipe=None).fit(changed, np.arange(len(changed)) % 10)


def test_other_labels_and_settings_are_refused_in_words() -> None:
    images = np.random.default_rng(0).integers(0, 256, (22, 28, 28), np.uint8)
    with pytest.raises(ValueError, match="y has the class '10': with recipe=None, the classes must be digits"):
        DigitClassifier(recipe=None).fit(images, np.arange(22) % 11)
    with pytest.raises(ValueError, match="y has 11 classes, but a network has 10"):
        DigitClassifier().fit(images, np.arange(22) % 11)
    with pytest.raises(ValueError, match="recipe must be 'fast', 'classic' or None, not 'best'"):
        DigitClassifier(recipe="best").fit(images, np.arange(22) % 10)  # type: ignore[arg-type]
    for epochs in ("a", 0, -1, 2.0, True):
        with pytest.raises(ValueError, match=f"epochs must be a whole number from 1, or None, not {epochs!r}"):
            DigitClassifier(epochs=epochs).fit(images, np.arange(22) % 10)  # type: ignore[arg-type]
    for seed in ("a", 0.5, np.random.default_rng(0)):
        with pytest.raises(ValueError, match="cannot be used to seed"):
            DigitClassifier(random_state=seed).fit(images, np.arange(22) % 10)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="Seed must be between 0 and"):
        DigitClassifier(random_state=-1).fit(images, np.arange(22) % 10)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        DigitClassifier(recipe=None).fit(images, np.arange(20) % 10)


def test_without_scikit_learn_the_extra_is_named() -> None:
    script = "import sys; sys.modules['sklearn'] = None; sys.modules['sklearn.base'] = None; import inkread.sklearn"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert f"inkread.sklearn needs the extra 'sklearn': {way_to_install('sklearn')}" in done.stderr
