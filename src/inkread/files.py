"""Files and folders: atomic writes, early checks, checksums and CSV tables."""

from __future__ import annotations

import contextlib
import csv
import itertools
import os
import sys
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from pathlib import Path

from inkread.errors import OptionError


@contextlib.contextmanager
def whole_file(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path beside `path`, which is renamed to `path` on success.

    The temporary name keeps the suffix of `path`, since writers choose their format by it. An error or Ctrl-C
    removes the temporary file and leaves `path` unchanged.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.stem}-{os.urandom(4).hex()}{path.suffix}")
    with _name_requested(temporary, path):
        try:
            yield temporary
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def whole_folder(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a new temporary folder beside `path`, which replaces `path` on success.

    An existing folder at `path` is deleted only after the new one is complete. An error or Ctrl-C removes the temporary
    folder and leaves `path` unchanged.
    """
    # For a symbolic link, the folder it points to is replaced, not the link.
    path = Path(path).resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    mark = os.urandom(4).hex()
    temporary, replaced = (path.with_name(f".{path.name}-{mark}{ending}") for ending in ("", "-old"))
    try:
        with _name_requested(temporary, path):
            temporary.mkdir()
            yield temporary
        if path.exists():
            path.replace(replaced)
        try:
            temporary.replace(path)
        except BaseException:
            if replaced.exists():
                replaced.replace(path)
            raise
    finally:
        # Imported late: it imports archive modules, which reading a picture does not need.
        import shutil

        shutil.rmtree(temporary, ignore_errors=True)
        shutil.rmtree(replaced, ignore_errors=True)


@contextlib.contextmanager
def _name_requested(temporary: Path, path: Path) -> Iterator[None]:
    """Make errors about a temporary path, or a file in it, name the requested path instead."""
    try:
        yield
    except OSError as error:
        if isinstance(error.filename, str | bytes | os.PathLike):
            there = Path(os.fsdecode(error.filename))
            if temporary in (there, *there.parents):
                error.filename = str(path)
        raise


def check_folder(path: Path) -> None:
    """Raise `OptionError` if the folder of a file does not exist."""
    if not path.parent.is_dir():
        raise OptionError(f"{path}: there is no folder {path.parent}; make it first")


Name = str | os.PathLike[str]


def check_outputs(outs: Iterable[Name], inputs: Iterable[Name | None], *, force: bool) -> None:
    """Refuse output files that would replace another file, before any work is done for them.

    inputs: the files and folders that the command reads; "-" is standard input and None is nothing. No output replaces
        one of them, or a file in one of these folders, by whatever name: a relative path, a link or, where the system
        sees no difference, upper case. They are looked at only if an output exists.
    force: whether other existing files may be replaced.

    Raises `OptionError`.
    """
    read: set[tuple[int, int]] | None = None
    for out in map(Path, outs):
        if out.is_dir():
            raise OptionError(f"{out}: is a folder; name a file")
        if not os.path.lexists(out):
            continue
        read = _identities(inputs) if read is None else read
        if _identities([out]) & read:
            raise OptionError(f"{out}: this command reads that file, and never replaces it; name another file")
        if not force:
            raise OptionError(f"{out}: exists already; name another file, or replace it with --force")


def _identities(names: Iterable[Name | None]) -> set[tuple[int, int]]:
    """Return what identifies each file under any name: its device and its number on that device.

    Of a folder, the files in it and below are looked at.
    """
    found = set()
    for name in names:
        # An input that does not exist is reported when it is read.
        with contextlib.suppress(OSError, ValueError):
            if name is None:
                continue
            files = [path for path in Path(name).rglob("*") if path.is_file()] if Path(name).is_dir() else [name]
            for file in files:
                status = os.stat(sys.stdin.fileno() if file == "-" and sys.stdin else file)  # noqa: PTH116
                found.add((status.st_dev, status.st_ino))
    return found


def check_model_folder(out: Path, names: AbstractSet[str], *, force: bool, inputs: Iterable[Name | None] = ()) -> None:
    """Refuse a folder whose content would be lost or that cannot be written, before any work is done for it.

    names: the files that a model folder may hold; a folder that holds anything else is never replaced.
    inputs: the files and folders that the command reads; a folder with one of them is never replaced either.
    """
    if out.exists() and not out.is_dir():
        raise OptionError(f"{out}: is a file; name a folder with --out")
    if out == Path.cwd():
        raise OptionError(f"{out}: is the folder you are in; name one inside it with --out")
    # Imported late: it imports random numbers, which reading a picture does not need.
    import tempfile

    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        # A temporary folder shows whether the folder above can be written.
        with tempfile.TemporaryDirectory(dir=out.parent):
            holds = {path.name for path in out.iterdir()} if out.exists() else set()
    except OSError as error:
        raise OptionError(f"{out}: cannot be written ({error.strerror}); name another folder with --out") from None
    if foreign := sorted(holds - names):
        raise OptionError(f"{out}: holds other files, such as {foreign[0]}; name a new folder with --out")
    if holds and _identities([out]) & _identities(inputs):
        raise OptionError(f"{out}: this command reads the model in it, and never replaces it; name a new --out")
    if holds and not force:
        raise OptionError(f"{out}: holds a model already; name another folder with --out, or replace it with --force")


@contextlib.contextmanager
def writable(path: Path) -> Iterator[Path]:
    """Yield a temporary path, as `whole_file` does. Raises `OptionError` for a file that cannot be written."""
    try:
        with whole_file(path) as temporary:
            yield temporary
    except OSError as error:
        raise OptionError(f"{path}: cannot be written ({error.strerror}); name another file or folder") from None


def csv_table(lines: Iterable[str]) -> csv.DictReader[str]:
    """Return the rows of a CSV file with a header, parted by commas, semicolons or tabs, whichever its header has most.

    lines: the lines of the file, with their ends.
    """
    todo = iter(lines)
    header = next(todo, "")
    return csv.DictReader(itertools.chain([header], todo), delimiter=max(",;\t", key=header.count))


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    # Reading does without this import, which takes two milliseconds.
    import hashlib

    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
