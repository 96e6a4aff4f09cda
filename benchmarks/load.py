"""Put `inkread web` under load on this machine and write benchmarks/LOAD.md.

python benchmarks/load.py                   10 seconds for each number of clients
python benchmarks/load.py --seconds 60      as the table in README.md was measured

Linux only: memory and processor time of the workers come from /proc. The clients run on the same cores as the service.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import importlib.metadata
import io
import os
import platform
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from inkread import Reader
from inkread.drawing import draw_digit
from inkread.files import whole_file
from inkread.training.provenance import hardware
from measures import INKREAD, ROOT

CLIENTS = (1, 8, 32)
DRAWINGS = 50

WARM_UP = 3
"""Seconds of load before the measurement."""

SETTLE = 5
"""Seconds after which memory no longer falls."""

LIBRARIES = (
    "fastapi",
    "starlette",
    "uvicorn",
    "h11",
    "uvloop",
    "onnxruntime",
    "opencv-python-headless",
    "pillow",
)


@dataclass(frozen=True)
class Shot:
    """The bytes of a request, and the expected status."""

    request: bytes
    status: int


@dataclass
class Step:
    """The measurements for a number of clients that send requests without a pause."""

    clients: int
    seconds: float = 0.0
    waits: list[float] = field(default_factory=list)
    wrong: int = 0
    failed: int = 0
    processor: float = 0.0

    @property
    def rate(self) -> float:
        """Requests a second."""
        return len(self.waits) / self.seconds

    def percentile(self, share: int) -> float:
        """Return a percentile of the response times, in milliseconds."""
        return 1000 * statistics.quantiles(self.waits, n=100, method="inclusive")[share - 1]


class Service:
    """`inkread web` in separate processes."""

    def __init__(self, workers: int) -> None:
        command = [INKREAD, "web", "--port", "0", "--no-browser", "--workers", str(workers)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout  # noqa: S101 - for the type checker
        self.port = int(self.process.stdout.readline().split()[3].rstrip("/").rpartition(":")[2])

    def pids(self) -> list[int]:
        """Return the process ids of the workers."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [int(child) for child in children if "spawn_main" in Path(f"/proc/{child}/cmdline").read_text()]

    def memory(self, which: str) -> int:
        """Return the largest VmRSS (current memory) or VmHWM (peak memory) of a worker, in MB."""
        found = [Path(f"/proc/{pid}/status").read_text().partition(f"{which}:")[2].split()[0] for pid in self.pids()]
        return max(map(int, found)) * 1024 // 1_000_000

    def processor(self) -> float:
        """Return the processor time of all workers, in seconds."""
        fields = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in self.pids()]
        return sum(int(values[11]) + int(values[12]) for values in fields) / os.sysconf("SC_CLK_TCK")

    def end(self) -> None:
        """Stop it as Ctrl-C does."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait(60)


def drawings() -> list[bytes]:
    """Return drawings of digits, 300 x 300, as PNG."""
    rng = np.random.default_rng(0)
    found = []
    for number in range(DRAWINGS):
        file = io.BytesIO()
        Image.fromarray(draw_digit(number % 10, rng=rng, size=(300, 300))).save(file, "PNG")
        found.append(file.getvalue())
    return found


def shots() -> list[Shot]:
    """Return the requests: after every nine drawings, an upload that is truncated, empty or not a picture."""
    rng = np.random.default_rng(1)
    pictures = drawings()
    found = []
    for number, picture in enumerate(pictures):
        found.append(shot(picture, 200))
        if number % 9 == 8:
            cut, noise = picture[: int(rng.integers(60, len(picture) - 100))], rng.bytes(5000)
            found.append([shot(cut, 422), shot(noise, 415), shot(b"", 400)][number // 9 % 3])
    return found


def shot(body: bytes, status: int) -> Shot:
    """Return the request that sends a picture."""
    return Shot(b"POST /api/read HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(body) + body, status)


async def client(port: int, ammunition: list[Shot], first: int, end: float, step: Step) -> None:
    """Send requests one after the other over one connection until the end, and record the answers."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    at = first
    while time.perf_counter() < end:
        current = ammunition[at % len(ammunition)]
        at += 1
        began = time.perf_counter()
        try:
            writer.write(current.request)
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            await reader.readexactly(int(head.partition(b"content-length:")[2].split(b"\r\n")[0]))
        except (OSError, EOFError):
            step.failed += 1
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            continue
        step.waits.append(time.perf_counter() - began)
        step.wrong += int(head[9:12]) != current.status
    writer.close()


