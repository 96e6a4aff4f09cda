"""The layout of `--help`, which is readable in narrow windows too, and the default command."""

from __future__ import annotations

import inspect
import os
import re
import sys
from collections.abc import Container, Iterator, Sequence
from difflib import get_close_matches
from textwrap import fill
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from inkread.errors import OptionError

Row = tuple[str, str]

DEFAULT = "read"

_WIDE = 72
"""From this many columns on, the description of an option is beside it. In narrower windows it is below."""

_BESIDE, _BELOW = 26, 4
"""The width of the column of options beside the descriptions, and the indent of a description below its option."""

_ELSEWHERE = {"help": "--help", "version": "--version"}
"""Words that people write in place of a command, and the option that they mean."""


class Command(TyperCommand):
    """A command whose help shows a flag without a type, and a choice without brackets."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        _print_help_without(args, self, ctx)
        return super().parse_args(ctx, args)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        arguments = [param for param in self.get_params(ctx) if param.param_type_name == "argument"]
        options = [param for param in self.get_params(ctx) if param.param_type_name == "option"]
        usage = ["[OPTIONS]", *(f"{param.metavar}" if param.required else f"[{param.metavar}]" for param in arguments)]
        sections = {"Arguments": _rows(arguments, ctx), "Options": _rows(options, ctx)}
        formatter.write("\n".join(_lines(self, f"{ctx.command_path} {' '.join(usage)}", sections, formatter.width)))


class Group(TyperGroup):
    """All commands. A command line that does not begin with a command reads pictures."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        _print_help_without(args, self, ctx)
        return super().parse_args(ctx, with_default_command(args, self.commands))

    def format_help(self, ctx: Any, formatter: Any) -> None:
        commands = [(name, _paragraphs(command.help)[0]) for name, command in self.commands.items()]
        sections = {"Options": _rows(self.get_params(ctx), ctx), "Commands": commands}
        formatter.write("\n".join(_lines(self, f"{ctx.command_path} COMMAND ...", sections, formatter.width)))


def with_default_command(words: Sequence[str], commands: Container[str]) -> list[str]:
    """Return the words of a command line, with `read` inserted in front if the first word is not a command."""
    if not words or words[0] in commands or words[0] in {"-h", "--help", "--version"}:
        return list(words)
    return [DEFAULT, *words]


def check_spelling(word: str, commands: Sequence[str]) -> None:
    """Raise `OptionError` if the first word of a command line is neither a command nor a file, but nearly a command."""
    if word in commands or word.startswith("-") or any(mark in word for mark in "./\\") or os.path.lexists(word):
        return
    for meant in get_close_matches(word.lower(), [*commands, *_ELSEWHERE], n=1):
        raise OptionError(f"{word}: no such command or file; did you mean 'inkread {_ELSEWHERE.get(meant, meant)}'?")


def _print_help_without(args: list[str], command: TyperCommand | TyperGroup, ctx: Any) -> None:
    """End with the help if a command that needs arguments has none."""
    if not args and command.no_args_is_help and not ctx.resilient_parsing:
        print(ctx.get_help(), file=sys.stderr)
        raise typer.Exit(2)


def _rows(params: Sequence[Any], ctx: Any) -> list[Row]:
    """Return how each option or argument is written, and what it means."""
    rows = []
    for param in params:
        term, text = param.get_help_record(ctx)
        rows.append((param.metavar if param.param_type_name == "argument" else re.sub("<([^>]*)>", r"\1", term), text))
    return rows


def _paragraphs(text: str | None) -> list[str]:
    return inspect.cleandoc(text or "").split("\n\n")


def _lines(command: Any, usage: str, sections: dict[str, list[Row]], width: int) -> Iterator[str]:
    """Yield the lines of a help text. Nothing is broken at a hyphen, since options have hyphens."""
    yield _wrap(f"Usage: {usage}", width, hang=4)
    for paragraph in _paragraphs(command.help):
        is_example = paragraph.startswith(" ")
        yield "\n" + _wrap(paragraph, width, indent=6 if is_example else 2, hang=4 if is_example else 0)
    for title, rows in sections.items():
        if rows:
            yield f"\n{title}:"
            yield from _list(rows, width)
    if command.epilog:
        yield "\n" + _wrap(command.epilog, width, indent=2)


def _list(rows: list[Row], width: int) -> Iterator[str]:
    """Yield the lines of a list of options, arguments or commands, each with its description beside it or below."""
    longest = max(len(term) for term, _ in rows)
    column = 2 + min(longest, _BESIDE) + 2 if width >= _WIDE or longest <= width // 4 else 2 + _BELOW
    for term, text in rows:
        lines = _wrap(text, width, indent=column).splitlines()
        if len(term) + 4 <= column:
            lines[0] = f"  {term}".ljust(column) + lines[0].lstrip()
        else:
            lines.insert(0, f"  {term}")
        yield from lines


def _wrap(text: str, width: int, *, indent: int = 0, hang: int = 0) -> str:
    """Return a paragraph in lines of `width`, all but the first indented by `hang` more."""
    spaces = " " * indent
    return fill(
        " ".join(text.split()),
        width,
        initial_indent=spaces,
        subsequent_indent=spaces + " " * hang,
        break_on_hyphens=False,
        break_long_words=False,
    )
