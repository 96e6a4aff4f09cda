"""The work queue: where uploads are held, and pictures wait for a thread that reads them. Bounded in every way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from inkread.web.limits import Limits
from inkread.web.metrics import Metrics
from inkread.web.problems import Problem

Result = TypeVar("Result")


class WorkQueue:
    """Reads pictures off the event loop, so many at a time; what is too much is refused as "busy", not queued.

    Only the event loop's thread may call it.
    """

    def __init__(self, limits: Limits, metrics: Metrics, *, threads: int) -> None:
        self.limits = limits
        self.metrics = metrics
        self.taken = 0
        self.held = 0
        self._pool = ThreadPoolExecutor(threads, "inkread-reading")

    def check(self) -> None:
        """Raise `Problem` "busy" where no further picture may wait."""
        if self.taken >= self.limits.waiting:
            raise _busy()

    async def run(self, work: Callable[[], Result]) -> Result:
        """Return what `work` returns, from a thread of the queue.

        Raises `Problem` "busy" where the queue is full and "too-long" when the time is up. Cancelling frees the place
        of work that has not begun; a thread that has begun keeps its place until it ends.
        """
        self.check()
        loop = asyncio.get_running_loop()
        future = self._pool.submit(work)
        self._count(1, 0)
        future.add_done_callback(lambda _: loop.call_soon_threadsafe(self._count, -1, 0))
        return await self._in_time(future)

    async def _in_time(self, future: Future[Result]) -> Result:
        try:
            async with asyncio.timeout(self.limits.reading_seconds):
                return await asyncio.wrap_future(future)
        except TimeoutError:
            seconds = f"{self.limits.reading_seconds:g}"
            raise Problem("too-long", f"It took longer than {seconds} s; try again, or a smaller picture.") from None

    def _count(self, pictures: int, count: int) -> None:
        """Count pictures, and bytes, in or out."""
        self.taken += pictures
        self.held += count
        self.metrics.waiting.inc(pictures)
        self.metrics.held_bytes.inc(count)

    @contextmanager
    def holding(self) -> Iterator[Callable[[int], None]]:
        """Yield a function that counts bytes into memory, which are counted out at the end.

        The function raises `Problem` "busy" where all uploads together become too much.
        """
        own = 0

        def hold(count: int) -> None:
            nonlocal own
            if self.held + count > self.limits.held_bytes:
                raise _busy()
            self._count(0, count)
            own += count

        try:
            yield hold
        finally:
            self._count(0, -own)

    def close(self) -> None:
        """Wait for the pictures that are being read, and end the threads."""
        self._pool.shutdown(cancel_futures=True)


def _busy() -> Problem:
    return Problem("busy", "inkread reads as many pictures as it can; ask again in a second.")
