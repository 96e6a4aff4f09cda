"""The page without a server: it answers as Python does, and a browser draws on it, opened as a file."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("playwright", reason="needs the extra 'dev'")
pytest.importorskip("onnx", reason="needs the extra 'train'")

from playwright.sync_api import Browser, Page, expect
from screenshots import write
from static_page import LOCAL, MOST_BYTES, build, bundle

from inkread import Reader
from inkread.drawing import digit_strokes, draw_ink

expect.set_options(timeout=15_000)

CLOSE = 0.002
"""How much a probability may differ from Python's: the page has the weights as float16."""

HEIGHT, WIDTH = 200, 180

Grey = NDArray[np.uint8]

CLASSIFY = """(text) => {
  const network = new networkModule.Network(JSON.parse(document.getElementById("network").textContent));
  const numbers = new Float32Array(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer);
  const glyph = (_, at) => numbers.subarray(784 * at, 784 * (at + 1));
  return Array.from({ length: numbers.length / 784 }, glyph).map((glyph) => network.classify(glyph));
}"""

READ = """([text, width, height]) => {
  const grey = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  return Array.from({ length: grey.length / width / height }, (_, at) => {
    const image = new ImageData(width, height);
    for (let pixel = 0; pixel < width * height; pixel++) {
      const level = grey[at * width * height + pixel];
      image.data.set([level, level, level, 255], 4 * pixel);
    }
    const ink = glyphModule.inkOf(image);
    const [part] = glyphModule.partsOf(ink).flat();
    const { data } = glyphModule.normalised(glyphModule.cutOut(ink, part));
    return { reading: localModule.readDrawing(image), glyph: [...data] };
  });
}"""


@pytest.fixture(scope="module")
def html() -> str:
    return build()


@pytest.fixture
def page(browser: Browser, html: str, tmp_path: Path) -> Iterator[Page]:
    """Return the page, opened from a file; afterwards, it may not have complained, nor asked for anything else."""
    file = tmp_path / "index.html"
    file.write_text(html, encoding="utf-8")
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page, seen = context.new_page(), []
    page.on("pageerror", lambda error: seen.append(str(error)))
    page.on("console", lambda message: seen.append(message.text))
    page.on("request", lambda request: seen.append(request.url))
    page.goto(file.as_uri())
    yield page
    context.close()
    assert [text for text in seen if not text.startswith(("data:", "blob:"))] == [file.as_uri()]


def drawings(count: int) -> list[Grey]:
    """Return drawings of digits of every class, by many hands, large and small, with thin and thick pens."""
    found = []
    for seed in range(count):
        rng = np.random.default_rng(seed)
        side, width = rng.uniform(40, 150), rng.uniform(5, 20)
        strokes = [side * stroke + rng.uniform(8, 20, 2) for stroke in digit_strokes(seed % 10, rng=rng)]
        ink = draw_ink(strokes, size=(HEIGHT, WIDTH), pen="screen", width=width, rng=rng)
        found.append(np.asarray(np.rint(255 * (1 - ink)), np.uint8))
    return found


def text_of(array: NDArray[Any]) -> str:
    return base64.b64encode(array.tobytes()).decode()


def test_the_network_answers_as_in_python_on_500_glyphs(page: Page, reader: Reader) -> None:
    rng = np.random.default_rng(0)
    plain = [reader.steps(drawing, as_="digit").glyphs[0] for drawing in drawings(20)]
    turned = [
        cv2.warpAffine(glyph, np.array([[1, 0, 0], [0, 1, 0]]) + rng.normal(0, [[0.15, 0.15, 2]] * 2), (28, 28))
        for glyph in plain
        for _ in range(25)
    ]
    glyphs = np.asarray(np.clip(turned, 0, 1), np.float32)
    there = np.array(page.evaluate(CLASSIFY, text_of(glyphs)))
    here = reader.classifier.classify(glyphs)
    assert there.shape == here.shape == (500, 11)
    assert np.abs(there - here).max() < CLOSE
    sure = here.max(axis=1) > 0.5 + CLOSE
    assert sure.mean() > 0.8
    assert (there.argmax(axis=1) == here.argmax(axis=1))[sure].all()


def test_drawings_are_read_as_in_python(page: Page, reader: Reader) -> None:
    pictures = drawings(40)
    steps = [reader.steps(picture, as_="digit") for picture in pictures]
    found = page.evaluate(READ, [text_of(np.stack(pictures)), WIDTH, HEIGHT])
    for seen, step in zip(found, steps, strict=True):
        reading = seen["reading"]
        assert reading["text"] == step.reading.text
        assert (reading["refused"] or {}).get("code") == (step.reading.refused and step.reading.refused.code)
        assert np.abs(np.array(reading["steps"]["glyphs"][0]["probabilities"]) - step.probabilities[0]).max() < CLOSE
    apart = [
        np.abs(np.array(seen["glyph"]) - step.glyphs[0].ravel()).max() for seen, step in zip(found, steps, strict=True)
    ]
    assert np.quantile(apart, 0.8) < 1e-4
    assert max(apart) < 0.25


@pytest.mark.parametrize("text", ["7", "1492"])
def test_what_is_drawn_is_read(page: Page, text: str) -> None:
    write(page, text)
    expect(page.locator("#answer .line")).to_have_text(text)
    expect(page.locator("#answer .sure")).to_have_text(re.compile(r"^(> )?\d+\.\d% sure"))
    expect(page.locator(".bar.top .name")).to_have_text(text[-1])
    assert page.locator(".glyph img").evaluate("(image) => image.naturalWidth") == 28
    page.locator("#clear").click()
    expect(page.locator("#answer")).to_have_text("The answer appears here while you draw.")


def test_what_is_no_digit_is_refused(page: Page) -> None:
    box = page.locator("#canvas").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 100, box["y"] + 100)
    page.mouse.down()
    for step in range(20):
        page.mouse.move(box["x"] + 100 + 15 * step, box["y"] + 200 + (-1) ** step * 90)
    page.mouse.up()
    expect(page.locator("#answer .title")).to_have_text("This does not look like a digit.")
    expect(page.locator(".bar.none")).to_be_visible()


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_nothing_is_cut_off(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0


def test_the_page_is_one_small_file(html: str) -> None:
    assert len(html.encode()) <= MOST_BYTES
    assert html.count("<script") == 2
    assert not re.search(r"<script[^>]+(src|module)|\bfetch\(|XMLHttpRequest|^(import|export) ", html, re.MULTILINE)
    assert re.findall(r'(?:src|href)="(?!data:|#)([^"]+)"', html) == ["https://github.com/inkread/inkread"]


def test_a_script_that_cannot_be_bundled_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LOCAL, "api.js", "camera.js")
    monkeypatch.setattr("static_page._EXPORT", re.compile(r"^export (?=function (\w+))", re.MULTILINE))
    with pytest.raises(ValueError, match="not understood: export"):
        bundle("start.js")
