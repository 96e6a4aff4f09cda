"""Measure `inkread batch` on drawings of 300 x 300 pixels and on scans of forms, and write benchmarks/BATCH.md.

    python benchmarks/batch.py              all of it: about 25 minutes on two cores
    python benchmarks/batch.py --scale 0.05 a twentieth of the pictures: about 5 minutes
    python benchmarks/batch.py --only faults

Rates are measured by the runs themselves, from the first rows to the last, without the start-up time. The pictures are
hard links to 500 distinct drawings; every run writes to a new folder.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from PIL import Image

from inkread import Reader
from inkread.batch import Summary
from inkread.batch.cluster import packed
from inkread.batch.locations import DonePaths, Location, chunks
from inkread.batch.manifest import plan
from inkread.batch.parquet_output import Parts
from inkread.batch.rows import table
from inkread.batch.sources import Sources
from inkread.drawing import draw_digit
from inkread.files import whole_file
from inkread.options import ReadOptions
from inkread.training.provenance import hardware
from measures import ROOT, Result, time_run
from times import form_scan

DISTINCT = 500
SIDE = 300
ROUNDS = 3
"""How often each rate is measured. The runs are interleaved, so that other load on the machine affects all of them."""

KILLS = 20

# The assumptions for a billion pictures.
PICTURES = 1_000_000_000

PICTURE_BYTES = 50_000
"""Bytes of a file: a small scan in JPEG. The drawings have 8 kB."""

CORE_PRICE = 0.04
"""Dollars per hour of a core, on demand."""

SPOT_PRICE = 0.015
"""Dollars per hour of a core that may be taken away."""

GET_PRICE = 0.0004
"""Dollars for a thousand read requests to an object store."""

RUN = """
import json, resource, sys
from inkread.batch import run
if __name__ == "__main__":
    options = json.loads(sys.argv[3])
    if "ray" in options:
        import ray
        ray.init(num_cpus=2, include_dashboard=False, logging_level="ERROR")
    summary = run([sys.argv[1]], sys.argv[2], **options)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"rate": summary.rate, "rows": summary.rows, "failed": summary.failed.total(), "peak": peak}))
"""
"""A run in a separate process, which prints its rate and the peak memory of the main process in MiB."""

KILLABLE = """
import sys
import inkread.batch.parquet_output as parts, inkread.batch.worker_pool as workers
parts.PART_ROWS = workers._TABLE_ROWS = 20
from inkread.cli import main
if __name__ == "__main__":
    sys.exit(main(["batch", "--processes", "2", *sys.argv[1:]]))
"""


def fill(folder: Path, count: int) -> Path:
    """Fill a new folder with a number of drawings, and return it."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for number in range(count):
        path = folder / f"{number % 1000:03}" / f"{number:07}.png"
        path.parent.mkdir(exist_ok=True)
        if number < DISTINCT:
            Image.fromarray(draw_digit(number % 10, rng=rng, size=(SIDE, SIDE))).save(path)
        else:
            first = number % DISTINCT
            os.link(folder / f"{first % 1000:03}" / f"{first:07}.png", path)
    return folder


def run(folder: Path, pictures: str = "*.png", **options: Any) -> Result:
    """Read a folder in a separate process; return its measurements and how many rows are lost or doubled."""
    with tempfile.TemporaryDirectory() as results:
        out = Path(results) / "out"
        _, printed = time_run((sys.executable, "-c", RUN, folder, out, json.dumps(options)))
        found: Result = json.loads(printed.splitlines()[-1])
        size = sum(path.stat().st_size for path in out.glob("*.parquet"))
        return {**found, "wrong": wrong(folder, out, pictures), "row_bytes": size / found["rows"]}


def wrong(folder: Path, out: Path, pictures: str = "*.png") -> int:
    """Return how many pictures of a folder have no row or more than one."""
    rows = pq.read_table(out, columns=["picture"])["picture"].to_pylist()
    files = {str(path) for path in folder.rglob(pictures)}
    return len(files.symmetric_difference(rows)) + len(rows) - len(set(rows))


