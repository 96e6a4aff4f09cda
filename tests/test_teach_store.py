"""The store of what was taught: two programs at once, a crash in between, damage, other versions."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from inkread import DataError, OptionError, Reader
from inkread.teaching import Lesson, Profile
from inkread.teaching.profiles import data_folder

PLAIN = Path(__file__).parents[1] / "examples" / "3-plain.png"

TEACH_FOREVER = """
import sys, numpy as np
from inkread.teaching import Lesson, Profile
profile, rng = Profile("p", path=sys.argv[1]), np.random.default_rng(int(sys.argv[2]))
for number in range(int(sys.argv[3])):
    lessons = [Lesson(digit, rng.integers(0, 255, (28, 28), np.uint8), crop=bytes(20_000)) for digit in range(5)]
    print(*(lesson.id for lesson in profile.add(lessons)), flush=True)
"""


def lesson(seed: int, label: int = 3) -> Lesson:
    return Lesson(label, np.random.default_rng(seed).integers(0, 255, (28, 28), np.uint8), "a.png")


def teaching(path: Path, seed: int, count: int) -> subprocess.Popen[str]:
    """A process that teaches five digits at a time and prints their numbers when they are kept."""
    words = [sys.executable, "-c", TEACH_FOREVER, str(path), str(seed), str(count)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, text=True)


def test_two_programs_teach_at_the_same_time_and_nothing_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "new" / "taught.sqlite"
    processes = [teaching(path, seed, 15) for seed in range(3)]
    printed = [process.communicate()[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0]
    ids = [int(word) for text in printed for word in text.split()]
    assert sorted(ids) == [lesson.id for lesson in Profile("p", path=path).lessons()]
    assert len(set(ids)) == 3 * 15 * 5


@pytest.mark.skipif(sys.platform == "win32", reason="there is no kill -9")
def test_a_killed_program_leaves_what_it_acknowledged_and_no_half(tmp_path: Path) -> None:
    path = tmp_path / "taught.sqlite"
    acknowledged: set[int] = set()
    for seed in range(6):
        process = teaching(path, seed, 100_000)
        assert process.stdout is not None
        acknowledged |= set(map(int, process.stdout.readline().split()))
        time.sleep(0.02 * seed)
        os.kill(process.pid, signal.SIGKILL)
        acknowledged |= {int(word) for word in process.communicate()[0].rpartition("\n")[0].split()}
        lessons = Profile("p", path=path).lessons()
        assert acknowledged <= {lesson.id for lesson in lessons}
        # Five are taught at a time, all or none.
        assert len(lessons) % 5 == 0
        with sqlite3.connect(path) as db:
            assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        db.close()


def test_lessons_come_back_as_they_were(tmp_path: Path) -> None:
    profile = Profile(path=tmp_path / "taught.sqlite")
    (kept,) = profile.add([lesson(0)])
    (found,) = profile.lessons()
    assert found.to_dict() == kept.to_dict()
    assert np.array_equal(found.glyph, lesson(0).glyph)


def test_numbers_are_never_given_twice(tmp_path: Path) -> None:
    profile = Profile(path=tmp_path / "taught.sqlite")
    (first,) = profile.add([lesson(0)])
    assert profile.forget() == 1
    (second,) = profile.add([lesson(0)])
    assert (second.id or 0) > (first.id or 0)


def test_a_glyph_taught_again_keeps_its_number_but_not_with_another_label(tmp_path: Path) -> None:
    profile = Profile(path=tmp_path / "taught.sqlite")
    first, again = profile.add([lesson(0), lesson(0)])
    assert (first.id, again.id, again.instead_of) == (1, 1, None)
    (other,) = profile.add([lesson(0, label=5)])
    assert (other.id, other.instead_of, profile.count()) == (2, 3, 1)


def test_forgetting_where_nothing_was_taught_makes_no_file(tmp_path: Path) -> None:
    profile = Profile(path=tmp_path / "taught.sqlite")
    assert profile.forget() == 0
    with pytest.raises(OptionError, match="has no lesson 1;"):
        profile.forget([1])
    assert not list(tmp_path.iterdir())


def test_a_number_that_is_not_there_forgets_nothing(tmp_path: Path) -> None:
    profile = Profile(path=tmp_path / "taught.sqlite")
    (kept,) = profile.add([lesson(0)])
    with pytest.raises(OptionError, match="no lesson 99"):
        profile.forget([kept.id or 0, 99])
    assert len(profile.lessons()) == 1


@pytest.mark.parametrize(
    "content", [b"not a database, but long enough to look like one" * 50, b"SQLite format 3\0" * 64]
)
def test_a_damaged_file_is_said_and_kept(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "taught.sqlite"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"taught\.sqlite: is "):
        Profile(path=path).add([lesson(0)])
    with pytest.raises(DataError, match=r"taught\.sqlite"):
        Reader(profile=Profile(path=path)).read(PLAIN)
    assert path.read_bytes() == content


def test_an_empty_file_is_a_store_to_be(tmp_path: Path) -> None:
    path = tmp_path / "taught.sqlite"
    path.touch()
    assert Profile(path=path).lessons() == []
    assert len(Profile(path=path).add([lesson(0)])) == 1


def test_a_later_version_and_a_foreign_file_are_left_alone(tmp_path: Path) -> None:
    later, foreign = tmp_path / "later.sqlite", tmp_path / "foreign.sqlite"
    Profile(path=later).add([lesson(0)])
    for path, statement in ((later, "PRAGMA user_version = 99"), (foreign, "CREATE TABLE mine (a)")):
        db = sqlite3.connect(path)
        db.execute(statement)
        db.close()
    with pytest.raises(DataError, match="later inkread"):
        Profile(path=later).lessons()
    with pytest.raises(DataError, match="not a store"):
        Profile(path=foreign).add([lesson(0)])


@pytest.mark.parametrize("name", ["", "none", "a/b", "..", "a b", "x" * 65])
def test_names_of_profiles(name: str) -> None:
    with pytest.raises(OptionError, match="profile"):
        Profile(name)


def test_the_folder_is_where_the_platform_wants_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert data_folder() == Path(os.environ["INKREAD_HOME"])
    monkeypatch.delenv("INKREAD_HOME")
    for variable in ("XDG_DATA_HOME", "LOCALAPPDATA", "HOME"):
        monkeypatch.setenv(variable, str(tmp_path))
    assert data_folder().name == "inkread"
    assert tmp_path in data_folder().parents


def test_a_user_without_a_home_reads(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("INKREAD_HOME", str(tmp_path / "file" / "below"))
    assert Reader().read(PLAIN).text == "3"
    with pytest.raises(DataError, match="INKREAD_HOME"):
        Reader().teach(3, PLAIN)


def test_reading_without_lessons_does_not_even_load_sqlite(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("INKREAD_HOME", str(tmp_path / "empty"))
    code = "import sys, inkread; print(inkread.read(sys.argv[1]).text, 'sqlite3' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code, str(PLAIN)], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["3", "False"]


def test_the_newest_lessons_are_had_by_themselves_and_counted(tmp_path: Path) -> None:
    profile = Profile("p", path=tmp_path / "taught.sqlite")
    assert (profile.count(), profile.lessons(newest=2)) == (0, [])
    profile.add(lesson(seed) for seed in range(4))
    assert [own.id for own in profile.lessons(newest=2)] == [3, 4]
    assert [own.id for own in profile.lessons(newest=2, before=3)] == [1, 2]
    assert (profile.count(), Profile("other", path=profile.path).count()) == (4, 0)


def test_the_network_by_itself_reads_as_if_nothing_had_been_taught(tmp_path: Path) -> None:
    reader = Reader(profile=Profile("p", path=tmp_path / "taught.sqlite"))
    reader.teach(5, PLAIN)
    glyphs = reader.steps(PLAIN).glyphs
    assert reader.classifier.classify(glyphs).argmax() == 5
    assert np.array_equal(reader.classifier.network.classify(glyphs), Reader(profile=None).classifier.classify(glyphs))
