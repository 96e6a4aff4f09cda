"""Material: fonts and photographs that pages are drawn with, fetched by `make material` and never committed.

A folder of material holds `fonts/FAMILY.woff2`, `photographs/` and `licences.json`, which says of each font and of each
package of photographs where it came from and under which licence.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from inkread.datasets.download import cache_folder
from inkread.errors import DataError
from inkread.marks import Grey

VARIABLE = "INKREAD_MATERIAL"
"""The environment variable with the folder of the material. By default it is in the user's cache."""

LICENCES_NAME = "licences.json"
"""What was fetched, from where and under which licence."""

HANDWRITING = """
    alex-brush allura amatic-sc annie-use-your-telescope architects-daughter bad-script balsamiq-sans borel
    cabin-sketch caveat caveat-brush comic-neue coming-soon cookie corinthia courgette crafty-girls damion
    dancing-script dawning-of-a-new-day delicious-handrawn delius edu-nsw-act-foundation edu-qld-beginner
    edu-sa-beginner edu-tas-beginner edu-vic-wa-nt-beginner ephesis finger-paint freehand fuzzy-bubbles gaegu
    gamja-flower give-you-glory gloria-hallelujah grand-hotel grandstander grape-nuts great-vibes handlee
    happy-monkey herr-von-muellerhoff hi-melody inder indie-flower italianno itim just-another-hand kaushan-script
    klee-one kristi la-belle-aurore licorice loved-by-the-king mali mansalva marck-script montecarlo
    mr-de-haviland ms-madi mynerve nanum-brush-script nerko-one neucha nothing-you-could-do oooh-baby
    over-the-rainbow pacifico parisienne permanent-marker pinyon-script playpen-sans playwrite-ar playwrite-at
    playwrite-br playwrite-cz playwrite-de-grund playwrite-dk-loopet playwrite-es playwrite-fr-moderne
    playwrite-hr playwrite-it-moderna playwrite-nl playwrite-pl playwrite-us-trad rochester sacramento satisfy
    sedgwick-ave shadows-into-light shantell-sans short-stack single-day square-peg sriracha sue-ellen-francisco
    swanky-and-moo-moo tangerine the-girl-next-door vibur waiting-for-the-sunrise yellowtail yomogi zen-kurenaido
    zeyada
""".split()  # noqa: SIM905 - easier to read than a list
"""Families of fonts that look like handwriting, by their names in npm's @fontsource."""

PRINT = """
    arimo courier-prime cousine crimson-text eb-garamond ibm-plex-mono inconsolata lato libre-baskerville
    merriweather old-standard-tt open-sans oswald pt-serif roboto roboto-condensed roboto-mono roboto-slab
    source-serif-4 special-elite tinos vt323
""".split()  # noqa: SIM905 - easier to read than a list
"""Families of print: books, forms, typewriters, screens."""

MEASURING_ONLY = """
    reenie-beanie homemade-apple gochi-hand covered-by-your-grace nanum-pen-script schoolbell kalam patrick-hand
    cedarville-cursive rock-salt
""".split()  # noqa: SIM905 - easier to read than a list
"""Families that measuring sets are drawn in. They must not be used in training."""

FREE_LICENCES = ("OFL-1.1", "Apache-2.0", "UFL-1.0", "Ubuntu-font-1.0")
"""The licences under which a font may be used in training, by their SPDX names."""

PHOTOGRAPH_PACKAGES = ("gnome-backgrounds", "mate-backgrounds", "lomiri-wallpapers-20.04")
"""Debian's packages of photographs."""

# The longer side of a photograph as it is used, in pixels.
LONGEST_SIDE = 900

_WAY_OUT = "fetch them with `make material`"


@dataclass(frozen=True)
class Material:
    """Fonts and photographs on this machine.

    handwriting, print: font files. photographs: picture files, in a fixed order. licences: the
    content of `licences.json`.
    """

    handwriting: tuple[Path, ...]
    print: tuple[Path, ...]
    photographs: tuple[Path, ...]
    licences: dict[str, dict[str, Any]]


def material_folder() -> Path:
    """Return the folder of the material; it may not exist yet."""
    return Path(os.environ.get(VARIABLE) or cache_folder("material")).expanduser()


def find_material(folder: Path | None = None) -> Material:
    """Return the material in a folder, None for that of `material_folder`.

    Raises `DataError` if there is none, or if it holds a font that is for measuring only.
    """
    folder = folder or material_folder()
    licences = _read_licences(folder / LICENCES_NAME)
    known = set(licences["fonts"])
    if refused := sorted(known & set(MEASURING_ONLY)):
        raise DataError(f"{folder}: holds the font {refused[0]}, which is for measuring only; delete it there")
    found = Material(
        handwriting=_font_files(folder, [family for family in HANDWRITING if family in known]),
        print=_font_files(folder, [family for family in PRINT if family in known]),
        photographs=tuple(sorted(path for path in (folder / "photographs").glob("*.jpg"))),
        licences=licences,
    )
    if not (found.handwriting and found.print and found.photographs):
        raise DataError(f"{folder}: fonts or photographs to learn from are missing; {_WAY_OUT}")
    return found


def _read_licences(path: Path) -> dict[str, dict[str, Any]]:
    try:
        licences = json.loads(path.read_text(encoding="utf-8"))
        return {"fonts": dict(licences["fonts"]), "photographs": dict(licences["photographs"])}
    except FileNotFoundError:
        raise DataError(f"{path.parent}: no fonts and photographs to learn from; {_WAY_OUT}") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path}: cannot be read ({error}); delete {path.parent} and {_WAY_OUT}") from None


def _font_files(folder: Path, families: list[str]) -> tuple[Path, ...]:
    files = tuple(font_path(folder, family) for family in families)
    for file in files:
        if not file.is_file():
            raise DataError(f"{file}: is missing; {_WAY_OUT}")
    return files


def font_path(folder: Path, family: str) -> Path:
    """Return where the font of a family lies in a folder of material."""
    return folder / "fonts" / f"{family}.woff2"


def load_photographs(material: Material) -> tuple[Grey, ...]:
    """Return the photographs, each (h, w) uint8 with 255 = white.

    Raises `DataError` for a file that is not a picture.
    """
    return tuple(_load_photograph(path) for path in material.photographs)


def _load_photograph(path: Path) -> Grey:
    try:
        with Image.open(path) as picture:
            return np.asarray(picture.convert("L"))
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error}); delete it and {_WAY_OUT}") from None
