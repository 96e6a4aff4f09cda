"""The work queue: holds uploads in memory and pictures until a thread reads them, within limits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

from inkread.web.limits import Limits
from inkread.web.metrics import Metrics
from inkread.web.problems import Problem

Result = TypeVar("Result")


class WorkQueue:
    """Runs work in a limited number of threads outside the event loop. Work over the limit is refused as "busy".

    retire: called once when work takes longer than `Limits.page_seconds`, since a thread cannot be stopped.

    Only the event loop's thread may call it.
    """

    def __init__(
        self, limits: Limits, metrics: Metrics, *, threads: int, retire: Callable[[], None] | None = None
    ) -> None:
        self.limits = limits
        self.metrics = metrics
        self.taken = 0
        self.held = 0
        self._retire = retire
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
        watch = _Watch(loop, self.limits.page_seconds)

        def watched() -> Result:
            loop.call_soon_threadsafe(watch.begin, self._replace)
            return work()

        future = self._pool.submit(watched)
        self._count(1, 0)

        def end() -> None:
            watch.end()
            self._count(-1, 0)

        future.add_done_callback(lambda _: loop.call_soon_threadsafe(end))
        return await self._in_time(asyncio.wrap_future(future), watch)

    async def _in_time(self, result: asyncio.Future[Result], watch: _Watch) -> Result:
        """Return a result, unless it is late: in the queue or on its own."""
        limit = self.limits.reading_seconds
        try:
            both: set[asyncio.Future[Any]] = {result, watch.late}
            await asyncio.wait(both, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
            if result.done():
                return result.result()
            seconds = f"{watch.seconds if watch.late.done() else limit:g}"
            raise Problem("too-long", f"It took longer than {seconds} s. Try again, or use a smaller picture.")
        finally:
            result.cancel()

    def _replace(self) -> None:
        """Have this process replaced, once."""
        retire, self._retire = self._retire, None
        if retire:
            retire()

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


class _Watch:
    """Watches one work from its beginning to its end, in the event loop.

    late: is done when the work has taken longer than `seconds`.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, seconds: float) -> None:
        self.late: asyncio.Future[None] = loop.create_future()
        self.seconds = seconds
        self._loop = loop
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, when_late: Callable[[], None]) -> None:
        """Start the watch."""

        def tell() -> None:
            self.late.set_result(None)
            when_late()

        self._timer = self._loop.call_later(self.seconds, tell)

    def end(self) -> None:
        """End the watch."""
        if self._timer:
            self._timer.cancel()
