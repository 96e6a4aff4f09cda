"""`inkread read`: what scripts depend on."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import inkread
from helpers.ended import Ended, Run
from helpers.printed import BELOW_PRINT, FORM_LINES, form, word_alone
from inkread import Reader, Reading
from inkread.cli import main
from inkread.cli.read_fast import DIGIT_COLUMNS
from inkread.csv_rows import CSV_COLUMNS
from inkread.drawing import draw_digit, draw_sheet
from inkread.errors import way_to_install
from inkread.geometry import Box
from inkread.options import ReadOptions
from inkread.readings import Unread, count_unread

KEYS = ["picture", "page", "text", "lines", "confidence", "refused", "numbers", "digits", "signs", "unread", "tables"]
DIGIT_KEYS = ["digit", "confidence", "probabilities", "box", "line", "number"]
NUMBER_KEYS = ["text", "read", "value", "kind", "confidence", "box", "line", "row", "column", "field"]
COLUMNS = list(CSV_COLUMNS)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Return a function that runs the command line in this process, and checks how it fails if it does."""

    def run(*words: str | Path) -> Ended:
        code = main([str(word) for word in words])
        captured = capsys.readouterr()
        assert "Traceback" not in captured.out
        if "--debug" not in words:
            assert "Traceback" not in captured.err
            assert all(line.startswith("inkread: ") for line in captured.err.splitlines())
        return Ended(code, captured.out.splitlines(), captured.err.splitlines())

    return run


def inkread_process(*words: str | Path, **options: Any) -> subprocess.CompletedProcess[bytes]:
    """Run the command line in a process of its own."""
    command = [sys.executable, "-m", "inkread", *map(str, words)]
    return subprocess.run(command, capture_output=True, timeout=60, check=False, **options)


def paint(path: Path, digit: int) -> Path:
    picture = draw_digit(digit, rng=np.random.default_rng(digit), size=(150, 130), pen="felt-tip", ground="plain")
    Image.fromarray(picture).save(path)
    return path


@pytest.fixture
def three(tmp_path: Path) -> Path:
    return paint(tmp_path / "three.png", 3)


@pytest.fixture
def seven(tmp_path: Path) -> Path:
    return paint(tmp_path / "seven.png", 7)


@pytest.fixture
def blank(tmp_path: Path) -> Path:
    Image.new("L", (60, 60), 255).save(tmp_path / "blank.png")
    return tmp_path / "blank.png"


@pytest.fixture
def missing(tmp_path: Path) -> Path:
    return tmp_path / "missing.png"


# Text


def test_of_one_picture_the_text_alone_is_printed(run: Run, three: Path) -> None:
    assert run("read", three) == Ended(0, ["3"], [])


def test_of_several_pictures_name_and_text_are_printed(run: Run, three: Path, seven: Path) -> None:
    assert run("read", seven, three, seven) == Ended(0, [f"{seven}\t7", f"{three}\t3", f"{seven}\t7"], [])


def test_read_is_the_default_command(run: Run, three: Path, seven: Path) -> None:
    assert run(three) == Ended(0, ["3"], [])
    assert run(three, "--format", "text", seven).out == [f"{three}\t3", f"{seven}\t7"]
    assert run("--format", "text", three).out == ["3"]


