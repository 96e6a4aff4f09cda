"""Attacks on `inkread batch`: archives that unpack to gigabytes, pipes in lists, and two members of one name."""

from __future__ import annotations

import os
import sys
import tarfile
import tracemalloc
from pathlib import Path

import pytest

pytest.importorskip("pyarrow", reason="needs the extra 'batch'")

from attacks import long_header_tar, sparse_tar, zeros_tar

from inkread import PictureError
from inkread.batch import archives
from inkread.batch.archives import Contents
from inkread.batch.locations import Entry, Location
from inkread.batch.sources import Sources

PLAIN = Path(__file__).parents[2] / "examples" / "3-plain.png"


def entries(*inputs: Path) -> list[Entry]:
    return list(Sources([str(path) for path in inputs]).entries())


@pytest.mark.parametrize("kind", ["sparse", "compressed"])
def test_a_member_is_bounded_by_its_real_size_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(archives, "MOST_CARRIED", 20_000_000)
    if kind == "sparse":
        archive = sparse_tar(tmp_path / "a.tar", real=60_000_000)
    else:
        archive = zeros_tar(tmp_path / "a.tar.gz", size=60_000_000)
    tracemalloc.start()
    try:
        found = entries(archive)
        for entry in found:
            with pytest.raises(
                PictureError, match=r"over 20 megabytes, too many for a compressed or sparse tar"
            ) as why:
                Contents().fetch(entry)
            assert why.value.code == "too-large"
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()
    assert len(found) == (4 if kind == "sparse" else 1)


def test_a_name_of_megabytes_is_not_unpacked(tmp_path: Path) -> None:
    sources = Sources([str(long_header_tar(tmp_path / "a.tar.gz", size=1_000_001))])
    assert list(sources.entries()) == []
    assert sources.troubles == [f"{tmp_path / 'a.tar.gz'}: a header has over 1000000 bytes"]


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such pipes")
@pytest.mark.parametrize("name", ["pipe.png", "pipe.tar", "pipe.txt", "pipe.csv"])
def test_a_pipe_is_told_and_keeps_nobody_waiting(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    (tmp_path / "list.lst").write_text(f"{name}\n", encoding="utf-8")
    with pytest.raises(PictureError, match=r"is a pipe or a device, not a file; name a picture"):
        Location.of(str(tmp_path / name)).content("x.png")
    sources = Sources([str(tmp_path / name), str(tmp_path / "list.lst")])
    found = [entry.path for entry in sources.entries()]
    assert found == [str(tmp_path / name)] * (2 if name == "pipe.png" else 1)
    assert len(sources.troubles) == 2 - len(found)


def test_two_members_of_one_name_are_two_pictures(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "two.tar", "w") as archive:
        for _ in range(3):
            archive.add(PLAIN, "a.png")
    found = entries(tmp_path / "two.tar")
    assert [entry.path.rpartition("#")[2] for entry in found] == ["a.png", "a.png (2)", "a.png (3)"]
    assert len({Contents().fetch(entry) for entry in found}) == 1
