"""`inkread evaluate --report`: one file that needs nothing else, says what was measured, and is whole or not there."""

from __future__ import annotations

import base64
import errno
import io
import re
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from inkread import evaluation
from inkread.cli import main
from inkread.drawing import draw_digit
from inkread.errors import OptionError
from inkread.evaluation import Answer, Evaluation, evaluate
from inkread.figures import report
from inkread.figures.reliability import draw_reliability
from inkread.figures.report import LEVELS, SHOWN_MISSES, check_report_path, report_of, save_report
from inkread.scores import wilson_interval

VOID = {"meta", "img"}
NASTY = """<b>&"'</b>"""


class Page(HTMLParser):
    """A report taken apart: its tags, its tables as rows of cells, and its text; every tag must be closed."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.tables: list[list[list[str]]] = []
        self.headings: list[str] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(source)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self._open.append(tag)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in {"td", "th"}:
            self.tables[-1][-1].append("")
        elif tag == "h2":
            self.headings.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] in {"td", "th"}:
            self.tables[-1][-1][-1] += data
        elif self._open and self._open[-1] == "h2":
            self.headings[-1] += data
        elif "style" not in self._open:
            self.text += data

    def table(self, heading: str) -> list[list[str]]:
        """Return the table whose first row begins with this heading, without that row."""
        (found,) = (table for table in self.tables if table[0][0] == heading)
        return found[1:]


def evaluation_of(
    answers: Sequence[Answer], *, data: str = "digits", groups: dict[str, tuple[int, int]] | None = None
) -> Evaluation:
    confusion = np.zeros((10, 10), int)
    for answer in answers:
        if answer.answer.isdigit():
            confusion[int(answer.label), int(answer.answer)] += 1
    right = sum(answer.right for answer in answers)
    return Evaluation(
        data=data,
        right=right,
        of=len(answers),
        interval=wilson_interval(right, len(answers)),
        refused=sum(answer.answer == "<blank>" for answer in answers),
        failed=sum(answer.answer == "<missing>" for answer in answers),
        groups=groups or {},
        confusion=confusion.tolist(),
        answers=list(answers),
        seconds=0.03,
    )


@pytest.fixture
def measured() -> Evaluation:
    """Return three right of six: a 4 read as 9, one refused and one missing."""
    return evaluation_of(
        [
            Answer("a.png", "1", "1", 0.55),
            Answer("b.png", "4", "9", 0.85),
            Answer("c.png", "7", "7", 0.97),
            Answer("d.png", "7", "7", 0.999),
            Answer("e.png", "3", "<blank>", None),
            Answer("f.png", "2", "<missing>", None),
        ],
        groups={"scan": (1, 4), "photo": (2, 2), "": (0, 1)},
    )


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    """Return a folder of folders: a 1 and a 4, and a 7 among the 4s."""
    for name, digit in (("1/a.png", 1), ("4/b.png", 4), ("4/c & <d>.png", 7)):
        path = tmp_path / "pictures" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        picture = draw_digit(digit, rng=np.random.default_rng(digit), size=(150, 130), pen="felt-tip")
        Image.fromarray(picture).save(path)
    return tmp_path / "pictures"


@pytest.fixture
def nothing_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail the test where a picture would be read."""

    def reads(*arguments: object, **options: object) -> None:
        raise AssertionError("the pictures were read, though the report cannot be written")

    monkeypatch.setattr(evaluation, "evaluate", reads)


# The page


def test_a_report_needs_nothing_else(measured: Evaluation) -> None:
    source = report_of(measured)
    page = Page(source)
    assert {tag for tag, _ in page.tags} & {"script", "link", "iframe", "object", "embed", "base", "form"} == set()
    for tag, attributes in page.tags:
        assert not {name for name in attributes if name.startswith("on")}
        if tag == "img":
            assert str(attributes["src"]).startswith("data:image/png;base64,")
        else:
            assert not attributes.keys() & {"src", "href", "srcset"}
    without_images = re.sub(r'"data:image/png;base64,[^"]*"', '""', source)
    assert not re.search(r"https?:|//|url\(|@import", without_images)


