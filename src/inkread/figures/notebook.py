"""What a notebook shows of a reading: a few lines of HTML that need nothing else."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from inkread.style import ANSWER, QUIET, SURE, WARNING, percent

if TYPE_CHECKING:
    from inkread.readings import Digit, Line, Reading

_MOST_LINES = 40  # longer sheets are cut off, with a word


def reading_html(reading: Reading) -> str:
    """Return a reading as HTML: its text in large digits, a tooltip on each, and how sure all of it is."""
    name = f'<span style="color:{QUIET}">{escape(reading.picture)}</span>'
    if reading.refused:
        refused = f"{escape(reading.refused.code)}: {escape(reading.refused.message)}"
        return f'<div>{name}<br><span style="color:{WARNING}">{refused}</span></div>'
    lines = [_line(line) for line in reading.lines[:_MOST_LINES]]
    if more := len(reading.lines) - len(lines):
        lines.append(f'<span style="color:{QUIET}">and {more} more lines</span>')
    sure = f'<span style="color:{QUIET}">{escape(percent(reading.confidence or 0.0))} sure of all</span>'
    text = "<br>".join(lines)
    return f'<div>{name}<div style="font:1.6em/1.3 monospace">{text}</div>{sure}</div>'


def _line(line: Line) -> str:
    return " &nbsp;".join("".join(map(_digit, number.digits)) for number in line.numbers)


def _digit(digit: Digit) -> str:
    colour = ANSWER if digit.confidence >= SURE else WARNING
    x, y, w, h = digit.box
    title = f"{digit.digit}: {escape(percent(digit.confidence))}, at {x}, {y}, {w} x {h} pixels"
    return f'<span style="color:{colour}" title="{title}">{digit.digit}</span>'
