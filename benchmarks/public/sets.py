"""The public benchmark's index, and what fetches its pictures from the repositories they are in.

    python benchmarks/public/sets.py FOLDER                  # fetches what can be fetched into FOLDER
    python benchmarks/public/sets.py --write-index DATA      # writes index.csv from the folder of the measuring sets

The pictures have no licence that lets us copy them, so the repository has the index alone. Its columns:

    set, file    the picture's place in FOLDER
    kind, label  what `score.py` compares: one digit, lines joined by `|`, with signs (`signs`), or nothing (`nondigit`)
    repository, commit, path    where the picture is on GitHub; path is empty where only the repository is known
    done         what was done to the picture before it was measured, such as a crop; empty where nothing is known of it
    sha256       of the picture that was measured: that of the source file, unless something was done to it

A picture is fetched if its path is known, and kept if its SHA-256 is the one of the index.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import re
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from inkread.files import whole_file

HERE = Path(__file__).parent
INDEX = HERE / "index.csv"
SETS = ("pictures", "field", "amounts", "weather", "parish", "nondigits")
GITHUB = "https://raw.githubusercontent.com"

_DONE = re.compile(r"crop|reduced|cut|pasted", re.IGNORECASE)

LARGEST = 30_000_000
"""No picture of the index has more bytes."""


@dataclass(frozen=True, slots=True)
class Row:
    """A picture of the index; the fields are its columns."""

    set: str
    file: str
    kind: str
    label: str
    repository: str
    commit: str
    path: str
    done: str
    sha256: str

    @property
    def place(self) -> Path:
        """Where the picture is in a folder of sets."""
        return Path(self.set, self.file)


def read_index(path: Path = INDEX) -> list[Row]:
    """Return the rows of an index."""
    with path.open(encoding="utf-8", newline="") as file:
        return [Row(**row) for row in csv.DictReader(file)]


def write_index(data: Path, path: Path = INDEX) -> None:
    """Write the index of the measuring sets in a folder."""
    with whole_file(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(Row)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(row) for name in SETS for row in _rows_of(data / name))


def _rows_of(folder: Path) -> Iterator[Row]:
    with (folder / "index.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            digest = hashlib.sha256((folder / row["file"]).read_bytes()).hexdigest()
            done = row["notes"] if _DONE.search(row["notes"]) else ""
            kind = "nondigit" if folder.name == "nondigits" else row["kind"]
            path = _path_of(folder.name, row["file"])
            where = (row["source_repo"], row["commit"], path, done, digest)
            yield Row(folder.name, row["file"], kind, row.get("label", ""), *where)


def _path_of(name: str, file: str) -> str:
    """Return a picture's path in its repository; empty where the folder of the set has renamed it."""
    if name == "pictures":
        return file.partition("/")[2]
    if name == "parish" and file.startswith("birthdate/"):
        return f"data/birthdate/test/{file.removeprefix('birthdate/')}"
    return ""


def fetch(rows: list[Row], folder: Path, *, source: str = GITHUB) -> Counter[str]:
    """Fetch the pictures of rows into a folder, and return how many there are of each outcome.

    Pictures that are there already are not fetched again. A file with another checksum is never kept.
    """
    with ThreadPoolExecutor(8) as pool:
        return Counter(pool.map(lambda row: _fetch_one(row, folder / row.place, source), rows))


def _fetch_one(row: Row, place: Path, source: str) -> str:
    if place.is_file() and hashlib.sha256(place.read_bytes()).hexdigest() == row.sha256:
        return "already there"
    if not row.path:
        return "path not known"
    address = f"{source}/{row.repository}/{row.commit}/{urllib.parse.quote(row.path)}"
    try:
        with urllib.request.urlopen(address, timeout=60) as answer:  # noqa: S310 - the scheme is that of `source`
            content = answer.read(LARGEST + 1)
    except (urllib.error.URLError, OSError):
        return "not found"
    if hashlib.sha256(content).hexdigest() != row.sha256:
        return "another file" if not row.done else "changed before it was measured"
    place.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(place) as temporary:
        temporary.write_bytes(content)
    return "fetched"


def main() -> None:
    """Fetch the pictures, or write the index."""
    parser = argparse.ArgumentParser(description="Fetch the pictures of the public benchmark.")
    parser.add_argument("folder", type=Path, help="where the pictures are put")
    parser.add_argument("--write-index", action="store_true", help="write index.csv from this folder of sets instead")
    parser.add_argument("--source", default=GITHUB, help="where the repositories are")
    options = parser.parse_args()
    if options.write_index:
        write_index(options.folder)
        return
    for outcome, count in sorted(fetch(read_index(), options.folder, source=options.source).items()):
        sys.stdout.write(f"{outcome}: {count}\n")


if __name__ == "__main__":
    main()
