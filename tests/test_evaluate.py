"""`inkread evaluate`: how many labelled digits a model reads right, counted right."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from inkread import DataError
from inkread.cli import main
from inkread.datasets import Mnist
from inkread.drawing import draw_digit
from inkread.evaluation.evaluate import Answer, Evaluation, compare, evaluate
from inkread.evaluation.statistics import calibration_error, wilson_interval

KEYS = [
    *("accuracy", "data", "model", "right", "of", "interval", "refused", "failed", "groups", "confusion", "seconds"),
    *("by_class", "by_capture", "by_source", "calibration_error", "misses"),
]


def paint(path: Path, digit: int) -> Path:
    picture = draw_digit(digit, rng=np.random.default_rng(digit), size=(150, 130), pen="felt-tip")
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture).save(path)
    return path


def blank(path: Path) -> Path:
    Image.new("L", (50, 50), 255).save(path, "PNG")
    return path


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    """Return a folder of folders: eight right, a 7 among the 1s, one blank, one no picture."""
    for name, digit in (("1/a.png", 1), ("1/b.jpg", 1), ("1/c.PNG", 7), ("7/a.png", 7), ("4/a.bmp", 4)):
        paint(tmp_path / name, digit)
    for name, digit in (("0/a.png", 0), ("0/b.png", 0), ("9/a.webp", 9), ("5/a.png", 5)):
        paint(tmp_path / name, digit)
    blank(tmp_path / "4" / "blank.png")
    (tmp_path / "4" / "broken.png").write_bytes(b"no picture")
    (tmp_path / "4" / "notes.txt").write_text("not counted")
    paint(tmp_path / "ten" / "not counted.png", 3)
    return tmp_path


def write_index(folder: Path, text: str) -> Path:
    path = folder / "index.csv"
    path.write_text(text, encoding="utf-8")
    return path


def as_json(capsys: pytest.CaptureFixture[str], *words: str | Path) -> dict[str, Any]:
    """Return what is printed of `folders`, where one picture is none."""
    assert main(["evaluate", *map(str, words), "--format", "json"]) == 1
    captured = capsys.readouterr()
    (failure,) = captured.err.splitlines()
    assert "broken.png: this is not a picture" in failure
    (line,) = captured.out.splitlines()
    result: dict[str, Any] = json.loads(line)
    return result


# Pictures in folders named by their digit


def test_pictures_in_folders_are_counted(folders: Path) -> None:
    result = evaluate(str(folders))
    assert (result.right, result.of) == (8, 11)
    assert (result.refused, result.failed) == (1, 1)
    assert result.accuracy == 8 / 11
    assert result.interval == wilson_interval(8, 11)
    assert result.groups == {}
    assert result.data == str(folders)
    assert 0 < result.seconds < 60


def test_misses_say_what_was_read_instead(folders: Path) -> None:
    answers = {Path(miss.picture).name: (miss.label, miss.answer) for miss in evaluate(str(folders)).misses}
    expected = {"c.PNG": ("1", "7"), "blank.png": ("4", "<blank>"), "broken.png": ("4", "<not-a-picture>")}
    assert answers == expected


def test_a_miss_is_as_sure_as_its_reading_was(folders: Path) -> None:
    by_name = {Path(miss.picture).name: miss.confidence for miss in evaluate(str(folders)).misses}
    confidence = by_name["c.PNG"]
    assert confidence is not None
    assert 0 < confidence <= 1
    assert by_name["blank.png"] is by_name["broken.png"] is None


def test_every_picture_has_an_answer_and_what_was_read_a_confidence(folders: Path) -> None:
    result = evaluate(str(folders))
    assert len(result.answers) == result.of
    assert [answer for answer in result.answers if not answer.right] == result.misses
    confidences, right = result.confidences
    assert confidences.dtype == np.float64
    assert len(confidences) == len(right) == result.of - result.refused - result.failed
    assert right.sum() == result.right
    sure = [answer.confidence for answer in result.answers if answer.confidence is not None]
    assert confidences.tolist() == sure
    assert result.calibration_error == calibration_error(confidences, right)


def test_where_nothing_was_read_there_are_no_confidences(tmp_path: Path) -> None:
    (tmp_path / "4").mkdir()
    blank(tmp_path / "4" / "blank.png")
    result = evaluate(str(tmp_path))
    assert [len(values) for values in result.confidences] == [0, 0]
    assert result.calibration_error is None


def test_the_confusion_matrix_counts_what_was_read_by_rows_of_truth(folders: Path) -> None:
    result = evaluate(str(folders))
    matrix = np.array(result.confusion)
    assert matrix.shape == (10, 10)
    assert matrix.sum() == result.of - result.refused - result.failed
    assert np.trace(matrix) == result.right
    assert matrix[1, 7] == 1
    assert matrix.sum(axis=1).tolist() == [2, 3, 0, 0, 1, 1, 0, 1, 0, 1]


def test_progress_tells_how_many_are_done(folders: Path) -> None:
    told: list[tuple[int, int]] = []
    evaluate(str(folders), progress=lambda done, of: told.append((done, of)))
    assert told == [(done, 11) for done in range(1, 12)]


# An index


def test_an_index_names_pictures_beside_it_with_labels_and_groups(tmp_path: Path) -> None:
    paint(tmp_path / "scans" / "a.png", 2)
    paint(tmp_path / "b.png", 6)
    paint(tmp_path / "c.png", 8)
    blank(tmp_path / "d.png")
    index = write_index(
        tmp_path,
        "file,source,label,kind,capture\n"
        "scans/a.png,us,2,single,scan\n"
        "b.png,us,6,single,photo\n"
        "c.png,us,3,single,photo\n"
        "d.png,us,0,single,photo\n"
        "missing.png,us,1,single,scan\n",
    )
    result = evaluate(str(index))
    assert (result.right, result.of, result.refused, result.failed) == (2, 5, 1, 1)
    assert result.groups == {"single scan": (1, 2), "single photo": (1, 3)}
    assert [miss.answer for miss in result.misses] == ["8", "<blank>", "<missing>"]
    assert [Path(miss.picture) for miss in result.misses] == [tmp_path / n for n in ("c.png", "d.png", "missing.png")]
    assert np.array(result.confusion).sum() == 3


def test_an_index_is_scored_by_class_capture_and_source(tmp_path: Path) -> None:
    for digit in (2, 6):
        paint(tmp_path / f"{digit}.png", digit)
    rows = ["2.png,a,2,single,scan", "6.png,a,6,single,photo", "2.png,b,3,single,photo", "6.png,b,66,line,photo"]
    result = evaluate(str(write_index(tmp_path, "\n".join(["file,source_repo,label,kind,capture", *rows]))))
    told = result.to_dict()
    # This counts only single digits.
    assert told["by_class"] == {"2": [1, 1], "3": [0, 1], "6": [1, 1]}
    assert told["by_capture"] == {"photo": [1, 3], "scan": [1, 1]}
    assert told["by_source"] == {"a": [2, 2], "b": [0, 2]}


def test_the_column_source_goes_before_source_repo(tmp_path: Path) -> None:
    paint(tmp_path / "a.png", 2)
    result = evaluate(str(write_index(tmp_path, "file,label,source,source_repo\na.png,2,mine,theirs\n")))
    assert list(result.by("source")) == ["mine"]


def test_what_lies_between_a_picture_and_its_answer_can_be_shown(folders: Path) -> None:
    result = evaluate(str(folders))
    by_name = {Path(miss.picture).name: result.show(miss) for miss in result.misses}
    shown = by_name["c.PNG"]
    assert shown is not None
    assert shown.picture is not None
    assert shown.ink is not None
    assert shown.picture.shape == (*shown.ink.shape, 3)
    assert shown.glyphs.shape == (1, 28, 28)
    blank = by_name["blank.png"]
    assert blank is not None
    assert len(blank.glyphs) == 0
    assert by_name["broken.png"] is None


# Two models


def test_two_models_are_compared_picture_by_picture(folders: Path) -> None:
    first = evaluate(str(folders))
    worse = [
        Answer(a.picture, a.label, "9" if a.label == "0" else a.label if a.answer == "7" else a.answer, a.confidence)
        for a in first.answers
    ]
    second = replace(first, answers=worse, right=sum(answer.right for answer in worse))
    found = compare(first, second)
    assert (found.only_first, found.only_second) == (2, 1)
    assert found.difference == pytest.approx(-1 / 11)
    assert found.p == 1
    assert found.verdict == "the difference may be chance"
    low, high = found.interval
    assert low < found.difference < high


def test_other_pictures_cannot_be_compared(folders: Path) -> None:
    first = evaluate(str(folders))
    with pytest.raises(ValueError, match="different pictures"):
        compare(first, replace(first, answers=first.answers[::-1]))


def test_against_tells_the_other_model_and_the_test(folders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = as_json(capsys, "--data", folders, "--against", "tiny")
    assert list(result) == [*KEYS, "against"]
    assert result["against"]["model"] == "tiny"
    assert 0 <= result["against"]["p"] <= 1
    assert main(["evaluate", "--data", str(folders), "--against", "tiny"]) == 1
    captured = capsys.readouterr()
    assert "against tiny: " in captured.out
    # It is named once, not once per model.
    assert captured.err.count("broken.png") == 1


def test_a_missing_model_to_compare_with_ends_with_4(folders: Path) -> None:
    assert main(["evaluate", "--data", str(folders), "--against", str(folders / "nothing.onnx")]) == 4


def test_the_whole_text_must_be_right(tmp_path: Path) -> None:
    paint(tmp_path / "a.png", 2)
    result = evaluate(str(write_index(tmp_path, "file,label\na.png,22\na.png,2|2\na.png,2\n")))
    assert (result.right, result.of) == (1, 3)
    assert [miss.label for miss in result.misses] == ["22", "2|2"]
    # Only the label of a single digit is in the matrix.
    assert np.array(result.confusion).sum() == 1


def test_an_index_saved_by_a_spreadsheet_is_read(tmp_path: Path) -> None:
    paint(tmp_path / "a, b.png", 2)
    path = tmp_path / "index.csv"
    path.write_bytes('file,label\r\n"a, b.png",2\r\n'.encode("utf-8-sig"))
    assert evaluate(str(path)).right == 1


@pytest.mark.parametrize("column", ["picture", "path", "file"])
@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_an_index_may_use_other_marks_and_names(tmp_path: Path, column: str, mark: str) -> None:
    paint(tmp_path / "a, b.png", 2)
    paint(tmp_path / "c.png", 6)
    rows = [[column, "label", "source"], ['"a, b.png"', "2", "us"], ["c.png", "6", "a; b"]]
    text = "\n".join(
        mark.join(f'"{cell}"' if mark in cell and '"' not in cell else cell for cell in row) for row in rows
    )
    result = evaluate(str(write_index(tmp_path, text)))
    assert (result.right, result.of) == (2, 2)
    assert list(result.by("source")) == ["a; b", "us"]


# Wrong data


WRONG: dict[str, tuple[Callable[[Path], Path], str]] = {
    "missing": (lambda folder: folder / "nothing", "no such folder or file"),
    "a folder without digits": (lambda folder: folder, "no pictures in folders named 0 to 9"),
    "an empty index": (lambda folder: write_index(folder, ""), "a header with 'picture' and 'label'"),
    "a header alone": (lambda folder: write_index(folder, "file,label\n"), "at least one row"),
    "other columns": (lambda folder: write_index(folder, "name,digit\na.png,1\n"), "a header with 'picture'"),
    "a letter": (
        lambda folder: write_index(folder, "file,label\na.png,1\nb.png,x\n"),
        "row 3 needs a picture and a label",
    ),
    "no label": (lambda folder: write_index(folder, "file,label\na.png\n"), "row 2 needs a picture and a label"),
    "no file": (lambda folder: write_index(folder, "file,label\n,1\n"), "row 2 needs a picture and a label"),
    "a picture": (lambda folder: blank(folder / "index.csv"), "not a CSV index"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_wrong_data_ends_with_4_and_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str) -> None:
    make, message = WRONG[kind]
    path = make(tmp_path)
    assert main(["evaluate", "--data", str(path)]) == 4
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    assert line.startswith(f"inkread: {path}: ")
    assert message in line


def test_without_mnist_it_ends_with_4(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INKREAD_DATA", str(tmp_path))
    assert main(["evaluate"]) == 4
    assert f"INKREAD_DATA={tmp_path}: no complete MNIST" in capsys.readouterr().err


def test_a_missing_model_is_told_before_anything_is_read(folders: Path) -> None:
    assert main(["evaluate", "--data", str(folders), "--model", str(folders / "nothing.onnx")]) == 4


def test_wrong_data_is_a_data_error(tmp_path: Path) -> None:
    with pytest.raises(DataError):
        evaluate(str(tmp_path))


# The command line


def test_json_is_one_object_with_every_miss(folders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = as_json(capsys, "--data", folders)
    assert list(result) == KEYS
    assert result["accuracy"] == result["right"] / result["of"] == 8 / 11
    assert len(result["misses"]) == 3
    by_name = {Path(miss["picture"]).name: miss for miss in result["misses"]}
    assert all(
        list(miss) == ["picture", "label", "text", "confidence", "refused", "error"] for miss in by_name.values()
    )
    assert (by_name["c.PNG"]["text"], by_name["c.PNG"]["refused"], by_name["c.PNG"]["error"]) == ("7", None, None)
    assert (by_name["blank.png"]["text"], by_name["blank.png"]["refused"]["code"]) == ("", "blank")
    assert (by_name["broken.png"]["text"], by_name["broken.png"]["error"]["code"]) == ("", "not-a-picture")
    assert np.array(result["confusion"]).shape == (10, 10)
    assert len(result["interval"]) == 2
    assert 0 <= result["calibration_error"] <= 1


def test_text_says_the_share_the_matrix_and_the_misses(folders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "--data", str(folders)]) == 1
    text = capsys.readouterr().out
    assert text.startswith("72.73% right: 8 of 11 (95% interval ")
    assert "counted as wrong: 1 refused, 1 could not be opened" in text
    assert "rows: true digit; columns: digit read" in text
    assert f"{folders / '1' / 'c.PNG'}: is 1, read 7" in text
    assert f"{folders / '4' / 'broken.png'}: is 4, read <not-a-picture>" in text


@pytest.mark.parametrize("format_", ["text", "json"])
def test_a_picture_that_cannot_be_opened_ends_with_1_and_its_cause_after_the_whole_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], format_: str
) -> None:
    paint(tmp_path / "7" / "a.png", 7)
    (tmp_path / "7" / "empty.png").write_bytes(b"")
    words = ["evaluate", "--data", str(tmp_path), "--format", format_, "--report", str(tmp_path / "report.html")]
    assert main(words) == 1
    captured = capsys.readouterr()
    assert (
        captured.err == f"inkread: {tmp_path / '7' / 'empty.png'}: the file is empty; save or copy the picture again\n"
    )
    assert "empty.png" in captured.out
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "empty.png" in page
    assert page.rstrip().endswith("</html>")


def test_a_refused_picture_alone_ends_with_0(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paint(tmp_path / "4" / "a.png", 4)
    blank(tmp_path / "4" / "blank.png")
    assert main(["evaluate", "--data", str(tmp_path)]) == 0
    captured = capsys.readouterr()
    assert "counted as wrong: 1 refused, 0 could not be opened" in captured.out
    assert captured.err == ""


def test_text_shows_groups_and_no_more_than_20_misses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paint(tmp_path / "a.png", 2)
    rows = ["a.png,2,good"] * 2 + ["a.png,3,[bold]odd"] * 25
    assert main(["evaluate", "--data", str(write_index(tmp_path, "\n".join(["file,label,kind", *rows])))]) == 0
    text = capsys.readouterr().out
    assert "  good                         2 of     2  100.00%" in text
    assert "0 of    25    0.00%" in text
    assert "[bold]odd" in text
    assert text.count("is 3, read 2") == 20
    assert "and 5 more; --format json lists them all" in text


# MNIST


@pytest.fixture(scope="module")
def on_mnist(data: Path) -> Evaluation:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("INKREAD_DATA", str(data))
        return evaluate("mnist")


def test_the_shipped_model_reads_mnist(on_mnist: Evaluation) -> None:
    assert on_mnist.data == "mnist"
    assert on_mnist.of == 10_000
    assert on_mnist.accuracy > 0.985
    assert (on_mnist.refused, on_mnist.failed) == (0, 0)


def test_every_image_of_mnist_has_an_answer_as_sure_as_it_is_right(on_mnist: Evaluation) -> None:
    confidences, right = on_mnist.confidences
    assert len(confidences) == 10_000
    assert right.sum() == on_mnist.right
    assert on_mnist.calibration_error is not None
    assert on_mnist.calibration_error < 0.02


def test_the_confusion_matrix_of_mnist_has_a_row_sum_for_each_class(on_mnist: Evaluation, mnist: Mnist) -> None:
    matrix = np.array(on_mnist.confusion)
    assert matrix.sum(axis=1).tolist() == np.bincount(mnist.test_labels, minlength=10).tolist()
    assert np.trace(matrix) == on_mnist.right == 10_000 - len(on_mnist.misses)


def test_the_card_of_the_shipped_model_tells_the_truth(on_mnist: Evaluation) -> None:
    from inkread import Reader

    assert on_mnist.accuracy == pytest.approx(Reader().card.test["accuracy"], abs=5e-4)
