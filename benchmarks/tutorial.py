"""The tutorial's network: its ten epochs, and why 99% on MNIST is not 99% on real pictures.

    python benchmarks/tutorial.py           6 minutes on two cores; seconds if runs/classic-0 exists already

Trains `classic` with seed 0 into runs/classic-0, unless it exists, and reads the single pictures of the measuring sets
with it twice: prepared as in the tutorial (resized to 28x28, grey, inverted), and prepared by inkread. Writes
benchmarks/TUTORIAL.md and benchmarks/tutorial_history.csv, from which docs/figures.py draws the curves.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from inkread import Reader
from inkread.datasets.folders import LabelledPicture, labelled_pictures
from inkread.evaluation.statistics import mcnemar, wilson_interval
from inkread.files import whole_file
from inkread.training import train
from inkread.training.provenance import hardware, versions

HERE = Path(__file__).parent
MODEL = HERE.parent / "runs" / "classic-0"
HISTORY = HERE / "tutorial_history.csv"


def tutorial_glyph(picture: Path) -> NDArray[np.float32]:
    """Return a picture as the tutorial gives it to the network: (28, 28) float32 in 0..1.

    It is turned as its EXIF says, which the tutorial does not do, so that only the preparation differs.
    """
    with Image.open(picture) as opened:
        upright = ImageOps.exif_transpose(opened)
        small = np.asarray(upright.convert("RGB").resize((28, 28)).convert("L"))
    return np.asarray((255 - small) / np.float32(255), np.float32)


def rights(reader: Reader, pictures: list[LabelledPicture]) -> tuple[list[bool], list[bool]]:
    """Return which pictures the network reads right as the tutorial prepares them, and which as inkread does."""
    glyphs = np.stack([tutorial_glyph(picture.path) for picture in pictures])
    answers = reader.classifier.classify(glyphs).argmax(axis=1)
    theirs = [str(answer) == picture.label for answer, picture in zip(answers, pictures, strict=True)]
    readings = reader.read_many((picture.path for picture in pictures), as_="digit", min_confidence=0)
    ours = [reading.text == picture.label for reading, picture in zip(readings, pictures, strict=True)]
    return theirs, ours


def report(reader: Reader, theirs: list[bool], ours: list[bool]) -> str:
    """Return TUTORIAL.md."""
    machine, used = hardware(), versions()
    of = len(ours)
    rows = [
        ("MNIST's test images", reader.card.test["accuracy"], None),
        ("pictures, resized to 28x28, grey, inverted", sum(theirs) / of, wilson_interval(sum(theirs), of)),
        ("the same pictures, prepared by inkread", sum(ours) / of, wilson_interval(sum(ours), of)),
    ]
    told = [
        f"| {name} | {rate:.1%} | {'' if interval is None else '{:.1%} to {:.1%}'.format(*interval)} |"
        for name, rate, interval in rows
    ]
    only_theirs = sum(a and not b for a, b in zip(theirs, ours, strict=True))
    only_ours = sum(b and not a for a, b in zip(theirs, ours, strict=True))
    used_told = ", ".join(f"{name} {version}" for name, version in used.items())
    return (
        "# One network, two ways to prepare a picture\n\n"
        f"Written by `python benchmarks/tutorial.py`: `classic`, seed {reader.card.seed}, {len(reader.card.epochs)} "
        f"epochs, on {of} real pictures of one digit. {machine['processor']}, {machine['cores']} cores; "
        f"{used_told}.\n\n"
        "| input | right | 95% interval |\n|---|---|---|\n" + "\n".join(told) + "\n\n"
        f"Only the first way is right {only_theirs} times, only the second {only_ours} times (McNemar's exact test: "
        f"p = {mcnemar(only_theirs, only_ours):.1g}).\n"
    )


def single_pictures() -> list[LabelledPicture]:
    """Return the pictures of one digit, from INKREAD_DATA or the folder beside the project."""
    data = Path(os.environ.get("INKREAD_DATA") or HERE.parents[1] / "shared" / "data")
    return [picture for picture in labelled_pictures(data / "pictures" / "index.csv") if picture.kind == "single"]


def main() -> None:
    """Train unless the model exists, read the pictures, and write the page."""
    if not MODEL.is_dir():
        print("training classic: 6 minutes on two cores", flush=True)
        train("classic", out=MODEL)
    reader = Reader(MODEL)
    shutil.copyfile(MODEL / HISTORY.name.removeprefix("tutorial_"), HISTORY)
    text = report(reader, *rights(reader, single_pictures()))
    print(text)
    with whole_file(HERE / "TUTORIAL.md") as path:
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
