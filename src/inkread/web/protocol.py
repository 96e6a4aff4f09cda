"""HTTP as uvicorn speaks it, with a time limit for clients that keep it waiting.

Built on h11, not on the quicker httptools: that one gives up a request whose client offers HTTP/2, as those of Java do,
and bounds no headers. It would save a hundredth of the time that a drawing takes.
"""

from __future__ import annotations

import asyncio
import contextlib

from h11 import LocalProtocolError
from uvicorn.protocols.http.h11_impl import H11Protocol


class Impatient(H11Protocol):
    """Hangs up on clients that are late with what they owe; uvicorn alone would wait for ever.

    They owe the headers of a request once they are connected, the rest of a body that was answered early, and to take
    the answer. A body that is wanted has a time limit of its own: see `inkread.web.uploads`.
    """

    patience: float = 60
    """Seconds; an idle connection is closed by uvicorn before."""

    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._stop()

    def send_400_response(self, msg: str) -> None:
        with contextlib.suppress(LocalProtocolError):  # nonsense in the rest of a body that is answered already
            super().send_400_response(msg)
        self.transport.close()

    def _watch(self) -> None:
        """Let the time run while no request is being answered."""
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop()
        elif self._timer is None:
            self._timer = self.loop.call_later(self.patience, self.transport.abort)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None
