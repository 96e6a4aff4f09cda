"""Downloads that resume, are checked, and end as whole files or not at all."""

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
"""Called with a file's name, the bytes of it that are there, and its size where the server tells it.

The bytes start above 0 where a download resumes, and fall back to 0 where it has to start again.
"""

TIMEOUT = 20.0  # seconds without a byte
CHUNK = 1 << 16  # bytes


def cache_folder(name: str) -> Path:
    """Return the folder `name` of inkread's cache, where the platform wants it; it may not exist yet."""
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
        # It guards against damage, not against attackers, and FIPS builds of Python ask to hear that.
        return hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def download_all(
    md5s: Mapping[str, str], folder: Path, *, mirrors: Sequence[str], progress: Progress | None = None
) -> None:
    """Download the files that `md5s` names, each with its MD5, into `folder`, which is made when missing.

    `mirrors` are http or https folders, tried in order. A broken or interrupted download leaves NAME.part,
    and the next call resumes it. Raises DataError when a file can be had from no mirror; its message says
    which files to put where.
    """
    for name, md5 in md5s.items():
        try:
            folder.mkdir(parents=True, exist_ok=True)
            download(name, md5, folder, mirrors=mirrors, progress=progress)
        except OSError as error:
            missing = ", ".join(file for file in md5s if not (folder / file).is_file())
            raise DataError(
                f"{folder / name}: cannot be downloaded ({_cause(error)}); run again with a network, "
                f"put {missing} into {folder}, or say where they are with --data DIR or INKREAD_DATA"
            ) from error


def download(name: str, md5: str, folder: Path, *, mirrors: Sequence[str], progress: Progress | None = None) -> None:
    """Download one file into `folder` from the first of `mirrors` that gives it with the right MD5.

    Raises OSError, with the cause at each mirror, when none does.
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
    """Bring `part` to the file with this MD5; what turns out not to be its beginning is deleted."""
    resumes = part.is_file()
    if resumes and md5_of(part) == md5:
        return
    _transfer(part, url, progress)
    if (found := md5_of(part)) == md5:
        return
    part.unlink()
    if not resumes:
        raise OSError(f"wrong checksum (md5 {found}, not {md5})")
    _complete(part, url, md5, progress)  # the fault may lie in what was there before


def _transfer(part: Path, url: str, progress: Progress) -> None:
    """Append to `part` what is missing at its end, or get all of it where the server cannot resume."""
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
    """Ask for what follows the bytes that are there, or for all where that fails; also return its start."""
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
    """Build an opener that knows no file: or ftp: addresses, not even behind a redirect."""
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
