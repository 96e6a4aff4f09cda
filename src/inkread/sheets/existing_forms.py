"""Existing forms: reads pictures of forms that inkread has not printed, so without markers and codes.

The fields are boxes on a reference picture, to which each picture is aligned by its features, or the columns of a
table that is found on each picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from inkread.errors import DataError, PictureError
from inkread.geometry import Box
from inkread.options import ReadOptions
from inkread.pictures.opening import open_picture
from inkread.reader import Reader
from inkread.sheets.box_ink import rectified
from inkread.sheets.cell_reading import read_cell, read_numbers
from inkread.sheets.codes import SheetCode
from inkread.sheets.field_reading import FieldReading
from inkread.sheets.finding import FoundSheet
from inkread.sheets.forms import Field, Form
from inkread.sheets.page_layout import SIZES, FieldBoxes, Rect, SheetLayout, SheetPage
from inkread.sheets.page_reading import PIXELS, FieldOnPage, PageOnPicture, place_of, read_fields
from inkread.tables.table import Table

Grey = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class AligningLimits:
    """The limits of this module, each with its unit."""

    search: int = 1_500_000
    """Features are searched in pictures reduced to this many pixels."""
    ratio: float = 0.75
    """A feature counts if it is at most this many times as far from its match as from the next one. The corners of a
    table's cells are all alike, so they do not count."""
    reach: float = 1.0
    """Matches that are farther from their place than this, in millimetres, are wrong."""
    matches: int = 20
    """The smallest number of matches that agree."""
    dots: float = 2.0
    """The resolution at which the whole print is compared, in pixels per millimetre."""
    slip: float = 15.0
    """How far a picture could have slipped along a table, in millimetres."""
    off: float = 2.0
    """It has slipped if its print fits better at a distance larger than this, in millimetres."""
    cell: float = 10.0
    """The resolution at which boxes with whole numbers are read, in pixels per millimetre."""
    around: float = 0.4
    """How much around such a box is looked at, in millimetres."""


LIMITS = AligningLimits()

_OPTIONS = ReadOptions(as_="number", min_confidence=0.0)
_TABLE_OPTIONS = ReadOptions(as_="table", min_confidence=0.0)


class FormReader(Protocol):
    """Reads pages of one form."""

    @property
    def layout(self) -> SheetLayout:
        """Where the fields are."""

    def read(self, grey: Grey, name: str) -> PageOnPicture:
        """Return what is written on a picture, (H, W) uint8 with dark ink. Raises `PictureError`."""


class TableForm:
    """A form whose fields are the columns of a table that is found on each picture."""

    def __init__(self, form: Form, reader: Reader) -> None:
        assert form.existing is not None  # noqa: S101 - the caller has looked
        self._existing, self._reader = form.existing, reader
        rows, columns = form.existing.table
        first = form.existing.first_row - 1
        # Its places are those of its cells, in rows and columns.
        places = [
            FieldBoxes(field, row, (Rect((field.column or 1) - 1, first + row, 1, 1),))
            for field in form.fields
            for row in range(field.rows or 0)
        ]
        self.layout = SheetLayout(form, (columns, rows), (SheetPage(1, places),))

    def read(self, grey: Grey, name: str) -> PageOnPicture:
        """Return what is in the table of a picture.

        Raises `PictureError` unless it has a table with as many rows and columns as the form says: one that was found
        in part would have its rows in the wrong places.
        """
        reading = self._reader.run(grey, _TABLE_OPTIONS).reading
        table = self._table(reading.tables, name)
        cells = {(cell.row, cell.column): cell for cell in table.cells if cell.rows == cell.columns == 1}
        fields = []
        for each in self.layout.pages[0].fields:
            column, row = int(each.boxes[0].x), int(each.boxes[0].y)
            cell = cells.get((row, column))
            if cell is None:
                raise PictureError(f"{name}: row {row + 1}, column {column + 1} of its table is part of another cell")
            found = FieldReading("empty", "", "", 1.0)
            if cell.state != "empty":
                found = read_numbers(each.field, [reading.numbers[index] for index in cell.numbers])
            fields.append(_field(each, cell.box, grey, found))
        return PageOnPicture(_sheet(self.layout, np.eye(3)), 0.0, tuple(fields))

    def _table(self, tables: tuple[Table, ...], name: str) -> Table:
        rows, columns = self._existing.table
        for table in tables:
            if (table.rows, table.columns) == (rows, columns):
                return table
        found = ", ".join(f"one of {table.rows} rows and {table.columns}" for table in tables) or "no table"
        raise PictureError(
            f"{name}: no table of {rows} rows and {columns} columns is found, but {found}; crop it to the table, or "
            "give the form a picture and boxes",
            code="no-sheet",
        )


