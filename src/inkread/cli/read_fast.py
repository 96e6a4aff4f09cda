"""Reading at the command line: from pictures to text, JSON or CSV. Imports are late, so that it starts fast."""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import os
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, TextIO

from inkread.csv_rows import CSV_COLUMNS, PLACE_COLUMNS, WHY_COLUMNS, Delimiter, as_cell, csv_rows, delimiter_sign
from inkread.errors import OptionError, PictureError
from inkread.options import PageRanges, ReadOptions, parse_pages
from inkread.readings import Digit, Reading, count_unread
from inkread.teaching.profiles import DEFAULT_PROFILE, NO_PROFILE, Profile

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from inkread.cli.outputs import OutputFormat
    from inkread.pictures.opening import Picture
    from inkread.reader import Reader
    from inkread.steps import Steps
    from inkread.tables.workbook import Workbook

DIGIT_COLUMNS = ("picture", "page", "line", "number", "position", "digit", "confidence", *PLACE_COLUMNS, *WHY_COLUMNS)
"""The columns of a row with a digit. Lines, the numbers of a line and the positions in a number count from 1."""

STDIN = "<stdin>"

Source = tuple[str, "Picture"]
"""The name of a picture or a page, and what can be read."""

Format = Literal["text", "json", "csv"]

PROFILE_HELP = f"The profile whose taught digits are used; '{NO_PROFILE}' uses none. See 'inkread teach'."

PRINT_HELP = (
    "Whether printed digits are read. 'auto': only if nothing on the picture is written by hand. 'read': always. "
    "'skip': never."
)

UNLOCK_HELP = "The password of an encrypted PDF."

FORCE_HELP = "Replace an existing file. A file that this command reads is never replaced."

REGION_HELP = (
    "Read only this part of each picture: left and top edge, width and height, in pixels of the upright picture. "
    "Default: the whole picture."
)


def read_pictures(
    pictures: Sequence[str],
    *,
    options: ReadOptions | None = None,
    pages: str | None = None,
    password: str | None = None,
    model: Path | None = None,
    profile: str = DEFAULT_PROFILE,
    format_: Format = "text",
    digits: bool = False,
    delimiter: Delimiter | None = None,
    output: Path | None = None,
    figure: Path | None = None,
    reads: Sequence[Path] = (),
    force: bool = False,
    show: bool = False,
    debug: bool = False,
) -> int:
    """Read pictures, print the results, and return the exit code. `inkread.cli.read` describes the options.

    reads: other files that the command reads, and that no output may replace.
    """
    # NumPy's OpenBLAS starts one thread per core, which takes half of its import time. Reading has no use for them.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    check_names(pictures)
    from inkread.reader import Reader

    options = options or ReadOptions()
    ranges, drawn = parse_pages(pages), show or figure is not None
    kind: Format | OutputFormat = format_
    if output is not None:
        from inkread.cli.outputs import check_output

        if format_ != "text":
            raise OptionError("--output and --format do not go together; the file's suffix says its format")
        kind = check_output(output, [*pictures, *reads, model], force=force)
    if digits and kind != "csv":
        raise OptionError("--digits is for --format csv; with --format json the digits are always there")
    if delimiter and kind != "csv":
        raise OptionError("--delimiter is for CSV; add --format csv, or write a .csv file with --output")
    names = _without_folders(pictures)
    if ranges:
        _check_pages(names, ranges, password)
    sources: Iterable[Source] = _sources(names, ranges, password)
    several = len(names) > 1
    figures: Iterator[Path] = itertools.repeat(Path())
    if drawn or not several:
        # There are as many figures as pages, and of several pages the names are printed.
        sources = known = list(sources)
        several = len(known) > 1
        figures = _figures(figure, known, [*pictures, *reads, model], force=force) if drawn else figures
    reader = Reader(model, profile=profile_of(profile))
    warn_if_unteachable(reader)
    # A workbook shows parts of the pages, which readings do not have.
    outcomes = _outcomes(reader, sources, options, steps=drawn or kind == "xlsx")
    rows = "digits" if digits else "grid" if kind == "csv" and options.as_ == "table" else kind
    with _printer(rows, output, several=several, delimiter=delimiter_sign(delimiter)) as printer:
        failed = False
        for (name, outcome), path in zip(outcomes, figures, strict=False):
            if isinstance(outcome, PictureError):
                failed = True
                if debug:
                    import traceback

                    traceback.print_exception(outcome)
                printer.failure(name, outcome)
                continue
            printer.outcome(outcome)
            if drawn and not isinstance(outcome, Reading):
                _draw(outcome, path, save=figure is not None, show=show)
    return 1 if failed else 0


