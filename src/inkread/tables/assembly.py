"""Assembly: the tables of a reading, from the cells that were found on its page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from inkread.pictures.page import Page
from inkread.readings import Number
from inkread.recognition.acceptance import number_indices
from inkread.recognition.recognise import Recognition
from inkread.recognition.table_cells import LocatedCell
from inkread.tables.table import Cell, Table


def tables_of(
    found: Recognition, numbers: Sequence[Number], page: Page
) -> tuple[tuple[Table, ...], tuple[Number, ...]]:
    """Return the tables of a page, and its numbers with their row and column.

    numbers: the numbers that are read, those of `found` in their order.
    """
    indices, placed = number_indices(found), list(numbers)

    def cell_of(located: LocatedCell) -> Cell:
        place, own = located.place, tuple(indices[number] for number in located.numbers)
        for index in own:
            placed[index] = replace(placed[index], row=place.row, column=place.column)
        text = " ".join(numbers[index].text for index in own)
        box = page.upright(located.box)
        return Cell(place.row, place.column, place.rows, place.columns, located.state, own, box, text)

    tables = tuple(Table(table.rows, table.columns, tuple(map(cell_of, table.cells))) for table in found.tables)
    return tables, tuple(placed)
