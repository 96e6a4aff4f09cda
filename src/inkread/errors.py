"""The exceptions of inkread.

    InkreadError
     +- PictureError    exit 1: a picture cannot be read
     +- OptionError     exit 2: the options contradict each other, or a file would be overwritten
     +- MissingExtra    exit 3: an optional part of inkread is not installed
     +- ModelError      exit 4: a model file or folder cannot be used
     +- DataError       exit 4: a data set or a form cannot be used

Every message is one line that names the input, the cause and what to do. The command line prints it and exits with the
code of the class. Nothing else decides the exit code.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar


class InkreadError(Exception):
    """The base class of every error that inkread raises on purpose.

    `message` is one line for people. `code` is a short word that programs can rely on.
    """

    exit_code: ClassVar[int] = 1
    code: str = "error"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.message = " ".join(message.split())
        if code is not None:
            self.code = code


class PictureError(InkreadError):
    """Raised when a picture cannot be opened.

    `code` is one of "missing", "directory", "empty", "unreadable", "not-a-picture", "truncated", "too-large",
    "bad-array", "bad-region" for a region that does not lie inside the picture, "missing-extra" for a HEIC picture
    without the extra 'heic' or a PDF without the extra 'pdf', "encrypted" and "wrong-password" for a PDF,
    "too-many-pages" for a file whose pages must be chosen, "too-complex" for a page that takes too long to draw,
    "blank" for a picture without writing, which cannot be explained, and "other-digits" for a picture whose digits do
    not match the label to teach.
    """

    exit_code = 1
    code = "not-a-picture"


class OptionError(InkreadError):
    """Raised when options or arguments contradict each other, or when a result would be overwritten.

    `code` is "two-labels" if one request would teach the same digit with two labels.
    """

    exit_code = 2
    code = "bad-option"


class MissingExtra(InkreadError, ImportError):  # noqa: N818
    """Raised when a feature needs packages that only an extra installs."""

    exit_code = 3
    code = "missing-extra"

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(f"{feature} needs the extra '{extra}': {way_to_install(extra)}")
        self.feature, self.extra = feature, extra

    def __reduce__(self) -> tuple[type[MissingExtra], tuple[str, str]]:
        """Return how to rebuild the error in another process."""
        return MissingExtra, (self.feature, self.extra)


def way_to_install(extra: str) -> str:
    """Return the command that installs an extra: from the clone that this module is in, or else from the index."""
    clone = Path(__file__).parents[2]
    if not (clone / "pyproject.toml").is_file():
        return f"pip install 'inkread[{extra}]'"
    try:
        place = "." if clone.samefile(os.curdir) else str(clone)
    except OSError:
        # The current folder was deleted.
        place = str(clone)
    return f"pip install -e '{place}[{extra}]'"


class ModelError(InkreadError):
    """Raised when a model is missing or damaged, or its input or output is not what inkread expects."""

    exit_code = 4
    code = "bad-model"


class DataError(InkreadError):
    """Raised when a data set or a form is missing or damaged, or does not contain what its name says.

    `code` is "bad-form" for a mistake in a form, and "locked" if another program holds the lock on the taught digits
    and does not release it.
    """

    exit_code = 4
    code = "bad-data"


@contextmanager
def speaking_of(path: Path, temporary: Path) -> Iterator[None]:
    """Replace the temporary file's name by the user's file name in the message of a `ModelError`."""
    try:
        yield
    except ModelError as error:
        raise ModelError(str(error).replace(str(temporary), str(path)), code=error.code) from None
