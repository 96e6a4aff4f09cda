"""Take the screenshot for the README, draw the page's example pictures, or time answers, by driving the page.

    python docs/screenshots.py              # docs/page.png; needs Chromium
    python docs/screenshots.py --examples   # src/inkread/web/static/examples/
    python docs/screenshots.py --speed      # the time from the last stroke to the answer

`tests/test_web_page.py` uses these functions to drive the page.
"""

from __future__ import annotations

import argparse
import io
import itertools
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
from matplotlib import font_manager
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont, ImageOps
from playwright.sync_api import Browser, Page, sync_playwright

from inkread.drawing import Hand, digit_strokes, draw_digit, draw_ink, lay_ground, show
from inkread.files import whole_file

HERE = Path(__file__).parent
EXAMPLES = HERE.parent / "src" / "inkread" / "web" / "static" / "examples"
EXAMPLE = EXAMPLES / "form.jpg"
LINES = ("40518", "24", "186.5", "3072")
"""The text of the example form."""

# The other digits have the plain shape.
_SHAPES = {"4": "open", "9": "straight"}

# Chromium has no sandbox for root.
_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
)

# Records, for the last answer to each drawing, the milliseconds from lifting the pen to the frame that shows it.
_STOPWATCH = """() => {
  window.times = [];
  const paper = document.getElementById("canvas");
  let lifted = 0;
  let last = null;
  const note = () => { if (last) times.push(last); last = null; };
  paper.addEventListener("pointerdown", () => { last = null; });
  paper.addEventListener("pointerup", () => { lifted = performance.now(); });
  document.getElementById("clear").addEventListener("click", note, { capture: true });
  new MutationObserver(() => requestAnimationFrame(() => { last = performance.now() - lifted; }))
    .observe(document.getElementById("answer"), { childList: true });
}"""


