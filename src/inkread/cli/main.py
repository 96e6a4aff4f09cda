"""The process `inkread`: from the words of its command line to an exit code, and how errors end."""

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
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), "check your rights there, or name another place"),
    **dict.fromkeys((errno.ENOENT, errno.ENOTDIR, errno.EEXIST), "name a place that can be made"),
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT), "make room on the disk"),
}


def run() -> NoReturn:
    """Run the command line as a process and end it with its exit code.

    Once the answer is out nothing is left to do but to take apart what was loaded, which takes as long as reading a
    picture. The system does it at once. All files are closed by then, and threads and processes have ended.
    """
    code = main()
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    os._exit(code)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code: see `inkread.errors` for the codes of failures."""
    words, debug = _without_debug(sys.argv[1:] if arguments is None else arguments)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # file names may hold what the terminal cannot show
            stream.reconfigure(errors="backslashreplace")
    if not debug and not sys.warnoptions:
        warnings.simplefilter("ignore")  # of the libraries below, to which the user can do nothing
    try:
        return _dispatched(words, debug=debug)
    except InkreadError as error:
        return _failed(error.message, error.exit_code, debug=debug)
    except KeyboardInterrupt:
        return _failed("interrupted", 130, debug=debug)
    except BrokenPipeError:  # the reader of our output, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        way = _WAYS_OUT.get(error.errno or 0, "check the disk")
        return _failed(f"{error.filename or 'the output'}: {error.strerror}; {way}", 1, debug=debug)
    except Exception as error:  # noqa: BLE001 - a defect of ours still ends in one line
        cause = " ".join(f"{type(error).__name__}: {error}".split())
        return _failed(f"this is a defect of inkread ({cause}); please report it with --debug", 1, debug=debug)


def _dispatched(words: list[str], *, debug: bool) -> int:
    """Run the command of a command line and return its exit code."""
    if pictures := _pictures_alone(words):
        from inkread.cli.read_fast import read_pictures

        return read_pictures(pictures, debug=debug)
    from inkread.cli.app import run as run_command

    return run_command(words, debug=debug)


def _pictures_alone(words: list[str]) -> list[str]:
    """Return the pictures of a command line that reads them and has no options, otherwise nothing.

    There is nothing to parse in it, and Typer, with Pydantic behind it, takes longer to import than a picture to read.
    A word with a dot or a slash is the name of no command.
    """
    if not words or (words[0] != "read" and not any(mark in words[0] for mark in "./\\")):
        return []
    pictures = words[1:] if words[0] == "read" else words
    return [] if any(word.startswith("-") and word != "-" for word in pictures) else pictures


def _without_debug(words: Sequence[str]) -> tuple[list[str], bool]:
    """Take `--debug` out of the words before any `--`, so that it may stand anywhere."""
    end = list(words).index("--") if "--" in words else len(words)
    kept = [word for word in words[:end] if word != "--debug"]
    return [*kept, *words[end:]], len(kept) < end


def _failed(message: str, code: int, *, debug: bool) -> int:
    if debug:
        import traceback

        traceback.print_exc()
    print(f"inkread: {message}", file=sys.stderr)
    return code