def check_names(pictures: Sequence[str]) -> None:
    """Raise `OptionError` for the address of a picture, and for a pattern that the shell has not expanded."""
    for name in pictures:
        if any(mark in name for mark in ("://", "*", "?", "[")) and not os.path.lexists(name):
            from inkread.pictures.opening import why_missing

            raise OptionError(f"{name}: {why_missing(name)}")


def _without_folders(names: Sequence[str]) -> list[str]:
    """Return the names with the pictures of each folder in its place, and say on stderr what was skipped there."""
    found: list[str] = []
    for name in names:
        # A Path fails on a null byte.
        if name == "-" or not os.path.isdir(name):  # noqa: PTH112
            found.append(name)
            continue
        from inkread.pictures.folders import pictures_in

        pictures, others = pictures_in(name)
        if not pictures:
            raise OptionError(f"{name}: there are no pictures in this folder; check the folder and the endings")
        if others:
            files = f"{others:,} file{'s' * (others != 1)}"
            print(f"inkread: {name}: skipped {files} without a picture suffix", file=sys.stderr)
        found += pictures
    return found


def _check_pages(names: Sequence[str], ranges: PageRanges, password: str | None) -> None:
    """Raise `OptionError` before reading if a file does not have the pages. Files that cannot be opened fail later."""
    from inkread.pictures.documents import pages_of

    for name in names:
        if os.path.isfile(name):  # noqa: PTH113 - see `_without_folders`
            with contextlib.suppress(PictureError):
                pages_of(name, ranges, password)


def _sources(names: Sequence[str], ranges: PageRanges | None, password: str | None) -> Iterator[Source]:
    """Yield the name of each picture, or of each page of a file with pages, and the picture."""
    from inkread.pictures.documents import pages_of, unopened
    from inkread.pictures.opening import FilePage

    for name in names:
        shown, picture = STDIN if name == "-" else name, _source(name)
        try:
            pages = pages_of(picture, ranges, password)
        except PictureError as error:
            pages = [unopened(shown, error)]
        for page in pages:
            yield (page.name if isinstance(page, FilePage) else shown), page


def _outcomes(
    reader: Reader, sources: Iterable[Source], options: ReadOptions, *, steps: bool
) -> Iterator[tuple[str, Reading | Steps | PictureError]]:
    """Yield each picture's name with its reading or its error, in order. With `steps`, yield the steps instead."""
    if steps:
        for name, picture in sources:
            try:
                yield name, reader.run(picture, options)
            except PictureError as error:
                yield name, error
        return
    names: deque[str] = deque()

    def pictures() -> Iterator[Picture]:
        for name, picture in sources:
            names.append(name)
            yield picture

    # Pictures are taken a little ahead of their outcomes.
    for outcome in reader.run_many(pictures(), options):
        yield names.popleft(), outcome


def _source(name: str) -> str | BinaryIO:
    """Return the picture with this name.

    Standard input and pipes are read here, since a thread that waits for them could not be stopped.
    """
    if name != "-" and not Path(name).is_fifo():
        return name
    if name == "-" and sys.stdin is None:
        return io.BytesIO()
    from inkread.pictures.opening import MAX_BYTES

    with contextlib.nullcontext(sys.stdin.buffer) if name == "-" else Path(name).open("rb") as pipe:
        # A pipe may have no end. One byte over the limit tells that it is larger.
        picture = io.BytesIO(pipe.read(MAX_BYTES + 1))
    picture.name = STDIN if name == "-" else name
    return picture


