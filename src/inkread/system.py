"""The system below Python: memory that the C library keeps, and what native code writes to stderr."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

# M_TRIM_THRESHOLD and M_MMAP_THRESHOLD of mallopt(3).
_TRIM, _MAP = -1, -3

LARGEST = 32 << 20
"""Bytes of the largest block that the process keeps after freeing it; in total it keeps twice as much."""


def keep_freed() -> None:
    """Let this process keep freed memory for the next picture, as glibc does after the first large block.

    Otherwise every array of more than 128 kB is mapped from the system and returned to it, and the kernel clears
    hundreds of memory pages for every small picture. Does nothing on systems other than Linux.
    """
    set_option = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if set_option is not None:
        set_option(_MAP, LARGEST)
        set_option(_TRIM, 2 * LARGEST)


@contextlib.contextmanager
def quiet_stderr() -> Iterator[None]:
    """Silence file descriptor 2: TensorFlow writes to it before it reads its log settings."""
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


@cache
def silence_libtiff(pillow: str) -> None:
    """Keep libtiff from writing to file descriptor 2, once per process; Pillow's exceptions say what is wrong.

    pillow: the file of Pillow's native module, through which libtiff is found. Does nothing where it is not.
    """
    # Null means no handler (https://libtiff.gitlab.io/libtiff/functions/TIFFError.html).
    with contextlib.suppress(OSError, AttributeError):
        set_handler = ctypes.CDLL(pillow).TIFFSetErrorHandler
        set_handler.argtypes = [ctypes.c_void_p]
        set_handler.restype = ctypes.c_void_p
        set_handler(None)


SLACK = 50_000_000
"""Bytes by which a process may grow before memory is returned to the system."""

_STATM = Path("/proc/self/statm")


async def give_back(*, every: float = 2) -> None:
    """Return free memory of this process to the system, checking every `every` seconds.

    The C library of Linux keeps what threads have freed: 600 MB after a few pictures of 49 megapixels. Mapping every
    large block separately would return it at once, but made reading a page take 1.5 times as long.
    """
    import asyncio

    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if _STATM.exists() else None
    if trim is None:
        # Other C libraries return free memory by themselves.
        return
    least = _resident()
    while True:
        await asyncio.sleep(every)
        if _resident() > least + SLACK:
            await asyncio.to_thread(trim, 0)


def _resident() -> int:
    """Return the resident memory of this process, in bytes."""
    return int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
