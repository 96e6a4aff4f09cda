"""The wheel brings its types: mypy checks a program that uses an installed inkread."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

pytest.importorskip("hatchling", reason="needs the extra 'dev'")

ROOT = Path(__file__).parents[1]
RIGHT = 'import inkread\ntext: str = inkread.read("6.jpg", min_confidence=0.9).text\n'
WRONG = 'import inkread\ntext: int = inkread.read("6.jpg", min_confidence="0.9").text\n'


@pytest.fixture(scope="module")
def user(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with an environment of a user's, into which the wheel, and nothing else, is installed."""
    folder = tmp_path_factory.mktemp("user")
    venv.create(folder / "venv", symlinks=os.name != "nt")
    python = python_of(folder)
    ask = "import sysconfig; print(sysconfig.get_path('purelib'))"
    packages = subprocess.run([python, "-c", ask], capture_output=True, text=True, check=True).stdout.strip()
    options = [
        "--quiet",
        "--disable-pip-version-check",
        "--no-index",
        "--no-deps",
        "--no-build-isolation",
        "--no-compile",
    ]
    subprocess.run([sys.executable, "-m", "pip", "install", *options, "--target", packages, ROOT], check=True)
    return folder


def python_of(folder: Path) -> Path:
    return folder / "venv" / ("Scripts" if os.name == "nt" else "bin") / "python"


def checked(user: Path, program: str) -> tuple[int, str]:
    """Return the exit code of mypy for a program and what it says."""
    (user / "program.py").write_text(program, encoding="utf-8")
    words = [sys.executable, "-m", "mypy", "--strict", "--python-executable", str(python_of(user)), "program.py"]
    # What a developer has on the path would be found beside what is installed.
    clean = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "MYPYPATH"}}
    done = subprocess.run(words, cwd=user, env=clean, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


def test_a_program_that_uses_inkread_rightly_is_free_of_errors(user: Path) -> None:
    code, said = checked(user, RIGHT)
    assert (code, said) == (0, "Success: no issues found in 1 source file\n")


def test_a_program_that_uses_inkread_wrongly_is_told_so(user: Path) -> None:
    code, said = checked(user, WRONG)
    assert code == 1
    assert said.count("error:") == 2
    assert 'incompatible type "str"; expected "float | None"' in said
    assert 'expression has type "str", variable has type "int"' in said


def test_the_types_are_seen_by_the_marker_alone(user: Path) -> None:
    marker = next((user / "venv").rglob("inkread/py.typed"))
    kept = marker.rename(marker.with_suffix(".gone"))
    try:
        assert "missing library stubs or py.typed marker" in checked(user, RIGHT)[1]
    finally:
        kept.rename(marker)