@contextlib.contextmanager
def _printer(kind: str, output: Path | None, *, several: bool, delimiter: str) -> Iterator[_Text]:
    """Yield what prints readings in a format, to a file if one is named. The file appears when all is printed."""
    if output is None:
        yield _PRINTERS[kind](several=several, delimiter=delimiter)
        return
    if kind == "xlsx":
        from inkread.cli.outputs import open_workbook

        with open_workbook(output) as book:
            yield _Sheets(book)
        return
    from inkread.files import writable

    with writable(output) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        yield _PRINTERS[kind](file, several=several, delimiter=delimiter)


class _Text:
    """Prints texts. With several pictures, each line starts with the picture's name."""

    def __init__(self, file: TextIO | None = None, *, several: bool = False, delimiter: str = ",") -> None:
        self.file, self.several, self.delimiter = file, several, delimiter

    def outcome(self, outcome: Reading | Steps) -> None:
        self.reading(outcome if isinstance(outcome, Reading) else outcome.reading)

    def reading(self, reading: Reading) -> None:
        if self.several:
            self.print(f"{reading.picture}\t{'|'.join(line.text for line in reading.lines)}")
        else:
            self.print(reading.text)
        self.not_read(reading)

    def print(self, text: str) -> None:
        print(text, file=self.file, flush=self.file is None)

    def not_read(self, reading: Reading) -> None:
        """Print one line on stderr about what is not in the text: why a picture was refused, and what was left out."""
        unread = count_unread(reading.unread)
        if reading.refused:
            beside = f" ({unread})" if unread else ""
            print(f"inkread: {reading.picture}: not read: {reading.refused.message}{beside}", file=sys.stderr)
        elif unread:
            print(f"inkread: {reading.picture}: not in the text: {unread}", file=sys.stderr)

    def failure(self, name: str, error: PictureError) -> None:  # noqa: ARG002
        print(f"inkread: {error.message}", file=sys.stderr)


class _Json(_Text):
    """Prints one JSON object per picture, each on its own line, failures included."""

    def reading(self, reading: Reading) -> None:
        self.print(reading.to_json())

    def failure(self, name: str, error: PictureError) -> None:
        failure = {"picture": name, "error": {"code": error.code, "message": error.message}}
        self.print(json.dumps(failure, ensure_ascii=False))
        super().failure(name, error)


class _Csv(_Text):
    """Prints one row per number. A picture that was refused or failed has one row with the code of the reason."""

    columns: tuple[str, ...] = CSV_COLUMNS

    def __init__(self, file: TextIO | None = None, *, several: bool = False, delimiter: str = ",") -> None:
        super().__init__(file, several=several, delimiter=delimiter)
        self.values(self.columns)

    def reading(self, reading: Reading) -> None:
        for row in self.rows(reading):
            self._row(row)
        self.not_read(reading)

    def rows(self, reading: Reading) -> Iterator[dict[str, Any]]:
        """Yield the rows of a reading."""
        return csv_rows(reading.to_dict())

    def failure(self, name: str, error: PictureError) -> None:
        self._row({"picture": name, "error": error.code})
        super().failure(name, error)

    def _row(self, values: Mapping[str, object]) -> None:
        self.values([values.get(column) for column in self.columns])

    def values(self, values: Sequence[object]) -> None:
        """Print one row."""
        import csv

        text = io.StringIO()
        csv.writer(text, delimiter=self.delimiter, lineterminator="").writerow(map(as_cell, values))
        self.print(text.getvalue())


class _DigitCsv(_Csv):
    """Prints one row per digit."""

    columns = DIGIT_COLUMNS

    def rows(self, reading: Reading) -> Iterator[dict[str, Any]]:
        if reading.refused:
            yield from super().rows(reading)
        page = {"picture": reading.picture, "page": reading.page}
        for line, of_line in enumerate(reading.lines, 1):
            for index, number in enumerate(of_line.numbers, 1):
                for position, digit in enumerate(number.characters, 1):
                    if isinstance(digit, Digit):
                        place = {"line": line, "number": index, "position": position, **digit.box._asdict()}
                        yield {**page, **place, "digit": digit.digit, "confidence": digit.confidence}


