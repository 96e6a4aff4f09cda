"""How the constants in `inkread.teaching.neighbours` were chosen: one changed at a time, on no test set.

    python benchmarks/teach_study.py                                     with the shipped model
    python benchmarks/teach_study.py --model runs/best-1 --model ...     the means over several models

Teaches 5 of each class of USPS's training images and of `drawn/train`, and reads the rest. Also draws distorted hands,
of which 4% to 30% are misread, and teaches 2 of each class or only the first misread one of each. Harm is counted on
every fourth training image of MNIST and on drawn non-digits. INKREAD_DATA names the folder of the measuring sets.
Writes benchmarks/teach_study.md; takes a minute per model and one more for drawing, on two cores.
"""

from __future__ import annotations

import argparse
import io
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fast_study import patch
from inkread.datasets import load_mnist
from inkread.drawing import GROUNDS, PENS, SHAPES, Hand, digit_ink, draw_digit
from inkread.drawing.nondigits import FAMILIES, nondigit_ink
from inkread.errors import PictureError
from inkread.files import whole_file
from inkread.glyphs import CLASSES, NON_DIGIT, normalise_one
from inkread.loading import load_classifier
from inkread.reader import Reader
from inkread.teaching import neighbours
from inkread.teaching.neighbours import Neighbours
from inkread.training.provenance import hardware
from measures import ROOT
from measuring_sets import Glyphs, load_set
from teach import Seen, of_each_class, seen, taught, weighed

HANDS, OF_EACH = 120, 14

DRAWS, TAUGHT = 3, 5
"""How often digits of USPS and drawn/train are drawn, and how many of each class are taught."""

MISREAD = (0.04, 0.30)
"""The share of a hand's digits that is misread. Below there is nothing to learn; above it cannot be read."""

NONDIGITS, SAVED_ANEW = 1500, 400
SIDE = 160


@dataclass(frozen=True, slots=True)
class Material:
    """The glyphs to teach and read: sets, and hands, each with `10 * OF_EACH` glyphs in the order of the digits."""

    sets: dict[str, Glyphs]
    hands: list[Glyphs]


@dataclass(frozen=True, slots=True)
class Network:
    """The material as one network sees it."""

    sets: dict[str, Seen]
    hands: list[Seen]
    no_digit: float


def _of_power(power: float) -> Callable[[NDArray[np.floating]], NDArray[np.float32]]:
    """Return a function that raises features, (n, K), to a power and scales them to length 1."""

    def directions(features: NDArray[np.floating]) -> NDArray[np.float32]:
        raised = np.copysign(np.abs(features) ** power, features)
        return np.asarray(raised / np.maximum(np.linalg.norm(raised, axis=1, keepdims=True), 1e-12), np.float32)

    return directions


VARIANTS: dict[str, dict[str, Any]] = {
    "as it is": {},
    "the near kernel alone": {"_FAR_VARIANCE": 1e-9},
    "the far kernel alone": {"_NEXT_WEIGHT": 0.0},
    "near, width 0.05": {"_NEXT": 0.05},
    "near, width 0.06": {"_NEXT": 0.06},
    "near, width 0.08": {"_NEXT": 0.08},
    "near, width 0.10": {"_NEXT": 0.10},
    "a lesson weighs 8": {"_NEXT_WEIGHT": 8.0},
    "a lesson weighs 32": {"_NEXT_WEIGHT": 32.0},
    "a lesson weighs 64": {"_NEXT_WEIGHT": 64.0},
    "far, width 0.25": {"_FAR": 0.25},
    "far, width 0.50": {"_FAR": 0.5},
    "far, variance 16": {"_FAR_VARIANCE": 16.0},
    "far, variance 256": {"_FAR_VARIANCE": 256.0},
    "features to the power 0.33": {"_directions": _of_power(0.33)},
    "features themselves": {"_directions": _of_power(1.0)},
    "as it was: features themselves, near 0.06, far 0.50": {"_directions": _of_power(1.0), "_NEXT": 0.06, "_FAR": 0.5},
}


