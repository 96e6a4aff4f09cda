"""`inkread read`: its options."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from inkread.cli.profile_option import PROFILE_HELP
from inkread.cli.read_fast import Format, read_pictures
from inkread.options import Content, ReadOptions
from inkread.teaching.profiles import DEFAULT_PROFILE


def read(
    context: typer.Context,
    pictures: Annotated[
        list[str],
        typer.Argument(
            metavar="PICTURE...", help="Pictures: JPEG, PNG, WebP, GIF, TIFF, BMP; '-' reads standard input."
        ),
    ],
    as_: Annotated[
        Content,
        typer.Option(
            "--as",
            help="What a picture holds: 'digit', one; 'number', digits in one row; 'lines', rows of them. 'auto' finds "
            "out; saying it helps where a picture holds other things too.",
        ),
    ] = "auto",
    model: Annotated[
        Path | None,
        typer.Option(
            help="A model folder, an .onnx, .keras, .h5 or .tflite file, or 'tiny': the shipped model in 8-bit "
            "integers, smaller and quicker. Left out, the shipped model reads."
        ),
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
        float | None,
        typer.Option(
            metavar="P",
            min=0,
            max=1,
            help="Refuse a reading that is less sure than P, from 0 to 1. Left out, the model's card says.",
        ),
    ] = None,
    profile: Annotated[str, typer.Option(metavar="NAME", help=PROFILE_HELP)] = DEFAULT_PROFILE,
) -> int:
    """Read the digits on each picture: one, a number, or a whole sheet.

    Examples:

        inkread read 6.jpg

        inkread read scans/*.png --format csv > digits.csv

        inkread read 6.jpg --figure steps.png --min-confidence 0.9
    """
    return read_pictures(
        pictures,
        options=ReadOptions(as_, min_confidence),
        model=model,
        profile=profile,
        format_=format_,
        figure=figure,
        show=show,
        debug=context.obj["debug"],
    )
