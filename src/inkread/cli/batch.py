"""`inkread batch`: from pictures by the million to a Parquet dataset."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Annotated, Literal

import typer

from inkread.options import Content


def batch(
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="INPUT...",
            help="Folders, read with all that is in them; globs in quotes; lists: a text file with a path a line, CSV "
            "or Parquet with a column 'path', '-' for standard input; Parquet and tar files that hold pictures; "
            "pictures. Here or where PyArrow reads: s3://, gs://.",
        ),
    ],
    out: Annotated[
        str, typer.Argument(metavar="OUT", help="The folder of the results; one that is there already is gone on with.")
    ],
    as_: Annotated[
        Content,
        typer.Option("--as", help="What a picture holds: 'digit', 'number', 'lines'; 'auto' finds out."),
    ] = "auto",
    model: Annotated[
        Path | None,
        typer.Option(help="A model folder, an .onnx, .keras or .h5 file, or 'tiny'. Left out, the shipped model."),
    ] = None,
    min_confidence: Annotated[
        float | None,
        typer.Option(metavar="P", min=0, max=1, help="Refuse a reading that is less sure than P, from 0 to 1."),
    ] = None,
    format_: Annotated[
        Literal["parquet", "csv", "jsonl"],
        typer.Option(
            "--format", help="'parquet': a dataset of many files. 'csv' and 'jsonl': one file, for small jobs."
        ),
    ] = "parquet",
    processes: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Read with N processes. Left out, one a core.")
    ] = None,
    ray: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Read on a Ray cluster: its address, or 'auto' for the one this machine is in. Needs the extra 'ray'.",
        ),
    ] = None,
) -> int:
    """Read pictures by the million into a Parquet dataset, each of them once. Needs the extra 'batch'.

    A row a picture: its text, confidence, digits with boxes, or why it was refused or could not be read. Ctrl-C, a
    crash or a full disk lose nothing: the same command goes on where it stopped, and reads what is new in INPUT too.

    Examples:

        inkread batch scans/ readings.parquet

        inkread batch 's3://forms/2024-*/*.jpg' s3://results/forms.parquet --ray auto

        inkread batch list.csv readings.csv --format csv
    """
    from inkread.batch import run
    from inkread.cli.progress import CountBar

    with CountBar("reading") as bar, _asked_to_stop() as stop:
        summary = run(
            inputs,
            out,
            model=model,
            as_=as_,
            min_confidence=min_confidence,
            format_=format_,
            processes=processes,
            ray=ray,
            progress=bar.shows,
            stop=stop,
        )
    if summary.stopped:
        kept = "the same command goes on from here" if format_ == "parquet" else f"{out} is not written"
        print(f"inkread: interrupted after {summary.rows:,} pictures; {kept}", file=sys.stderr)
        return 130
    print("\n".join(summary.lines()))
    return 1 if summary.failed or summary.troubles else 0


@contextlib.contextmanager
def _asked_to_stop() -> Iterator[Callable[[], bool]]:
    """Give what tells whether Ctrl-C or SIGTERM came: the first ends the run in order, a second at once."""
    asked = threading.Event()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def note(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - what `signal` calls
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()
        print("inkread: stopping; once more to stop at once", file=sys.stderr)

    for number in before:
        signal.signal(number, note)
    try:
        yield asked.is_set
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
