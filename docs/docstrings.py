"""Docstrings for the site: an extension of Griffe, which mkdocstrings uses to read them.

Lines of the form `name: meaning` are readable in a terminal. In Markdown they would run together, so they become a
list.
"""

from __future__ import annotations

import re
from typing import Any

import griffe

_ENTRY = re.compile(r"^([A-Za-z_]\w*(?:, [A-Za-z_]\w*)*): (?=\S)")


class Lists(griffe.Extension):
    """Turns the lines that explain parameters and attributes into a list."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Rewrite the docstring of a class or function."""
        if obj.docstring is not None and (obj.is_class or obj.is_function):
            obj.docstring.value = as_lists(obj.docstring.value)


def as_lists(text: str) -> str:
    """Return a docstring with paragraphs of `name: meaning` as lists; other paragraphs are not changed."""
    paragraphs = text.split("\n\n")
    return "\n\n".join(_as_list(lines) if _ENTRY.match(lines) else lines for lines in paragraphs)


def _as_list(paragraph: str) -> str:
    """Return a paragraph that begins with an entry as a list, up to a line that is neither indented nor an entry."""
    lines, in_list = [], True
    for line in paragraph.splitlines():
        entry = _ENTRY.match(line)
        if entry:
            names = ", ".join(f"`{name}`" for name in entry[1].split(", "))
            lines.append(f"- {names}: {line[entry.end() :]}")
        elif in_list and not line.startswith(" "):
            in_list = False
            lines += ["", line]
        else:
            lines.append(line)
        in_list = in_list or entry is not None
    return "\n".join(lines)
