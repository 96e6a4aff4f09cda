"""How much the service takes, waits for and holds."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from inkread.pictures.opening import MAX_PIXELS


@dataclass(frozen=True, slots=True)
class Limits:
    """What one worker takes before it says no.

    bytes: of one picture.
    total_bytes: of all pictures in one form.
    files: pictures in one form.
    pixels: of one picture, from its header, before it is decoded.
    upload_seconds: for a request to arrive whole.
    reading_seconds: for a picture to be read, waiting included.
    waiting: pictures that wait or are read.
    requests: requests that arrive, wait or are answered.
    held_bytes: uploads in memory, of all requests together.
    lessons: digits of a profile, beyond which none is taught here.
    """

    bytes: int = 25_000_000
    total_bytes: int = 100_000_000
    files: int = 100
    pixels: int = MAX_PIXELS
    upload_seconds: float = 60
    reading_seconds: float = 30
    waiting: int = 64
    requests: int = 256
    held_bytes: int = 250_000_000
    lessons: int = 5000

    def to_dict(self) -> dict[str, float]:
        """Return the limits as `/api/health` tells them."""
        return asdict(self)
