"""`python -m inkread`: the same as the command `inkread`."""

from inkread.cli import run

run()
