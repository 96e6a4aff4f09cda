"""Files with pages: PDFs, many-page TIFFs and animations are read page by page."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pypdfium2
import pytest
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure
from PIL import Image

import inkread
from helpers.documents import digit_page, drawn_pdf, encrypted_pdf, endless_pdf, pdf_of, save_pages, scanned_pdf, stream
from helpers.ended import Ended, Run
from inkread import OptionError, PictureError, Reader, Reading
from inkread.cli import main
from inkread.options import parse_pages
from inkread.pictures import pdf
from inkread.pictures.documents import MAX_PAGES, pages_of
from inkread.pictures.opening import FilePage, open_picture
from inkread.pictures.page import WORKING_PIXELS, Page
from inkread.pictures.pdf_process import MAX_RENDERED_PIXELS

PAGES = [digit_page(digit) for digit in (1, 4, 7)]
SEVEN = b"8 w 60 225 m 140 225 l 90 60 l S "
"""Draws a 7 on a page of 200 x 300 points."""

A4 = (595, 842)

CATALOGUE, ONE_PAGE = b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[3 0 R]/Count 1>>"


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*words: str | Path) -> Ended:
        code = main([str(word) for word in words])
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        return Ended(code, captured.out.splitlines(), captured.err.splitlines())

    return run


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    """Return a PDF with a 1, a 4 and a 7 on its pages."""
    return save_pages(tmp_path / "scan.pdf", PAGES)


def only_page(content: bytes, *, pixels: int = WORKING_PIXELS) -> Page:
    (page,) = pages_of(content)
    return open_picture(page, pixels=pixels)


def refused(content: bytes | Path, password: str | None = None) -> PictureError:
    with pytest.raises(PictureError) as found:
        open_picture(pages_of(content, None, password)[0])
    return found.value


# Pages


@pytest.mark.parametrize("suffix", ["pdf", "tif", "gif", "webp", "png"])
def test_every_page_is_read(tmp_path: Path, reader: Reader, suffix: str) -> None:
    path = save_pages(tmp_path / f"scan.{suffix}", PAGES)
    readings = list(reader.read_pages(path))
    assert [reading.text for reading in readings] == ["1", "4", "7"]
    assert [reading.picture for reading in readings] == [f"{path}#{page}" for page in (1, 2, 3)]
    assert [reading.page for reading in readings] == [1, 2, 3]


@pytest.mark.parametrize("pages", ["3,1-2", "3,1,2,1", [3, 1, 2], "3, 1 - 2"])
def test_chosen_pages_are_read_once_and_in_their_order(scan: Path, reader: Reader, pages: str | list[int]) -> None:
    assert [reading.text for reading in reader.read_pages(scan, pages)] == ["7", "1", "4"]


def test_one_page_is_read_from_a_path_bytes_or_a_file(scan: Path) -> None:
    assert inkread.read(scan, page=2).text == "4"
    assert inkread.read(scan.read_bytes(), page=3).text == "7"
    with scan.open("rb") as file:
        reading = inkread.read(file, page=2)
    assert (reading.text, reading.picture, reading.page) == ("4", f"{scan}#2", 2)


@pytest.mark.parametrize("suffix", ["pdf", "tif"])
def test_without_a_page_the_first_is_read_under_the_name_of_the_file(
    tmp_path: Path, reader: Reader, suffix: str
) -> None:
    path = save_pages(tmp_path / f"scan.{suffix}", PAGES)
    reading = reader.read(path)
    assert (reading.text, reading.picture, reading.page) == ("1", str(path), 1)
    assert [reading.text for reading in reader.read_many([path, path])] == ["1", "1"]


def test_a_file_with_one_page_keeps_its_name(tmp_path: Path, reader: Reader) -> None:
    pdf, png = save_pages(tmp_path / "one.pdf", PAGES[1:2]), save_pages(tmp_path / "one.png", PAGES[1:2])
    for path in (pdf, png):
        assert [(reading.picture, reading.page) for reading in reader.read_pages(path)] == [(str(path), 1)]
        assert reader.read(path, page=1).picture == str(path)


def test_a_file_object_with_one_page_keeps_its_name(tmp_path: Path, reader: Reader) -> None:
    path = save_pages(tmp_path / "one.png", PAGES[1:2])
    with path.open("rb") as file:
        assert [(reading.picture, reading.text) for reading in reader.read_pages(file)] == [(str(path), "4")]


def test_images_and_arrays_have_one_page(reader: Reader) -> None:
    assert [reading.text for reading in reader.read_pages(PAGES[2])] == ["7"]
    assert reader.read(np.asarray(PAGES[2]), page=1).text == "7"
    with pytest.raises(OptionError, match="has 1 page, and page 2 is not one of them"):
        reader.read(np.asarray(PAGES[2]), page=2)


@pytest.mark.parametrize("pages", ["4", "1-4", "4-", "2,9", [0], [4], [-1]])
def test_a_page_that_is_not_there_is_a_bad_option(scan: Path, reader: Reader, pages: str | list[int]) -> None:
    with pytest.raises(OptionError, match=r"has 3 pages|counted from 1"):
        reader.read_pages(scan, pages)


@pytest.mark.parametrize("text", ["", "x", "0", "3-1", "1,,2", "-2", "1-2-3", "1.5", "²", "1" * 10, "1;2"])
def test_malformed_pages_are_a_bad_option(text: str) -> None:
    with pytest.raises(OptionError, match="give pages such as 1-3,5 or 4-"):
        parse_pages(text)


def test_pages_are_kept_in_json(scan: Path) -> None:
    reading = inkread.read(scan, page=2)
    assert json.loads(reading.to_json())["page"] == 2
    assert Reading.from_json(reading.to_json()) == reading


def test_the_steps_of_a_page_are_drawn(scan: Path, reader: Reader) -> None:
    assert isinstance(reader.read(scan, page=3).figure(), Figure)


def test_smaller_copies_in_a_tiff_are_no_pages(tmp_path: Path) -> None:
    smaller = PAGES[0].resize((24, 32))
    smaller.encoderinfo = {"tiffinfo": {254: 1}}
    path = tmp_path / "copies.tif"
    digit_page(1).save(path, save_all=True, append_images=[smaller, digit_page(7)])
    assert len(pages_of(path)) == 2


def test_a_photo_with_several_views_is_one_picture(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    PAGES[0].save(path, "MPO", save_all=True, append_images=PAGES[1:])
    assert pages_of(path) == [path]


def test_a_file_with_too_many_pages_says_how_to_choose(tmp_path: Path) -> None:
    path = save_pages(tmp_path / "book.pdf", [Image.new("1", (8, 8), 1)] * (MAX_PAGES + 1))
    error = refused(path)
    assert (error.code, f"--pages 1-{MAX_PAGES}" in error.message) == ("too-many-pages", True)
    assert len(pages_of(path, parse_pages(f"2-{MAX_PAGES + 1}"))) == MAX_PAGES


# How PDFs are drawn


def test_a_scanned_page_is_the_image_itself() -> None:
    # Pillow saves a picture in black and white without loss.
    scan = digit_page(4, (600, 800)).convert("1")
    page = only_page(scanned_pdf([scan], resolution=150))
    assert np.array_equal(page.grey, np.asarray(scan.convert("L")))
    assert page.size == (600, 800)


@pytest.mark.parametrize("angle", [90, 180, 270])
def test_a_scanned_page_is_turned_upright(angle: int) -> None:
    scan = digit_page(4).convert("1")
    with pypdfium2.PdfDocument(scanned_pdf([scan])) as document:
        document[0].set_rotation(angle)
        turned = io.BytesIO()
        document.save(turned)
    page = only_page(turned.getvalue())
    assert np.array_equal(page.grey, np.rot90(np.asarray(scan.convert("L")), -angle // 90))


def test_other_pages_are_drawn_as_large_as_reading_needs() -> None:
    page = only_page(drawn_pdf(SEVEN, size=A4))
    assert page.size == (2480, 3509)
    assert page.grey.size == pytest.approx(WORKING_PIXELS, rel=0.01)
    finer = only_page(drawn_pdf(SEVEN, size=A4), pixels=4 * WORKING_PIXELS)
    assert finer.grey.size == pytest.approx(4 * WORKING_PIXELS, rel=0.01)
    assert (page.grey < 128).sum() / page.grey.size == pytest.approx(
        (finer.grey < 128).sum() / finer.grey.size, rel=0.1
    )


def test_boxes_and_regions_are_in_pixels_at_300_dots_per_inch(reader: Reader) -> None:
    drawn = drawn_pdf(SEVEN)
    (digit,) = reader.read(drawn).digits
    # The offset is from the upper left corner of the page of 300 points.
    points = np.array([60, 75, 80, 165])
    assert np.abs(np.array(digit.box) - points * 300 / 72).max() < 40
    assert reader.read(drawn, region=(100, 200, 600, 900)).text == "7"


def test_small_writing_on_a_drawn_page_is_read_from_a_finer_one(reader: Reader) -> None:
    small = b"q 0.05 0 0 0.05 %d 500 cm " + SEVEN + b"Q "
    content = b"".join(small % place for place in (200, 207, 214, 221))
    assert reader.read(drawn_pdf(content, size=A4)).text == "7777"


def test_filled_in_fields_are_drawn(reader: Reader) -> None:
    form = {
        1: b"<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[4 0 R]/NeedAppearances true/DR<</Font<</Helv 5 0 R>>>>>>>>",
        2: ONE_PAGE,
        3: b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 300]/Annots[4 0 R]>>",
        4: b"<</Type/Annot/Subtype/Widget/FT/Tx/T(a)/V(147)/Rect[40 100 160 160]/DA(/Helv 40 Tf 0 g)/P 3 0 R>>",
        5: b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    }
    assert reader.read(pdf_of(form), print_="read").text == "147"


def test_ink_of_a_tablet_is_drawn(reader: Reader) -> None:
    noted = {
        1: CATALOGUE,
        2: ONE_PAGE,
        3: b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 300]/Annots[4 0 R]>>",
        4: b"<</Type/Annot/Subtype/Ink/Rect[40 40 160 260]/InkList[[60 225 140 225 90 60]]/AP<</N 5 0 R>>/F 4>>",
        5: stream(SEVEN, b"/Type/XObject/Subtype/Form/BBox[40 40 160 260]"),
    }
    assert reader.read(pdf_of(noted)).text == "7"


def test_a_scan_with_something_on_it_is_drawn_with_it(tmp_path: Path) -> None:
    path = tmp_path / "marked.pdf"
    with PdfPages(path) as pages, mpl.rc_context({"figure.dpi": 72}):
        figure = Figure(figsize=(3, 4))
        figure.figimage(np.full((288, 216), 255, np.uint8), vmin=0, vmax=255, cmap="grey")
        figure.text(0.2, 0.5, "147", fontsize=48)
        pages.savefig(figure)
        pages.savefig(figure)
    first, second = pages_of(path)
    assert open_picture(first).grey.min() < 50
    assert np.array_equal(open_picture(first).grey, open_picture(second).grey)


@pytest.mark.parametrize("size", [(14400, 14400), (1e9, 1e9), (14400, 1), (0.01, 0.01), (-5, -5)])
def test_a_page_of_any_size_is_drawn_with_few_pixels(size: tuple[float, float]) -> None:
    page = only_page(drawn_pdf(SEVEN, size=size))
    assert page.size[0] * page.size[1] <= 1.01 * MAX_RENDERED_PIXELS
    assert page.grey.size <= 1.01 * WORKING_PIXELS


def test_a_page_that_takes_too_long_is_given_up_and_others_are_read(
    run: Run, scan: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pdf, "MAX_SECONDS", 2.0)
    endless = tmp_path / "endless.pdf"
    endless.write_bytes(endless_pdf())
    ended = run("read", endless, scan, "--pages", "1")
    assert ended == Ended(
        1, [f"{scan}#1\t1"], [f"inkread: {endless}: takes more than 2 seconds to draw; save its pages as PNG"]
    )


READ_ENDLESS = """
import sys
from inkread.pictures import pdf
pdf.MAX_SECONDS = 1000
print(pdf.count_pdf_pages(open(sys.argv[1], "rb").read(), "x", None), pdf._process._running.pid, flush=True)
pdf.pdf_page(open(sys.argv[1], "rb").read(), 1, "x", None, None)
"""


def test_the_process_that_draws_ends_with_the_one_that_reads(tmp_path: Path) -> None:
    path = tmp_path / "endless.pdf"
    path.write_bytes(endless_pdf())
    with subprocess.Popen([sys.executable, "-c", READ_ENDLESS, path], stdout=subprocess.PIPE, text=True) as reading:
        assert reading.stdout is not None
        _, drawing = map(int, reading.stdout.readline().split())
        reading.kill()
    deadline = time.monotonic() + 20
    while is_running(drawing):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    # A process that has ended may wait for the system to notice.
    status = Path(f"/proc/{process}/stat")
    return not (status.exists() and status.read_text().rpartition(")")[2].split()[0] == "Z")


def test_a_pdf_that_crashes_the_process_is_refused_and_others_are_read(
    scan: Path, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert reader.read(scan, page=2).text == "4"
    assert pdf._process._running is not None
    pdf._process._running.kill()
    assert refused(scan).code == "truncated"
    assert reader.read(scan, page=2).text == "4"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_fork_has_its_own_process(scan: Path) -> None:
    code = f"""
