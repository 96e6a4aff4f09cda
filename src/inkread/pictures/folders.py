"""Folders: the files in them, and which of them are pictures by their names."""

from __future__ import annotations

import os
from collections.abc import Iterator

from PIL import Image

from inkread.pictures.opening import FORMATS

_NOT_PILLOWS = (".heic", ".heif", ".hif", ".pdf")
"""The endings of pictures that the extras 'heic' and 'pdf' open."""


def picture_endings() -> tuple[str, ...]:
    """Return the endings of the file names of pictures, in lower case."""
    known = (ending for ending, format_ in Image.registered_extensions().items() if format_ in FORMATS)
    return (*known, *_NOT_PILLOWS)


def entries_of(folder: str) -> Iterator[tuple[str, bool]]:
    """Yield what is in a folder, unsorted: the path of each file and folder, and whether it is a folder.

    Hidden entries and links to folders are skipped. A broken link counts as a file, so that reading it reports an
    error. Raises `OSError` for a folder that cannot be listed.
    """
    # Sorting would hold a million names in memory.
    with os.scandir(folder) as entries:
        for entry in entries:
            is_folder = entry.is_dir(follow_symlinks=False)
            is_file = entry.is_file() or (entry.is_symlink() and not os.path.exists(entry.path))  # noqa: PTH110
            if not entry.name.startswith(".") and (is_folder or is_file):
                yield entry.path, is_folder


def pictures_in(folder: str) -> tuple[list[str], int]:
    """Return the pictures of a folder and its subfolders, sorted by their paths, and how many other files are there.

    Raises `OSError` for a folder that cannot be listed.
    """
    endings, found, others = picture_endings(), [], 0
    folders = [folder]
    while folders:
        for path, is_folder in entries_of(folders.pop()):
            if is_folder:
                folders.append(path)
            elif path.lower().endswith(endings):
                found.append(path)
            else:
                others += 1
    return sorted(found), others