class PictureForm:
    """A form whose boxes are on a reference picture. Pictures are aligned to it by their features."""

    def __init__(self, form: Form, reader: Reader) -> None:
        assert form.existing is not None  # noqa: S101 - the caller has looked
        assert form.existing.picture is not None  # noqa: S101 - the caller has looked
        self._reader, name = reader, str(form.existing.picture)
        try:
            page = open_picture(form.existing.picture, pixels=PIXELS)
        except PictureError as error:
            raise DataError(error.message, code="bad-form") from None
        width = max(SIZES[form.paper]) if form.orientation == "landscape" else min(SIZES[form.paper])
        self._per_pixel = width / page.grey.shape[1]
        unit = 1.0 if form.existing.unit == "mm" else width / page.size[0]
        size = (width, page.grey.shape[0] * self._per_pixel)
        places = [each for field in form.fields for each in _rows_of(field, unit)]
        if outside := [each for each in places if any(b.x + b.w > size[0] or b.y + b.h > size[1] for b in each.boxes)]:
            raise DataError(f"field '{outside[0].field.name}' is outside {name}", code="bad-form")
        self.layout = SheetLayout(form, size, (SheetPage(1, places),))
        self._grey = page.grey
        self._features = _features(page.grey)
        if len(self._features[0]) < LIMITS.matches:
            raise DataError(f"{name}: has too little print to align pictures to it", code="bad-form")

    def read(self, grey: Grey, name: str) -> PageOnPicture:
        """Return what is written on a picture. Raises `PictureError` if it does not show the form."""
        sheet = self._found(grey, name)
        fields = self.layout.pages[0].fields
        cells = [each for each in fields if _is_whole(each)]
        boxes = [each for each in fields if not _is_whole(each)]
        page = PageOnPicture(sheet, sheet.residual, ())
        if boxes:
            page = read_fields(grey, name, sheet, boxes, self.layout, self._reader.classifier)
        paper = rectified(grey, sheet.to_picture, self.layout.size, LIMITS.cell)
        whole = tuple(self._cell(each, paper, place_of(each, sheet, grey.shape)) for each in cells)
        return PageOnPicture(sheet, page.residual, (*page.fields, *whole))

    def _cell(self, each: FieldBoxes, paper: Grey, place: tuple[int, int, int, int]) -> FieldOnPage:
        x, y, w, h = (round(side * LIMITS.cell) for side in each.boxes[0])
        edge = round(LIMITS.around * LIMITS.cell)
        crop = paper[max(0, y - edge) : y + h + edge, max(0, x - edge) : x + w + edge]
        reading = read_cell(each.field, self._reader.run(crop, _OPTIONS).reading)
        return FieldOnPage(each, place, crop, reading, np.zeros((0, 28, 28), np.float32))

    def _found(self, grey: Grey, name: str) -> FoundSheet:
        """Return where the paper is on a picture."""
        places, descriptors = _features(grey)
        pairs = _matched(self._features[1], descriptors)
        there = np.array([self._features[0][one] * self._per_pixel for one, _ in pairs], np.float64).reshape(-1, 2)
        here = np.array([places[other] for _, other in pairs], np.float64).reshape(-1, 2)
        to_paper, good = None, np.zeros(0, bool)
        if len(pairs) >= LIMITS.matches:
            to_paper, mask = cv2.findHomography(here, there, cv2.USAC_MAGSAC, LIMITS.reach)
            good = np.ravel(mask) > 0
        if to_paper is None or good.sum() < LIMITS.matches:
            raise PictureError(
                f"{name}: does not show the form of the reference picture: {int(good.sum())} features agree, and "
                f"{LIMITS.matches} are needed",
                code="no-sheet",
            )
        back = cv2.perspectiveTransform(here[good][None], to_paper)[0]
        residual = float(np.sqrt(((back - there[good]) ** 2).sum(axis=1).mean()))
        to_picture = np.asarray(np.linalg.inv(to_paper), np.float64)
        self._check_slip(grey, to_picture, name)
        return _sheet(self.layout, to_picture, residual)

    def _check_slip(self, grey: Grey, to_picture: NDArray[np.float64], name: str) -> None:
        """Refuse a picture whose print fits better elsewhere: the rows of a table look alike."""
        dots, edge = LIMITS.dots, round(LIMITS.slip * LIMITS.dots)
        scale = np.diag([1 / self._per_pixel, 1 / self._per_pixel, 1.0])
        reference = _print(rectified(self._grey, scale, self.layout.size, dots))
        seen = _print(rectified(grey, to_picture, self.layout.size, dots))
        part = reference[edge:-edge, edge:-edge]
        _, _, _, (x, y) = cv2.minMaxLoc(cv2.matchTemplate(seen, part, cv2.TM_CCOEFF_NORMED))
        off = float(np.hypot(x - edge, y - edge)) / dots
        if off > LIMITS.off:
            raise PictureError(
                f"{name}: fits the reference picture {off:.0f} mm from where its features are; photograph it again, "
                "with all of its print",
                code="no-sheet",
            )


