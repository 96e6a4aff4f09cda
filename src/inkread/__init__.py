"""inkread reads handwritten digits from real pictures.

    import inkread
    reading = inkread.read("6.jpg")
    reading.text, reading.confidence

`Reader` reads many pictures or with another model; `inkread.training` (extra 'train') trains one.
"""

from __future__ import annotations

import functools

from inkread.errors import DataError, InkreadError, MissingExtra, ModelError, OptionError, PictureError
from inkread.pictures.opening import Picture
from inkread.reader import Content, Reader, Steps
from inkread.readings import Box, Digit, Reading, Refusal

__all__ = [
    "Box",
    "Content",
    "DataError",
    "Digit",
    "InkreadError",
    "MissingExtra",
    "ModelError",
    "OptionError",
    "Picture",
    "PictureError",
    "Reader",
    "Reading",
    "Refusal",
    "Steps",
    "__version__",
    "read",
]

__version__: str


def __getattr__(name: str) -> str:
    """Return `__version__`, looked up only when asked for: that takes a tenth of the time of reading a picture."""
    if name != "__version__":
        raise AttributeError(f"module 'inkread' has no attribute {name!r}")
    import importlib.metadata

    return importlib.metadata.version("inkread")


def read(picture: Picture, *, as_: Content = "auto", min_confidence: float | None = None) -> Reading:
    """Return the reading of a picture with the shipped model; see `Reader.read`."""
    return _shipped_reader().read(picture, as_=as_, min_confidence=min_confidence)


@functools.cache
def _shipped_reader() -> Reader:
    return Reader()
