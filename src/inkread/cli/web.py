"""`inkread web`: serves the page and the REST service."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from inkread.cli.read_fast import PROFILE_HELP, profile_of
from inkread.errors import MissingExtra, OptionError
from inkread.teaching.profiles import DEFAULT_PROFILE, NO_PROFILE


def web(
    host: Annotated[
        str, typer.Option(metavar="HOST", help="The address to listen on. By default only this machine can reach it.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, metavar="PORT", help="The port to listen on; 0 uses any free port.")
    ] = 8000,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Do not open the page in the browser.")] = False,
    workers: Annotated[
        int, typer.Option(min=1, metavar="N", help="Processes that read in parallel, at most one per core.")
    ] = 1,
    model: Annotated[
        Path | None, typer.Option(metavar="PATH", help="A model, as for 'inkread read'. Default: the shipped model.")
    ] = None,
    profile: Annotated[str, typer.Option(metavar="NAME", help=PROFILE_HELP)] = DEFAULT_PROFILE,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="A host name by which browsers may call this machine, besides its own names and addresses, such as "
            "that of a proxy. May be repeated.",
        ),
    ] = None,
    review: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="DATA.csv|.xlsx",
            help="A table of 'inkread fill' that can be reviewed on the page; may be given several times.",
            show_default=False,
        ),
    ] = None,
    user: Annotated[
        str | None, typer.Option(metavar="NAME", help="Who reviews tables, for their audits. Default: your login.")
    ] = None,
    teach: Annotated[
        bool | None,
        typer.Option(
            "--teach/--no-teach",
            help="Whether users of the page can teach digits, and see and delete them. Default: only if no other "
            "machine can reach the page.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Serve a page to draw, upload and photograph digits, and a REST service. Needs the extra 'web'.

    Press Ctrl-C to stop it; running requests are answered first. docs/web.md describes the REST service. Nothing that
    is sent to it is stored or logged, except digits that are taught.

    Examples:

        inkread web

        inkread web --port 9000 --no-browser --workers 2

        inkread web --profile anna

        inkread web --host 0.0.0.0 --allow-host digits.example.org

        inkread web --review temperatures.csv --review exam.csv
    """
    if teach and profile == NO_PROFILE:
        raise OptionError("--teach: there is no profile to teach; name one: --profile NAME")
    if not all(map(find_spec, ("fastapi", "prometheus_client", "python_multipart", "uvicorn"))):
        raise MissingExtra("the page", "web")
    from inkread.web.listening import bind, is_local
    from inkread.web.workers import prepare

    with bind(host, port) as listener:
        if review and not is_local(listener):
            raise OptionError(f"--review: anyone who can reach {host} could change the tables; use --host 127.0.0.1")
        name = None if profile == NO_PROFILE else profile
        teaching = name is not None and (is_local(listener) if teach is None else teach)
        if not teaching:
            # A profile without taught digits is probably misspelt, unless it is taught here.
            profile_of(profile)
        serve = prepare(
            listener,
            model=model,
            workers=workers,
            profile=name,
            teaching=teaching,
            allowed=allow_host or (),
            reviews=tuple(review or ()),
            user=user,
        )
        address = address_of(*listener.getsockname()[:2])
        if not is_local(listener):
            use = f"use {address} and change the taught digits" if teaching else f"use {address}"
            print(f"inkread: anyone who can reach this machine can {use}; there is no password", file=sys.stderr)
        print(f"inkread is at {address} - press Ctrl-C to stop", flush=True)
        if not no_browser:
            open_page(address)
        with contextlib.suppress(KeyboardInterrupt):
            serve()


def address_of(host: str, port: int) -> str:
    """Return the address of the page on this machine."""
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    return f"http://{shown}:{port}/"


def open_page(address: str) -> None:
    """Open the page if there is a display. Without one, a text browser would take over the terminal."""
    import webbrowser

    if sys.platform in {"win32", "darwin"} or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
        threading.Thread(target=webbrowser.open, args=[address], daemon=True).start()
