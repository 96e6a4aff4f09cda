"""Take the screenshot for the README, draw the page's example picture, or time answers, by driving the page.

    python docs/screenshots.py              # docs/page.png; needs Chromium
    python docs/screenshots.py --example    # src/inkread/web/static/example.jpg
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
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from inkread.drawing import Hand, digit_strokes, draw_sheet
from inkread.files import whole_file

HERE = Path(__file__).parent
EXAMPLE = HERE.parent / "src" / "inkread" / "web" / "static" / "example.jpg"
LINES = ("1492 1776", "1903 1969", "2007 2026")
"""The text of the example picture."""

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


def draw_example() -> None:
    """Draw the example picture of the page: hasty handwriting, a shadow, and one ambiguous digit."""
    hand = Hand(slant=0.15, breadth=0.9, wobble=0.035, haste=0.05, tremor=0.004)
    picture = draw_sheet(
        LINES,
        rng=np.random.default_rng([5, 254]),
        size=(640, 880),
        ground="shadow",
        pen="felt-tip",
        hand=hand,
        height=72,
        uneven=0.1,
        slope=0.03,
        leading=2.1,
    )
    with whole_file(EXAMPLE) as path:
        Image.fromarray(picture).save(path, quality=72)


def take_screenshot() -> None:
    """Open the example picture on the page, and save a screenshot of its reading."""
    with served() as (address, _), chromium(installed()) as browser:
        page = browser.new_page(viewport={"width": 1200, "height": 800}, color_scheme="light")
        page.goto(f"{address}/#picture")
        page.locator("#example").click()
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
        page.goto(address)
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
    parser.add_argument("--example", action="store_true", help="draw the page's example picture instead")
    parser.add_argument("--speed", action="store_true", help="measure the time for answers instead")
    options = parser.parse_args()
    if options.example:
        draw_example()
    elif options.speed:
        time_answers()
    else:
        take_screenshot()


if __name__ == "__main__":
    main()
