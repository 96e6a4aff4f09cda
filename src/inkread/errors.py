"""The exceptions of inkread.

    InkreadError
     +- PictureError    exit 1: a picture cannot be read
     +- OptionError     exit 2: what was asked does not fit together
     +- MissingExtra    exit 3: an optional part of inkread is not installed
     +- ModelError      exit 4: a model file or folder cannot be used
     +- DataError       exit 4: a data set cannot be used

Every message is one line that names the input, the cause and the way out. The command line prints it and
ends with the exit code of the class; nothing else decides the exit code.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar


class InkreadError(Exception):
    """Any failure that inkread foresees.

    `message` is the one line for people; `code` is a short word that programs can rely on.
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
    "bad-array", "missing-extra" for a HEIC picture that only the extra 'heic' opens, "blank" for one on which there is
    nothing to explain, and "other-digits" for one that does not have the digits of the label it is taught with.
    """

    exit_code = 1
    code = "not-a-picture"


class OptionError(InkreadError):
    """Raised when options or arguments contradict each other, or when a result would be overwritten.

    `code` is "two-labels" where the same digit would be taught with two labels at once.
    """

    exit_code = 2
    code = "bad-option"


class MissingExtra(InkreadError, ImportError):  # noqa: N818 - it says what is missing, not what failed
    """Raised when a feature needs packages that only an extra installs."""

    exit_code = 3
    code = "missing-extra"

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(f"{feature} needs the extra '{extra}': pip install 'inkread[{extra}]'")
        self.feature, self.extra = feature, extra

    def __reduce__(self) -> tuple[type[MissingExtra], tuple[str, str]]:  # for errors that cross processes
        return MissingExtra, (self.feature, self.extra)


class ModelError(InkreadError):
    """Raised when a model is missing, damaged or does not take and give what inkread expects."""

    exit_code = 4
    code = "bad-model"


class DataError(InkreadError):
    """Raised when a data set is missing, damaged or does not hold what its name says.

    `code` is "locked" where another program is changing what was taught, and does not come to an end.
    """

    exit_code = 4
    code = "bad-data"


@contextmanager
def speaking_of(path: Path, temporary: Path) -> Iterator[None]:
    """Let a `ModelError` about a temporary file name the user's, which it was made from or is to become."""
    try:
        yield
    except ModelError as error:
        raise ModelError(str(error).replace(str(temporary), str(path)), code=error.code) from None
