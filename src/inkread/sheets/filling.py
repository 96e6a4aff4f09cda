"""Filling: reads photographs of filled-in sheets into a table, and keeps an audit of every value."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

import inkread
from inkread.csv_rows import Delimiter
from inkread.errors import DataError, OptionError, PictureError
from inkread.files import check_folder, file_sha256, whole_file
from inkread.models.classifier import GlyphClassifier
from inkread.pictures.documents import pages_of
from inkread.pictures.folders import pictures_in
from inkread.pictures.opening import FilePage, Picture, open_picture
from inkread.reader import Reader
from inkread.sheets.audit import Audit, Entry, crops_of, login
from inkread.sheets.data_file import check_unchanged, write_table
from inkread.sheets.existing_forms import FormReader, PictureForm, TableForm
from inkread.sheets.form_file import read_form
from inkread.sheets.forms import fields_as_json
from inkread.sheets.page_layout import SheetLayout
from inkread.sheets.page_reading import PIXELS, FieldOnPage, PageOnPicture, read_page
from inkread.sheets.placing import lay_out
from inkread.sheets.table import SETTLED, Merged, Place, Records
from inkread.teaching.lessons import as_bytes, png


@dataclass(slots=True)
class Filled:
    """What a run did.

    sheets, values, to_check: the numbers of sheets and values in the table, and of those that a person must check.
    pages: how many pages were read in this run.
    failures: what went wrong with pictures, a line each.
    notes: what else the user should know, a line each.
    """

    sheets: int = 0
    values: int = 0
    to_check: int = 0
    pages: int = 0
    failures: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def fill(
    pictures: Sequence[str],
    form: Path,
    data: Path,
    reader: Reader,
    *,
    user: str | None = None,
    delimiter: Delimiter | None = None,
    progress: Callable[[int, int | None], None] = lambda *_: None,
) -> Filled:
    """Read photographs of the sheets of a form into a table, and add them to those that it has.

    pictures: files and folders.
    form: the form in TOML, as it was when the sheets were printed, or that describes an existing form.
    data: the CSV or XLSX file to write, with its audit and its pictures of fields beside it.
    reader: reads the digits.
    user: who does it; None for the name of the login.
    delimiter: what separates the cells of the table; None for the one it has, or a comma.
    progress: called after each file with how many of how many were read.

    Pictures that cannot be read are told in `Filled.failures`, and the others are still read. Raises `OptionError` or
    `DataError` if the table cannot be written, or is not the one that its audit speaks of.
    """
    if data.suffix.lower() not in (".csv", ".xlsx"):
        raise OptionError(f"{data}: the table is written as CSV or XLSX; name a file that ends in .csv or .xlsx")
    if data.suffix.lower() == ".xlsx":
        from inkread.tables.workbook import check_extra

        check_extra()
    check_folder(data)
    pages = _page_reader(form, reader)
    layout, existing = pages.layout, pages.layout.form.existing
    names = _files(pictures, data)
    _check_inputs(data, [*names, form, *([existing.picture] if existing and existing.picture else [])])
    done = Filled()
    with Audit(data, user or login()) as audit:
        _check_data(audit, layout)
        desk = _Desk(audit, pages, done)
        for count, name in enumerate(names, 1):
            desk.read(name)
            progress(count, len(names))
        places = desk.records.places
        done.sheets = len({place[0] for place in places})
        done.values = len(places)
        done.to_check = sum(value.to_check for value in places.values())
        write_table(audit, layout.form.fields, desk.records, delimiter)
        done.notes += desk.notes()
        done.notes += _missing_pages(audit, layout)
    return done


@dataclass(frozen=True, slots=True)
class _PrintedForm:
    """A form that inkread has printed."""

    layout: SheetLayout
    classifier: GlyphClassifier

    def read(self, grey: NDArray[np.uint8], name: str) -> PageOnPicture:
        return read_page(grey, name, self.layout, self.classifier)


def _page_reader(form: Path, reader: Reader) -> FormReader:
    """Return what reads the pages of a form."""
    read = read_form(form)
    try:
        if read.existing is None:
            return _PrintedForm(lay_out(read), reader.classifier)
        return PictureForm(read, reader) if read.existing.picture else TableForm(read, reader)
    except DataError as error:
        raise DataError(f"{form}: {error.message}", code="bad-form") from None


def _files(pictures: Iterable[str], data: Path) -> list[str]:
    """Return the files to read, with those in folders, except for the crops of an earlier run."""
    names: list[str] = []
    crops = crops_of(data).resolve()
    for name in pictures:
        if not Path(name).is_dir():
            names.append(name)
            continue
        try:
            found = [path for path in pictures_in(name)[0] if Path(path).resolve().parent != crops]
        except OSError as error:
            raise OptionError(f"{name}: cannot be listed ({error.strerror}); check its permissions") from None
        if not found:
            raise OptionError(f"{name}: there is no picture in this folder; name another")
        names += found
    return names


def _check_inputs(data: Path, inputs: Iterable[str | Path]) -> None:
    """Refuse a table that is one of the files that are read."""
    for name in inputs:
        if data.exists() and Path(name).exists() and data.samefile(name):
            raise OptionError(f"{data}: this command reads that file, and never replaces it; name another file")


def _check_data(audit: Audit, layout: SheetLayout) -> None:
    """Refuse a table of another form, one without an audit, and one that somebody has changed."""
    data = audit.data
    if not audit.entries:
        if data.exists():
            raise OptionError(f"{data}: exists already, and no audit beside it says what it is; name another file")
        return
    [first, *_] = audit.of_kind("form") or [{}]
    if first.get("geometry") != layout.geometry:
        raise DataError(
            f"{data}: has the sheets of another form, {first.get('form')} {first.get('geometry')}, and this is "
            f"{layout.form.name} {layout.geometry}; name another file with --output"
        )
    check_unchanged(audit)


class _Desk:
    """Reads pictures one after the other, and writes what they say into the audit."""

    def __init__(self, audit: Audit, pages: FormReader, done: Filled) -> None:
        self._audit, self._pages, self._layout, self._done = audit, pages, pages.layout, done
        self.records = Records()
        self.records.follow(audit)
        self._seen = {(entry["sha256"], entry["picture_page"]) for entry in audit.of_kind("page")}
        self._group = max((_number_of(entry["sheet"]) for entry in audit.of_kind("page")), default=0)
        # Pages without a serial number that were read into the sheet of the last such page.
        self._open: set[int] | None = None
        self._again = 0

    def read(self, name: str) -> None:
        """Read the pages of a file that were not read before."""
        try:
            pages = pages_of(name)
            checksum = file_sha256(Path(name)) if Path(name).is_file() else ""
        except PictureError as error:
            self._done.failures.append(error.message)
            return
        for picture in pages:
            number = picture.number if isinstance(picture, FilePage) else 1
            shown = picture.name if isinstance(picture, FilePage) else name
            if (checksum, number) in self._seen:
                self._again += 1
                continue
            try:
                self._read_page(picture, shown, checksum, number)
            except PictureError as error:
                self._done.failures.append(error.message)

    def _read_page(self, picture: Picture, shown: str, checksum: str, number: int) -> None:
        page = open_picture(picture, shown, pixels=PIXELS)
        found = self._pages.read(page.grey, shown)
        # An existing form has no serial number, and each picture is a form.
        sheet = shown if self._layout.form.existing else self._sheet_of(found)
        source = {"picture": shown, "sha256": checksum, "picture_page": number}
        entries = [self._entry(each, found, sheet, source, page.scale) for each in found.fields]
        before = {place: self.records.places.get(place) for place in map(_place_of, entries)}
        self._start()
        end = {"kind": "page", **source, "sheet": sheet, "page": found.sheet.code.page}
        self._audit.append([*entries, {**end, "residual_mm": round(found.residual, 3)}])
        self.records.follow(self._audit)
        for place, was in before.items():
            now = self.records.places[place]
            if now.differs and not (was and was.differs):
                self._note_conflict(place, now)
        self._seen.add((checksum, number))
        self._done.pages += 1

    def _start(self) -> None:
        """Begin the audit with the form, or note that its limits were mended."""
        fields = fields_as_json(self._layout.form.fields)
        if [entry.get("fields") for entry in self._audit.of_kind("form")[-1:]] != [fields]:
            form = {"form": self._layout.form.name, "geometry": self._layout.geometry, "fields": fields}
            self._audit.append([{"kind": "form", **form, "inkread": inkread.__version__}])

    def _sheet_of(self, found: PageOnPicture) -> str:
        """Return the name of the sheet of a page: its serial number, or one by the order of the pictures."""
        code = found.sheet.code
        if code.serial:
            return f"{code.serial:04d}"
        if self._open is None or code.page in self._open:
            self._group, self._open = self._group + 1, set()
        self._open.add(code.page)
        return f"unnumbered {self._group}"

    def _entry(
        self, each: FieldOnPage, found: PageOnPicture, sheet: str, source: dict[str, Any], scale: tuple[float, float]
    ) -> Entry:
        """Return the entry of a value, and write its crop."""
        name, row = each.boxes.field.name, each.boxes.row
        mark = hashlib.sha256(f"{source['sha256']}#{source['picture_page']}".encode()).hexdigest()[:10]
        plain = re.sub(r"[^\w.-]+", "-", Path(sheet).name)
        crop = self._audit.crops / f"{plain}-{found.sheet.code.page}-{name}-{row + 1}-{mark}.png"
        self._audit.crops.mkdir(exist_ok=True)
        coded = cv2.imencode(".png", each.crop, [cv2.IMWRITE_PNG_COMPRESSION, 1])[1]
        with whole_file(crop) as temporary:
            temporary.write_bytes(coded.tobytes())
        reading = each.reading
        x, y, w, h = each.place
        box = [round(x * scale[0]), round(y * scale[1]), round(w * scale[0]), round(h * scale[1])]
        entry = {
            "kind": "value",
            **source,
            "sheet": sheet,
            "page": found.sheet.code.page,
            "field": name,
            "row": row,
            "box": box,
            "crop": f"{self._audit.crops.name}/{crop.name}",
            "outcome": reading.outcome,
            "read": reading.read,
            "value": reading.value,
            "changed_to": None,
            "confidence": reading.confidence,
            "probabilities": reading.probabilities,
        }
        if reading.outcome not in SETTLED and len(each.glyphs):
            # A review may teach them.
            entry["glyphs"] = base64.b64encode(png(as_bytes(np.hstack(list(each.glyphs))))).decode()
        return entry

    def _note_conflict(self, place: Place, now: Merged) -> None:
        """Note that a picture says something else than an earlier one of the same page."""
        sheet, name, row = place
        sides = [each for each in now.entries if each["outcome"] in SETTLED]
        shown = " and ".join(f"{each['value'] or each['outcome']} in {each['picture']}" for each in sides)
        where = f"sheet {sheet}, {name}" + (f" row {row + 1}" if self._is_in_table(name) else "")
        self._done.notes.append(f"{where}: {shown}; it is marked in the table")
        values, crops = [each["value"] for each in sides], [each["crop"] for each in sides]
        conflict = {"kind": "conflict", "sheet": sheet, "field": name, "row": row}
        self._audit.append([{**conflict, "values": values, "crops": crops}])

    def _is_in_table(self, name: str) -> bool:
        return any(each.name == name and each.rows for each in self._layout.form.fields)

    def notes(self) -> list[str]:
        """Return what the user should know about all pictures together."""
        notes = []
        if self._open is not None:
            notes.append("sheets without a serial number were put together in the order of the files")
        if self._again:
            notes.append(f"{self._again} page{'s were' if self._again > 1 else ' was'} read before and not read again")
        return notes


def _number_of(sheet: str) -> int:
    """Return the number of a sheet without a serial number; 0 for others."""
    return int(sheet.split()[1]) if sheet.startswith("unnumbered ") else 0


def _place_of(entry: Entry) -> Place:
    return entry["sheet"], entry["field"], entry["row"]


def _missing_pages(audit: Audit, layout: SheetLayout) -> Iterator[str]:
    """Yield which pages of which sheets nobody has photographed."""
    seen: dict[str, set[int]] = {}
    for entry in audit.of_kind("page"):
        seen.setdefault(entry["sheet"], set()).add(entry["page"])
    for sheet, pages in seen.items():
        for page in layout.pages:
            if page.number not in pages:
                yield f"sheet {sheet}: page {page.number} of {len(layout.pages)} is missing"
