"""Teaching: corrected digits are kept and change later readings. The network is not trained again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inkread.teaching.profiles import DEFAULT_PROFILE, Profile

if TYPE_CHECKING:
    from inkread.teaching.lessons import Lesson

__all__ = ["DEFAULT_PROFILE", "Lesson", "Profile"]


def __getattr__(name: str) -> Any:
    """Return `Lesson`, imported on first use, because the command line names profiles without reading a picture."""
    if name != "Lesson":
        raise AttributeError(f"module 'inkread.teaching' has no attribute {name!r}")
    from inkread.teaching.lessons import Lesson

    return Lesson
