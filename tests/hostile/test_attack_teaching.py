"""Attacks on what is taught: imports that unpack to gigabytes, links out of a folder, pipes, NaN, many lessons."""

from __future__ import annotations

import os
import stat
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from attacks import zip_of_lists

from inkread import DataError, ModelError, PictureError, Reader
from inkread.models.classifier import Classifier
from inkread.teaching import Lesson, Profile, exchange
from inkread.teaching.exchange import LIST_NAME, export, import_lessons
from inkread.teaching.neighbours import MOST
from inkread.teaching.store import Store

PLAIN = Path(__file__).parents[2] / "examples" / "3-plain.png"


def lessons(count: int, *, crop: bytes = b"") -> list[Lesson]:
    rng = np.random.default_rng(0)
    return [Lesson(3, rng.integers(0, 255, (28, 28), np.uint8), "a.png", crop=crop) for _ in range(count)]


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    """Return an exported folder with one digit."""
    profile = Profile(path=tmp_path / "taught.sqlite")
    profile.add(lessons(1))
    export(profile.lessons(), tmp_path / "exported")
    return tmp_path / "exported"


def test_a_list_of_nothing_but_lists_is_refused_before_it_is_parsed(tmp_path: Path, reader: Reader) -> None:
    place = zip_of_lists(tmp_path / "a.zip", count=100_000)
    assert place.stat().st_size < 2000
    with pytest.raises(DataError, match=r"a.zip: is damaged \(it has many more values than a list of digits\)"):
        list(import_lessons(place, reader))


def test_an_export_of_any_size_is_no_list_of_lists(tmp_path: Path, reader: Reader) -> None:
    profile = Profile(path=tmp_path / "taught.sqlite")
    profile.add(lessons(300))
    export(profile.lessons(), tmp_path / "exported")
    assert len(list(import_lessons(tmp_path / "exported", reader))) == 300


def test_all_that_is_unpacked_counts_together(exported: Path, reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "LARGEST_IMPORT", (exported / LIST_NAME).stat().st_size + 10)
    with pytest.raises(DataError, match=r"is damaged \(it has over 0 megabytes; export it in parts\)"):
        list(import_lessons(exported, reader))


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege")
@pytest.mark.parametrize("name", ["3/000001.png", LIST_NAME])
def test_a_link_out_of_the_folder_is_refused(exported: Path, reader: Reader, tmp_path: Path, name: str) -> None:
    (exported / name).rename(tmp_path / "outside")
    (exported / name).symlink_to(tmp_path / "outside")
    with pytest.raises(DataError, match=f"is damaged \\({name} is not a file inside this folder\\)"):
        list(import_lessons(exported, reader))


def test_what_is_no_picture_is_not_kept_as_one(exported: Path, reader: Reader) -> None:
    (exported / "3" / "000001.png").write_text("root:x:0:0", encoding="utf-8")
    with pytest.raises(DataError, match=r"is damaged \(3/000001.png is not a PNG\)"):
        list(import_lessons(exported, reader))


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such pipes")
def test_pipes_and_links_among_pictures_are_told(tmp_path: Path, reader: Reader) -> None:
    folder = tmp_path / "digits"
    (folder / "3").mkdir(parents=True)
    os.mkfifo(folder / "3" / "pipe.png")
    (folder / "3" / "link.png").symlink_to(PLAIN)
    (folder / "3" / "whole.png").write_bytes(PLAIN.read_bytes())
    link, pipe, whole = import_lessons(folder, reader)
    assert isinstance(link, PictureError)
    assert isinstance(pipe, PictureError)
    assert "is not a file inside this folder; copy the picture into it" in pipe.message
    assert isinstance(whole, Lesson)
    os.mkfifo(folder / LIST_NAME)
    with pytest.raises(DataError, match=f"{LIST_NAME} is not a file inside this folder"):
        list(import_lessons(folder, reader))


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such permissions")
def test_nobody_else_can_read_what_was_taught(tmp_path: Path) -> None:
    profile = Profile(path=tmp_path / "taught.sqlite")
    profile.add(lessons(1))
    assert stat.S_IMODE(profile.path.stat().st_mode) == 0o600


def test_features_that_are_not_finite_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    network = Reader(profile=None).classifier.network
    plain = network.classify_with_features(np.zeros((1, 28, 28), np.float32))
    for at, words in ((0, "gives no finite numbers for a glyph"), (1, "gives features that are not finite")):
        broken = [np.full_like(values, np.nan) if place == at else values for place, values in enumerate(plain)]
        monkeypatch.setattr(Classifier, "_run", lambda *_, broken=broken: broken)
        with pytest.raises(ModelError, match=words):
            network.classify_with_features(np.zeros((1, 28, 28), np.float32))


def test_only_the_lessons_that_count_are_looked_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A profile with 100 000 lessons costs a reading no more than one with the newest of them."""
    asked = []

    def lessons_of(_: Store, profile: str, *, newest: int | None = None, before: int | None = None) -> list[Lesson]:
        asked.append(newest)
        return []

    monkeypatch.setattr(Store, "lessons", lessons_of)
    profile = Profile(path=tmp_path / "taught.sqlite")
    profile.add(lessons(1))
    Reader(profile=profile).read(PLAIN)
    assert asked == [MOST]


def test_a_lookup_among_all_lessons_that_count_takes_milliseconds(tmp_path: Path) -> None:
    from inkread.teaching.neighbours import Neighbours

    rng = np.random.default_rng(0)
    taught = lessons(MOST)
    probabilities = np.full((MOST, 11), 1 / 11, np.float32)
    features = rng.random((MOST, 128), np.float32)
    known = Neighbours([each.label for each in taught], [each.glyph for each in taught], probabilities, features)
    times = []
    for _ in range(20):
        began = time.perf_counter()
        known.reweigh(taught[0].glyph[None], probabilities[:1], features[:1])
        times.append(time.perf_counter() - began)
    assert min(times) < 0.005
