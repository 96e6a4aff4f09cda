"""Reads millions of pictures into a Parquet dataset. Each picture is read once, even if the run is interrupted.

    from inkread.batch import run
    summary = run(["scans/"], "readings.parquet")

Needs the extra 'batch'; on a cluster, the extra 'ray'.
"""

from __future__ import annotations

import importlib

from inkread.errors import MissingExtra

try:
    importlib.import_module("pyarrow.parquet")
except ImportError:
    raise MissingExtra("reading a batch", "batch") from None

from inkread.batch.run import is_text, run
from inkread.batch.summary import Summary

__all__ = ["Summary", "is_text", "run"]
