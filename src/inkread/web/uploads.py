"""Uploads: reads the pictures in the body of a request into memory, within the limits."""

from __future__ import annotations

import asyncio
import io
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import unquote

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from inkread.web.limits import Limits
from inkread.web.problems import Problem

# It writes lines without a name about the damaged forms that clients send; they are told in the answer.
logging.getLogger("python_multipart").setLevel(logging.CRITICAL)

UNNAMED = "picture"
LONGEST_NAME = 255

Hold = Callable[[int], None]

_DRAIN_SECONDS, _DRAIN_BYTES = 2, 250_000_000
"""How long, and how much, of a body that is too large is taken and forgotten before it is refused."""


@dataclass(frozen=True, slots=True)
class Upload:
    """One uploaded picture: its name and its bytes."""

    name: str
    content: bytes

    def file(self) -> io.BytesIO:
        """Return the picture as a file object with a name, for a reader."""
        file = io.BytesIO(self.content)
        file.name = self.name
        return file


async def uploads_of(request: Request, name: str, limits: Limits, hold: Hold) -> list[Upload]:
    """Return the pictures of a request: its body, or the files of a form.

    name: the percent-encoded name of a picture in the body. The files of a form have names already.
    hold: called with the number of bytes before they are kept in memory.

    Raises `Problem` if the body contains no picture, is too large or damaged, or does not arrive in time.
    """
    try:
        async with asyncio.timeout(limits.upload_seconds):
            if request.headers.get("content-type", "").lower().startswith("multipart/"):
                return await _read_form(request, limits, hold)
            return [Upload(_clean_name(unquote(name)), await _read_body(request, limits, hold))]
    except TimeoutError:
        seconds = f"{limits.upload_seconds:g}"
        raise Problem("too-slow", f"The picture did not arrive within {seconds} s. Try again.") from None


async def _read_body(request: Request, limits: Limits, hold: Hold) -> bytes:
    content = b"".join([chunk async for chunk in _read_bounded(request, limits.bytes, hold)])
    if not content:
        raise Problem("no-picture", "There is no picture in the request. Send one as the body or in a form.")
    return content


async def _read_bounded(request: Request, most: int, hold: Hold) -> AsyncGenerator[bytes, None]:
    """Yield the chunks of a body, up to a limit. The length in the header is only used to refuse a body early."""
    chunks = request.stream()
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > most:
        await _drain(request, chunks)
        raise _too_large(most)
    total = 0
    async for chunk in chunks:
        total += len(chunk)
        if total > most:
            await _drain(request, chunks)
            raise _too_large(most)
        hold(len(chunk))
        yield chunk


async def _drain(request: Request, chunks: AsyncIterator[bytes]) -> None:
    """Take more of a body for a moment: plain clients look for an answer only after they have sent everything."""
    # These clients ask before they send.
    if "expect" in request.headers:
        return
    left = _DRAIN_BYTES
    with suppress(TimeoutError, ClientDisconnect):
        async with asyncio.timeout(_DRAIN_SECONDS):
            async for chunk in chunks:
                left -= len(chunk)
                if left < 0:
                    return


async def _read_form(request: Request, limits: Limits, hold: Hold) -> list[Upload]:
    parser = _InMemory(
        request.headers,
        _read_bounded(request, limits.total_bytes, hold),
        max_files=limits.files,
        max_fields=limits.files,
    )
    try:
        form = await parser.parse()
    except MultiPartException as error:
        if error.message.startswith("Too many"):
            raise Problem("too-large", f"{error.message} Send them in several requests.") from None
        raise Problem("bad-form", f"The form is damaged: {error.message}") from None
    except (LookupError, UnicodeError, ValueError):
        # Such as a `charset` that does not exist.
        raise Problem("bad-form", "The form is damaged: its headers say what nobody can decode.") from None
    try:
        files = [value for _, value in form.multi_items() if isinstance(value, UploadFile)]
        found = [Upload(_clean_name(file.filename or ""), await file.read()) for file in files]
    finally:
        await form.close()
    if not any(upload.content for upload in found):
        raise Problem("no-picture", "There is no picture in the form. Send it as a file.")
    if any(len(upload.content) > limits.bytes for upload in found):
        raise _too_large(limits.bytes)
    return found


class _InMemory(MultiPartParser):
    """Starlette's form parser, set to never write to the disk. By default it writes files over a megabyte.

    For `tempfile.SpooledTemporaryFile`, 0 means no limit.
    """

    spool_max_size = 0


def _clean_name(name: str) -> str:
    """Return a name for messages: printable, and not too long."""
    shown = "".join(letter if letter.isprintable() else " " for letter in name[:LONGEST_NAME])
    return shown.strip() or UNNAMED


def _too_large(most: int) -> Problem:
    return Problem("too-large", f"The request is over the limit of {most / 1e6:g} megabytes. Reduce the picture first.")
