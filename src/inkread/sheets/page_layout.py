"""The layout of a form: where everything is on its pages, in millimetres from the upper left corner."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby, pairwise
from typing import NamedTuple

from inkread.errors import DataError
from inkread.sheets.codes import CORNERS, MARKER_IDS
from inkread.sheets.forms import Field, Form
from inkread.sheets.sheet_text import Align, TextStyle, unprintable, width_of, wrapped

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


def lay_out(form: Form) -> SheetLayout:
    """Return the layout of a form. What does not fit on a page goes on to the next.

    Raises `DataError` for what is wider or higher than a page, and for characters that cannot be printed.
    """
    _check_characters(form)
    width, height = SIZES[form.paper]
    size = (height, width) if form.orientation == "landscape" else (width, height)
    pages = _Pages(size)
    if form.above:
        pages.paragraph(form.above)
    alone: list[Field] = []
    for group in form.groups:
        if group[0].rows is None:
            alone += group
            continue
        _lay_out_singles(pages, alone)
        alone = []
        _Table(group, pages.width).lay_out(pages)
    _lay_out_singles(pages, alone)
    if form.below:
        pages.paragraph(form.below)
    if len(pages.done) > MEASURES.most_pages:
        raise DataError(f"the form needs {len(pages.done)} pages, and a form has at most {MEASURES.most_pages}")
    return SheetLayout(form, size, tuple(pages.done))


def _check_characters(form: Form) -> None:
    printed = [("title", form.title), ("above", form.above), ("below", form.below)]
    for number, each in enumerate(form.fields, 1):
        printed += [(f"field {number} '{each.name}'", text) for text in (each.label, *each.choices)]
    for place, text in printed:
        if letter := unprintable(text):
            raise DataError(f"{place}: the character '{letter}' cannot be printed; no font of inkread has it")


class _Pages:
    """The pages of a sheet that is laid out, and the place where the next thing goes."""

    def __init__(self, size: tuple[float, float]) -> None:
        width, height = size
        self.left, self.right = MEASURES.margin, width - MEASURES.margin
        self._top = MEASURES.margin + MEASURES.head + MEASURES.guide
        self.bottom = height - MEASURES.margin - MEASURES.head
        self.done: list[SheetPage] = []
        self.begin()

    @property
    def width(self) -> float:
        """The width of what is between the margins."""
        return self.right - self.left

    @property
    def page(self) -> SheetPage:
        """The page that is laid out."""
        return self.done[-1]

    @property
    def room(self) -> float:
        """The height that is left on the page."""
        return self.bottom - self.y

    @property
    def fresh(self) -> bool:
        """Whether nothing is on the page."""
        return self.y == self._top

    def begin(self) -> None:
        """Begin the next page."""
        self.done.append(SheetPage(len(self.done) + 1))
        self.y = self._top

    def need(self, height: float) -> None:
        """Begin the next page if this one has no room for something of a height."""
        if height > self.room and not self.fresh:
            self.begin()

    def write(self, text: str, x: float, y: float, style: TextStyle, align: Align = "left") -> None:
        """Print a line of text."""
        self.page.texts.append(PrintedText(text, x, y, style, align))

    def paragraph(self, text: str) -> None:
        """Print a text over the whole width, and leave some room below it."""
        for line in wrapped(text, BODY, min(self.width, 150)):
            self.need(BODY.leading)
            self.write(line, self.left, self.y + BODY.ascent, BODY)
            self.y += BODY.leading
        self.y += 3.5


def _row_width(each: Field) -> float:
    """Return the width of the boxes of a number, a date or a time."""
    places = _place_row(each, 0.0, 0.0)[0]
    return places[-1].x + places[-1].w


def _place_row(each: Field, x: float, y: float) -> tuple[list[Rect], Rect | None, list[PrintedText]]:
    """Return the boxes of the digits of a field, that of its sign, and what is printed between them."""
    m = MEASURES
    width, height = m.box
    boxes: list[Rect] = []
    sign: Rect | None = None
    texts = []
    for before, mark in pairwise(" " + each.template):
        if mark == "#":
            boxes.append(Rect(x, y, width, height))
            x += width + m.gap
        elif mark == "-" and before == " ":
            middle = y + height / 2
            texts.append(PrintedText("±", x, middle + HINT.ascent / 2, HINT))
            sign = Rect(x + m.plus_minus, middle - m.tick / 2, m.tick, m.tick)
            x += m.plus_minus + m.tick + m.gap
        else:
            x += m.separator - m.gap
            texts.append(_separator(mark, x - m.separator / 2, y + height))
    return boxes, sign, texts


def _separator(mark: str, x: float, bottom: float) -> PrintedText:
    """Return a printed separator in the middle of a gap, at the height that fits boxes with this bottom."""
    raised = {".": 0.3, "/": 2.9, ":": 3.1, "-": 3.4}[mark]
    return PrintedText("\N{EN DASH}" if mark == "-" else mark, x, bottom - raised, SEPARATOR, "centre")


class _Single:
    """A field that stands alone: its width and height, and what is drawn."""

    def __init__(self, each: Field, most: float) -> None:
        self.each = each
        self.most = most
        if each.kind == "tick":
            self.lines = wrapped(each.label, BODY, most - MEASURES.tick - 2)
            self.width = MEASURES.tick + 2 + max(width_of(line, BODY) for line in self.lines)
            self.height = max(MEASURES.tick, len(self.lines) * BODY.leading)
            return
        choice = each.kind == "choice"
        self.choices = _flow([MEASURES.tick + 2 + width_of(text, BODY) for text in each.choices], most, 9.0)
        boxes = max((x + width for x, _, width in self.choices), default=0.0) if choice else _row_width(each)
        wanted = max(width_of(each.label, LABEL), width_of(each.hint, HINT))
        self.lines = wrapped(each.label, LABEL, max(boxes, min(wanted, 44)))
        self.width = max(boxes, width_of(each.hint, HINT), *(width_of(line, LABEL) for line in self.lines))
        self.label = len(self.lines) * LABEL.leading + (HINT.leading if each.hint else 0) + 1.0
        m = MEASURES
        below = self.choices[-1][1] * (m.tick + 2.4) + m.tick if choice else 2 * m.box[1] + m.again
        self.height = self.label + below

    def place(self, pages: _Pages, x: float, head: float) -> None:
        """Place it at `x`. head: the height of the labels beside it, whose last lines are at one height."""
        if self.each.kind == "tick":
            self._place_tick(pages, x)
            return
        top = pages.y + head
        y = top - self.label
        for line in self.lines:
            pages.write(line, x, y + LABEL.ascent, LABEL)
            y += LABEL.leading
        if self.each.hint:
            pages.write(self.each.hint, x, y + HINT.ascent, HINT)
        if self.each.kind == "choice":
            self._place_choices(pages, x, top)
        else:
            self._place_number(pages, x, top)

    def _place_tick(self, pages: _Pages, x: float) -> None:
        box = Rect(x, pages.y, MEASURES.tick, MEASURES.tick)
        pages.page.fields.append(FieldBoxes(self.each, 0, (box,)))
        for at, line in enumerate(self.lines):
            baseline = box.y + (box.h + BODY.ascent) / 2 + at * BODY.leading
            pages.write(line, x + box.w + 2, baseline, BODY)

    def _place_choices(self, pages: _Pages, x: float, top: float) -> None:
        m = MEASURES
        boxes = []
        for text, (across, line, _) in zip(self.each.choices, self.choices, strict=True):
            box = Rect(x + across, top + line * (m.tick + 2.4), m.tick, m.tick)
            pages.write(text, box.x + box.w + 2, box.y + (box.h + BODY.ascent) / 2, BODY)
            boxes.append(box)
        pages.page.fields.append(FieldBoxes(self.each, 0, tuple(boxes)))

    def _place_number(self, pages: _Pages, x: float, top: float) -> None:
        boxes, sign, texts = _place_row(self.each, x, top)
        below = top + MEASURES.box[1] + MEASURES.again
        again, sign_again, more = _place_row(self.each, x, below)
        pages.write("if corrected", x, below - 1.5, SMALL)
        pages.page.texts += [*texts, *more]
        pages.page.fields.append(FieldBoxes(self.each, 0, tuple(boxes), sign, tuple(again), sign_again))


def _lay_out_singles(pages: _Pages, fields: Sequence[Field]) -> None:
    """Lay out fields that stand alone, side by side where they fit. Numbers have boxes for a second try below them."""
    for _, alike in groupby(fields, key=lambda each: each.kind if each.kind in ("tick", "choice") else "number"):
        singles = [_Single(each, pages.width) for each in alike]
        for single in singles:
            if single.width > pages.width:
                raise _too_wide(single.each.name, single.width, pages)
        places = _flow([single.width for single in singles], pages.width, MEASURES.beside)
        for _, line in groupby(zip(singles, places, strict=True), key=lambda each: each[1][1]):
            together = list(line)
            head = max(getattr(single, "label", 0.0) for single, _ in together)
            height = head + max(single.height - getattr(single, "label", 0.0) for single, _ in together)
            pages.need(height)
            for single, (x, _, _) in together:
                single.place(pages, pages.left + x, head)
            pages.y += height + MEASURES.single
    if fields:
        pages.y += 1


def _flow(widths: Sequence[float], most: float, gap: float) -> list[tuple[float, int, float]]:
    """Return where things go that stand side by side while they fit: each its left edge, its line and its width."""
    places, x, line = [], 0.0, 0
    for width in widths:
        if x and x + width > most + 1e-6:
            x, line = 0.0, line + 1
        places.append((x, line, width))
        x += width + gap
    return places


class _Column:
    """A column of a table: its width, and the lines above its boxes."""

    def __init__(self, each: Field) -> None:
        self.each = each
        if each.kind == "choice":
            self.parts = [max(MEASURES.tick, width_of(choice, HINT)) for choice in each.choices]
            self.boxes_width = sum(self.parts) + 3.2 * (len(self.parts) - 1)
        else:
            self.boxes_width = MEASURES.tick if each.kind == "tick" else _row_width(each)
        narrowest = MEASURES.narrowest[each.kind != "tick"]
        longest = max((width_of(word, LABEL) for word in each.label.split()), default=0)
        self.width = max(self.boxes_width, min(longest, 40), width_of(each.hint, HINT), narrowest)
        self.lines = wrapped(each.label, LABEL, self.width)

    @property
    def head(self) -> float:
        """The height of what is above the boxes."""
        more = bool(self.each.hint) + (self.each.kind == "choice")
        return len(self.lines) * LABEL.leading + more * HINT.leading

    @property
    def left(self) -> float:
        """From the left edge of the column to that of its boxes. Ticks stand in the middle."""
        return (self.width - self.boxes_width) / 2 if self.each.kind == "tick" else 0.0

    def write_head(self, pages: _Pages, x: float, bottom: float) -> None:
        """Print the label, its lowest line right above `bottom`."""
        y = bottom - self.head
        centred = self.each.kind == "tick"
        for line in self.lines:
            at = x + self.width / 2 if centred else x
            pages.write(line, at, y + LABEL.ascent, LABEL, "centre" if centred else "left")
            y += LABEL.leading
        if self.each.hint:
            pages.write(self.each.hint, x, y + HINT.ascent, HINT)
        for choice, place, part in self._choices(x):
            pages.write(choice, place + part / 2, y + HINT.ascent, HINT, "centre")

    def place(self, pages: _Pages, row: int, x: float, y: float) -> None:
        """Place the boxes of a row."""
        m = MEASURES
        middle = y + (m.box[1] - m.tick) / 2
        if self.each.kind == "tick":
            boxes = [Rect(x + self.left, middle, m.tick, m.tick)]
            sign = None
        elif self.each.kind == "choice":
            boxes = [Rect(place + (part - m.tick) / 2, middle, m.tick, m.tick) for _, place, part in self._choices(x)]
            sign = None
        else:
            boxes, sign, texts = _place_row(self.each, x, y)
            pages.page.texts += texts
        pages.page.fields.append(FieldBoxes(self.each, row, tuple(boxes), sign))

    def _choices(self, x: float) -> list[tuple[str, float, float]]:
        """Return each choice with the place and the width of its part of the column."""
        found = []
        for choice, part in zip(self.each.choices, getattr(self, "parts", ()), strict=True):
            found.append((choice, x, part))
            x += part + 3.2
        return found


class _Table:
    """Fields with rows that follow each other."""

    def __init__(self, fields: Sequence[Field], width: float) -> None:
        self.columns = [_Column(each) for each in fields]
        self.rows = fields[0].rows or 0
        gaps = len(self.columns) - 1
        filled = MEASURES.numbers + sum(column.width for column in self.columns)
        narrow, wide = MEASURES.column
        self.gap = max(narrow, min(wide, (width - filled) / max(1, gaps)))
        self.width = filled + gaps * self.gap
        if self.width > width + 1e-6:
            names = f"{fields[0].name} to {fields[-1].name}" if len(fields) > 1 else fields[0].name
            raise DataError(
                f"the table {names} is {self.width:.0f} mm wide, and the page has {width:.0f} mm; "
                "use fewer columns or digits, shorter labels, or landscape"
            )
        self.side_by_side = int((width + MEASURES.strip) // (self.width + MEASURES.strip))
        self.head = max(column.head for column in self.columns) + 2.6

    def lay_out(self, pages: _Pages) -> None:
        """Lay out the rows: down the page, then beside it if the table is narrow, then on the next page."""
        row = 0
        while row < self.rows:
            together = min(self.rows - row, MEASURES.rows_together)
            pages.need(self.head + together * MEASURES.row)
            fit = int((pages.room - self.head + 0.01) // MEASURES.row)
            if fit < 1:
                raise DataError("the labels of a table leave no room for its rows; make them shorter")
            strips = min(self.side_by_side, -(-(self.rows - row) // fit))
            here = min(self.rows - row, strips * fit)
            each = -(-here // strips)
            for strip in range(strips):
                last = min(row + each, self.rows, row + here)
                self._strip(pages, range(row, last), pages.left + strip * (self.width + MEASURES.strip))
                here -= last - row
                row = last
            pages.y += self.head + each * MEASURES.row + 4
            if row < self.rows:
                pages.begin()

    def _strip(self, pages: _Pages, rows: range, left: float) -> None:
        top = pages.y + self.head
        x = left + MEASURES.numbers
        pages.page.rules.append((left, top - 1.6, left + self.width, top - 1.6))
        for column in self.columns:
            column.write_head(pages, x, top - 2.6)
            for at, row in enumerate(rows):
                column.place(pages, row, x, top + at * MEASURES.row + 0.8)
            x += column.width + self.gap
        for at, row in enumerate(rows):
            middle = top + at * MEASURES.row + 0.8 + MEASURES.box[1] / 2
            pages.write(str(row + 1), left + MEASURES.numbers - 2.4, middle + SMALL.ascent / 2, SMALL, "right")


def _too_wide(name: str, width: float, pages: _Pages) -> DataError:
    return DataError(
        f"the field '{name}' is {width:.0f} mm wide, and the page has {pages.width:.0f} mm; "
        "use fewer digits, shorter choices, or landscape"
    )
