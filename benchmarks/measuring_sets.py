"""The measuring sets beside the project as glyphs, made once and kept in runs/.

    glyphs = load_set("usps")

Every picture takes the steps of `inkread read --as digit` up to the classifier, which are the same for every model.
Sets of bitmaps without paper, USPS and optdigits, begin as ink maps. A picture without ink has an empty glyph.
"""

from __future__ import annotations

import csv
import hashlib
import inspect
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from inkread import glyphs, ink
from inkread.datasets.folders import labelled_pictures
from inkread.drawing.nondigits import HELD_OUT, nondigit_ink
from inkread.files import whole_file
from inkread.glyphs import NON_DIGIT, SIDE, normalise_one
from inkread.ink import find_ink
from inkread.layout import patches, single_digit
from inkread.layout.single_digit import find_digit
from inkread.pictures import opening, page
from inkread.pictures.opening import Picture, open_picture

RUNS = Path(__file__).parents[1] / "runs"


@dataclass(frozen=True, slots=True)
class Glyphs:
    """A set as glyphs.

    images: (N, 28, 28) float32 in 0..1; empty where no ink was found.
    labels: (N,) int, 0 to 9, or `NON_DIGIT` for a non-digit.
    groups: (N,) str, the source or writer where known.
    """

    images: NDArray[np.float32]
    labels: NDArray[np.int64]
    groups: NDArray[np.str_]


Row = tuple[Picture, int, str]


def load_set(name: str) -> Glyphs:
    """Return a set of `SETS`. It is made at the first call after a change to the steps, and then read from runs/."""
    path = RUNS / f"glyphs-{name}-{_steps_checksum()}.npz".replace("/", "-")
    if not path.exists():
        rows = list(SETS[name](Path(os.environ["INKREAD_DATA"])))
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            images = np.stack(list(pool.map(_glyph, (picture for picture, _, _ in rows))))
        RUNS.mkdir(exist_ok=True)
        with whole_file(path) as file:
            np.savez(file, images=images, labels=[row[1] for row in rows], groups=[row[2] for row in rows])
    with np.load(path) as kept:
        return Glyphs(kept["images"], kept["labels"], kept["groups"])


def _steps_checksum() -> str:
    """Return a checksum of the code that makes glyphs. After a change to it, they are made again."""
    text = "".join(inspect.getsource(module) for module in (glyphs, ink, single_digit, opening, page, patches))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _glyph(picture: Picture) -> NDArray[np.float32]:
    if isinstance(picture, np.ndarray) and picture.dtype == np.float32:
        return normalise_one(np.asarray(picture, np.float32))
    patch = find_digit(find_ink(open_picture(picture)))
    return np.zeros((SIDE, SIDE), np.float32) if patch is None else normalise_one(patch.ink)


def _pictures(data: Path) -> Iterator[Row]:
    with (data / "pictures" / "index.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["kind"] == "single":
                yield data / "pictures" / row["file"], int(row["label"]), row["source_repo"]


def _nondigits(data: Path) -> Iterator[Row]:
    with (data / "nondigits" / "index.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            yield data / "nondigits" / row["file"], NON_DIGIT, row["file"]


def _draw(data: Path, part: str = "eval") -> Iterator[Row]:
    for picture in labelled_pictures(data / "drawn" / part):
        yield picture.path, int(picture.label), ""


def _usps(data: Path, part: str = "test") -> Iterator[Row]:
    with h5py.File(data / "usps" / "usps.h5") as file:
        images, labels = file[f"{part}/data"][:], file[f"{part}/target"][:]
    return _ink_maps(images.reshape(-1, 16, 16), labels)


def _optdigits(data: Path) -> Iterator[Row]:
    kept = np.load(data / "optdigits" / "optdigits_orig_tra.npz")
    return _ink_maps(kept["x"] / np.float32(255), kept["y"])


def _european(data: Path) -> Iterator[Row]:
    kept = np.load(data / "european" / "cells.npz")
    for image, label in zip(kept["x"], kept["y"], strict=True):
        ground = round(float(np.median([image[0], image[-1]])))
        yield np.pad(image, 16, constant_values=ground), int(label), ""


def _held_out(_: Path) -> Iterator[Row]:
    """Yield pictures of the families of non-digits that training never sees, 300 of each, dark on white."""
    rng = np.random.default_rng(2026)
    for family in HELD_OUT:
        for _number in range(300):
            drawn = nondigit_ink(family, size=(160, 160), rng=rng)
            yield np.asarray(255 * (1 - drawn), np.uint8), NON_DIGIT, family


def _ink_maps(images: NDArray[np.floating], labels: Iterable[int]) -> Iterator[Row]:
    for image, label in zip(images, labels, strict=True):
        yield np.asarray(image, np.float32), int(label), ""


SETS: dict[str, Callable[[Path], Iterator[Row]]] = {
    "pictures": _pictures,
    "nondigits": _nondigits,
    "held-out families": _held_out,
    "drawn/eval": _draw,
    "drawn/train": partial(_draw, part="train"),
    "usps": _usps,
    "usps/train": partial(_usps, part="train"),
    "optdigits": _optdigits,
    "european": _european,
}
