"""The layout of a form: where everything is on its pages, in millimetres from the upper left corner."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import NamedTuple

from inkread.sheets.codes import CORNERS, MARKER_IDS
from inkread.sheets.forms import Field, Form
from inkread.sheets.sheet_text import Align, TextStyle

SIZES = {"A4": (210.0, 297.0), "Letter": (215.9, 279.4)}
"""Width and height of upright paper, in millimetres."""


@dataclass(frozen=True, slots=True)
class SheetMeasures:
    """The measures of a sheet. Lengths are in millimetres."""

    margin: float = 12.0
    """From the edge of the paper to the markers and the fields. No printer needs more."""
    marker: float = 10.0
    """The side of a marker."""
    quiet: float = 6.0
    """The white between a marker and what is beside it."""
    qr: float = 18.0
    """The side of a QR code; a cell is then 0.72 mm wide, 3 pixels of a photograph with 1.5 megapixels."""
    head: float = 25.0
    """From the upper margin to the fields, and from the fields to the lower margin."""
    box: tuple[float, float] = (8.0, 10.0)
    """Width and height of the box of a digit."""
    gap: float = 1.6
    """Between two boxes."""
    separator: float = 4.2
    """Between two boxes with a printed point, slash or colon between them."""
    tick: float = 6.0
    """The side of a box for a tick."""
    row: float = 12.2
    """From a row of a table to the next one."""
    column: tuple[float, float] = (5.0, 8.0)
    """Between two columns of a table: in a table that is as wide as the page, and in others."""
    narrowest: tuple[float, float] = (10.0, 15.0)
    """The smallest width of a column of ticks, and of other columns, so that labels have room."""
    strip: float = 14.0
    """Between two parts of a long, narrow table that stand side by side."""
    numbers: float = 7.0
    """The room for the numbers of the rows, left of a table."""
    again: float = 4.8
    """Between the boxes of a number and those for a second try below them."""
    plus_minus: float = 3.2
    """The room for the printed plus and minus, left of the box of a sign."""
    single: float = 5.5
    """Below a line of fields that stand alone."""
    beside: float = 14.0
    """Between two of them."""
    guide: float = 23.5
    """The height of the part of a page that shows how to write."""
    rows_together: int = 3
    """A table does not begin on a page that has no room for this many rows."""
    most_pages: int = 99
    """The largest number of pages."""


MEASURES = SheetMeasures()

TITLE = TextStyle(19, bold=True)
DETAIL = TextStyle(9, grey=0.3)
BODY = TextStyle(9.5)
LABEL = TextStyle(9.5, bold=True)
HINT = TextStyle(8, grey=0.35)
SMALL = TextStyle(7, grey=0.4)
SEPARATOR = TextStyle(17, bold=True, grey=0.35)


class Rect(NamedTuple):
    """A rectangle on a page: left and top edge, width and height, in millimetres."""

    x: float
    y: float
    w: float
    h: float


@dataclass(frozen=True, slots=True)
class PrintedText:
    """A line of text on a page; x is the place that `align` names, and y that of its baseline."""

    text: str
    x: float
    y: float
    style: TextStyle
    align: Align = "left"


@dataclass(frozen=True, slots=True)
class FieldBoxes:
    """The boxes of a field, or of a row of a field in a table.

    row: counted from 0; 0 for a field that stands alone.
    boxes: of the digits, the tick or the choices, from left to right.
    sign: the box of the sign, if there is one.
    again: the boxes for a second try, if there are some, and `sign_again` that of its sign.
    """

    field: Field
    row: int
    boxes: tuple[Rect, ...]
    sign: Rect | None = None
    again: tuple[Rect, ...] = ()
    sign_again: Rect | None = None

    @property
    def all_boxes(self) -> list[Rect]:
        """All of its boxes."""
        signs = [box for box in (self.sign, self.sign_again) if box]
        return [*self.boxes, *self.again, *signs]


@dataclass(slots=True)
class SheetPage:
    """What is printed on one page, except for what differs between copies.

    number: from 1.
    rules: thin lines, from a point to another.
    """

    number: int
    fields: list[FieldBoxes] = field(default_factory=list)
    texts: list[PrintedText] = field(default_factory=list)
    rules: list[tuple[float, float, float, float]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class SheetLayout:
    """Where everything is on the pages of a form.

    size: width and height of the paper, in millimetres.
    pages: at least one.
    """

    form: Form
    size: tuple[float, float]
    pages: tuple[SheetPage, ...]

    @property
    def markers(self) -> dict[int, Rect]:
        """The place of the marker of each corner, the same on all pages."""
        return marker_places(self.size)

    @property
    def codes(self) -> tuple[Rect, Rect]:
        """The places of the QR codes, at top and bottom."""
        return code_places(self.size)

    @property
    def geometry(self) -> str:
        """A hash of where the fields are and what is written into them, 8 hexadecimal digits."""
        fields = [
            (
                page.number,
                boxes.field.name,
                boxes.field.kind,
                boxes.field.template,
                boxes.field.choices,
                boxes.row,
                [[round(100 * side) for side in box] for box in boxes.all_boxes],
            )
            for page in self.pages
            for boxes in page.fields
        ]
        text = json.dumps([1, [round(100 * side) for side in self.size], fields], separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:8].upper()

    def to_dict(self) -> dict[str, object]:
        """Return the JSON object of `--layout`; docs/sheets.md describes it."""
        return {
            "form": self.form.name,
            "geometry": self.geometry,
            "unit": "mm",
            "paper": {"name": self.form.paper, "width": self.size[0], "height": self.size[1]},
            "pages": len(self.pages),
            "markers": [
                {"corner": corner, "id": MARKER_IDS[corner], "box": _rounded(box)}
                for corner, box in self.markers.items()
            ],
            "codes": [_rounded(box) for box in self.codes],
            "fields": [_entry(page.number, boxes) for page in self.pages for boxes in page.fields],
        }


def marker_places(size: tuple[float, float]) -> dict[int, Rect]:
    """Return the place of the marker of each corner on paper of a size, in millimetres."""
    (width, height), m = size, MEASURES
    far_x, far_y = width - m.margin - m.marker, height - m.margin - m.marker
    places = [(m.margin, m.margin), (far_x, m.margin), (far_x, far_y), (m.margin, far_y)]
    return {corner: Rect(x, y, m.marker, m.marker) for corner, (x, y) in zip(CORNERS, places, strict=True)}


def code_places(size: tuple[float, float]) -> tuple[Rect, Rect]:
    """Return the places of the QR codes on paper of a size, in millimetres."""
    (width, height), m = size, MEASURES
    away = m.margin + m.marker + m.quiet
    top = Rect(width - away - m.qr, m.margin, m.qr, m.qr)
    return top, Rect(away, height - m.margin - m.qr, m.qr, m.qr)


def _entry(page: int, boxes: FieldBoxes) -> dict[str, object]:
    """Return the JSON object of a field, or of a row of it."""
    entry: dict[str, object] = {
        "name": boxes.field.name,
        "page": page,
        "row": boxes.row,
        "boxes": [_rounded(box) for box in boxes.boxes],
    }
    if boxes.sign:
        entry["sign"] = _rounded(boxes.sign)
    if boxes.again:
        entry["again"] = [_rounded(box) for box in boxes.again]
    if boxes.sign_again:
        entry["sign_again"] = _rounded(boxes.sign_again)
    return entry


def _rounded(box: Rect) -> list[float]:
    return [round(side, 2) for side in box]