async def load(service: Service, clients: int, seconds: float) -> Step:
    """Measure a number of clients at once."""
    step = Step(clients)
    ammunition = shots()
    used, began = service.processor(), time.perf_counter()
    work = (client(service.port, ammunition, 7 * number, began + seconds, step) for number in range(clients))
    await asyncio.gather(*work)
    step.seconds, step.processor = time.perf_counter() - began, service.processor() - used
    return step


def reading_alone() -> float:
    """Return the processor time of reading a drawing without the service, in milliseconds."""
    reader, pictures = Reader(), drawings()
    reader.read(pictures[0])
    began = time.process_time()
    for picture in pictures * 2:
        reader.read(picture)
    return 1000 * (time.process_time() - began) / (2 * len(pictures))


def network_alone() -> tuple[float, float]:
    """Return the milliseconds that the network takes for one glyph, and per glyph in a batch of 32."""
    classifier = Reader().classifier
    glyphs = np.random.default_rng(0).random((32, 28, 28), np.float32)
    found = []
    for count in (1, len(glyphs)):
        seconds = []
        for _ in range(300):
            began = time.perf_counter()
            classifier.classify(glyphs[:count])
            seconds.append(time.perf_counter() - began)
        found.append(1000 * statistics.median(seconds) / count)
    return found[0], found[1]


def report(steps: list[Step], before: int, after: int, peak: int, *, workers: int, others: float) -> Iterator[str]:
    """Yield the lines of LOAD.md."""
    found = hardware()
    alone, (single, batched) = reading_alone(), network_alone()
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in LIBRARIES)
    yield "# The service under load\n"
    yield "Written by `benchmarks/load.py`; run it to measure on your machine."
    yield f"Measured on {found['processor']}, {found['cores']} cores, {found['memory_gib']} GiB, {platform.system()},"
    yield f"Python {platform.python_version()}, {versions}.\n"
    yield f"`inkread web --workers {workers}`, the clients on the same cores; {steps[0].seconds:.0f} s a row."
    yield f"Before it began, {others:.1f} other processes wanted a core on average; above 0.3, times are unreliable."
    yield "Drawings of one digit, 300 x 300, PNG; one upload in ten is truncated, empty or not a picture, and must be"
    yield "refused with the right code.\n"
    yield "| clients | requests a second | p50 | p99 | failed | wrong codes | processor time a request |"
    yield "|---|---|---|---|---|---|---|"
    for step in steps:
        waits = f"{step.percentile(50):.1f} ms | {step.percentile(99):.1f} ms"
        used = f"{1000 * step.processor / len(step.waits):.1f} ms"
        yield f"| {step.clients} | {step.rate:.0f} | {waits} | {step.failed} | {step.wrong} | {used} |"
    by = {step.clients: step for step in steps}
    memory = f"{after - before:+} MB ({before} to {after})"
    yield "\n| what | reached | at least | aim |\n|---|---|---|---|"
    yield f"| requests a second at 32 clients | {by[32].rate:.0f} | 150 | 400 |"
    yield f"| p99 at 8 clients | {by[8].percentile(99):.0f} ms | 100 ms | 40 ms |"
    yield f"| wrong codes and failed requests | {sum(step.wrong + step.failed for step in steps)} | 0 | 0 |"
    yield f"| memory of a worker after it against before | {memory} | +50 MB | +10 MB |"
    yield f"\nA worker uses {peak} MB at its peak. A reading without the service takes {alone:.1f} ms of processor time"
    yield f"in the same run, {single:.2f} ms of it in the network; in batches of 32 the network"
    yield f"would take {batched:.2f} ms per glyph."


async def measure(service: Service, seconds: float) -> tuple[list[Step], int, int, int]:
    """Return the steps, and the memory of a worker before, after and at its peak."""
    # Afterwards every thread has allocated its memory.
    await load(service, max(CLIENTS), WARM_UP)
    await asyncio.sleep(SETTLE)
    before = service.memory("VmRSS")
    steps = [await load(service, clients, seconds) for clients in CLIENTS]
    await asyncio.sleep(SETTLE)
    return steps, before, service.memory("VmRSS"), service.memory("VmHWM")


def main() -> None:
    """Measure and write up."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10, help="for each number of clients")
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    arguments = parser.parse_args()
    if not Path("/proc").is_dir():
        sys.exit("this needs /proc, which only Linux has")
    others = os.getloadavg()[0]
    service = Service(arguments.workers)
    try:
        measured = asyncio.run(measure(service, arguments.seconds))
    finally:
        with contextlib.suppress(ProcessLookupError):
            service.end()
    text = "\n".join(report(*measured, workers=arguments.workers, others=others))
    with whole_file(ROOT / "benchmarks" / "LOAD.md") as path:
        path.write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