import os
from pathlib import Path
from inkread.pictures import pdf
path = Path({str(scan)!r})
ours = pdf.count_pdf_pages(path, "x", None), pdf._process._running.pid
child = os.fork()
theirs = pdf.count_pdf_pages(path, "x", None), pdf._process._running.pid
assert (ours == theirs) == (child != 0)
os._exit(0) if child == 0 else os.waitpid(child, 0)
print(ours[0])
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (ended.stdout, ended.stderr) == ("3\n", "")


# PDFs that cannot be opened


def test_an_encrypted_pdf_needs_its_password(reader: Reader) -> None:
    locked = encrypted_pdf(SEVEN, "geheim")
    assert reader.read(locked, password="geheim").text == "7"  # noqa: S106
    missing = refused(locked)
    assert (missing.code, "--password" in missing.message) == ("encrypted", True)
    for wrong in ("x", "Geheim", "geheim2", "\udc80", "a\0b"):
        assert refused(locked, wrong).code == "wrong-password"


def test_a_password_for_a_file_without_one_is_ignored(scan: Path, reader: Reader) -> None:
    assert reader.read(scan, page=3, password="x").text == "7"  # noqa: S106


WHOLE = drawn_pdf(SEVEN)
NO_PAGES = {1: CATALOGUE, 2: b"<</Type/Pages/Kids[]/Count 0>>"}


