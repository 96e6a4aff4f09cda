"""Teaching: digits that a user has corrected are kept, and weigh in every later reading. Nothing is trained anew."""

from inkread.teaching.lessons import Lesson
from inkread.teaching.profiles import DEFAULT_PROFILE, Profile

__all__ = ["DEFAULT_PROFILE", "Lesson", "Profile"]
