"""`inkread batch` under kill -9, Ctrl-C, a full disk and pictures that kill: every row once."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from helpers.batches import command, fill, parts_of, rows_of
from inkread.batch.locations import Entry, Location
from inkread.batch.manifest import plan
from inkread.batch.rows import Row, Task
from inkread.batch.run import run
from inkread.batch.worker_pool import Workers
from inkread.options import ReadOptions

PICTURES = 150

SMALL_PARTS = (
    "import inkread.batch.parquet_output as parts, inkread.batch.worker_pool as workers\n"
    "parts.PART_ROWS = workers._TABLE_ROWS = 10"
)
"""So that a short run writes many parts."""


@pytest.fixture(scope="module")
def scans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fill(tmp_path_factory.mktemp("faults") / "scans", PICTURES)


@pytest.fixture(scope="module")
def expected(scans: Path, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, object]]:
    """Return the rows of a run that nothing disturbed."""
    out = tmp_path_factory.mktemp("undisturbed") / "out"
    assert run([scans], out, processes=2).rows == PICTURES
    return rows_of(out)


def started(scans: Path, out: Path) -> subprocess.Popen[str]:
    """Start a run in a process group of its own."""
    words = command("batch", scans, out, "--processes", "2", setup=SMALL_PARTS)
    return subprocess.Popen(words, text=True, start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def wait_for_parts(out: Path, count: int, process: subprocess.Popen[str]) -> None:
    """Wait until a run has written `count` parts or has ended."""
    while len(parts_of(out)) < count and process.poll() is None:
        time.sleep(0.005)


# The main process


def test_a_run_that_is_killed_again_and_again_ends_with_the_same_rows(
    scans: Path, expected: list[dict[str, object]], tmp_path: Path
) -> None:
    rng = random.Random(0)  # noqa: S311 - moments, not secrets
    # benchmarks/batch.py does it twenty times, also at any moment of the start.
    for _ in range(3):
        process = started(scans, tmp_path / "out")
        wait_for_parts(tmp_path / "out", len(parts_of(tmp_path / "out")) + rng.randint(1, 3), process)
        time.sleep(rng.uniform(0, 0.05))
        # A fast machine has read all of them by now.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    assert parts_of(tmp_path / "out")
    run([scans], tmp_path / "out", processes=1)
    assert rows_of(tmp_path / "out") == expected
    assert not list((tmp_path / "out").glob(".part*"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_stopped_writes_what_it_has_and_says_how_to_go_on(
    scans: Path, expected: list[dict[str, object]], tmp_path: Path, number: signal.Signals
) -> None:
    process = started(scans, tmp_path / "out")
    wait_for_parts(tmp_path / "out", 2, process)
    os.killpg(process.pid, number)
    _, err = process.communicate(timeout=300)
    lines = err.splitlines()
    assert process.returncode == 130
    assert lines[0] == "inkread: stopping; press Ctrl-C again to stop at once"
    assert lines[-1].endswith("run the same command again to continue")
    before = len(rows_of(tmp_path / "out"))
    assert f"interrupted after {before} pictures" in lines[-1]
    assert run([scans], tmp_path / "out", processes=1).before == before
    assert rows_of(tmp_path / "out") == expected


def test_a_full_disk_is_one_line_and_the_run_goes_on_later(
    scans: Path, expected: list[dict[str, object]], tmp_path: Path
) -> None:
    # A limit on the size of files is what a disk that is full is for a writer: an error in the middle of a part.
    limit = "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (6000, 6000))"
    words = command("batch", scans, tmp_path / "out", "--processes", "1", setup=limit)
    ended = subprocess.run(words, capture_output=True, text=True, check=False, timeout=300)
    assert ended.returncode == 1
    assert ended.stderr == (
        f"inkread: {tmp_path}/out: cannot be written (File too large); fix that and run the same command again "
        "to continue\n"
    )
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["_inkread.json"]
    run([scans], tmp_path / "out", processes=1)
    assert rows_of(tmp_path / "out") == expected


# The processes that read


@pytest.fixture(scope="module")
def task() -> Task:
    return plan(None, ReadOptions())[0]


@pytest.fixture
def heavy(tmp_path: Path) -> Path:
    """Return a picture of 81 megapixels that takes a second to decode, in few bytes."""
    Image.new("RGB", (9000, 9000), "white").save(tmp_path / "heavy.png", compress_level=1)
    return tmp_path / "heavy.png"


def entries(*paths: Path) -> list[Entry]:
    return [Entry(str(path), Location(str(path))) for path in paths]


def looked_at(workers: Workers, given: list[Entry]) -> Iterator[tuple[list[Row], list[str]]]:
    """Yield the rows as they come, with what lies first before each process."""
    for rows in workers.rows(given):
        yield rows, [worker.open[0].path if worker.open and worker.ready else "" for worker in workers._workers]


def kill_who_reads(workers: Workers, path: Path) -> None:
    for worker in workers._workers:
        if worker.ready and worker.open and worker.open[0].path == str(path) and worker.process.pid:
            os.kill(worker.process.pid, signal.SIGKILL)


def test_a_picture_that_kills_twice_becomes_an_error_row_and_all_others_are_read(
    scans: Path, heavy: Path, task: Task
) -> None:
    given = entries(*sorted(scans.iterdir())[:10], heavy, *sorted(scans.iterdir())[10:20])
    rows: list[Row] = []
    with Workers(task, 2) as workers:
        for some, _ in looked_at(workers, given):
            rows += some
            # The system kills a process that takes the last memory in this way.
            kill_who_reads(workers, heavy)
    failed = [row for row in rows if row.get("error")]
    assert sorted(row["picture"] for row in rows) == sorted(entry.path for entry in given)
    assert [(row["picture"], row["error"]["code"]) for row in failed] == [(str(heavy), "killed")]
    assert "reading it killed 2 processes (signal 9)" in failed[0]["error"]["message"]


def test_a_process_that_is_killed_once_is_replaced_and_nothing_is_missing(scans: Path, heavy: Path, task: Task) -> None:
    rows: list[Row] = []
    killed = False
    with Workers(task, 1) as workers:
        for some, first in looked_at(workers, entries(heavy, *sorted(scans.iterdir())[:5])):
            rows += some
            if not killed and first == [str(heavy)]:
                kill_who_reads(workers, heavy)
                killed = True
    assert killed
    assert ["error" in row for row in rows] == [False] * 6


def test_heavy_pictures_are_decoded_one_at_a_time_while_the_small_ones_are_read(
    scans: Path, heavy: Path, tmp_path: Path, task: Task
) -> None:
    others = [tmp_path / f"heavy-{number}.png" for number in range(3)]
    for path in others:
        path.hardlink_to(heavy)
    rows: list[Row] = []
    decoding: list[int] = []
    with Workers(task, 3) as workers:
        for some in workers.rows(entries(heavy, *others, *sorted(scans.iterdir())[:30])):
            rows += some
            decoding.append(sum(worker.pixels for worker in workers._workers))
    assert max(decoding) == 81_000_000
    assert len(rows) == 34
    assert [row["picture"] for row in rows].index(str(scans / "00029.png")) < 33


def test_a_model_that_cannot_be_used_ends_the_run_and_not_each_picture(scans: Path) -> None:
    from inkread.errors import ModelError

    with Workers(Task("nowhere", "nowhere"), 1) as workers, pytest.raises(ModelError, match="nowhere"):
        list(workers.rows(entries(*scans.iterdir())))


def test_the_processes_end_with_the_main_process(scans: Path, tmp_path: Path) -> None:
    process = started(scans, tmp_path / "out")
    wait_for_parts(tmp_path / "out", 1, process)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    process.kill()
    process.communicate()
    deadline = time.monotonic() + 30
    while any(Path(f"/proc/{child}/exe").exists() for child in children) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert children
    assert not any(Path(f"/proc/{child}/exe").exists() for child in children)
