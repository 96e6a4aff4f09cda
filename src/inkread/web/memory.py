"""Memory that was used for large pictures, given back to the system.

The C library of Linux keeps what threads have freed: 600 MB after a few pictures of 49 megapixels. It could be told to
map every large piece anew, and would then give it back at once, but pages took half as long again to read.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
from pathlib import Path

SLACK = 50_000_000
"""Bytes above what a worker has at its start that are not worth the work."""

_STATM = Path("/proc/self/statm")


async def give_back(*, every: float = 2) -> None:
    """Look at the memory of this process again and again, in seconds, and give back what is free of it."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if _STATM.exists() else None
    if trim is None:
        return  # other C libraries give back by themselves
    least = _resident()
    while True:
        await asyncio.sleep(every)
        if _resident() > least + SLACK:
            await asyncio.to_thread(trim, 0)


def _resident() -> int:
    """Return the bytes of memory that this process has."""
    return int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
