"""Tables: their rows, columns and cells, what is in the cells, and what is no table."""

from __future__ import annotations

import pickle
import time

import cv2
import numpy as np
import pytest

import inkread
from helpers.ruled import MARGIN, TALL, WIDE, Page, leaning, photographed, rules, written
from inkread import Reading
from inkread.geometry import Box
from inkread.layout.grids import Grid, GridCell, find_grids
from inkread.tables.table import Cell, Table

TEXTS = [["Total", "Sum", "Net"], ["12", "", "7"], ["", "345", "-"], ["60", "8", ""]]


def shapes(page: Page) -> list[tuple[int, int, int]]:
    """Return the number of rows, columns and cells of each grid of a page."""
    return [(grid.rows, grid.columns, len(grid.cells)) for grid in find_grids(page)]


# Grids


@pytest.mark.parametrize("degrees", [0, 1.5, -4, 7])
def test_a_grid_is_found_if_it_leans(degrees: float) -> None:
    assert shapes(leaning(rules(4, 5), degrees)) == [(4, 5, 20)]


def test_a_grid_is_found_on_a_photograph_from_the_side_with_a_shadow() -> None:
    (grid,) = find_grids(photographed(rules(5, 4)))
    assert (grid.rows, grid.columns, len(grid.cells)) == (5, 4, 20)


def test_the_corners_of_cells_are_where_rules_cross() -> None:
    (grid,) = find_grids(rules(2, 3))
    x, y = np.meshgrid(MARGIN + WIDE * np.arange(4), MARGIN + TALL * np.arange(3))
    assert np.abs(grid.corners - np.stack([x, y], axis=-1)).max() < 1.5


def test_cells_without_a_rule_between_them_are_one_that_spans_them() -> None:
    missing = [("left", 0, 1), ("left", 0, 2), ("above", 3, 0)]
    (grid,) = find_grids(rules(4, 4, missing=missing))
    assert {cell for cell in grid.cells if cell.rows * cell.columns > 1} == {
        GridCell(0, 0, 1, 3),
        GridCell(2, 0, 2, 1),
    }


def test_a_rule_under_some_columns_of_a_header_is_a_rule() -> None:
    above = [("above", 1, column) for column in (0, 3, 4)]
    over = [("left", 0, 2)]
    (grid,) = find_grids(rules(5, 5, missing=[*above, *over]))
    assert (grid.rows, grid.columns) == (5, 5)
    assert GridCell(0, 1, 1, 2) in grid.cells
    assert GridCell(0, 0, 2, 1) in grid.cells


def test_the_empty_corner_of_a_table_is_no_cell() -> None:
    (grid,) = find_grids(rules(4, 4, missing=[("above", 0, 0), ("left", 0, 0)]))
    assert (grid.rows, grid.columns, len(grid.cells)) == (4, 4, 15)
    assert grid.owners[0, 0] == -1


def test_cells_that_are_cut_off_by_the_edge_of_the_page_are_cells() -> None:
    assert shapes(rules(6, 5)[:, MARGIN + 20 : -MARGIN - 20]) == [(6, 5, 30)]


def test_gaps_in_a_rule_do_not_join_cells() -> None:
    page = rules(4, 4)
    page[MARGIN + TALL - 4 : MARGIN + TALL + 5, MARGIN + 150 : MARGIN + 190] = 245
    page[MARGIN + 100 : MARGIN + 120, MARGIN + WIDE - 4 : MARGIN + WIDE + 5] = 245
    assert shapes(page) == [(4, 4, 16)]


def test_strokes_of_digits_are_no_rules() -> None:
    texts = [["11", "17", "41"], ["71", "11", "14"], ["77", "47", "11"]]
    assert shapes(written(rules(3, 3), texts)) == [(3, 3, 9)]


def test_two_tables_are_two_grids() -> None:
    page = np.hstack([rules(3, 2), rules(3, 2)])
    assert shapes(page) == [(3, 2, 6), (3, 2, 6)]


def test_lines_and_a_frame_alone_are_no_grid() -> None:
    ruled = np.full((400, 500), 245, np.uint8)
    ruled[40::40] = 120
    framed = cv2.rectangle(np.full((300, 300), 245, np.uint8), (40, 40), (260, 260), 40, 2)
    blank = np.full((300, 300), 245, np.uint8)
    assert [shapes(np.asarray(page)) for page in (ruled, framed, blank)] == [[], [], []]


def test_a_turned_grid_has_the_same_cells_in_the_same_places() -> None:
    (grid,) = find_grids(rules(3, 4, missing=[("left", 0, 1)]))
    width, height = 4 * WIDE + 2 * MARGIN, 3 * TALL + 2 * MARGIN
    turned = grid.turned(1, (width, height))
    assert (turned.rows, turned.columns) == (4, 3)
    for index, cell in enumerate(grid.cells):
        x, y = grid.outline(cell).mean(axis=0)
        (found,) = turned.locate(np.array([[y, width - x]]))
        assert turned.cells[found].rows == cell.columns, index
    assert same(turned.turned(3, (height, width)), grid)


def same(one: Grid, other: Grid) -> bool:
    return one.cells == other.cells and np.allclose(one.corners, other.corners)


@pytest.mark.parametrize("step", [5, 12, 30])
def test_a_page_full_of_rules_takes_a_bounded_time(step: int) -> None:
    page = np.full((1400, 1400), 245, np.uint8)
    page[::step] = page[:, ::step] = 60
    started = time.process_time()
    grids = find_grids(page)
    assert time.process_time() - started < 8
    assert all(len(grid.cells) <= 20_000 for grid in grids)