def test_a_picture_named_like_a_command_is_read_after_a_folder(
    run: Run, three: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    three.rename(three.with_name("train"))
    monkeypatch.chdir(three.parent)
    assert run("read", "train").out == ["3"]
    assert run("./train").out == ["3"]


def test_a_picture_whose_name_begins_with_a_dash_is_read_after_two(
    run: Run, three: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    three.rename(three.with_name("--debug"))
    monkeypatch.chdir(three.parent)
    assert run("read", "--", "--debug") == Ended(0, ["3"], [])


def test_a_refused_picture_prints_an_empty_text_and_says_why(run: Run, three: Path, blank: Path) -> None:
    why = f"inkread: {blank}: not read: there is no writing on this picture"
    assert run("read", blank) == Ended(0, [""], [why])
    assert run("read", blank, three) == Ended(0, [f"{blank}\t", f"{three}\t3"], [why])


def test_the_lines_of_a_page_are_joined_by_bars_where_several_pictures_are_read(
    run: Run, three: Path, tmp_path: Path
) -> None:
    page = tmp_path / "page.png"
    Image.fromarray(draw_sheet(["314", "2718"], rng=np.random.default_rng(0))).save(page)
    assert run("read", page).out == ["314", "2718"]
    assert run("read", three, page).out == [f"{three}\t3", f"{page}\t314|2718"]


# What is not in the text


@pytest.fixture
def printed(tmp_path: Path) -> Path:
    Image.fromarray(form()).save(tmp_path / "form.png")
    return tmp_path / "form.png"


def test_what_is_seen_and_not_in_the_text_is_counted_on_stderr(run: Run, printed: Path) -> None:
    ended = run("read", printed)
    assert (ended.code, ended.out) == (0, list(FORM_LINES))
    (line,) = ended.err
    assert line == f"inkread: {printed}: not in the text: {count_unread(inkread.read(printed).unread)}"
    assert "printed text" in line
    table = run("read", printed, "--format", "csv")
    assert next(csv.reader(table.out)) == COLUMNS
    assert len(table.out) == 1 + len(FORM_LINES)
    assert table.err == ended.err


def test_json_says_where_and_why_and_nothing_on_stderr(run: Run, printed: Path) -> None:
    ended = run("read", printed, "--format", "json")
    unread = json.loads(ended.out[0])["unread"]
    assert ended.err == []
    assert {place["reason"] for place in unread} <= {"print", "word"}
    for place in unread:
        x, y, w, h = place["box"]
        assert 0 <= x < x + w <= 700
        assert 0 <= y < y + h < 60
    assert Reading.from_json(ended.out[0]) == inkread.read(printed)


def test_a_refusal_and_what_was_seen_are_one_line(run: Run, tmp_path: Path) -> None:
    Image.fromarray(word_alone()).save(tmp_path / "words.png")
    ended = run("read", tmp_path / "words.png")
    assert (ended.code, ended.out) == (0, [""])
    (line,) = ended.err
    assert "not read: there is something on this picture, but no digit (" in line


def test_each_reason_is_counted_in_words() -> None:
    reasons = ("drawing", "word", "struck", "word", "print", "unsure", "print")
    unread = [Unread(Box(0, 0, 1, 1), reason) for reason in reasons]  # type: ignore[arg-type]
    assert count_unread(unread) == "2 words, 2 printed texts, 1 drawing, 1 struck out, 1 unsure"
    assert count_unread(unread[:1]) == "1 drawing"
    assert count_unread([]) == ""


# JSON


def test_json_is_an_object_a_picture_and_line(run: Run, three: Path, seven: Path) -> None:
    ended = run("read", three, seven, "--format", "json")
    assert ended.code == 0
    assert ended.err == []
    for line, path, digit in zip(ended.out, (three, seven), (3, 7), strict=True):
        reading = json.loads(line)
        assert list(reading) == KEYS
        assert reading["picture"] == str(path)
        assert reading["text"] == str(digit)
        assert reading["lines"] == [str(digit)]
        assert reading["refused"] is None
        (only,) = reading["digits"]
        assert list(only) == DIGIT_KEYS
        assert only["digit"] == digit
        assert only["line"] == 0
        assert type(only["digit"]) is int
        assert type(only["confidence"]) is type(reading["confidence"]) is float
        assert [type(number) for number in only["probabilities"]] == [float] * 10
        assert [type(number) for number in only["box"]] == [int] * 4
        assert only["confidence"] == only["probabilities"][digit]
        assert reading["signs"] == []
        (number,) = reading["numbers"]
        assert list(number) == NUMBER_KEYS
        assert number == {
            "text": str(digit),
            "read": None,
            "value": str(digit),
            "kind": "integer",
            "confidence": only["confidence"],
            "box": only["box"],
            "line": 0,
            "row": None,
            "column": None,
            "field": None,
        }
        assert 0.9 < reading["confidence"] <= only["confidence"], "what speaks against the page counts in its text"


def test_json_says_what_python_says(run: Run, three: Path) -> None:
    (line,) = run("read", three, "--format", "json").out
    assert Reading.from_json(line) == inkread.read(three)


def test_json_of_a_refused_picture_names_the_reason(run: Run, blank: Path) -> None:
    ended = run("read", blank, "--format", "json")
    assert ended.code == 0
    assert [json.loads(line) for line in ended.out] == [
        {
            "picture": str(blank),
            "page": 1,
            "text": "",
            "lines": [],
            "confidence": None,
            "refused": {"code": "blank", "message": "there is no writing on this picture"},
            "numbers": [],
            "digits": [],
            "signs": [],
            "unread": [],
            "tables": [],
        }
    ]


def test_json_of_a_failure_names_the_error_and_the_others_are_still_read(
    run: Run, three: Path, seven: Path, missing: Path
) -> None:
    ended = run("read", three, missing, seven, "--format", "json")
    message = f"{missing}: no such file; check the name and the folder"
    assert ended.code == 1
    assert json.loads(ended.out[1]) == {"picture": str(missing), "error": {"code": "missing", "message": message}}
    assert [json.loads(ended.out[index])["text"] for index in (0, 2)] == ["3", "7"]
    assert ended.err == [f"inkread: {message}"]


def test_json_keeps_names_in_any_script(run: Run, three: Path) -> None:
    path = three.rename(three.with_name('drei "3" три.png'))
    (line,) = run("read", path, "--format", "json").out
    assert "три" in line
    assert json.loads(line)["picture"] == str(path)


# CSV


def rows_of(ended: Ended) -> list[dict[str, str]]:
    assert ended.out[0].split(",") == COLUMNS
    return list(csv.DictReader(io.StringIO("\n".join(ended.out))))


def test_csv_is_a_row_a_number_under_one_header(run: Run, three: Path, seven: Path) -> None:
    rows = rows_of(run("read", three, seven, "--format", "csv"))
    assert len(rows) == 2
    for row, path in zip(rows, (three, seven), strict=True):
        (number,) = inkread.read(path).numbers
        assert row == dict.fromkeys(COLUMNS, "") | {
            "picture": str(path),
            "page": "1",
            "line": "1",
            "text": number.text,
            "value": number.text,
            "kind": "integer",
            "confidence": str(number.confidence),
            **dict(zip("xywh", map(str, number.box), strict=True)),
        }


def test_csv_of_digits_is_a_row_a_digit(run: Run, three: Path, blank: Path) -> None:
    ended = run("read", three, blank, "--format", "csv", "--digits")
    assert tuple(ended.out[0].split(",")) == DIGIT_COLUMNS
    row, refused = csv.DictReader(io.StringIO("\n".join(ended.out)))
    (digit,) = inkread.read(three).digits
    assert row == dict.fromkeys(DIGIT_COLUMNS, "") | {
        "picture": str(three),
        "page": "1",
        "line": "1",
        "number": "1",
        "position": "1",
        "digit": "3",
        "confidence": str(digit.confidence),
        **dict(zip("xywh", map(str, digit.box), strict=True)),
    }
    assert refused["refused"] == "blank"


def test_digits_without_csv_are_refused(run: Run, three: Path) -> None:
    ended = run("read", three, "--digits")
    assert ended.code == 2
    assert ended.err == ["inkread: --digits is for --format csv; with --format json the digits are always there"]


def test_csv_keeps_a_row_for_pictures_that_were_refused_or_failed(
    run: Run, three: Path, blank: Path, missing: Path
) -> None:
    ended = run("read", blank, missing, three, "--format", "csv")
    assert ended.code == 1
    refused, failed, read = rows_of(ended)
    assert refused == dict.fromkeys(COLUMNS, "") | {"picture": str(blank), "page": "1", "refused": "blank"}
    assert failed == dict.fromkeys(COLUMNS, "") | {"picture": str(missing), "error": "missing"}
    assert read["text"] == "3"
    assert ended.err == [
        f"inkread: {blank}: not read: there is no writing on this picture",
        f"inkread: {missing}: no such file; check the name and the folder",
    ]


def test_csv_quotes_names_that_need_it(run: Run, three: Path) -> None:
    path = three.rename(three.with_name('a,b "c".png'))
    (row,) = rows_of(run("read", path, "--format", "csv"))
    assert row["picture"] == str(path)


# Standard input


def test_a_dash_reads_standard_input(three: Path) -> None:
    for words in (["-"], ["read", "-"]):
        done = inkread_process(*words, input=three.read_bytes())
        assert (done.returncode, done.stdout.split(), done.stderr) == (0, [b"3"], b"")


def test_standard_input_has_one_name_whether_it_is_read_or_not(three: Path, tmp_path: Path) -> None:
    read = inkread_process("-", three, "--format", "json", "--figure", tmp_path, input=three.read_bytes())
    failed = inkread_process("-", three, "--format", "json", input=b"")
    assert (read.returncode, failed.returncode) == (0, 1)
    assert json.loads(read.stdout.splitlines()[0])["picture"] == "<stdin>"
    failure = json.loads(failed.stdout.splitlines()[0])
    assert failure["picture"] == "<stdin>"
    assert failure["error"]["code"] == "empty"
    assert (tmp_path / "stdin.steps.png").is_file()


# Figures


def test_reading_leaves_nothing_in_the_home_folder(three: Path, tmp_path: Path) -> None:
    """ONNX Runtime would keep a number for the device there, and send events under it."""
    home = tmp_path / "home"
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "ORT_", "INKREAD_"))
    }
    ended = inkread_process(three, env=environment | {"HOME": str(home), "USERPROFILE": str(home)})
    assert (ended.stdout, ended.stderr, ended.returncode) == (b"3\n", b"", 0)
    assert not home.exists()


