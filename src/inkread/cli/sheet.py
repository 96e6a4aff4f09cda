"""`inkread sheet`: prints a form."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from inkread.cli.read_fast import FORCE_HELP


def sheet(
    form: Annotated[Path, typer.Argument(metavar="FORM.toml", help="The form: its title and its fields, as TOML.")],
    out: Annotated[Path, typer.Argument(metavar="OUT.pdf", help="The PDF to write.")],
    copies: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Print N copies, each with a serial number. Default: one copy without a number.",
        ),
    ] = None,
    first: Annotated[
        int, typer.Option(metavar="N", help="With --copies: the serial number of the first copy.", show_default=True)
    ] = 1,
    layout: Annotated[
        Path | None,
        typer.Option(metavar="OUT.json", help="Also write where every box is, in millimetres, as JSON for programs."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help=FORCE_HELP)] = False,
) -> None:
    """Print a form that is filled in by hand and then photographed or scanned.

    A form is a TOML file with a title and fields: numbers with a box for each digit, dates, times, ticks and choices.
    Fields with 'rows' are the columns of a table. docs/sheets.md lists the keys, and examples/forms has three forms.

    Examples:

        inkread sheet temperatures.toml temperatures.pdf

        inkread sheet exam.toml exams.pdf --copies 30

        inkread sheet exam.toml more.pdf --copies 5 --first 31
    """
    from inkread.sheets.printing import print_sheets

    printed = print_sheets(form, out, copies=copies, first=first, layout=layout, force=force)
    pages = f"{len(printed.pages)} page{'s' if len(printed.pages) > 1 else ''}"
    if copies is None:
        print(f"{out}: {pages}")
    else:
        print(f"{out}: {copies} {'copies' if copies > 1 else 'copy'} of {pages}, from No. {first:04d}")
