"""HTTP as uvicorn speaks it, with bounds for clients that keep it waiting."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class Impatient(HttpToolsProtocol):
    """Hangs up on clients that are late with what they owe, or whose headers do not end; uvicorn sets no bounds there.

    They owe the headers of a request once they are connected, the rest of a body that was answered early, and to take
    the answer. A body that is wanted has a time limit of its own: see `inkread.web.uploads`.
    """

    patience: float = 30
    """Seconds."""

    longest_head = 65_536
    """Bytes of the request line and headers together."""

    _timer: asyncio.TimerHandle | None = None
    _head: int | None = None  # bytes of the headers that are arriving

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._head is None:
            return
        self._head += len(data)
        if self._head > self.longest_head:
            self.send_400_response("The headers of this request are too long.")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head = 0
        self._wait()

    def on_headers_complete(self) -> None:
        self._head = None
        self._stop()
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.cycle.more_body or self.transport.get_write_buffer_size():
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._stop()
        self._timer = self.loop.call_later(self.patience, self.transport.abort)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
