"""Augmentation: digits whose class is known come out bent, worn and off their centre, and stay ink in 0..1."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from inkread.drawing import digit_ink
from inkread.glyphs import SIDE, normalise_one
from inkread.training import augment
from inkread.training.augment import (
    FRAME,
    enlarge,
    glyph_of,
    image_of,
    jitter,
    nudge,
    piece,
    side_by_side,
    warp,
    wear,
)

Map = NDArray[np.float32]
Change = Callable[[Map, np.random.Generator], Map]

EDGES = ("top", "bottom", "left", "right")
CHANGES: dict[str, Change] = {change.__name__: change for change, _ in augment._CHANGES}


def piece_at(edge: str) -> Change:
    return lambda ink, rng: piece(ink, rng=rng, edge=edge)


# What takes an ink map and random numbers, under one roof.
STEPS: dict[str, Change] = {
    "warped": lambda ink, rng: warp(ink, rng=rng),
    "worn": lambda ink, rng: wear(ink, rng=rng),
    "glyph_of": lambda ink, rng: glyph_of(ink, rng=rng),
    "image_of": lambda ink, rng: image_of(ink),
    "jittered": lambda ink, rng: jitter(image_of(ink), rng=rng),
    "side_by_side": lambda ink, rng: side_by_side(ink, ink, rng=rng),
    **{f"piece {edge}": piece_at(edge) for edge in EDGES},
    **CHANGES,
}


def seeded(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.fixture(scope="module")
def inks() -> list[Map]:
    """Return ink maps of all ten digits."""
    return [digit_ink(d, rng=seeded(d), size=(FRAME, FRAME), pen="marker", share=0.7) for d in range(10)]


def box(ink: Map) -> tuple[int, int, int, int]:
    x, y, width, height = cv2.boundingRect((ink > 0.5).astype(np.uint8))
    return x, y, width, height


def centre_of_mass(ink: Map) -> NDArray[np.float64]:
    y, x = np.indices(ink.shape)
    return np.array([(x * ink).sum(), (y * ink).sum()], float) / float(ink.sum())


# What holds for every step


@pytest.mark.parametrize("step", STEPS)
def test_the_same_seed_gives_the_same(inks: list[Map], step: str) -> None:
    for seed, ink in enumerate(inks * 2):
        assert np.array_equal(STEPS[step](ink, seeded(seed)), STEPS[step](ink, seeded(seed)))


@pytest.mark.parametrize("step", [step for step in STEPS if step != "image_of"])
def test_another_seed_gives_another(inks: list[Map], step: str) -> None:
    assert len({STEPS[step](inks[5], seeded(seed)).tobytes() for seed in range(12)}) > 2


@pytest.mark.parametrize("step", STEPS)
def test_what_is_given_stays_as_it_was(inks: list[Map], step: str) -> None:
    for seed, ink in enumerate(inks * 4):
        before = ink.copy()
        STEPS[step](ink, seeded(seed))
        assert np.array_equal(ink, before)


@pytest.mark.parametrize("step", STEPS)
def test_ink_stays_between_none_and_full(inks: list[Map], step: str) -> None:
    for seed, ink in enumerate(inks * 4):
        after = STEPS[step](ink, seeded(seed))
        assert after.dtype == np.float32
        assert after.min() >= 0
        assert after.max() <= 1
        assert (after > 0.3).any()


@pytest.mark.parametrize("step", ["warped", "worn", *(f"piece {edge}" for edge in EDGES), *CHANGES])
def test_ink_maps_keep_their_shape(inks: list[Map], step: str) -> None:
    assert {STEPS[step](ink, seeded(seed)).shape for seed, ink in enumerate(inks)} == {(FRAME, FRAME)}


@pytest.mark.parametrize("step", ["glyph_of", "image_of", "jittered"])
def test_glyphs_and_images_have_the_shape_of_mnist(inks: list[Map], step: str) -> None:
    assert {STEPS[step](ink, seeded(seed)).shape for seed, ink in enumerate(inks)} == {(SIDE, SIDE)}


# From MNIST and back


def test_an_image_that_is_enlarged_and_reduced_is_nearly_itself(inks: list[Map]) -> None:
    for ink in inks:
        image = np.asarray(np.rint(255 * image_of(ink)), np.uint8)
        large = enlarge(image)
        assert large.dtype == np.float32
        assert large.shape == (FRAME, FRAME)
        assert large.min() == 0
        assert 0.9 < large.max() <= 1
        assert np.corrcoef(image_of(large).ravel(), image.ravel())[0, 1] > 0.98
        assert image_of(large).sum() == pytest.approx(image.sum() / 255, rel=0.05)


def test_an_image_keeps_its_place_and_a_glyph_is_brought_to_the_middle(inks: list[Map]) -> None:
    for seed, ink in enumerate(inks):
        moved = np.roll(ink, (-8, 8), (0, 1))
        assert centre_of_mass(image_of(moved)) - centre_of_mass(image_of(ink)) == pytest.approx((2, -2), abs=0.05)
        assert np.abs(glyph_of(moved, rng=seeded(seed)) - glyph_of(ink, rng=seeded(seed))).max() < 0.02


# Another hand


def test_a_warp_without_strength_is_none(inks: list[Map]) -> None:
    for seed, ink in enumerate(inks):
        assert np.abs(warp(ink, rng=seeded(seed), strength=0) - ink).max() < 1e-3


def test_a_stronger_warp_moves_more_ink(inks: list[Map]) -> None:
    moved = [
        np.mean([np.abs(warp(ink, rng=seeded(seed), strength=s) - ink).mean() for seed, ink in enumerate(inks * 3)])
        for s in (0.1, 0.4, 1.0)
    ]
    assert moved == sorted(moved)
    assert moved[2] > 3 * moved[0] > 0


def test_a_warp_keeps_the_place_and_on_average_the_amount_of_ink(inks: list[Map]) -> None:
    pairs = [(ink, warp(ink, rng=seeded(seed))) for seed, ink in enumerate(inks * 10)]
    moves = np.array([centre_of_mass(after) - centre_of_mass(ink) for ink, after in pairs])
    assert np.abs(moves).max() < FRAME / 8
    assert np.abs(moves.mean(axis=0)).max() < 1
    amounts = [after.sum() / ink.sum() for ink, after in pairs]
    assert np.mean(amounts) == pytest.approx(1, abs=0.04)
    assert 0.6 < min(amounts) < max(amounts) < 1.5


def test_a_warp_turns_and_slants_both_ways_by_some_degrees_and_farther_to_the_right() -> None:
    """Follow a straight upright stroke: turns of 8 degrees and slants, mostly of up to 14, add up to about 12."""
    upright = np.zeros((FRAME, FRAME), np.float32)
    upright[20:92, 54:58] = 1
    degrees = []
    for seed in range(800):
        after = warp(upright, rng=seeded(seed))
        top, bottom = (centre_of_mass(part) for part in (after[:56], after[56:]))
        degrees.append(np.degrees(np.arctan2(top[0] - bottom[0], bottom[1] + 56 - top[1])))
    angles = np.array(degrees)
    assert 8 < angles.std() < 17
    assert -40 < np.percentile(angles, 1) < -15
    assert 25 < np.percentile(angles, 99) < 50
    assert (angles > 20).mean() > 2 * (angles < -20).mean() > 0


# Wear


def test_more_than_half_of_the_maps_are_not_worn(inks: list[Map]) -> None:
    unworn = [np.array_equal(wear(ink, rng=seeded(seed)), ink) for seed, ink in enumerate(inks * 40)]
    assert 0.5 < np.mean(unworn) < 0.7


def test_several_kinds_of_wear_may_meet(inks: list[Map], monkeypatch: pytest.MonkeyPatch) -> None:
    met: list[set[str]] = []

    def noting(name: str) -> Change:
        def change(ink: Map, rng: np.random.Generator) -> Map:
            met[-1].add(name)
            return CHANGES[name](ink, rng)

        return change

    monkeypatch.setattr(augment, "_CHANGES", [(noting(c.__name__), share) for c, share in augment._CHANGES])
    for seed in range(600):
        met.append(set())
        wear(inks[seed % 10], rng=seeded(seed))
    assert set().union(*met) == set(CHANGES)
    assert {1, 2, 3} <= {len(names) for names in met}


@pytest.mark.parametrize("name", CHANGES)
def test_every_kind_of_wear_leaves_its_mark_and_most_of_the_digit(inks: list[Map], name: str) -> None:
    pairs = [(ink, CHANGES[name](ink, seeded(seed))) for seed, ink in enumerate(inks * 4)]
    assert np.mean([not np.array_equal(ink, after) for ink, after in pairs]) > 0.85
    assert np.mean([np.minimum(ink, after).sum() / ink.sum() for ink, after in pairs]) > 0.5
    assert np.mean([np.corrcoef(ink.ravel(), after.ravel())[0, 1] for ink, after in pairs]) > 0.6


@pytest.mark.parametrize("name", ["_thicken", "_add_specks", "_add_rule"])
def test_some_wear_only_adds_ink(inks: list[Map], name: str) -> None:
    for seed, ink in enumerate(inks * 4):
        after = CHANGES[name](ink, seeded(seed))
        assert (after >= ink - 1e-3).all()
    assert (after > ink + 0.5).any()


@pytest.mark.parametrize("name", ["_thin", "_cut_gaps", "_roughen", "_clip"])
def test_some_wear_only_takes_ink(inks: list[Map], name: str) -> None:
    lost = []
    for seed, ink in enumerate(inks * 4):
        after = CHANGES[name](ink, seeded(seed))
        assert (after <= ink).all()
        lost.append((after < ink - 0.2).any())
    assert np.mean(lost) > 0.8


def test_the_edge_of_a_picture_takes_a_strip_of_any_side(inks: list[Map]) -> None:
    sides = set()
    for seed in range(60):
        ink = inks[8]
        before, after = np.array(box(ink)), np.array(box(CHANGES["_clip"](ink, seeded(seed))))
        ends_before, ends_after = before[:2] + before[2:], after[:2] + after[2:]
        shrunk = [*(after[:2] - before[:2]), *(ends_before - ends_after)]
        sides |= {side for side, by in zip(("left", "top", "right", "bottom"), shrunk, strict=True) if by > 0}
        assert max(shrunk) <= 0.15 * max(before[2:])
    assert sides == {"left", "top", "right", "bottom"}


# Glyphs


def test_a_quarter_of_the_glyphs_are_off_their_centre(inks: list[Map]) -> None:
    exact = [normalise_one(ink) for ink in inks]
    off = [not np.array_equal(glyph_of(inks[i % 10], rng=seeded(i)), exact[i % 10]) for i in range(300)]
    assert np.mean(off) == pytest.approx(0.25, abs=0.07)


def test_a_jitter_moves_by_about_half_a_pixel_and_hardly_resizes(inks: list[Map]) -> None:
    glyphs = [normalise_one(ink) for ink in inks]
    pairs = [(glyph, jitter(glyph, rng=seeded(seed))) for seed, glyph in enumerate(glyphs * 20)]
    moves = np.array([centre_of_mass(after) - centre_of_mass(glyph) for glyph, after in pairs])
    assert np.abs(moves.mean(axis=0)).max() < 0.2
    assert 0.4 < np.abs(moves).mean() < 0.8
    scales = [(after.sum() / glyph.sum()) ** 0.5 for glyph, after in pairs]
    assert 0.85 < min(scales) < 0.92
    assert 1.02 < max(scales) < 1.09


def test_a_nudge_moves_three_of_four_glyphs_a_little(inks: list[Map]) -> None:
    glyphs = np.asarray(np.rint(255 * np.stack([normalise_one(ink) for ink in inks] * 30)), np.uint8)
    before = glyphs.copy()
    after = nudge(glyphs, rng=seeded(0))
    assert np.array_equal(glyphs, before)
    assert after.dtype == np.uint8
    assert after.shape == glyphs.shape
    moved = (after != glyphs).any(axis=(1, 2))
    assert moved.mean() == pytest.approx(0.75, abs=0.1)
    pairs = list(zip(glyphs[moved], after[moved], strict=True))
    assert np.mean([np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in pairs]) > 0.85
    moves = np.array([centre_of_mass(b / np.float32(255)) - centre_of_mass(a / np.float32(255)) for a, b in pairs])
    assert np.abs(moves.mean(axis=0)).max() < 0.1
    assert 0.3 < moves.std() < 0.5
    assert np.mean([float(b.sum()) / float(a.sum()) for a, b in pairs]) == pytest.approx(1, abs=0.03)


def test_nudges_repeat_with_their_seed_and_differ_from_glyph_to_glyph(inks: list[Map]) -> None:
    glyphs = np.asarray(np.rint(255 * np.stack([normalise_one(inks[3])] * 20)), np.uint8)
    once, again, other = (nudge(glyphs, rng=seeded(seed)) for seed in (1, 1, 2))
    assert np.array_equal(once, again)
    assert not np.array_equal(once, other)
    assert len({glyph.tobytes() for glyph in once}) > 10


def test_no_ink_gives_an_empty_glyph() -> None:
    empty = np.zeros((FRAME, FRAME), np.float32)
    assert not any(glyph_of(empty, rng=seeded(seed)).any() for seed in range(10))


# Pieces and pairs


@pytest.mark.parametrize("edge", EDGES)
def test_a_piece_keeps_the_ink_near_its_edge_and_nothing_else(inks: list[Map], edge: str) -> None:
    for seed, whole in enumerate(inks * 3):
        # Seen from its own edge, every piece is one from the left.
        turn = {"left": 0, "top": 1, "right": 2, "bottom": 3}[edge]
        ink, part = np.rot90(whole, turn), np.rot90(piece(whole, rng=seeded(seed), edge=edge), turn)
        x, _, width, _ = box(ink)
        least, most = x + 0.4 * width - 1, x + 0.6 * width + 1
        kept = slice(None, int(least))
        assert np.array_equal(part[:, kept], ink[:, kept])
        assert not part[:, int(most) + 1 :].any()
        assert np.logical_or(part == ink, part == 0).all()
        assert 0 < part.sum() < ink.sum()


def test_an_edge_that_there_is_not_is_an_error(inks: list[Map]) -> None:
    with pytest.raises(KeyError):
        piece(inks[0], rng=seeded(0), edge="middle")


def test_two_digits_stand_side_by_side_with_the_ink_of_both(inks: list[Map]) -> None:
    gaps = []
    for seed in range(60):
        left, right = inks[seed % 10], inks[(seed * 7 + 3) % 10]
        both = side_by_side(left, right, rng=seeded(seed))
        ends = []
        for ink, from_left in ((left, True), (right, False)):
            x, y, width, height = box(ink)
            tight = ink[y : y + height, x : x + width]
            top = (len(both) - height) // 2
            assert top >= 2
            rows = both[top : top + height]
            own = rows[:, 2 : 2 + width] if from_left else rows[:, -2 - width : -2]
            assert (own >= tight).all()
            ends.append(width)
        gaps.append(both.shape[1] - 4 - sum(ends))
        assert both.sum() <= left.sum() + right.sum()
    assert -0.05 * FRAME < min(gaps) < 0
    assert 0.05 * FRAME < max(gaps) < 0.11 * FRAME


def test_a_digit_narrower_than_the_overlap_keeps_its_ink() -> None:
    stroke = np.zeros((FRAME, FRAME), np.float32)
    stroke[20:90, 50:52] = 1
    other = np.zeros_like(stroke)
    other[20:90, 30:80] = 1
    for seed in range(20):
        for left, right in ((stroke, other), (other, stroke)):
            both = side_by_side(left, right, rng=seeded(seed))
            assert both.sum() >= other.sum()
            assert both.shape[1] >= 50 + 4


def test_a_pair_becomes_one_glyph_wider_than_high(inks: list[Map]) -> None:
    pair = glyph_of(side_by_side(inks[0], inks[8], rng=seeded(1)), rng=seeded(1))
    _, _, width, height = box(pair)
    assert width > height
