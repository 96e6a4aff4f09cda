"""What `inkread batch` finds in folders, globs, lists and archives."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from helpers.batches import fill, paint
from inkread.batch.archives import Contents
from inkread.batch.locations import Entry, chunks
from inkread.batch.manifest import MANIFEST
from inkread.batch.sources import Sources
from inkread.errors import DataError, PictureError


def paths(*inputs: str | Path) -> list[str]:
    """Return the paths that inputs name, sorted."""
    return sorted(entry.path for entry in Sources(list(map(str, inputs))).entries())


def contents(*inputs: str | Path) -> dict[str, bytes]:
    """Return the bytes of every picture that inputs name."""
    reading = Contents()
    return {entry.path: reading.fetch(entry) for entry in Sources(list(map(str, inputs))).entries()}


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    """Return a folder with pictures at two depths, and files that are not pictures."""
    for name in ("a.png", "b/c.JPG", "b/d/e.png"):
        paint(tmp_path / "scans" / name, 3)
    for name in (".hidden.png", ".cache/f.png", "notes.txt", "b/Thumbs.db"):
        (tmp_path / "scans" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "scans" / name).write_bytes(b"no picture")
    return tmp_path / "scans"


def of(folder: Path, *names: str) -> list[str]:
    return [str(folder / name) for name in names]


# Folders and globs


def test_a_folder_gives_the_pictures_in_it_and_below(scans: Path) -> None:
    assert paths(scans) == of(scans, "a.png", "b/c.JPG", "b/d/e.png")


def test_what_is_no_picture_by_its_name_is_counted(scans: Path) -> None:
    sources = Sources([str(scans)])
    assert len(list(sources.entries())) == 3
    assert sources.passed_over == 2


def test_a_path_is_the_same_however_it_was_named(scans: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(scans)
    assert paths(".", "b/../a.png") == sorted([*paths(scans), str(scans / "a.png")])


def test_the_results_of_a_run_are_no_input(scans: Path) -> None:
    paint(scans / "out.parquet" / "g.png", 3)
    (scans / "out.parquet" / MANIFEST).write_text("{}")
    assert paths(scans) == of(scans, "a.png", "b/c.JPG", "b/d/e.png")


def test_a_glob_gives_every_file_that_fits_and_the_pictures_of_every_folder(scans: Path) -> None:
    assert paths(scans / "*.png") == of(scans, "a.png")
    assert paths(scans / "**/*.png") == of(scans, "a.png", "b/d/e.png")
    assert paths(scans / "b" / "T*") == of(scans, "b/Thumbs.db")
    assert paths(scans / "?") == of(scans, "b/c.JPG", "b/d/e.png")


def test_a_file_named_like_a_pattern_is_that_file(tmp_path: Path) -> None:
    assert paths(paint(tmp_path / "page[1].png", 3)) == of(tmp_path, "page[1].png")


def test_a_link_to_a_folder_is_not_followed_and_one_to_nothing_fails(scans: Path) -> None:
    (scans / "again").symlink_to(scans)
    (scans / "lost.png").symlink_to(scans / "nowhere.png")
    assert paths(scans) == of(scans, "a.png", "b/c.JPG", "b/d/e.png", "lost.png")
    with pytest.raises(PictureError, match="no such file"):
        contents(scans)


def test_a_name_that_is_no_text_can_be_read_and_written(tmp_path: Path) -> None:
    name = os.fsencode(tmp_path) + b"/caf\xe9.png"
    Path(os.fsdecode(name)).write_bytes(paint(tmp_path / "x.jpg", 3).read_bytes())
    assert paths(tmp_path) == of(tmp_path, r"caf\udce9.png", "x.jpg")
    assert set(contents(tmp_path).values()) == {(tmp_path / "x.jpg").read_bytes()}


@pytest.mark.parametrize("name", ["nowhere", "nowhere/*.png", "list.txt", "file:///nowhere/at/all", ""])
def test_an_input_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=r"no such file|no file matches") as error:
        Sources([name or str(tmp_path / "missing")])
    assert name.partition("*")[0] in error.value.message


# Lists


def test_a_list_is_relative_to_its_own_folder(scans: Path) -> None:
    (scans / "list.txt").write_bytes(f"a.png\r\n\n{scans}/b/c.JPG\nb/missing.png\n".encode())
    assert paths(scans / "list.txt") == of(scans, "a.png", "b/c.JPG", "b/missing.png")


@pytest.mark.parametrize(("name", "mark"), [("list.csv", ","), ("list.tsv", "\t")])
def test_a_table_lists_pictures_in_a_column(scans: Path, name: str, mark: str) -> None:
    (scans / name).write_text(f"label{mark}file\n3{mark}a.png\n4{mark}b/c.JPG\n", encoding="utf-8-sig")
    assert paths(scans / name) == of(scans, "a.png", "b/c.JPG")


def test_a_parquet_file_lists_pictures_in_a_column(scans: Path) -> None:
    pq.write_table(pa.table({"label": [3, 4, 5], "path": ["a.png", "b/c.JPG", None]}), scans / "list.parquet")
    assert paths(scans / "list.parquet") == of(scans, "a.png", "b/c.JPG")


def test_a_table_without_such_a_column_is_named_with_its_columns(scans: Path) -> None:
    (scans / "list.csv").write_text("name,label\na.png,3\n")
    sources = Sources([str(scans / "list.csv"), str(scans / "a.png")])
    assert [entry.path for entry in sources.entries()] == of(scans, "a.png")
    assert "list.csv: no column is named picture, path, " in sources.troubles[0]
    assert "it has name, label" in sources.troubles[0]


def test_a_list_comes_from_standard_input(scans: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(scans)
    monkeypatch.setattr("sys.stdin", io.StringIO("a.png\nb/c.JPG\n"))
    assert paths("-") == of(scans, "a.png", "b/c.JPG")


# Archives


def pack(path: Path, folder: Path, mode: str) -> Path:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        archive.add(folder, arcname="scans")
    return path


@pytest.mark.parametrize(
    ("name", "mode"), [("s.tar", "w"), ("s.tar.gz", "w:gz"), ("s.txz", "w:xz"), ("s2.tar", "w:gz")]
)
def test_a_tar_file_gives_its_pictures(scans: Path, tmp_path: Path, name: str, mode: str) -> None:
    archive = pack(tmp_path / name, scans, mode)
    picture = (scans / "a.png").read_bytes()
    names = [f"{archive}#scans/{name}" for name in ("a.png", "b/c.JPG", "b/d/e.png")]
    found = contents(archive)
    assert sorted(found) == names
    assert found[names[0]] == picture


def test_archives_in_folders_are_opened(scans: Path, tmp_path: Path) -> None:
    pack(tmp_path / "s.tar", scans, "w")
    assert len(paths(tmp_path)) == 6


def test_what_is_left_of_a_damaged_tar_file_is_read_and_the_damage_named(scans: Path, tmp_path: Path) -> None:
    archive = pack(tmp_path / "s.tar.gz", scans, "w:gz")
    archive.write_bytes(archive.read_bytes()[:-60])
    sources = Sources([str(archive)])
    assert 1 <= len(list(sources.entries())) <= 3
    assert sources.troubles[0].startswith(f"{archive}: ")


def write_pictures(path: Path, pictures: list[bytes | None], *, nested: bool = False, group: int = 7) -> Path:
    values = [{"bytes": picture, "path": "x.png"} for picture in pictures] if nested else pictures
    table = pa.table({"label": list(range(len(pictures))), "image": values})
    pq.write_table(table, path, row_group_size=group)
    return path


@pytest.mark.parametrize("nested", [False, True])
def test_a_parquet_file_gives_the_pictures_in_its_rows(tmp_path: Path, nested: bool) -> None:
    pictures = [f"picture {number}".encode() for number in range(40)]
    file = write_pictures(tmp_path / "p.parquet", list(pictures), nested=nested)
    assert contents(file) == {f"{file}#{row}": picture for row, picture in enumerate(pictures)}


def test_rows_of_parquet_may_be_asked_for_in_any_order(tmp_path: Path) -> None:
    file = write_pictures(tmp_path / "p.parquet", [str(number).encode() for number in range(40)])
    entries = list(Sources([str(file)]).entries())
    reading = Contents()
    for row in (0, 1, 5, 3, 30, 29, 39, 7, 8, 6):
        assert reading.fetch(entries[row]) == str(row).encode()


def test_a_row_without_a_picture_is_empty(tmp_path: Path) -> None:
    file = write_pictures(tmp_path / "p.parquet", [b"a", None])
    with pytest.raises(PictureError, match="empty"):
        contents(file)


def test_a_file_that_is_no_parquet_is_named(tmp_path: Path) -> None:
    (tmp_path / "p.parquet").write_bytes(b"PAR1 no more")
    sources = Sources([str(tmp_path)])
    assert list(sources.entries()) == []
    assert "p.parquet" in sources.troubles[0]


# Where PyArrow reads


def test_folders_and_globs_are_read_where_pyarrow_reads(scans: Path) -> None:
    (scans / "with space & 100%#?.png").write_bytes((scans / "a.png").read_bytes())
    names = ["a.png", "b/c.JPG", "b/d/e.png", "with space & 100%#?.png"]
    assert paths(f"file://{scans}/") == [f"file://{scans}/{name}" for name in names]
    assert paths(f"file://{scans}/b/**/*.png") == [f"file://{scans}/b/d/e.png"]
    assert set(contents(f"file://{scans}").values()) == {(scans / n).read_bytes() for n in names}


def test_lists_and_archives_are_read_where_pyarrow_reads(scans: Path, tmp_path: Path) -> None:
    archive = pack(tmp_path / "s.tar", scans, "w")
    assert len(contents(f"file://{archive}")) == 3
    file = write_pictures(tmp_path / "p.parquet", [b"a", b"b"])
    assert contents(f"file://{file}") == {f"file://{file}#0": b"a", f"file://{file}#1": b"b"}
    (scans / "list.txt").write_text("b/c.JPG\n")
    assert paths(f"file://{scans}/list.txt") == [f"file://{scans}/b/c.JPG"]


def test_a_picture_that_is_gone_is_a_picture_error(scans: Path) -> None:
    entries = list(Sources([f"file://{scans}"]).entries())
    (scans / "a.png").unlink()
    with pytest.raises(PictureError, match="no such file"):
        Contents().fetch(next(entry for entry in entries if entry.path.endswith("a.png")))


def test_a_file_system_that_pyarrow_does_not_know_is_named() -> None:
    with pytest.raises(DataError, match="ftp://host/x: PyArrow cannot open this file system"):
        Sources(["ftp://host/x"])


# Chunks


def test_entries_are_handed_out_as_many_as_asked_for(tmp_path: Path) -> None:
    entries = list(Sources([str(fill(tmp_path / "many", 10))]).entries())
    sizes = iter((1, 2, 4, 8, 8))
    assert list(map(len, chunks(entries, lambda: next(sizes)))) == [1, 2, 4, 3]


def test_rows_of_a_row_group_stay_together(tmp_path: Path) -> None:
    entries = list(Sources([str(write_pictures(tmp_path / "p.parquet", [b"x"] * 16))]).entries())
    assert list(map(len, chunks(entries, lambda: 1))) == [7, 7, 2]


def test_contents_that_travel_are_bounded_by_their_bytes(tmp_path: Path) -> None:
    file = next(iter(Sources([str(paint(tmp_path / "x.png", 1))]).entries())).file
    entries = [Entry(str(number), file, content=bytes(6_000_000)) for number in range(7)]
    assert list(map(len, chunks(entries, lambda: 32))) == [3, 3, 1]
