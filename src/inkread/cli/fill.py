"""`inkread fill`: reads photographs of filled-in sheets into a table."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from inkread.cli.read_fast import PROFILE_HELP, profile_of
from inkread.csv_rows import Delimiter
from inkread.teaching.profiles import DEFAULT_PROFILE


def fill(
    pictures: Annotated[
        list[str],
        typer.Argument(
            metavar="PICTURE...",
            help="Photographs or scans of the sheets, in any order: pictures, PDFs, and folders with their subfolders.",
        ),
    ],
    form: Annotated[
        Path, typer.Option("--form", metavar="FORM.toml", help="The form, as it was when the sheets were printed.")
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            metavar="DATA.csv|.xlsx",
            help="The table to write, as CSV or XLSX. If it is there already, the sheets are added to it.",
        ),
    ],
    user: Annotated[
        str | None, typer.Option(metavar="NAME", help="Who fills the table, for its audit. Default: your login.")
    ] = None,
    delimiter: Annotated[
        Delimiter | None,
        typer.Option(
            help="What separates the cells of the table. Spreadsheets in countries with a decimal comma open ';'. "
            "Default: as it was written before, or ','."
        ),
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="A model, as for 'inkread read'. Default: the shipped model."),
    ] = None,
    profile: Annotated[str, typer.Option(metavar="NAME", help=PROFILE_HELP)] = DEFAULT_PROFILE,
) -> int:
    """Read photographs of filled-in sheets of 'inkread sheet' into a table.

    The table has a row per sheet, or per row of its table, and a column per field. A value that must be checked ends in
    a question mark, and is yellow in a workbook, with its picture beside. DATA.audit.jsonl has every value with its
    picture, its place, its probabilities and what became of it, and DATA.crops has a picture of every field. The pages
    of a serial number are put together.

    Run it again to add more photographs. Those that were read before are skipped. A table that was changed by hand is
    not replaced.

    A form may also describe a form or a log that exists already, by boxes on a picture of it or as the columns of a
    table; docs/sheets.md tells how.

    Examples:

        inkread fill photos/ --form temperatures.toml --output temperatures.csv

        inkread fill scan.pdf IMG_2041.jpg --form exam.toml --output exam.xlsx --user ada
    """
    from inkread.cli.progress import CountBar
    from inkread.reader import Reader
    from inkread.sheets.filling import fill as run

    reader = Reader(model, profile=profile_of(profile))
    with CountBar("reading") as bar:
        done = run(pictures, form, output, reader, user=user, delimiter=delimiter, progress=bar.shows)
    for line in (*done.failures, *done.notes):
        print(f"inkread: {line}", file=sys.stderr)
    if done.values:
        sheets = f"{done.sheets:,} sheet{'s' * (done.sheets != 1)}"
        print(f"{output}: {sheets}, {done.values:,} values, {done.to_check:,} to check")
    return 1 if done.failures else 0