def hand(number: int) -> NDArray[np.float32]:
    """Return a writer's glyphs, (10 * OF_EACH, 28, 28): strongly slanted, with one distorted shape per digit."""
    rng = np.random.default_rng((14, number))
    slant, breadth, pen = rng.uniform(-0.6, 0.7), np.exp(rng.normal(0, 0.3)), str(rng.choice(list(PENS)))
    writer = Hand(float(slant), float(breadth), float(rng.uniform(0.012, 0.03)), float(rng.uniform(0.01, 0.07)))
    amount, made = rng.uniform(0.03, 0.09) * SIDE, list[NDArray[np.float32]]()
    for digit, shapes in SHAPES.items():
        shape, cells = str(rng.choice(list(shapes))), int(rng.integers(3, 6))
        nodes = rng.normal(0, amount, (cells, cells, 2)).astype(np.float32)
        shifts = cv2.resize(nodes, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
        rows, columns = np.indices((SIDE, SIDE), np.float32)
        for _ in range(OF_EACH):
            ink = digit_ink(digit, rng=rng, size=(SIDE, SIDE), pen=pen, shape=shape, hand=writer, share=0.55)
            bent = cv2.remap(ink, columns + shifts[..., 0], rows + shifts[..., 1], cv2.INTER_LINEAR)
            made.append(normalise_one(np.asarray(bent, np.float32)))
    return np.stack(made)


def nondigits() -> Glyphs:
    """Return drawn glyphs of all families that training sees."""
    rng = np.random.default_rng(77)
    families = [list(FAMILIES)[number % len(FAMILIES)] for number in range(NONDIGITS)]
    images = np.stack([normalise_one(nondigit_ink(family, size=(SIDE, SIDE), rng=rng)) for family in families])
    return Glyphs(images, np.full(NONDIGITS, NON_DIGIT), np.array(families))


def material() -> Material:
    """Return the glyphs to teach and read."""
    mnist = load_mnist()
    images = np.asarray(mnist.train_images[::4] / np.float32(255), np.float32)
    none = np.array([])
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        hands = [
            Glyphs(glyphs, np.repeat(np.arange(CLASSES), OF_EACH), none) for glyphs in pool.map(hand, range(HANDS))
        ]
    sets = {name: load_set(name) for name in ("usps/train", "drawn/train")}
    sets |= {"mnist": Glyphs(images, mnist.train_labels[::4].astype(np.int64), none), "nondigits": nondigits()}
    return Material(sets, hands)


def network(model: Path | None, made: Material) -> Network:
    """Return the material as a network sees it, with the shipped card's temperature and threshold."""
    classifier, shipped = load_classifier(model, threads=os.cpu_count() or 1), load_classifier(None).card
    classifier.card = replace(classifier.card, temperature=shipped.temperature, no_digit=shipped.no_digit)
    hands = [seen(classifier, glyphs) for glyphs in made.hands]
    able = [views for views in hands if MISREAD[0] <= wrong(views.probabilities, views).mean() <= MISREAD[1]]
    return Network({name: seen(classifier, glyphs) for name, glyphs in made.sets.items()}, able, shipped.no_digit)


def wrong(probabilities: NDArray[np.floating], of: Seen) -> NDArray[np.bool_]:
    """Tell which glyphs are misread, refused or not."""
    return np.asarray(probabilities[:, :CLASSES].argmax(axis=1) != of.labels, np.bool_)


def change(known: Neighbours, of: Seen) -> NDArray[np.int64]:
    """Return how many glyphs are misread before and after teaching, corrected and broken."""
    before, after = wrong(of.probabilities, of), wrong(weighed(known, of), of)
    return np.array([before.sum(), after.sum(), (before & ~after).sum(), (~before & after).sum()])


def on_the_rest(of: Seen, chosen: NDArray[np.intp]) -> tuple[Neighbours, NDArray[np.int64]]:
    """Teach the chosen glyphs of a set; return the neighbours, and the change of the other glyphs."""
    known = taught(of.part(chosen))
    return known, change(known, of.part(np.setdiff1d(np.arange(len(of.labels)), chosen)))


def harm(known: Neighbours, net: Network) -> NDArray[np.int64]:
    """Return how many MNIST images teaching breaks, and how many non-digits pass that were refused before."""
    nothing, mnist = net.sets["nondigits"], net.sets["mnist"]
    after = weighed(known, nothing)[:, NON_DIGIT]
    passed = (after <= net.no_digit) & (nothing.probabilities[:, NON_DIGIT] > net.no_digit)
    return np.array([change(known, mnist)[3], passed.sum()])


def row(net: Network) -> NDArray[np.float64]:
    """Return the effects of teaching with the current constants of `neighbours`: the cells of `table`."""
    cells: list[NDArray[np.floating]] = []
    for name in ("usps/train", "drawn/train"):
        of, counts = net.sets[name], list[NDArray[np.int64]]()
        for draw in range(DRAWS):
            chosen = of_each_class(of.labels, TAUGHT, np.random.default_rng(draw))
            counts.append(on_the_rest(of, chosen)[1])
        cells.append(np.mean(counts, axis=0))
    two, first, harms = np.zeros(4), np.zeros(4), list[NDArray[np.int64]]()
    for number, own in enumerate(net.hands):
        chosen = of_each_class(own.labels, 2, np.random.default_rng(number))
        known, changed = on_the_rest(own, chosen)
        two += changed
        harms.append(harm(known, net) if number % 8 == 0 else harms[-1])
        misread = np.flatnonzero(wrong(own.probabilities, own))
        chosen = misread[np.unique(own.labels[misread], return_index=True)[1]]
        first += on_the_rest(own, chosen)[1]
    return np.concatenate([*cells, two, first, np.mean(harms, axis=0)])


def distances() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the distances of drawn pictures from a copy saved again, and from the nearest with another label."""
    reader, rng, shown = Reader(profile=None), np.random.default_rng(3), list[tuple[Any, Any, int]]()
    for number in range(SAVED_ANEW):
        picture = draw_digit(number % CLASSES, rng=rng, ground=list(GROUNDS)[number % len(GROUNDS)])
        file, side = io.BytesIO(), int(rng.uniform(0.6, 1) * len(picture))
        Image.fromarray(picture).resize((side, side)).save(file, "JPEG", quality=int(rng.integers(50, 95)))
        try:
            pair = [reader.steps(source, as_="digit").glyphs for source in (picture, file.getvalue())]
        except PictureError:
            continue
        if all(len(glyphs) == 1 for glyphs in pair):
            shown.append((pair[0][0], pair[1][0], number % CLASSES))
    first, second, labels = (np.array(values) for values in zip(*shown, strict=True))
    one, other = (
        neighbours._directions(reader.classifier.network.classify_with_features(glyphs)[1])  # noqa: SLF001
        for glyphs in (first, second)
    )
    apart = np.where(labels[:, None] == labels, np.inf, 1 - one @ one.T).min(axis=1)
    return 1 - (one * other).sum(axis=1), apart


def table(rows: dict[str, NDArray[np.float64]], models: Sequence[str], hands: float) -> Iterator[str]:
    """Yield teach_study.md line by line."""
    machine = hardware()
    yield "# How the settings of teaching were chosen\n"
    yield f"Written by `benchmarks/teach_study.py`; the means of {len(models)} networks: {', '.join(models)}."
    yield f"{machine['processor']}, {machine['cores']} cores. Misread before -> after (corrected, broken): USPS's"
    yield f"training images and `drawn/train` with {TAUGHT} of each class taught, mean of {DRAWS} draws;"
    yield f"{hands:.0f} drawn hands with 2 of each class taught, or the first misread one of each."
    yield "Harm to others: how many of 15 000 of MNIST's training images become wrong after 2 of each class of one"
    yield f"hand, and how many of {NONDIGITS} drawn non-digits pass that were refused before.\n"
    yield "| changed | USPS train | drawn/train | hands, 2 of each | hands, first misread | MNIST | non-digits |"
    yield "|---|---|---|---|---|---|---|"
    for name, values in rows.items():
        cells = [_counts(values[start : start + 4]) for start in (0, 4, 8, 12)]
        yield f"| {name} | {' | '.join(cells)} | {values[16]:.1f} | {values[17]:.1f} |"
    same, apart = distances()
    yield f"\nThe distance of {len(same)} drawn pictures from a smaller JPEG copy has a median of {np.median(same):.4f}"
    yield f"and a 99th percentile of {np.quantile(same, 0.99):.4f};"
    yield f"the nearest glyph with another label is at {apart.min():.2f}."


def _counts(values: NDArray[np.float64]) -> str:
    before, after, mended, broken = values
    return f"{before:.0f} -> {after:.1f} ({mended:.1f}, {broken:.1f})"


def main() -> None:
    """Measure every variant and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, action="append", default=[], help="a model folder beside the shipped one")
    models = parser.parse_args().model
    made = material()
    nets = [network(model, made) for model in (None, *models)]
    rows: dict[str, NDArray[np.float64]] = {}
    for name, changes in VARIANTS.items():
        with ExitStack() as stack:
            for what, value in changes.items():
                stack.enter_context(patch(neighbours, what, value))
            rows[name] = np.mean([row(net) for net in nets], axis=0)
        print(name, np.round(rows[name], 1), flush=True)
    names = ["the shipped model", *(f"`{model}`" for model in models)]
    with whole_file(ROOT / "benchmarks" / "teach_study.md") as path:
        lines = table(rows, names, float(np.mean([len(net.hands) for net in nets])))
        path.write_text("\n".join([*lines, ""]), encoding="utf-8")


if __name__ == "__main__":
    main()
