"""The reading process: reads the entries that it is given, with one session and one thread, and sends their rows."""

from __future__ import annotations

import os
import signal
import threading
import warnings
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import Final

import cv2

from inkread.batch.archives import Contents
from inkread.batch.locations import Entry
from inkread.batch.rows import Task, read_rows
from inkread.errors import InkreadError
from inkread.pictures.opening import opened
from inkread.reader import Reader
from inkread.system import keep_freed

HEAVY_PIXELS = 16_000_000
"""A picture with more pixels is heavy. It is decoded only when the main process allows it."""

HEAVY_BYTES = 64_000_000
"""A file with more bytes is heavy too. Each byte counts as a pixel."""

_AHEAD = 16
"""The largest number of remote pictures that are fetched in advance."""

_AHEAD_BYTES = 32_000_000
"""The largest size of remote pictures that are fetched in advance."""

_UNKNOWN_BYTES = 1_000_000
"""The assumed size of a picture whose size is not known."""

READY: Final = "ready"
GO: Final = "go"


def serve(connection: Connection, task: Task) -> None:
    """Read the lists of entries that come through a connection, until it is closed.

    Sends `READY` or an `InkreadError` first, and then the list of rows of each entry, in order. Before a heavy picture
    it sends the number of pixels and waits for `GO`.
    """
    # The main process handles Ctrl-C and then stops this process.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    # Warnings are about pictures, and the rows say what matters.
    warnings.simplefilter("ignore")
    # Other processes use the other cores.
    cv2.setNumThreads(1)
    keep_freed()
    try:
        # Without a profile, every node gives the same answer.
        reader = Reader(task.model, profile=None)
    except InkreadError as error:
        connection.send(error)
        return
    connection.send(READY)
    inbox = Inbox(connection)
    while True:
        entry, fetch = inbox.next()
        connection.send(read_rows(reader, entry.path, partial(_in_turn, fetch, inbox), task))


def _in_turn(fetch: Callable[[], bytes], inbox: Inbox) -> bytes:
    content = fetch()
    if (pixels := _pixels(content)) > HEAVY_PIXELS or len(content) > HEAVY_BYTES:
        inbox.wait_for_turn(max(pixels, len(content)))
    return content


def _pixels(content: bytes) -> int:
    """Return the number of pixels in a picture's header; 0 if it does not open, since reading it reports the error."""
    try:
        with opened(content, "picture") as image:
            return image.width * image.height
    except Exception:  # noqa: BLE001
        # Pillow's plugins raise errors of any class for malformed files.
        return 0


class Inbox:
    """The entries that wait for a reading process. The contents of remote ones are fetched in advance."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._messages: SimpleQueue[object] = SimpleQueue()
        self._entries: deque[Entry] = deque()
        self._ahead: deque[tuple[Entry, Future[bytes]]] = deque()
        self._threads: ThreadPoolExecutor | None = None
        self._contents = Contents()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        """Receive the messages of the main process as they arrive, and end the process when the main process is gone.

        Receiving at once keeps both processes from waiting for each other. Ending in the middle of a picture is safe,
        since nobody waits for its row.
        """
        try:
            while True:
                self._messages.put(self._connection.recv())
        except (EOFError, OSError):
            os._exit(0)

    def next(self) -> tuple[Entry, Callable[[], bytes]]:
        """Wait for the next entry, and return it with a function that returns its bytes."""
        while not self._messages.empty() or not (self._entries or self._ahead):
            self._take()
        self._fetch_ahead()
        if self._ahead:
            entry, future = self._ahead.popleft()
            return entry, future.result
        entry = self._entries.popleft()
        return entry, partial(self._contents.fetch, entry)

    def wait_for_turn(self, pixels: int) -> None:
        """Ask the main process for permission to decode this many pixels, and wait for it."""
        self._connection.send(pixels)
        while self._take() != GO:
            pass

    def _take(self) -> object:
        message = self._messages.get()
        if isinstance(message, list):
            self._entries += message
        return message

    def _fetch_ahead(self) -> None:
        """Start to fetch the next remote pictures."""
        size = sum(_bytes(entry) for entry, _ in self._ahead)
        while self._entries and _is_remote(self._entries[0]) and len(self._ahead) < _AHEAD and size < _AHEAD_BYTES:
            entry = self._entries.popleft()
            self._threads = self._threads or ThreadPoolExecutor(_AHEAD)
            self._ahead.append((entry, self._threads.submit(Contents().fetch, entry)))
            size += _bytes(entry)


def _is_remote(entry: Entry) -> bool:
    return entry.file.remote and entry.row < 0 and entry.content is None


def _bytes(entry: Entry) -> int:
    return entry.size if entry.size >= 0 else _UNKNOWN_BYTES
