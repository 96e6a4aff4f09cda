"""Form files: reads a form from TOML, and tells the place of its first mistake."""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from difflib import get_close_matches
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args

from inkread.errors import DataError, OptionError
from inkread.expecting import CheckName, Expect
from inkread.expecting.expectation import read_allowed
from inkread.sheets.forms import (
    MOST_ROWS,
    NUMBERS,
    Bound,
    BoxUnit,
    Existing,
    Field,
    FieldKind,
    Form,
    FormDateOrder,
    Orientation,
    Paper,
)
from inkread.values import Notation


@dataclass(frozen=True, slots=True)
class FormLimits:
    """The limits of a form, each with its unit."""

    file: int = 1_000_000
    """The largest size of the file, in bytes."""
    fields: int = 200
    """The largest number of fields."""
    rows: int = MOST_ROWS
    """The largest number of rows of a table."""
    digits: int = 12
    """The largest number of boxes of a number."""
    choices: int = 20
    """The largest number of choices of a field."""
    title: int = 100
    """The longest title, in characters."""
    label: int = 200
    """The longest label, name or choice, in characters."""
    length: int = 100_000
    """Lengths on a picture are below this, in its unit."""
    text: int = 5_000
    """The longest text above or below the fields, in characters."""


LIMITS = FormLimits()

_WRITTEN: tuple[FieldKind, ...] = ("integer", "decimal", "date", "time")

_KEYS: dict[str, tuple[FieldKind, ...]] = {
    "digits": NUMBERS,
    "decimals": ("decimal",),
    "min": _WRITTEN,
    "max": _WRITTEN,
    "allowed": NUMBERS,
    "allowed_column": NUMBERS,
    "check": ("integer",),
    "order": ("date",),
    "choices": ("choice",),
    "column": NUMBERS,
}
"""The keys that only fields of some kinds have."""

RESERVED = ("sheet", "row")
"""The columns of the data that are no fields: the number of the sheet, and the row of its table."""

_COMMON = ("name", "label", "kind", "rows", "boxes", "row_height")
_FORM_KEYS = ("title", "paper", "orientation", "above", "below", "picture", "unit", "table", "first_row", "field")


