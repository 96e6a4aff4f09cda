"""Printing: writes the sheets of a form to a PDF, as vectors and with its fonts."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from inkread.errors import DataError, OptionError
from inkread.files import check_folder, check_outputs, writable
from inkread.sheets.codes import SheetCode, marker_cells
from inkread.sheets.form_file import read_form
from inkread.sheets.page_layout import (
    DETAIL,
    HINT,
    LABEL,
    MEASURES,
    SMALL,
    TITLE,
    PrintedText,
    Rect,
    SheetLayout,
    SheetPage,
)
from inkread.sheets.placing import lay_out
from inkread.sheets.sheet_text import TextStyle, font_runs, width_of, wrapped

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LARGEST_SERIAL = 9999
"""The largest serial number."""

LINE, LINE_WIDTH = "0.66", 0.8
"""The lightness of the lines of boxes, as matplotlib takes it, and their width in points."""

_INK = "0.1"
"""The lightness of what is drawn as if by a pen."""

_EXAMPLE = (6.4, 8.0)
"""Width and height of the box of an example digit, in millimetres."""


def print_sheets(
    form: Path,
    out: Path,
    *,
    copies: int | None = None,
    first: int = 1,
    layout: Path | None = None,
    force: bool = False,
) -> SheetLayout:
    """Write the sheets of a form to a PDF and return their layout.

    form: a TOML file.
    copies: how many copies, each with a serial number; None for one copy without a number.
    first: the serial number of the first copy, 1 to 9999.
    layout: a JSON file to write, with the place of every field; None for none.
    force: whether existing files may be replaced.

    Nothing is written unless the form can be printed. Raises `DataError` for a wrong form, and `OptionError` for an
    output that cannot or must not be written.
    """
    if copies is None and first != 1:
        raise OptionError("--first is the serial number of the first copy; add --copies N")
    if copies is not None and (copies < 1 or first < 1 or first + copies - 1 > LARGEST_SERIAL):
        raise OptionError(f"{copies} copies from No. {first}: serial numbers are 1 to {LARGEST_SERIAL}")
    if out.suffix.lower() != ".pdf":
        raise OptionError(f"{out}: sheets are written as a PDF; name a file that ends in .pdf")
    outs = [out, *([layout] if layout else [])]
    if len({path.resolve() for path in outs}) < len(outs):
        raise OptionError(f"{layout}: the PDF has this name; name another file with --layout")
    for path in outs:
        check_folder(path)
    check_outputs(outs, [form], force=force)
    read = read_form(form)
    if read.existing:
        raise DataError(f"{form}: describes a form that exists already, for 'inkread fill'; it cannot be printed")
    try:
        found = lay_out(read)
    except DataError as error:
        raise DataError(f"{form}: {error.message}", code="bad-form") from None
    serials = range(first, first + copies) if copies else [0]
    if layout:
        with writable(layout) as temporary:
            temporary.write_text(json.dumps(found.to_dict(), ensure_ascii=False) + "\n", encoding="utf-8")
    with writable(out) as temporary:
        write_pdf(found, temporary, serials)
    return found


def write_pdf(layout: SheetLayout, path: Path, serials: Iterable[int] = (0,)) -> None:
    """Write copies of a form to a PDF. The same form gives the same bytes.

    serials: the serial number of each copy, 1 to 9999; 0 for none.
    """
    import matplotlib as mpl
    from matplotlib.backends.backend_pdf import PdfPages

    metadata = {"Title": layout.form.title, "Creator": "inkread", "CreationDate": None}
    # Fonts of type 42 are embedded as TrueType, which all printers and programs draw well.
    with mpl.rc_context({"pdf.fonttype": 42}), PdfPages(path, metadata=metadata) as pdf:
        for serial in serials:
            for page in layout.pages:
                pdf.savefig(draw_page(layout, page, serial))


def draw_page(layout: SheetLayout, page: SheetPage, serial: int = 0) -> Figure:
    """Return the figure of a page of a copy, at its natural size."""
    from matplotlib.figure import Figure

    width, height = layout.size
    figure = Figure(figsize=(width / 25.4, height / 25.4))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, width), ylim=(height, 0))
    axes.axis("off")
    _draw_boxes(axes, [box for boxes in page.fields for box in boxes.all_boxes])
    _draw_rules(axes, page.rules)
    _draw_codes(axes, layout, page, serial)
    for text in (*_head(layout, page, serial), *_foot(layout, page, serial), *page.texts):
        _draw_text(axes, text)
    _draw_guide(axes, layout, page)
    return figure


def _head(layout: SheetLayout, page: SheetPage, serial: int) -> list[PrintedText]:
    """Return the title, and below it the numbers of the page and of the copy."""
    m = MEASURES
    left, right = m.margin + m.marker + m.quiet, layout.codes[0].x - m.quiet
    lines, style = _title(layout.form.title, right - left)
    texts = [
        PrintedText(line, left, m.margin + style.ascent + at * style.leading, style) for at, line in enumerate(lines)
    ]
    detail = "   ·   ".join(_numbers(layout, page, serial))
    if not detail:
        return texts
    return [*texts, PrintedText(detail, left, m.margin + (m.marker if len(lines) == 1 else m.qr), DETAIL)]


def _title(title: str, width: float) -> tuple[list[str], TextStyle]:
    """Return the lines of a title, in the largest letters with which it has the room of two lines."""
    for size in (TITLE.size, 16, 13, 11):
        style = TextStyle(size, bold=True)
        lines = wrapped(title, style, width)
        if len(lines) * style.leading <= 13:
            break
    return lines, style


def _numbers(layout: SheetLayout, page: SheetPage, serial: int) -> list[str]:
    """Return which copy and which page this is, where there are several."""
    numbers = [f"No. {serial:04d}"] if serial else []
    return [*numbers, f"Page {page.number} of {len(layout.pages)}"] if len(layout.pages) > 1 else numbers


def _foot(layout: SheetLayout, page: SheetPage, serial: int) -> list[PrintedText]:
    """Return what is printed between the lower markers."""
    m = MEASURES
    code = layout.codes[1]
    x, bottom = code.x + code.w + m.quiet, layout.size[1] - m.margin
    name = "   ·   ".join([f"{layout.form.name} {layout.geometry}", *_numbers(layout, page, serial)])
    return [
        PrintedText("Photograph or scan the whole page, with the black squares in its corners.", x, bottom - 4.6, HINT),
        PrintedText(name, x, bottom, SMALL),
    ]


def _draw_guide(axes: Axes, layout: SheetLayout, page: SheetPage) -> None:
    """Draw the part of a page that shows how to write: example digits, and what to do about a mistake."""
    m = MEASURES
    left, right = m.margin, layout.size[0] - m.margin
    top = m.margin + m.head
    _draw_text(axes, PrintedText("Write like this", left, top + LABEL.ascent, LABEL))
    width, height = _EXAMPLE
    boxes = [Rect(left + digit * (width + 1.2), top + 5, width, height) for digit in range(10)]
    for digit, box in enumerate(boxes):
        _draw_example(axes, digit, box)
    x, y = boxes[-1].x + width + 10, top
    for icon, text in _rules(page):
        _draw_icon(axes, icon, Rect(x, y - 0.2, 2.4, 3.0))
        for line in wrapped(text, HINT, right - x - 5):
            _draw_text(axes, PrintedText(line, x + 5, y + HINT.ascent + 0.4, HINT))
            y += HINT.leading
        y += 0.8
    _draw_rules(axes, [(left, top + m.guide - 5, right, top + m.guide - 5)])


def _rules(page: SheetPage) -> list[tuple[str, str]]:
    """Return how the boxes of a page are filled in and corrected: each rule with the name of its picture."""
    kinds = {boxes.field.kind for boxes in page.fields}
    rules = []
    if kinds - {"tick", "choice"}:
        rules += [
            ("digit", "Write one digit in each box, in black or blue."),
            (
                "filled",
                "A mistake? Fill the box completely, and write the whole number again in the next row of boxes.",
            ),
        ]
    if kinds & {"tick", "choice"}:
        rules.append(("cross", "Tick a box with a cross. A box that is filled completely does not count."))
    return rules


def _draw_icon(axes: Axes, icon: str, box: Rect) -> None:
    """Draw the small picture of a rule."""
    if icon == "digit":
        _draw_example(axes, 2, box, width=0.8)
        return
    _draw_boxes(axes, [box])
    x, y, w, h = box
    if icon == "filled":
        zigzag = [(x + w * (0.18 if at % 2 else 0.82), y + h * (0.1 + 0.8 * at / 7)) for at in range(8)]
        _draw_lines(axes, [np.array(zigzag)], colour=_INK, width=1.7)
    else:
        cross = [((x + 0.4, y + 0.5), (x + w - 0.4, y + h - 0.5)), ((x + w - 0.4, y + 0.5), (x + 0.4, y + h - 0.5))]
        _draw_lines(axes, [np.array(line) for line in cross], colour=_INK, width=0.9)


def _draw_example(axes: Axes, digit: int, box: Rect, width: float = 1.4) -> None:
    """Draw a box with a digit in it, in lines of a width in points."""
    _draw_boxes(axes, [box])
    side = 0.72 * box.h
    corner = (box.x + (box.w - side) / 2, box.y + (box.h - side) / 2)
    _draw_lines(axes, [stroke * side + corner for stroke in _example(digit)], colour=_INK, width=width)


@functools.cache
def _example(digit: int) -> list[NDArray[np.float64]]:
    """Return the strokes of an example of a digit, each (n, 2) points x and y in a unit box."""
    from inkread.drawing.strokes import Hand, digit_strokes

    shapes = {1: "flagged", 4: "open", 9: "hooked"}
    hand = Hand(slant=0.06, wobble=0.0, haste=0.02, tremor=0.0)
    return digit_strokes(digit, rng=np.random.default_rng(0), shape=shapes.get(digit, "plain"), hand=hand)


def _draw_codes(axes: Axes, layout: SheetLayout, page: SheetPage, serial: int) -> None:
    for corner, place in layout.markers.items():
        _draw_cells(axes, marker_cells(corner), place)
    code = SheetCode(layout.form.name, layout.geometry, serial, page.number).cells()
    for place in layout.codes:
        _draw_cells(axes, code, place)


def _draw_cells(axes: Axes, cells: NDArray[np.bool_], place: Rect) -> None:
    """Draw black cells, (n, n) bool, as one area, so that no hairlines show between them."""
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path as Outline

    side = place.w / len(cells)
    outlines = []
    for row, line in enumerate(cells):
        edges = np.flatnonzero(np.diff(line.astype(np.int8), prepend=0, append=0))
        for start, end in edges.reshape(-1, 2).tolist():
            left, right = place.x + start * side, place.x + end * side
            top, bottom = place.y + row * side, place.y + (row + 1) * side
            corners = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]
            outlines.append(Outline(corners, closed=True))
    axes.add_patch(PathPatch(Outline.make_compound_path(*outlines), facecolor="black", linewidth=0))


def _draw_boxes(axes: Axes, boxes: Sequence[Rect]) -> None:
    corners = [((x, y), (x + w, y), (x + w, y + h), (x, y + h), (x, y)) for x, y, w, h in boxes]
    _draw_lines(axes, [np.array(each) for each in corners], colour=LINE, width=LINE_WIDTH)


def _draw_rules(axes: Axes, rules: Sequence[tuple[float, float, float, float]]) -> None:
    _draw_lines(axes, [np.array([rule[:2], rule[2:]]) for rule in rules], colour="0.45", width=0.6)


def _draw_lines(axes: Axes, lines: Sequence[NDArray[np.float64]], *, colour: str, width: float) -> None:
    """Draw lines, each (n, 2) points in millimetres. width: in points."""
    from matplotlib.collections import LineCollection

    axes.add_collection(
        LineCollection(list(lines), colors=colour, linewidths=width, capstyle="round", joinstyle="round"),
        autolim=False,
    )


def _draw_text(axes: Axes, text: PrintedText) -> None:
    from matplotlib.font_manager import FontProperties

    style = text.style
    x = text.x - {"left": 0.0, "centre": 0.5, "right": 1.0}[text.align] * width_of(text.text, style)
    for path, part in font_runs(text.text, bold=style.bold):
        axes.text(
            x,
            text.y,
            part,
            fontproperties=FontProperties(fname=str(path), size=style.size),
            color=str(style.grey),
            verticalalignment="baseline",
            parse_math=False,
        )
        x += width_of(part, style)
