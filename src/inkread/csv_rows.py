"""CSV: the rows of results, one for each number."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal

Delimiter = Literal[",", ";", "tab"]
"""What separates the cells of a row. Spreadsheets in countries with a decimal comma expect a semicolon."""

DELIMITER_HELP = (
    "What separates the cells of CSV. Spreadsheets in countries with a decimal comma open ';'. Decimals keep their "
    "point. Default: ','."
)

PLACE_COLUMNS = ("x", "y", "w", "h")

WHY_COLUMNS = ("refused", "error")
"""Why there is no text: the code of a refusal or of an error."""

CSV_COLUMNS = ("picture", "page", "line", "row", "column", "field", "text", "value", "kind", "confidence",
               *PLACE_COLUMNS, *WHY_COLUMNS)  # fmt: skip
"""The columns of a row with a number. `row` and `column` are its place in a table, and empty elsewhere."""


# A number or a lone sign, perhaps with the mark of what must be checked.
_NUMBER = re.compile(r"[-+]?(\d[\d.,]*)?[%?]?")


def as_cell(value: object) -> object:
    """Return a value as a cell of CSV in which no spreadsheet sees a formula, such as the name `=cmd|'/c calc'!A1.png`.

    A text that begins like a formula and is not a number gets an apostrophe in front, which spreadsheets hide.
    """
    formula = isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r"))
    return f"'{value}" if formula and not _NUMBER.fullmatch(str(value)) else value


def csv_rows(found: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the rows of a picture's JSON object: one for each number, or one that says why there is none.

    Values that a row does not have are empty. Lines, rows and columns count from 1.
    """
    page = {name: found.get(name) for name in ("picture", "page")}
    for number in found.get("numbers") or ():
        values = {name: number[name] for name in ("text", "value", "kind", "confidence")}
        places = {name: number[name] for name in ("line", "row", "column")}
        values |= {name: None if place is None else place + 1 for name, place in places.items()}
        yield {**page, **values, **dict(zip(PLACE_COLUMNS, number["box"], strict=True))}
    for name in WHY_COLUMNS:
        if why := found.get(name):
            yield {**page, name: why["code"]}


def delimiter_sign(delimiter: Delimiter | None) -> str:
    """Return the character that a delimiter stands for; a comma for None."""
    return "\t" if delimiter == "tab" else delimiter or ","