def read_form(path: Path) -> Form:
    """Return the form that a TOML file describes; docs/sheets.md lists the keys.

    Lists of allowed values are read from files beside it. Raises `DataError` with the place of the first mistake.
    """
    try:
        if path.stat().st_size > LIMITS.file or not path.is_file():
            raise DataError(f"{path}: not a form; name a TOML file of at most {LIMITS.file // 1_000_000} MB")
        content = path.read_bytes().decode("utf-8-sig")
        return _form(tomllib.loads(content, parse_float=Decimal), path.parent)
    except OSError as error:
        raise DataError(f"{path}: the form cannot be read ({error.strerror}); check its name") from None
    except UnicodeDecodeError:
        raise DataError(f"{path}: the form is not UTF-8 text; save it as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise DataError(f"{path}: this is not TOML: {error}") from None
    except RecursionError:
        raise DataError(f"{path}: this is not a form: its lists are nested too deeply") from None
    except _FormMistake as mistake:
        raise DataError(f"{path}: {mistake}", code="bad-form") from None


class _FormMistake(Exception):  # noqa: N818
    """A mistake in a form; the message begins with its place."""


def _form(table: Mapping[str, Any], folder: Path) -> Form:
    _check_keys("", table, _FORM_KEYS)
    title = _text("", table, "title", LIMITS.title)
    entries = table.get("field")
    if not isinstance(entries, list) or not entries or not all(isinstance(entry, dict) for entry in entries):
        raise _FormMistake("there is no field; describe each with a table [[field]]")
    if len(entries) > LIMITS.fields:
        raise _FormMistake(f"there are {len(entries)} fields, and a form has at most {LIMITS.fields}")
    fields = tuple(_field(entry, number, folder) for number, entry in enumerate(entries, 1))
    _check_together(fields)
    existing = _existing(table, folder)
    for number, field in enumerate(fields, 1):
        _check_place(f"field {number} '{field.name}': ", field, existing)
    return Form(
        title,
        fields,
        _one_of("", table, "paper", get_args(Paper), "A4"),
        _one_of("", table, "orientation", get_args(Orientation), "portrait"),
        _text("", table, "above", LIMITS.text, default=""),
        _text("", table, "below", LIMITS.text, default=""),
        existing,
    )


def _existing(table: Mapping[str, Any], folder: Path) -> Existing | None:
    """Return how the fields are found on pictures of a form that inkread has not printed."""
    for key, other in (("unit", "picture"), ("first_row", "table")):
        if key in table and other not in table:
            raise _FormMistake(f"{key} is for a form with {other}, which is not there")
    if "picture" in table and "table" in table:
        raise _FormMistake("a form has a picture with boxes, or a table, and not both")
    if "picture" in table:
        picture = folder / _text("", table, "picture", LIMITS.label)
        return Existing(picture, _one_of("", table, "unit", get_args(BoxUnit), "px"))
    if "table" not in table:
        return None
    size = table["table"]
    if not (isinstance(size, list) and len(size) == 2 and all(type(each) is int and each > 0 for each in size)):
        raise _FormMistake(f"table = {_shown(size)}: this is [rows, columns], such as [15, 8]")
    first = _count("", table, "first_row", 1, size[0]) if "first_row" in table else 1
    return Existing(table=(size[0], size[1]), first_row=first)


def _check_place(place: str, field: Field, existing: Existing | None) -> None:
    """Refuse a field whose place is not told, or told in two ways."""
    if (field.boxes or field.row_height) and not (existing and existing.picture):
        raise _FormMistake(
            f'{place}boxes are on a picture of the form; name it above the fields: picture = "blank.jpg"'
        )
    if field.column and not (existing and existing.table[0]):
        raise _FormMistake(f"{place}column is for a form with a table; add a line above the fields: table = [15, 8]")
    if existing is None:
        return
    if existing.picture:
        _check_boxes(place, field)
    elif not field.column or not field.rows:
        raise _FormMistake(
            f"{place}a form with a table says of each field which column it is, and how many rows it has"
        )
    elif field.column > existing.table[1] or existing.first_row - 1 + field.rows > existing.table[0]:
        rows, columns = existing.table
        raise _FormMistake(f"{place}this is outside the table, which has {rows} rows and {columns} columns")


def _check_boxes(place: str, field: Field) -> None:
    digits = field.template.count("#")
    wanted = {len(field.choices) or 1} if not field.template else {digits}
    if field.kind in NUMBERS:
        # Forms for typewriters and clerks have one box for the whole number.
        wanted.add(1)
    if len(field.boxes) not in wanted:
        raise _FormMistake(f"{place}there are {len(field.boxes)} boxes; give {' or '.join(map(str, sorted(wanted)))}")
    if bool(field.rows) != bool(field.row_height):
        raise _FormMistake(f"{place}rows and row_height, the distance of two rows, belong together")
    if field.signed and len(field.boxes) > 1:
        raise _FormMistake(f"{place}a number that may be negative has one box, for its sign and all digits")


def _field(table: Mapping[str, Any], number: int, folder: Path) -> Field:
    shown = f" '{table['name']}'" if isinstance(table.get("name"), str) else ""
    place = f"field {number}{shown}: "
    _check_keys(place, table, (*_COMMON, *_KEYS))
    name = _text(place, table, "name", LIMITS.label)
    if not re.fullmatch(r"\w[\w-]*", name):
        raise _FormMistake(f"{place}a name has letters, digits, _ and - only; the label may have others")
    if name.lower() in RESERVED:
        raise _FormMistake(f"{place}the data has a column of this name; choose another")
    kind: FieldKind = _one_of(place, table, "kind", get_args(FieldKind))
    for key, kinds in _KEYS.items():
        if key in table and kind not in kinds:
            raise _FormMistake(f"{place}a field of the kind '{kind}' has no {key}; {_listed(kinds)} may have it")
    label = _text(place, table, "label", LIMITS.label, default=name)
    rows = _count(place, table, "rows", 1, LIMITS.rows) if "rows" in table else None
    digits = 0
    if kind in NUMBERS:
        digits = _count(place, table, "digits", 2 if kind == "decimal" else 1, LIMITS.digits)
    decimals = _count(place, table, "decimals", 1, digits - 1) if kind == "decimal" else 0
    field = Field(
        name,
        label,
        kind,
        digits,
        decimals,
        _bound(place, table, "min", kind),
        _bound(place, table, "max", kind),
        _allowed(place, table, folder),
        _one_of(place, table, "check", get_args(CheckName), None),
        _one_of(place, table, "order", get_args(FormDateOrder), "DMY"),
        _choices(place, table) if kind == "choice" else (),
        rows,
        _boxes(place, table),
        _length(place, "row_height", table["row_height"]) if "row_height" in table else 0.0,
        _count(place, table, "column", 1, LIMITS.rows) if "column" in table else None,
    )
    _check_values(place, field)
    return field


def _check_keys(place: str, table: Mapping[str, Any], known: Sequence[str]) -> None:
    for key in table:
        if key not in known:
            near = get_close_matches(key, known, n=1)
            meant = f"did you mean '{near[0]}'?" if near else f"the keys here are {', '.join(known)}"
            raise _FormMistake(f"{place}unknown key '{key}'; {meant}")


def _text(place: str, table: Mapping[str, Any], key: str, longest: int, *, default: str | None = None) -> str:
    value = table.get(key, default)
    if value is None:
        raise _FormMistake(f'{place}there is no {key}; add a line such as {key} = "..."')
    if not isinstance(value, str):
        raise _FormMistake(f"{place}{key} = {_shown(value)}: this must be a text in quotes")
    value = value.strip()
    if len(value) > longest:
        raise _FormMistake(f"{place}the {key} has {len(value)} characters, and may have {longest}")
    if not value and default != "":
        raise _FormMistake(f"{place}the {key} is empty")
    return value


def _count(place: str, table: Mapping[str, Any], key: str, least: int, most: int) -> int:
    value = table.get(key)
    if value is None:
        raise _FormMistake(f"{place}there is no {key}; add a line such as {key} = {least}")
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise _FormMistake(f"{place}{key} = {_shown(value)}: this is a whole number from {least} to {most}")
    return value


def _one_of(place: str, table: Mapping[str, Any], key: str, choices: Sequence[str], default: Any = ...) -> Any:
    value = table.get(key, default)
    if value is ...:
        raise _FormMistake(f"{place}there is no {key}; it is one of {', '.join(choices)}")
    if value is not default and value not in choices:
        near = get_close_matches(str(value), choices, n=1)
        meant = f"did you mean '{near[0]}'?" if near else f"it is one of {', '.join(choices)}"
        raise _FormMistake(f"{place}{key} = {_shown(value)}: {meant}")
    return value


def _bound(place: str, table: Mapping[str, Any], key: str, kind: FieldKind) -> Bound | None:
    value = table.get(key)
    if value is None:
        return None
    if kind == "date" and isinstance(value, date) and not isinstance(value, datetime):
        return value
    if kind == "time" and isinstance(value, time):
        return value
    if kind in NUMBERS and isinstance(value, int | Decimal) and not isinstance(value, bool):
        value = Decimal(value)
        if value.is_finite():
            return value
    example = {"date": "a day without quotes, such as 2026-01-31", "time": "a time without quotes, such as 08:00:00"}
    raise _FormMistake(f"{place}{key} = {_shown(value)}: this must be {example.get(kind, 'a number')}")


def _allowed(place: str, table: Mapping[str, Any], folder: Path) -> frozenset[str] | None:
    if "allowed" not in table:
        if "allowed_column" in table:
            raise _FormMistake(f"{place}allowed_column names a column of the file of 'allowed', which is not there")
        return None
    if isinstance(table["allowed"], list):
        return frozenset(_texts(place, table, "allowed"))
    file = _text(place, table, "allowed", LIMITS.label)
    column = _text(place, table, "allowed_column", LIMITS.label) if "allowed_column" in table else None
    try:
        return frozenset(read_allowed(folder / file, column))
    except DataError as error:
        raise _FormMistake(f"{place}{error.message}") from None


def _choices(place: str, table: Mapping[str, Any]) -> tuple[str, ...]:
    choices = _texts(place, table, "choices")
    if not 2 <= len(choices) <= LIMITS.choices or len(set(choices)) < len(choices):
        count = "is 1 choice" if len(choices) == 1 else f"are {len(choices)} choices"
        raise _FormMistake(f"{place}there {count}; give 2 to {LIMITS.choices}, each once")
    return choices


def _boxes(place: str, table: Mapping[str, Any]) -> tuple[tuple[float, float, float, float], ...]:
    boxes = table.get("boxes", [])
    if not isinstance(boxes, list) or not all(isinstance(box, list) and len(box) == 4 for box in boxes):
        raise _FormMistake(f"{place}boxes are a list of [x, y, width, height], such as boxes = [[310, 122, 40, 52]]")
    sides = [[_length(place, "boxes", side) for side in box] for box in boxes]
    if any(0 in box[2:] for box in sides):
        raise _FormMistake(f"{place}one of its boxes has no width or no height")
    return tuple((x, y, w, h) for x, y, w, h in sides)


def _length(place: str, key: str, value: Any) -> float:
    """Return a length on the reference picture."""
    number = float(value) if isinstance(value, int | Decimal) and not isinstance(value, bool) else math.nan
    if 0 <= number < LIMITS.length:
        return number
    raise _FormMistake(f"{place}{key} has {_shown(value)}: this must be a length on the picture")


def _texts(place: str, table: Mapping[str, Any], key: str) -> tuple[str, ...]:
    """Return a list of texts."""
    values = table.get(key)
    if not isinstance(values, list) or not all(isinstance(value, str) and value.strip() for value in values):
        raise _FormMistake(f'{place}the {key} are a list of texts, such as {key} = ["1", "2"]')
    if long := [value for value in values if len(value) > LIMITS.label]:
        raise _FormMistake(f"{place}a text of {key} has {len(long[0])} characters, and may have {LIMITS.label}")
    return tuple(value.strip() for value in values)


def _check_values(place: str, field: Field) -> None:
    """Refuse bounds and lists that nobody can write into the boxes."""
    low, high = field.minimum, field.maximum
    if low is not None and high is not None and low > high:  # type: ignore[operator]
        raise _FormMistake(f"{place}min = {low} is above max = {high}")
    if field.kind in NUMBERS:
        largest = (Decimal(10) ** field.digits - 1) / Decimal(10) ** field.decimals
        if isinstance(low, Decimal) and low > largest:
            raise _FormMistake(f"{place}min = {low}, but {field.digits} boxes hold at most {largest}")
    if field.allowed is not None:
        whole, _, decimals = field.template.removeprefix("-").partition(".")
        shape = rf"\d{{1,{len(whole)}}}" + (rf"\.\d{{{len(decimals)}}}" if decimals else "")
        sign = "-?" if field.signed else ""
        if unfit := sorted(text for text in field.allowed if not re.fullmatch(sign + shape, text)):
            example = "1" * len(whole) + ("." + "0" * len(decimals) if decimals else "")
            raise _FormMistake(
                f"{place}'{unfit[0]}' is allowed, but cannot be written into its boxes, which hold {example}"
            )
    if field.kind in NUMBERS and field.allowed is not None:
        _check_allowed(place, field)


def _check_allowed(place: str, field: Field) -> None:
    """Refuse a list of allowed values of which no bounds and check digit leave one."""
    numbers = [bound if isinstance(bound, Decimal) else None for bound in (field.minimum, field.maximum)]
    try:
        expect = Expect(minimum=numbers[0], maximum=numbers[1], allowed=field.allowed, check=field.check)
    except OptionError as error:
        raise _FormMistake(f"{place}{error.message}") from None
    if not any(expect.fits(text, Notation(decimal=".")) for text in field.allowed or ()):
        raise _FormMistake(f"{place}no allowed value is within min and max and has a right check digit")


def _check_together(fields: Sequence[Field]) -> None:
    names: set[str] = set()
    for number, field in enumerate(fields, 1):
        # Spreadsheets and databases do not tell upper from lower case.
        if field.name.lower() in names:
            raise _FormMistake(f"field {number} '{field.name}': another field has this name")
        names.add(field.name.lower())
    for number, (left, right) in enumerate(pairwise(fields), 2):
        if left.rows and right.rows and left.rows != right.rows:
            raise _FormMistake(
                f"field {number} '{right.name}': rows = {right.rows}, but '{left.name}' beside it in the table has "
                f"{left.rows}; give both the same number"
            )


def _listed(kinds: Sequence[str]) -> str:
    return kinds[0] if len(kinds) == 1 else f"{', '.join(kinds[:-1])} and {kinds[-1]}"


def _shown(value: Any) -> str:
    """Return a value as it stands in TOML, shortened."""
    if isinstance(value, bool):
        return str(value).lower()
    text = f'"{value}"' if isinstance(value, str) else str(value)
    return text if len(text) <= 40 else text[:37] + "..."
