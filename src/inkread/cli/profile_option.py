"""The option `--profile` of the commands that read."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from inkread.teaching.profiles import NO_PROFILE, Profile

if TYPE_CHECKING:
    from inkread.reader import Reader

PROFILE_HELP = f"The profile whose taught digits are used; '{NO_PROFILE}' uses none. See 'inkread teach'."


def profile_of(name: str) -> Profile | None:
    """Return the profile of this name; None for `NO_PROFILE`.

    Raises `OptionError` for a profile without taught digits.
    """
    if name == NO_PROFILE:
        return None
    profile = Profile(name)
    profile.check_taught()
    return profile


def warn_if_unteachable(reader: Reader) -> None:
    """Warn on stderr if the model ignores the taught digits because it gives no features to compare."""
    profile = reader.classifier.profile
    if profile is not None and not reader.classifier.has_features and profile.count():
        print(
            "inkread: taught digits are not used, because this model file gives no features to compare; use the model "
            "folder or its .onnx, .keras or .h5 file, or add --profile none",
            file=sys.stderr,
        )
