"""`inkread evaluate`: measures how many labelled digits a model reads correctly."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from inkread.cli.read_fast import FORCE_HELP
from inkread.errors import OptionError
from inkread.files import check_outputs

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from inkread.evaluation.evaluate import Comparison, Evaluation

SHOWN_MISSES = 20


def evaluate(
    data: Annotated[
        str,
        typer.Option(
            metavar="mnist|DIR|index.csv",
            help="'mnist': the 10,000 test images. DIR: MNIST's files, or pictures in folders named 0 to 9. index.csv: "
            "columns 'picture' (or 'path', 'file') and 'label', with several lines joined by '|', between commas, "
            "semicolons or tabs. Optional columns 'kind', 'capture' and 'source' give a score per group.",
        ),
    ] = "mnist",
    model: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH",
            help="A model folder, an .onnx, .keras, .h5 or .tflite file, or 'tiny'. Default: the shipped model.",
        ),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(
            metavar="OUT.html",
            help="Write a page with accuracy by class, capture and source, the confusion matrix, a gallery of the "
            "mistakes, the reliability diagram and accuracy by minimum confidence.",
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help=FORCE_HELP)] = False,
    against: Annotated[
        Path | None,
        typer.Option(
            metavar="MODEL",
            help="Compare with a second model on the same data, and test whether the difference may be chance "
            "(McNemar).",
        ),
    ] = None,
    format_: Annotated[
        Literal["text", "json"], typer.Option("--format", help="'json' prints one object, with every miss.")
    ] = "text",
) -> int:
    """Measure how many digits a model reads correctly.

    Pictures go through every step from the file to the digit. Pictures that are refused or cannot be opened count as
    wrong. If one cannot be opened, the exit code is 1. MNIST's test images go straight to the network.

    Examples:

        inkread evaluate

        inkread evaluate --data my-digits/ --model model --report report.html

        inkread evaluate --data my-digits/index.csv --against tiny --report report.html
    """
    from inkread.cli.progress import CountBar
    from inkread.evaluation.evaluate import compare
    from inkread.evaluation.evaluate import evaluate as run

    if report is not None:
        from inkread.evaluation.report import check_report_path

        check_report_path(report)
        check_outputs([report], _files_read(data, model, against), force=force)
    with CountBar("reading") as bar:
        result = run(data, model=model, progress=bar.shows)
        comparison = compare(result, run(data, model=against, progress=bar.shows)) if against else None
    failure = _write_report(result, report, comparison)
    if format_ == "json":
        also = {"against": comparison.to_dict()} if comparison else {}
        print(json.dumps({**result.to_dict(), **also}, ensure_ascii=False))
    else:
        _print(result, comparison)
    for answer in result.answers:
        if answer.error:
            print(f"inkread: {answer.error.message}", file=sys.stderr)
    if failure:
        raise failure
    return 1 if result.failed else 0


def _files_read(data: str, *models: Path | None) -> Iterator[str | Path | None]:
    """Yield the files and folders that an evaluation reads, also the pictures that an index names."""
    from inkread.datasets.folders import labelled_pictures

    yield from (data, *models)
    if Path(data).is_file():
        yield from (picture.path for picture in labelled_pictures(Path(data)))


def _write_report(result: Evaluation, path: Path | None, comparison: Comparison | None) -> OptionError | None:
    """Write the report if one was asked for. Return the error if that fails, so that the score is still printed."""
    if path is None:
        return None
    from inkread.evaluation.report import save_report

    try:
        save_report(result, path, comparison)
    except OptionError as error:
        return error
    return None


def _print(result: Evaluation, comparison: Comparison | None) -> None:
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True)
    low, high = result.interval
    console.print(
        f"[bold]{result.accuracy:.2%}[/bold] right: {result.right:,} of {result.of:,} "
        f"(95% interval {low:.2%} to {high:.2%}), {result.seconds:.1f} s"
    )
    if comparison:
        _print_comparison(console, comparison)
    if result.refused or result.failed:
        console.print(f"counted as wrong: {result.refused} refused, {result.failed} could not be opened")
    if result.calibration_error is not None:
        console.print(f"calibration error {result.calibration_error:.3f}")
    for name, (right, of) in sorted(result.groups.items()):
        console.print(f"  {name or '(no group)':24} {right:5} of {of:5}  {right / of:7.2%}", markup=False)
    console.print(_confusion(result))
    for miss in result.misses[:SHOWN_MISSES]:
        sure = "" if miss.confidence is None else f", {miss.confidence:.0%} sure"
        console.print(f"  {miss.picture}: is {miss.label}, read {miss.answer}{sure}", markup=False)
    if len(result.misses) > SHOWN_MISSES:
        console.print(f"  and {len(result.misses) - SHOWN_MISSES} more; --format json lists them all")


def _print_comparison(console: Console, comparison: Comparison) -> None:
    second = comparison.second
    low, high = (100 * end for end in comparison.interval)
    alone = f"right only by the first: {comparison.only_first:,}, only by the second: {comparison.only_second:,}"
    console.print(
        f"against {second.model}: {second.accuracy:.2%} right, {100 * comparison.difference:+.2f} points (95% "
        f"interval {low:+.2f} to {high:+.2f}); {alone}; p = {comparison.p:.2g}: {comparison.verdict}",
        markup=False,
    )


def _confusion(result: Evaluation) -> Table:
    """Return the confusion matrix as a table with a row for each true digit. Zeros are left blank."""
    from rich.table import Table

    table = Table(title="rows: true digit; columns: digit read", title_style="dim", title_justify="left")
    for heading in ("", *"0123456789"):
        table.add_column(heading, justify="right")
    for digit, counts in enumerate(result.confusion):
        cells = [f"[bold]{count}[/bold]" if answer == digit else str(count) for answer, count in enumerate(counts)]
        table.add_row(str(digit), *(cell if counts[answer] else "" for answer, cell in enumerate(cells)))
    return table
