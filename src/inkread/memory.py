"""Memory: how the C library of Linux hands it out, for processes that read one picture after another."""

from __future__ import annotations

import ctypes
import sys

_TRIM, _MAP = -1, -3  # M_TRIM_THRESHOLD and M_MMAP_THRESHOLD of mallopt(3)

LARGEST = 32 << 20
"""Pieces of up to so many bytes are kept when they are freed, twice as much in all."""


def keep_freed() -> None:
    """Let this process keep what it frees for the next picture, as it would by itself after a first large one.

    Otherwise each map of a page, of more than 128 kB, comes from the system and goes back to it: hundreds of pages of
    memory to be cleared for every small picture. Does nothing on other systems.
    """
    set_option = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if set_option is not None:
        set_option(_MAP, LARGEST)
        set_option(_TRIM, 2 * LARGEST)
