"""Page reading: from a photograph to what is written in the fields of a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from inkread.errors import PictureError
from inkread.glyphs import CLASSES, SIDE, normalise
from inkread.models.classifier import GlyphClassifier
from inkread.sheets.box_ink import LIMITS as INK
from inkread.sheets.box_ink import BoxInk, align, darkness, ink_in, rectified
from inkread.sheets.field_reading import LIMITS, FieldReading, read_number, read_ticks
from inkread.sheets.finding import FoundSheet, find_sheet
from inkread.sheets.page_layout import FieldBoxes, Rect, SheetLayout

PIXELS = 4_000_000
"""Photographs are reduced to this many pixels before they are read, which leaves 6 or 7 for a millimetre of A4."""

CROP_MARGIN = 2.0
"""The crop of a field shows this much around its boxes, in millimetres."""

LABEL_ROOM = 22.0
"""The crop of a tick or a choice shows this much more on the right, where its label stands, in millimetres."""

VIEWS = (
    (0.0, 1.0, 0.0),
    (7.0, 1.0, 0.0),
    (-7.0, 1.0, 0.0),
    (13.0, 1.0, 0.0),
    (-13.0, 1.0, 0.0),
    (0.0, 1.08, 0.0),
    (0.0, 0.92, 0.0),
    (0.0, 1.0, 0.2),
    (0.0, 1.0, -0.2),
)
"""Each digit is read in these views, and the mean counts: turned by an angle in degrees, scaled, and sheared in pixels
to the left per pixel upwards. If a small change of a digit changes the answer, a person should look. Of 18 281 digits
in boxes, 6 107 of them of USPS, with 1% flagged, 42 are wrong and not flagged without the wide turns and the shears,
and 37 in all views."""

MOST_OFF = 0.6
"""If the boxes fit worse than this, root mean square in millimetres, they are not where the form has them."""


@dataclass(frozen=True, slots=True)
class FieldOnPage:
    """A field on a photograph.

    boxes: its boxes, and the place of them all on the photograph: x, y, width and height in pixels.
    crop: the field seen from straight above, (h, w) uint8.
    glyphs: what the network saw of the boxes that the probabilities of the reading are of, (N, 28, 28) float32.
    """

    boxes: FieldBoxes
    place: tuple[int, int, int, int]
    crop: NDArray[np.uint8]
    reading: FieldReading
    glyphs: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class PageOnPicture:
    """A page of a sheet on a photograph.

    residual: how well the boxes fit, root mean square in millimetres.
    """

    sheet: FoundSheet
    residual: float
    fields: tuple[FieldOnPage, ...]


def read_page(grey: NDArray[np.uint8], name: str, layout: SheetLayout, classifier: GlyphClassifier) -> PageOnPicture:
    """Return what is written on a photograph of a page of a form.

    grey: (H, W) uint8 with dark ink. name: what the picture is called in messages.

    Raises `PictureError` for a photograph without a sheet, or of a sheet of another form or of an edited one.
    """
    sheet = find_sheet(grey, name, layout.size)
    _check_form(sheet, name, layout)
    fields = layout.pages[sheet.code.page - 1].fields
    return read_fields(grey, name, sheet, fields, layout, classifier, list(layout.markers.values()))


def read_fields(
    grey: NDArray[np.uint8],
    name: str,
    sheet: FoundSheet,
    fields: Sequence[FieldBoxes],
    layout: SheetLayout,
    classifier: GlyphClassifier,
    markers: Sequence[Rect] = (),
) -> PageOnPicture:
    """Return what is written in fields with a box for each digit, tick or choice.

    sheet: where the paper is on the photograph. markers: what is printed in black on it, if anything.
    """
    paper = rectified(grey, sheet.to_picture, layout.size)
    dark = darkness(paper, markers)
    boxes = [box for each in fields for box in each.all_boxes]
    shifts, residual, line = align(dark, boxes)
    if residual > MOST_OFF:
        raise PictureError(
            f"{name}: the boxes are {residual:.1f} mm from where the form has them; flatten the paper and photograph "
            "it again",
            code="bent",
        )
    inks = dict(zip(boxes, ink_in(dark, boxes, shifts, line), strict=True))
    moved = dict(zip(boxes, shifts.tolist(), strict=True))
    glyphs, rows = _classified([inks[box] for each in fields for box in _digit_boxes(each)], classifier)
    found = []
    for each in fields:
        count = len(_digit_boxes(each))
        reading, read = _read(each, inks, rows[:count])
        crop = _crop(paper, each, moved[each.boxes[0]])
        found.append(FieldOnPage(each, place_of(each, sheet, grey.shape), crop, reading, glyphs[:count][read]))
        glyphs, rows = glyphs[count:], rows[count:]
    return PageOnPicture(sheet, residual, tuple(found))


def _check_form(sheet: FoundSheet, name: str, layout: SheetLayout) -> None:
    """Refuse a sheet of another form, and one that was printed before the form was edited."""
    code = sheet.code
    if code.geometry == layout.geometry and code.page <= len(layout.pages):
        return
    if code.form == layout.form.name:
        raise PictureError(
            f"{name}: this sheet of {code.form} was printed before the form was edited ({code.geometry}, and the form "
            f"is {layout.geometry} now); use the form as it was",
            code="edited-form",
        )
    raise PictureError(
        f"{name}: this is a sheet of {code.form}, and the form is {layout.form.name}; name the other form",
        code="other-form",
    )


def _digit_boxes(each: FieldBoxes) -> tuple[Rect, ...]:
    """Return the boxes of digits of a field, and then those for a second try."""
    return (*each.boxes, *each.again) if each.field.template else ()


def _classified(inks: Sequence[BoxInk], classifier: GlyphClassifier) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the glyph of each box, (N, 28, 28), and the probabilities of the ten digits and of no digit, (N, 11).

    Those of empty boxes are zeros.
    """
    glyphs, rows = np.zeros((len(inks), SIDE, SIDE), np.float32), np.zeros((len(inks), CLASSES + 1), np.float32)
    written = [at for at, ink in enumerate(inks) if ink.area >= LIMITS.blank]
    glyphs[written] = normalise([inks[at].ink for at in written])
    views = np.concatenate([_changed(glyphs[written], *view) for view in VIEWS])
    rows[written] = classifier.classify(views).reshape(len(VIEWS), -1, CLASSES + 1).mean(axis=0)
    return glyphs, rows