def _rows_of(field: Field, unit: float) -> list[FieldBoxes]:
    """Return the boxes of a field in each row, in millimetres."""
    rows = []
    for row in range(field.rows or 1):
        moved = [(x, y + row * field.row_height, w, h) for x, y, w, h in field.boxes]
        rows.append(FieldBoxes(field, row, tuple(Rect(*(side * unit for side in box)) for box in moved)))
    return rows


def _is_whole(each: FieldBoxes) -> bool:
    """Tell whether a whole number is in one box."""
    return len(each.boxes) == 1 and len(each.field.template) > 1


def _field(each: FieldBoxes, box: Box, grey: Grey, reading: FieldReading) -> FieldOnPage:
    x, y, w, h = box
    edge = round(0.15 * h)
    crop = grey[max(0, y - edge) : y + h + edge, max(0, x - edge) : x + w + edge]
    return FieldOnPage(each, (x, y, w, h), crop, reading, np.zeros((0, 28, 28), np.float32))


def _sheet(layout: SheetLayout, to_picture: NDArray[np.float64], residual: float = 0.0) -> FoundSheet:
    return FoundSheet(SheetCode(layout.form.name, layout.geometry, 0, 1), to_picture, residual)


def _features(grey: Grey) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """Return the places of features, (N, 2) in pixels, and what they look like, (N, 128)."""
    scale = min(1.0, (LIMITS.search / grey.size) ** 0.5)
    small = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else grey
    found, descriptors = cv2.SIFT.create(4000).detectAndCompute(small, None)
    places = np.array([each.pt for each in found], np.float64).reshape(-1, 2)
    looks = np.zeros((0, 128)) if descriptors is None else descriptors
    return np.asarray((places + 0.5) / scale - 0.5, np.float64), np.asarray(looks, np.float32)


def _matched(one: NDArray[np.float32], other: NDArray[np.float32]) -> list[tuple[int, int]]:
    """Return the indices of features that look alike, and like no other."""
    if len(other) < 2:
        return []
    pairs = cv2.BFMatcher().knnMatch(one, other, k=2)
    return [(near.queryIdx, near.trainIdx) for near, next_ in pairs if near.distance < LIMITS.ratio * next_.distance]


def _print(grey: Grey) -> NDArray[np.float32]:
    """Return how dark each pixel is, compared with its surroundings, with soft edges."""
    light = cv2.GaussianBlur(grey.astype(np.float32), (0, 0), 8)
    return np.asarray(cv2.GaussianBlur(np.clip(1 - grey / np.maximum(light, 1), 0, 1), (0, 0), 1.2), np.float32)
