"""The page in a real browser: drawing, pictures, the camera, keys alone, and what a page has to keep to."""

from __future__ import annotations

import csv
import io
import itertools
import json
import re
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageFilter

pytest.importorskip("playwright", reason="needs the extra 'dev'")

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Response, Route, expect
from screenshots import EXAMPLE, LINES, pen_paths, served, write

import inkread
from helpers.documents import digit_page, encrypted_pdf, save_pages
from helpers.printed import FORM_LINES, form
from helpers.ruled import rules, written
from inkread import Reader, Reading
from inkread.csv_rows import CSV_COLUMNS
from inkread.style import SURE

EXAMPLES = Path(__file__).parents[1] / "examples"
SEVEN = EXAMPLES / "7-shadow.jpg"
README = EXAMPLES.parent / "README.md"

OpenPage = Callable[..., Page]

# Other programs may keep the machine busy.
expect.set_options(timeout=15_000)


@pytest.fixture(scope="session")
def address() -> Iterator[str]:
    with served() as (address, _):
        yield address


@pytest.fixture(scope="session")
def teaching_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """Serve a page that is taught, and give its address and its data folder."""
    home = tmp_path_factory.mktemp("taught")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("INKREAD_HOME", str(home))
        with served() as (address, _):
            yield address, home


@pytest.fixture
def teachable(teaching_server: tuple[str, Path]) -> Iterator[str]:
    """Return the address of a page that has been taught nothing yet, and may be."""
    address, home = teaching_server
    yield address
    (home / "taught.sqlite").unlink(missing_ok=True)


