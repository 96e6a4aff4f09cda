"""The command line: `inkread` and `python -m inkread`. One file a command."""

from __future__ import annotations

from inkread.cli.app import app, main

__all__ = ["app", "main"]