@pytest.mark.parametrize(
    "content",
    [
        *(WHOLE[:length] for length in (5, 9, 100, len(WHOLE) // 2, len(WHOLE) - 60)),
        b"%PDF-1.7\n%%EOF",
        b"%PDF-1.7\n" + bytes(range(256)) * 20,
        pdf_of(NO_PAGES),
        pdf_of({**NO_PAGES, 2: b"<</Type/Pages/Kids[]/Count 2000000000>>"}),
        pdf_of({**NO_PAGES, 2: b"<</Type/Pages/Kids[2 0 R]/Count 1>>"}),
        pdf_of({1: b"<</Type/Catalog/Pages 9 0 R>>"}),
    ],
    ids=str,
)
def test_a_broken_pdf_is_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.pdf"
    path.write_bytes(content)
    assert refused(path).message == f"{path}: the file ends too early or is damaged; copy it again"


def test_an_empty_pdf_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.pdf").touch()
    assert refused(tmp_path / "empty.pdf").code == "empty"


def test_a_pdf_without_the_extra_says_how_to_install_it(scan: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pypdfium2", None)
    error = refused(scan)
    assert error.code == "missing-extra"
    assert "a PDF needs the extra 'pdf': pip install" in error.message


def test_many_threads_read_pdfs_at_a_time(scan: Path, reader: Reader) -> None:
    pages = [page for _ in range(6) for page in pages_of(scan)]
    assert all(isinstance(page, FilePage) for page in pages)
    assert [reading.text for reading in reader.read_many(pages, workers=6)] == ["1", "4", "7"] * 6


# The command line


def test_pages_are_printed_with_their_names(run: Run, scan: Path) -> None:
    assert run("read", scan) == Ended(0, [f"{scan}#1\t1", f"{scan}#2\t4", f"{scan}#3\t7"], [])
    assert run(scan, scan.with_name("none.png")).code == 1


def test_of_one_chosen_page_the_text_alone_is_printed(run: Run, scan: Path) -> None:
    assert run("read", scan, "--pages", "2") == Ended(0, ["4"], [])
    assert run("read", scan, "--pages", "2-").out == [f"{scan}#2\t4", f"{scan}#3\t7"]


def test_json_and_csv_say_the_page(run: Run, scan: Path) -> None:
    found = [json.loads(line) for line in run("read", scan, "--format", "json", "--pages", "2,3").out]
    assert [(each["picture"], each["page"], each["text"]) for each in found] == [
        (f"{scan}#2", 2, "4"),
        (f"{scan}#3", 3, "7"),
    ]
    (_, row) = run("read", scan, "--format", "csv", "--pages", "3").out
    assert row.startswith(f"{scan}#3,3,1,")


@pytest.mark.parametrize("pages", ["4", "2-5", "0", "x"])
def test_bad_pages_are_bad_arguments_before_anything_is_read(run: Run, scan: Path, tmp_path: Path, pages: str) -> None:
    other = save_pages(tmp_path / "long.tif", PAGES * 2)
    ended = run("read", other, scan, "--pages", pages)
    assert (ended.code, ended.out, len(ended.err)) == (2, [], 1)
    assert "has 3 pages" in ended.err[0] or "give pages such as" in ended.err[0]


def test_a_locked_file_fails_alone(run: Run, scan: Path, tmp_path: Path) -> None:
    locked = tmp_path / "locked.pdf"
    locked.write_bytes(encrypted_pdf(SEVEN, "geheim"))
    ended = run("read", locked, scan, "--format", "json")
    assert json.loads(ended.out[0]) == {
        "picture": str(locked),
        "error": {"code": "encrypted", "message": f"{locked}: is encrypted; give its password with --password"},
    }
    assert (ended.code, len(ended.out)) == (1, 4)
    assert run("read", locked, "--password", "geheim") == Ended(0, ["7"], [])
    assert run("read", locked, "--password", "x").code == 1


def test_standard_input_may_have_pages(run: Run, scan: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(scan.read_bytes())))
    assert run("read", "-", "--pages", "1,3").out == ["<stdin>#1\t1", "<stdin>#3\t7"]


def test_each_page_has_its_figure(run: Run, scan: Path, tmp_path: Path) -> None:
    (tmp_path / "figures").mkdir()
    assert run("read", scan, "--figure", tmp_path / "figures", "--pages", "1,3").code == 0
    names = sorted(path.name for path in (tmp_path / "figures").iterdir())
    assert names == ["scan-page1.steps.png", "scan-page3.steps.png"]
    ended = run("read", scan, "--figure", tmp_path / "steps.png")
    assert (ended.code, "3 pictures or pages name an existing folder" in ended.err[0]) == (2, True)


def test_a_folder_is_read_with_its_subfolders(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    (folder / "b").mkdir(parents=True)
    for name, page in {"c.png": PAGES[0], "b/d.PNG": PAGES[1], ".hidden.png": PAGES[2]}.items():
        page.save(folder / name, "PNG")
    save_pages(folder / "a.tif", PAGES[1:])
    (folder / "notes.txt").touch()
    ended = run("read", folder)
    assert ended.out == [f"{folder}/a.tif#1\t4", f"{folder}/a.tif#2\t7", f"{folder}/b/d.PNG\t4", f"{folder}/c.png\t1"]
    assert ended.err == [f"inkread: {folder}: skipped 1 file without a picture suffix"]


def test_a_folder_without_pictures_is_a_bad_argument(run: Run, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    ended = run("read", tmp_path)
    assert (ended.code, ended.out, len(ended.err)) == (2, [], 1)
