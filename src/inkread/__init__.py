"""inkread reads handwritten digits from real pictures.

    import inkread
    reading = inkread.read("6.jpg")
    reading.text, reading.confidence

`Reader` reads many pictures, or reads with another model. `inkread.training` (extra 'train') trains a model.
"""

from __future__ import annotations

import functools
import importlib
import os
from typing import TYPE_CHECKING, Any, Unpack

from inkread.errors import DataError, InkreadError, MissingExtra, ModelError, OptionError, PictureError
from inkread.geometry import Box
from inkread.options import Content, ReadOptions
from inkread.readings import Digit, Line, Number, Reading, Refusal, Sign, Unread
from inkread.tables.table import Cell, Table

if TYPE_CHECKING:
    from inkread.expecting import Expect
    from inkread.models.card import Card
    from inkread.options import ReadKeywords
    from inkread.pictures.opening import Picture
    from inkread.reader import Reader
    from inkread.steps import Steps
    from inkread.teaching.lessons import Lesson
    from inkread.teaching.profiles import Profile

__all__ = [
    "Box",
    "Card",
    "Cell",
    "Content",
    "DataError",
    "Digit",
    "Expect",
    "InkreadError",
    "Lesson",
    "Line",
    "MissingExtra",
    "ModelError",
    "Number",
    "OptionError",
    "Picture",
    "PictureError",
    "Profile",
    "ReadOptions",
    "Reader",
    "Reading",
    "Refusal",
    "Sign",
    "Steps",
    "Table",
    "Unread",
    "__version__",
    "read",
]

__version__: str

# Unless this is set before it is loaded, ONNX Runtime 1.32 keeps an id of this device in the home folder and sends
# events to its makers. A value that the user has set is kept.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

_LATER = {
    "Card": "inkread.models.card",
    "Expect": "inkread.expecting",
    "Lesson": "inkread.teaching.lessons",
    "Picture": "inkread.pictures.opening",
    "Profile": "inkread.teaching.profiles",
    "Reader": "inkread.reader",
    "Steps": "inkread.steps",
}


def __getattr__(name: str) -> Any:
    """Return the version, or a name whose module imports large libraries, on first use."""
    if name == "__version__":
        from importlib.metadata import version

        return version("inkread")
    if name not in _LATER:
        raise AttributeError(f"module 'inkread' has no attribute {name!r}")
    return getattr(importlib.import_module(_LATER[name]), name)


def __dir__() -> list[str]:
    return __all__


def read(
    picture: Picture, *, page: int | None = None, password: str | None = None, **options: Unpack[ReadKeywords]
) -> Reading:
    """Return the reading of a picture with the shipped model; see `Reader.read`."""
    return _shipped_reader().read(picture, page=page, password=password, **options)


@functools.cache
def _shipped_reader() -> Reader:
    from inkread.reader import Reader

    return Reader()
