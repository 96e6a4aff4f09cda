"""`inkread explain`: shows why a digit was read the way it was."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from inkread.cli.read_fast import FORCE_HELP, PRINT_HELP, PROFILE_HELP, REGION_HELP, check_names, profile_of
from inkread.files import check_outputs
from inkread.options import Content, Print, ReadOptions, parse_region
from inkread.teaching.profiles import DEFAULT_PROFILE

if TYPE_CHECKING:
    from inkread.explaining import Explanation

_NAMED_MAPS = 8


def explain(
    picture: Annotated[str, typer.Argument(metavar="PICTURE", help="A picture with one digit or several.")],
    figure: Annotated[
        Path | None,
        typer.Option(
            metavar="OUT.png",
            help="Save a figure of the pixels that decide, the runner-up, and the feature maps of every layer.",
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help=FORCE_HELP)] = False,
    show: Annotated[
        bool, typer.Option("--show", help="Show the figure in a window. Without a display, save it to a file.")
    ] = False,
    digit: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Which digit to explain, counted from 1 in reading order. Default: the one with the lowest "
            "confidence.",
        ),
    ] = None,
    as_: Annotated[Content, typer.Option("--as", help="What the picture contains, as for 'inkread read'.")] = "auto",
    print_: Annotated[Print, typer.Option("--print", help=PRINT_HELP)] = "auto",
    region: Annotated[str | None, typer.Option(metavar="X,Y,W,H", help=REGION_HELP)] = None,
    model: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH",
            help="A model folder, an .onnx, .keras, .h5 or .tflite file, or 'tiny'. Default: the shipped model.",
        ),
    ] = None,
    profile: Annotated[str, typer.Option(metavar="NAME", help=PROFILE_HELP)] = DEFAULT_PROFILE,
    format_: Annotated[
        Literal["text", "json"],
        typer.Option("--format", help="'json' prints one object, with the evidence of each pixel of the glyph."),
    ] = "text",
) -> None:
    """Show why a digit is read the way it is.

    The explanation shows the ink and the paper that support or contradict the answer, the smallest change after which
    the runner-up is read instead, and the feature maps of every layer, the largest responses first. It explains the
    network alone. If the digits you taught change the answer, the explanation says so.

    Examples:

        inkread explain 6.jpg --figure why.png

        inkread explain sheet.jpg --digit 3 --figure why.png
    """
    from inkread.explaining import explain as run
    from inkread.reader import Reader

    check_names([picture])
    if figure is not None:
        from inkread.figures import check_figure_path

        check_figure_path(figure)
        check_outputs([figure], [picture, model], force=force)
    options = ReadOptions(as_, print_=print_, region=parse_region(region))
    reader = Reader(model, profile=profile_of(profile))
    explanation = run(reader.run(picture, options), reader.classifier.network, digit=digit)
    if format_ == "json":
        print(json.dumps(explanation.to_dict(), ensure_ascii=False))
    else:
        _print(explanation)
    if not explanation.layers:
        print("inkread: this model has no layers that can be shown; only the pixels are explained", file=sys.stderr)
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
        causes = "because of its surroundings or taught digits; this explains the network alone"
        print(f"read as {class_name(explanation.read_as)} {causes}")
    if refused := explanation.steps.reading.refused:
        print(f"not read: {refused.message}")
    change = explanation.change
    would = change.words if change else "more than a few dots of ink would have to change"
    print(f"to be read as {explanation.runner_up}: {would}")
    for layer in explanation.layers:
        largest = ", ".join(map(str, layer.order[:_NAMED_MAPS])) if layer.has_maps else ""
        print(f"  {layer.name:18} {layer.shape:20} {'largest: ' if largest else ''}{largest}".rstrip())
