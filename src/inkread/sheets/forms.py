"""Forms: the fields of a sheet, what may be written into them, and where they are."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date, time
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

from inkread.expecting import CheckName

FieldKind = Literal["integer", "decimal", "date", "time", "tick", "choice"]
"""What is written into a field. A choice is one tick among several boxes."""

Paper = Literal["A4", "Letter"]
Orientation = Literal["portrait", "landscape"]

BoxUnit = Literal["mm", "px"]
"""The unit of boxes on a reference picture: millimetres of the paper, or pixels of the picture."""

FormDateOrder = Literal["DMY", "MDY", "YMD"]
"""The order of day, month and year in a date field."""

Bound: TypeAlias = Decimal | date | time
"""The smallest or largest value of a field: a number, a day or a time of day, as its kind is."""

_TEMPLATES = {"DMY": "##/##/####", "MDY": "##/##/####", "YMD": "####-##-##"}

MOST_ROWS = 1000
"""The largest number of rows of a table."""

NUMBERS: tuple[FieldKind, ...] = ("integer", "decimal")
"""The kinds of fields that hold a number."""


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a form.

    name: what its column is called in the data.
    label: what is printed above it.
    kind: what is written into it.
    digits: the number of boxes of a number, with those of its decimals.
    decimals: the number of boxes after the decimal point.
    minimum, maximum: the smallest and largest value, of the kind of the field; None for any.
    allowed: the only texts that are possible; None for any.
    check: how the last digit is checked.
    order: the order of day, month and year.
    choices: the texts beside the boxes of a choice.
    rows: the number of rows of the table that it is a column of; None for a field that stands alone.
    boxes: where it is on the reference picture of its form, (x, y, width, height) each; in a table, in the first row.
    row_height: the distance of two rows on the reference picture.
    column: the column of the table on each picture that it is, from 1.
    """

    name: str
    label: str
    kind: FieldKind
    digits: int = 0
    decimals: int = 0
    minimum: Bound | None = None
    maximum: Bound | None = None
    allowed: frozenset[str] | None = None
    check: CheckName | None = None
    order: FormDateOrder = "DMY"
    choices: tuple[str, ...] = ()
    rows: int | None = None
    boxes: tuple[tuple[float, float, float, float], ...] = ()
    row_height: float = 0.0
    column: int | None = None

    @property
    def template(self) -> str:
        """How the field is written: `#` for a box of a digit, `-` first for the box of a sign, others are printed.

        Empty for a tick and a choice. A number has a box for its sign if its smallest value is below 0.
        """
        if self.kind == "date":
            return _TEMPLATES[self.order]
        if self.kind == "time":
            return "##:##"
        whole = "#" * (self.digits - self.decimals)
        return ("-" if self.signed else "") + whole + ("." + "#" * self.decimals if self.decimals else "")

    @property
    def signed(self) -> bool:
        """Whether a minus may stand before the number."""
        return self.kind in NUMBERS and isinstance(self.minimum, Decimal) and self.minimum < 0

    @property
    def hint(self) -> str:
        """What is printed after the label; empty if the boxes say enough."""
        words = {"D": "day", "M": "month", "Y": "year"}
        if self.kind == "date":
            return " / ".join(words[letter] for letter in self.order)
        return "hour : minute" if self.kind == "time" else ""


@dataclass(frozen=True, slots=True)
class Existing:
    """How the fields of a form that inkread has not printed are found.

    picture: a picture of the form, on which its boxes are; None if the fields are columns of a table that is found.
    unit: that of the boxes.
    table: the numbers of rows and columns of the table, with those that are no fields.
    first_row: the row of the table that is the first row of the fields, from 1.
    """

    picture: Path | None = None
    unit: BoxUnit = "px"
    table: tuple[int, int] = (0, 0)
    first_row: int = 1


@dataclass(frozen=True, slots=True)
class Form:
    """A form: what is printed on a sheet, and what may be written on it.

    name: a short name for messages, made from the title.
    above, below: texts before the first and after the last field.
    existing: how its fields are found if inkread has not printed it; None if it is printed.
    """

    title: str
    fields: tuple[Field, ...]
    paper: Paper = "A4"
    orientation: Orientation = "portrait"
    above: str = ""
    below: str = ""
    existing: Existing | None = None

    @property
    def name(self) -> str:
        """The name in the codes on its sheets: at most 14 capital letters, digits and hyphens."""
        return re.sub(r"[^A-Z0-9]+", "-", self.title.upper()).strip("-")[:14].rstrip("-") or "FORM"

    @property
    def groups(self) -> tuple[tuple[Field, ...], ...]:
        """The fields in order: the columns of a table together, and each other field alone."""
        groups: list[list[Field]] = []
        for field in self.fields:
            if groups and field.rows and groups[-1][-1].rows:
                groups[-1].append(field)
            else:
                groups.append([field])
        return tuple(map(tuple, groups))


def fields_as_json(fields: Iterable[Field]) -> list[dict[str, Any]]:
    """Return fields as JSON knows them, for `fields_from_json`."""
    return [
        {
            **asdict(field),
            "minimum": None if field.minimum is None else str(field.minimum),
            "maximum": None if field.maximum is None else str(field.maximum),
            "allowed": None if field.allowed is None else sorted(field.allowed),
            "choices": list(field.choices),
            "boxes": [list(box) for box in field.boxes],
        }
        for field in fields
    ]


def fields_from_json(fields: Iterable[dict[str, Any]]) -> tuple[Field, ...]:
    """Return the fields that `fields_as_json` has written.

    Raises `ArithmeticError`, `AttributeError`, `LookupError`, `TypeError` or `ValueError` for others.
    """
    return tuple(
        _sound(
            Field(
                **{
                    **field,
                    "minimum": _bound_of(field["kind"], field["minimum"]),
                    "maximum": _bound_of(field["kind"], field["maximum"]),
                    "allowed": None if field["allowed"] is None else frozenset(field["allowed"]),
                    "choices": tuple(field["choices"]),
                    "boxes": tuple(tuple(box) for box in field.get("boxes", ())),
                }
            )
        )
        for field in fields
    )


def _sound(field: Field) -> Field:
    """Return a field from a file. Raises `ValueError` or `TypeError` for values that no form has."""
    for value, known in ((field.kind, FieldKind), (field.check, CheckName), (field.order, FormDateOrder)):
        if value is not None and value not in get_args(known):
            raise ValueError(f"{value!r} is not one of {', '.join(get_args(known))}")
    texts = [field.name, field.label, *field.choices, *(field.allowed or ())]
    counts = [field.digits, field.decimals, field.rows or 0, field.column or 0]
    if not all(isinstance(text, str) for text in texts) or any(not 0 <= count <= MOST_ROWS for count in counts):
        raise ValueError(f"field {field.name!r} is damaged")
    # A box of a list of lists has no hash.
    hash(field)
    return field


def _bound_of(kind: FieldKind, text: str | None) -> Bound | None:
    if text is None:
        return None
    if kind == "date":
        return date.fromisoformat(text)
    return time.fromisoformat(text) if kind == "time" else Decimal(text)