@pytest.fixture
def no_display(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Have matplotlib find no display, and give the folder for temporary files."""
    import matplotlib

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    matplotlib.use("agg", force=True)
    return tmp_path


def assert_is_a_figure(path: Path) -> None:
    with Image.open(path) as image:
        assert image.width > 1000
        assert image.height > 200
        assert len(np.unique(np.asarray(image.convert("L")))) > 50


@pytest.mark.usefixtures("without_mnist")
def test_a_figure_is_written_beside_the_text(run: Run, three: Path, tmp_path: Path) -> None:
    before = set(tmp_path.iterdir())
    assert run("read", three, "--figure", tmp_path / "steps.png") == Ended(0, ["3"], [])
    assert set(tmp_path.iterdir()) - before == {tmp_path / "steps.png"}
    assert_is_a_figure(tmp_path / "steps.png")


def test_the_figure_shows_the_nearest_training_image_where_mnist_is_at_hand(
    run: Run, data: Path, three: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INKREAD_DATA", str(data))
    assert run("read", three, "--figure", tmp_path / "steps.svg").code == 0
    texts = (tmp_path / "steps.svg").read_text(encoding="utf-8")
    assert "the nearest 3 in MNIST" in texts


@pytest.mark.usefixtures("without_mnist")
def test_the_suffix_chooses_the_format_of_the_figure(run: Run, blank: Path, tmp_path: Path) -> None:
    assert run("read", blank, "--figure", tmp_path / "steps.PDF").code == 0
    assert (tmp_path / "steps.PDF").read_bytes().startswith(b"%PDF")


@pytest.mark.usefixtures("without_mnist")
def test_figures_of_several_pictures_go_into_a_folder_each_under_its_name(
    run: Run, three: Path, seven: Path, missing: Path, tmp_path: Path
) -> None:
    folder, elsewhere = tmp_path / "figures", tmp_path / "elsewhere"
    folder.mkdir()
    elsewhere.mkdir()
    same_name = paint(elsewhere / "three.jpg", 4)
    ended = run("read", three, seven, missing, same_name, "--figure", folder)
    assert ended.code == 1
    assert ended.out == [f"{three}\t3", f"{seven}\t7", f"{same_name}\t4"]
    names = ["seven.steps.png", "three-2.steps.png", "three.steps.png"]
    assert sorted(path.name for path in folder.iterdir()) == names
    for name in names:
        assert_is_a_figure(folder / name)


def test_several_pictures_need_a_folder_for_their_figures(run: Run, three: Path, missing: Path) -> None:
    ended = run("read", three, missing, "--figure", three.with_name("steps.png"))
    assert (ended.code, ended.out) == (2, [])
    assert "for 2 pictures or pages name an existing folder" in ended.err[0]


@pytest.mark.parametrize("name", ["steps.xyz", "steps", "no folder/steps.png"])
def test_a_figure_that_cannot_be_written_is_refused_before_anything_is_read(
    run: Run, missing: Path, tmp_path: Path, name: str
) -> None:
    # Were the model or the picture opened first, the exit code would be 4 or 1.
    ended = run("read", missing, "--model", tmp_path / "nothing.onnx", "--figure", tmp_path / name)
    assert (ended.code, ended.out, len(ended.err)) == (2, [], 1)
    assert name in ended.err[0]
    assert not (tmp_path / name).exists()


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs a folder that not even root can write to")
def test_a_folder_that_cannot_be_written_to_is_named(run: Run, three: Path) -> None:
    ended = run("read", three, "--figure", "/proc/steps.png")
    assert (ended.code, ended.out) == (2, ["3"])
    assert "/proc/steps.png: cannot be written" in ended.err[0]


@pytest.mark.usefixtures("without_mnist")
def test_show_without_a_display_says_where_the_figure_is(run: Run, three: Path, no_display: Path) -> None:
    ended = run("read", three, "--show")
    assert (ended.code, ended.out) == (0, ["3"])
    path = Path(ended.err[0].removeprefix("inkread: there is no display; the figure is in "))
    assert no_display in path.parents
    assert path.name == "three.steps.png"
    assert_is_a_figure(path)


# Options


def test_of_a_region_boxes_are_those_of_the_whole_picture(run: Run, printed: Path) -> None:
    region = ",".join(map(str, BELOW_PRINT))
    ended = run("read", printed, "--region", region, "--format", "json")
    reading, whole = json.loads(ended.out[0]), inkread.read(printed)
    assert (reading["lines"], reading["unread"]) == (list(FORM_LINES), [])
    for part, digit in zip(reading["digits"], whole.digits, strict=True):
        assert Box(*part["box"]).overlap(digit.box) > 0.8
    assert run("read", printed, "--region", region) == Ended(0, list(FORM_LINES), [])


def test_a_region_outside_the_picture_fails_and_the_others_are_read(run: Run, three: Path, printed: Path) -> None:
    ended = run("read", printed, three, "--region", "0,60,700,361", "--format", "json")
    codes = [json.loads(line)["error"]["code"] for line in ended.out]
    assert (ended.code, codes) == (1, ["bad-region", "bad-region"])
    assert "does not lie inside this picture of 700 x 420 pixels" in ended.err[0]


@pytest.mark.parametrize(
    "region", ["", "1,2,3", "1,2,3,4,5", "a,b,c,d", "1,2,3,0", "-1,2,3,4", "1.5,2,3,4", "1;2;3;4", f"{10**12},0,1,1"]
)
def test_a_malformed_region_is_one_line_before_anything_is_read(run: Run, missing: Path, region: str) -> None:
    ended = run("read", missing, "--region", region)
    assert (ended.code, ended.out, len(ended.err)) == (2, [], 1)
    assert f"region={region}: give X,Y,W,H in whole pixels" in ended.err[0]


def test_print_and_region_reach_the_reader(run: Run, three: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[ReadOptions] = []

    def run_many(_: Reader, pictures: Iterable[object], options: ReadOptions) -> list[Reading]:
        asked.append(options)
        return [Reading(str(three)) for _ in pictures]

    monkeypatch.setattr(Reader, "run_many", run_many)
    assert run("read", three, "--print", "skip", "--region", " 1, 2,3,4").code == 0
    assert asked == [ReadOptions(print_="skip", region=(1, 2, 3, 4))]
    ended = run("read", three, "--print", "sometimes")
    assert (ended.code, len(ended.err)) == (2, 1)


def test_the_help_teaches_region_and_print(run: Run) -> None:
    shown = " ".join(run("read", "--help").out)
    assert "--region 120,40,300,80 --print skip" in shown


def test_min_confidence_refuses_what_is_less_sure(run: Run, three: Path) -> None:
    ended = run("read", three, "--min-confidence", "1", "--format", "json")
    refused = json.loads(ended.out[0])["refused"]
    assert ended.code == 0
    assert refused["code"] == "unsure"
    assert refused["message"].startswith("3 or ")


@pytest.mark.parametrize(
    "words",
    [
        ["--min-confidence", "2"],
        ["--min-confidence", "-0.1"],
        ["--min-confidence", "much"],
        ["--format", "xml"],
        ["--as", "letter"],
        ["--no-such-option"],
        ["--figure"],
    ],
    ids=" ".join,
)
def test_a_bad_option_ends_with_2_and_one_line_that_names_it(run: Run, three: Path, words: Sequence[str]) -> None:
    for command in (["read", three], [three]):
        ended = run(*command, *words)
        assert (ended.code, ended.out, len(ended.err)) == (2, [], 1)
        assert words[0] in ended.err[0]
        assert "--help'" in ended.err[0]


@pytest.mark.parametrize("as_", ["auto", "digit"])
def test_what_a_picture_holds_may_be_said(run: Run, three: Path, as_: str) -> None:
    assert run("read", three, "--as", as_).out == ["3"]


def test_without_words_the_help_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    for words, what in (([], "train"), (["read"], "--min-confidence")):
        assert main(words) == 2
        captured = capsys.readouterr()
        assert what in captured.out + captured.err


@pytest.mark.parametrize("words", [["-h"], ["--help"], ["read", "--help"], ["evaluate", "-h"]], ids=" ".join)
def test_help_ends_with_0(capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    assert main(words) == 0
    assert "Usage: inkread" in capsys.readouterr().out


def test_version_is_that_of_the_package(run: Run) -> None:
    assert run("--version") == Ended(0, [f"inkread {inkread.__version__}"], [])


# Failures


def test_a_failed_picture_ends_with_1_and_one_line_and_the_others_are_read(
    run: Run, three: Path, seven: Path, missing: Path, tmp_path: Path
) -> None:
    (tmp_path / "notes.png").write_text("3")
    ended = run("read", three, missing, tmp_path / "notes.png", seven)
    assert ended.code == 1
    assert ended.out == [f"{three}\t3", f"{seven}\t7"]
    assert [line.split(": ")[1] for line in ended.err] == [str(missing), str(tmp_path / "notes.png")]


def test_a_heic_picture_without_the_extra_fails_alone(
    run: Run, three: Path, seven: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    (tmp_path / "photo.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(100))
    ended = run("read", three, tmp_path / "photo.heic", seven)
    assert (ended.code, len(ended.out)) == (1, 2)
    assert way_to_install("heic") in ended.err[0]


def test_a_missing_extra_ends_with_3(run: Run, three: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # This comes with Keras.
    monkeypatch.setitem(sys.modules, "h5py", None)
    (tmp_path / "mnist.keras").write_bytes(b"PK")
    ended = run("read", three, "--model", tmp_path / "mnist.keras")
    assert (ended.code, ended.out, len(ended.err)) == (3, [], 1)
    assert way_to_install("train") in ended.err[0]


def test_a_missing_model_ends_with_4(run: Run, three: Path, tmp_path: Path) -> None:
    for name in ("nothing", "nothing.onnx", "nothing.keras"):
        ended = run("read", three, "--model", tmp_path / name)
        assert (ended.code, ended.out, len(ended.err)) == (4, [], 1)
        assert f"{tmp_path / name}: no such model" in ended.err[0]


def test_a_damaged_model_ends_with_4(run: Run, three: Path, tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"not a network")
    for model in (tmp_path, tmp_path / "model.onnx"):
        ended = run("read", three, "--model", model)
        assert (ended.code, ended.out, len(ended.err)) == (4, [], 1)
        assert f"{tmp_path / 'model.onnx'}: not an ONNX model" in ended.err[0]


def test_a_model_of_another_shape_ends_with_4(
    run: Run, three: Path, tmp_path: Path, write_network: Callable[..., Path]
) -> None:
    for model, complaint in (
        (write_network(tmp_path / "five.onnx", classes=5), "gives (5,) outputs"),
        (write_network(tmp_path / "small.onnx", side=20), "takes (N, 20, 20, 1) as tensor(float), but inkread gives"),
    ):
        ended = run("read", three, "--model", model)
        assert (ended.code, ended.out, len(ended.err)) == (4, [], 1)
        assert ended.err[0].startswith(f"inkread: {model}: {complaint}")


def test_debug_shows_where_a_failure_comes_from(run: Run, three: Path, missing: Path, tmp_path: Path) -> None:
    for words, code in ((["--debug", missing], 1), (["read", three, "--model", missing, "--debug"], 4)):
        ended = run(*words)
        assert ended.code == code
        assert "Traceback (most recent call last):" in ended.err
        assert ended.err[-1].startswith(f"inkread: {missing}: ")
    assert run(three, "--debug") == Ended(0, ["3"], [])


def test_a_defect_of_ours_ends_in_one_line_too(run: Run, three: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> Reading:
        raise RuntimeError("first\nsecond")

    monkeypatch.setattr(Reader, "run", fail)
    ended = run(three)
    assert (ended.code, len(ended.err)) == (1, 1)
    assert "a bug in inkread (RuntimeError: first second)" in ended.err[0]


def test_ctrl_c_ends_with_130(run: Run, three: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: Any, **__: Any) -> Reading:
        raise KeyboardInterrupt

    monkeypatch.setattr(Reader, "run", interrupt)
    assert run(three) == Ended(130, [], ["inkread: interrupted"])


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT")
def test_ctrl_c_while_waiting_for_standard_input_ends_with_130(three: Path) -> None:
    # The number of pictures that are taken before the first is printed.
    ahead = 2 * (os.cpu_count() or 1)
    command = [sys.executable, "-m", "inkread", *[str(three)] * (ahead + 2), "-"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        for _ in range(3):
            assert process.stdout.readline() == f"{three}\t3\n".encode()
        # Now it is the turn of standard input.
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=20) == 130
        assert process.stderr.read() == b"inkread: interrupted\n"


def test_output_that_nobody_reads_on_ends_quietly(three: Path) -> None:
    command = [sys.executable, "-m", "inkread", *[str(three)] * 200]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == f"{three}\t3\n".encode()
        # This is what `head -1` does.
        process.stdout.close()
        assert (process.wait(timeout=60), process.stderr.read()) == (0, b"")


def test_warnings_of_the_libraries_below_do_not_reach_the_user(tmp_path: Path) -> None:
    # Pillow warns about it.
    Image.new("1", (9500, 9500), 1).save(tmp_path / "large.png")
    done = inkread_process(tmp_path / "large.png", env={**os.environ, "PYTHONWARNINGS": ""})
    assert done.returncode == 0
    assert done.stderr.decode().splitlines() == [
        f"inkread: {tmp_path / 'large.png'}: not read: there is no writing on this picture"
    ]


def test_the_command_and_the_module_are_the_same(three: Path) -> None:
    command = Path(sys.executable).with_name("inkread")
    done = subprocess.run([command, str(three)], capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stdout.split()) == (0, [b"3"])


@pytest.mark.parametrize(
    ("words", "without"),
    [
        (["--help"], ["PIL", "cv2", "numpy", "onnxruntime"]),
        (["read", "--help"], ["PIL", "cv2", "numpy", "onnxruntime"]),
        (["read", "three.png"], ["hashlib", "html", "numpy.ma", "pydantic", "rich", "typer"]),
        (["three.png"], ["hashlib", "html", "numpy.ma", "pydantic", "rich", "typer"]),
    ],
    ids=" ".join,
)
def test_a_command_line_imports_only_what_it_needs(three: Path, words: list[str], without: list[str]) -> None:
    code = (
        "import sys; from inkread.cli import main\n"
        f"assert main({[str(three) if word == 'three.png' else word for word in words]!r}) == 0\n"
        f"print([name for name in {without!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stderr.splitlines()[-1] == "[]"
