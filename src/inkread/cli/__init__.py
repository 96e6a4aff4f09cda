"""The command line: `inkread` and `python -m inkread`. One file per command."""

from __future__ import annotations

from inkread.cli.main import main, run

__all__ = ["main", "run"]
