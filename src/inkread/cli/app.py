"""The Typer application with the commands of `inkread`, and the default command."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Callable, Sequence
from typing import Annotated

import typer

import inkread
from inkread.cli.batch import batch
from inkread.cli.completion import answer, completion
from inkread.cli.convert import convert
from inkread.cli.evaluate import evaluate
from inkread.cli.explain import explain
from inkread.cli.fill import fill
from inkread.cli.help import DEFAULT, Command, Group, check_spelling, with_default_command
from inkread.cli.read import read
from inkread.cli.review import review
from inkread.cli.sheet import sheet
from inkread.cli.teach import teach
from inkread.cli.train import train
from inkread.cli.web import web
from inkread.errors import OptionError

COMMANDS: dict[str, Callable[..., int | None]] = {
    "read": read,
    "train": train,
    "evaluate": evaluate,
    "teach": teach,
    "explain": explain,
    "convert": convert,
    "web": web,
    "batch": batch,
    "sheet": sheet,
    "fill": fill,
    "review": review,
    "completion": completion,
}

_OUR_WORDS = {
    "Value error, ": "",
    "Input should be greater than or equal to": "must be at least",
    "Input should be less than or equal to": "must be at most",
    "Input should be a valid number, unable to parse string as a number": "must be a number",
    "Input should be a valid integer, unable to parse string as an integer": "must be a whole number",
}
"""What the words of the parser behind Typer, which are for programmers, are here."""

_DASHED_FILE = re.compile(r"-[^-=][^=]*\.[A-Za-z]\w*")

app = typer.Typer(
    name="inkread",
    cls=Group,
    help="Read handwritten digits from pictures, and train the network that does it.",
    epilog="'inkread PICTURE...' is short for 'inkread read PICTURE...'. Add --debug anywhere on the command line to "
    "see the traceback of an error.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for _name, _command in COMMANDS.items():
    app.command(_name, cls=Command, no_args_is_help=_name in {DEFAULT, "explain", "review", "sheet"})(_command)


def _print_version(asked: bool) -> None:
    if asked:
        print(f"inkread {inkread.__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    pass


def run(words: Sequence[str], *, debug: bool) -> int:
    """Run a command line and return its exit code. Exceptions of the command itself are not caught.

    Raises `OptionError` for wrong options.
    """
    if words:
        check_spelling(words[0], list(COMMANDS))
    words = with_default_command(words, COMMANDS)
    command = typer.main.get_command(app)
    try:
        with command.make_context("inkread", list(words), obj={"debug": debug}) as context:
            return command.invoke(context) or 0
    except typer.Exit as end:
        return end.exit_code
    except typer.Abort:
        raise KeyboardInterrupt from None
    except typer.TyperException as error:
        if name := _name_like_an_option(words):
            raise OptionError(f"{name}: a name that begins with '-' counts as an option; write ./{name}") from error
        hint = f"see 'inkread {words[0]} --help'" if words else "see 'inkread --help'"
        raise OptionError(f"{_in_our_words(error.format_message())}; {hint}") from error


def _in_our_words(message: str) -> str:
    """Return the message of a wrong option in words for users."""
    for theirs, ours in _OUR_WORDS.items():
        message = message.replace(theirs, ours)
    return message.rstrip(".")


def complete(instruction: str) -> int:
    """Print what the script of `inkread completion` asks for, and return the exit code."""
    return answer(typer.main.get_command(app), instruction)


def _name_like_an_option(words: Sequence[str]) -> str | None:
    """Return the first word of a faulty command line that seems to be a file whose name begins with a dash."""
    options = itertools.takewhile(lambda word: word != "--", words)
    names = (word for word in options if word.startswith("-") and word != "-")
    return next((word for word in names if os.path.lexists(word) or _DASHED_FILE.fullmatch(word)), None)
