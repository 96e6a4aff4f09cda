"""The system below Python: memory that the C library keeps or gives back, and what native code says on stderr."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from collections.abc import Iterator
from pathlib import Path

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


@contextlib.contextmanager
def quiet_stderr() -> Iterator[None]:
    """Silence what native code writes to file descriptor 2: TensorFlow greets there before it reads its settings."""
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        sys.stderr.flush()
        os.dup2(kept, 2)
        os.close(kept)


SLACK = 50_000_000
"""Bytes above what a worker has at its start that are not worth the work."""

_STATM = Path("/proc/self/statm")


async def give_back(*, every: float = 2) -> None:
    """Look at the memory of this process again and again, in seconds, and give back what is free of it.

    The C library of Linux keeps what threads have freed: 600 MB after a few pictures of 49 megapixels. It could be told
    to map every large piece anew, and would then give it back at once, but pages took half as long again to read.
    """
    import asyncio

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
