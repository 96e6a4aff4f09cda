"""`inkread completion`: prints a script with which a shell completes commands and options."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import typer

COMPLETE_VARIABLE = "_INKREAD_COMPLETE"
"""The environment variable with which the script asks for completions."""


def completion(
    context: typer.Context,
    shell: Annotated[Literal["bash", "zsh", "fish"], typer.Argument(metavar="bash|zsh|fish", help="The shell.")],
) -> int:
    """Print a script with which a shell completes commands and options. Nothing is written to your home folder.

    Where the script goes: in bash, add 'source <(inkread completion bash)' to ~/.bashrc. In zsh, add
    'source <(inkread completion zsh)' to ~/.zshrc, after the line with compinit. In fish, run the last example once.

    Examples:

        inkread completion bash

        inkread completion zsh

        inkread completion fish > ~/.config/fish/completions/inkread.fish
    """
    return answer(context.find_root().command, f"source_{shell}")


def answer(command: Any, instruction: str) -> int:
    """Print what a shell asks for: "source_SHELL" for the script, "complete_SHELL" for completions of a command."""
    from typer import completion as of_typer

    # This registers the shells.
    of_typer.get_completion_inspect_parameters()
    return of_typer.shell_complete(command, {"obj": {"debug": False}}, "inkread", COMPLETE_VARIABLE, instruction)
