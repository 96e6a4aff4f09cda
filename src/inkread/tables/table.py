"""A table of a reading: its cells with their place, their span, their state and their text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from inkread.geometry import Box

CellState = Literal["value", "empty", "unread", "other"]
"""What is in a cell: a number or a dash; nothing; digits that are too unsure; or words, print, ticks and drawings."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a table.

    row, column: its first row and column, from 0.
    rows, columns: how many rows and columns it spans.
    state: "value", "empty", "unread" or "other".
    numbers: the indices of its numbers in `Reading.numbers`.
    box: where it is, in pixels of the upright picture.
    text: its numbers, separated by spaces.
    """

    row: int
    column: int
    rows: int
    columns: int
    state: CellState
    numbers: tuple[int, ...]
    box: Box
    text: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the cell as JSON has it, without its text."""
        return {
            "row": self.row,
            "column": self.column,
            "rows": self.rows,
            "columns": self.columns,
            "state": self.state,
            "numbers": list(self.numbers),
            "box": list(self.box),
        }


@dataclass(frozen=True, slots=True)
class Table:
    """A ruled or printed table, or a row of boxes.

    rows, columns: how many it has.
    cells: its cells, row by row. A row of boxes with one digit in each is one cell that spans its columns.
    """

    rows: int
    columns: int
    cells: tuple[Cell, ...]

    def to_rows(self) -> list[list[str]]:
        """Return the texts of its rows; "" for what is empty, was not read, or has words.

        The text of a cell that spans several rows or columns is in the first of them.
        """
        rows = [[""] * self.columns for _ in range(self.rows)]
        for cell in self.cells:
            rows[cell.row][cell.column] = cell.text
        return rows

    def to_dict(self) -> dict[str, Any]:
        """Return the table as JSON has it."""
        return {"rows": self.rows, "columns": self.columns, "cells": [cell.to_dict() for cell in self.cells]}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], texts: Sequence[str]) -> Table:
        """Return the table of an object from `to_dict`; `texts` are those of the numbers of the reading."""
        cells = tuple(
            Cell(
                **{
                    **cell,
                    "numbers": tuple(cell["numbers"]),
                    "box": Box(*cell["box"]),
                    "text": " ".join(texts[index] for index in cell["numbers"]),
                }
            )
            for cell in values["cells"]
        )
        return cls(values["rows"], values["columns"], cells)
