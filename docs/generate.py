"""Write docs/cli.md and the two model cards from the program, or check that they are up to date.

python docs/generate.py            write the files
python docs/generate.py --check    exit with 1 if a file differs, and print the command to run
"""

from __future__ import annotations

import inspect
import re
import sys
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

from model_card import hugging_face_card, model_card
from typer.models import ArgumentInfo

from inkread.cli.app import COMMANDS
from inkread.training.recipes import DETECTOR, FINE_TUNE, RECIPES

HERE = Path(__file__).parent
HEAD = """<!-- Written by docs/generate.py; run `make docs` after a change to a command. -->
# Commands and recipes

Results go to stdout, messages and progress to stderr. Exit codes: 0 all pictures were read or refused; 1 a picture
failed; 2 bad arguments; 3 a missing extra; 4 a bad model, form or data file; 130 interrupted. An error is one line.
`--debug` anywhere on the command line shows its traceback.

No command replaces a file that it reads, whatever the file is called: a link or another path is the same file. Another
existing file is replaced only with `--force`.

`read` and `batch` also take PDFs (extra `pdf`), many-page TIFFs and animations, and read them page by page. The pages
of `scan.pdf` are `scan.pdf#1`, `scan.pdf#2` and so on, unless it has only one. `read` reads all pages if there are at
most 200, and `batch` all. `--pages` chooses pages. One that a file does not have is a bad argument of `read`, and gives
a row with an error in `batch`. `--figure` into a folder makes one figure per page. Of a folder, all pictures in it and
its subfolders are read, sorted by name; files without a picture suffix are skipped and counted on stderr.

A PDF page that is one scanned image is read as that image. Any other page, with its filled-in form fields and its
annotations, is drawn: as a picture at 300 dots per inch, which boxes and `--region` refer to, and with at most 40
megapixels. A page that takes more than 5 seconds to draw is given up. PDFs are opened in another process, so a damaged
or hostile file cannot end or stop the program.

`read --format json` prints one object per picture or page, each on its own line. Boxes are x, y, width and height in
pixels of the upright picture. `confidence` is the probability that the whole text is right:

    {"picture": "bill.jpg", "page": 1, "text": "2.5", "lines": ["2.5"], "confidence": 0.98, "refused": null,
     "numbers": [{"text": "2.5", "read": null, "value": "2.5", "kind": "decimal", "confidence": 0.98,
                  "box": [x, y, w, h], "line": 0, "row": null, "column": null, "field": null}],
     "digits": [{"digit": 2, "confidence": 0.99, "probabilities": [10 floats], "box": [x, y, w, h], "line": 0,
                 "number": 0}, ...],
     "signs": [{"sign": ".", "confidence": 0.99, "box": [x, y, w, h], "line": 0, "number": 0}],
     "unread": [{"box": [x, y, w, h], "reason": "word"}],
     "tables": [{"rows": 15, "columns": 8, "cells": [{"row": 0, "column": 0, "rows": 1, "columns": 1,
                 "state": "value", "numbers": [0], "box": [x, y, w, h]}, ...]}]}

`line` and `number` are indices in `lines` and `numbers`, from 0. `value` is what a number means: a decimal with its
trailing zeros, an ISO date or a time. It is null where that is not certain: `12.000` without `--decimal`, `5/6/2024`
without `--order`, a date whose year has two digits, `120/80`. Signs that keep anybody from adding digits, as in
`368-`, are in the text and not in the value. `kind` is `integer`, `decimal`, `date`, `time`, `fraction`, `percent` or
`other`; the value of `98%` is 98. `read` is the likeliest text without the expectation, if one changed the text.

`read --format csv`, `batch` into a `.csv` file and the page in the browser give a row per number, with the columns
`picture,page,line,row,column,field,text,value,kind,confidence,x,y,w,h,refused,error`.
Pages, lines, rows and columns count from 1 here, and from 0 in JSON and Python, except pages. `row` and
`column` are empty outside tables, and `field` is for forms. `--digits` prints a row per digit. A picture that was
refused or could not be opened has one row with the code.

`tables` are ruled and printed tables and rows of boxes, with every cell. `row` and `column` of a cell are its first
ones, `rows` and `columns` tell how many it spans, and `numbers` are indices in `numbers`. Its `state` is `value`:
there is a number or a dash; `empty`; `unread`: digits that are too unsure; or `other`: words, ticks or drawings. A
row of boxes with one digit in each is one number, in one cell that spans the boxes. `row` and `column` of a number
are those of its cell, and null outside tables. `--as table` says that there is a table: a grid then counts even if
writing crosses its rules, and without rules each line is a row, and numbers below each other are a column.

`read --as table --format csv` prints tables as they stand: a row per row, "" for cells that are empty, not read or
have words. An empty row parts two tables.

With `--delimiter ";"` spreadsheets in countries with a decimal comma open the CSV of `read`, `batch` and `fill`;
`--delimiter tab` gives TSV. Decimals keep their point: use `.xlsx`, whose numbers are numbers in any country.

`read --output FILE` writes a file instead, which appears when all pictures are read: `.csv` and `.jsonl` as `--format
csv` and `json` print, or `.xlsx` (extra `xlsx`). A workbook has a worksheet per page: its tables as they stand, then
a row per other number. Numbers are numbers and certain dates are dates; a number with leading zeros or more than 15
digits, and what has no certain value, is text. Cells with a confidence below 0.9 are yellow, with their part of the
picture at the right end of the row.

`unread` lists the places with ink that are not in the text, and why. The reasons are `word`: a word or a letter;
`print`: printed text, see `--print`; `drawing`: something other than writing; `struck`: digits that were struck out;
`unsure`: a digit that is too unsure to be read. With `--format text` and `csv` a line on stderr counts them:

    inkread: form.jpg: not in the text: 3 words, 1 drawing

A refused picture has `"text": ""`, empty lists, `"confidence": null` and
`"refused": {"code": "blank", "no-digit", "unsure" or "unfit", "message": "..."}`; `unread` says what is on it. A
picture that cannot be opened gives `{"picture": "7.jpg", "error": {"code": "...", "message": "..."}}`, and the others
are still read.

`batch` ([scale.md](scale.md)), the REST service ([web.md](web.md)) and the misses of `evaluate --format json` use the
same keys for the same things, and add some. In `evaluate`, the lines of `text` are joined by `|`, as in `label`.
"""


