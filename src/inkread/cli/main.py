"""The entry point of `inkread`: runs the command line, prints errors and returns the exit code."""

from __future__ import annotations

import errno
import io
import os
import sys
import warnings
from collections.abc import Sequence
from typing import NoReturn

from inkread.errors import InkreadError

_WAYS_OUT = {
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), "check its permissions, or choose another folder"),
    **dict.fromkeys((errno.ENOENT, errno.ENOTDIR, errno.EEXIST), "choose a folder that can be created"),
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT), "free space on the disk"),
}


def run() -> NoReturn:
    """Run the command line and end the process with its exit code.

    Python's own shutdown takes as long as reading a picture, so it is skipped. All files are closed by then, and all
    threads and processes have ended.
    """
    code = main()
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    os._exit(code)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code. `inkread.errors` lists the codes of failures."""
    words, debug = _split_off_debug(sys.argv[1:] if arguments is None else arguments)
    for stream in (sys.stdout, sys.stderr):
        # File names may contain characters that the terminal cannot show.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    # Warnings come from libraries. The user can do nothing about them.
    if not debug and not sys.warnoptions:
        warnings.simplefilter("ignore")
    try:
        return _dispatch(words, debug=debug)
    except InkreadError as error:
        return _fail(error.message, error.exit_code, debug=debug)
    except KeyboardInterrupt:
        return _fail("interrupted", 130, debug=debug)
    except BrokenPipeError:
        # The program that reads our output, such as `head`, has closed the pipe. That is not a failure.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        way = _WAYS_OUT.get(error.errno or 0, "check the disk")
        return _fail(f"{error.filename or 'the output'}: {error.strerror}; {way}", 1, debug=debug)
    except Exception as error:  # noqa: BLE001
        cause = " ".join(f"{type(error).__name__}: {error}".split())
        return _fail(f"this is a bug in inkread ({cause}); run it with --debug and report the output", 1, debug=debug)


def _dispatch(words: list[str], *, debug: bool) -> int:
    """Run the command that a command line names and return its exit code."""
    # The script of `inkread completion` sets this variable.
    if asked := os.environ.get("_INKREAD_COMPLETE"):
        from inkread.cli.app import complete

        return complete(asked)
    if pictures := _pictures_without_options(words):
        from inkread.cli.read_fast import read_pictures

        return read_pictures(pictures, debug=debug)
    from inkread.cli.app import run as run_command

    return run_command(words, debug=debug)


def _pictures_without_options(words: list[str]) -> list[str]:
    """Return the pictures of a command line that only reads pictures and has no options, otherwise an empty list.

    Such a command line needs no parser. Importing Typer and Pydantic takes longer than reading a picture. No command
    has a dot or a slash in its name.
    """
    if not words or (words[0] != "read" and not any(mark in words[0] for mark in "./\\")):
        return []
    pictures = words[1:] if words[0] == "read" else words
    return [] if any(word.startswith("-") and word != "-" for word in pictures) else pictures


def _split_off_debug(words: Sequence[str]) -> tuple[list[str], bool]:
    """Return the words without `--debug`, and whether it was there. It may stand anywhere before `--`."""
    end = list(words).index("--") if "--" in words else len(words)
    kept = [word for word in words[:end] if word != "--debug"]
    return [*kept, *words[end:]], len(kept) < end


def _fail(message: str, code: int, *, debug: bool) -> int:
    if debug:
        import traceback

        traceback.print_exc()
    print(f"inkread: {message}", file=sys.stderr)
    return code