def test_thousands_of_boxes_take_a_bounded_time() -> None:
    page = np.full((1400, 1400), 245, np.uint8)
    for top in range(10, 1360, 40):
        for left in range(10, 1360, 40):
            cv2.rectangle(page, (left, top), (left + 30, top + 30), 60, 1)
            cv2.line(page, (left + 15, top), (left + 15, top + 30), 60, 1)
    started = time.process_time()
    assert len(find_grids(page)) <= 60
    assert time.process_time() - started < 8


# Reading


@pytest.fixture(scope="module")
def reading() -> Reading:
    return inkread.read(written(rules(4, 3), TEXTS))


def test_a_table_is_read_cell_by_cell(reading: Reading) -> None:
    (table,) = reading.tables
    assert table.to_rows() == [["", "", ""], *TEXTS[1:]]
    states = [[cell.state for cell in table.cells if cell.row == row] for row in range(4)]
    assert states == [
        ["other", "other", "other"],
        ["value", "empty", "value"],
        ["empty", "value", "value"],
        ["value", "value", "empty"],
    ]


def test_a_row_of_a_table_is_a_line_and_no_number_is_in_two_cells(reading: Reading) -> None:
    assert reading.text == "12 7\n345 -\n60 8"


def test_a_number_knows_its_row_and_column(reading: Reading) -> None:
    assert [(number.text, number.row, number.column) for number in reading.numbers] == [
        ("12", 1, 0),
        ("7", 1, 2),
        ("345", 2, 1),
        ("-", 2, 2),
        ("60", 3, 0),
        ("8", 3, 1),
    ]


def test_the_numbers_of_cells_are_those_of_the_reading_and_lie_in_their_boxes(reading: Reading) -> None:
    for cell in reading.tables[0].cells:
        assert cell.text == " ".join(reading.numbers[index].text for index in cell.numbers)
        for index in cell.numbers:
            x, y, w, h = reading.numbers[index].box
            assert cell.box.x <= x + w / 2 <= cell.box.x + cell.box.w
            assert cell.box.y <= y + h / 2 <= cell.box.y + cell.box.h


def test_tables_go_through_json_and_to_other_processes(reading: Reading) -> None:
    assert Reading.from_json(reading.to_json()) == reading
    assert pickle.loads(pickle.dumps(reading)) == reading  # noqa: S301 - our own bytes
    (table,) = reading.to_dict()["tables"]
    assert list(table) == ["rows", "columns", "cells"]
    assert list(table["cells"][0]) == ["row", "column", "rows", "columns", "state", "numbers", "box"]


@pytest.mark.parametrize("way", ["leaning", "photographed", "on its side"])
def test_a_table_is_read_however_it_lies(way: str) -> None:
    page = written(rules(4, 3), TEXTS)
    ways = {
        "leaning": leaning(page, 4),
        "photographed": photographed(page),
        "on its side": np.ascontiguousarray(np.rot90(page)),
    }
    (table,) = inkread.read(ways[way]).tables
    assert table.to_rows() == [["", "", ""], *TEXTS[1:]]


def test_a_row_of_boxes_with_one_digit_in_each_is_one_number() -> None:
    page = np.full((TALL + 2 * MARGIN, 6 * 60 + 2 * MARGIN), 245, np.uint8)
    for column in range(7):
        cv2.line(page, (MARGIN + 60 * column, MARGIN), (MARGIN + 60 * column, MARGIN + TALL), 60, 2)
    for y in (MARGIN, MARGIN + TALL):
        cv2.line(page, (MARGIN, y), (MARGIN + 360, y), 60, 2)
    reading = inkread.read(written(page, [list("473820")], wide=60))
    assert reading.text == "473820"
    (table,) = reading.tables
    assert (table.rows, table.columns) == (1, 6)
    assert [(cell.columns, cell.text) for cell in table.cells] == [(6, "473820")]


def test_a_table_of_dashes_is_not_refused() -> None:
    reading = inkread.read(written(rules(3, 3), [["-", "", "-"], ["", "-", ""], ["-", "-", ""]]))
    assert reading.refused is None
    assert reading.text == "- -\n-\n- -"


def test_a_dash_in_a_cell_fits_every_expectation() -> None:
    reading = inkread.read(written(rules(4, 3), TEXTS), expect=r"\d+")
    assert reading.refused is None
    assert reading.tables[0].to_rows()[2] == ["", "345", "-"]


def test_a_refused_reading_has_no_tables() -> None:
    assert inkread.read(rules(3, 3)).tables == ()


def test_squared_paper_is_no_table() -> None:
    page = np.full((600, 800), 245, np.uint8)
    page[::40] = page[:, ::40] = 200
    page = written(page, [["", "", ""], ["", "4738"]], tall=2 * TALL)
    assert inkread.read(page).tables == ()


def test_numbers_below_each_other_are_a_table_if_that_is_asked_for() -> None:
    page = written(np.full((4 * TALL + 80, 3 * WIDE + 80), 245, np.uint8), [["12", "7", "33"], ["4", "", "9"], ["60"]])
    assert inkread.read(page).tables == ()
    reading = inkread.read(page, as_="table")
    (table,) = reading.tables
    assert table.to_rows() == [["12", "7", "33"], ["4", "", "9"], ["60", "", ""]]
    assert reading.text == "12 7 33\n4 9\n60"


def test_the_text_of_a_cell_that_spans_is_in_its_first_place() -> None:
    cell = Cell(0, 1, 2, 2, "value", (0,), Box(0, 0, 9, 9), "5")
    assert Table(2, 3, (cell,)).to_rows() == [["", "5", ""], ["", "", ""]]