def test_the_diagram_is_a_picture_in_the_page_with_words_for_those_who_cannot_see_it(measured: Evaluation) -> None:
    (image,) = (attributes for tag, attributes in Page(report_of(measured)).tags if tag == "img")
    content = base64.b64decode(str(image["src"]).partition(",")[2], validate=True)
    with Image.open(io.BytesIO(content)) as picture:
        assert picture.format == "PNG"
        assert picture.width == 2 * int(str(image["width"]))
    assert "confidence" in str(image["alt"])


def test_a_report_is_a_whole_page_in_utf8_for_screens_of_any_width(measured: Evaluation) -> None:
    source = report_of(measured)
    assert source.startswith("<!doctype html>")
    tags = Page(source).tags
    assert ("html", {"lang": "en"}) in tags
    assert ("meta", {"charset": "utf-8"}) in tags
    assert [attributes["content"] for _, attributes in tags if attributes.get("name") == "viewport"]


def test_the_report_begins_with_what_was_right(measured: Evaluation) -> None:
    text = Page(report_of(measured)).text
    assert "inkread on digits" in text
    assert "50.00%" in text
    assert "3 of 6 right" in text
    assert "from {:.2%} to {:.2%}".format(*measured.interval) in text
    assert "1 refused, 1 could not be opened" in text
    assert "5.0 ms each" in text


def test_groups_have_a_row_each_with_their_own_interval(measured: Evaluation) -> None:
    page = Page(report_of(measured))
    assert page.headings[0] == "Groups"
    assert page.table("group") == [
        ["(no group)", "0", "1", "0.00%", "{:.1%} to {:.1%}".format(*wilson_interval(0, 1))],
        ["photo", "2", "2", "100.00%", "{:.1%} to {:.1%}".format(*wilson_interval(2, 2))],
        ["scan", "1", "4", "25.00%", "{:.1%} to {:.1%}".format(*wilson_interval(1, 4))],
    ]


def test_without_groups_there_is_no_table_of_them(measured: Evaluation) -> None:
    page = Page(report_of(evaluation_of(measured.answers)))
    assert not any(table[0][0] == "group" for table in page.tables)
    assert "Groups" not in page.headings


def test_what_more_confidence_costs_has_a_row_for_each_level(measured: Evaluation) -> None:
    assert LEVELS == (0.0, 0.5, 0.8, 0.9, 0.95, 0.99)
    assert Page(report_of(measured)).table("--min-confidence") == [
        ["0%", "66.7%", "75.00%"],  # of six: one was refused, one could not be opened
        ["50%", "66.7%", "75.00%"],
        ["80%", "50.0%", "66.67%"],
        ["90%", "33.3%", "100.00%"],
        ["95%", "33.3%", "100.00%"],
        ["99%", "16.7%", "100.00%"],
    ]


def test_the_calibration_error_is_told(measured: Evaluation) -> None:
    # (0.45 + 0.85 + 2 * 0.0155) / 4, for 0.97 and 0.999 share a bin.
    assert "calibration error is 0.333" in Page(report_of(measured)).text


def test_an_answer_without_any_confidence_still_is_one() -> None:
    unsure = evaluation_of([Answer("a.png", "1", "7", 0.0), Answer("b.png", "1", "<blank>", None)])
    confidences, right = unsure.confidences
    assert (confidences.tolist(), right.tolist()) == ([0.0], [False])


def test_the_confusion_matrix_has_its_diagonal_marked_and_no_zeros(measured: Evaluation) -> None:
    source = report_of(measured)
    rows = Page(source).table("")
    assert [row[0] for row in rows] == list("0123456789")
    counts = {(row[0], str(answer)): cell for row in rows for answer, cell in enumerate(row[1:]) if cell}
    assert counts == {("1", "1"): "1", ("4", "9"): "1", ("7", "7"): "2"}
    assert "<td class=right>2</td>" in source
    assert source.count("<td class=right>") == 10


def test_misses_are_listed_the_surest_first(measured: Evaluation) -> None:
    answers = [*measured.answers, Answer("g.png", "0", "6", 0.91)]
    assert Page(report_of(evaluation_of(answers))).table("picture") == [
        ["g.png", "0", "6", "91.0%"],
        ["b.png", "4", "9", "85.0%"],
        ["e.png", "3", "<blank>", ""],
        ["f.png", "2", "<missing>", ""],
    ]


