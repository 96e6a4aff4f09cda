"""The middleware: refuses requests from other sites, adds security headers to every response, and counts requests."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import time
from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from inkread.web.limits import Limits
from inkread.web.listening import ADDRESSES
from inkread.web.metrics import Metrics
from inkread.web.problems import Problem, problem_answer

HEADERS = {
    # The page shows drawings and uploads (data: and blob:). Everything else must come from this server.
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
"""The status in the metrics for requests whose client has disconnected."""

_HARMLESS = {"GET", "HEAD", "OPTIONS"}

_log = logging.getLogger(__name__)


class Guard:
    """Middleware around the whole application.

    hosts: the allowed host names in requests; None for any. This stops DNS rebinding: a browser that resolves
        evil.example to 127.0.0.1 sends that name, and is refused.
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

        counted = scope["method"] not in _HARMLESS
        self.requests += counted
        try:
            self._check(scope["method"], Headers(scope=scope))
            await self.app(scope, receive, send_guarded)
        except ClientDisconnect:
            pass
        except asyncio.CancelledError:
            # The server ends, and has waited for this request for long enough.
            if status == LEFT:
                await problem_answer(Problem("busy", "inkread is ending. Try again in a second."))(
                    scope, receive, send_guarded
                )
        except Problem as problem:
            await problem_answer(problem)(scope, receive, send_guarded)
        except Exception:
            _log.exception("a bug in inkread")
            # If the response has begun, the server aborts it.
            if status != LEFT:
                raise
            defect = Problem("failed", "This is a bug in inkread. Its terminal shows the details. Please report it.")
            await problem_answer(defect)(scope, receive, send_guarded)
        finally:
            self.requests -= counted
            self._count(scope, status, time.perf_counter() - began)

    def _check(self, method: str, headers: Headers) -> None:
        host = _host(headers.get("host", ""))
        if self.hosts is not None and host not in self.hosts and not (ADDRESSES in self.hosts and _is_address(host)):
            raise Problem(
                "wrong-host",
                "This is not a name of this machine. Use its IP address, on the machine itself 127.0.0.1, or start "
                "inkread with --allow-host and the name.",
            )
        if _is_foreign(method, headers):
            raise foreign_page()
        # The page and health have room of their own, whoever sends pictures slowly.
        if method not in _HARMLESS and self.requests > self.limits.requests:
            raise Problem("busy", "inkread is busy. Try again in a second.")

    def _count(self, scope: Scope, status: int, seconds: float) -> None:
        path = getattr(scope.get("route", None), "path", "other")
        self.metrics.requests.labels(path, str(status)).inc()
        self.metrics.request_seconds.labels(path).observe(seconds)


def foreign_page() -> Problem:
    """Return the problem for a request from the page of another site."""
    return Problem("foreign-page", "In a browser, only inkread's own page may use this address.")


def has_foreign_origin(headers: Headers) -> bool:
    """Return whether a page of another origin sent a request. Programs that are not browsers send no origin.

    Browsers send no `Sec-Fetch-Site` to unencrypted addresses of other machines, but they send `Origin`.
    """
    origin = headers.get("origin")
    try:
        return origin is not None and urlsplit(origin).netloc != headers.get("host")
    except ValueError:
        return True


def _is_foreign(method: str, headers: Headers) -> bool:
    """Return whether a request comes from the page of another site.

    A link on another site may open our page, but a form there may not send anything to it. "same-site" is not enough
    for that: it includes every other program on this machine that serves a page.
    """
    site = headers.get("sec-fetch-site")
    if method in _HARMLESS:
        return site == "cross-site" and headers.get("sec-fetch-mode") != "navigate"
    return has_foreign_origin(headers) if site is None else site not in {"same-origin", "none"}


def _close(headers: MutableHeaders) -> None:
    """Add the security headers to a response."""
    for name, value in HEADERS.items():
        headers[name] = value
    # Files of the page are revalidated each time, which gives "not modified". Answers are never cached.
    headers.setdefault("Cache-Control", "no-cache" if "etag" in headers else "no-store")


def _is_address(host: str) -> bool:
    try:
        return bool(ipaddress.ip_address(host))
    except ValueError:
        return False


def _host(header: str) -> str:
    """Return the name in a Host header, without its port; empty if the header is not valid."""
    try:
        return urlsplit(f"//{header}").hostname or ""
    except ValueError:
        return ""
