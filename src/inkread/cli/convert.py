"""`inkread convert`: a model as a file of another kind."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

FEW = 0.5  # of the glyphs right


def convert(
    model: Annotated[
        Path,
        typer.Argument(metavar="MODEL", help="A model folder, 'shipped', 'tiny', or an .onnx, .keras or .h5 file."),
    ],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The file to write: .keras, .h5, .onnx or .tflite.")],
    int8: Annotated[
        bool,
        typer.Option("--int8", help="Weights and activations in 8 bits, as in a name that ends in .int8.onnx."),
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it is there already.")] = False,
) -> None:
    """Write a model as a file of another kind, checked to answer alike.

    The tutorial's mnist.h5 is taken, too. Nothing in a file is run: of Keras's layers, those that read digits are
    taken, and all else is refused. Both models answer real glyphs, MNIST's where it lies on this machine, and the file
    is written only where their answers agree. Keras, LiteRT and 8 bits need the extra 'train'.

    Examples:

        inkread convert mnist.h5 mnist.onnx

        inkread convert shipped digits.tflite

        inkread convert model model.int8.onnx
    """
    from inkread.converting import convert as run

    done = run(model, out, int8=int8, force=force)
    before, after = done.right
    print(f"{done.target}: {done.size / 1024:,.0f} KiB, largest difference {done.difference:.2g} on {done.glyphs}")
    print(f"{after:.1%} of them right, {before:.1%} before; {done.changed:.1%} have another answer now")
    if after < FEW:
        print("inkread: few are right; it gives ink as 1 and paper as 0, which is not what all expect", file=sys.stderr)
