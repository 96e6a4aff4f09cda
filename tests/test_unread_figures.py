"""The figures of a reading: what was not read is outlined at its place, and few reasons are written beside it."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle
from matplotlib.text import Text

from inkread.figures.steps import draw_steps
from inkread.geometry import Box
from inkread.layout.patches import Patch as Ink
from inkread.models.card import Card
from inkread.pictures.page import Page
from inkread.readings import Digit, Number, Reading, Refusal, Unread
from inkread.steps import Steps
from inkread.values import Notation

WORD = Box(120, 70, 40, 20)


def steps_of(count: int, unread: tuple[Unread, ...] = (), *, refused: Refusal | None = None) -> Steps:
    """Return the steps of a region at (100, 50) of a picture, reduced to half, with some digits."""
    grey = np.full((60, 90), 230, np.uint8)
    page = Page(np.repeat(grey[..., None], 3, axis=2), grey, (180, 120), (100, 50))
    boxes = [Box(10 + 12 * index, 30, 8, 12) for index in range(count)]
    row = tuple(float(digit == 7) for digit in range(10))
    digits = tuple(Digit(7, 0.99, row, page.upright(box)) for box in boxes)
    return Steps(
        page,
        np.zeros(grey.shape, np.float32),
        tuple(Ink(box, np.zeros((12, 8), np.float32)) for box in boxes),
        np.zeros((count, 28, 28), np.float32),
        np.eye(11, dtype=np.float32)[[7] * count],
        Card("best"),
        Reading("form.png", (Number.of(digits, Notation()),), 0.9, unread)
        if not refused
        else Reading("form.png", (), None, unread, refused),
    )


def dashed(axes: Axes) -> list[Rectangle]:
    return [patch for patch in axes.patches if isinstance(patch, Rectangle) and not _is_solid(patch)]


def _is_solid(patch: Patch) -> bool:
    return patch.get_linestyle() in ("-", "solid")


def words_of(figure: Figure) -> str:
    return " ".join(text.get_text() for text in figure.findobj(Text) if isinstance(text, Text))


def test_boxes_of_the_upright_picture_are_found_on_a_reduced_region() -> None:
    page = steps_of(0).page
    assert page.located(WORD) == (10, 10, 20, 10)
    for box in (Box(0, 0, 90, 60), Box(7, 9, 30, 20)):
        assert page.located(page.upright(box)) == box


@pytest.mark.usefixtures("without_mnist")
@pytest.mark.parametrize("count", [1, 2])
def test_what_was_not_read_is_outlined_with_its_reason(count: int) -> None:
    figure = draw_steps(steps_of(count, (Unread(WORD, "word"),)))
    outlines = [patch for axes in figure.axes for patch in dashed(axes)]
    assert len(outlines) == (3 if count == 1 else 1)
    for outline in outlines:
        # The outline keeps a distance of two pixels.
        assert (outline.get_x(), outline.get_y()) == (8, 8)
        assert (outline.get_width(), outline.get_height()) == (24, 14)
    texts = words_of(figure)
    assert texts.split().count("word") == 1
    assert "; 1 place not read" in texts
    figure.canvas.draw()


@pytest.mark.usefixtures("without_mnist")
def test_dozens_of_places_are_outlined_without_their_reasons() -> None:
    many = tuple(Unread(Box(100 + 4 * index, 60, 3, 9), "print") for index in range(40))
    figure = draw_steps(steps_of(2, many))
    assert len(dashed(figure.axes[0])) == 40
    texts = words_of(figure)
    assert "2 digits, each at least 90% sure; 40 places not read" in texts
    assert "print" not in texts.split()


@pytest.mark.usefixtures("without_mnist")
def test_a_refusal_shows_what_is_there_instead() -> None:
    refused = Refusal("no-digit", "there is something on this picture, but no digit")
    figure = draw_steps(steps_of(0, (Unread(WORD, "drawing"),), refused=refused))
    texts = words_of(figure)
    assert "but no digit; 1 place not read" in texts
    assert "drawing" in texts.split()
    assert sum(len(dashed(axes)) for axes in figure.axes) == 3


@pytest.mark.usefixtures("without_mnist")
def test_where_everything_was_read_the_figure_says_nothing_of_it() -> None:
    figure = draw_steps(steps_of(2))
    assert "not read" not in words_of(figure)
    assert not any(dashed(axes) for axes in figure.axes)
