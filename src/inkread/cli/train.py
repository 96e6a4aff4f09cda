"""`inkread train`: trains a model on MNIST and writes it to a model folder."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from inkread.errors import OptionError

if TYPE_CHECKING:
    from inkread.models.card import Card


def train(
    recipe: Annotated[
        Literal["classic", "fast", "best", "detector"] | None,
        typer.Option(
            metavar="classic|fast|best|detector",
            help="'classic': the network and settings of the well-known tutorial, in minutes. 'fast': the same "
            "accuracy in seconds. 'best': the shipped model, a detector and a network that reads any handwriting and "
            "refuses non-digits, in under two hours. 'detector': only the detector, which finds digits, signs and "
            "words on a page. The last two need 'make material'. Default: 'fast'; with --own, fine-tune a trained "
            "model.",
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder with MNIST's four idx files, gzip or not, or mnist.npz. Default: the folder that INKREAD_DATA "
            "names, then the user's cache, then a download.",
        ),
    ] = None,
    own: Annotated[
        str | None,
        typer.Option(
            metavar="DIR|PROFILE",
            help="Train on your own digits as well as MNIST: folders named 0 to 9 with one digit per picture, or the "
            "digits taught to a profile. Without --recipe, this fine-tunes the shipped model in a minute or two. It "
            "pays off from a few hundred digits; with fewer, use 'inkread teach'.",
        ),
    ] = None,
    from_: Annotated[
        Path | None,
        typer.Option(
            "--from",
            metavar="MODEL",
            help="With --own: the model to fine-tune, a folder or file made by 'best' or an earlier --own. Default: "
            "the shipped model. With '--recipe best': the model folder to continue from, or 'shipped'; this takes a "
            "quarter of the time.",
        ),
    ] = None,
    out: Annotated[Path, typer.Option(metavar="DIR", help="The model folder to write.")] = Path("model"),
    epochs: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="Passes over the training images; for 'detector', epochs of 4,000 drawn patches. Default: set by the "
            "recipe.",
        ),
    ] = None,
    seed: Annotated[
        int, typer.Option(min=0, metavar="N", help="The same seed gives the same model on the same machine.")
    ] = 0,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing model in the folder.")] = False,
    format_: Annotated[
        Literal["text", "json"], typer.Option("--format", help="'json' prints the model's card.")
    ] = "text",
) -> None:
    """Train the network on MNIST and save it. Needs the extra 'train'.

    The folder contains model.keras, model.onnx, card.json (how the model was made and how good it is), history.csv and
    curves.png. 'classic' adds mnist.h5, as the tutorial does. 'best' adds the folder 'detector'. The recipe 'detector'
    writes no curves.png. If a run of one of these two is interrupted, the same command continues after its last
    complete epoch.

    Examples:

        inkread train

        inkread train --recipe classic --out tutorial

        inkread train --own my-digits/ --out mine

        inkread train --recipe best --from shipped --out better

        inkread read 6.jpg --model model
    """
    from inkread import training
    from inkread.cli.progress import TrainingBar

    if from_ is not None and (own is None) != (recipe == "best"):
        raise OptionError(f"--from {from_}: fine-tuning needs --own, and no --recipe; or use '--recipe best' alone")
    if own is not None and recipe == "detector":
        raise OptionError(f"--own {own}: the detector learns from drawn pages; omit --own, or name another recipe")
    with TrainingBar() as bar:
        run: Callable[..., Card]
        if recipe == "detector":
            run = training.train_detector
        elif own is not None and recipe is None:
            run = partial(training.fine_tune, own, base=from_)
        else:
            run = partial(training.train, recipe or "fast", own=own, base=from_)
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
        print(f"{right:.2%} of the last epoch's marks classified correctly, {card.seconds['total']:.1f} s in total")
        print(f"saved in {out}")
        return
    right, images = card.test["accuracy"], card.test["images"]
    print(f"{right:.2%} of {images:,} test images right, {card.seconds['total']:.1f} s in total")
    print(f"saved in {out}; to use it: inkread read PICTURE --model {out}")
