"""The option `--profile` of the commands that read."""

from __future__ import annotations

from inkread.teaching.profiles import NO_PROFILE, Profile

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
