"""`inkread batch`: a row for every picture, once, and what scripts depend on."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

import inkread
from conftest import WriteNetwork
from helpers.batches import DISTINCT, command, fill, paint, parts_of, rows_of
from helpers.documents import digit_page, encrypted_pdf, save_pages
from helpers.ended import Ended, Run
from helpers.printed import form
from inkread import Reader
from inkread.batch import parquet_output, worker_pool
from inkread.batch import run as run_batch
from inkread.batch.locations import DonePaths, Location
from inkread.batch.manifest import MANIFEST
from inkread.batch.output_folder import LocalFolder
from inkread.batch.rows import SCHEMA, Task, files_of, read_rows, table
from inkread.cli import main
from inkread.csv_rows import CSV_COLUMNS
from inkread.errors import way_to_install


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Return a function that runs `inkread batch` with one process."""

    def run(*words: str | Path) -> Ended:
        code = main(["batch", "--processes", "1", *map(str, words)])
        captured = capsys.readouterr()
        assert all(line.startswith("inkread: ") for line in captured.err.splitlines())
        return Ended(code, captured.out.splitlines(), captured.err.splitlines())

    return run


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with twelve pictures in `scans` and a run over them in `out`; not to be changed."""
    folder = tmp_path_factory.mktemp("finished")
    scans = fill(folder / "scans", DISTINCT)
    (scans / "broken.png").write_bytes((scans / "00003.png").read_bytes()[:200])
    Image.new("L", (60, 60), 255).save(scans / "blank.png")
    assert main(["batch", "--processes", "1", str(scans), str(folder / "out")]) == 1
    return folder


# Rows


def test_every_picture_gets_the_row_of_its_reading(finished: Path, reader: Reader) -> None:
    rows = rows_of(finished / "out")
    assert [row["picture"] for row in rows] == sorted(map(str, (finished / "scans").iterdir()))
    for row in rows[:DISTINCT]:
        reading = reader.read(row["picture"])
        printed = reading.to_dict()
        assert {name: row[name] for name in printed} == printed
        assert (row["error"], row["pages"], row["width"], row["height"]) == (None, 1, 60, 60)
        assert row["size"] == Path(row["picture"]).stat().st_size
        assert row["inkread"] == inkread.__version__


def test_what_is_refused_and_what_cannot_be_read_keep_their_row(finished: Path) -> None:
    blank, broken = rows_of(finished / "out")[DISTINCT:]
    assert (blank["text"], blank["digits"], blank["refused"]["code"]) == ("", [], "blank")
    assert (broken["text"], broken["digits"], broken["error"]["code"]) == (None, None, "truncated")
    assert broken["error"]["message"].startswith(str(finished / "scans" / "broken.png"))
    assert broken["size"] == 200


def test_the_results_are_one_dataset_with_the_documented_columns(finished: Path) -> None:
    table = pq.read_table(finished / "out")
    assert table.schema == SCHEMA
    assert min(table["milliseconds"].to_pylist()) > 0


def test_the_manifest_says_what_the_run_was(finished: Path) -> None:
    manifest = json.loads((finished / "out" / MANIFEST).read_text())
    assert manifest["model"] == rows_of(finished / "out")[0]["model"]
    assert (manifest["as"], manifest["min_confidence"]) == ("auto", None)
    assert (manifest["print"], manifest["region"]) == ("auto", None)
    assert manifest["runs"][0]["inputs"] == [str(finished / "scans")]


# Going on


def test_a_second_run_reads_nothing_again_and_says_the_same(finished: Path, run: Run) -> None:
    before = {part: part.stat().st_mtime_ns for part in parts_of(finished / "out")}
    ended = run(finished / "scans", finished / "out")
    assert ended.code == 1
    assert ended.out[0] == "12 pictures: 10 read, 1 refused, 1 failed; 12 of them in earlier runs"
    assert "  refused: 1 blank" in ended.out
    assert "  failed: 1 truncated" in ended.out
    assert {part: part.stat().st_mtime_ns for part in parts_of(finished / "out")} == before


def test_a_run_goes_on_with_what_is_missing_and_what_is_new(run: Run, tmp_path: Path) -> None:
    scans, out = fill(tmp_path / "scans", 4), tmp_path / "out"
    assert run(scans, out).code == 0
    paint(scans / "new.png", 7)
    assert run(scans, out).out[0] == "5 pictures: 5 read, 0 refused, 0 failed; 4 of them in earlier runs"
    assert [part.name for part in parts_of(out)] == ["part-000001.parquet", "part-000002.parquet"]
    assert pq.read_table(parts_of(out)[1])["picture"].to_pylist() == [str(scans / "new.png")]


def test_a_part_that_is_removed_is_read_anew(run: Run, tmp_path: Path) -> None:
    scans, out = fill(tmp_path / "scans", 3), tmp_path / "out"
    run(scans, out)
    rows = rows_of(out)
    parts_of(out)[0].unlink()
    run(scans, out)
    assert rows_of(out) == rows


def test_what_is_named_twice_is_read_once(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scans = fill(tmp_path / "scans", 3)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "list.txt").write_text("scans/00001.png\nscans/../scans/00001.png\n")
    assert run("scans", scans, "scans/*.png", "list.txt", "out").out[0].startswith("3 pictures: 3 read")
    assert len(rows_of(tmp_path / "out")) == 3


def test_the_results_may_lie_in_the_folder_that_is_read(run: Run, tmp_path: Path) -> None:
    fill(tmp_path, 3)
    run(tmp_path, tmp_path / "out")
    assert run(tmp_path, tmp_path / "out").out[0].startswith("3 pictures:")


def test_what_a_killed_run_left_half_written_is_removed(run: Run, tmp_path: Path) -> None:
    scans, out = fill(tmp_path / "scans", 3), tmp_path / "out"
    run(scans, out)
    left = [out / ".part-000002-0123abcd.parquet", out / "._inkread-0123abcd.json"]
    for path in left:
        path.write_bytes(b"half")
    run(scans, out)
    assert not any(path.exists() for path in left)
    assert len(rows_of(out)) == 3


def test_archives_and_lists_are_read_in_one_run(run: Run, tmp_path: Path) -> None:
    scans = fill(tmp_path / "scans", 2)
    pictures = [(scans / "00000.png").read_bytes(), b"no picture"]
    pq.write_table(pa.table({"image": pictures}), tmp_path / "p.parquet")
    assert run(scans, tmp_path / "p.parquet", f"file://{scans}", tmp_path / "out").code == 1
    rows = {row["picture"]: row["text"] for row in rows_of(tmp_path / "out")}
    assert rows[f"{tmp_path}/p.parquet#0"] == rows[f"{scans}/00000.png"] == rows[f"file://{scans}/00000.png"]
    assert rows[f"{tmp_path}/p.parquet#1"] is None
    assert len(rows) == 6


def test_results_may_be_written_where_pyarrow_writes(run: Run, tmp_path: Path) -> None:
    scans, out = fill(tmp_path / "scans", 2), tmp_path / "out"
    assert run(scans, f"file://{out}").code == 0
    (out / ".part-000002-0123abcd.parquet").write_bytes(b"half")
    paint(scans / "new.png", 7)
    run(scans, f"file://{out}")
    assert [row["picture"] for row in rows_of(out)] == sorted(map(str, scans.iterdir()))
    assert len(list(out.iterdir())) == 3


# What is refused


@pytest.mark.parametrize(
    ("words", "difference"),
    [
        (["--as", "digit"], "made with --as auto, not digit"),
        (["--min-confidence", "0.9"], "made with --min-confidence unset, not 0.9"),
        (["--print", "skip"], "made with --print auto, not skip"),
        (["--region", "0,0,60,60"], "made with --region unset, not 0,0,60,60"),
        (["--model", "tiny"], "made with the model best"),
    ],
)
def test_other_options_into_the_same_folder_are_refused(
    finished: Path, run: Run, words: list[str], difference: str
) -> None:
    ended = run(finished / "scans", finished / "out", *words)
    assert ended.code == 2
    assert difference in ended.err[0]
    assert len(json.loads((finished / "out" / MANIFEST).read_text())["runs"]) <= 2


def test_a_run_over_a_region_goes_on_with_the_same_region_only(run: Run, tmp_path: Path) -> None:
    scans, out = fill(tmp_path / "scans", 2), tmp_path / "out"
    Image.fromarray(form()).save(scans / "form.png")
    words = ("--region", "0,0,60,60", "--print", "read")
    assert run(scans, out, *words).code == 0
    manifest = json.loads((out / MANIFEST).read_text())
    assert (manifest["print"], manifest["region"]) == ("read", [0, 0, 60, 60])
    assert [(row["width"], row["height"]) for row in rows_of(out)] == [(60, 60)] * 3
    assert "3 of them in earlier runs" in run(scans, out, *words).out[0]
    ended = run(scans, out, "--print", "read", "--region", "0,0,60,59")
    assert (ended.code, len(ended.err)) == (2, 1)
    assert "made with --region 0,0,60,60, not 0,0,60,59" in ended.err[0]


def test_another_model_into_the_same_folder_is_refused(
    finished: Path, run: Run, tmp_path: Path, write_network: WriteNetwork
) -> None:
    network = write_network(tmp_path / "n.onnx", classes=11)
    ended = run(finished / "scans", finished / "out", "--model", network)
    assert ended.code == 2
    assert "unknown" in ended.err[0]


def test_a_folder_of_something_else_is_left_alone(run: Run, tmp_path: Path) -> None:
    scans = fill(tmp_path / "scans", 1)
    assert run(scans, scans).code == 2
    assert [path.name for path in scans.iterdir()] == ["00000.png"]
    ended = run(scans, scans / "00000.png")
    assert ended == Ended(2, [], [f"inkread: {scans}/00000.png: is a file; name a folder for the results"])


def test_a_second_run_into_the_same_folder_is_refused_while_the_first_is_at_work(finished: Path, run: Run) -> None:
    folder = LocalFolder(Location.of(str(finished / "out")))
    folder.hold()
    try:
        ended = run(finished / "scans", finished / "out")
    finally:
        folder.release()
    assert ended == Ended(2, [], [f"inkread: {finished}/out: another run is writing here; wait until it has finished"])


def test_a_damaged_part_is_named_with_the_way_out(run: Run, tmp_path: Path) -> None:
    scans, out = fill(tmp_path / "scans", 2), tmp_path / "out"
    run(scans, out)
    parts_of(out)[0].write_bytes(b"PAR1")
    ended = run(scans, out)
    assert ended.code == 4
    assert ended.err[0].startswith(f"inkread: {out}/part-000001.parquet: this part is damaged")
    assert ended.err[0].endswith("delete it and run the same command again to read its pictures again")


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"format": 1}', '{"format": 99}'])
def test_a_damaged_manifest_is_named(run: Run, tmp_path: Path, text: str) -> None:
    scans = fill(tmp_path / "scans", 1)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / MANIFEST).write_text(text)
    ended = run(scans, tmp_path / "out")
    assert ended.code == 4
    assert str(tmp_path / "out") in ended.err[0]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["nowhere", "out"], 4),
        (["scans", "out", "--model", "nowhere"], 4),
        (["scans", "out", "--processes", "0"], 2),
        (["scans", "out", "--min-confidence", "2"], 2),
        (["scans", "out", "--region", "1,2"], 2),
        (["scans", "out", "--print", "maybe"], 2),
        (["scans", "out", "--ray", "127.0.0.1:1"], 2),
        (["scans", "ftp://host/out"], 4),
        (["out"], 2),
    ],
)
def test_what_cannot_be_done_is_one_line_and_writes_nothing(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], code: int
) -> None:
    fill(tmp_path / "scans", 1)
    monkeypatch.chdir(tmp_path)
    ended = run(*words)
    assert (ended.code, ended.out, len(ended.err)) == (code, [], 1)
    assert not (tmp_path / "out" / "part-000001.parquet").exists()


def test_without_pyarrow_the_extra_is_named(tmp_path: Path) -> None:
    words = command("batch", tmp_path, tmp_path / "out", setup="sys.modules['pyarrow'] = None")
    ended = subprocess.run(words, capture_output=True, text=True, check=False)
    assert ended.returncode == 3
    assert ended.stderr == f"inkread: reading a batch needs the extra 'batch': {way_to_install('batch')}\n"


def test_options_out_of_range_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    scans = fill(tmp_path / "scans", 1)
    with pytest.raises(inkread.OptionError, match="min_confidence"):
        run_batch([scans], tmp_path / "out", min_confidence=2)
    with pytest.raises(inkread.OptionError, match="processes"):
        run_batch([scans], tmp_path / "out", processes=0)
    assert not (tmp_path / "out").exists()


# Texts


def test_a_small_job_is_written_as_the_csv_that_read_prints(finished: Path, run: Run, tmp_path: Path) -> None:
    assert run(finished / "scans", tmp_path / "r.csv").code == 1
    with (tmp_path / "r.csv").open(newline="") as file:
        rows = sorted(csv.reader(file))
    assert len(rows) == 13
    assert tuple(rows[-1]) == CSV_COLUMNS
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        main(["read", str(finished / "scans"), "--format", "csv", "--profile", "none"])
    assert rows == sorted(csv.reader(io.StringIO(printed.getvalue())))
    assert [row[-2:] for row in rows if row[-2:] != ["", ""]][:2] == [["blank", ""], ["", "truncated"]]


def test_a_small_job_is_written_with_the_delimiter_that_a_spreadsheet_wants(run: Run, tmp_path: Path) -> None:
    fill(tmp_path / "scans", 1)
    assert run(tmp_path / "scans", tmp_path / "r.csv", "--delimiter", ";").code == 0
    columns, row = (tmp_path / "r.csv").read_text().splitlines()
    assert columns == ";".join(CSV_COLUMNS)
    assert len(row.split(";")) == len(CSV_COLUMNS)


def test_a_small_job_is_written_as_json_lines_with_the_keys_that_read_prints(
    finished: Path, run: Run, tmp_path: Path, reader: Reader
) -> None:
    assert run(finished / "scans", tmp_path / "r.jsonl").code == 1
    lines = {line["picture"]: line for line in map(json.loads, (tmp_path / "r.jsonl").read_text().splitlines())}
    about = {"pages", "size", "width", "height", "model", "inkread", "milliseconds"}
    assert len(lines) == 12
    for name, line in lines.items():
        if name.endswith("broken.png"):
            assert line.keys() == {"picture", "error", "pages", "size", "model", "inkread", "milliseconds"}
        else:
            assert {key: value for key, value in line.items() if key not in about} == reader.read(name).to_dict()


def test_a_text_that_is_there_is_not_overwritten(finished: Path, run: Run, tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text("mine")
    assert run(finished / "scans", tmp_path / "r.csv").code == 2
    assert (tmp_path / "r.csv").read_text() == "mine"


def test_a_text_that_is_stopped_is_not_there(finished: Path, tmp_path: Path) -> None:
    asked = iter([False] * 3 + [True] * 1000)
    summary = run_batch([finished / "scans"], tmp_path / "r.csv", processes=1, stop=lambda: next(asked))
    assert summary.stopped
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["scans"],
            "OUT is missing, the file or folder for the results; write: inkread batch scans readings.csv",
        ),
        (["scans", "r.xlsx"], "r.xlsx: results are a .csv or .jsonl file, or a folder of Parquet files"),
        (["scans", "file:///r.csv"], "only folders of Parquet files are written there; name a folder"),
        (["scans", "out", "--force"], "--force: out is continued, never replaced"),
        (["scans", "r.jsonl", "--delimiter", ";"], "--delimiter: r.jsonl is not CSV; omit --delimiter"),
    ],
)
def test_a_wrong_place_for_the_results_is_named(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], said: str
) -> None:
    fill(tmp_path / "scans", 1)
    monkeypatch.chdir(tmp_path)
    ended = run(*words)
    assert (ended.code, ended.out, len(ended.err)) == (2, [], 1)
    assert said in ended.err[0]
    assert [path.name for path in tmp_path.iterdir()] == ["scans"]


# Files with pages


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    """Return a folder with a picture, a PDF and a TIFF of three pages, a PDF of one, and a damaged one."""
    folder = fill(tmp_path / "documents", 1)
    pages = [digit_page(digit) for digit in (1, 4, 7)]
    save_pages(folder / "scan.pdf", pages)
    save_pages(folder / "fax.tif", pages)
    save_pages(folder / "one.pdf", pages[:1])
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7")
    return folder


def test_every_page_of_a_document_gets_a_row(documents: Path, run: Run, tmp_path: Path, reader: Reader) -> None:
    assert run(documents, tmp_path / "out").code == 1
    rows = {str(row["picture"]).removeprefix(f"{documents}/"): row for row in rows_of(tmp_path / "out")}
    assert [(name, row["page"], row["pages"], row["text"]) for name, row in rows.items()] == [
        ("00000.png", 1, 1, "0"),
        ("broken.pdf", None, None, None),
        *((f"fax.tif#{page}", page, 3, text) for page, text in enumerate("147", 1)),
        ("one.pdf", 1, 1, "1"),
        *((f"scan.pdf#{page}", page, 3, text) for page, text in enumerate("147", 1)),
    ]
    printed = [reading.to_dict() for reading in reader.read_pages(documents / "scan.pdf")]
    assert [{name: row[name] for name in printed[0]} for row in list(rows.values())[-3:]] == printed


def test_an_encrypted_document_is_read_with_its_password(run: Run, tmp_path: Path) -> None:
    locked = tmp_path / "locked.pdf"
    locked.write_bytes(encrypted_pdf(b"8 w 60 225 m 140 225 l 90 60 l S ", "geheim"))
    run(locked, tmp_path / "without.csv")
    assert (tmp_path / "without.csv").read_text().endswith(",encrypted\n")
    run(locked, tmp_path / "with.csv", "--password", "geheim")
    assert ",7,7,integer," in (tmp_path / "with.csv").read_text()


def test_chosen_pages_are_read_and_not_read_again(documents: Path, run: Run, tmp_path: Path) -> None:
    out, chosen = tmp_path / "out", ("--pages", "3,2")
    ended = run(documents, out, *chosen)
    assert (ended.code, ended.out[0]) == (1, "7 pictures: 4 read, 0 refused, 3 failed")
    rows = {Path(str(row["picture"])).name: row for row in rows_of(out)}
    assert [name for name in rows if name.startswith("scan.pdf")] == ["scan.pdf#2", "scan.pdf#3"]
    assert rows["scan.pdf#3"]["pages"] == 3
    assert rows["one.pdf"]["error"]["code"] == "bad-option"
    assert rows["one.pdf"]["error"]["message"].endswith("page 3 is not one of them; pages count from 1")
    assert "7 of them in earlier runs" in run(documents, out, *chosen).out[0]
    refused = run(documents, out)
    assert (refused.code, len(refused.err)) == (2, 1)
    assert "--pages 3-3,2-2, not unset" in refused.err[0]


def test_what_is_expected_holds_for_every_picture(run: Run, tmp_path: Path) -> None:
    scans, out = fill(tmp_path / "scans", 3), tmp_path / "out.csv"
    before = {name: row["text"] for name, row in _texts(run, scans, tmp_path / "plain.csv").items()}
    roster = tmp_path / "roster.csv"
    allowed = next(iter(before.values()))
    roster.write_text(f"name,id\nAnna,{allowed}\n")
    words = ("--allowed", roster, "--allowed-column", "id", "--expect", r"\d+")
    rows = _texts(run, scans, out, *words)
    assert {row["text"] or row["refused"] for row in rows.values()} <= {allowed, "unfit"}
    assert next(iter(rows.values()))["text"] == allowed
    parts = tmp_path / "parts"
    assert run(scans, parts, *words).code == 0
    roster.write_text(f"name,id\nAnna,{allowed}\nBert,1041\n")
    refused = run(scans, parts, *words)
    assert (refused.code, len(refused.err)) == (2, 1)
    assert "one of the allowed values (1 values" in refused.err[0]
    kept = run(scans, roster, *words, "--force")
    assert (kept.code, kept.err) == (
        2, [f"inkread: {roster}: this command reads that file, and never replaces it; name another file"]
    )  # fmt: skip


def _texts(run: Run, *words: str | Path) -> dict[str, dict[str, str]]:
    """Run a batch into a CSV file and return its rows by picture."""
    run(*words)
    with Path(words[1]).open(encoding="utf-8", newline="") as file:
        return {row["picture"]: row for row in csv.DictReader(file)}


def test_a_document_is_not_read_again(documents: Path, run: Run, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(documents / "*.pdf", out)
    before = rows_of(out)
    assert run(documents, out).out[0] == "9 pictures: 8 read, 0 refused, 1 failed; 5 of them in earlier runs"
    rows = rows_of(out)
    assert len(rows) == len({row["picture"] for row in rows}) == 9
    assert [row for row in rows if row in before] == before
    assert "9 of them in earlier runs" in run(documents, out).out[0]


def test_the_pages_of_a_file_are_written_together(
    documents: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet_output, "PART_ROWS", 1)
    monkeypatch.setattr(worker_pool, "_TABLE_ROWS", 1)
    run_batch([documents], tmp_path / "out", processes=1)
    for part in parts_of(tmp_path / "out"):
        rows = pq.read_table(part).to_pylist()
        assert all(
            sum(str(other["picture"]).startswith(f"{name}#") for other in rows) == 3
            for name in {str(row["picture"]).partition("#")[0] for row in rows if "#" in str(row["picture"])}
        )


def test_a_page_that_cannot_be_read_is_named_and_the_others_are_read(
    documents: Path, tmp_path: Path, reader: Reader
) -> None:
    def fetch() -> bytes:
        return (documents / "scan.pdf").read_bytes()

    calls = iter([False, True, False])

    class Failing(Reader):
        def run(self, *words: Any, **more: Any) -> Any:
            if next(calls):
                raise MemoryError
            return reader.run(*words, **more)

    rows = read_rows(Failing(), "scan.pdf", fetch, Task(None, ""))
    assert [(row["picture"], row["page"], "error" in row) for row in rows] == [
        ("scan.pdf#1", 1, False),
        ("scan.pdf#2", 2, True),
        ("scan.pdf#3", 3, False),
    ]
    assert files_of(table(rows, Task(None, ""))) == ["scan.pdf"]


# Python


def test_python_gets_the_summary_and_the_progress(finished: Path, tmp_path: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    summary = run_batch(
        [finished / "scans"], tmp_path / "out", processes=2, progress=lambda done, of: seen.append((done, of))
    )
    assert (summary.rows, summary.read) == (12, 10)
    assert (summary.refused, summary.failed) == ({"blank": 1}, {"truncated": 1})
    assert seen[-1] == (12, 12)
    assert len(summary.slowest) == 10
    assert summary.slowest == sorted(summary.slowest, reverse=True)


def test_what_was_done_is_known_however_much_it_is() -> None:
    seen = DonePaths()
    assert seen.add_all(f"scans/{number}.png" for number in range(100_000)) == 100_000
    assert not seen.add("scans/99999.png")
    assert seen.add("scans/100000.png")
    seen.close()


# Memory

TWENTY_READINGS = """
import resource
import numpy as np
from inkread import Reader
from inkread.drawing import draw_digit
from inkread.system import keep_freed

keep_freed()
reader, taken = Reader(profile=None), []
for _ in range(20):
    picture = draw_digit(3, rng=np.random.default_rng(0), size=(300, 300))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    reader.read(picture)
    taken.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
print(sum(taken[10:]))
"""
"""Prints how many pages of memory the last ten readings take from the system."""


@pytest.mark.skipif(sys.platform != "linux", reason="the C libraries of other systems have no such setting")
def test_a_process_that_reads_on_takes_no_new_memory() -> None:
    ended = subprocess.run((sys.executable, "-c", TWENTY_READINGS), capture_output=True, text=True, check=True)
    # Without the setting, there are thousands.
    assert int(ended.stdout) < 500
