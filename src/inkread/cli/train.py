"""`inkread train`: from MNIST to a model folder."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import typer

from inkread.errors import OptionError
from inkread.models.card import Card


def train(
    recipe: Annotated[
        Literal["classic", "fast", "best", "detector"] | None,
        typer.Option(
            metavar="classic|fast|best|detector",
            help="'classic': the well-known tutorial's network and settings, minutes. 'fast': the same accuracy in "
            "seconds. 'best': what inkread ships; reads any hand and knows what is no digit, 15 minutes. 'detector': "
            "what finds digits, signs and words on a page; an hour and a half, and needs 'make material'. Left out, "
            "'fast'; with --own, a trained model learns further.",
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder with MNIST's four idx files, gzip or not, or mnist.npz. Left out: the folder that "
            "INKREAD_DATA names, then the user's cache, then a download.",
        ),
    ] = None,
    own: Annotated[
        str | None,
        typer.Option(
            metavar="DIR|PROFILE",
            help="Learn from your own digits beside MNIST: pictures of one digit each in folders named 0 to 9, or what "
            "was taught under the name of a profile. Without --recipe the shipped model learns further, in a minute or "
            "two. Worth it from some hundreds on; for fewer, 'inkread teach' does.",
        ),
    ] = None,
    from_: Annotated[
        Path | None,
        typer.Option(
            "--from",
            metavar="MODEL",
            help="With --own: the model that learns further, a folder or file of 'best' or of an earlier --own. Left "
            "out, the shipped model.",
        ),
    ] = None,
    out: Annotated[Path, typer.Option(metavar="DIR", help="The model folder to write.")] = Path("model"),
    epochs: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="Rounds over the training images; for 'detector', of 4 000 patches of pages. "
            "Left out, the recipe says.",
        ),
    ] = None,
    seed: Annotated[
        int, typer.Option(min=0, metavar="N", help="The same seed gives the same model on one machine.")
    ] = 0,
    force: Annotated[bool, typer.Option("--force", help="Replace a model that lies in the folder already.")] = False,
    format_: Annotated[
        Literal["text", "json"], typer.Option("--format", help="'json' prints the model's card.")
    ] = "text",
) -> None:
    """Train the network on MNIST and save it. Needs the extra 'train'.

    The folder gets model.keras, model.onnx, card.json (how it was made and how good it is), history.csv and
    curves.png; 'classic' adds mnist.h5, as the tutorial does, and 'detector' has no curves.png. A run of 'detector'
    that was interrupted goes on from its last whole round when it is started again with the same options.

    Examples:

        inkread train

        inkread train --recipe classic --out tutorial

        inkread train --own my-digits/ --out mine

        inkread read 6.jpg --model model
    """
    from inkread import training
    from inkread.cli.progress import TrainingBar

    if from_ is not None and (own is None or recipe is not None):
        raise OptionError(f"--from {from_}: a model learns further with --own, and without --recipe")
    if own is not None and recipe == "detector":
        raise OptionError(f"--own {own}: the detector learns from drawn pages; leave --own out, or name another recipe")
    with TrainingBar() as bar:
        run: Callable[..., Card]
        if recipe == "detector":
            run = training.train_detector
        elif own is not None and recipe is None:
            run = partial(training.fine_tune, own, base=from_)
        else:
            run = partial(training.train, recipe or "fast", own=own)
        card = run(
            data=data,
            out=out,
            epochs=epochs,
            seed=seed,
            force=force,
            watcher=bar,
            download_progress=bar.downloads,
        )
    for message in card.data.get("left_out", ()):
        print(f"inkread: {message}", file=sys.stderr)
    if format_ == "json":
        print(card.to_json())
        return
    if recipe == "detector":
        right = card.epochs[-1]["accuracy"]
        print(f"{right:.2%} of the marks of the last epoch named right, {card.seconds['total']:.1f} s in all")
        print(f"saved in {out}")
        return
    right, images = card.test["accuracy"], card.test["images"]
    print(f"{right:.2%} of {images:,} test images right, {card.seconds['total']:.1f} s in all")
    print(f"saved in {out}; read with it: inkread read PICTURE --model {out}")
