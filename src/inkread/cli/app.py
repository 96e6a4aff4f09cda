"""The Typer application with the commands of `inkread`, and the default command."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated

import typer

import inkread
from inkread.cli.batch import batch
from inkread.cli.convert import convert
from inkread.cli.evaluate import evaluate
from inkread.cli.explain import explain
from inkread.cli.read import read
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
}
DEFAULT = "read"

app = typer.Typer(
    name="inkread",
    help="Read handwritten digits from pictures, and train the network that does it.",
    epilog="'inkread PICTURE...' is short for 'inkread read PICTURE...'. Add --debug anywhere on the command line to "
    "see the traceback of an error.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
for _name, _command in COMMANDS.items():
    app.command(_name, no_args_is_help=_name in {DEFAULT, "explain"})(_command)


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
    words = with_default_command(words)
    command = typer.main.get_command(app)
    try:
        with command.make_context("inkread", list(words), obj={"debug": debug}) as context:
            return command.invoke(context) or 0
    except typer.Exit as end:
        return end.exit_code
    except typer.Abort:
        raise KeyboardInterrupt from None
    except typer.TyperException as error:
        # An error without a message means that Typer has already printed the help.
        if not str(error):
            return 2
        hint = f"see 'inkread {words[0]} --help'" if words else "see 'inkread --help'"
        raise OptionError(f"{error.format_message().rstrip('.')}; {hint}") from error


def with_default_command(words: Sequence[str]) -> list[str]:
    """Return the words of a command line, with `read` inserted in front if the first word is not a command."""
    if not words or words[0] in COMMANDS or words[0] in {"-h", "--help", "--version"}:
        return list(words)
    return [DEFAULT, *words]
