"""What the command line says to people who type: help, wrong names, completion, and missing extras."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import inkread
from helpers.ended import Ended
from inkread import PictureError
from inkread.cli import main
from inkread.cli.app import COMMANDS
from inkread.errors import MissingExtra, way_to_install

EXAMPLES = Path(__file__).parents[1] / "examples"


def run(capsys: pytest.CaptureFixture[str], *words: str | Path) -> Ended:
    code = main([str(word) for word in words])
    captured = capsys.readouterr()
    return Ended(code, captured.out.splitlines(), captured.err.splitlines())


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the picture of a 7, which is the current one."""
    shutil.copy(EXAMPLES / "7-shadow.jpg", tmp_path / "7.jpg")
    monkeypatch.chdir(tmp_path)
    return tmp_path


# Names


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("raed", "read"), ("Read", "read"), ("trian", "train"), ("evalute", "evaluate"), ("help", "--help")],
)
def test_a_misspelt_command_is_corrected(capsys: pytest.CaptureFixture[str], typed: str, meant: str) -> None:
    said = f"inkread: {typed}: no such command or file; did you mean 'inkread {meant}'?"
    assert run(capsys, typed, "x.jpg") == Ended(2, [], [said])
    assert run(capsys, typed) == Ended(2, [], [said])


def test_a_file_named_nearly_like_a_command_is_read(capsys: pytest.CaptureFixture[str], here: Path) -> None:
    (here / "7.jpg").rename(here / "raed")
    assert run(capsys, "raed") == Ended(0, ["7"], [])
    missing = run(capsys, "scan")
    assert (missing.code, missing.err) == (1, ["inkread: scan: no such file; check the name and the folder"])


def test_a_name_that_begins_with_a_dash_is_shown_how_to_be_written(
    capsys: pytest.CaptureFixture[str], here: Path
) -> None:
    (here / "7.jpg").rename(here / "-7.jpg")
    for words in (["-7.jpg"], ["read", "-7.jpg"], ["explain", "-7.jpg"], ["read", "--format", "json", "-9.png"]):
        said = f"inkread: {words[-1]}: a name that begins with '-' counts as an option; write ./{words[-1]}"
        assert run(capsys, *words) == Ended(2, [], [said])
    assert run(capsys, "./-7.jpg") == Ended(0, ["7"], [])
    assert "No such option: --formt" in run(capsys, "read", "7.jpg", "--formt", "json").err[0]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--min-confidence", "2"], "must be at most 1"),
        (["--min-confidence", "-1"], "must be at least 0"),
        (["--min", "x"], "must be a number"),
    ],
)
def test_a_value_out_of_range_is_told_in_plain_words(
    capsys: pytest.CaptureFixture[str], here: Path, words: list[str], said: str
) -> None:
    (line,) = run(capsys, "read", "7.jpg", *words).err
    assert line == f"inkread: Invalid value for '{words[0]}': {said}; see 'inkread read --help'"


@pytest.mark.parametrize("words", [[], ["read"], ["explain"], ["teach", "7"]], ids=" ".join)
def test_an_address_and_a_pattern_are_no_files(
    capsys: pytest.CaptureFixture[str], here: Path, words: list[str]
) -> None:
    for name, why in (
        ("https://example.org/7.jpg", "is an address, not a file; download the picture and name the downloaded file"),
        ("./*.jpg", "is a pattern, not a file; write it without quotes, so that the shell lists the files"),
        ("./*.png", "no file matches this pattern; check the folder and the ending"),
    ):
        assert run(capsys, *words, name) == Ended(2, [], [f"inkread: {name}: {why}"])
    with pytest.raises(PictureError, match="is a pattern, not a file"):
        inkread.read("*.jpg")


def test_a_picture_whose_name_looks_like_a_pattern_is_read(capsys: pytest.CaptureFixture[str], here: Path) -> None:
    (here / "7.jpg").rename(here / "7[1]*.jpg")
    assert run(capsys, "7[1]*.jpg") == Ended(0, ["7"], [])


# Help


