"""`inkread evaluate --report`: one file that needs nothing else, says what was measured, and is whole or not there."""

from __future__ import annotations

import base64
import errno
import io
import re
from collections.abc import Sequence
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from inkread.cli import main
from inkread.drawing import draw_digit
from inkread.errors import OptionError
from inkread.evaluation import report
from inkread.evaluation.charts import coverage_chart, reliability_chart
from inkread.evaluation.evaluate import Answer, Evaluation, Exhibit, compare, evaluate
from inkread.evaluation.report import LEVELS, SHOWN_MISSES, SIDE, check_report_path, report_of, save_report
from inkread.evaluation.statistics import wilson_interval

VOID = {"meta", "img", "wbr"}
NASTY = """<b>&"'</b>"""


class Page(HTMLParser):
    """A report taken apart: its tags, its tables as rows of cells, and its text; every tag must be closed."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.source = source
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

    def cards(self) -> list[tuple[str, str, str, str, list[str]]]:
        """Return name, truth, answer, confidence and images of each card of the galleries."""
        found = []
        for card in re.findall("<figure.*?</figure>", self.source, re.DOTALL):
            truth, answer = re.findall(r'<b class="\w+">(.*?)</b>', card)
            sure = re.search(r'</b> <span class="quiet">(.*?)</span>', card)
            (name,) = re.findall(r'name">(.*?)</p>', card)
            images = re.findall(r'alt="(\w+)"', card)
            found.append((unescape(name), truth, unescape(answer), unescape(sure[1]) if sure else "", images))
        return found

    def table(self, heading: str) -> list[list[str]]:
        """Return the table whose first row begins with this heading, without that row."""
        (found,) = (table for table in self.tables if table[0][0] == heading)
        return found[1:]


def show(answer: Answer) -> Exhibit | None:
    """Return grey noise in the place of a picture, and none for a picture that is not there."""
    if answer.answer == "<missing>":
        return None
    noise = np.random.default_rng(0).random((600, 400), np.float32)
    return Exhibit(np.repeat((255 * noise).astype(np.uint8)[..., None], 3, axis=2), noise, noise[None, :28, :28])


def evaluation_of(answers: Sequence[Answer], *, data: str = "digits", model: str = "the model") -> Evaluation:
    confusion = np.zeros((10, 10), int)
    for answer in answers:
        if answer.answer.isdigit():
            confusion[int(answer.label), int(answer.answer)] += 1
    right = sum(answer.right for answer in answers)
    return Evaluation(
        data=data,
        model=model,
        right=right,
        of=len(answers),
        interval=wilson_interval(right, len(answers)),
        refused=sum(answer.answer == "<blank>" for answer in answers),
        failed=sum(answer.answer == "<missing>" for answer in answers),
        groups={},
        confusion=confusion.tolist(),
        answers=list(answers),
        seconds=0.03,
        show=show,
    )


@pytest.fixture
def measured() -> Evaluation:
    """Return three right of six: a 4 read as 9, one refused and one missing."""
    return evaluation_of(
        [
            Answer("a.png", "1", "1", 0.55, "single", "scan", "Ann"),
            Answer("b.png", "4", "9", 0.85, "single", "scan", "Bob"),
            Answer("c.png", "7", "7", 0.97, "single", "photo", "Ann"),
            Answer("d.png", "7", "7", 0.999, "single", "photo", "Ann"),
            Answer("e.png", "3", "<blank>", None, "single", "scan", "Bob"),
            Answer("f.png", "2", "<missing>", None, "single", "", ""),
        ]
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

    monkeypatch.setattr("inkread.evaluation.evaluate.evaluate", reads)


# The page


def test_a_report_needs_nothing_else(measured: Evaluation) -> None:
    source = report_of(measured)
    page = Page(source)
    assert {tag for tag, _ in page.tags} & {"script", "link", "iframe", "object", "embed", "base", "form"} == set()
    for tag, attributes in page.tags:
        assert not {name for name in attributes if name.startswith("on")}
        if tag == "img":
            assert re.match("data:image/(png|jpeg);base64,", str(attributes["src"]))
        else:
            assert not attributes.keys() & {"src", "href", "srcset"}
    without_images = re.sub(r'"data:image/[a-z]*;base64,[^"]*"', '""', source)
    assert not re.search(r"https?:|//|url\(|@import", without_images)


def test_charts_have_words_for_those_who_cannot_see_them(measured: Evaluation) -> None:
    labels = [
        attributes["aria-label"] for tag, attributes in Page(report_of(measured)).tags if "aria-label" in attributes
    ]
    assert [str(label).partition(":")[0] for label in labels] == ["Reliability diagram", "Coverage against accuracy"]


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
    assert "95% interval {:.2%} to {:.2%}".format(*measured.interval) in text
    assert "1 refused, 1 could not be opened" in text
    assert "5.0 ms per picture" in text
    assert "the model" in text


def test_accuracy_is_told_by_class_capture_and_source_each_with_its_interval(measured: Evaluation) -> None:
    page = Page(report_of(measured))
    assert page.headings[:3] == ["By class", "By capture", "By source"]
    spans = {counts: "{:.1%} to {:.1%}".format(*wilson_interval(*counts)) for counts in ((2, 2), (1, 3), (0, 1))}
    assert page.table("capture") == [
        ["(unknown)", "0", "1", "0.00%", spans[0, 1], ""],
        ["photo", "2", "2", "100.00%", spans[2, 2], ""],
        ["scan", "1", "3", "33.33%", spans[1, 3], ""],
    ]
    assert [row[:3] for row in page.table("class")] == [
        ["1", "1", "1"],
        ["2", "0", "1"],
        ["3", "0", "1"],
        ["4", "0", "1"],
        ["7", "2", "2"],
    ]


def test_the_worst_source_comes_first_and_many_are_folded() -> None:
    answers = [Answer(f"{n}.png", "1", "1" if n else "7", 0.9, source=f"writer {n:02}") for n in range(20)]
    page = Page(report_of(evaluation_of([*answers, Answer("z.png", "1", "7", 0.9, source="writer 19")])))
    first, rest = (table for table in page.tables if table[0][0] == "source")
    assert [row[0] for row in first[1:4]] == ["writer 00", "writer 19", "writer 01"]
    assert len(first) + len(rest) - 2 == 20
    assert "and 8 more" in page.text


def test_what_is_not_known_of_the_pictures_has_no_table() -> None:
    page = Page(report_of(evaluation_of([Answer("a.png", "1", "1", 0.9), Answer("b.png", "2", "2", 0.9)])))
    assert "By class" in page.headings
    assert not {"By capture", "By source"} & set(page.headings)


def test_what_more_confidence_costs_has_a_row_for_each_level(measured: Evaluation) -> None:
    assert LEVELS == (0.0, 0.5, 0.8, 0.9, 0.95, 0.99)
    assert Page(report_of(measured)).table("--min-confidence") == [
        # Of six, one was refused and one could not be opened.
        ["0%", "66.7%", "75.00%"],
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
    assert '<td class="right">2</td>' in source
    assert source.count('<td class="right">') == 10
    assert source.count('<td class="wrong"') == 1


def test_mistakes_are_shown_with_picture_ink_and_glyph_the_surest_first(measured: Evaluation) -> None:
    page = Page(report_of(evaluation_of([*measured.answers, Answer("g.png", "0", "6", 0.91)])))
    assert page.cards() == [
        ("g.png", "0", "6", "91.0% sure", ["picture", "ink", "glyph"]),
        ("b.png", "4", "9", "85.0% sure", ["picture", "ink", "glyph"]),
        ("e.png", "3", "<blank>", "", ["picture", "ink", "glyph"]),
        ("f.png", "2", "<missing>", "", []),
    ]


def test_thumbnails_are_small_so_a_report_of_many_mistakes_is(measured: Evaluation) -> None:
    answers = [Answer(f"{i}.png", "1", "7", 0.5) for i in range(500)]
    source = report_of(evaluation_of(answers))
    assert len(source) < 2_000_000
    for tag, attributes in Page(source).tags:
        if tag == "img":
            content = base64.b64decode(str(attributes["src"]).partition(",")[2], validate=True)
            with Image.open(io.BytesIO(content)) as picture:
                assert max(picture.size) <= SIDE


def test_no_more_mistakes_are_shown_than_people_look_at_and_the_rest_are_counted() -> None:
    answers = [Answer(f"{i}.png", "1", "7", 0.5 + i / 10_000) for i in range(SHOWN_MISSES + 1_234)]
    page = Page(report_of(evaluation_of(answers)))
    assert len(page.cards()) == SHOWN_MISSES
    assert page.cards()[0][0] == f"{len(answers) - 1}.png"
    assert "and 1,234 more" in page.text
    page = Page(report_of(evaluation_of([Answer("a.png", "1", "7", 0.9)] * SHOWN_MISSES)))
    assert len(page.cards()) == SHOWN_MISSES
    assert "more" not in page.text.replace("more of them", "")


def test_where_all_is_right_there_is_no_gallery() -> None:
    page = Page(report_of(evaluation_of([Answer("a.png", "1", "1", 0.9)])))
    assert page.cards() == []
    assert not any("Mistakes" in heading for heading in page.headings)


# Two models


def test_two_models_stand_side_by_side_with_the_test_on_their_difference(measured: Evaluation) -> None:
    better = [replace(answer, text="4") if answer.label == "4" else answer for answer in measured.answers]
    better = [replace(answer, text="6") if answer.picture == "a.png" else answer for answer in better]
    other = evaluation_of([*better], model="another")
    page = Page(report_of(measured, compare(measured, other)))
    assert page.headings[0] == "Comparison of two models"
    head, right, *_ = page.tables[0]
    assert head == ["", "the model", "another"]
    assert right == ["right", "50.00%", "50.00%"]
    assert "Right by both models: 2; by neither: 2; only by the first: 1; only by the second: 1." in page.text
    assert "p = 1; the difference may be chance" in page.text
    assert page.table("capture")[2][-1] == "33.33%"
    assert "other model: 4, right" in page.text
    assert page.headings[-1] == "Mistakes that only another makes"
    assert page.cards()[-1][:3] == ("a.png", "1", "6")


def test_a_clear_difference_is_called_one() -> None:
    first = evaluation_of([Answer(f"{n}.png", "1", "1", 0.9) for n in range(12)])
    second = evaluation_of([Answer(f"{n}.png", "1", "7" if n < 9 else "1", 0.9) for n in range(12)])
    text = Page(report_of(first, compare(first, second))).text
    assert "p = 0.0039; the first is better" in text
    assert "The second is 75.00 points below the first (95% interval of second minus first: -" in text
    assert "The second is 75.00 points above the first" in Page(report_of(second, compare(second, first))).text


# Names, and nothing read


def test_names_are_shown_as_they_are_and_are_no_markup() -> None:
    answers = [
        Answer(f"{NASTY}.png", "1", "7", 0.9, "", NASTY, NASTY),
        Answer("b.png", "1", "1", 0.9, "", "other", "other"),
    ]
    source = report_of(evaluation_of(answers, data=NASTY, model=NASTY))
    assert NASTY not in source
    page = Page(source)
    assert f"inkread on {NASTY}" in page.text
    assert page.table("capture")[0][0] == page.table("source")[0][0] == NASTY
    assert page.cards()[0][0] == f"{NASTY}.png"


def test_where_every_picture_was_refused_the_report_says_so_and_shows_no_diagram() -> None:
    refused = evaluation_of([Answer("a.png", "1", "<blank>", None), Answer("b.png", "2", "<missing>", None)])
    page = Page(report_of(refused))
    assert "0 of 2 right" in page.text
    assert "1 refused, 1 could not be opened" in page.text
    assert not any("aria-label" in attributes for _, attributes in page.tags)
    assert not any("confidence" in heading for heading in page.headings)
    assert len(page.cards()) == 2


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

    monkeypatch.setattr(report, "reliability_chart", fails)
    with pytest.raises(error):
        save_report(measured, tmp_path / "report.html")
    assert list(tmp_path.iterdir()) == []


# The charts


def dots(chart: str) -> list[tuple[float, float, float]]:
    """Return across, up and radius of each dot of a chart, the first two as shares of its axes."""
    found = [
        [float(number) for number in re.findall(r'="([\d.]+)"', dot)] for dot in re.findall("<circle[^>]*>", chart)
    ]
    return [((x - 62) / 380, 1 - (y - 14) / 280, radius) for x, y, radius in found]


def test_the_reliability_diagram_has_a_dot_for_each_bin_where_it_belongs() -> None:
    confidences = np.array([0.55, 0.52, 0.95, 0.97, 0.93, 0.99])
    chart = reliability_chart(confidences, np.array([True, False, True, True, True, False]))
    places = [dot[:2] for dot in dots(chart)]
    assert np.array(places) == pytest.approx(np.array([[0.535, 0.5], [0.96, 0.75]]), abs=1e-3)
    assert [text for text in ("2", "4") if f">{text}</text>" in chart] == ["2", "4"]


def test_more_answers_make_a_larger_dot() -> None:
    confidences = np.array([0.15] + [0.55] * 20 + [0.95] * 400)
    radii = [radius for _, _, radius in dots(reliability_chart(confidences, np.ones(len(confidences), bool)))]
    assert radii == sorted(radii)
    assert len(set(radii)) == 3


def test_the_coverage_chart_marks_what_each_confidence_leaves() -> None:
    confidences = np.array([0.6, 0.7, 0.85, 0.95])
    right = np.array([False, True, True, True])
    marks = dots(coverage_chart(confidences, right, 5, (0.5, 0.8, 0.99)))
    assert np.array([across for across, _, _ in marks]) == pytest.approx([0.8, 0.4], abs=1e-3)
    assert marks[1][1] == pytest.approx(1, abs=1e-3)
    assert marks[0][1] < 1


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
    (miss,) = page.cards()
    assert miss[:3] == (str(folders / "4" / "c & <d>.png"), "4", "7")
    assert miss[4] == ["picture", "ink", "glyph"]
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
    assert [(answer, images) for _, _, answer, _, images in page.cards()] == [("<blank>", ["picture", "ink"])] * 2
