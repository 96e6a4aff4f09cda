"""The command `inkread`: its commands, the default command, and how errors end."""

from __future__ import annotations

import io
import os
import sys
import traceback
import warnings
from collections.abc import Callable, Sequence
from typing import Annotated

import typer

import inkread
from inkread.cli.evaluate import evaluate
from inkread.cli.read import read
from inkread.cli.teach import teach
from inkread.cli.train import train
from inkread.errors import InkreadError

COMMANDS: dict[str, Callable[..., int | None]] = {
    "read": read,
    "train": train,
    "evaluate": evaluate,
    "teach": teach,
}
DEFAULT = "read"

app = typer.Typer(
    name="inkread",
    help="Read handwritten digits from pictures, and train the network that does it.",
    epilog="'inkread PICTURE...' is short for 'inkread read PICTURE...'. With --debug anywhere on the line, an error "
    "shows its traceback.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
for _name, _command in COMMANDS.items():
    app.command(_name, no_args_is_help=_name == DEFAULT)(_command)


def _print_version(asked: bool) -> None:
    if asked:
        print(f"inkread {inkread.__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and end.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    pass


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code: see `inkread.errors` for the codes of failures."""
    words, debug = _without_debug(sys.argv[1:] if arguments is None else arguments)
    words = with_default_command(words)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # file names may hold what the terminal cannot show
            stream.reconfigure(errors="backslashreplace")
    try:
        return _run(words, debug=debug)
    except InkreadError as error:
        return _failed(error.message, error.exit_code, debug=debug)
    except typer.TyperException as error:  # wrong options; an empty message has shown the help already
        hint = f"see 'inkread {words[0]} --help'" if words else "see 'inkread --help'"
        return _failed(f"{error.format_message().rstrip('.')}; {hint}", 2, debug=debug) if str(error) else 2
    except (KeyboardInterrupt, typer.Abort):
        return _failed("interrupted", 130, debug=debug)
    except BrokenPipeError:  # the reader of our output, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        return _failed(f"{error.filename or 'the output'}: {error.strerror}; check the disk", 1, debug=debug)
    except Exception as error:  # noqa: BLE001 - a defect of ours still ends in one line
        cause = " ".join(f"{type(error).__name__}: {error}".split())
        return _failed(f"this is a defect of inkread ({cause}); please report it with --debug", 1, debug=debug)


def _run(words: list[str], *, debug: bool) -> int:
    """Run the command, letting every exception through: Typer's own `main` keeps some to itself."""
    command = typer.main.get_command(app)
    if not debug and not sys.warnoptions:
        warnings.simplefilter("ignore")  # of the libraries below, to which the user can do nothing
    try:
        with command.make_context("inkread", words, obj={"debug": debug}) as context:
            return command.invoke(context) or 0
    except typer.Exit as end:
        return end.exit_code


def with_default_command(words: Sequence[str]) -> list[str]:
    """Return the words of a command line with `read` put in front where they name no command."""
    if not words or words[0] in COMMANDS or words[0] in {"-h", "--help", "--version"}:
        return list(words)
    return [DEFAULT, *words]


def _without_debug(words: Sequence[str]) -> tuple[list[str], bool]:
    """Take `--debug` out of the words before any `--`, so that it may stand anywhere."""
    end = list(words).index("--") if "--" in words else len(words)
    kept = [word for word in words[:end] if word != "--debug"]
    return [*kept, *words[end:]], len(kept) < end


def _failed(message: str, code: int, *, debug: bool) -> int:
    if debug:
        traceback.print_exc()
    print(f"inkread: {message}", file=sys.stderr)
    return code
