"""Attacks with models: memory and time that depend on the picture, and pipes in place of files."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from attacks import shape_from_data

from inkread import ModelError, Reader
from inkread.loading import load_classifier
from inkread.models import card, session
from inkread.models.card import CARD_NAME
from inkread.models.detector import SHIPPED_DETECTOR, load_detector

INK = np.ones((2, 28, 28), np.float32)


def test_memory_that_depends_on_the_picture_is_bounded(tmp_path: Path) -> None:
    pytest.importorskip("onnx", reason="needs the extra 'train'")
    classifier = load_classifier(shape_from_data(tmp_path / "a.onnx", elements=1.5e9))
    for _ in range(2):
        with pytest.raises(ModelError, match=r"a.onnx: cannot be run on 2 glyphs \(it asks for more than 1024 MiB\)"):
            classifier.classify(INK)
    assert classifier.classify(0 * INK).shape == (2, 11)


def test_time_that_depends_on_the_picture_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("onnx", reason="needs the extra 'train'")
    monkeypatch.setattr(session, "LONGEST_RUN", 0.2)
    classifier = load_classifier(shape_from_data(tmp_path / "a.onnx", elements=500, products=3000))
    began = time.monotonic()
    with pytest.raises(ModelError, match=r"cannot be run on 2 glyphs \(it takes more than 0.2 seconds\)"):
        classifier.classify(INK)
    assert time.monotonic() - began < 5


def test_a_foreign_detector_is_bounded_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "detector").mkdir()
    (tmp_path / "detector" / "model.onnx").write_bytes(SHIPPED_DETECTOR.read_bytes())
    detector = load_detector(tmp_path)
    view = np.zeros((512, 512), np.float32)
    assert np.array_equal(detector.outputs(view), load_detector().outputs(view))
    monkeypatch.setattr(session, "LONGEST_RUN", 0.0)
    with pytest.raises(ModelError, match=r"model.onnx: cannot be run on 512 x 512 pixels \(it takes more than 0 sec"):
        detector.outputs(view)
    assert load_detector().outputs(view).shape[:2] == (128, 128)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such pipes")
@pytest.mark.parametrize("name", [CARD_NAME, "model.onnx"])
def test_a_pipe_in_a_model_folder_keeps_nobody_waiting(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    with pytest.raises(ModelError, match=f"{name}: is not a file"):
        Reader(tmp_path)


def test_a_card_of_any_size_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(card, "_LARGEST", 10)
    (tmp_path / CARD_NAME).write_bytes(b" " * 11)
    with pytest.raises(ModelError, match="has over 10 bytes"):
        Reader(tmp_path)
