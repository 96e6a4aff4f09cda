"""Downloads that can be resumed, are checked, and end as complete files or not at all."""

from __future__ import annotations

import hashlib
import http
import http.client
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, TypeAlias

from inkread.errors import DataError

Progress: TypeAlias = Callable[[str, int, int | None], None]
"""Called with a file's name, the number of bytes received so far, and its size, or None if the server does not give it.

The bytes start above 0 if a download is resumed, and fall back to 0 if it has to start again.
"""

TIMEOUT = 20.0
"""Seconds without a byte after which a connection is given up."""

CHUNK = 1 << 16
"""Bytes that are read at a time."""


def cache_folder(name: str) -> Path:
    """Return the folder `name` in inkread's part of the platform's cache; it may not exist yet."""
    return _platform_cache().expanduser() / "inkread" / name


def _platform_cache() -> Path:
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or "~/AppData/Local")
    if sys.platform == "darwin":
        return Path("~/Library/Caches")
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache")


def md5_of(path: Path) -> str:
    """Return the MD5 of a file as 32 hexadecimal digits. Raises OSError when it cannot be read."""
    with path.open("rb") as stream:
        # The checksum protects against damage, not against attackers. FIPS builds of Python need to be told so.
        return hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def download_all(
    md5s: Mapping[str, str], folder: Path, *, mirrors: Sequence[str], progress: Progress | None = None
) -> None:
    """Download the files in `md5s`, a dict of names and MD5s, into `folder`, which is created if it is missing.

    mirrors: http or https folders, tried in order.

    An interrupted download leaves NAME.part, and the next call resumes it. Raises `DataError` if no mirror provides a
    file; its message says which files to put where.
    """
    for name, md5 in md5s.items():
        try:
            folder.mkdir(parents=True, exist_ok=True)
            download(name, md5, folder, mirrors=mirrors, progress=progress)
        except OSError as error:
            missing = ", ".join(file for file in md5s if not (folder / file).is_file())
            raise DataError(
                f"{folder / name}: cannot be downloaded ({_cause(error)}); run again with a network connection, "
                f"put {missing} into {folder}, or name their folder with --data DIR or INKREAD_DATA"
            ) from error


def download(name: str, md5: str, folder: Path, *, mirrors: Sequence[str], progress: Progress | None = None) -> None:
    """Download one file into `folder` from the first of `mirrors` that provides it with the right MD5.

    Raises `OSError`, with the cause for each mirror, if none does.
    """
    part = folder / f"{name}.part"
    causes = []
    for mirror in mirrors:
        try:
            _complete(part, f"{mirror.rstrip('/')}/{name}", md5, progress or _silent)
        except (OSError, http.client.HTTPException, ValueError) as error:
            causes.append(f"{mirror}: {_cause(error)}")
        else:
            part.replace(folder / name)
            return
    raise OSError("; ".join(causes))


def _complete(part: Path, url: str, md5: str, progress: Progress) -> None:
    """Complete `part` to the file with this MD5. If its content turns out to be wrong, it is downloaded again."""
    resumes = part.is_file()
    if resumes and md5_of(part) == md5:
        return
    _transfer(part, url, progress)
    if (found := md5_of(part)) == md5:
        return
    part.unlink()
    if not resumes:
        raise OSError(f"wrong checksum (md5 {found}, not {md5})")
    # The earlier part of the file may have been wrong.
    _complete(part, url, md5, progress)


def _transfer(part: Path, url: str, progress: Progress) -> None:
    """Append the missing bytes to `part`, or download all of it if the server cannot resume."""
    response, start = _request(url, part.stat().st_size if part.is_file() else 0)
    with response, part.open("r+b" if start else "wb") as stream:
        length = response.headers.get("Content-Length")
        total = start + int(length) if length else None
        stream.seek(start)
        end = _copy(response, stream, lambda there: progress(part.stem, there, total))
    if total is not None and end < total:
        raise ConnectionError(f"connection lost after {end} of {total} bytes; run again to resume")


def _copy(response: http.client.HTTPResponse, stream: IO[bytes], progress: Callable[[int], None]) -> int:
    progress(stream.tell())
    while chunk := response.read(CHUNK):
        stream.write(chunk)
        progress(stream.tell())
    return stream.tell()


def _request(url: str, there: int) -> tuple[http.client.HTTPResponse, int]:
    """Request the bytes after the first `there`, or all if that fails; return the response and its first byte."""
    if there:
        try:
            response = _open(url, {"Range": f"bytes={there}-"})
        except urllib.error.HTTPError as error:
            if error.code != http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                raise
        else:
            if response.headers.get("Content-Range", "").startswith(f"bytes {there}-"):
                return response, there
            if response.status == http.HTTPStatus.OK:
                return response, 0
            response.close()
    return _open(url, {}), 0


def _open(url: str, headers: dict[str, str]) -> http.client.HTTPResponse:
    request = urllib.request.Request(url, headers={"User-Agent": "inkread"} | headers)  # noqa: S310
    try:
        response: http.client.HTTPResponse = _http_only().open(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        error.close()
        raise
    return response


def _http_only() -> urllib.request.OpenerDirector:
    """Return an opener that refuses file: and ftp: addresses, even behind a redirect."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.UnknownHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPRedirectHandler(),
        urllib.request.HTTPErrorProcessor(),
    ):
        opener.add_handler(handler)
    return opener


def _cause(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"HTTP status {error.code}"
    if isinstance(error, urllib.error.URLError):
        return str(error.reason)
    return str(error) or type(error).__name__


def _silent(_name: str, _there: int, _total: int | None) -> None:
    pass