def in_turns(ways: dict[str, Callable[[], Result]]) -> Result:
    """Run the ways alternately; return each one's median rate, its deviation, largest peak and wrong rows."""
    results: dict[str, list[Result]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, way in ways.items():
            results[name].append(way())
            print(f"{name}: {results[name][-1]}", flush=True)
    return {
        name: {
            "rate": statistics.median(result["rate"] for result in found),
            "deviation": statistics.stdev(result["rate"] for result in found),
            "peak": max(result["peak"] for result in found),
            "wrong": sum(result["wrong"] for result in found),
            "row_bytes": found[-1]["row_bytes"],
        }
        for name, found in results.items()
    }


def rates(folder: Path, scale: float) -> Result:
    """Measure one process, two, and Ray on two cores, over 10 000 drawings."""
    pictures = fill(folder / "rates", int(10_000 * scale))
    ways: dict[str, Callable[[], Result]] = {
        "one": lambda: run(pictures, processes=1),
        "two": lambda: run(pictures, processes=2),
        "ray": lambda: run(pictures, processes=2, ray="local"),
    }
    return in_turns(ways)


def forms(folder: Path, scale: float) -> Result:
    """Measure two processes over 100 scans of A4 forms with 40 handwritten numbers each."""
    scans = folder / "forms"
    scans.mkdir()
    rng = np.random.default_rng(0)
    for number in range(int(100 * scale)):
        (scans / f"{number}.jpg").write_bytes(form_scan(rng))
    return in_turns({"two": lambda: run(scans, "*.jpg", processes=2)})


def memory(folder: Path, scale: float) -> Result:
    """Measure the peak memory of the main process over 1 000 drawings and over 100 000."""
    return {
        "few": run(fill(folder / "few", int(1_000 * scale)), processes=2),
        "many": run(fill(folder / "many", int(100_000 * scale)), processes=2),
    }


def wait_for_part(out: Path, process: subprocess.Popen[bytes]) -> None:
    """Wait until a run has written one more part or has ended."""
    before = len(list(out.glob("*.parquet")))
    while len(list(out.glob("*.parquet"))) == before and process.poll() is None:
        time.sleep(0.01)


def faults(folder: Path, scale: float) -> Result:
    """Kill a run twenty times at random moments, then let it finish, and count its wrong rows.

    A run over few pictures may end before it is killed. `kills` counts only the runs that were killed.
    """
    pictures, out = fill(folder / "faults", int(6_000 * scale)), folder / "out"
    rng = random.Random(0)  # noqa: S311 - moments, not secrets
    rows, kills = [], 0
    for kill in range(KILLS):
        words = (sys.executable, "-c", KILLABLE, pictures, out)
        process = subprocess.Popen(words, start_new_session=True, stdout=subprocess.DEVNULL)
        # Every fourth run is killed while it starts.
        if kill % 4:
            wait_for_part(out, process)
        time.sleep(rng.uniform(0.0, 1.0))
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            kills += 1
        process.wait()
        rows.append(len(list(out.glob("*.parquet"))))
    time_run((sys.executable, "-c", KILLABLE, pictures, out))
    return {"kills": kills, "parts": rows, "wrong": wrong(pictures, out), "left": len(list(out.glob(".*")))}


def driver(folder: Path, scale: float) -> Result:
    """Measure how fast one core of the main process lists pictures for a cluster, and receives their rows."""
    names = folder / "list.txt"
    count = int(500_000 * scale)
    names.write_text("".join(f"forms/{number % 1000:03}/{number:09}.png\n" for number in range(count)))
    started, seen = time.process_time(), DonePaths()
    fresh = (entry for entry in Sources([str(names)]).entries() if seen.add(entry.path))
    for chunk in chunks(fresh, lambda: 500):
        packed(chunk)
    listed = count / (time.process_time() - started)
    task, manifest = plan(None, ReadOptions())
    reading = Reader().read(draw_digit(3, rng=np.random.default_rng(0), size=(SIDE, SIDE)))
    row = {**reading.to_dict(), "pages": 1, "size": 8000, "width": SIDE, "height": SIDE, "milliseconds": 8.0}
    rows = [{**row, "picture": f"forms/{number:09}.png"} for number in range(500)]
    block, summary = table(rows, task), Summary()
    parts = Parts(Location(str(folder / "taken")), manifest, [])
    started = time.process_time()
    for _ in range(count // 500):
        parts.add(block)
        summary.add(block)
    parts.close(complete=True)
    taken = count / (time.process_time() - started)
    return {"listed": listed, "taken": taken}


MEASURES: dict[str, Callable[[Path, float], Result]] = {
    "rates": rates,
    "forms": forms,
    "memory": memory,
    "faults": faults,
    "driver": driver,
}


def report(results: Result, scale: float) -> Iterator[str]:
    """Yield BATCH.md line by line."""
    machine = hardware()
    share = "all" if scale == 1 else f"{scale:.0%}"
    yield "# Reading millions of pictures\n"
    yield "Written by `benchmarks/batch.py`; run it to measure on your machine."
    yield f"Measured on {machine['processor']}, {machine['cores']} cores, {machine['memory_gib']} GiB, with"
    yield f"{share} of the pictures (scale {scale:g}): 10 000 for the rates (median of {ROUNDS} interleaved runs, +-"
    yield "standard deviation), 1 000 and 100 000 for memory, 6 000 for the kills."
    yield f"Drawings of {SIDE} x {SIDE} pixels, `--as auto`, the shipped model."
    if scale < 1:
        yield "\n**This was a trial with few pictures. Measure with all of them, on a machine without other load.**"
    yield "\n| what | reached | at least | aim |\n|---|---|---|---|"
    if "rates" in results:
        one, two, ray = (results["rates"][name] for name in ("one", "two", "ray"))
        yield f"| drawings a second, two processes | {two['rate']:.0f} +- {two['deviation']:.0f} | 400 | 800 |"
        yield f"| the same, one process | {one['rate']:.0f} +- {one['deviation']:.0f} | | |"
        yield f"| two processes against one | {two['rate'] / one['rate']:.2f} times | 1.7 | 1.95 |"
        yield f"| Ray on two cores, drawings a second | {ray['rate']:.0f} +- {ray['deviation']:.0f} | | |"
        yield f"| Ray against two processes | {ray['rate'] / two['rate']:.2f} times | 0.7 | 0.9 |"
    if "forms" in results:
        two = results["forms"]["two"]
        rate = f"{two['rate']:.2f} +- {two['deviation']:.2f}"
        yield f"| A4 scans of forms with 40 values a second, two processes | {rate} | 4 | 10 |"
    if "memory" in results:
        few, many = results["memory"]["few"], results["memory"]["many"]
        what = f"peak of the main process, {many['rows']:,} pictures against {few['rows']:,}"
        yield f"| {what} | +{many['peak'] - few['peak']:.1f} MiB | +50 MB | +5 MB |"
        yield f"| that peak | {many['peak']:.0f} MiB | | |"
        yield f"| drawings a second over {many['rows']:,} | {many['rate']:.0f} | | |"
    if "faults" in results:
        killed = results["faults"]
        yield f"| rows lost or doubled after {killed['kills']} kills | {killed['wrong']} | 0 | 0 |"
    undisturbed = [*results.get("rates", {}).values(), *results.get("memory", {}).values()]
    if undisturbed:
        yield f"| rows lost or doubled in the other runs | {sum(result['wrong'] for result in undisturbed)} | 0 | 0 |"
    if "driver" in results:
        listed, taken = results["driver"]["listed"], results["driver"]["taken"]
        yield f"| one core of the main process: pictures listed for a cluster per second | {listed:,.0f} | | |"
        yield f"| the same: rows received and written per second | {taken:,.0f} | | |"
    if {"rates", "driver"} <= results.keys():
        yield from billion(results)


def billion(results: Result) -> Iterator[str]:
    """Yield the cost of a billion pictures at the measured rates."""
    core, ray = results["rates"]["one"]["rate"], results["rates"]["ray"]["rate"] / 2
    hours = PICTURES / ray / 3600
    requests = PICTURES / 1000 * GET_PRICE
    traffic = PICTURES * PICTURE_BYTES
    most = 1 / (1 / results["driver"]["listed"] + 1 / results["driver"]["taken"])
    row_bytes = results["rates"]["two"]["row_bytes"]
    cores = most / ray
    yield "\n## What a billion pictures cost\n"
    kilobytes = f"{PICTURE_BYTES / 1000:.0f} kB"
    yield f"Drawings as above, each a file of {kilobytes} in an object store of the same region. The prices are"
    yield "assumptions at the top of `benchmarks/batch.py`, near the list prices of a large cloud: replace them with"
    yield "yours.\n"
    yield "| what | how | result |\n|---|---|---|"
    yield f"| core-hours | 10^9 / {ray:.0f} a second and core (Ray; {core:.0f} without) / 3600 | {hours:,.0f} |"
    yield f"| cores, on demand | {hours:,.0f} x {CORE_PRICE} $ | {hours * CORE_PRICE:,.0f} $ |"
    yield f"| cores, spot | {hours:,.0f} x {SPOT_PRICE} $ | {hours * SPOT_PRICE:,.0f} $ |"
    yield f"| requests, one per file | 10^6 x {GET_PRICE} $ a thousand | {requests:,.0f} $ |"
    yield f"| the same packed in Parquet, 1 000 a row group | 10^6 requests | {requests / 1000:,.1f} $ |"
    yield f"| input traffic | 10^9 x {kilobytes} | {traffic / 1e12:,.0f} TB |"
    yield f"| traffic of 1 000 cores | 1 000 x {ray:.0f} x {kilobytes} | {ray * PICTURE_BYTES / 1e6:,.1f} GB a second |"
    yield f"| time on 1 000 cores | {hours:,.0f} / 1 000 | {hours / 1000:,.1f} hours |"
    yield f"| results | 10^9 x {row_bytes:.0f} bytes | {row_bytes:,.0f} GB |"
    yield f"| cores that one driver can feed | {most:,.0f} a second / {ray:.0f} | {cores:,.0f} |"


def main() -> None:
    """Measure and write up."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, default=1.0, help="the share of the pictures; default: 1")
    parser.add_argument("--only", choices=MEASURES, action="append", help="what to measure; default: everything")
    options = parser.parse_args()
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    with tempfile.TemporaryDirectory() as folder:
        results = {name: MEASURES[name](Path(folder), options.scale) for name in options.only or MEASURES}
    print(json.dumps(results, indent=1))
    with whole_file(ROOT / "benchmarks" / "BATCH.md") as path:
        path.write_text("\n".join(report(results, options.scale)) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
