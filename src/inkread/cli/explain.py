"""`inkread explain`: why a digit was read as it was."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from inkread.cli.profile_option import PROFILE_HELP, profile_of
from inkread.options import Content
from inkread.teaching.profiles import DEFAULT_PROFILE

if TYPE_CHECKING:
    from inkread.explaining import Explanation

_NAMED_MAPS = 8


def explain(
    picture: Annotated[str, typer.Argument(metavar="PICTURE", help="A picture with one digit or several.")],
    figure: Annotated[
        Path | None,
        typer.Option(
            metavar="OUT.png", help="Draw it: the pixels that decide, the runner-up, and the maps of every layer."
        ),
    ] = None,
    show: Annotated[
        bool, typer.Option("--show", help="Show that figure in a window; without a display, as a file.")
    ] = False,
    digit: Annotated[
        int | None,
        typer.Option(
            metavar="N", help="Which digit of several, counted from 1 in reading order. Left out, the least sure."
        ),
    ] = None,
    as_: Annotated[Content, typer.Option("--as", help="What the picture holds, as for 'inkread read'.")] = "auto",
    model: Annotated[
        Path | None,
        typer.Option(
            help="A model folder, an .onnx, .keras, .h5 or .tflite file, or 'tiny'. Left out, the shipped model."
        ),
    ] = None,
    profile: Annotated[str, typer.Option(metavar="NAME", help=PROFILE_HELP)] = DEFAULT_PROFILE,
    format_: Annotated[
        Literal["text", "json"],
        typer.Option("--format", help="'json' prints one object, with what each pixel of the glyph weighs."),
    ] = "text",
) -> None:
    """Show why a digit is read as it is.

    Which ink speaks for the answer and which against it, and where ink is missing that would; how little would have
    to change for another digit, the runner-up, to be read; and the feature maps of every layer, the largest responses
    first. It is the network that is explained; where what you taught makes another digit of it, that is said, too.

    Examples:

        inkread explain 6.jpg --figure why.png

        inkread explain sheet.jpg --digit 3 --figure why.png
    """
    from inkread.explaining import explain as run
    from inkread.reader import Reader

    if figure is not None:
        from inkread.figures.saving import check_figure_path

        check_figure_path(figure)
    reader = Reader(model, profile=profile_of(profile))
    explanation = run(reader.steps(picture, as_=as_), reader.classifier.network, digit=digit)
    if format_ == "json":
        print(json.dumps(explanation.to_dict(), ensure_ascii=False))
    else:
        _print(explanation)
    if not explanation.layers:
        print("inkread: the model's file names no layers that can be shown; the pixels are explained", file=sys.stderr)
    if figure is not None or show:
        from inkread.cli.read_fast import hand_over
        from inkread.figures.explain import draw_explanation

        hand_over(draw_explanation(explanation), figure, show=show, name="explanation.png")


def _print(explanation: Explanation) -> None:
    from inkread.explaining import class_name
    from inkread.style import percent

    likely, next_ = (
        f"{class_name(answer)} {percent(float(explanation.probabilities[answer]))}"
        for answer in (explanation.answer, explanation.runner_up)
    )
    count = len(explanation.steps.glyphs)
    print(f"{likely}, runner-up {next_}" + (f" (digit {explanation.index + 1} of {count})" if count > 1 else ""))
    if explanation.read_as != explanation.answer:
        print(f"read as {class_name(explanation.read_as)}, by what was taught; this is about the network alone")
    if refused := explanation.steps.reading.refused:
        print(f"not read: {refused.message}")
    change = explanation.change
    would = change.words if change else "more would have to change than a few dots of ink"
    print(f"to be read as {explanation.runner_up}: {would}")
    for layer in explanation.layers:
        largest = ", ".join(map(str, layer.order[:_NAMED_MAPS])) if layer.has_maps else ""
        print(f"  {layer.name:18} {layer.shape:20} {'largest: ' if largest else ''}{largest}".rstrip())
