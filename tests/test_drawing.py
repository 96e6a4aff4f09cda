"""Drawn pictures of digits show what they say, and the same seed draws the same."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageOps

from inkread import drawing
from inkread.drawing import (
    GROUNDS,
    PENS,
    SHAPES,
    Hand,
    digit_ink,
    digit_strokes,
    draw_digit,
    draw_ink,
    lay_ground,
    pen,
)
from inkread.drawing.shapes import MORE_SHAPES

EXAMPLES = Path(__file__).parent.parent / "examples"
EVERY_SHAPE = [(digit, shape) for table in (SHAPES, MORE_SHAPES) for digit, shapes in table.items() for shape in shapes]
DARK_GROUNDS = ("blackboard", "dark")


def seeded(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder into which the script has just drawn the examples."""
    folder = tmp_path_factory.mktemp("drawn")
    command = [sys.executable, str(EXAMPLES / "draw.py"), "--out", str(folder)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    return folder


def picture_names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.suffix in {".png", ".jpg"})


def test_public_names_are_sorted_and_there() -> None:
    assert drawing.__all__ == sorted(drawing.__all__, key=lambda name: (not name.isupper(), name))
    assert all(hasattr(drawing, name) for name in drawing.__all__)


@pytest.mark.parametrize("ground", GROUNDS)
def test_the_same_seed_draws_the_same_picture(ground: str) -> None:
    first, again = (draw_digit(5, rng=seeded(7), ground=ground) for _ in range(2))
    assert np.array_equal(first, again)


def test_another_seed_draws_another_picture() -> None:
    assert not np.array_equal(draw_digit(5, rng=seeded(1)), draw_digit(5, rng=seeded(2)))


@pytest.mark.parametrize(("digit", "shape"), EVERY_SHAPE)
def test_strokes_fill_the_unit_box_along_their_longer_side(digit: int, shape: str) -> None:
    for seed in range(5):
        points = np.concatenate(digit_strokes(digit, rng=seeded(seed), shape=shape))
        assert points.dtype == np.float64
        assert points.shape[1] == 2
        assert points.min() >= 0
        assert points.max() <= 1
        assert np.ptp(points, axis=0).max() == pytest.approx(1)


@pytest.mark.parametrize(("digit", "shape"), EVERY_SHAPE)
def test_the_pen_never_jumps_within_a_stroke(digit: int, shape: str) -> None:
    for stroke in digit_strokes(digit, rng=seeded(3), shape=shape):
        assert np.linalg.norm(np.diff(stroke, axis=0), axis=1).max() < 0.05


def test_one_hand_writes_the_same_digit_differently_each_time() -> None:
    rng = seeded()
    hand = Hand.random(rng=rng)
    once, again = (digit_strokes(1, rng=rng, shape="plain", hand=hand)[0] for _ in range(2))
    assert not np.array_equal(once[:8], again[:8])


@pytest.mark.parametrize("digit", range(10))
@pytest.mark.parametrize("pen", PENS)
def test_every_digit_has_its_ink_within_the_frame(digit: int, pen: str) -> None:
    ink = digit_ink(digit, rng=seeded(digit), size=(200, 240), pen=pen)
    assert ink.dtype == np.float32
    assert ink.shape == (200, 240)
    assert 0.003 < (ink > 0.3).mean() < 0.4
    assert ink.min() >= 0
    assert ink.max() <= 1
    assert not np.concatenate([ink[0], ink[-1], ink[:, 0], ink[:, -1]]).any()


@pytest.mark.parametrize("ground", GROUNDS)
@pytest.mark.parametrize("size", [(60, 40), (150, 220)])
def test_every_ground_gives_a_picture_of_the_size_asked_for(ground: str, size: tuple[int, int]) -> None:
    picture = draw_digit(3, rng=seeded(), size=size, ground=ground)
    assert picture.dtype == np.uint8
    assert picture.shape == (*size, 3)


@pytest.mark.parametrize("ground", GROUNDS)
def test_ink_is_light_on_dark_ground_and_dark_on_light_ground(ground: str) -> None:
    strokes = [np.array([[40.0, 60.0], [160.0, 60.0]])]
    ink = draw_ink(strokes, size=(120, 200), pen="marker", width=16, rng=seeded())
    surface = lay_ground(ground, size=(120, 200), rng=seeded())
    colour = drawing.ink_colour("marker", dark=surface.dark, rng=seeded())
    picture = drawing.show(ink, colour, surface, rng=seeded()).mean(axis=2)
    assert surface.dark == (ground in DARK_GROUNDS)
    contrast = picture[ink > 0.7].mean() - picture[ink == 0].mean()
    assert contrast > 80 if surface.dark else contrast < -80


