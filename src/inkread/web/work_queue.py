"""The work queue: holds uploads in memory and pictures until a thread reads them, within limits."""

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
    """Runs work in a limited number of threads outside the event loop. Work over the limit is refused as "busy".

    Only the event loop's thread may call it.
    """

    def __init__(self, limits: Limits, metrics: Metrics, *, threads: int) -> None:
        self.limits = limits
        self.metrics = metrics
        self.taken = 0
        self.held = 0
        self._pool = ThreadPoolExecutor(threads, "inkread-reading")

    def check(self) -> None:
        """Raise `Problem` "busy" if the queue is full."""
        if self.taken >= self.limits.waiting:
            raise _busy()

    async def run(self, work: Callable[[], Result]) -> Result:
        """Run `work` in a thread of the queue and return its result.

        Raises `Problem` "busy" if the queue is full, and "too-long" if it takes too long. Cancelling removes work that
        has not begun. Work that has begun keeps its place until it ends.
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
            raise Problem(
                "too-long", f"It took longer than {seconds} s. Try again, or use a smaller picture."
            ) from None

    def _count(self, pictures: int, count: int) -> None:
        """Add to the number of pictures and bytes. Negative numbers subtract."""
        self.taken += pictures
        self.held += count
        self.metrics.waiting.inc(pictures)
        self.metrics.held_bytes.inc(count)

    @contextmanager
    def holding(self) -> Iterator[Callable[[int], None]]:
        """Yield a function that counts bytes in memory. At the end they are subtracted again.

        The function raises `Problem` "busy" if all uploads together would exceed the limit.
        """
        mine = 0

        def hold(count: int) -> None:
            nonlocal mine
            if self.held + count > self.limits.held_bytes:
                raise _busy()
            self._count(0, count)
            mine += count

        try:
            yield hold
        finally:
            self._count(0, -mine)

    def close(self) -> None:
        """Stop the threads, except those that read a picture at this moment; the end of the process stops them."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def _busy() -> Problem:
    return Problem("busy", "inkread is busy. Try again in a second.")
