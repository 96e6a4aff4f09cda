"""Fetch what the detector's pages are drawn with: fonts from npm and photographs from Debian.

    python benchmarks/material.py [--only FAMILY...]

It goes to the folder that INKREAD_MATERIAL names, or to the user's cache, and never into the tree; what lies there
already is not fetched again. Needs `npm`, and `apt-get` and `dpkg` of Debian or Ubuntu with fresh lists of packages.
Fonts under a licence that is not among `FREE_LICENCES` are left out, and so is what cannot be had: both are said.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from inkread.datasets.material import (
    FREE_LICENCES,
    HANDWRITING,
    LICENCES_NAME,
    LONGEST_SIDE,
    MEASURING_ONLY,
    PHOTOGRAPH_PACKAGES,
    PRINT,
    font_path,
    material_folder,
)
from inkread.files import whole_file

# Sentences that tell a licence where package.json does not name it.
_LICENCE_TEXTS = {
    "OFL-1.1": "SIL OPEN FONT LICENSE",
    "Apache-2.0": "Apache License",
    "UFL-1.0": "UBUNTU FONT LICENCE",
}
# How Debian's copyright files name the licence of a picture, in the usual form and in an older one.
_NAMED_LICENCES = r"^License: *(\S+)|^ *Licensed under (?:the )?(.+?)(?: License)?\.$"
_SUFFIXES = {".jpg", ".png", ".webp"}


def main() -> None:
    """Fetch all that is not there yet, and say what could not be had."""
    parser = argparse.ArgumentParser(description="Fetch fonts and photographs for the detector's training.")
    parser.add_argument("--only", nargs="+", metavar="FAMILY", help="fetch these families of fonts alone")
    options = parser.parse_args()
    folder = material_folder()
    licences = _licences_in(folder)
    for family in options.only or [*HANDWRITING, *PRINT]:
        if family not in licences["fonts"] or not font_path(folder, family).is_file():
            _attempt(family, lambda name: licences["fonts"].update({name: fetch_font(name, folder)}))
            _save(licences, folder)
    for package in () if options.only else PHOTOGRAPH_PACKAGES:
        if package not in licences["photographs"]:
            _attempt(package, lambda name: licences["photographs"].update({name: fetch_photographs(name, folder)}))
            _save(licences, folder)
    print(f"{folder}: {len(licences['fonts'])} fonts, photographs of {len(licences['photographs'])} packages")


def _licences_in(folder: Path) -> dict[str, dict[str, Any]]:
    path = folder / LICENCES_NAME
    if path.is_file():
        licences: dict[str, dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
        return licences
    return {"fonts": {}, "photographs": {}}


def _save(licences: dict[str, dict[str, Any]], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with whole_file(folder / LICENCES_NAME) as path:
        path.write_text(json.dumps(licences, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def _attempt(name: str, fetch: Any) -> None:
    """Fetch one thing, or say why it is left out."""
    try:
        fetch(name)
        print(name)
    except (OSError, ValueError, LookupError, subprocess.SubprocessError) as error:
        print(f"{name}: left out ({' '.join(str(error).split())})", file=sys.stderr)


def fetch_font(family: str, folder: Path) -> dict[str, str]:
    """Fetch the regular Latin font of a family; return where it came from and its licence.

    Raises `ValueError` for a family that is for measuring only, or under a licence that is not free.
    """
    if family in MEASURING_ONLY:
        raise ValueError("is for measuring only")
    with tempfile.TemporaryDirectory() as temporary:
        _run(["npm", "pack", f"@fontsource/{family}", "--loglevel=error"], Path(temporary))
        package = next(Path(temporary).glob("*.tgz"))
        with tarfile.open(package) as archive:
            about = json.loads(_member(archive, "package/package.json"))
            licence = _licence(about, archive)
            if licence not in FREE_LICENCES:
                raise ValueError(f"is under {licence!r}, which is not among {', '.join(FREE_LICENCES)}")
            content = _member(archive, f"package/files/{family}-latin-400-normal.woff2")
    font_path(folder, family).parent.mkdir(parents=True, exist_ok=True)
    with whole_file(font_path(folder, family)) as path:
        path.write_bytes(content)
    return {"source": f"npm:@fontsource/{family}", "version": about["version"], "licence": licence}


def _licence(about: dict[str, Any], archive: tarfile.TarFile) -> str:
    """Return the licence that a package names, or that whose text it has."""
    named = str(about.get("license", ""))
    if named in FREE_LICENCES:
        return named
    if "package/LICENSE" not in archive.getnames():
        return named
    text = _member(archive, "package/LICENSE").decode("utf-8", "replace")
    return next((licence for licence, sentence in _LICENCE_TEXTS.items() if sentence in text), named)


def _member(archive: tarfile.TarFile, name: str) -> bytes:
    file = archive.extractfile(name)
    if file is None:
        raise LookupError(f"has no file {name}")
    return file.read()


def fetch_photographs(package: str, folder: Path) -> dict[str, Any]:
    """Fetch the photographs of a Debian package, reduced and grey; return where they came from and their licences."""
    with tempfile.TemporaryDirectory() as temporary:
        here = Path(temporary)
        _run(["apt-get", "download", package], here)
        archive = next(here.glob("*.deb"))
        _run(["dpkg", "-x", str(archive), "unpacked"], here)
        version = _run(["dpkg-deb", "-f", str(archive), "Version"], here).strip()
        terms = (here / "unpacked/usr/share/doc" / package / "copyright").read_text(encoding="utf-8", errors="replace")
        pictures = sorted(path for path in (here / "unpacked").rglob("*.*") if path.suffix in _SUFFIXES)
        names = [_keep(path, folder / "photographs" / f"{package}-{path.stem}.jpg") for path in pictures]
    (folder / "photographs" / f"{package}.copyright").write_text(terms, encoding="utf-8")
    licences = sorted({match[1] or match[2] for match in re.finditer(_NAMED_LICENCES, terms, re.MULTILINE)})
    return {"source": f"debian:{package}", "version": version, "licences": licences, "pictures": names}


def _keep(source: Path, target: Path) -> str:
    target.parent.mkdir(parents=True, exist_ok=True)
    with Image.open(source) as picture, whole_file(target) as path:
        grey = picture.convert("L")
        grey.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
        grey.save(path, quality=92)
    return target.name


def _run(command: Sequence[str], folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=300)
    if done.returncode:
        raise OSError(f"{command[0]} failed: {(done.stderr or done.stdout).strip()[-200:]}")
    return done.stdout


if __name__ == "__main__":
    main()
