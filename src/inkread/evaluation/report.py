"""The report of an evaluation: one self-contained HTML file with tables, charts and galleries of answers."""

from __future__ import annotations

import base64
import html
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inkread.errors import OptionError
from inkread.evaluation.charts import coverage_chart, interval_chart, reliability_chart
from inkread.evaluation.evaluate import Answer, Comparison, Evaluation, Exhibit
from inkread.evaluation.statistics import coverage, wilson_interval
from inkread.files import check_folder, writable
from inkread.style import percent

STYLE = """
:root { color-scheme: light dark; --text: #1f2933; --quiet: #616e7c; --line: #cbd2d9; --faint: #e9edf0;
  --ground: #fff; --card: #f6f8f9; --right: #d3eef2; --answer: #0b7285; --miss: #c2410c; --wrong: 217 72 15; }
@media (prefers-color-scheme: dark) {
  :root { --text: #e4e7eb; --quiet: #9aa5b1; --line: #3e4c59; --faint: #262d34; --ground: #16191d; --card: #1e2329;
    --right: #123c44; --answer: #4fb3c5; --miss: #ff9466; --wrong: 255 120 60; } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--text); background: var(--ground); margin: 2rem auto;
  max-width: 60rem; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin: 0; overflow-wrap: anywhere; } h2 { font-size: 1.1rem; margin: 2.4rem 0 .5rem; }
p { margin: .4rem 0; max-width: 46rem; } .quiet { color: var(--quiet); }
.large { font-size: 2.6rem; font-weight: 700; margin: .6rem 0 0; line-height: 1.2; }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .7rem; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; }
th { color: var(--quiet); font-weight: 500; }
th:first-child, td:first-child { text-align: left; white-space: normal; min-width: 3rem; }
.confusion td, .confusion th { padding: .25rem .4rem; min-width: 1.9rem; text-align: center; }
.confusion th:first-child { min-width: 1rem; }
td.right { background: var(--right); font-weight: 600; }
td.wrong { background: rgb(var(--wrong) / calc(var(--share) * .6)); }
summary { color: var(--answer); cursor: pointer; margin: .6rem 0; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(26rem, 100%), 1fr)); gap: 0 2rem; }
section { min-width: 0; }
.chart { display: block; width: 100%; max-width: 30rem; margin: .8rem 0; overflow: visible; }
.interval { width: 7rem; vertical-align: middle; }
svg text { fill: var(--quiet); font-size: 12px; } svg .value { fill: var(--text); font-size: 11px; }
svg .grid { stroke: var(--faint); } svg .ideal { stroke: var(--line); stroke-width: 1.5; }
svg .curve { stroke: var(--answer); stroke-width: 2; fill: none; } svg .dot { fill: var(--answer); }
.gallery { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(19rem, 100%), 1fr)); gap: 1rem; }
figure { margin: 0; background: var(--card); border-radius: 8px; padding: .7rem; min-width: 0; }
figcaption p { margin: .2rem 0; overflow-wrap: anywhere; } figcaption b { font-size: 1.15rem; }
.truth { color: var(--answer); } .miss { color: var(--miss); } .name { font-size: .75rem; }
.steps { display: flex; gap: .4rem; height: 92px; margin-bottom: .4rem; }
.steps img { height: 100%; max-width: 32%; object-fit: contain; border-radius: 4px; background: #fff; }
.steps .glyph { image-rendering: pixelated; aspect-ratio: 1; }
figure.bare { display: flex; gap: .8rem; align-items: center; } .bare .steps { margin: 0; height: 84px; }
.bare .steps img { max-width: none; }
@media (max-width: 480px) { body { margin: 1rem auto; } th, td { padding: .25rem .35rem; font-size: .85rem; }
  .confusion td, .confusion th { padding: .2rem 0; min-width: 1.6rem; font-size: .7rem; } .interval { display: none; } }
"""

LEVELS = (0.0, 0.5, 0.8, 0.9, 0.95, 0.99)
"""The values of --min-confidence for which the report gives coverage and accuracy."""

SHOWN_MISSES = 60
"""The largest number of mistakes in the gallery, the most confident first. The rest is only counted."""

_ROWS_AT_ONCE = 12
"""The largest number of rows of a table that are shown without a click."""

Rows = Iterable[Sequence[str]]


