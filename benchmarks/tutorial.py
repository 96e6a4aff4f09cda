"""The tutorial's network, once: its ten epochs, and why 99 % on MNIST is not 99 % on one's own picture.

    python benchmarks/tutorial.py           6 minutes on two cores; seconds where runs/classic-0 is there already

Trains `classic` with seed 0 into runs/classic-0, unless it is there, and reads the single pictures of
../shared/data/pictures with it twice: as the tutorial does (resize to 28x28, grey, invert) and along our road. Writes
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

    It is turned as its EXIF says, which the tutorial forgets: the difference is to be that of the glyphs alone.
    """
    with Image.open(picture) as opened:
        upright = ImageOps.exif_transpose(opened)
        small = np.asarray(upright.convert("RGB").resize((28, 28)).convert("L"))
    return np.asarray((255 - small) / np.float32(255), np.float32)


def rights(reader: Reader, pictures: list[LabelledPicture]) -> tuple[list[bool], list[bool]]:
    """Return which pictures are read right as the tutorial does, and which along our road, by the same network."""
    glyphs = np.stack([tutorial_glyph(picture.path) for picture in pictures])
    answers = reader.classifier.classify(glyphs).argmax(axis=1)
    theirs = [str(answer) == picture.label for answer, picture in zip(answers, pictures, strict=True)]
    readings = reader.read_many((picture.path for picture in pictures), as_="digit", min_confidence=0)
    ours = [reading.text == picture.label for reading, picture in zip(readings, pictures, strict=True)]
    return theirs, ours


def written_up(reader: Reader, theirs: list[bool], ours: list[bool]) -> str:
    """Return what was measured as Markdown."""
    machine, used = hardware(), versions()
    of = len(ours)
    rows = [
        ("MNIST's test images", reader.card.test["accuracy"], None),
        ("own pictures, resized to 28x28, grey, inverted", sum(theirs) / of, wilson_interval(sum(theirs), of)),
        ("the same pictures along inkread's road", sum(ours) / of, wilson_interval(sum(ours), of)),
    ]
    told = [
        f"| {name} | {rate:.1%} | {'' if interval is None else '{:.1%} to {:.1%}'.format(*interval)} |"
        for name, rate, interval in rows
    ]
    only_theirs = sum(a and not b for a, b in zip(theirs, ours, strict=True))
    only_ours = sum(b and not a for a, b in zip(theirs, ours, strict=True))
    used_told = ", ".join(f"{name} {version}" for name, version in used.items())
    return (
        "# One network, two roads\n\n"
        f"Written by `python benchmarks/tutorial.py`: `classic`, seed {reader.card.seed}, {len(reader.card.epochs)} "
        f"epochs, on {of} single pictures of people's own. {machine['processor']}, {machine['cores']} cores; "
        f"{used_told}.\n\n"
        "| what the network reads | right | 95 % interval |\n|---|---|---|\n" + "\n".join(told) + "\n\n"
        f"Only the first road is right {only_theirs} times, only the second {only_ours} times (McNemar's exact test: "
        f"p = {mcnemar(only_theirs, only_ours):.1g}).\n"
    )


def own_pictures() -> list[LabelledPicture]:
    """Return the pictures of one digit, found in INKREAD_DATA or beside the project."""
    data = Path(os.environ.get("INKREAD_DATA") or HERE.parents[1] / "shared" / "data")
    return [picture for picture in labelled_pictures(data / "pictures" / "index.csv") if picture.kind == "single"]


def main() -> None:
    """Train unless it is done, read the pictures, write up."""
    if not MODEL.is_dir():
        print("training classic: 6 minutes on two cores", flush=True)
        train("classic", out=MODEL)
    reader = Reader(MODEL)
    shutil.copyfile(MODEL / HISTORY.name.removeprefix("tutorial_"), HISTORY)
    text = written_up(reader, *rights(reader, own_pictures()))
    print(text)
    with whole_file(HERE / "TUTORIAL.md") as path:
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