class _GridCsv(_Csv):
    """Prints tables as they stand, parted by an empty row. What is refused or failed is only told on stderr."""

    def __init__(self, file: TextIO | None = None, *, several: bool = False, delimiter: str = ",") -> None:
        _Text.__init__(self, file, several=several, delimiter=delimiter)
        self.tables = 0

    def reading(self, reading: Reading) -> None:
        for table in reading.tables:
            if self.tables:
                self.print("")
            self.tables += 1
            for row in table.to_rows():
                self.values(row)
        self.not_read(reading)

    def failure(self, name: str, error: PictureError) -> None:
        _Text.failure(self, name, error)


class _Sheets(_Text):
    """Puts readings into the worksheets of a workbook."""

    def __init__(self, book: Workbook) -> None:
        super().__init__()
        self.book = book

    def outcome(self, outcome: Reading | Steps) -> None:
        if not isinstance(outcome, Reading):
            self.book.add(outcome.reading, outcome.page)
            self.not_read(outcome.reading)

    def failure(self, name: str, error: PictureError) -> None:
        self.book.failure(name, error)
        super().failure(name, error)


_PRINTERS: dict[str, type[_Text]] = {
    "text": _Text,
    "json": _Json,
    "csv": _Csv,
    "digits": _DigitCsv,
    "grid": _GridCsv,
}


def _figures(
    figure: Path | None, sources: Sequence[Source], inputs: Sequence[str | Path | None], *, force: bool
) -> Iterator[Path]:
    """Return the path of each figure: the file that was asked for, or a unique name in the folder.

    Without a figure file or folder, it is a bare name. Raises `OptionError` before reading if a figure cannot be
    written, or would replace another file.
    """
    stems = [_stem(*source) for source in sources]
    if figure is not None:
        from inkread.figures import check_figure_path
        from inkread.files import check_outputs

        if not figure.is_dir():
            if len(stems) > 1:
                several = f"for {len(stems)} pictures or pages name an existing folder"
                raise OptionError(f"{figure}: a figure shows one picture; {several}")
            check_figure_path(figure)
        check_outputs(_figure_paths(figure, stems), inputs, force=force)
    return _figure_paths(figure, stems)


def _stem(name: str, picture: Picture) -> str:
    """Return what the name of a figure begins with: the name of the file without its suffix, and which page it is."""
    if name == STDIN:
        return "stdin"
    file, mark, number = name.rpartition("#")
    if mark and number == str(getattr(picture, "number", "")):
        return f"{Path(file).stem}-page{number}"
    return Path(name).stem


def _figure_paths(figure: Path | None, stems: Iterable[str]) -> Iterator[Path]:
    given: set[Path] = set()
    for stem in stems:
        if figure is not None and not figure.is_dir():
            yield figure
            continue
        numbers = itertools.chain([""], (f"-{number}" for number in itertools.count(2)))
        folder = figure or Path()
        path = next(path for number in numbers if (path := folder / f"{stem}{number}.steps.png") not in given)
        given.add(path)
        yield path


def _draw(steps: Steps, path: Path, *, save: bool, show: bool) -> None:
    from inkread.figures.steps import draw_steps

    hand_over(draw_steps(steps), path if save else None, show=show, name=f"{path.stem}.png")


def hand_over(figure: Figure, path: Path | None, *, show: bool, name: str) -> None:
    """Save a figure if a path is given, and show it if asked. Without a display, save it as `name` instead."""
    from inkread.figures import save_figure, show_figure

    if path is not None:
        save_figure(figure, path)
    if show and (shown := show_figure(figure, name)):
        print(f"inkread: there is no display; the figure is in {shown}", file=sys.stderr)


def profile_of(name: str) -> Profile | None:
    """Return the profile of this name; None for `NO_PROFILE`.

    Raises `OptionError` for a profile without taught digits.
    """
    if name == NO_PROFILE:
        return None
    profile = Profile(name)
    profile.check_taught()
    return profile


def warn_if_unteachable(reader: Reader) -> None:
    """Warn on stderr if the model ignores the taught digits because it gives no features to compare."""
    profile = reader.classifier.profile
    if profile is not None and not reader.classifier.has_features and profile.count():
        print(
            "inkread: taught digits are not used, because this model file gives no features to compare; use the model "
            "folder or its .onnx, .keras or .h5 file, or add --profile none",
            file=sys.stderr,
        )
