"""How a command line ended that a test ran in its own process."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple


class Ended(NamedTuple):
    """How a command ended: its exit code and the lines it wrote."""

    code: int
    out: list[str]
    err: list[str]


Run = Callable[..., Ended]
