"""`inkread read`: the options of the command."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from inkread.cli.outputs import OUTPUT_HELP
from inkread.cli.read_fast import (
    FORCE_HELP,
    PRINT_HELP,
    PROFILE_HELP,
    REGION_HELP,
    UNLOCK_HELP,
    Format,
    read_pictures,
)
from inkread.csv_rows import DELIMITER_HELP, Delimiter
from inkread.expecting import CheckName, expectation
from inkread.options import (
    CHECK_HELP,
    DECIMAL_HELP,
    EXPECT_HELP,
    MAX_HELP,
    MIN_HELP,
    ORDER_HELP,
    PAGES_HELP,
    Content,
    Print,
    ReadOptions,
    parse_region,
)
from inkread.teaching.profiles import DEFAULT_PROFILE
from inkread.values import DateOrder, DecimalMark

# What `inkread batch` takes as well.
ExpectOption = Annotated[str | None, typer.Option(metavar="REGEX", help=EXPECT_HELP)]
MinOption = Annotated[float | None, typer.Option("--min", metavar="V", help=MIN_HELP)]
MaxOption = Annotated[float | None, typer.Option("--max", metavar="V", help=MAX_HELP)]
AllowedOption = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="The only numbers that are possible: a text file with one per line, or CSV."),
]
AllowedColumnOption = Annotated[
    str | None, typer.Option(metavar="NAME", help="With --allowed: the column of the CSV file.")
]
CheckOption = Annotated[CheckName | None, typer.Option(help=CHECK_HELP)]


def read(
    context: typer.Context,
    pictures: Annotated[
        list[str],
        typer.Argument(
            metavar="PICTURE...",
            help="Pictures: JPEG, PNG, WebP, GIF, TIFF, BMP, and PDF with the extra 'pdf'. All pictures of a folder "
            "and its subfolders; '-' for standard input.",
        ),
    ],
    as_: Annotated[
        Content,
        typer.Option(
            "--as",
            help="What a picture contains: one 'digit', one 'number' on one line, several 'lines', or a 'table', with "
            "rules or without. 'auto' detects it. Setting it helps if the picture also shows other things.",
        ),
    ] = "auto",
    print_: Annotated[Print, typer.Option("--print", help=PRINT_HELP)] = "auto",
    region: Annotated[str | None, typer.Option(metavar="X,Y,W,H", help=REGION_HELP)] = None,
    pages: Annotated[str | None, typer.Option(metavar="1-3,5", help=PAGES_HELP)] = None,
    password: Annotated[str | None, typer.Option(metavar="P", help=UNLOCK_HELP)] = None,
    decimal: Annotated[DecimalMark | None, typer.Option(help=DECIMAL_HELP)] = None,
    order: Annotated[DateOrder | None, typer.Option(help=ORDER_HELP)] = None,
    expect: ExpectOption = None,
    minimum: MinOption = None,
    maximum: MaxOption = None,
    allowed: AllowedOption = None,
    allowed_column: AllowedColumnOption = None,
    check: CheckOption = None,
    model: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH",
            help="A model folder, an .onnx, .keras, .h5 or .tflite file, or 'tiny': the shipped model in 8-bit "
            "integers, smaller and faster. Default: the shipped model.",
        ),
    ] = None,
    format_: Annotated[
        Format,
        typer.Option(
            "--format",
            help="'text': only the text; with several pictures or pages, each line starts with the name and a tab. "
            "'json': one object per picture or page, each on its own line, with values, probabilities and boxes. "
            "'csv': one row per number; with '--as table' the table as it stands.",
        ),
    ] = "text",
    digits: Annotated[bool, typer.Option("--digits", help="With '--format csv': one row per digit.")] = False,
    delimiter: Annotated[Delimiter | None, typer.Option(help=DELIMITER_HELP)] = None,
    output: Annotated[Path | None, typer.Option(metavar="FILE.csv|.xlsx|.jsonl", help=OUTPUT_HELP)] = None,
    figure: Annotated[
        Path | None,
        typer.Option(
            metavar="OUT.png",
            help="Save a figure of every step from the picture to the answer. For several pictures, name an existing "
            "folder.",
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help=FORCE_HELP)] = False,
    show: Annotated[
        bool, typer.Option("--show", help="Show the figure in a window. Without a display, save it to a file.")
    ] = False,
    min_confidence: Annotated[
        float | None,
        typer.Option(
            metavar="P",
            min=0,
            max=1,
            help="Refuse readings with a confidence below P, from 0 to 1. Default: the value on the model's card.",
        ),
    ] = None,
    profile: Annotated[str, typer.Option(metavar="NAME", help=PROFILE_HELP)] = DEFAULT_PROFILE,
) -> int:
    r"""Read the numbers on each picture: one digit, one number, several lines, or a table.

    Numbers keep their signs . , - / : % + = as they are written. '--format json' and 'csv' also say what each number
    means: 1.234,50 has the value 1234.50, and 25/12/2026 the value 2026-12-25.

    Words, print beside handwriting, and drawings are not read. A line on stderr says what is not in the text, and
    '--format json' says where it is.

    Examples:

        inkread read 6.jpg

        inkread read scans/*.png --format csv > numbers.csv

        inkread read receipt.jpg --format csv --decimal , --order DMY

        inkread read 6.jpg --figure steps.png --min-confidence 0.9

        inkread read scan.pdf --pages 2-4 --format csv

        inkread read marks.jpg --as table --output marks.xlsx

        inkread read marks.jpg --as table --output marks.csv --delimiter ';'

        inkread read form.jpg --region 120,40,300,80 --print skip

        inkread read card.jpg --as number --expect '\d{16}' --check luhn
    """
    return read_pictures(
        pictures,
        options=ReadOptions(
            as_,
            min_confidence,
            print_,
            parse_region(region),
            decimal,
            order,
            expectation(expect, minimum, maximum, allowed, allowed_column, check),
        ),
        pages=pages,
        password=password,
        model=model,
        profile=profile,
        format_=format_,
        digits=digits,
        delimiter=delimiter,
        output=output,
        reads=() if allowed is None else (allowed,),
        figure=figure,
        force=force,
        show=show,
        debug=context.obj["debug"],
    )