@pytest.mark.parametrize("columns", [52, 60, 80, 200])
@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_fits_the_window_and_cuts_no_option(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, columns: int, command: str
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    ended = run(capsys, *filter(None, [command]), "--help")
    assert (ended.code, ended.err) == (0, [])
    assert max(map(len, ended.out)) <= min(columns, 80)
    text = "\n".join(ended.out)
    assert not re.search("bool|…|<(path|list|str|int)", text)
    assert not re.search(r"-$", text, flags=re.MULTILINE), "an option is broken at a hyphen"
    if command == "read":
        for option in (
            "--min-confidence P",
            "--as auto|digit|number|lines|table",
            "--figure OUT.png",
            "--show",
            "-h, --help",
        ):
            assert any(line.startswith(f"  {option}") for line in ended.out), option
        assert ended.out[0] == "Usage: inkread read [OPTIONS] PICTURE..."


def test_in_a_narrow_window_descriptions_are_below_the_options(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    lines = run(capsys, "explain", "--help").out
    at = lines.index("  --show")
    assert lines[at + 1] == "      Show the figure in a window. Without a display, save"


# Completion


def test_completion_prints_a_script_and_writes_nothing(here: Path) -> None:
    for shell, sign in (("bash", "complete -o default"), ("zsh", "#compdef inkread"), ("fish", "complete --command")):
        words = [sys.executable, "-m", "inkread", "completion", shell]
        home = here / "home"
        done = subprocess.run(
            words, env=os.environ | {"HOME": str(home)}, capture_output=True, text=True, check=False, timeout=100
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert sign in done.stdout
        assert "_INKREAD_COMPLETE" in done.stdout
        assert not home.exists()


def test_completion_of_another_shell_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    ended = run(capsys, "completion", "csh")
    assert (ended.code, ended.out, len(ended.err)) == (2, [], 1)
    assert "'bash', 'zsh', 'fish'" in ended.err[0].replace(" or ", ", ")


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("inkread re", {"read", "review"}),
        ("inkread completion ", {"bash", "zsh", "fish"}),
        ("inkread read --fi", {"--figure"}),
        ("inkread 7.jpg --min", {"--min", "--min-confidence"}),
        ("inkread 7.jpg --as ", {"auto", "digit", "number", "lines", "table"}),
        ("inkread 7.j", set()),
    ],
)
def test_commands_options_and_choices_are_completed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, typed: str, offered: set[str]
) -> None:
    words = typed.split(" ")
    monkeypatch.setenv("_INKREAD_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "\n".join(words))
    monkeypatch.setenv("COMP_CWORD", str(len(words) - 1))
    ended = run(capsys)
    assert (ended.code, set(ended.out) - {""}, ended.err) == (0, offered, [])


@pytest.mark.skipif(not shutil.which("bash"), reason="needs bash")
def test_bash_completes_with_the_script(here: Path) -> None:
    (here / "inkread").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m inkread "$@"\n')
    (here / "inkread").chmod(0o755)
    script = (
        'PATH="$PWD:$PATH"; eval "$(inkread completion bash)"; COMP_WORDS=(inkread 7.jpg --fig); COMP_CWORD=2; '
        '_inkread_completion inkread; echo "${COMPREPLY[@]}"'
    )
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False, timeout=100)  # noqa: S607
    assert (done.stdout, done.stderr) == ("--figure\n", "")


# Extras


def test_the_hint_for_an_extra_works_where_the_code_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clone = Path(inkread.__file__).parents[2]
    monkeypatch.chdir(clone)
    assert str(MissingExtra("training", "train")) == ("training needs the extra 'train': pip install -e '.[train]'")
    monkeypatch.chdir(tmp_path)
    assert way_to_install("web") == f"pip install -e '{clone}[web]'"
    monkeypatch.setattr("inkread.errors.__file__", str(tmp_path / "lib" / "site-packages" / "inkread" / "errors.py"))
    assert way_to_install("web") == "pip install 'inkread[web]'"


def test_a_missing_extra_of_a_cluster_is_told_before_missing_data(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pyarrow", reason="needs the extra 'batch'")
    monkeypatch.setitem(sys.modules, "ray", None)
    ended = run(capsys, "batch", "nowhere", "out", "--ray", "auto")
    assert (ended.code, ended.out, len(ended.err)) == (3, [], 1)
    assert "needs the extra 'ray'" in ended.err[0]