@pytest.fixture
def open_page(browser: Browser, address: str) -> Iterator[OpenPage]:
    """Return a function that opens the page in a window of its own; afterwards, no page may have complained."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []
    opened: set[str] = set()

    def listen(page: Page) -> None:
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda message: complaints.append(message.text) if message.type != "log" else None)
        page.on("request", lambda request: complaints.append(request.url) if foreign(request.url) else None)
        page.on("response", lambda answer: complaints.append(answer.url) if missing(answer) else None)

    def foreign(url: str) -> bool:
        return not url.startswith((*(f"{own}/" for own in opened), "data:", "blob:"))

    def missing(answer: Response) -> bool:
        return answer.status >= 400 and not re.search("/api/(read|teach)", answer.url)

    def open_page(
        panel: str = "", *, address: str = address, permissions: tuple[str, ...] = (), **settings: Any
    ) -> Page:
        opened.add(address)
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **settings})
        context.grant_permissions(list(permissions), origin=address)
        context.set_default_timeout(10_000)
        contexts.append(context)
        page = context.new_page()
        listen(page)
        page.goto(f"{address}/#{panel}" if panel else address)
        return page

    yield open_page
    for context in contexts:
        context.close()
    # Of an answer that is a problem, the browser makes a line in its console, whatever the page does with it.
    assert [text for text in complaints if not text.startswith("Failed to load resource")] == []


@pytest.fixture
def page(open_page: OpenPage) -> Page:
    """Return the page with its paper open."""
    return open_page("draw")


@pytest.fixture
def pictures(open_page: OpenPage) -> Page:
    """Return the page with its section for pictures open."""
    return open_page("picture")


def answer(page: Page, text: str) -> None:
    """Expect an answer, lines of digits, in the section that is open."""
    expect(page.locator(".answer:visible .line")).to_have_text(text.split("\n"))


def show(page: Page, *files: Path | dict[str, Any]) -> None:
    page.locator("#files").set_input_files(list(files))  # type: ignore[arg-type] # paths or contents, not both


def drop(page: Page, script: str) -> None:
    """Drop what a script puts into `data`, a DataTransfer."""
    transfer = page.evaluate_handle(f"() => {{ const data = new DataTransfer(); {script}; return data; }}")
    page.dispatch_event("main", "drop", {"dataTransfer": transfer})


# --- drawing


@pytest.mark.parametrize("digit", ["2", "3", "7"])
def test_a_digit_drawn_with_the_mouse_is_read(page: Page, digit: str) -> None:
    write(page, digit)
    answer(page, digit)
    expect(page.locator("#answer .sure")).to_have_text(re.compile(r"^(> )?\d+\.\d% sure$"))
    expect(page.locator("#draw .bar.top .name")).to_have_text(digit)
    expect(page.locator("#draw .bar:not(.absent)")).to_have_count(10)
    expect(page.locator("#draw .glyph img")).to_have_attribute("alt", re.compile(f"The digit {digit} as the network"))


def test_digits_in_a_row_are_read_as_a_number(page: Page) -> None:
    write(page, "1947", seed=3)
    answer(page, "1947")
    expect(page.locator("#answer .sure")).to_contain_text("of all 4 digits")
    # This is the digit that was written last.
    expect(page.locator("#draw .which")).to_have_text("How the 7 was read")


def test_an_empty_paper_says_so_and_shows_no_digit(page: Page) -> None:
    def is_empty() -> None:
        expect(page.locator("#prompt")).to_be_visible()
        expect(page.locator("#draw .digit")).to_have_count(0)
        expect(page.locator("#answer")).to_have_text("The answer appears here while you draw.")
        expect(page.locator("#clear")).to_have_attribute("aria-disabled", "true")

    is_empty()
    write(page, "3")
    answer(page, "3")
    expect(page.locator("#prompt")).to_be_hidden()
    page.locator("#clear").click()
    is_empty()
    expect(page.locator("#status")).to_have_text("The paper is empty.")


def test_strokes_are_taken_back_one_by_one_and_clearing_is_taken_back_too(page: Page) -> None:
    write(page, "17")
    answer(page, "17")
    page.locator("#undo").click()
    answer(page, "1")
    page.locator("#clear").click()
    page.locator("#undo").click()
    answer(page, "1")
    # The button is not the paper, so nothing happens.
    page.keyboard.press("Control+z")
    answer(page, "1")


def test_the_pen_can_be_thick(page: Page) -> None:
    def ink() -> int:
        shot = Image.open(io.BytesIO(page.locator("#canvas").screenshot())).convert("L")
        return int((np.asarray(shot) < 100).sum())

    write(page, "7")
    answer(page, "7")
    usual = ink()
    page.locator("#clear").click()
    page.locator("#nib").fill("28")
    write(page, "7")
    answer(page, "7")
    assert ink() > 1.5 * usual


def test_a_drawing_that_is_no_digit_is_refused(page: Page) -> None:
    paper = page.locator("#canvas").bounding_box()
    assert paper is not None
    page.mouse.move(paper["x"] + 0.2 * paper["width"], paper["y"] + 0.3 * paper["height"])
    page.mouse.down()
    for turn in range(1, 13):
        share = 0.7 if turn % 2 else 0.3
        page.mouse.move(
            paper["x"] + (0.2 + 0.05 * turn) * paper["width"], paper["y"] + share * paper["height"], steps=5
        )
    page.mouse.up()
    expect(page.locator("#answer .title")).to_have_text("This does not look like a digit.")
    expect(page.locator("#draw")).to_contain_text("Not read")
    expect(page.locator("#draw .digit")).to_have_count(0)


def test_an_answer_that_comes_late_is_dropped(page: Page, reader: Reader) -> None:
    held: list[Route] = []
    late = reader.read(EXAMPLES / "6-sideways.jpg").to_dict() | {"steps": {"glyphs": []}}

    def hold_first(route: Route) -> None:
        if held:
            return route.continue_()
        return held.append(route)

    page.route("**/api/read*", hold_first)
    write(page, "7")
    answer(page, "7")
    held[0].fulfill(json=late)
    page.wait_for_timeout(200)
    answer(page, "7")


def test_fingers_draw_in_the_window_of_a_phone(open_page: OpenPage) -> None:
    page = open_page(viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True, device_scale_factor=2)
    page.locator("#draw-tab").click()
    touch = page.context.new_cdp_session(page)
    for path in pen_paths(page, "2"):
        for event, (x, y) in zip(["touchStart", *["touchMove"] * (len(path) - 1)], path, strict=True):
            touch.send("Input.dispatchTouchEvent", {"type": event, "touchPoints": [{"x": x, "y": y}]})
        touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    answer(page, "2")
    assert page.evaluate("scrollY") == 0, "drawing does not scroll the page"
    # It is next to the paper, without scrolling.
    expect(page.locator("#answer .sure")).to_be_in_viewport(ratio=1)


def test_nothing_moves_while_the_page_is_loaded_and_drawn_on(page: Page) -> None:
    page.add_init_script(
        """
          window.moved = [];
          const note = ({ sources }) => moved.push(...sources.map(({ node }) => node?.id || node?.textContent));
          const watcher = new PerformanceObserver((list) => list.getEntries().forEach(note));
          watcher.observe({ type: "layout-shift", buffered: true });
        """
    )
    waiting: list[Route] = []

    def hold(route: Route) -> None:
        waiting.append(route)

    page.route("**/api/health", hold)
    page.reload()
    expect(page.locator("#draw .which")).to_be_visible()
    # Whether digits may be taught is known only when the service answers; the buttons for it keep their room till then.
    before = page.locator("#draw .bars").bounding_box()
    waiting[0].continue_()
    expect(page.locator("#about")).to_have_text(f"inkread {inkread.__version__}")
    assert page.locator("#draw .bars").bounding_box() == before
    write(page, "7")
    answer(page, "7")
    write(page, "1", seed=2)
    page.locator("#clear").click()
    assert page.evaluate("moved") == []


def test_a_server_that_is_gone_is_said_and_the_drawing_stays(browser: Browser) -> None:
    with browser.new_context() as context, served() as (address, server):
        page = context.new_page()
        page.goto(address)
        expect(page.locator("#about")).to_have_text(f"inkread {inkread.__version__}")
        server.terminate()
        server.wait()
        page.locator("#draw-tab").click()
        write(page, "7")
        expect(page.locator("#answer .detail")).to_contain_text("Is “inkread web” still running?")
        expect(page.locator("#prompt")).to_be_hidden()


# --- pictures


def test_the_first_view_is_a_place_to_drop_pictures_with_three_examples(open_page: OpenPage) -> None:
    page = open_page()
    for gone in ("#result", "#picture-way", "#view-tools", "#draw"):
        expect(page.locator(gone)).to_be_hidden()
    stage, section = (page.locator(name).bounding_box() for name in ("#stage", "#picture"))
    assert stage is not None
    assert section is not None
    assert stage["width"] == section["width"]
    examples = page.locator("#examples button")
    expect(examples).to_have_text(["A digit", "A form", "A table"])
    for image in examples.locator("img").all():
        assert image.evaluate("(image) => image.decode().then(() => image.naturalWidth)") == 320
    examples.nth(2).click()
    expect(page.locator("#tables td").nth(5)).to_have_text("21.0")
    expect(page.locator("#result")).to_be_visible()
    expect(page.locator("#examples")).to_be_hidden()


def test_a_photo_is_shown_with_a_box_and_its_way(pictures: Page) -> None:
    show(pictures, SEVEN)
    answer(pictures, "7")
    box, picture = (pictures.locator(selector).bounding_box() for selector in (".box", "#frame img"))
    assert box is not None
    assert picture is not None
    assert picture["x"] < box["x"] < box["x"] + box["width"] < picture["x"] + picture["width"]
    expect(pictures.locator(".box")).to_have_attribute("aria-label", re.compile(r"^7, .* sure$"))
    for step in ("crop", "ink"):
        shades = "(canvas) => new Set(canvas.getContext('2d').getImageData(0, 0, 192, 192).data).size"
        assert pictures.locator(f"#picture .{step} canvas").evaluate(shades) > 2, "something is drawn"
    expect(pictures.locator("#picture .bar.top .name")).to_have_text("7")
    expect(pictures.locator("#pile")).to_be_hidden()


def least_sure(reading: Reading) -> int:
    """Return the index of the digit with the lowest confidence, which the page chooses first."""
    return min(range(len(reading.digits)), key=lambda index: reading.digits[index].confidence)


def test_the_example_is_read(pictures: Page, reader: Reader) -> None:
    pictures.locator("[data-example=form]").click()
    answer(pictures, "\n".join(LINES))
    expect(pictures.locator(".box")).to_have_count(15)
    reading = reader.read(EXAMPLE)
    chosen = reading.digits[least_sure(reading)]
    expect(pictures.locator("#picture .which")).to_have_text(
        f"How the {chosen.digit} in line {chosen.line + 1} was read"
    )


def test_what_is_unsure_is_marked(pictures: Page, reader: Reader, tmp_path: Path) -> None:
    path = tmp_path / "blurred.png"
    for radius in range(2, 16):
        Image.open(EXAMPLE).filter(ImageFilter.GaussianBlur(radius)).save(path)
        reading = reader.read(path)
        unsure = [digit for digit in reading.digits if digit.confidence < SURE]
        if unsure:
            break
    assert unsure, "the more a picture is blurred, the less sure its digits are"
    show(pictures, path)
    answer(pictures, reading.text)
    expect(pictures.locator(".box.unsure")).to_have_text([f"{digit.digit}?" for digit in unsure])
    expect(pictures.locator(".box.unsure").first).to_have_attribute(
        "aria-label", re.compile(f"^{unsure[0].digit}, only ")
    )
    expect(pictures.locator("#text .digit.unsure")).to_have_text([str(digit.digit) for digit in unsure])


def test_what_is_to_check_is_counted_and_gone_through(pictures: Page) -> None:
    change_reading(pictures, lambda reading: [reading["digits"][at].update(confidence=0.5) for at in (3, 9)])
    show(pictures, EXAMPLE)
    expect(pictures.locator("#to-check")).to_have_text("2 of 15 to check")
    boxes = pictures.locator(".box")
    expect(boxes.nth(3)).to_have_attribute("aria-pressed", "true")
    for button, at in (("Next", 9), ("Next", 3), ("Previous", 9)):
        pictures.get_by_role("button", name=button).click()
        expect(boxes.nth(at)).to_have_attribute("aria-pressed", "true")
        expect(pictures.locator("#text .digit").nth(at)).to_have_class(re.compile("chosen"))
    expect(pictures.locator("#status")).to_have_text(re.compile(r"^2 of 2: \d, only 50.0% sure$"))


def test_a_doubt_about_where_digits_end_is_said(pictures: Page) -> None:
    change_reading(pictures, lambda reading: reading.update(confidence=0.5))
    show(pictures, EXAMPLE)
    expect(pictures.locator("#to-check")).to_have_text("Check where the digits begin and end")
    expect(pictures.locator("#text")).to_contain_text("where one ends and the next begins")


def test_a_digit_alone_has_one_confidence(pictures: Page) -> None:
    change_reading(pictures, lambda reading: reading.update(confidence=0.876))
    show(pictures, SEVEN, README)
    expect(pictures.locator("#text .sure")).to_have_text("87.6% sure")
    expect(pictures.locator("#picture .bar.top .share")).to_have_text("87.6%")
    expect(pictures.locator(".box")).to_have_attribute("aria-label", "7, only 87.6% sure")
    expect(pictures.locator("#rows td.number").first).to_have_text("87.6%")
    shares = pictures.locator("#picture .bar:not(.none) .share").all_inner_texts()
    assert abs(sum(float(share.rstrip("%")) for share in shares) - 100) < 1


def change_reading(page: Page, change: Callable[[dict[str, Any]], object]) -> None:
    """Change what the server answers about pictures."""

    def changed(route: Route) -> None:
        answer = route.fetch()
        reading = answer.json()
        if answer.ok:
            change(reading)
        route.fulfill(response=answer, json=reading)

    page.route("**/api/read*", changed)


def test_a_picture_is_zoomed_and_moved(pictures: Page) -> None:
    show(pictures, EXAMPLE)
    answer(pictures, "\n".join(LINES))
    frame, window = pictures.locator("#frame"), pictures.locator("#window")
    before = frame.bounding_box()
    assert before is not None
    pictures.locator("#zoom-in").click()
    pictures.locator("#zoom-in").click()
    expect(pictures.locator("#zoom")).to_have_text("225%")
    after = frame.bounding_box()
    assert after is not None
    assert after["width"] == pytest.approx(2.25 * before["width"], abs=2)
    left, place = window.evaluate("(window) => window.scrollLeft"), window.bounding_box()
    assert left > 0, "the middle stays where it is"
    assert place is not None
    x, y = place["x"] + 4, place["y"] + place["height"] - 4
    pictures.mouse.move(x, y)
    pictures.mouse.down()
    pictures.mouse.move(x + 60, y, steps=4)
    pictures.mouse.up()
    assert window.evaluate("(window) => window.scrollLeft") == left - 60
    pictures.locator("#text .digit").last.click()
    expect(pictures.locator(".box").last).to_be_in_viewport()
    window.focus()
    pictures.keyboard.press("0")
    expect(pictures.locator("#zoom")).to_have_text("100%")
    expect(pictures.locator("#zoom-out")).to_be_disabled()


def test_boxes_are_changed_by_hand_and_the_text_follows(pictures: Page) -> None:
    def box(at: int) -> tuple[float, float, float, float]:
        found = pictures.locator(".box").nth(at).bounding_box()
        assert found is not None
        return found["x"], found["y"], found["width"], found["height"]

    def drag(start: tuple[float, float], end: tuple[float, float]) -> None:
        pictures.mouse.move(*start)
        pictures.mouse.down()
        pictures.mouse.move(*end, steps=4)
        pictures.mouse.up()

    show(pictures, EXAMPLE)
    answer(pictures, "\n".join(LINES))
    pictures.locator("#edit").click()
    expect(pictures.locator("#box-undo")).to_be_disabled()
    pictures.locator(".box").first.click()
    x, y, w, h = box(0)
    pictures.locator("#box-delete").click()
    answer(pictures, "\n".join(["0518", *LINES[1:]]))
    # It is drawn again.
    drag((x - 3, y - 3), (x + w + 2, y + h + 2))
    answer(pictures, "\n".join(LINES))
    expect(pictures.locator(".box").first).to_have_attribute("aria-pressed", "true")
    pictures.locator("#box-split").click()
    expect(pictures.locator(".box")).to_have_count(16)
    pictures.locator("#box-undo").click()
    expect(pictures.locator(".box")).to_have_count(15)
    pictures.locator("#box-merge").click()
    expect(pictures.locator(".box")).to_have_count(14)
    pictures.locator("#box-reset").click()
    answer(pictures, "\n".join(LINES))
    # The 4 is moved to where there is nothing, and is no 4 any more.
    drag((x + w / 2, y + h / 2), (x + w / 2 + 350, y + h / 2))
    expect(pictures.locator("#text .line").first).to_have_text(re.compile("^0518"))
    pictures.locator("#box-undo").click()
    answer(pictures, "\n".join(LINES))
    pictures.locator(".box").first.focus()
    pictures.keyboard.press("Delete")
    answer(pictures, "\n".join(["0518", *LINES[1:]]))
    pictures.locator("#edit").click()
    expect(pictures.locator("#edit-tools")).to_be_hidden()


def test_what_was_not_read_is_outlined_and_counted_below_the_text(pictures: Page, tmp_path: Path) -> None:
    Image.fromarray(form()).save(tmp_path / "form.png")
    show(pictures, tmp_path / "form.png")
    answer(pictures, "\n".join(FORM_LINES))
    outlines = pictures.locator("#frame .unread")
    expect(outlines.first).to_have_attribute("title", re.compile(r"^not read: (printed text|word)\. .* left out\. "))
    expect(pictures.locator("#text .left summary")).to_have_text(re.compile(r"^Not read: \d+ (printed text|word)s?"))
    expect(pictures.locator("#text .left li").first).to_be_hidden()
    outlines.first.click()
    expect(pictures.locator("#text .left li.chosen")).to_have_text(
        re.compile("left out. If it is a number|set Print to")
    )
    expect(pictures.locator("#status")).to_contain_text("Not read: ")
    outline, box = (pictures.locator(selector).first.bounding_box() for selector in ("#frame .unread", ".box"))
    assert outline is not None
    assert box is not None
    assert outline["y"] + outline["height"] < box["y"], "the words are above the digits"
    expect(outlines).to_have_count(len(inkread.read(tmp_path / "form.png").unread))


def test_a_box_or_a_digit_shows_its_way_when_it_is_chosen(pictures: Page) -> None:
    pictures.locator("[data-example=form]").click()
    pictures.locator(".box").nth(3).click()
    expect(pictures.locator("#picture .which")).to_have_text("How the 1 in line 1 was read")
    expect(pictures.locator("#text .digit.chosen")).to_have_text("1")
    pictures.keyboard.press("ArrowRight")
    expect(pictures.locator("#picture .which")).to_have_text("How the 8 in line 1 was read")
    pictures.keyboard.press("End")
    expect(pictures.locator(".box").last).to_be_focused()
    pictures.locator("#text .digit").nth(8).click()
    expect(pictures.locator("#picture .which")).to_have_text("How the 8 in line 3 was read")
    expect(pictures.locator(".box").nth(8)).to_have_attribute("aria-pressed", "true")


def test_a_reading_is_copied_and_taken_along(open_page: OpenPage, reader: Reader) -> None:
    page = open_page("picture", permissions=("clipboard-read", "clipboard-write"))

    def saved(button: str) -> tuple[str, bytes]:
        with page.expect_download() as download:
            page.locator(button).click()
        return download.value.suggested_filename, Path(download.value.path()).read_bytes()

    show(page, EXAMPLE)
    answer(page, "\n".join(LINES))
    page.locator("#copy").click()
    expect(page.locator("#status")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == "\n".join(LINES)

    reading = reader.read(EXAMPLE).to_dict() | {"picture": "form.jpg"}
    name, content = saved("#save-json")
    assert (name, json.loads(content)) == ("form.json", reading)
    name, content = saved("#save-csv")
    rows = list(csv.reader(io.StringIO(content.decode())))
    assert (name, len(rows), tuple(rows[0])) == ("form.csv", 1 + len(reading["numbers"]), CSV_COLUMNS)
    number = reading["numbers"][-1]
    assert rows[-1] == ["form.jpg", "1", str(number["line"] + 1), "", "", "", number["text"], number["value"],
                        number["kind"], str(number["confidence"]), *map(str, number["box"]), "", ""]  # fmt: skip
    name, content = saved("#save-picture")
    picture = Image.open(io.BytesIO(content))
    assert (name, picture.format, picture.size) == ("form-read.jpg", "JPEG", (880, 640))


def test_a_table_is_copied_as_cells(open_page: OpenPage, tmp_path: Path) -> None:
    table = written(rules(3, 2), [["Total", "Sum"], ["12", ""], ["07", "345"]])
    Image.fromarray(table).save(tmp_path / "table.png")
    page = open_page("picture", permissions=("clipboard-read", "clipboard-write"))
    page.evaluate(
        """() => addEventListener("paste", (event) => {
          window.pasted = ["text/plain", "text/html"].map((type) => event.clipboardData.getData(type));
          event.stopImmediatePropagation();
        }, { capture: true })"""
    )

    def pasted() -> tuple[str, list[list[str]]]:
        """Paste, and return the text and the rows of cells in the HTML."""
        page.keyboard.press("Control+v")
        text, html = page.evaluate("pasted")
        # Excel changes "07" to 7 without this.
        [kept] = re.findall("<td([^>]*)>07<", html)
        assert "mso-number-format" in kept
        rows = re.findall("<tr>(.*?)</tr>", html)
        return text, [re.findall("<td[^>]*>(.*?)</td>", row) for row in rows]

    show(page, EXAMPLE)
    answer(page, "\n".join(LINES))
    expect(page.locator("#copy-table")).to_be_hidden()
    show(page, tmp_path / "table.png")
    cells = page.locator("#tables td")
    expect(cells).to_have_text(["", "", "12", "", "07", "345"])
    whole = "\t\n12\t\n07\t345", [["", ""], ["12", ""], ["07", "345"]]
    page.locator("#copy-table").click()
    expect(page.locator("#status")).to_have_text("Copied")
    assert pasted() == whole

    cells.nth(5).scroll_into_view_if_needed()
    first, last = (cells.nth(at).bounding_box() for at in (4, 5))
    assert first is not None
    assert last is not None
    page.mouse.move(first["x"] + 3, first["y"] + first["height"] / 2)
    page.mouse.down()
    page.mouse.move(last["x"] + last["width"] - 3, last["y"] + last["height"] / 2, steps=5)
    page.mouse.up()
    page.keyboard.press("Control+c")
    assert pasted() == ("07\t345", [["07", "345"]])

    page.locator("#text .digit").first.click()
    page.locator("#tables").focus()
    page.evaluate("getSelection().removeAllRanges()")
    page.keyboard.press("Control+c")
    assert pasted() == whole


def test_several_files_become_a_list_and_one_csv(pictures: Page) -> None:
    show(pictures, SEVEN, README, EXAMPLE)
    rows = pictures.locator("#rows tr")
    expect(rows).to_have_count(3)
    expect(rows.nth(0)).to_contain_text("7-shadow.jpg7")
    expect(rows.nth(1)).to_contain_text("This is not a picture that inkread knows")
    expect(rows.nth(2)).to_contain_text(" | ".join(LINES))
    expect(pictures.locator("#count")).to_have_text("3 pictures, 1 not read")
    answer(pictures, "7")
    rows.nth(2).click()
    answer(pictures, "\n".join(LINES))
    with pictures.expect_download() as download:
        pictures.locator("#all-csv").click()
    columns, seven, readme, *example = csv.reader(Path(download.value.path()).read_text().splitlines())
    assert tuple(columns) == CSV_COLUMNS
    assert (seven[0], seven[6]) == ("7-shadow.jpg", "7")
    assert (readme[0], readme[-1]) == ("README.md", "not-a-picture")
    assert [row[0] for row in example] == ["form.jpg"] * sum(len(line.split()) for line in LINES)


def test_the_pages_of_a_pdf_become_a_list(pictures: Page, tmp_path: Path) -> None:
    scan = save_pages(tmp_path / "scan.pdf", [digit_page(digit) for digit in (1, 4, 7)])
    show(pictures, SEVEN, scan, EXAMPLE)
    rows = pictures.locator("#rows tr")
    expect(rows).to_have_count(5)
    texts = ["7-shadow.jpg7", "scan.pdf#11", "scan.pdf#24", "scan.pdf#37", "form.jpg"]
    for row, text in enumerate(texts):
        expect(rows.nth(row)).to_contain_text(text)
    rows.nth(2).click()
    answer(pictures, "4")
    expect(pictures.locator("#text .left")).to_have_text("Page 2 of 3")
    expect(pictures.locator("#picture .glyph img")).to_have_attribute("alt", re.compile("The digit 4 as the network"))
    pictures.locator("#picture-way .ask").click()
    expect(pictures.locator("#picture .why .said")).to_contain_text("The network reads a 4")
    with pictures.expect_download() as download:
        pictures.locator("#all-json").click()
    found = json.loads(Path(download.value.path()).read_text())
    told = [(each["picture"], each["page"]) for each in found[1:4]]
    assert told == [("scan.pdf#1", 1), ("scan.pdf#2", 2), ("scan.pdf#3", 3)]


def test_the_page_asks_for_the_password_of_a_pdf(pictures: Page, tmp_path: Path) -> None:
    (tmp_path / "locked.pdf").write_bytes(encrypted_pdf(b"8 w 60 225 m 140 225 l 90 60 l S ", "geheim"))
    show(pictures, tmp_path / "locked.pdf")
    expect(pictures.locator("#text .detail")).to_have_text("This PDF is encrypted. Enter its password.")
    pictures.get_by_label("Password").fill("x")
    pictures.keyboard.press("Enter")
    expect(pictures.locator("#text .detail")).to_have_text(re.compile("The password is wrong"))
    expect(pictures.get_by_label("Password")).to_be_focused()
    pictures.keyboard.type("geheim")
    pictures.get_by_role("button", name="Open").click()
    answer(pictures, "7")
    pictures.locator("#picture-way .ask").click()
    expect(pictures.locator("#picture .why .said")).to_contain_text("The network reads a 7")


def test_pictures_can_be_removed_while_they_are_read(pictures: Page) -> None:
    held: list[Route] = []
    pictures.route("**/api/read*", lambda route: held.append(route))  # noqa: PLW0108 - Playwright asks for its signature
    show(pictures, SEVEN, EXAMPLE)
    expect(pictures.locator("#busy")).to_be_visible()
    pictures.locator("#remove").click()
    for gone in ("#pile", "#busy", "#frame"):
        expect(pictures.locator(gone)).to_be_hidden()
    expect(pictures.locator("#empty")).to_be_visible()
    pictures.unroute("**/api/read*")
    show(pictures, SEVEN)
    answer(pictures, "7")


def test_a_picture_without_writing_shows_no_box_and_no_digit(pictures: Page) -> None:
    blank = io.BytesIO()
    Image.new("RGB", (60, 40), "white").save(blank, "PNG")
    show(pictures, {"name": "blank.png", "mimeType": "image/png", "buffer": blank.getvalue()})
    expect(pictures.locator("#text .title")).to_have_text("Nothing is written here.")
    expect(pictures.locator("#frame img")).to_be_visible()
    expect(pictures.locator(".box, #picture .digit")).to_have_count(0)
    expect(pictures.locator("#copy")).to_be_hidden()


def test_what_is_said_about_a_picture_is_heeded_at_once(pictures: Page, reader: Reader) -> None:
    reading = reader.read(EXAMPLE)
    first = reading.digits[least_sure(reading)]
    second = sorted(range(10), key=lambda digit: first.probabilities[digit])[-2]
    show(pictures, EXAMPLE)
    answer(pictures, "\n".join(LINES))
    pictures.locator("#sure").select_option("0.99")
    expect(pictures.locator("#text .title")).to_have_text("Not sure enough to read it.")
    expect(pictures.locator("#text .detail")).to_contain_text(f"{first.digit} or {second}")
    pictures.locator("#sure").select_option("")
    answer(pictures, "\n".join(LINES))


def test_a_text_file_that_is_dropped_is_refused_in_words(page: Page) -> None:
    drop(page, "data.items.add(new File(['1, 2, 3'], 'notes.txt', { type: 'text/plain' }))")
    expect(page.locator("#picture")).to_be_visible()
    expect(page.locator("#text .title")).to_have_text("Not read.")
    expect(page.locator("#text .detail")).to_contain_text("This is not a picture that inkread knows")
    expect(page.locator("#stage")).to_contain_text("notes.txt")


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("data.setData('text/plain', '12')", "That was text."),
        ("data.setData('text/uri-list', 'https://example.org/7.jpg')", "inkread downloads nothing"),
    ],
)
def test_what_is_dropped_and_is_no_file_is_refused_in_words(page: Page, script: str, words: str) -> None:
    drop(page, script)
    expect(page.locator("#notice")).to_contain_text(words)


def test_a_picture_is_pasted(open_page: OpenPage) -> None:
    page = open_page(permissions=("clipboard-read", "clipboard-write"))
    page.evaluate(
        "async () => { const picture = await (await fetch('/static/examples/form.jpg')).blob();"
        "const canvas = document.createElement('canvas'); [canvas.width, canvas.height] = [880, 640];"
        "canvas.getContext('2d').drawImage(await createImageBitmap(picture), 0, 0);"
        "const png = await new Promise((done) => canvas.toBlob(done));"
        "await navigator.clipboard.write([new ClipboardItem({ 'image/png': png })]); }"
    )
    page.keyboard.press("Control+v")
    answer(page, "\n".join(LINES))
    page.evaluate("navigator.clipboard.writeText('12')")
    page.keyboard.press("Control+v")
    expect(page.locator("#notice")).to_contain_text("There is no picture on the clipboard.")


def test_a_picture_that_is_too_large_is_not_even_sent(open_page: OpenPage) -> None:
    page = open_page("picture")
    page.route("**/api/health", lambda route: route.fulfill(json={"version": "1", "limits": {"bytes": 10_000}}))
    page.reload()
    expect(page.locator("#about")).to_have_text("inkread 1")
    page.route("**/api/read*", lambda route: pytest.fail("it was sent"))
    show(page, SEVEN)
    expect(page.locator("#text .detail")).to_contain_text("the limit is 0.0 MB")


def test_a_busy_server_is_asked_again(pictures: Page) -> None:
    times = iter(range(9))

    def busy(route: Route) -> None:
        if next(times):
            return route.continue_()
        problem = {"code": "busy", "detail": "The server is busy."}
        return route.fulfill(status=503, headers={"Retry-After": "0.1"}, json=problem)

    pictures.route("**/api/read*", busy)
    show(pictures, SEVEN)
    answer(pictures, "7")


def test_a_server_that_does_not_answer_is_asked_again_until_it_does(pictures: Page) -> None:
    pictures.route("**/api/read*", lambda route: route.abort())
    show(pictures, SEVEN)
    expect(pictures.locator("#text .detail")).to_contain_text("Trying again every few seconds.")
    pictures.unroute("**/api/read*")
    answer(pictures, "7")
    pictures.route("**/api/read*", lambda route: route.abort())
    pictures.locator("#draw-tab").click()
    write(pictures, "7")
    expect(pictures.locator("#answer .detail")).to_contain_text("Trying again every few seconds.")
    pictures.unroute("**/api/read*")
    answer(pictures, "7")


def test_a_server_that_stays_busy_is_said_and_can_be_asked_by_hand(pictures: Page) -> None:
    busy = {"code": "too-long", "detail": "Reading took too long."}
    pictures.route("**/api/read*", lambda route: route.fulfill(status=503, json=busy))
    show(pictures, SEVEN)
    expect(pictures.locator("#text .detail")).to_have_text("Reading took too long.")
    pictures.unroute("**/api/read*")
    pictures.get_by_role("button", name="Try again").click()
    answer(pictures, "7")


# --- teaching


def number(page: Page, digit: str) -> Locator:
    """Return the button of the open section that says what a digit really is."""
    return page.locator(".way:visible").get_by_role("button", name=f"It is a {digit}")


def test_a_digit_is_corrected_with_one_press_and_the_press_is_taken_back(open_page: OpenPage, teachable: str) -> None:
    page = open_page("draw", address=teachable)
    write(page, "7")
    answer(page, "7")
    expect(page.locator("#draw .correct")).to_contain_text("Wrong? Correct it:")
    number(page, "3").click()
    answer(page, "3")
    sure = r"It was read as 7, [>0-9. ]+% sure\. If that is right, press Undo\."
    expect(page.locator("#draw .note")).to_have_text(re.compile(rf"^Corrected to 3\. {sure}Undo$"))
    expect(page.locator("#status")).to_have_text(re.compile("^(Corrected to 3|Read 3)"))
    page.locator("#draw .note").get_by_role("button", name="Undo").click()
    answer(page, "7")
    expect(page.locator("#draw .note")).to_have_text("Undone.")


def test_another_number_for_the_same_digit_is_told_and_undone_to_the_first(open_page: OpenPage, teachable: str) -> None:
    page = open_page("draw", address=teachable)
    write(page, "7")
    number(page, "3").click()
    answer(page, "3")
    number(page, "8").click()
    answer(page, "8")
    expect(page.locator("#draw .note")).to_contain_text("It was corrected to 3 before.")
    page.locator("#draw .note").get_by_role("button", name="Undo").click()
    answer(page, "3")
    expect(page.locator("#draw .note")).to_have_text("Undone. It is a 3 again.")


def test_a_number_key_corrects_the_digit_that_has_the_focus_and_it_keeps_it(
    open_page: OpenPage, teachable: str, reader: Reader
) -> None:
    reading = reader.read(EXAMPLE)
    index = least_sure(reading)
    texts = [str(digit.digit) for digit in reading.digits]
    texts[index] = "8"
    left = iter(texts)
    corrected = "".join(next(left) if letter.isdigit() else letter for letter in reading.text)
    page = open_page("picture", address=teachable)
    page.locator("[data-example=form]").click()
    answer(page, "\n".join(LINES))
    page.locator(".box.chosen").focus()
    page.keyboard.press("8")
    answer(page, corrected)
    expect(page.locator(".box.chosen")).to_have_text("8")
    expect(page.locator(".box.chosen")).to_be_focused()
    expect(page.locator("#picture .which")).to_have_text(f"How the 8 in line {reading.digits[index].line + 1} was read")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#picture .note")).to_be_empty()
    page.locator("#as").focus()
    # A field is not a digit, so nothing is taught.
    page.keyboard.press("5")
    expect(page.locator("#picture .note")).to_be_empty()


def test_keys_alone_teach_and_take_back(open_page: OpenPage, teachable: str) -> None:
    page = open_page("draw", address=teachable)
    write(page, "7")
    answer(page, "7")
    page.locator("#nib").focus()
    for focused in ("#answer .digit", "#draw .ask", "#draw .correct button:first-of-type"):
        page.keyboard.press("Tab")
        expect(page.locator(focused)).to_be_focused()
        # A busy browser draws it a moment later.
        expect(page.locator(focused)).to_have_css("outline-width", "3px")
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    expect(number(page, "3")).to_be_focused()
    # Moving there teaches nothing.
    answer(page, "7")
    page.keyboard.press("Enter")
    answer(page, "3")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Undo").last).to_be_focused()
    page.keyboard.press("Enter")
    answer(page, "7")
    expect(number(page, "3")).to_be_focused()


def test_what_was_taught_is_listed_forgotten_and_exported(open_page: OpenPage, teachable: str) -> None:
    page = open_page("draw", address=teachable)
    page.locator("#taught-tab").click()
    expect(page.locator("#nothing-taught")).to_be_visible()
    expect(page.locator("#export")).to_be_hidden()
    page.locator("#draw-tab").click()
    write(page, "7")
    number(page, "3").click()
    answer(page, "3")
    page.locator("#picture-tab").click()
    show(page, EXAMPLES / "3-plain.png")
    number(page, "5").click()
    answer(page, "5")
    page.locator("#taught-tab").click()
    expect(page.locator("#taught-count")).to_have_text("2 corrections")
    expect(page.locator(".lesson strong")).to_have_text(["5", "3"])
    expect(page.locator(".lesson").nth(0)).to_contain_text("3-plain.png")
    assert page.locator(".lesson img").first.evaluate("(image) => image.naturalWidth") == 28
    with page.expect_download() as download:
        page.locator("#export").click()
    with zipfile.ZipFile(download.value.path()) as archive:
        assert sorted(archive.namelist()) == ["3/000001.png", "5/000002.png", "taught.json"]
    page.get_by_role("button", name="Delete number 2, the 5 from 3-plain.png").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#taught-count")).to_have_text("1 correction")
    expect(page.locator("#status")).to_have_text("The 5 was deleted.")
    expect(page.get_by_role("button", name="Delete number 1, the 3 from drawing")).to_be_focused()
    page.locator("#picture-tab").click()
    answer(page, "3")


def test_what_cannot_be_taught_is_said_and_the_answer_stays(page: Page) -> None:
    problem = {"code": "locked", "detail": "Another program is changing the taught digits. Try again in a moment."}
    page.route("**/api/teach*", lambda route: route.fulfill(status=503, json=problem))
    write(page, "7")
    number(page, "3").click()
    expect(page.locator("#draw .note")).to_have_text(f"That did not work. {problem['detail']}")
    answer(page, "7")


def test_where_nobody_may_teach_the_page_offers_nothing_to_press(open_page: OpenPage) -> None:
    page = open_page()
    about = {"version": "1", "teaching": False, "limits": {"bytes": 1_000_000}}
    page.route("**/api/health", lambda route: route.fulfill(json=about))
    page.goto(f"{page.url.split('#')[0]}#taught")
    page.reload()
    expect(page.locator("#about")).to_have_text("inkread 1")
    expect(page.locator("#taught-tab")).to_be_hidden()
    expect(page.locator("#picture")).to_be_visible()
    page.locator("#draw-tab").click()
    page.route("**/api/teach*", lambda route: pytest.fail("it was taught"))
    write(page, "7")
    answer(page, "7")
    expect(page.locator("#draw .correct")).to_be_hidden()
    page.locator("#answer .digit").focus()
    page.keyboard.press("3")
    answer(page, "7")


# --- explaining


def test_a_click_on_a_digit_explains_it(page: Page) -> None:
    write(page, "7")
    answer(page, "7")
    panel = page.locator("#draw-why")
    expect(panel).to_be_hidden()
    page.locator("#answer .digit").click()
    expect(panel.locator(".said")).to_have_text(re.compile(r"^The network reads a 7\. The runner-up is an? \d\. $"))
    expect(panel.locator("figure strong")).to_have_text(
        ["What the network sees", "Ink for 7", "Paper for 7", re.compile(r"^To be read as \d$")]
    )
    expect(panel.locator(".layer-name").first).to_have_text(re.compile("^convolution 3 . 3 16 maps of 28 . 28$"))
    expect(panel.locator(".layer").first).to_be_hidden()
    panel.locator("summary").click()
    first, second = panel.locator(".layer").nth(0), panel.locator(".layer").nth(1)
    expect(first.locator(".maps li")).to_have_count(16)
    expect(second.locator(".maps li")).to_have_count(16)
    second.get_by_role("button", name="Show all 48").click()
    expect(second.locator(".maps li")).to_have_count(48)
    shades = "(canvas) => new Set(canvas.getContext('2d').getImageData(0, 0, 14, 14).data).size"
    assert first.locator("canvas").first.evaluate(shades) > 2, "something is drawn"
    expect(panel.locator(".classes").last.locator(".top")).to_contain_text("7")
    page.locator("#draw .ask").click()
    expect(panel).to_be_hidden()


def test_the_explanation_follows_the_digit_by_keys_alone(pictures: Page, reader: Reader) -> None:
    steps = reader.steps(EXAMPLE)
    first = int(np.argmin([digit.confidence for digit in steps.reading.digits]))
    answers = reader.classifier.network.classify(steps.glyphs).argmax(axis=1)
    pictures.locator("[data-example=form]").click()
    answer(pictures, "\n".join(LINES))
    why = pictures.locator("#picture .ask")
    why.focus()
    pictures.keyboard.press("Enter")
    expect(why).to_have_attribute("aria-expanded", "true")
    said = pictures.locator("#picture-why .said")
    expect(said).to_contain_text(f"reads a {answers[first]}", timeout=30_000)
    expect(pictures.locator("#status")).to_contain_text("The runner-up")
    pictures.locator(".box.chosen").focus()
    pictures.keyboard.press("ArrowRight")
    expect(said).to_contain_text(f"reads a {answers[first + 1]}", timeout=30_000)
    why.click()
    expect(why).to_have_attribute("aria-expanded", "false")


# --- the camera


def test_a_photo_is_taken_and_read_and_the_camera_stops(open_page: OpenPage) -> None:
    page = open_page("picture", permissions=("camera",))
    page.locator("#photograph").click()
    page.locator("#shoot:enabled").click()
    expect(page.locator("#camera")).to_be_hidden()
    expect(page.locator("#frame img")).to_be_visible()
    expect(page.locator("#text .title, #text .line").first).to_be_visible()
    assert page.evaluate("document.getElementById('video').srcObject") is None


def test_without_leave_for_the_camera_a_file_can_be_chosen(pictures: Page) -> None:
    pictures.locator("#photograph").click()
    expect(pictures.locator("#camera-message")).to_contain_text("does not allow this page to use the camera")
    expect(pictures.locator("#shoot")).to_be_hidden()
    pictures.locator("#capture").set_input_files(SEVEN)
    expect(pictures.locator("#camera")).to_be_hidden()
    answer(pictures, "7")


# --- keys alone


def test_keys_alone_draw_and_clear(open_page: OpenPage) -> None:
    page = open_page()
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#draw-tab")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.locator("#canvas")).to_be_focused()
    expect(page.locator("#keys")).to_have_css("opacity", "1")
    page.keyboard.press("Space")
    for _ in range(18):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    answer(page, "1")
    expect(page.locator("#status")).to_have_text(re.compile("^Read 1, "))
    page.keyboard.press("Control+z")
    expect(page.locator("#prompt")).to_be_visible()
    # There is nothing left to undo.
    page.keyboard.press("Control+z")
    page.keyboard.press("Space")
    for _ in range(18):
        page.keyboard.press("ArrowUp")
    page.keyboard.press("Space")
    answer(page, "1")
    for focused in ("#undo", "#clear", "#nib"):
        page.keyboard.press("Tab")
        expect(page.locator(focused)).to_be_focused()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#prompt")).to_be_visible()


def test_keys_alone_bring_a_picture_in_and_walk_its_digits(page: Page, reader: Reader) -> None:
    # Choosers are intercepted from now on, not while Enter is pressed.
    page.on("filechooser", lambda _: None)
    page.locator("#draw-tab").focus()
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#picture-tab")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.locator("#choose")).to_be_focused()
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Enter")
    chooser.value.set_files(EXAMPLE)
    expect(page.locator(".box.chosen")).to_be_visible()
    for focused in ("#photograph", "#as", "#print", "#sure", ".box.chosen", "#zoom-in", "#edit"):
        page.keyboard.press("Tab")
        expect(page.locator(focused)).to_be_focused()
        # A busy browser draws it a moment later.
        expect(page.locator(focused)).to_have_css("outline-width", "3px")
    page.locator(".box.chosen").focus()
    page.keyboard.press("ArrowRight")
    reading = reader.read(EXAMPLE)
    after = reading.digits[least_sure(reading) + 1]
    expect(page.locator("#picture .which")).to_have_text(f"How the {after.digit} in line {after.line + 1} was read")


# --- what a page has to keep to


@pytest.mark.parametrize(("scheme", "rules"), [("light", None), ("dark", ["color-contrast"])])
def test_axe_finds_nothing_serious(open_page: OpenPage, scheme: str, rules: list[str] | None) -> None:
    page = open_page(color_scheme=scheme, permissions=("camera",))
    options = {"resultTypes": ["violations"], **({"runOnly": rules} if rules else {})}

    def is_fine(state: str) -> None:
        found = Axe().run(page, options=options).response["violations"]
        grave = [(rule["id"], rule["nodes"][0]["html"]) for rule in found if rule["impact"] in {"serious", "critical"}]
        assert grave == [], state

    is_fine("empty")
    page.locator("#draw-tab").click()
    write(page, "17")
    answer(page, "17")
    is_fine("drawn")
    page.locator("#draw .ask").click()
    expect(page.locator("#draw-why figure")).to_have_count(4)
    is_fine("explained")
    page.locator("#taught-tab").click()
    expect(page.locator("#nothing-taught")).to_be_visible()
    is_fine("nothing taught")
    page.locator("#picture-tab").click()
    is_fine("no picture")
    show(page, EXAMPLE)
    answer(page, "\n".join(LINES))
    page.locator("#edit").click()
    page.locator("#text summary").click()
    is_fine("a form whose boxes are edited")
    show(page, README)
    expect(page.locator("#text .title")).to_have_text("Not read.")
    is_fine("a failure in a list")
    page.locator("#photograph").click()
    expect(page.locator("#shoot")).to_be_enabled()
    is_fine("the camera")


def test_forced_colours_hide_no_picture_below_its_boxes(open_page: OpenPage) -> None:
    page = open_page("picture", forced_colors="active")
    show(page, EXAMPLE)
    answer(page, "\n".join(LINES))
    expect(page.locator(".box").last).to_have_css("background-color", "rgba(0, 0, 0, 0)")
    expect(page.locator("#picture-tab")).to_have_css("outline-style", "solid")


def test_the_page_fits_its_window_at_any_width_and_size_of_text(page: Page) -> None:
    def fits(state: str) -> None:
        for width, text in itertools.product((320, 360, 768, 1440), ("100%", "200%")):
            page.set_viewport_size({"width": width, "height": 800})
            page.evaluate("(size) => { document.documentElement.style.fontSize = size; }", text)
            assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, (state, width, text)

    write(page, "1947", seed=3)
    answer(page, "1947")
    page.locator("#draw .ask").click()
    expect(page.locator("#draw-why figure")).to_have_count(4)
    fits("a number, explained")
    page.locator("#picture-tab").click()
    fits("no picture")
    show(page, EXAMPLE, README)
    answer(page, "\n".join(LINES))
    page.locator("#edit").click()
    page.locator("#text summary").click()
    page.locator("#zoom-in").click()
    fits("a list, and boxes that are edited")


def test_the_first_view_is_light(open_page: OpenPage) -> None:
    page = open_page()
    sizes: dict[str, int] = {}
    page.on("requestfinished", lambda request: sizes.update({request.url: request.sizes()["responseBodySize"]}))
    page.reload()
    expect(page.locator("#about")).to_have_text(f"inkread {inkread.__version__}")
    page.locator("#draw-tab").click()
    write(page, "7")
    answer(page, "7")
    first = {url: size for url, size in sizes.items() if "/api/read" not in url}
    assert len(first) > 10
    assert sum(first.values()) < 60_000, first