def test_no_more_misses_are_listed_than_people_read_and_the_rest_are_counted() -> None:
    answers = [Answer(f"{i}.png", "1", "7", 0.5 + i / 10_000) for i in range(SHOWN_MISSES + 1_234)]
    page = Page(report_of(evaluation_of(answers)))
    rows = page.table("picture")
    assert len(rows) == SHOWN_MISSES
    assert rows[0][0] == f"{len(answers) - 1}.png"
    assert "and 1,234 more" in page.text


def test_as_many_misses_as_are_shown_leave_no_rest() -> None:
    page = Page(report_of(evaluation_of([Answer("a.png", "1", "7", 0.9)] * SHOWN_MISSES)))
    assert len(page.table("picture")) == SHOWN_MISSES
    assert "more" not in page.text


def test_where_all_is_right_there_is_no_list_of_misses() -> None:
    page = Page(report_of(evaluation_of([Answer("a.png", "1", "1", 0.9)])))
    assert not any(table[0][0] == "picture" for table in page.tables)
    assert not any("Not right" in heading for heading in page.headings)


def test_names_are_shown_as_they_are_and_are_no_markup() -> None:
    answers = [Answer(f"{NASTY}.png", "1", "7", 0.9), Answer("b.png", "1", "1", 0.9)]
    nasty = evaluation_of(answers, data=NASTY, groups={NASTY: (0, 1), "other": (1, 1)})
    source = report_of(nasty)
    assert NASTY not in source
    page = Page(source)
    assert not any(tag == "b" for tag, _ in page.tags)
    assert f"inkread on {NASTY}" in page.text
    assert page.table("group")[0][0] == NASTY
    assert page.table("picture")[0][0] == f"{NASTY}.png"


def test_where_every_picture_was_refused_the_report_says_so_and_shows_no_diagram() -> None:
    refused = evaluation_of([Answer("a.png", "1", "<blank>", None), Answer("b.png", "2", "<missing>", None)])
    page = Page(report_of(refused))
    assert "0 of 2 right" in page.text
    assert "1 refused, 1 could not be opened" in page.text
    assert not any(tag == "img" for tag, _ in page.tags)
    assert not any("confidence" in heading for heading in page.headings)
    assert len(page.table("picture")) == 2


# The file


def test_a_report_is_saved_as_utf8(tmp_path: Path, measured: Evaluation) -> None:
    save_report(evaluation_of(measured.answers, data="зразки/数字"), tmp_path / "report.HTM")
    assert "зразки/数字" in (tmp_path / "report.HTM").read_bytes().decode("utf-8")
    assert [path.name for path in tmp_path.iterdir()] == ["report.HTM"]


@pytest.mark.parametrize("name", ["report.html", "report.HTML", "report.htm", "a.b.html"])
def test_files_that_a_browser_opens_are_accepted(tmp_path: Path, name: str) -> None:
    check_report_path(tmp_path / name)


@pytest.mark.parametrize("name", ["report", "report.pdf", "report.html.txt", ".html"])
def test_another_ending_is_refused_with_one_that_would_do(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    with pytest.raises(OptionError, match=r"ends in \.html, as in") as raised:
        check_report_path(path)
    assert raised.value.message.startswith(f"{path}: ")
    with pytest.raises(OptionError):
        save_report(evaluation_of([Answer("a.png", "1", "1", 0.9)]), path)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=re.escape(f"there is no folder {tmp_path / 'missing'}")):
        check_report_path(tmp_path / "missing" / "report.html")
    (tmp_path / "file").touch()
    with pytest.raises(OptionError, match="there is no folder"):
        check_report_path(tmp_path / "file" / "report.html")