def check_report_path(path: Path) -> None:
    """Raise `OptionError` if a report cannot be written to this path. Call it before any work is done."""
    if path.suffix.lower() not in {".html", ".htm"}:
        raise OptionError(f"{path}: a report ends in .html, as in {path.stem}.html")
    if path.is_dir():
        raise OptionError(f"{path}: is a folder; name a file in it, as in {path / 'report.html'}")
    check_folder(path)


def save_report(evaluation: Evaluation, path: Path, comparison: Comparison | None = None) -> None:
    """Write the report of an evaluation, completely or not at all.

    comparison: the comparison of this evaluation with another model, to show as well.

    Raises `OptionError` for a file that cannot be written.
    """
    check_report_path(path)
    with writable(path) as temporary:
        temporary.write_text(report_of(evaluation, comparison), encoding="utf-8")


def report_of(evaluation: Evaluation, comparison: Comparison | None = None) -> str:
    """Return the report of an evaluation as HTML, with the comparison with another model if there is one."""
    title = f"inkread on {evaluation.data}"
    page = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{STYLE}</style></head><body>'
        f"<h1>{html.escape(title)}</h1>{''.join(_sections(evaluation, comparison))}</body></html>\n"
    )
    # A file name may contain bytes that are not text.
    return page.encode("utf-8", "backslashreplace").decode("utf-8")


def _sections(evaluation: Evaluation, comparison: Comparison | None) -> Iterator[str]:
    low, high = evaluation.interval
    yield (
        f'<p class="quiet">{html.escape(evaluation.model)}</p>'
        f'<p class="large">{evaluation.accuracy:.2%}</p><p>{evaluation.right:,} of {evaluation.of:,} right; 95% '
        f"interval {low:.2%} to {high:.2%}.</p>"
        f'<p class="quiet">{evaluation.refused:,} refused, {evaluation.failed:,} could not be opened (both count as '
        f"wrong); {_milliseconds(evaluation)} per picture, several at a time.</p>"
    )
    second = comparison.second if comparison else None
    if comparison:
        yield from _comparison(comparison)
    yield from _accuracies("class", "By class", evaluation, second)
    yield from _accuracies("capture", "By capture", evaluation, second)
    yield from _accuracies("source", "By source", evaluation, second)
    yield "<h2>Confusion matrix</h2><p class=quiet>A row for each true digit, a column for each digit read.</p>"
    yield _confusion(evaluation.confusion)
    yield from _confidence(evaluation)
    yield from _mistakes(evaluation, comparison)


def _milliseconds(evaluation: Evaluation) -> str:
    """Return the time per picture. MNIST's images take microseconds."""
    each = 1000 * evaluation.seconds / evaluation.of
    return f"{each:.1f} ms" if each >= 1 else f"{each:.3f} ms"


def _comparison(comparison: Comparison) -> Iterator[str]:
    """Yield the scores of two models side by side, and the result of McNemar's test."""
    first, second = comparison.first, comparison.second
    both = first.right - comparison.only_first
    yield "<h2>Comparison of two models</h2>"
    errors = [f"{m.calibration_error:.3f}" if m.calibration_error is not None else "" for m in (first, second)]
    yield _table(
        ("", first.model, second.model),
        [
            ("right", f"{first.accuracy:.2%}", f"{second.accuracy:.2%}"),
            ("95% interval", *("{:.2%} to {:.2%}".format(*model.interval) for model in (first, second))),
            ("refused", f"{first.refused:,}", f"{second.refused:,}"),
            ("calibration error", *errors),
            ("time per picture", _milliseconds(first), _milliseconds(second)),
        ],
    )
    low, high = (100 * end for end in comparison.interval)
    side = "below" if comparison.difference < 0 else "above"
    yield (
        f"<p>Right by both models: {both:,}; by neither: "
        f"{first.of - both - comparison.only_first - comparison.only_second:,}; only by the first: "
        f"{comparison.only_first:,}; only by the second: {comparison.only_second:,}. The second is "
        f"{100 * abs(comparison.difference):.2f} points {side} the first (95% interval of second minus first: "
        f"{low:+.2f} to {high:+.2f}). "
        f"<b>McNemar's exact test: p = {comparison.p:.2g}; {comparison.verdict}.</b></p>"
    )


