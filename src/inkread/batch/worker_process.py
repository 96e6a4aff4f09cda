"""The reading process: one session with one thread, which reads what it is given and sends a row for each picture."""

from __future__ import annotations

import os
import signal
import threading
import warnings
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from io import BytesIO
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import Final

import cv2
from PIL import Image

from inkread.batch.archives import Contents
from inkread.batch.locations import Entry
from inkread.batch.rows import Task, read_row
from inkread.errors import InkreadError
from inkread.pictures.opening import FORMATS
from inkread.reader import Reader
from inkread.system import keep_freed

HEAVY_PIXELS = 16_000_000
"""A picture with more pixels is decoded only when it is its turn: see `workers.Turns`."""

HEAVY_BYTES = 64_000_000
"""So is a file of more bytes, for which so many pixels are counted as it has bytes."""

_AHEAD = 16  # pictures that are fetched while others are read, from where fetching takes its time
_AHEAD_BYTES = 32_000_000
_UNKNOWN_BYTES = 1_000_000  # what a picture of unknown size is taken for

READY: Final = "ready"
GO: Final = "go"


def serve(connection: Connection, task: Task) -> None:
    """Read what comes through a connection, a list of entries at a time, until it is closed.

    Sends `READY` or an `InkreadError` first; then a `Row` for each entry, in order, and before one that is heavy its
    number of pixels, for which it waits for `GO`.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the main process, which ends this one
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    warnings.simplefilter("ignore")  # of pictures; what matters of them is in their rows
    cv2.setNumThreads(1)  # the other cores have processes of their own
    keep_freed()
    try:
        reader = Reader(task.model, profile=None)  # every node gives the same answer
    except InkreadError as error:
        connection.send(error)
        return
    connection.send(READY)
    inbox = Inbox(connection)
    while True:
        entry, fetch = inbox.next()
        connection.send(read_row(reader, entry.path, partial(_in_turn, fetch, inbox), task))


def _in_turn(fetch: Callable[[], bytes], inbox: Inbox) -> bytes:
    content = fetch()
    if (pixels := _pixels(content)) > HEAVY_PIXELS or len(content) > HEAVY_BYTES:
        inbox.wait_for_turn(max(pixels, len(content)))
    return content


def _pixels(content: bytes) -> int:
    """Return how many pixels a picture says it has; 0 where it does not open, which reading it will say better."""
    try:
        with Image.open(BytesIO(content), formats=FORMATS) as image:
            return image.width * image.height
    except Exception:  # noqa: BLE001 - on hostile bytes Pillow's plugins raise errors of any class
        return 0


class Inbox:
    """What lies before a reading process: entries, and the contents of the next ones where fetching takes time."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._messages: SimpleQueue[object] = SimpleQueue()
        self._entries: deque[Entry] = deque()
        self._ahead: deque[tuple[Entry, Future[bytes]]] = deque()
        self._threads: ThreadPoolExecutor | None = None
        self._contents = Contents()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        """Take in at once what the main process sends, so that neither waits for the other; end when it is gone."""
        try:
            while True:
                self._messages.put(self._connection.recv())
        except (EOFError, OSError):
            os._exit(0)  # in the middle of a picture, too: nobody waits for its row

    def next(self) -> tuple[Entry, Callable[[], bytes]]:
        """Return the next entry and what gives its bytes; waits for one."""
        while not self._messages.empty() or not (self._entries or self._ahead):
            self._take()
        self._fetch_ahead()
        if self._ahead:
            entry, future = self._ahead.popleft()
            return entry, future.result
        entry = self._entries.popleft()
        return entry, partial(self._contents.fetch, entry)

    def wait_for_turn(self, pixels: int) -> None:
        """Ask for leave to decode so many pixels, and wait for it."""
        self._connection.send(pixels)
        while self._take() != GO:
            pass

    def _take(self) -> object:
        message = self._messages.get()
        if isinstance(message, list):
            self._entries += message
        return message

    def _fetch_ahead(self) -> None:
        """Begin to fetch the next pictures that lie elsewhere."""
        size = sum(_bytes(entry) for entry, _ in self._ahead)
        while self._entries and _elsewhere(self._entries[0]) and len(self._ahead) < _AHEAD and size < _AHEAD_BYTES:
            entry = self._entries.popleft()
            self._threads = self._threads or ThreadPoolExecutor(_AHEAD)
            self._ahead.append((entry, self._threads.submit(Contents().fetch, entry)))
            size += _bytes(entry)


def _elsewhere(entry: Entry) -> bool:
    return entry.file.remote and entry.row < 0 and entry.content is None


def _bytes(entry: Entry) -> int:
    return entry.size if entry.size >= 0 else _UNKNOWN_BYTES
