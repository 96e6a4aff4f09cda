"""`inkread convert`: writes a model in another file format."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from inkread.cli.read_fast import FORCE_HELP

FEW = 0.5
"""A converted model with less than this share of right answers gets a warning."""


def convert(
    model: Annotated[
        Path,
        typer.Argument(metavar="MODEL", help="A model folder, 'shipped', 'tiny', or an .onnx, .keras or .h5 file."),
    ],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The file to write: .keras, .h5, .onnx or .tflite.")],
    int8: Annotated[
        bool,
        typer.Option("--int8", help="Use 8-bit weights and activations. Names that end in .int8.onnx imply it."),
    ] = False,
    force: Annotated[bool, typer.Option("--force", help=FORCE_HELP)] = False,
) -> None:
    """Write a model in another file format and check that it gives the same answers.

    The tutorial's mnist.h5 works too. No code in a model file is run: only the Keras layers that digit readers use are
    accepted. Both models read the same sample glyphs, from MNIST if it is on this machine. The file is written only if
    their answers agree. Keras, LiteRT and 8 bits need the extra 'train'.

    Examples:

        inkread convert mnist.h5 mnist.onnx

        inkread convert shipped digits.tflite

        inkread convert model model.int8.onnx
    """
    from inkread.converting import convert as run

    done = run(model, out, int8=int8, force=force)
    before, after = done.right
    print(f"{done.target}: {done.size / 1024:,.0f} KiB, largest difference {done.difference:.2g} on {done.glyphs}")
    print(f"{after:.1%} right, {before:.1%} before; {done.changed:.1%} of the answers changed")
    if after < FEW:
        print(
            "inkread: most answers are wrong; inkread passes ink as 1 and paper as 0, and this model may expect "
            "other values",
            file=sys.stderr,
        )
