"""`inkread batch`: reads millions of pictures into a Parquet dataset, or some into CSV or JSON Lines."""

from __future__ import annotations

import contextlib
import shlex
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from inkread.cli.read import (
    AllowedColumnOption,
    AllowedOption,
    CheckOption,
    ExpectOption,
    MaxOption,
    MinOption,
)
from inkread.cli.read_fast import PRINT_HELP, REGION_HELP, UNLOCK_HELP
from inkread.csv_rows import DELIMITER_HELP, Delimiter
from inkread.errors import OptionError
from inkread.expecting import expectation
from inkread.options import DECIMAL_HELP, ORDER_HELP, Content, Print, parse_region
from inkread.values import DateOrder, DecimalMark


def batch(
    inputs_and_out: Annotated[
        list[str],
        typer.Argument(
            metavar="INPUT... OUT",
            help="INPUT: pictures and PDFs; folders with their subfolders; globs in quotes; lists of paths: a text "
            "file with one path per line, CSV or Parquet with a column 'picture' or 'path', or '-' for standard input; "
            "Parquet and tar files that contain pictures. Local, or any file system that PyArrow reads: s3://, gs://. "
            "OUT: a folder for Parquet files; that of an earlier run is continued. Or, for small jobs, a file that "
            "ends in .csv or .jsonl.",
        ),
    ],
    as_: Annotated[
        Content,
        typer.Option("--as", help="What a picture contains: 'digit', 'number' or 'lines'. 'auto' detects it."),
    ] = "auto",
    print_: Annotated[Print, typer.Option("--print", help=PRINT_HELP)] = "auto",
    region: Annotated[str | None, typer.Option(metavar="X,Y,W,H", help=REGION_HELP)] = None,
    pages: Annotated[
        str | None,
        typer.Option(
            metavar="1-3,5",
            help="Which pages of each PDF, TIFF or animation are read, counted from 1: '1-3,5', or '4-' for all from "
            "page 4. A file without one of them gets a row with an error. Default: all pages.",
        ),
    ] = None,
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
            metavar="PATH", help="A model folder, an .onnx, .keras or .h5 file, or 'tiny'. Default: the shipped model."
        ),
    ] = None,
    min_confidence: Annotated[
        float | None,
        typer.Option(metavar="P", min=0, max=1, help="Refuse readings with a confidence below P, from 0 to 1."),
    ] = None,
    delimiter: Annotated[Delimiter | None, typer.Option(help=DELIMITER_HELP)] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace an existing CSV or JSON Lines file. Inputs are never replaced.")
    ] = False,
    processes: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Read with N processes. Default: one per core.")
    ] = None,
    ray: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Read on the Ray cluster at this address, or 'auto' for the cluster of this machine. Needs the extra "
            "'ray'.",
        ),
    ] = None,
) -> int:
    r"""Read millions of pictures into a Parquet dataset, each picture once. Needs the extra 'batch'.

    The dataset has one row per picture, or per page of a PDF, a TIFF or an animation, with the keys that 'inkread read
    --format json' prints. Ctrl-C, a crash or a full disk lose nothing. Run the same command again to continue where it
    stopped. It also reads pictures that were added to INPUT since.

    Examples:

        inkread batch scans/ readings.parquet

        inkread batch 's3://forms/2024-*/*.jpg' s3://results/forms.parquet --ray auto

        inkread batch list.csv readings.csv

        inkread batch scans.pdf readings.csv --pages 2-4 --expect '\d{9}' --allowed students.csv --allowed-column id
    """
    from inkread.batch import is_text, run
    from inkread.cli.progress import CountBar

    *inputs, out = inputs_and_out
    if not inputs:
        example = f"inkread batch {shlex.quote(out)} readings.csv"
        raise OptionError(f"batch {out}: OUT is missing, the file or folder for the results; write: {example}")
    part = parse_region(region)
    expected = expectation(expect, minimum, maximum, allowed, allowed_column, check)
    with CountBar("reading") as bar, _catch_signals() as stop:
        summary = run(
            inputs,
            out,
            model=model,
            processes=processes,
            ray=ray,
            pages=pages,
            password=password,
            reads=() if allowed is None else (allowed,),
            delimiter=delimiter,
            force=force,
            progress=bar.shows,
            stop=stop,
            as_=as_,
            min_confidence=min_confidence,
            print_=print_,
            region=part,
            decimal=decimal,
            order=order,
            expect=expected,
        )
    if summary.stopped:
        kept = f"{out} was not written" if is_text(out) else "run the same command again to continue"
        print(f"inkread: interrupted after {summary.rows:,} pictures; {kept}", file=sys.stderr)
        return 130
    print("\n".join(summary.lines()))
    return 1 if summary.failed or summary.troubles else 0


@contextlib.contextmanager
def _catch_signals() -> Iterator[Callable[[], bool]]:
    """Yield a function that tells whether Ctrl-C or SIGTERM was received.

    The first signal lets the run finish cleanly. The second stops it at once.
    """
    asked = threading.Event()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def note(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()
        print("inkread: stopping; press Ctrl-C again to stop at once", file=sys.stderr)

    for number in before:
        signal.signal(number, note)
    try:
        yield asked.is_set
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
