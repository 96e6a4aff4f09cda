"""Score readers of numbers on the public benchmark, and write the table of benchmarks/PUBLIC.md.

    python benchmarks/public/score.py FOLDER --reader tesseract
    python benchmarks/public/score.py FOLDER --reader inkread --sets weather
    python benchmarks/public/score.py FOLDER --command "my-reader --numbers"

FOLDER has the sets; `sets.py` fetches them. The scores of each reader are kept in benchmarks/public/results.json.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import readers
from readers import READERS, SIGNS, Answer, Opened
from sets import SETS, Row, read_index

from inkread.files import whole_file

HERE = Path(__file__).parent
RESULTS = HERE / "results.json"
PAGE = HERE.parent / "PUBLIC.md"
SURE = 0.9
BINS = 10

Score = dict[str, Any]


def text_of(lines: Iterable[str], *, signs: bool) -> str:
    """Return lines as labels have them: digits, and signs if wanted, without spaces, lines joined by `|`."""
    kept = SIGNS if signs else SIGNS[:10]
    # Other programs print the minus of typographers.
    found = ("".join(letter for letter in line.replace("\u2212", "-") if letter in kept) for line in lines)
    return "|".join(filter(None, found))


def score(pairs: list[tuple[Row, Answer]], seconds: float) -> Score:
    """Return the scores of a reader on pictures, as counts and shares.

    right: the whole text is right: digits, and signs where the label has them. Non-digits are right if refused.
    digits: the digits are right, whatever the signs. signs: of the pictures with signs, those read with all of them.
    wrong_though_sure: wrong, with a confidence of at least 0.9; None for a reader without confidences.
    refused: no digit was read. calibration: the expected calibration error of the confidences, in ten bins.
    """
    numbers = [(row, answer) for row, answer in pairs if row.kind != "nondigit"]
    right = {row.place: _is_right(row, answer) for row, answer in pairs}
    signs = [row for row, _ in numbers if row.kind == "signs"]
    sure = [(answer.confidence, right[row.place]) for row, answer in numbers if answer.confidence is not None]
    return {
        "pictures": len(pairs),
        "right": sum(right.values()),
        "digits": sum(text_of(answer.lines, signs=False) == _digits(row) for row, answer in numbers),
        "signs": [sum(right[row.place] for row in signs), len(signs)],
        "refused": sum(not text_of(answer.lines, signs=False) for _, answer in pairs),
        "wrong_though_sure": sum(how >= SURE and not ok for how, ok in sure) if sure else None,
        "calibration": round(_calibration(sure), 4) if sure else None,
        "seconds": round(seconds / len(pairs), 4),
    }


def _is_right(row: Row, answer: Answer) -> bool:
    if row.kind == "nondigit":
        return not text_of(answer.lines, signs=False)
    signs = row.kind == "signs"
    return text_of(answer.lines, signs=signs) == (row.label.replace(" ", "") if signs else _digits(row))


def _digits(row: Row) -> str:
    return text_of(row.label.split("|"), signs=False)


def _calibration(sure: list[tuple[float, bool]]) -> float:
    bins: list[list[tuple[float, bool]]] = [[] for _ in range(BINS)]
    for how, ok in sure:
        bins[min(BINS - 1, int(how * BINS))].append((how, ok))
    return sum(abs(sum(how - ok for how, ok in found)) for found in bins) / len(sure)


def run(reader: Opened, rows: list[Row], folder: Path, sets: Sequence[str] = SETS) -> dict[str, Score]:
    """Return the scores of a reader by set, of the pictures that are in the folder."""
    scores = {}
    for name in sets:
        there = [row for row in rows if row.set == name and (folder / row.place).is_file()]
        started = time.perf_counter()
        pairs = [(row, reader.read(folder / row.place)) for row in there]
        if pairs:
            scores[name] = score(pairs, time.perf_counter() - started)
    return scores


def page(results: dict[str, Any]) -> str:
    """Return benchmarks/PUBLIC.md."""
    lines = [(HERE / "page.md").read_text(encoding="utf-8").rstrip(), ""]
    head = "| reader | pictures | whole text | digits | with signs | refused | wrong though sure | calibration | s |"
    for name in SETS:
        measured = [found for found in results.values() if name in found["scores"]]
        if not measured:
            continue
        lines += [f"### {name}", "", head, "|---|---|---|---|---|---|---|---|---|"]
        lines += [_line(found["version"], found["scores"][name]) for found in measured]
        lines.append("")
    if not results:
        return "\n".join([*lines, "No reader has been measured yet."]) + "\n"
    lines += ["## How each was run", "", "| reader | command | measured |", "|---|---|---|"]
    lines += [f"| {found['version']} | `{found['command']}` | {found['measured']} |" for found in results.values()]
    return "\n".join(lines) + "\n"


def _line(name: str, found: Score) -> str:
    def share(count: int) -> str:
        return f"{count / found['pictures']:.1%}"

    read, of = found["signs"]
    doubt = "" if found["wrong_though_sure"] is None else share(found["wrong_though_sure"])
    error = "" if found["calibration"] is None else f"{found['calibration']:.3f}"
    signs = f"{read} of {of}" if of else ""
    shares = [share(found[key]) for key in ("right", "digits")]
    cells = [name, str(found["pictures"]), *shares, signs, share(found["refused"]), doubt, error]
    return f"| {' | '.join(cells)} | {found['seconds']:.2f} |"


def main() -> None:
    """Score a reader, keep its scores, and write the page."""
    parser = argparse.ArgumentParser(description="Score a reader on the public benchmark.")
    parser.add_argument("folder", type=Path)
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--reader", choices=READERS)
    which.add_argument("--command", help="a program that gets a picture as its last word and prints its text")
    parser.add_argument("--sets", nargs="+", choices=SETS, default=SETS, help="the others keep their scores")
    parser.add_argument("--print", action="store_true", help="print the scores, and write nothing")
    options = parser.parse_args()
    reader = READERS[options.reader]() if options.reader else readers.open_command(options.command)
    scores = run(reader, read_index(), options.folder, options.sets)
    if options.print:
        sys.stdout.write(json.dumps(scores, indent=1) + "\n")
        return
    results = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    measured = time.strftime("%Y-%m-%d", time.gmtime())
    about = {"version": reader.version, "command": reader.command, "measured": measured}
    name = options.reader or options.command
    results[name] = {**about, "scores": {**results.get(name, {}).get("scores", {}), **scores}}
    for path, text in ((RESULTS, json.dumps(results, indent=1) + "\n"), (PAGE, page(results))):
        with whole_file(path) as temporary:
            temporary.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
