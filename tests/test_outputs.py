"""No command replaces a file that it reads, and none replaces another file without `--force`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from helpers.ended import Ended
from inkread.cli import main
from inkread.errors import OptionError
from inkread.files import check_outputs

EXAMPLES = Path(__file__).parents[1] / "examples"

READS = "this command reads that file, and never replaces it; name another file"
EXISTS = "exists already; name another file, or replace it with --force"


def run(capsys: pytest.CaptureFixture[str], *words: str | Path) -> Ended:
    code = main([str(word) for word in words])
    captured = capsys.readouterr()
    return Ended(code, captured.out.splitlines(), captured.err.splitlines())


def refused(path: Path, why: str) -> Ended:
    return Ended(2, [], [f"inkread: {path}: {why}"])


@pytest.fixture
def seven(tmp_path: Path) -> Path:
    return Path(shutil.copy(EXAMPLES / "7-shadow.jpg", tmp_path / "7.jpg"))


@pytest.fixture
def old(tmp_path: Path) -> Path:
    (tmp_path / "old.png").write_text("old")
    return tmp_path / "old.png"


def linked(path: Path, name: str, *, hard: bool = False) -> Path:
    """Return a link beside a file."""
    link = path.with_name(name)
    if hard:
        link.hardlink_to(path)
    else:
        link.symlink_to(path)
    return link


# The one check


@pytest.mark.parametrize("force", [False, True])
def test_an_input_is_never_replaced_whatever_it_is_called(
    seven: Path, monkeypatch: pytest.MonkeyPatch, force: bool
) -> None:
    monkeypatch.chdir(seven.parent)
    (seven.parent / "inner").mkdir()
    spellings: list[str | Path] = [
        seven,
        "7.jpg",
        Path("inner", "..", "7.jpg"),
        linked(seven, "soft.jpg"),
        linked(seven, "hard.jpg", hard=True),
    ]
    for out in spellings:
        for name in spellings:
            with pytest.raises(OptionError, match="never replaces it"):
                check_outputs([out], [None, "not there.jpg", name], force=force)
    with pytest.raises(OptionError, match="never replaces it"):
        check_outputs([seven], [seven.parent], force=force)


def test_what_one_system_takes_for_the_same_name_is_the_same_file(seven: Path) -> None:
    upper = seven.with_name("7.JPG")
    if not upper.exists():
        check_outputs([upper], [seven], force=False)
        pytest.skip("this file system tells upper and lower case apart")
    with pytest.raises(OptionError, match="never replaces it"):
        check_outputs([upper], [seven], force=True)


def test_the_list_of_what_is_allowed_is_not_replaced(capsys: pytest.CaptureFixture[str], seven: Path) -> None:
    roster = seven.with_name("roster.csv")
    roster.write_text("7\n")
    assert run(capsys, "read", seven, "--allowed", roster, "--output", roster, "--force") == refused(roster, READS)
    assert roster.read_text() == "7\n"


def test_another_file_is_replaced_only_with_force(seven: Path, old: Path) -> None:
    broken = linked(seven.with_name("nothing.jpg"), "broken.png")
    for out in (old, broken, linked(old, "soft.png")):
        with pytest.raises(OptionError, match="exists already"):
            check_outputs([out], [seven], force=False)
        check_outputs([out], [seven], force=True)
    check_outputs([old.with_name("new.png")], [seven], force=False)
    with pytest.raises(OptionError, match="is a folder; name a file"):
        check_outputs([old.parent], [seven], force=True)


# Each command


@pytest.mark.parametrize("words", [["read"], ["explain"], []])
def test_a_figure_never_replaces_its_picture(capsys: pytest.CaptureFixture[str], seven: Path, words: list[str]) -> None:
    before = seven.read_bytes()
    for out in (seven, linked(seven, "soft.jpg"), linked(seven, "hard.jpg", hard=True)):
        for force in ([], ["--force"]):
            assert run(capsys, *words, seven, "--figure", out, *force) == refused(out, READS)
    assert seven.read_bytes() == before
    assert sorted(path.name for path in seven.parent.iterdir()) == ["7.jpg", "hard.jpg", "soft.jpg"]


@pytest.mark.usefixtures("without_mnist")
@pytest.mark.parametrize("command", ["read", "explain"])
def test_a_figure_replaces_another_file_only_with_force(
    capsys: pytest.CaptureFixture[str], seven: Path, old: Path, command: str
) -> None:
    assert run(capsys, command, seven, "--figure", old) == refused(old, EXISTS)
    assert old.read_text() == "old"
    assert run(capsys, command, seven, "--figure", old, "--force").code == 0
    assert old.read_bytes().startswith(b"\x89PNG")


def test_the_figures_in_a_folder_are_checked_before_anything_is_read(
    capsys: pytest.CaptureFixture[str], seven: Path, tmp_path: Path
) -> None:
    steps = Path(shutil.copy(seven, tmp_path / "7.steps.png"))
    assert run(capsys, seven, steps, "--figure", tmp_path, "--force") == refused(steps, READS)
    other = tmp_path / "other"
    other.mkdir()
    (other / "7.steps.steps.png").write_text("old")
    assert run(capsys, seven, steps, "--figure", other) == refused(other / "7.steps.steps.png", EXISTS)
    assert [path.name for path in other.iterdir()] == ["7.steps.steps.png"]


def test_the_picture_on_standard_input_is_not_replaced(seven: Path) -> None:
    before = seven.read_bytes()
    with seven.open("rb") as file:
        words = [sys.executable, "-m", "inkread", "-", "--figure", str(seven), "--force"]
        done = subprocess.run(words, stdin=file, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"inkread: {seven}: {READS}\n")
    assert seven.read_bytes() == before


def test_a_report_replaces_no_labelled_picture_and_no_other_file_without_force(
    capsys: pytest.CaptureFixture[str], seven: Path, tmp_path: Path
) -> None:
    (tmp_path / "index.csv").write_text("file,label\n7.jpg,7\n")
    (tmp_path / "own" / "7").mkdir(parents=True)
    shutil.copy(seven, tmp_path / "own" / "7")
    for picture, data in ((seven, "index.csv"), (tmp_path / "own" / "7" / "7.jpg", "own")):
        link = linked(picture, "report.html", hard=True)
        words = ("evaluate", "--data", tmp_path / data, "--report", link)
        assert run(capsys, *words, "--force") == refused(link, READS)
        link.unlink()
    report = tmp_path / "report.html"
    report.write_text("old")
    words = ("evaluate", "--data", tmp_path / "index.csv", "--report", report)
    assert run(capsys, *words) == refused(report, EXISTS)
    assert report.read_text() == "old"
    assert run(capsys, *words, "--force").code == 0
    assert report.read_text().startswith("<!doctype html>")


def test_a_converted_model_replaces_neither_its_source_nor_the_card_of_another(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    shutil.copytree(Path(__file__).parents[1] / "src" / "inkread" / "models" / "shipped" / "tiny", tmp_path / "model")
    source, card = tmp_path / "model" / "model.onnx", tmp_path / "model" / "card.json"
    before = source.read_bytes(), card.read_bytes()
    for model in (tmp_path / "model", source):
        assert run(capsys, "convert", model, source, "--force") == refused(source, READS)
        assert run(capsys, "convert", model, source.with_suffix(".h5"), "--force") == refused(card, READS)
    assert (source.read_bytes(), card.read_bytes()) == before
    (tmp_path / "new.onnx.card.json").write_text("old")
    words = ("convert", source, tmp_path / "new.onnx")
    assert run(capsys, *words) == refused(tmp_path / "new.onnx.card.json", EXISTS)
    assert run(capsys, *words, "--force").code == 0
    assert run(capsys, *words) == refused(tmp_path / "new.onnx", EXISTS)


def test_a_model_is_not_fine_tuned_in_place(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    shutil.copytree(Path(__file__).parents[1] / "src" / "inkread" / "models" / "shipped" / "tiny", tmp_path / "model")
    for base in (tmp_path / "model", tmp_path / "model" / "model.onnx"):
        words = ("train", "--own", tmp_path, "--from", base, "--out", tmp_path / "model", "--force")
        ended = run(capsys, *words)
        assert (ended.code, ended.out, len(ended.err)) == (2, [], 1)
        assert "model: this command reads the model in it, and never replaces it" in ended.err[0]


def test_the_file_of_a_batch_replaces_no_input_and_no_other_file_without_force(
    capsys: pytest.CaptureFixture[str], seven: Path, tmp_path: Path
) -> None:
    pytest.importorskip("pyarrow", reason="needs the extra 'batch'")
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    seven.rename(pictures / "7.jpg")
    inside = tmp_path / "pictures" / "list.csv"
    inside.write_text("path\n7.jpg\n")
    words = ("--processes", "1")
    listed = seven.with_name("link.csv")
    listed.symlink_to(inside)
    for named in (inside, listed, pictures, f"{pictures}/*.csv"):
        assert run(capsys, "batch", named, inside, *words, "--force") == refused(inside, READS)
    picture = (pictures / "7.jpg").rename(pictures / "7.csv")
    inside.write_text("path\n7.csv\n")
    assert run(capsys, "batch", inside, picture, *words, "--force") == refused(picture, READS)
    picture.rename(pictures / "7.jpg")
    out = tmp_path / "out.csv"
    out.write_text("old")
    assert run(capsys, "batch", pictures, out, *words) == refused(out, EXISTS)
    assert out.read_text() == "old"
    assert run(capsys, "batch", pictures, out, *words, "--force").code == 0
    assert out.read_text().startswith("picture,")
    ended = run(capsys, "batch", pictures, tmp_path / "data", "--force")
    assert (ended.code, len(ended.err)) == (2, 1)
    assert "is continued, never replaced" in ended.err[0]
    assert not os.path.exists(tmp_path / "data")  # noqa: PTH110


def test_an_export_replaces_nothing(capsys: pytest.CaptureFixture[str], tmp_path: Path, seven: Path) -> None:
    (tmp_path / "folder").mkdir()
    kept = Path(shutil.copy(seven, tmp_path / "folder"))
    run(capsys, "teach", "7", seven, "--profile", "exporting")
    for out in (seven, kept.parent):
        ended = run(capsys, "teach", "--export", out, "--profile", "exporting")
        assert (ended.code, ended.out, len(ended.err)) == (2, [], 1)
        assert "is not an empty folder; name a new one" in ended.err[0]
    assert seven.read_bytes() == kept.read_bytes()
