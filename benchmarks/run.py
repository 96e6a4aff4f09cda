"""Measure training, reading and start-up, and write the marked part of RESULTS.md again.

    python benchmarks/run.py                    everything that is not measured yet: 25 minutes on two cores
    python benchmarks/run.py --only pictures    these parts again: training reading glyphs pictures install

An interrupted run continues where it stopped: results are in runs/results.json, models in runs/. To measure everything
again, remove runs/. INKREAD_DATA names the folder with MNIST and the pictures. RESULTS.md opens with a table of the
targets, which is written by hand.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import measures
from inkread.files import whole_file
from inkread.training import RECIPES
from inkread.training.provenance import hardware, versions

RUNS = measures.ROOT / "runs"
RESULTS = RUNS / "results.json"
# The parts, with the entries of the results that each fills.
KEYS = {
    "training": ("training", "repeats"),
    **{part: (part,) for part in ("reading", "glyphs", "pictures", "install")},
}
PARTS = tuple(KEYS)

BEGIN, END = "<!-- results: written by benchmarks/run.py -->", "<!-- /results -->"


def measure(parts: list[str], results: dict[str, Any]) -> None:
    """Fill `results` with the parts that are asked for, saving after each, each with its date, machine and versions."""
    for part in parts:
        MEASURES[part](results)
        results.setdefault("made", {})[part] = {
            "date": datetime.now(UTC).date().isoformat(),
            "machine": hardware(),
            "versions": versions(),
        }
        save(results)


def train_all(results: dict[str, Any]) -> None:
    """Fill in the training runs, saving after each, and whether one repeats."""
    runs = results.setdefault("training", {})
    for name, result in measures.training(RUNS, done=set(runs)):
        runs[name] = result
        save(results)
    results["repeats"] = measures.repeats(RUNS)


MEASURES: dict[str, Callable[[dict[str, Any]], None]] = {
    "training": train_all,
    "reading": lambda results: results.update(reading=measures.one_picture(RUNS)),
    "glyphs": lambda results: results.update(glyphs=measures.glyphs_a_second(RUNS)),
    "pictures": lambda results: results.update(pictures=measures.pictures(Path(os.environ["INKREAD_DATA"]))),
    "install": lambda results: results.update(install=measures.base_install()),
}


def save(results: dict[str, Any]) -> None:
    """Write the results, whole or not at all."""
    with whole_file(RESULTS) as path:
        path.write_text(json.dumps(results, indent=1), encoding="utf-8")


def report(results: dict[str, Any]) -> Iterator[str]:
    """Yield the part of RESULTS.md between the marks, line by line."""
    by_circumstances: dict[str, list[str]] = {}
    for part, made in results["made"].items():
        by_circumstances.setdefault(json.dumps(made), []).append(part)
    for text, parts in by_circumstances.items():
        made = json.loads(text)
        machine = made["machine"]
        libraries = ", ".join(f"{name} {version}" for name, version in made["versions"].items())
        yield f"{', '.join(parts)}: {made['date']}, {machine['processor']}, {machine['cores']} cores,"
        yield f"{machine['memory_gib']} GiB; {libraries}.\n"
    yield from table(results)
    yield from details(results)


def table(results: dict[str, Any]) -> Iterator[str]:
    """Yield the main table line by line."""
    yield "| what | reached | at least |\n|---|---|---|"
    for what, reached, wanted in rows(results):
        yield f"| {what} | {reached} | {wanted} |"


def rows(results: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield what, reached and wanted of each line of the main table."""
    runs = list(results["training"].values())
    by_recipe = {name: [run for run in runs if run["recipe"] == name] for name in ("classic", "fast")}
    for name, wanted in (("classic", "99.0%"), ("fast", "99.30%")):
        epochs = f"{RECIPES[name].epochs} epochs"
        accuracies = [100 * run["accuracy"] for run in by_recipe[name]]
        spread = f"{statistics.mean(accuracies):.2f}% +- {statistics.stdev(accuracies):.2f}"
        yield f"`{name}`, {epochs}: test accuracy, mean of seeds 0 to {len(accuracies) - 1}", spread, wanted
    classic, fast = (statistics.mean(run["seconds"] for run in by_recipe[name]) for name in ("classic", "fast"))
    yield (
        "`fast` against `classic`, whole process, means of the same runs",
        f"{classic / fast:.1f} times ({fast:.1f} s against {classic:.0f} s)",
        "18 times, aim 30",
    )
    yield "`fast` with seed 0 trained twice: the same weights", "yes" if results["repeats"]["same"] else "NO", "yes"
    yield from reading_rows(results)


