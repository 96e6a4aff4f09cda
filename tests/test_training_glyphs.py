"""Material: the glyphs of an epoch follow from the seed, have the classes they should, and are mostly kept."""

from __future__ import annotations

import multiprocessing
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from inkread.datasets import Mnist
from inkread.drawing import digit_ink
from inkread.drawing.nondigits import FAMILIES, nondigit_ink
from inkread.glyphs import NON_DIGIT, normalise_one
from inkread.training import training_glyphs
from inkread.training.augment import FRAME, enlarge, image_of, piece, side_by_side
from inkread.training.detector_material import Drawing
from inkread.training.training_glyphs import KEPT, SHARES, Glyphs, TrainingGlyphs, drawn_glyphs

COUNT = 400
PER_EPOCH = {name: round(share * COUNT / KEPT) for name, share in SHARES.items()}
"""What an epoch adds to the glyphs that are kept."""


def seeded(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.fixture(scope="module")
def small() -> Mnist:
    """Return a small data set in the format of MNIST: 10 drawn digits of each class, each at four places."""
    labels = np.tile(np.arange(10, dtype=np.uint8), COUNT // 10)
    inks = [
        digit_ink(int(label), rng=seeded(seed), size=(FRAME, FRAME), pen="marker", share=0.7)
        for seed, label in enumerate(labels[: COUNT // 4])
    ]
    images = [image_of(np.roll(ink, shift, axis=(0, 1))) for shift in (-3, -1, 1, 3) for ink in inks]
    bytes_ = np.asarray(np.rint(255 * np.stack(images)), np.uint8)
    assert len(each(bytes_)) == COUNT
    return Mnist(bytes_, labels, bytes_[:10], labels[:10])


@pytest.fixture(scope="module")
def tiny(small: Mnist) -> Mnist:
    """Return the first 40 images, of which an epoch shows 16."""
    return replace(small, train_images=small.train_images[:40], train_labels=small.train_labels[:40])


def epochs(mnist: Mnist, count: int, *, seed: int = 5, workers: int = 2) -> list[Glyphs]:
    with TrainingGlyphs(mnist, seed=seed, workers=workers) as made:
        return list(made.epochs(count))


@pytest.fixture(scope="module")
def made(small: Mnist) -> list[Glyphs]:
    """Return three epochs, made by two workers."""
    return epochs(small, 3)


@pytest.fixture(scope="module")
def still(small: Mnist) -> list[Glyphs]:
    """Return the same three epochs, but for the nudges that kept glyphs get."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training_glyphs, "nudge", lambda glyphs, rng: glyphs)
        return epochs(small, 3)


@pytest.fixture
def at_hand(small: Mnist, monkeypatch: pytest.MonkeyPatch) -> Mnist:
    """Give this process the data that a worker has."""
    monkeypatch.setattr(training_glyphs, "_own_images", small.train_images)
    monkeypatch.setattr(training_glyphs, "_own_labels", small.train_labels)
    monkeypatch.setattr(training_glyphs, "_stocks", [Drawing(5, small.train_images, small.train_labels).stock()])
    return small


def each(glyphs: NDArray[np.uint8]) -> set[bytes]:
    return {glyph.tobytes() for glyph in glyphs}


# Epochs


def test_an_epoch_has_as_many_glyphs_as_there_are_images(made: list[Glyphs]) -> None:
    assert len(made) == 3
    for glyphs, labels in made:
        assert glyphs.shape == (COUNT, 28, 28)
        assert labels.shape == (COUNT,)


def test_glyphs_and_labels_are_bytes(made: list[Glyphs]) -> None:
    for glyphs, labels in made:
        assert glyphs.dtype == labels.dtype == np.uint8
        assert glyphs.max() > 250


def test_no_glyph_is_empty(made: list[Glyphs]) -> None:
    for glyphs, _ in made:
        assert (glyphs.reshape(COUNT, -1).max(axis=1) > 100).all()


def test_the_eleventh_class_has_its_share_and_the_digits_the_rest(made: list[Glyphs]) -> None:
    counts = np.array([np.bincount(labels, minlength=11) for _, labels in made])
    assert counts.shape[1] == 11
    assert (counts[:, NON_DIGIT] == KEPT * PER_EPOCH["nondigits"]).all()
    assert KEPT * PER_EPOCH["nondigits"] == 64
    # Each glyph is in several epochs, so these are only about a dozen different glyphs of a class, give or take four.
    of_class = counts[:, :10].sum(axis=0)
    assert 0.4 * of_class.mean() <= of_class.min() <= of_class.max() <= 1.8 * of_class.mean()


def test_the_classes_are_shuffled(made: list[Glyphs]) -> None:
    for _, labels in made:
        for part in np.array_split(labels == NON_DIGIT, 4):
            assert 5 < part.sum() < 35
    # Else a kept glyph would merely move on with its neighbours.
    assert not np.array_equal(made[0][1] == NON_DIGIT, made[1][1] == NON_DIGIT)


def test_the_same_seed_gives_the_same_epochs_whatever_the_number_of_workers(small: Mnist, made: list[Glyphs]) -> None:
    for one, other in zip(epochs(small, 3, workers=1), made, strict=True):
        assert np.array_equal(one[0], other[0])
        assert np.array_equal(one[1], other[1])


def test_another_seed_gives_other_epochs(tiny: Mnist) -> None:
    ((one, _),), ((other, _),) = (epochs(tiny, 1, seed=seed, workers=1) for seed in (5, 6))
    assert each(one) & each(other) <= each(tiny.train_images)
    assert not np.array_equal(one, other)


def test_the_next_epoch_keeps_seven_eighths_of_what_is_dear_to_make(small: Mnist, still: list[Glyphs]) -> None:
    own = each(small.train_images)
    first, second, third = (each(glyphs) - own for glyphs, _ in still)
    anew = sum(PER_EPOCH.values())
    assert len(first & second) == len(second & third) == (KEPT - 1) * anew
    assert len(first & third) == (KEPT - 2) * anew


def test_what_is_kept_is_nudged_and_images_are_not(made: list[Glyphs], still: list[Glyphs]) -> None:
    kept = KEPT * sum(PER_EPOCH.values())
    for (glyphs, labels), (before, labels_before) in zip(made, still, strict=True):
        assert np.array_equal(labels, labels_before)
        moved = (glyphs != before).any(axis=(1, 2))
        assert moved.sum() / kept == pytest.approx(0.75, abs=0.1)
        assert moved[labels == NON_DIGIT].sum() / PER_EPOCH["nondigits"] / KEPT == pytest.approx(0.75, abs=0.15)
        alike = [np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in zip(glyphs[moved], before[moved], strict=True)]
        assert np.mean(alike) > 0.8


def test_a_glyph_is_nudged_anew_in_every_epoch(made: list[Glyphs]) -> None:
    first, second, _ = (each(glyphs) for glyphs, _ in made)
    # One of sixteen goes without a nudge twice.
    assert len(first & second) < 2 * (KEPT - 1) * sum(PER_EPOCH.values()) / 16


def test_a_kept_glyph_keeps_its_class_and_changes_its_place(still: list[Glyphs]) -> None:
    (glyphs, labels), (next_glyphs, next_labels), _ = still
    places = {glyph.tobytes(): place for place, glyph in enumerate(glyphs)}
    pairs = [(places[glyph.tobytes()], i) for i, glyph in enumerate(next_glyphs) if glyph.tobytes() in places]
    assert all(labels[place] == next_labels[i] for place, i in pairs)
    assert np.mean([place == i for place, i in pairs]) < 0.1


def test_an_epoch_shows_images_as_they_are_and_warped_ones(small: Mnist, made: list[Glyphs]) -> None:
    own = each(small.train_images)
    images = COUNT - KEPT * sum(PER_EPOCH.values())
    for glyphs, _ in made:
        assert len(each(glyphs) & own) / images == pytest.approx(0.25, abs=0.1)


def test_no_image_comes_again_before_all_have_come(small: Mnist, made: list[Glyphs]) -> None:
    first, second, _ = (each(glyphs) & each(small.train_images) for glyphs, _ in made)
    assert not first & second


def test_images_keep_their_labels(small: Mnist, made: list[Glyphs]) -> None:
    truth = {image.tobytes(): label for image, label in zip(small.train_images, small.train_labels, strict=True)}
    for glyphs, labels in made:
        known = [(truth[g.tobytes()], label) for g, label in zip(glyphs, labels, strict=True) if g.tobytes() in truth]
        assert known
        assert all(right == label for right, label in known)


def test_the_images_of_every_turn_are_all_images_in_another_order(tiny: Mnist) -> None:
    with TrainingGlyphs(tiny, seed=5, workers=1) as made:
        labels = [job.result()[1] for epoch in range(10) for job in made._begin_images(epoch)]
    # 10 epochs of 8 images are 2 turns of 40.
    turns = np.concatenate(labels).reshape(2, 40)
    assert (np.sort(turns, axis=1) == np.sort(tiny.train_labels)).all()
    assert len({turn.tobytes() for turn in turns}) == 2


# Workers


def test_leaving_early_ends_the_workers(tiny: Mnist) -> None:
    with TrainingGlyphs(tiny, seed=5, workers=2) as made:
        next(made.epochs(100))
        workers = multiprocessing.active_children()
        assert workers
    assert not any(worker.is_alive() for worker in workers)


def test_an_error_ends_the_workers_and_comes_through(tiny: Mnist) -> None:
    workers = []

    def fails() -> None:
        with TrainingGlyphs(tiny, seed=5, workers=1) as made:
            made.begin("drawn", (1,), 5)
            workers.extend(multiprocessing.active_children())
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fails()
    assert workers
    assert not any(worker.is_alive() for worker in workers)


def test_leaving_does_not_wait_for_what_nobody_will_see(small: Mnist) -> None:
    with TrainingGlyphs(small, seed=5, workers=1) as made:
        begun = [made.begin("augmented", (number,), 20) for number in range(80)]
    assert sum(job.cancelled() for job in begun) > 40


def test_making_training_glyphs_needs_no_training_framework() -> None:
    code = "import sys, inkread.training.training_glyphs; print({'tensorflow', 'keras', 'jax'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "set()"


# What is made


def test_images_are_warped_in_their_place_and_the_data_stay(at_hand: Mnist) -> None:
    before = at_hand.train_images.copy()
    indices = np.arange(100)[::-1]
    images, labels = training_glyphs._make_images((1, 2, 3), indices)
    assert np.array_equal(at_hand.train_images, before)
    assert np.array_equal(labels, at_hand.train_labels[indices])
    alike = [np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in zip(images, before[indices], strict=True)]
    assert np.mean(alike) > 0.7
    assert np.mean([a > 0.9999 for a in alike]) == pytest.approx(0.25, abs=0.15)


@pytest.mark.parametrize("name", SHARES)
def test_so_many_glyphs_are_made_as_are_asked_for(at_hand: Mnist, name: str) -> None:
    glyphs, labels = training_glyphs._make_glyphs(name, (1, 2), 40)
    assert glyphs.shape == (40, 28, 28)
    assert glyphs.dtype == labels.dtype == np.uint8
    assert (set(labels) == {NON_DIGIT}) == (name == "nondigits")
    assert np.array_equal(training_glyphs._make_glyphs(name, (1, 2), 40)[0], glyphs)
    assert not each(training_glyphs._make_glyphs(name, (1, 3), 40)[0]) & each(glyphs)


def test_glyphs_as_a_reader_meets_them_are_a_quarter_each_of_the_shares(at_hand: Mnist) -> None:
    glyphs = drawn_glyphs(at_hand, seed=3, count=20)
    assert glyphs.dtype == np.float32
    assert glyphs.shape == (20, 28, 28)
    assert (glyphs.min(), glyphs.max()) == (0, 1)
    quarters = [
        training_glyphs._make_glyphs(name, (3, part, 5), count)
        for part, (name, count) in enumerate(zip(SHARES, (5, 5, 5, 5), strict=True))
    ]
    assert np.array_equal(np.rint(255 * glyphs), np.concatenate([part for part, _ in quarters]))


def test_every_share_starts_from_the_data(at_hand: Mnist, monkeypatch: pytest.MonkeyPatch) -> None:
    threes = at_hand.train_labels == 3
    monkeypatch.setattr(training_glyphs, "_own_images", at_hand.train_images[threes])
    monkeypatch.setattr(training_glyphs, "_own_labels", at_hand.train_labels[threes])
    glyphs, labels = training_glyphs._make_glyphs("augmented", (1,), 60)
    assert set(labels) == {3}
    middle = np.mean([normalise_one(enlarge(image)) for image in at_hand.train_images[threes]], axis=0)
    assert np.corrcoef(glyphs.mean(axis=0).ravel(), middle.ravel())[0, 1] > 0.9


def test_forms_are_drawn_and_need_no_data() -> None:
    assert len(training_glyphs._own_images) == 0
    _, labels = training_glyphs._make_glyphs("drawn", (1,), 240)
    assert len(set(labels)) > 7


def test_of_nondigits_all_families_of_training_come_and_no_other(
    at_hand: Mnist, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: set[str] = set()
    cut: set[str] = set()
    pairs: list[tuple[NDArray[np.float32], NDArray[np.float32]]] = []

    def noted_ink(family: str, *, size: tuple[int, int], rng: np.random.Generator) -> NDArray[np.float32]:
        drawn.add(family)
        return nondigit_ink(family, size=size, rng=rng)

    def noted_piece(ink: NDArray[np.float32], *, rng: np.random.Generator, edge: str) -> NDArray[np.float32]:
        cut.add(edge)
        return piece(ink, rng=rng, edge=edge)

    def noted_pair(
        left: NDArray[np.float32], right: NDArray[np.float32], *, rng: np.random.Generator
    ) -> NDArray[np.float32]:
        pairs.append((left, right))
        return side_by_side(left, right, rng=rng)

    monkeypatch.setattr(training_glyphs, "nondigit_ink", noted_ink)
    monkeypatch.setattr(training_glyphs, "piece", noted_piece)
    monkeypatch.setattr(training_glyphs, "side_by_side", noted_pair)
    training_glyphs._make_glyphs("nondigits", (1,), 350)
    assert drawn == set(FAMILIES)
    assert cut == {"top", "bottom", "left"}
    assert len(pairs) > 20
    assert not any(np.array_equal(left, right) for left, right in pairs)


def test_wear_that_leaves_but_rubble_is_taken_back(at_hand: Mnist, monkeypatch: pytest.MonkeyPatch) -> None:
    ink = enlarge(at_hand.train_images[0])
    monkeypatch.setattr(training_glyphs, "_PHOTOGRAPHED", 0.0)
    for left, taken_back in ((0.0, True), (0.5, True), (0.9, False)):

        def wear(
            ink: NDArray[np.float32], *, rng: np.random.Generator, rows: int = round(left * FRAME)
        ) -> NDArray[np.float32]:
            x = np.cumsum(ink.sum(axis=0)) <= ink.sum() * rows / FRAME
            return np.asarray(ink * x, np.float32)

        monkeypatch.setattr(training_glyphs, "wear", wear)
        monkeypatch.setattr(training_glyphs, "glyph_of", lambda ink, rng: ink)
        assert np.array_equal(training_glyphs._read_back(ink, seeded(0)), ink) == taken_back


def test_a_digit_through_the_camera_is_nearly_the_same_glyph_or_none(at_hand: Mnist) -> None:
    inks = [enlarge(image) for image in at_hand.train_images[:60]]
    pairs = [(normalise_one(ink), training_glyphs._through_camera(ink, seeded(i))) for i, ink in enumerate(inks)]
    found = [np.corrcoef(glyph.ravel(), seen.ravel())[0, 1] for glyph, seen in pairs if seen.any()]
    assert len(found) > 50
    assert np.mean(found) > 0.9
