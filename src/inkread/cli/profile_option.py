"""The option `--profile` of the commands that read."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from inkread.teaching.profiles import NO_PROFILE, Profile

if TYPE_CHECKING:
    from inkread.reader import Reader

PROFILE_HELP = (
    f"Whose taught digits count; '{NO_PROFILE}' reads as if nothing had been taught. 'inkread teach' says more."
)


def profile_of(name: str) -> Profile | None:
    """Return the profile that the command line names to read with; None for `NO_PROFILE`.

    Raises `OptionError` for a name under which nothing was taught.
    """
    if name == NO_PROFILE:
        return None
    profile = Profile(name)
    profile.check_taught()
    return profile


def warn_if_unteachable(reader: Reader) -> None:
    """Say on stderr where something was taught that does not count, as the model gives no features to compare."""
    profile = reader.classifier.profile
    if profile is not None and not reader.classifier.has_features and profile.count():
        print(
            "inkread: what was taught does not count with this model, which does not give its features; take the model "
            "folder or its .onnx, .keras or .h5 file, or say --profile none",
            file=sys.stderr,
        )