def _accuracies(
    what: Literal["class", "capture", "source"], title: str, evaluation: Evaluation, second: Evaluation | None
) -> Iterator[str]:
    """Yield a table of the accuracy by class, capture or source, the worst source first."""
    named = evaluation.by(what)
    if len(named) < 2:
        return
    others = second.by(what) if second else {}
    counts = {name: (sum(answer.right for answer in answers), len(answers)) for name, answers in named.items()}
    names = sorted(counts, key=lambda name: counts[name][0] / counts[name][1]) if what == "source" else list(counts)
    least = min(wilson_interval(*counts[name])[0] for name in names)
    rows = [_accuracy(name, *counts[name], least, others.get(name)) for name in names]
    head = (what, "right", "of", "accuracy", "95% interval", "", *(["other model"] if second else []))
    yield f"<h2>{title}</h2>" + _table(head, rows[:_ROWS_AT_ONCE], raw=5)
    if rest := rows[_ROWS_AT_ONCE:]:
        yield f"<details><summary>and {len(rest)} more</summary>{_table(head, rest, raw=5)}</details>"


def _accuracy(name: str, right: int, of: int, least: float, other: list[Answer] | None) -> Sequence[str]:
    low, high = wilson_interval(right, of)
    chart = interval_chart(low, high, right / of, least)
    cells = (name or "(unknown)", f"{right:,}", f"{of:,}", f"{right / of:.2%}", f"{low:.1%} to {high:.1%}", chart)
    return cells if other is None else (*cells, f"{sum(answer.right for answer in other) / len(other):.2%}")


def _confusion(matrix: Sequence[Sequence[int]]) -> str:
    """Return the confusion matrix. A mistake is darker the larger its share of the row."""
    head = "".join(f"<th>{digit}</th>" for digit in range(10))
    rows = ""
    for digit, counts in enumerate(matrix):
        cells = "".join(_cell(digit == answer, count, sum(counts)) for answer, count in enumerate(counts))
        rows += f"<tr><th>{digit}</th>{cells}</tr>"
    return f'<div class="wide"><table class="confusion"><tr><th></th>{head}</tr>{rows}</table></div>'


def _cell(right: bool, count: int, of: int) -> str:
    if right:
        return f'<td class="right">{count or ""}</td>'
    if not count:
        return "<td></td>"
    return f'<td class="wrong" style="--share: {min(1, 0.15 + 6 * count / of):.2f}">{count}</td>'


def _confidence(evaluation: Evaluation) -> Iterator[str]:
    confidences, right = evaluation.confidences
    if not len(right):
        return
    rows = []
    for level in LEVELS:
        read, accuracy = coverage(confidences, right, level)
        rows.append((f"{level:.0%}", f"{read / evaluation.of:.1%}", "" if accuracy is None else f"{accuracy:.2%}"))
    yield (
        '<div class="pair"><section><h2>Calibration</h2><p>The calibration error is '
        f"{evaluation.calibration_error:.3f}. It is the average difference between confidence and accuracy. On the "
        f"diagonal they are equal. The number at a dot is the number of answers.</p>"
        f"{reliability_chart(confidences, right)}"
        "</section><section><h2>Accuracy by minimum confidence</h2><p>With a higher minimum confidence, fewer pictures "
        "are read, and more of them are right. The dots are values of --min-confidence.</p>"
        f"{coverage_chart(confidences, right, evaluation.of, LEVELS[1:])}"
        f"{_table(('--min-confidence', 'still read', 'of these right'), rows)}</section></div>"
    )


def _mistakes(evaluation: Evaluation, comparison: Comparison | None) -> Iterator[str]:
    """Yield the mistakes, the most confident first, and the mistakes that only the other model makes."""
    other = {answer.about: answer for answer in comparison.second.answers} if comparison else None
    if misses := _worst_first(evaluation.misses):
        yield "<h2>Mistakes, most confident first</h2>" + gallery(evaluation, misses[:SHOWN_MISSES], other)
        yield _more(len(misses) - SHOWN_MISSES)
    if comparison:
        first = {answer.about: answer for answer in evaluation.answers}
        lost = _worst_first([miss for miss in comparison.second.misses if first[miss.about].right])
        if lost:
            yield f"<h2>Mistakes that only {html.escape(comparison.second.model)} makes</h2>"
            yield gallery(comparison.second, lost[:SHOWN_MISSES], first) + _more(len(lost) - SHOWN_MISSES)


def _worst_first(misses: list[Answer]) -> list[Answer]:
    return sorted(misses, key=lambda miss: -1 if miss.confidence is None else miss.confidence, reverse=True)