def test_pressure_and_speed_make_the_line_uneven() -> None:
    strokes = [np.stack([np.linspace(20, 380, 300), np.full(300, 50.0)], axis=1)]
    ink = draw_ink(strokes, size=(100, 400), pen="ballpoint", width=12, rng=seeded())
    thickness = (ink[:, 40:360] > 0.2).sum(axis=0)
    assert np.ptp(thickness) >= 2


def disc_by_disc(
    points: NDArray[np.float64], radii: NDArray[np.float64], loads: NDArray[np.float64], size: NDArray[np.int_]
) -> NDArray[np.float32]:
    """Return what `pen._patch` does, each disc worked out by itself."""
    canvas = np.zeros(4 * size, np.uint8)
    way = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    for at in np.linspace(0, way[-1], max(2, round(float(way[-1]) * 4))):
        x, y, radius, load = (float(np.interp(at, way, values)) for values in (*points.T, radii, loads))
        centre = (round((x + 0.5) * 64 - 8), round((y + 0.5) * 64 - 8))
        cv2.circle(canvas, centre, round(radius * 64), 255 * load, -1, cv2.LINE_8, 4)
    small = cv2.resize(canvas, (int(size[1]), int(size[0])), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float32) / np.float32(255)


@pytest.mark.parametrize("seed", range(20))
def test_a_stroke_is_drawn_as_disc_by_disc_to_the_last_bit(seed: int) -> None:
    rng, size = seeded(seed), np.array([50, 70])
    points = rng.uniform(-5, 75, 2) + np.cumsum(rng.normal(0, 2, (40, 2)), axis=0)
    # These centres and radii are exactly between two sixteenths.
    if seed % 2:
        points = np.rint(64 * points) / 64 + 1 / 128
    radii, loads = np.rint(64 * rng.uniform(0.5, 6, 40)) / 64 + 1 / 128, rng.uniform(0.1, 1, 40)
    drawn = pen._patch(points, radii, loads, size)
    assert np.array_equal(drawn, disc_by_disc(points, radii, loads, size))


def test_what_lies_outside_of_the_frame_is_lost() -> None:
    outside = [np.array([[-90.0, -90.0], [-50.0, -60.0]])]
    across = [np.array([[-50.0, 20.0], [90.0, 20.0]])]
    assert not draw_ink(outside, size=(40, 40), pen="screen", width=6, rng=seeded()).any()
    assert draw_ink(across, size=(40, 40), pen="screen", width=6, rng=seeded())[20].min() > 0.9


def test_what_is_not_known_is_named() -> None:
    with pytest.raises(ValueError, match=r"digit 10\b"):
        draw_digit(10, rng=seeded())
    with pytest.raises(ValueError, match="ground 'sand'"):
        draw_digit(1, rng=seeded(), ground="sand")
    with pytest.raises(ValueError, match="pen 'quill'"):
        draw_digit(1, rng=seeded(), pen="quill")
    with pytest.raises(ValueError, match="shape 'crossed'"):
        draw_digit(1, rng=seeded(), shape="crossed")
    with pytest.raises(ValueError, match=r"not 1\.5"):
        draw_digit(1, rng=seeded(), share=1.5)


def test_drawing_needs_neither_figures_nor_a_training_framework() -> None:
    code = "import sys, inkread.drawing; print({'matplotlib', 'tensorflow', 'keras'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "set()"


def test_the_script_draws_the_examples_that_are_committed(drawn: Path) -> None:
    assert picture_names(drawn) == picture_names(EXAMPLES)


def test_the_examples_show_all_ten_digits_and_stay_small() -> None:
    assert {name[0] for name in picture_names(EXAMPLES)} == set("0123456789")
    assert sum((EXAMPLES / name).stat().st_size for name in picture_names(EXAMPLES)) <= 400_000


def test_the_sideways_example_is_upright_once_its_tag_is_obeyed(drawn: Path) -> None:
    with Image.open(drawn / "6-sideways.jpg") as image:
        upright = ImageOps.exif_transpose(image)
        assert image.width > image.height
        assert upright.width < upright.height
        ink = np.asarray(upright.convert("L")) < 110
    rows = np.flatnonzero(ink.any(axis=1))
    # A 6 is wider in its lower half, where its bowl is.
    upper, lower = np.array_split(ink[rows[0] : rows[-1]], 2)
    assert np.ptp(np.flatnonzero(lower.any(axis=0))) > np.ptp(np.flatnonzero(upper.any(axis=0)))


def test_the_transparent_example_says_nothing_but_by_its_transparency(drawn: Path) -> None:
    with Image.open(drawn / "4-transparent.png") as image:
        layers = np.asarray(image)
    assert layers.shape[2] == 4
    assert np.ptp(layers[..., :3], axis=(0, 1)).max() == 0
    assert (layers[..., 3].min(), layers[..., 3].max() > 150) == (0, True)