def reading_rows(results: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield the lines of the main table that are about reading."""
    found, reading, glyphs = results["pictures"], results["reading"], results["glyphs"]
    single = found["score"]["single"]
    yield (
        "pictures of one digit, shipped model",
        f"{100 * single['rate']:.2f}% ({single['right']} of {single['of']})",
        "97.5%",
    )
    ours, theirs = reading["read"], reading["tutorial"]
    yield (
        "`inkread read PICTURE`, whole process, against the tutorial's script, medians of 10",
        f"{theirs / ours:.1f} times ({ours:.2f} s against {theirs:.2f} s)",
        "15 times, aim 25",
    )
    theirs, best = glyphs["classic"], glyphs["classic in batches of 1000"]
    for name in ("shipped", "tiny"):
        ours = glyphs[name]
        yield (
            f"glyphs a second on all cores, batched, `{name}` against `classic`'s `predict` as the tutorial calls it",
            f"{ours / theirs:.1f} times ({ours:,.0f} against {theirs:,.0f}; {best:,.0f} in batches of 1000)",
            "10 times",
        )
    install = results["install"]
    size = f"{install['megabytes']:.0f} MB, {install['bytecode']:.0f} MB of it bytecode"
    yield (
        "base install without extras",
        f"{size}; {'with' if install['tensorflow'] else 'no'} TensorFlow",
        "under 420 MB, no TensorFlow",
    )


def details(results: dict[str, Any]) -> Iterator[str]:
    """Yield the details behind the main table."""
    found = results["pictures"]
    yield "\n### Pictures\n\n| pictures | right | of | |\n|---|---|---|---|"
    for group, score in found["score"].items():
        if group not in {"all", "single"}:
            yield f"| {group} | {score['right']} | {score['of']} | {100 * score['rate']:.1f}% |"
    drawn, refused = found["drawn"], found["refused"]
    yield f"| `drawn/eval` | {drawn['right']} | {drawn['of']} | {100 * drawn['right'] / drawn['of']:.1f}% |"
    yield f"| `nondigits`, refused | {refused['right']} | {refused['of']} | {100 * refused['rate']:.1f}% |"
    yield f"\nCalibration error on the single pictures: {found['ece']:.3f}. Misread or refused:\n"
    yield from (f"- `{picture}`: {label}, read {answer}" for picture, label, answer in found["misses"])
    yield "\n### Training runs\n"
    yield "| run | test accuracy | whole process | imports | training |\n|---|---|---|---|---|"
    for name, run in sorted(results["training"].items()):
        parts = run["parts"]
        yield (
            f"| {name} | {100 * run['accuracy']:.2f}% | {run['seconds']:.1f} s | {parts['framework']:.1f} s | "
            f"{parts['training']:.1f} s |"
        )
    yield f"\n`inkread read PICTURE --figure OUT.png`, whole process: {results['reading']['read with figure']:.2f} s."


def write_up(results: dict[str, Any]) -> None:
    """Replace the part of RESULTS.md between the marks."""
    page = measures.ROOT / "benchmarks" / "RESULTS.md"
    before, begin, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    text = "".join((before, begin, "\n\n", "\n".join(report(results)), "\n\n", end, after))
    with whole_file(page) as path:
        path.write_text(text, encoding="utf-8")


def main() -> None:
    """Measure and write up."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=PARTS, help="measure these parts again")
    only = parser.parse_args().only
    if not os.environ.get("INKREAD_DATA"):
        parser.error("INKREAD_DATA must name the folder with mnist/ and pictures/")
    RUNS.mkdir(exist_ok=True)
    results = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    for part in only or ():
        for key in KEYS[part]:
            results.pop(key, None)
    measure([part for part in PARTS if not all(key in results for key in KEYS[part])], results)
    write_up(results)


if __name__ == "__main__":
    main()
