"""Attacks on reading: pages of which every pixel may be writing. Seconds are those of the processor."""

from __future__ import annotations

import time
from collections.abc import Callable

import attacks
import pytest
from PIL import Image

from inkread import Reader

PAGES: dict[str, Callable[[], Image.Image]] = {
    "dots": lambda: attacks.dots(330, pitch=8),
    "salt": lambda: attacks.salt(1000),
    "print": attacks.printed_page,
}


@pytest.mark.parametrize("kind", PAGES)
def test_a_page_full_of_ink_takes_seconds(reader: Reader, kind: str) -> None:
    page = PAGES[kind]()
    began = time.process_time()
    reading = reader.read(page)
    assert time.process_time() - began < 5
    assert reading.refused or reading.unread
