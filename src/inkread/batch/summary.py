"""The summary of a run: how many pictures were read, refused or failed, and how fast."""

from __future__ import annotations

import heapq
import time
from collections import Counter
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

SLOWEST = 10

COLUMNS = ("picture", "page", "pages", "refused", "error", "milliseconds")
"""The columns that a summary, and continuing a run, need."""


@dataclass(slots=True)
class Summary:
    """The results for the pictures in OUT. A page of a file with several counts as a picture.

    before: the number of rows when this run began.
    rows: the number of rows that this run added.
    read: how many pictures were read, in this run and before.
    refused, failed: how many pictures were refused or could not be read, by code, in this run and before.
    passed_over: files in folders and archives whose suffix is not that of a picture.
    troubles: folders and archives that could not be listed, with the cause. Their pictures are missing.
    slowest: milliseconds and name of the slowest pictures.
    seconds: the time from the first row of this run to its last.
    stopped: whether the run was stopped early.
    """

    before: int = 0
    rows: int = 0
    read: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    passed_over: int = 0
    troubles: list[str] = field(default_factory=list)
    slowest: list[tuple[float, str]] = field(default_factory=list)
    seconds: float = 0.0
    stopped: bool = False
    _first: tuple[float, int] | None = None

    def add(self, table: pa.Table, *, earlier: bool = False) -> None:
        """Count the rows of a table that has `COLUMNS`. `earlier` rows are from a run before this one."""
        count = len(table)
        refused, failed = (_codes(table[name]) for name in ("refused", "error"))
        self.read += count - refused.total() - failed.total()
        self.refused += refused
        self.failed += failed
        self._keep_slowest(table)
        if earlier:
            self.before += count
        elif count:
            self.rows += count
            self._first = self._first or (time.perf_counter(), count)
            self.seconds = time.perf_counter() - self._first[0]

    @property
    def rate(self) -> float | None:
        """Pictures per second in this run, without the start-up. None if there are too few to measure."""
        if self._first is None or self.seconds <= 0:
            return None
        return (self.rows - self._first[1]) / self.seconds

    def _keep_slowest(self, table: pa.Table) -> None:
        """Keep the slowest rows so far."""
        few = table.take(pc.select_k_unstable(table, SLOWEST, [("milliseconds", "descending")]))
        found = zip(few["milliseconds"].to_pylist(), few["picture"].to_pylist(), strict=True)
        self.slowest = heapq.nlargest(SLOWEST, [*self.slowest, *found])

    def lines(self) -> list[str]:
        """Return the summary in lines of text."""
        failed, refused = self.failed.total(), self.refused.total()
        text = f"{self.before + self.rows:,} pictures: {self.read:,} read, {refused:,} refused, {failed:,} failed"
        lines = [text + (f"; {self.before:,} of them in earlier runs" if self.before else "")]
        lines += [f"  refused: {_counts(self.refused)}"] if refused else []
        lines += [f"  failed: {_counts(self.failed)}"] if failed else []
        if self.passed_over:
            lines.append(f"  skipped {self.passed_over:,} file{'s' * (self.passed_over != 1)} without a picture suffix")
        lines += [f"  could not be listed: {trouble}" for trouble in self.troubles]
        if self.rate:
            lines.append(f"  {self.rate:,.1f} pictures per second")
        if self.slowest:
            lines.append("  slowest:")
            lines += [f"    {milliseconds:10,.1f} ms  {picture}" for milliseconds, picture in self.slowest]
        return lines


def _codes(column: pa.ChunkedArray) -> Counter[str]:
    """Count the codes of a column of refusals or errors."""
    counts = pc.value_counts(pc.struct_field(column, "code").combine_chunks().drop_null())
    return Counter({entry["values"]: entry["counts"] for entry in counts.to_pylist()})


def _counts(codes: Counter[str]) -> str:
    return ", ".join(f"{count:,} {code}" for code, count in codes.most_common())
