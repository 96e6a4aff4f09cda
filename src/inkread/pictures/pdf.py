"""PDF files: how many pages one has, and a page as an image. Needs the extra 'pdf'.

A few hundred bytes of PDF can keep PDFium busy for years, and a thread cannot be stopped. So PDFs are opened in another
process. The first PDF starts it, all others use it too, and it is ended if one of them takes too long.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib.util
import json
import os
import sys
import threading
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeAlias, cast

from PIL import Image

from inkread.errors import PictureError, way_to_install
from inkread.pictures.opening import truncated

if TYPE_CHECKING:
    from subprocess import Popen

Source: TypeAlias = Path | bytes

MAX_SECONDS = 5.0
"""Opening a PDF, or drawing one of its pages, is given up after this time. A page on paper takes less than a second."""

# The other process finds the same packages as this one, whatever was done to the search path.
_PROGRAM = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from inkread.pictures.pdf_process import main; main()"
)


def count_pdf_pages(source: Source, name: str, password: str | None) -> int:
    """Return the number of pages of a PDF, at least 1. Raises `PictureError`, which names `name`."""
    return int(_ask(source, name, password)[0]["count"])


def pdf_page(
    source: Source, number: int, name: str, password: str | None, pixels: int | None
) -> tuple[Image.Image, tuple[int, int]]:
    """Return a page of a PDF as an image, and its size in pixels at full resolution.

    A page that is one scanned image is that image. Any other page is drawn at 300 dots per inch, with its filled-in
    form fields and its annotations.

    number: which page, from 1.
    pixels: larger pages are reduced to this number of pixels; None for full resolution.

    Raises `PictureError`, which names `name`.
    """
    told, content = _ask(source, name, password, page=number, pixels=pixels)
    width, height = told["full"]
    return Image.frombytes(told["mode"], tuple(told["size"]), content), (width, height)


def _ask(
    source: Source, name: str, password: str | None, *, page: int | None = None, pixels: int | None = None
) -> tuple[dict[str, Any], bytes]:
    """Return the answer of the other process: its values, and the pixels of a page."""
    if importlib.util.find_spec("pypdfium2") is None:
        raise PictureError(f"{name}: a PDF needs the extra 'pdf': {way_to_install('pdf')}", code="missing-extra")
    path, content = ("", source) if isinstance(source, bytes) else (str(source.absolute()), b"")
    request = {"path": path, "bytes": len(content), "password": password, "page": page, "pixels": pixels}
    try:
        told, found = _process.ask(request, content)
    except TimeoutError:
        slow = f"takes more than {MAX_SECONDS:g} seconds to {'open' if page is None else 'draw'}"
        raise PictureError(f"{name}: {slow}; save its pages as PNG", code="too-complex") from None
    except EOFError:
        # This file has crashed the process.
        raise truncated(name) from None
    except OSError as error:
        cause = f"the process that opens PDFs cannot be started ({error})"
        raise PictureError(f"{name}: {cause}; end other programs", code="unreadable") from None
    if "error" in told:
        raise _why(told["error"], name)
    return told, found


def _why(code: str, name: str) -> PictureError:
    """Return why a PDF cannot be opened."""
    match code:
        case "encrypted":
            return PictureError(f"{name}: is encrypted; give its password with --password", code=code)
        case "wrong-password":
            return PictureError(f"{name}: the password is wrong; check it, capital letters too", code=code)
        case "unknown-encryption":
            unknown = "is encrypted in a way that cannot be read here; save it without a password"
            return PictureError(f"{name}: {unknown}", code="encrypted")
        case "empty":
            return PictureError(f"{name}: this PDF has no pages; save or copy it again", code=code)
    return truncated(name)


class _Process:
    """The process that opens PDFs. It is started for the first request, and again if it was ended or has died."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Use another process from now on. A fork of this process does, or it would take answers that are for us."""
        self._one_at_a_time = threading.Lock()
        self._running: Popen[bytes] | None = None

    def ask(self, request: dict[str, Any], content: bytes) -> tuple[dict[str, Any], bytes]:
        """Return the answer to a request: its values, and the pixels of a page.

        Raises `TimeoutError` if it takes too long, `EOFError` if the process dies, and another `OSError` if it cannot
        be started.
        """
        with self._one_at_a_time:
            running = self._running = self._running or _started()
            answer, late = None, threading.Event()

            def give_up() -> None:
                late.set()
                running.kill()

            timer = threading.Timer(MAX_SECONDS, give_up)
            timer.start()
            try:
                # If the process dies, the pipes end.
                with contextlib.suppress(OSError, ValueError):
                    answer = _answer(running, request, content)
            finally:
                timer.cancel()
                timer.join()
                if answer is None or late.is_set():
                    self._end()
            if answer is None:
                raise TimeoutError if late.is_set() else EOFError
            return answer

    def close(self) -> None:
        """End the process."""
        with self._one_at_a_time:
            self._end()

    def _end(self) -> None:
        running, self._running = self._running, None
        if running is not None:
            running.kill()
            # The end of the block closes the pipes. What was not sent yet is lost.
            with contextlib.suppress(OSError), running:
                pass


def _started() -> Popen[bytes]:
    """Return a process that waits for requests. Raises `OSError` if it cannot be started."""
    # Few runs open a PDF.
    import subprocess

    words = [sys.executable, "-c", _PROGRAM, json.dumps(sys.path)]
    running = subprocess.Popen(  # noqa: S603
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    # Its first line comes when it is ready. Starting is no part of the time that a page may take.
    if not cast("IO[bytes]", running.stdout).readline():
        with running:
            raise ChildProcessError("it ends at once")
    return running


def _answer(running: Popen[bytes], request: dict[str, Any], content: bytes) -> tuple[dict[str, Any], bytes]:
    """Return the answer of a process to a request. Raises `OSError` or `ValueError` if it dies."""
    to, back = cast("IO[bytes]", running.stdin), cast("IO[bytes]", running.stdout)
    to.write(json.dumps(request).encode() + b"\n" + content)
    to.flush()
    told: dict[str, Any] = json.loads(back.readline())
    found = back.read(told["bytes"])
    if len(found) < told["bytes"]:
        raise ValueError("the answer is not complete")
    return told, found


_process = _Process()
atexit.register(_process.close)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_process.forget)