def _more(count: int) -> str:
    return f'<p class="quiet">and {count:,} more</p>' if count > 0 else ""


def _table(head: Sequence[str], rows: Rows, *, raw: int | None = None) -> str:
    """Return a table. The cells of column number `raw` are already HTML."""
    headings = "".join(f"<th>{html.escape(cell)}</th>" for cell in head)
    body = ""
    for name, *cells in rows:
        body += f"<tr><td>{_breakable(name)}</td>"
        body += "".join(f"<td>{cell if at == raw else html.escape(cell)}</td>" for at, cell in enumerate(cells, 1))
        body += "</tr>"
    return f'<div class="wide"><table><tr>{headings}</tr>{body}</table></div>'


def _breakable(name: str) -> str:
    """Return a name with optional line breaks after its parts, for narrow screens."""
    return re.sub(r"([/_.])", r"\1<wbr>", html.escape(name))


SIDE = 150
"""Pixels of the longer side of a thumbnail. Small thumbnails keep the report small."""

_MOST_GLYPHS = 12
"""The largest number of glyphs that are shown for an answer."""

_LONGEST = 60
"""The largest number of characters of a text that are shown. A page may contain hundreds."""

Answers = dict[tuple[str, str], Answer]
"""Answers by picture and label."""


def gallery(evaluation: Evaluation, answers: Iterable[Answer], other: Answers | None = None) -> str:
    """Return a gallery of answers as HTML: picture, ink, glyphs, label, answer and confidence of each.

    other: the answers of another model, if two are compared.
    """
    return (
        '<div class="gallery">'
        + "".join(_card(answer, evaluation.show(answer), other[answer.about] if other else None) for answer in answers)
        + "</div>"
    )


def _card(answer: Answer, exhibit: Exhibit | None, other: Answer | None) -> str:
    sure = "" if answer.confidence is None else f' <span class="quiet">{percent(answer.confidence)} sure</span>'
    also = (
        f'<p class="quiet">other model: {_short(other.answer)}{", right" if other.right else ""}</p>' if other else ""
    )
    bare = ' class="bare"' if exhibit and exhibit.picture is None else ""
    images = "".join(_images(exhibit)) if exhibit else '<p class="quiet">no picture</p>'
    return (
        f'<figure{bare}><div class="steps">{images}</div>'
        f'<figcaption><p><b class="truth">{_short(answer.label)}</b> read as '
        f'<b class="{"truth" if answer.right else "miss"}">{_short(answer.answer)}</b>{sure}</p>{also}'
        f'<p class="quiet name">{html.escape(answer.picture)}</p></figcaption></figure>'
    )


def _short(text: str) -> str:
    return html.escape(text if len(text) <= _LONGEST else f"{text[:_LONGEST]}...")


def _images(exhibit: Exhibit) -> Iterable[str]:
    if exhibit.picture is not None:
        yield _thumbnail(Image.fromarray(exhibit.picture), "picture", "JPEG")
    if exhibit.ink is not None:
        yield _thumbnail(Image.fromarray(np.uint8(255 * (1 - exhibit.ink))), "ink", "JPEG")
    if len(exhibit.glyphs):
        yield _thumbnail(_tile(exhibit.glyphs[:_MOST_GLYPHS]), "glyph", "PNG")


def _tile(glyphs: NDArray[np.float32]) -> Image.Image:
    """Return glyphs as tiles of a nearly square image, black on white."""
    across = int(np.ceil(np.sqrt(len(glyphs))))
    tiles = np.zeros((-(-len(glyphs) // across) * across, 28, 28), np.float32)
    tiles[: len(glyphs)] = glyphs
    block = tiles.reshape(-1, across, 28, 28).transpose(0, 2, 1, 3).reshape(-1, across * 28)
    return Image.fromarray(np.uint8(255 * (1 - block)))


def _thumbnail(image: Image.Image, what: str, kind: str) -> str:
    """Return an image, reduced to `SIDE` if it is larger, as an HTML image with embedded data."""
    image.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    content = io.BytesIO()
    image.save(content, kind, **({"quality": 72} if kind == "JPEG" else {"optimize": True}))
    data = base64.b64encode(content.getvalue()).decode("ascii")
    return f'<img class="{what}" src="data:image/{kind.lower()};base64,{data}" alt="{what}" title="{what}">'