def _changed(glyphs: NDArray[np.float32], angle: float, scale: float, shear: float) -> NDArray[np.float32]:
    """Return glyphs, (N, 28, 28), turned counter-clockwise by an angle in degrees, scaled, and sheared."""
    if (angle, scale, shear) == (0.0, 1.0, 0.0):
        return glyphs
    middle = (SIDE - 1) / 2
    matrix = cv2.getRotationMatrix2D((middle, middle), angle, scale)
    matrix[0] += (0.0, shear, -shear * middle)
    changed = [cv2.warpAffine(glyph, matrix, (SIDE, SIDE)) for glyph in glyphs]
    return np.asarray(changed, np.float32).reshape(-1, SIDE, SIDE)


def _read(each: FieldBoxes, inks: dict[Rect, BoxInk], rows: NDArray[np.float32]) -> tuple[FieldReading, slice]:
    """Return what is written in a field, or, if that was struck out, in the boxes for a second try.

    Also returns which of the rows it has.
    """
    if not each.field.template:
        return read_ticks(each.field, [inks[box] for box in each.boxes]), slice(0)
    count = len(each.boxes)
    first = read_number(each.field, [inks[box] for box in each.boxes], each.sign and inks[each.sign], rows[:count])
    if not each.again:
        return first, slice(count)
    again_inks = [inks[box] for box in each.again]
    again = read_number(each.field, again_inks, each.sign_again and inks[each.sign_again], rows[count:])
    if again.outcome == "empty":
        return first, slice(count)
    if first.outcome in ("struck", "empty"):
        return again, slice(count, None)
    # Nobody can know which of the two holds if neither was struck out.
    both = (*first.probabilities, *again.probabilities)
    return FieldReading("unsure", f"{first.read} {again.read}", "", 0.3, both), slice(None)


def _hull(boxes: Sequence[Rect], margin: float) -> Rect:
    left, top = min(box.x for box in boxes) - margin, min(box.y for box in boxes) - margin
    right, bottom = max(box.x + box.w for box in boxes) + margin, max(box.y + box.h for box in boxes) + margin
    return Rect(left, top, right - left, bottom - top)


def _crop(paper: NDArray[np.uint8], each: FieldBoxes, shift: Sequence[int]) -> NDArray[np.uint8]:
    x, y, w, h = (round(side * INK.dots) for side in _hull(each.all_boxes, CROP_MARGIN))
    if not each.field.template and not each.field.rows:
        w += round(LABEL_ROOM * INK.dots)
    left, top = max(0, x + shift[0]), max(0, y + shift[1])
    return paper[top : top + h, left : left + w]


def place_of(each: FieldBoxes, sheet: FoundSheet, shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    """Return where a field is on the photograph: x, y, width and height in its pixels."""
    x, y, w, h = _hull(each.all_boxes, 0.0)
    corners = np.array([[(x, y), (x + w, y), (x + w, y + h), (x, y + h)]])
    seen = cv2.perspectiveTransform(corners, sheet.to_picture)[0]
    left, top = np.clip(np.floor(seen.min(axis=0)), 0, (shape[1], shape[0])).astype(int).tolist()
    right, bottom = np.clip(np.ceil(seen.max(axis=0)), 0, (shape[1], shape[0])).astype(int).tolist()
    return left, top, right - left, bottom - top
