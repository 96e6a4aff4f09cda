"""Teaching: digits that a user has corrected are kept, and weigh in every later reading. Nothing is trained anew."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inkread.teaching.profiles import DEFAULT_PROFILE, Profile

if TYPE_CHECKING:
    from inkread.teaching.lessons import Lesson

__all__ = ["DEFAULT_PROFILE", "Lesson", "Profile"]


def __getattr__(name: str) -> Any:
    """Return `Lesson`, looked up only when asked for: the command line names profiles without reading a picture."""
    if name != "Lesson":
        raise AttributeError(f"module 'inkread.teaching' has no attribute {name!r}")
    from inkread.teaching.lessons import Lesson

    return Lesson