def commands() -> Iterator[str]:
    """Yield the Markdown of each command: its help, and a table of its options from its signature."""
    for name, command in COMMANDS.items():
        yield f"\n## inkread {name}\n"
        text = inspect.cleandoc(command.__doc__ or "")
        yield re.sub(r"^(inkread .*)$", r"    \1", text, flags=re.MULTILINE)
        yield "\n| option | meaning | default |\n|---|---|---|"
        hints = typing.get_type_hints(command, include_extras=True)
        for parameter in inspect.signature(command).parameters.values():
            # Typer's context is not annotated.
            if typing.get_origin(hints[parameter.name]) is Annotated:
                yield row(parameter, hints[parameter.name])


def row(parameter: inspect.Parameter, hint: Any) -> str:
    """Return the table row of an option or argument, annotated with `Annotated[type, typer.Option(...)]`."""
    kind, info = typing.get_args(hint)
    flag = kind in (bool, bool | None)
    # Typer takes the first name of an annotated option for its default value.
    names = [str(name) for name in (info.default, *(info.param_decls or ())) if str(name).startswith("--")]
    name = names[0] if names else "--" + parameter.name.strip("_").replace("_", "-")
    choices = "|".join(_choices(kind))
    value = info.metavar or choices or ("" if flag else "PATH")
    required = parameter.default is inspect.Parameter.empty
    shown = value if isinstance(info, ArgumentInfo) else f"{name} {value}".strip()
    default = "" if required or flag or parameter.default is None else f"`{parameter.default}`"
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in (f"`{shown}`", info.help, default)) + " |"


def _choices(kind: Any) -> list[str]:
    """Return the values of a `Literal`, which may be optional; an empty list for another type."""
    if typing.get_origin(kind) is typing.Literal:
        return [str(choice) for choice in typing.get_args(kind)]
    return [choice for part in typing.get_args(kind) for choice in _choices(part)]


def recipes() -> Iterator[str]:
    """Yield the Markdown of the recipes: tables of their settings."""
    yield "\n## Recipes of `inkread train`\n"
    yield "`--own` without `--recipe` uses the last one.\n"
    yield from _settings([recipe.to_dict() for recipe in (*RECIPES.values(), FINE_TUNE)])
    yield "\nThe detector learns from pages that are drawn during the training:\n"
    yield from _settings([DETECTOR.to_dict()])


def _settings(tables: list[dict[str, Any]]) -> Iterator[str]:
    """Yield a table of the settings of some recipes, which have the same."""
    yield f"| setting | {' | '.join(table['name'] for table in tables)} |"
    yield f"|---|{'---|' * len(tables)}"
    for setting in tables[0]:
        if setting != "name":
            yield f"| {setting} | {' | '.join(str(table[setting]) for table in tables)} |"


def main() -> int:
    """Write or check the files; return the exit code."""
    pages = {
        HERE / "cli.md": HEAD + "\n".join([*commands(), *recipes()]) + "\n",
        HERE / "model-card.md": model_card(),
        HERE.parent / "examples" / "huggingface" / "README.md": hugging_face_card(),
    }
    if "--check" not in sys.argv:
        for path, text in pages.items():
            path.write_text(text, encoding="utf-8")
        return 0
    stale = [path for path, text in pages.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    for path in stale:
        print(f"{path} is not up to date: run 'make docs' and commit it", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
