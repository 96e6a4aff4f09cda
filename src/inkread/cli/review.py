"""`inkread review`: a person looks at the unsure values of a table."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Annotated

import typer

from inkread.errors import MissingExtra, OptionError
from inkread.teaching.profiles import DEFAULT_PROFILE, NO_PROFILE, Profile


def review(
    data: Annotated[Path, typer.Argument(metavar="DATA.csv|.xlsx", help="The table, as 'inkread fill' wrote it.")],
    user: Annotated[
        str | None, typer.Option(metavar="NAME", help="Who reviews the table, for its audit. Default: your login.")
    ] = None,
    teach: Annotated[
        bool,
        typer.Option(
            "--teach", help="Also teach the digits that you correct, so that digits like them are read right later."
        ),
    ] = False,
    profile: Annotated[
        str, typer.Option(metavar="NAME", help="With --teach: the profile that is taught, as for 'inkread fill'.")
    ] = DEFAULT_PROFILE,
    port: Annotated[
        int, typer.Option(min=0, max=65535, metavar="PORT", help="The port of the page; 0 uses any free port.")
    ] = 0,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Do not open the page in the browser.")] = False,
) -> None:
    """Look at the unsure values of a table of 'inkread fill', one at a time, the least certain first.

    A page opens in the browser. Type what is written, or press Enter to keep what was read; '?' shows the keys. Every
    answer is in the table and its audit before the next value is shown. Only this machine can reach the page, and
    nothing is sent anywhere. Press Ctrl-C to stop. Needs the extra 'web'.

    Examples:

        inkread review temperatures.csv

        inkread review exam.xlsx --user ada --port 8001 --no-browser

        inkread review exam.csv --teach --profile anna
    """
    from inkread.reviewing.review import Review

    if teach and profile == NO_PROFILE:
        raise OptionError("--teach: there is no profile to teach; name one: --profile NAME")
    opened = Review(data, user, Profile(profile) if teach else None)
    try:
        from inkread.reviewing.serving import prepare
        from inkread.web.listening import bind
    except ImportError as error:
        raise MissingExtra("the page", "web") from error
    from inkread.cli.web import address_of, open_page

    listener = bind("127.0.0.1", port)
    serve = prepare(listener, opened)
    address = address_of(*listener.getsockname()[:2])
    print(f"the review is at {address} - press Ctrl-C to stop", flush=True)
    if not no_browser:
        open_page(address)
    with contextlib.suppress(KeyboardInterrupt), contextlib.closing(opened):
        serve()
