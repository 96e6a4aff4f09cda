"""Serves the page of a review to this machine, until Ctrl-C. It opens only the table that was named at the start."""

from __future__ import annotations

import socket
from collections.abc import Callable
from functools import partial

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from inkread.reviewing.pages import review_app
from inkread.reviewing.review import Review
from inkread.web.app import STATIC
from inkread.web.limits import Limits
from inkread.web.listening import LOCAL_HOSTS
from inkread.web.metrics import Metrics
from inkread.web.middleware import Guard
from inkread.web.serving import configuration


def prepare(listener: socket.socket, review: Review) -> Callable[[], None]:
    """Return a function that serves a review on a listening socket until Ctrl-C or SIGTERM."""
    limits = Limits()
    return partial(uvicorn.Server(configuration(make_app(review, limits), limits)).run, [listener])


def make_app(review: Review, limits: Limits) -> Starlette:
    """Return the application of a review, with the files that its page shares with that of `inkread web`."""
    app = review_app(review, Mount("/static", StaticFiles(directory=STATIC)))
    app.add_middleware(Guard, limits=limits, metrics=Metrics(), hosts=LOCAL_HOSTS)
    return app
