"""`inkread read`: from pictures to text, JSON or CSV."""

from __future__ import annotations

import csv
import io
import itertools
import json
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO, Literal

import typer

from inkread.errors import OptionError, PictureError

if TYPE_CHECKING:
    from inkread.reader import Reader
    from inkread.readings import Reading

CSV_COLUMNS = ("picture", "line", "number", "position", "digit", "confidence", "x", "y", "w", "h")

STDIN = "<stdin>"

Format = Literal["text", "json", "csv"]


def read(
    context: typer.Context,
    pictures: Annotated[
        list[str],
        typer.Argument(
            metavar="PICTURE...", help="Pictures: JPEG, PNG, WebP, GIF, TIFF, BMP; '-' reads standard input."
        ),
    ],
    as_: Annotated[
        Literal["auto", "digit"],
        typer.Option("--as", help="What a picture holds. This version reads one digit a picture, so both mean that."),
    ] = "auto",
    model: Annotated[
        Path | None,
        typer.Option(help="A model folder, or an .onnx, .keras or .h5 file. Left out, the shipped model reads."),
    ] = None,
    format_: Annotated[
        Format,
        typer.Option(
            "--format",
            help="'text': the digits alone, after the name and a tab where several pictures are read. 'json': an "
            "object a picture and line, with probabilities and boxes. 'csv': a row a digit.",
        ),
    ] = "text",
    figure: Annotated[
        Path | None,
        typer.Option(
            metavar="OUT.png",
            help="Draw every step from the picture to the answer; for several pictures name a folder that exists.",
        ),
    ] = None,
    show: Annotated[
        bool, typer.Option("--show", help="Show that figure in a window; without a display, as a file.")
    ] = False,
    min_confidence: Annotated[
        float,
        typer.Option(metavar="P", min=0, max=1, help="Refuse a reading that is less sure than P, from 0 to 1."),
    ] = 0.0,
) -> int:
    """Read the digit on each picture.

    Examples:

        inkread read 6.jpg

        inkread read scans/*.png --format csv > digits.csv

        inkread read 6.jpg --figure steps.png --min-confidence 0.9
    """
    if figure is not None:
        _check_figure(figure, pictures)
    from inkread.reader import Reader

    failed = False
    drawn: set[Path] = set()
    printer = _PRINTERS[format_](several=len(pictures) > 1)
    for name, outcome in _outcomes(Reader(model), pictures, as_, min_confidence):
        if isinstance(outcome, PictureError):
            failed = True
            if context.obj["debug"]:
                traceback.print_exception(outcome)
            printer.failure(name, outcome)
            continue
        printer.reading(outcome)
        if figure is not None:
            _save(outcome, figure, drawn)
        if show:
            _show(outcome)
    return 1 if failed else 0


def _outcomes(
    reader: Reader, names: list[str], as_: Literal["auto", "digit"], min_confidence: float
) -> Iterator[tuple[str, Reading | PictureError]]:
    """Yield each picture's name with its reading or its error, in order."""
    pictures = (_standard_input() if name == "-" else name for name in names)
    outcomes = reader.try_many(pictures, as_=as_, min_confidence=min_confidence)
    yield from zip((STDIN if name == "-" else name for name in names), outcomes, strict=True)


def _standard_input() -> BinaryIO:
    """Return what comes from standard input, read here and now: a thread that waited for it could not be stopped."""
    picture = io.BytesIO(sys.stdin.buffer.read())
    picture.name = STDIN
    return picture


class _Text:
    """Prints texts: alone for one picture, after the picture's name for several."""

    def __init__(self, *, several: bool) -> None:
        self.several = several

    def reading(self, reading: Reading) -> None:
        if self.several:
            print(f"{reading.picture}\t{'|'.join(reading.lines)}", flush=True)
        else:
            print(reading.text, flush=True)
        if reading.refused:
            print(f"inkread: {reading.picture}: not read: {reading.refused.message}", file=sys.stderr)

    def failure(self, name: str, error: PictureError) -> None:  # noqa: ARG002 - the message names the picture
        print(f"inkread: {error.message}", file=sys.stderr)


class _Json(_Text):
    """Prints a JSON object a picture and line, failures among them."""

    def reading(self, reading: Reading) -> None:
        print(reading.to_json(), flush=True)

    def failure(self, name: str, error: PictureError) -> None:
        failure = {"picture": name, "error": {"code": error.code, "message": error.message}}
        print(json.dumps(failure, ensure_ascii=False), flush=True)
        super().failure(name, error)


class _Csv(_Text):
    """Prints a row a digit; a refused picture keeps a row, with no digit in it."""

    def __init__(self, *, several: bool) -> None:
        super().__init__(several=several)
        self._row(*CSV_COLUMNS)

    def reading(self, reading: Reading) -> None:
        for position, digit in enumerate(reading.digits):
            self._row(reading.picture, digit.line, 0, position, digit.digit, digit.confidence, *digit.box)
        if reading.refused:
            self._row(reading.picture, *[""] * (len(CSV_COLUMNS) - 1))

    def _row(self, *values: object) -> None:
        text = io.StringIO()
        csv.writer(text, lineterminator="").writerow(values)
        print(text.getvalue(), flush=True)


_PRINTERS: dict[str, type[_Text]] = {"text": _Text, "json": _Json, "csv": _Csv}


def _check_figure(figure: Path, pictures: list[str]) -> None:
    """Refuse a figure that cannot be written before anything is read."""
    from inkread.figures.saving import check_figure_path

    if figure.is_dir():
        return
    if len(pictures) > 1:
        raise OptionError(
            f"{figure}: one figure shows one picture; for {len(pictures)} pictures name a folder that exists"
        )
    check_figure_path(figure)


def _save(reading: Reading, figure: Path, drawn: set[Path]) -> None:
    """Write the figure; in a folder, under a name that none of the figures `drawn` before it has."""
    from inkread.figures.saving import save_figure

    path = figure
    if figure.is_dir():
        numbers = itertools.count(2)
        path = figure / _figure_name(reading)
        while path in drawn:
            path = figure / _figure_name(reading, f"-{next(numbers)}")
        drawn.add(path)
    save_figure(reading.figure(), path)


def _figure_name(reading: Reading, number: str = "") -> str:
    return f"{Path(reading.picture).stem.strip('<>')}{number}.steps.png"  # <> as in <stdin>


def _show(reading: Reading) -> None:
    from inkread.figures.saving import show_figure

    path = show_figure(reading.figure(), _figure_name(reading))
    if path is not None:
        print(f"inkread: there is no display; the figure is in {path}", file=sys.stderr)