def test_a_full_disk_leaves_the_old_report_and_says_so(
    tmp_path: Path, measured: Evaluation, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "report.html"
    path.write_text("old")

    def half(self: Path, data: str, encoding: str) -> int:
        self.write_bytes(data.encode(encoding)[:1000])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", half)
    with pytest.raises(OptionError, match=r"cannot be written \(No space left") as raised:
        save_report(measured, path)
    assert raised.value.message.startswith(f"{path}: ")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_on_the_way_leaves_no_half_report(
    tmp_path: Path, measured: Evaluation, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    def fails(*arguments: object) -> None:
        raise error

    monkeypatch.setattr(report, "draw_reliability", fails)
    with pytest.raises(error):
        save_report(measured, tmp_path / "report.html")
    assert list(tmp_path.iterdir()) == []


# The diagram


def test_the_diagram_has_a_dot_for_each_bin_where_it_belongs() -> None:
    confidences = np.array([0.55, 0.52, 0.95, 0.97, 0.93, 0.99])
    figure = draw_reliability(confidences, np.array([True, False, True, True, True, False]))
    (axes,) = figure.axes
    dots = [np.asarray(dot.get_offsets())[0] for dot in axes.collections]
    assert np.array(dots) == pytest.approx(np.array([[0.535, 0.5], [0.96, 0.75]]))
    assert [text.get_text() for text in axes.texts] == ["2", "4"]


def test_more_answers_make_a_larger_dot() -> None:
    confidences = np.array([0.15] + [0.55] * 20 + [0.95] * 400)
    (axes,) = draw_reliability(confidences, np.ones(len(confidences), bool)).axes
    areas = [float(dot.get_sizes()[0]) for dot in axes.collections]  # type: ignore[attr-defined]
    assert areas[0] < areas[1] < areas[2]


def test_the_diagram_shows_where_confidence_would_mean_what_it_says() -> None:
    (axes,) = draw_reliability(np.array([0.9]), np.array([True])).axes
    (diagonal,) = axes.lines
    assert np.asarray(diagonal.get_xydata()).tolist() == [[0, 0], [1, 1]]
    assert "confidence" in axes.get_xlabel()
    assert "right" in axes.get_ylabel()


def test_the_diagram_of_no_answers_has_no_dots() -> None:
    (axes,) = draw_reliability(np.zeros(0), np.zeros(0, bool)).axes
    assert not axes.collections


# The command line


def test_the_command_writes_the_report_and_still_prints(
    folders: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "report.html"
    assert main(["evaluate", "--data", str(folders), "--report", str(path)]) == 0
    captured = capsys.readouterr()
    assert captured.out.startswith("66.67% right: 2 of 3")
    assert captured.err == ""
    page = Page(path.read_text(encoding="utf-8"))
    assert "2 of 3 right" in page.text
    (miss,) = page.table("picture")
    assert miss[:3] == [str(folders / "4" / "c & <d>.png"), "4", "7"]
    assert sorted(item.name for item in tmp_path.iterdir()) == ["pictures", "report.html"]


def test_text_tells_the_calibration_error(folders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "--data", str(folders)]) == 0
    assert f"calibration error {evaluate(str(folders)).calibration_error:.3f}\n" in capsys.readouterr().out


def test_json_and_a_report_go_together(folders: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "report.html"
    assert main(["evaluate", "--data", str(folders), "--report", str(path), "--format", "json"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1
    assert path.is_file()


@pytest.mark.parametrize("name", ["report.pdf", "report", "missing/report.html"])
@pytest.mark.usefixtures("nothing_read")
def test_a_report_that_cannot_be_written_ends_with_2_before_anything_is_read(
    folders: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    path = tmp_path / name
    assert main(["evaluate", "--data", str(folders), "--report", str(path)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    assert line.startswith(f"inkread: {path}: ")
    assert [item.name for item in tmp_path.iterdir()] == ["pictures"]


def test_wrong_data_leaves_no_report(tmp_path: Path) -> None:
    assert main(["evaluate", "--data", str(tmp_path / "nothing"), "--report", str(tmp_path / "report.html")]) == 4
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_blank_pictures_gives_a_report(tmp_path: Path) -> None:
    for digit in range(2):
        (tmp_path / str(digit)).mkdir()
        Image.new("L", (50, 50), 255).save(tmp_path / str(digit) / "blank.png")
    path = tmp_path / "report.html"
    assert main(["evaluate", "--data", str(tmp_path), "--report", str(path)]) == 0
    page = Page(path.read_text(encoding="utf-8"))
    assert "2 refused" in page.text
    assert [row[2] for row in page.table("picture")] == ["<blank>", "<blank>"]
