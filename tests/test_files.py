"""Files and folders are there whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from inkread.errors import ModelError
from inkread.files import whole_file, whole_folder
from inkread.models.card import Card

ERRORS = [ValueError, KeyboardInterrupt]


def listing(folder: Path) -> dict[str, str]:
    """Return every file under a folder with its content."""
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


# Files


def test_a_file_appears_only_when_it_is_whole(tmp_path: Path) -> None:
    with whole_file(tmp_path / "a.txt") as path:
        path.write_text("new")
        assert not (tmp_path / "a.txt").exists()
    assert listing(tmp_path) == {"a.txt": "new"}


def test_an_old_file_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("old")
    with whole_file(tmp_path / "a.txt") as path:
        path.write_text("new")
        assert (tmp_path / "a.txt").read_text() == "old"
    assert listing(tmp_path) == {"a.txt": "new"}


@pytest.mark.parametrize("error", ERRORS)
def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path: Path, error: type[BaseException]) -> None:
    def half_written() -> None:
        with whole_file(tmp_path / "a.txt") as path:
            path.write_text("half")
            raise error

    with pytest.raises(error):
        half_written()
    assert listing(tmp_path) == {}
    (tmp_path / "a.txt").write_text("old")
    with pytest.raises(error):
        half_written()
    assert listing(tmp_path) == {"a.txt": "old"}


def test_the_temporary_file_lies_beside_and_has_the_suffix(tmp_path: Path) -> None:
    with whole_file(str(tmp_path / "steps.PNG")) as path:
        assert path.parent == tmp_path
        assert path.suffix == ".PNG"
        assert path.name.startswith(".")
        path.touch()


def test_two_writers_do_not_share_a_temporary_file(tmp_path: Path) -> None:
    with whole_file(tmp_path / "a.txt") as one, whole_file(tmp_path / "a.txt") as other:
        assert one != other
        one.write_text("one")
        other.write_text("other")
    # This is the last to end.
    assert listing(tmp_path) == {"a.txt": "one"}


def test_nothing_written_is_an_error_and_leaves_the_old_file(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("old")
    with pytest.raises(FileNotFoundError), whole_file(tmp_path / "a.txt"):
        pass
    assert listing(tmp_path) == {"a.txt": "old"}


def test_a_card_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    Card(recipe="old").save(tmp_path)
    before = listing(tmp_path)
    with pytest.raises(TypeError):
        Card(recipe="new", settings={"rate": object()}).save(tmp_path)
    assert listing(tmp_path) == before
    Card(recipe="new").save(tmp_path)
    assert list(listing(tmp_path)) == ["card.json"]
    assert listing(tmp_path) != before


# Folders


def fill(folder: Path, content: str) -> None:
    (folder / "inner").mkdir()
    (folder / "a.txt").write_text(content)
    (folder / "inner" / "b.txt").write_text(content)


def test_a_folder_appears_only_when_it_is_whole(tmp_path: Path) -> None:
    with whole_folder(tmp_path / "made on the way" / "model") as path:
        fill(path, "new")
        assert not (tmp_path / "made on the way" / "model").exists()
    inside = Path("made on the way", "model")
    assert listing(tmp_path) == {str(inside / "a.txt"): "new", str(inside / "inner" / "b.txt"): "new"}
    assert os.listdir(tmp_path / "made on the way") == ["model"]  # noqa: PTH208 - hidden files count


def test_a_new_folder_takes_the_place_of_the_old_one_as_a_whole(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "old.txt").write_text("old")
    with whole_folder(tmp_path / "model") as path:
        fill(path, "new")
        assert (tmp_path / "model" / "old.txt").read_text() == "old"
    assert listing(tmp_path / "model") == {"a.txt": "new", str(Path("inner", "b.txt")): "new"}
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


@pytest.mark.parametrize("error", ERRORS)
def test_an_error_leaves_the_old_folder_and_nothing_else(tmp_path: Path, error: type[BaseException]) -> None:
    def half_made() -> None:
        with whole_folder(tmp_path / "model") as path:
            fill(path, "half")
            raise error

    with pytest.raises(error):
        half_made()
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "old.txt").write_text("old")
    with pytest.raises(error):
        half_made()
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    assert listing(tmp_path / "model") == {"old.txt": "old"}


def test_a_folder_that_cannot_be_put_in_place_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "old.txt").write_text("old")
    replace = Path.replace

    def fails(self: Path, target: Path) -> Path:
        if target == tmp_path / "model" and (self / "a.txt").exists():
            # Windows does this while a program has the file open.
            raise PermissionError("in use")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", fails)
    with pytest.raises(PermissionError), whole_folder(tmp_path / "model") as path:
        fill(path, "new")
    assert listing(tmp_path) == {str(Path("model", "old.txt")): "old"}


def test_a_model_error_in_the_middle_is_passed_on(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="wrong export"), whole_folder(tmp_path / "model"):
        raise ModelError("wrong export")


def test_errors_name_what_was_asked_for(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(OSError, match="Not a directory") as file, whole_file(tmp_path / "file" / "a.txt") as path:
        path.write_text("new")
    assert file.value.filename == str(tmp_path / "file" / "a.txt")
    with pytest.raises(OSError, match="No such file") as folder, whole_folder(tmp_path / "a") as new:
        (new / "b" / "c.txt").write_text("in a folder that is not there")
    assert folder.value.filename == str(tmp_path / "a")
