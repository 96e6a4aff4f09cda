"""Placing: puts the fields of a form on pages, in millimetres from the upper left corner.

Fields that stand alone are side by side while they fit, and the columns of a table have its rows below each other. What
does not fit on a page goes on to the next.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby, pairwise

from inkread.errors import DataError
from inkread.sheets.forms import Field, Form
from inkread.sheets.page_layout import (
    BODY,
    HINT,
    LABEL,
    MEASURES,
    SEPARATOR,
    SIZES,
    SMALL,
    FieldBoxes,
    PrintedText,
    Rect,
    SheetLayout,
    SheetPage,
)
from inkread.sheets.sheet_text import Align, TextStyle, unprintable, width_of, wrapped


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