@contextmanager
def served() -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Run `inkread web` on a free port; give the page's address and the process, which is stopped as by Ctrl-C."""
    command = [sys.executable, "-m", "inkread", "web", "--port", "0", "--no-browser"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:  # noqa: S603 - our own command
        try:
            # The fourth word of the line is the address.
            line = server.stdout.readline() if server.stdout else ""
            yield line.split()[3].rstrip("/"), server
        finally:
            server.send_signal(signal.SIGINT)
            server.wait()


@contextmanager
def chromium(path: str) -> Iterator[Browser]:
    """Start the Chromium at `path`, with a fake camera."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(_FLAGS))
        yield browser
        browser.close()


def pen_paths(page: Page, text: str, *, seed: int = 0) -> list[list[tuple[float, float]]]:
    """Return the paths of a pen that writes digits on the page's canvas, in pixels of the window."""
    left, top, width, height = page.locator("#canvas").evaluate(
        "(canvas) => { const { x, y, width, height } = canvas.getBoundingClientRect(); return [x, y, width, height]; }"
    )
    rng = np.random.default_rng(seed)
    hand = Hand.random(rng=rng)
    side = min(0.6 * height, width / (0.8 * len(text) + 0.4))
    ways = []
    for place, sign in enumerate(text):
        across = left + width / 2 + side * (0.8 * (place - (len(text) - 1) / 2) - 0.5)
        corner = np.array([across, top + (height - side) / 2])
        for stroke in digit_strokes(int(sign), rng=rng, shape=_SHAPES.get(sign, "plain"), hand=hand):
            points = np.vstack([stroke[:-1:8], stroke[-1:]]) * side + corner
            ways.append([(float(x), float(y)) for x, y in points])
    return ways


def write(page: Page, text: str, *, seed: int = 0) -> None:
    """Write digits on the page's canvas with the mouse."""
    for first, *others in pen_paths(page, text, seed=seed):
        page.mouse.move(*first)
        page.mouse.down()
        for point in others:
            page.mouse.move(*point)
        page.mouse.up()


def draw_examples() -> None:
    """Draw the example pictures of the page, a digit, a form and a table, and a thumbnail of each."""
    EXAMPLES.mkdir(exist_ok=True)
    hand = Hand(slant=0.12, wobble=0.012, haste=0.02)
    seven = draw_digit(7, rng=np.random.default_rng(7), size=(480, 640), ground="paper", pen="felt-tip", hand=hand)
    for name, picture in {"digit": seven, "form": _form(hand), "table": _table(hand)}.items():
        with whole_file(EXAMPLES / f"{name}.jpg") as path:
            Image.fromarray(picture).save(path, quality=80)
        with whole_file(EXAMPLES / f"{name}-small.webp") as path:
            ImageOps.fit(Image.fromarray(picture), (320, 240)).save(path, quality=60)


class _Paper:
    """A page with print and handwriting. Places are in pixels from its left upper corner."""

    def __init__(self, size: tuple[int, int], hand: Hand, seed: int) -> None:
        self.size, self.hand, self.rng = size, hand, np.random.default_rng(seed)
        self.print = Image.new("L", size[::-1], 0)
        self.draw = ImageDraw.Draw(self.print)
        self.strokes: list[NDArray[np.float64]] = []

    def say(self, text: str, at: tuple[float, float], *, height: int) -> None:
        """Print a text whose line has its left middle at a place."""
        font = ImageFont.truetype(font_manager.findfont("DejaVu Sans"), height)
        self.draw.text(at, text, fill=210, font=font, anchor="lm")

    def rule(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Print a rule."""
        self.draw.line([start, end], fill=150, width=2)

    def write(self, text: str, at: tuple[float, float], *, height: float) -> None:
        """Write digits and points by hand. `at` is the left lower corner."""
        x, bottom = at
        for sign in text:
            if sign == ".":
                corner = np.array([x + 0.1 * height, bottom - 0.05 * height])
                self.strokes.append(corner + np.array([[0, 0], [2, 1], [3, 4], [1, 4], [0, 1]]))
                x += 0.38 * height
                continue
            corner = np.array([x, bottom - height + self.rng.normal(0, 0.03) * height])
            strokes = digit_strokes(int(sign), rng=self.rng, shape=_SHAPES.get(sign, "plain"), hand=self.hand)
            self.strokes += [stroke * height + corner for stroke in strokes]
            x += (0.62 if sign == "1" else 0.82) * height

    def photographed(self) -> NDArray[np.uint8]:
        """Return a photograph of the page, (H, W, 3) uint8."""
        ground = lay_ground("paper", size=self.size, rng=self.rng)
        printed = np.asarray(self.print, np.float32)[..., None] / 255
        ink = draw_ink(self.strokes, size=self.size, pen="ballpoint", width=4.5, rng=self.rng)
        colour = np.array([0.1, 0.16, 0.42], np.float32)
        paper = np.asarray(ground.paper * (1 - printed), np.float32)
        return show(ink, colour, replace(ground, paper=paper), rng=self.rng)


def _form(hand: Hand) -> NDArray[np.uint8]:
    page = _Paper((640, 880), hand, seed=5)
    page.say("Delivery note", (70, 80), height=40)
    fields = {"Order": "40518", "Boxes": "24", "Weight in kg": "186.5", "Received by": "3072"}
    for at, (label, text) in enumerate(fields.items()):
        y = 200 + 110 * at
        page.say(label, (70, y - 22), height=27)
        page.rule((330, y), (760, y))
        page.write(text, (360, y - 8), height=58)
    return page.photographed()


def _table(hand: Hand) -> NDArray[np.uint8]:
    page = _Paper((640, 880), hand, seed=8)
    rows = (
        ("Day", "Min", "Max"),
        ("1", "13.5", "21.0"),
        ("2", "9.8", "19.5"),
        ("3", "", "23.1"),
        ("4", "14.2", "26.7"),
    )
    lefts, tops = (90, 250, 520, 790), range(70, 571, 100)
    for y in tops:
        page.rule((lefts[0], y), (lefts[-1], y))
    for x in lefts:
        page.rule((x, tops[0]), (x, tops[-1]))
    for y, row in zip(tops, rows, strict=False):
        for x, text in zip(lefts, row, strict=False):
            if y == tops[0]:
                page.say(text, (x + 30, y + 50), height=30)
            else:
                page.write(text, (x + 40, y + 78), height=56)
    return page.photographed()


def take_screenshot() -> None:
    """Open the example picture on the page, and save a screenshot of its reading."""
    with served() as (address, _), chromium(installed()) as browser:
        page = browser.new_page(viewport={"width": 1200, "height": 800}, color_scheme="light")
        page.goto(f"{address}/#picture")
        page.locator("[data-example=form]").click()
        page.locator(".box.chosen").wait_for()
        shot = Image.open(io.BytesIO(page.screenshot(full_page=True)))
    # Reducing the colours halves the size and is hardly visible.
    with whole_file(HERE / "page.png") as file:
        shot.convert("RGB").quantize(128, kmeans=3, dither=Image.Dither.NONE).save(file, optimize=True)


def installed() -> str:
    """Return the path of Chromium, or exit with a message if it is not installed."""
    return shutil.which("chromium") or sys.exit("chromium is not installed; apt-get install chromium")


def time_answers(rounds: int = 3) -> None:
    """Write all digits, and print the time from lifting the pen to showing the answer."""
    with served() as (address, _), chromium(installed()) as browser:
        page = browser.new_page(viewport={"width": 1200, "height": 800})
        page.goto(f"{address}/#draw")
        page.evaluate(_STOPWATCH)
        for seed, digit in itertools.product(range(rounds), "0123456789"):
            write(page, digit, seed=seed)
            page.wait_for_timeout(700)
            page.locator("#clear").click()
        times = sorted(float(time) for time in page.evaluate("times"))
    most = times[-1 - len(times) // 10]
    print(f"{len(times)} digits: median {np.median(times):.0f} ms, nine of ten within {most:.0f} ms")


def main() -> None:
    """Run the requested job."""
    parser = argparse.ArgumentParser(description="Take a screenshot of the page.")
    parser.add_argument("--examples", action="store_true", help="draw the page's example pictures instead")
    parser.add_argument("--speed", action="store_true", help="measure the time for answers instead")
    options = parser.parse_args()
    if options.examples:
        draw_examples()
    elif options.speed:
        time_answers()
    else:
        take_screenshot()


if __name__ == "__main__":
    main()
