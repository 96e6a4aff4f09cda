"""The limits of the service: sizes, numbers and times."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from inkread.pictures.opening import MAX_PIXELS


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one worker. Whatever exceeds them is refused.

    bytes: the size of one picture.
    total_bytes: the size of all pictures in one form.
    files: the number of pictures in one form.
    pixels: the size of one picture, from its header, before it is decoded.
    upload_seconds: the time for a request to arrive completely.
    reading_seconds: the time to read a picture, including the time in the queue.
    page_seconds: the time to read one page, without the time in the queue. The process of one that takes longer is
        replaced.
    waiting: the number of pictures that wait or are being read.
    requests: the number of requests with a body that arrive, wait or are being answered.
    held_bytes: the size of all uploads in memory, of all requests together.
    lessons: the number of taught digits in a profile.
    """

    bytes: int = 25_000_000
    total_bytes: int = 100_000_000
    files: int = 100
    pixels: int = MAX_PIXELS
    upload_seconds: float = 60
    reading_seconds: float = 30
    page_seconds: float = 15
    waiting: int = 64
    requests: int = 256
    held_bytes: int = 250_000_000
    lessons: int = 5000

    def to_dict(self) -> dict[str, float]:
        """Return the limits as in the answer of `/api/health`."""
        return asdict(self)
