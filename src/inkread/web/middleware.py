"""The middleware: stands before every address, refuses what is foreign, and closes every answer to the outside."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from inkread.web.limits import Limits
from inkread.web.metrics import Metrics
from inkread.web.problems import Problem, problem_answer

LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})

HEADERS = {
    # The page shows what people draw and upload (data: and blob:); all else comes from here or not at all.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data: blob:; media-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

LEFT = 499
"""The status under which requests are counted whose client went away: it never sees one."""

_HARMLESS = {"GET", "HEAD", "OPTIONS"}

_log = logging.getLogger(__name__)


class Guard:
    """Middleware around the whole application.

    hosts: the names under which the service may be asked, None for any. A browser that is told by a foreign name server
        that evil.example is 127.0.0.1 sends that name, and is refused.
    """

    def __init__(self, app: ASGIApp, *, limits: Limits, metrics: Metrics, hosts: Collection[str] | None) -> None:
        self.app = app
        self.limits = limits
        self.metrics = metrics
        self.hosts = hosts
        self.requests = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        began = time.perf_counter()
        status = LEFT

        async def send_guarded(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _close(MutableHeaders(scope=message))
            await send(message)

        self.requests += 1
        try:
            self._check(scope["method"], Headers(scope=scope))
            await self.app(scope, receive, send_guarded)
        except ClientDisconnect:
            pass
        except Problem as problem:
            await problem_answer(problem)(scope, receive, send_guarded)
        except Exception:
            _log.exception("a defect of inkread")
            if status != LEFT:  # the answer has begun; the server breaks it off
                raise
            defect = Problem("failed", "This is a defect of inkread; its terminal says more. Please report it.")
            await problem_answer(defect)(scope, receive, send_guarded)
        finally:
            self.requests -= 1
            self._count(scope, status, time.perf_counter() - began)

    def _check(self, method: str, headers: Headers) -> None:
        host = _host(headers.get("host", ""))
        if self.hosts is not None and host not in self.hosts:
            raise Problem("wrong-host", "This is not an address of this machine; ask 127.0.0.1 or localhost.")
        if _is_foreign(method, headers):
            raise foreign_page()
        if self.requests > self.limits.requests:
            raise Problem("busy", "inkread answers as many requests as it can; ask again in a second.")

    def _count(self, scope: Scope, status: int, seconds: float) -> None:
        path = getattr(scope.get("route", None), "path", "other")
        self.metrics.requests.labels(path, str(status)).inc()
        self.metrics.request_seconds.labels(path).observe(seconds)


def foreign_page() -> Problem:
    """Return the problem of a request that another page sent."""
    return Problem("foreign-page", "Only inkread's own page may ask from within a browser.")


def has_foreign_origin(headers: Headers) -> bool:
    """Tell whether a page with another address than ours sent a request; programs that are no browsers name none.

    Browsers that send no `Sec-Fetch-Site`, as none does to an address of a network without encryption, send this.
    """
    origin = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc != headers.get("host")


def _is_foreign(method: str, headers: Headers) -> bool:
    """Tell whether a page of another site asks. A link there may open our page; a form there may send nothing to it."""
    site = headers.get("sec-fetch-site", "none")
    if method in _HARMLESS:
        return site == "cross-site" and headers.get("sec-fetch-mode") != "navigate"
    return site not in {"same-origin", "none"}  # "same-site" is any other program on this machine that serves a page


def _close(headers: MutableHeaders) -> None:
    """Add the headers that keep everything foreign out."""
    for name, value in HEADERS.items():
        headers[name] = value
    # What the page is made of is asked for again each time, and answered "not modified"; what was read is not kept.
    headers.setdefault("Cache-Control", "no-cache" if "etag" in headers else "no-store")


def _host(header: str) -> str:
    """Return the name in a Host header, without its port; empty where it is none."""
    try:
        return urlsplit(f"//{header}").hostname or ""
    except ValueError:
        return ""
