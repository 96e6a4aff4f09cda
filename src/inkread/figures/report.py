"""The report of an evaluation: one HTML file that needs nothing else."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from inkread.errors import OptionError
from inkread.figures.reliability import draw_reliability
from inkread.figures.saving import check_folder, writable
from inkread.figures.style import percent
from inkread.scores import coverage, wilson_interval

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from inkread.evaluation import Evaluation

LEVELS = (0.0, 0.5, 0.8, 0.9, 0.95, 0.99)
"""The smallest confidences of which the report says what asking for them costs."""

SHOWN_MISSES = 200

_STYLE = """
:root { color-scheme: light dark; --text: #1f2933; --quiet: #616e7c; --line: #cbd2d9; --ground: #fff;
  --right: #d3eef2; }
@media (prefers-color-scheme: dark) {
  :root { --text: #e4e7eb; --quiet: #9aa5b1; --line: #3e4c59; --ground: #16191d; --right: #123c44; } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--text); background: var(--ground); margin: 2rem auto;
  max-width: 46rem; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin: 0; overflow-wrap: anywhere; } h2 { font-size: 1.1rem; margin: 2.2rem 0 .5rem; }
p { margin: .4rem 0; } .quiet { color: var(--quiet); } .large { font-size: 2.6rem; font-weight: 700;
  margin: .6rem 0 0; }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .7rem; border-bottom: 1px solid var(--line); text-align: right; }
th { color: var(--quiet); font-weight: 500; } th:first-child,
td:first-child { text-align: left; overflow-wrap: anywhere; }
td.right { background: var(--right); font-weight: 600; } img { max-width: 100%; height: auto; border-radius: 6px; }
"""


def check_report_path(path: Path) -> None:
    """Raise `OptionError` for a file name that no report can be written to, before any work is done for it."""
    if path.suffix.lower() not in {".html", ".htm"}:
        raise OptionError(f"{path}: a report ends in .html, as in {path.stem}.html")
    if path.is_dir():
        raise OptionError(f"{path}: is a folder; name a file in it, as in {path / 'report.html'}")
    check_folder(path)


def save_report(evaluation: Evaluation, path: Path) -> None:
    """Write the report of an evaluation, whole or not at all.

    Raises `OptionError` for a file that cannot be written.
    """
    check_report_path(path)
    with writable(path) as temporary:
        temporary.write_text(report_of(evaluation), encoding="utf-8")


def report_of(evaluation: Evaluation) -> str:
    """Return the report of an evaluation as HTML."""
    title = f"inkread on {evaluation.data}"
    page = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_STYLE}</style></head><body>'
        f"<h1>{html.escape(title)}</h1>{''.join(_sections(evaluation))}</body></html>\n"
    )
    return page.encode("utf-8", "backslashreplace").decode("utf-8")  # names of files may be no text


def _sections(evaluation: Evaluation) -> Iterable[str]:
    low, high = evaluation.interval
    yield (
        f'<p class="large">{evaluation.accuracy:.2%}</p><p>{evaluation.right:,} of {evaluation.of:,} right; the 95 % '
        f"interval goes from {low:.2%} to {high:.2%}.</p>"
        f'<p class="quiet">{evaluation.refused:,} refused, {evaluation.failed:,} could not be opened (both count as '
        f"not right); {1000 * evaluation.seconds / evaluation.of:.1f} ms each.</p>"
    )
    if evaluation.groups:
        rows = [
            (
                name or "(no group)",
                f"{right:,}",
                f"{of:,}",
                f"{right / of:.2%}",
                "{:.1%} to {:.1%}".format(*wilson_interval(right, of)),
            )
            for name, (right, of) in sorted(evaluation.groups.items())
        ]
        yield "<h2>Groups</h2>" + _table(("group", "right", "of", "accuracy", "95 % interval"), rows)
    yield from _confidence(evaluation)
    yield "<h2>What was read as what</h2><p class=quiet>A row for each true digit, a column for each answer.</p>"
    yield _confusion(evaluation.confusion)
    yield from _misses(evaluation)


def _confidence(evaluation: Evaluation) -> Iterable[str]:
    confidences, right = evaluation.confidences
    if not len(right):
        return
    yield (
        f"<h2>Does the confidence mean what it says?</h2><p>The calibration error is "
        f"{evaluation.calibration_error:.3f}: so far, on average, are confidence and accuracy apart.</p>"
    )
    yield _image(
        draw_reliability(confidences, right),
        "Reliability diagram: for ten ranges of confidence, the share of answers that were right",
    )
    rows = []
    for level in LEVELS:
        read, accuracy = coverage(confidences, right, level)
        rows.append((f"{level:.0%}", f"{read / evaluation.of:.1%}", "" if accuracy is None else f"{accuracy:.2%}"))
    yield "<h2>What asking for more confidence costs</h2>"
    yield _table(("--min-confidence", "still read", "of these right"), rows)


def _confusion(matrix: Sequence[Sequence[int]]) -> str:
    head = "".join(f"<th>{digit}</th>" for digit in range(10))
    rows = "".join(
        f"<tr><th>{digit}</th>"
        + "".join(
            f"<td{' class=right' if digit == answer else ''}>{count or ''}</td>" for answer, count in enumerate(counts)
        )
        + "</tr>"
        for digit, counts in enumerate(matrix)
    )
    return f'<div class="wide"><table><tr><th></th>{head}</tr>{rows}</table></div>'


def _misses(evaluation: Evaluation) -> Iterable[str]:
    misses = sorted(evaluation.misses, key=lambda miss: -(miss.confidence or 0))
    if not misses:
        return
    rows = [
        (miss.picture, miss.label, miss.answer, "" if miss.confidence is None else percent(miss.confidence))
        for miss in misses[:SHOWN_MISSES]
    ]
    yield "<h2>Not right, the surest first</h2>" + _table(("picture", "is", "read", "sure"), rows)
    if len(misses) > SHOWN_MISSES:
        yield f'<p class="quiet">and {len(misses) - SHOWN_MISSES:,} more</p>'


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    headings = "".join(f"<th>{html.escape(cell)}</th>" for cell in head)
    body = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="wide"><table><tr>{headings}</tr>{body}</table></div>'


def _image(figure: Figure, description: str) -> str:
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=2 * figure.dpi)
    data = base64.b64encode(content.getvalue()).decode("ascii")
    width = round(figure.get_size_inches()[0] * figure.dpi)
    return f'<img src="data:image/png;base64,{data}" width="{width}" alt="{html.escape(description)}">'
