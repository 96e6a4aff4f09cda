"""Attack inkread with hostile files of full size, and print time and peak memory of each against the bounds.

python benchmarks/hostile.py                all of them: about five minutes on two cores, and 2 GB of memory at most
python benchmarks/hostile.py scans tar      those whose names contain one of these words

Each attack is one run of `inkread` in a process of its own, with its start-up of half a second and 100 MB. Seconds are
those of the processor, which other programs do not change. The exit code is 1 if an attack exceeds its bounds.
`tests/hostile/` has a small part of it, and the attacks on the service. Linux only, since memory is limited and
measured as Linux does.
"""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "hostile"))

import attacks

from measures import INKREAD, ROOT

SECONDS, MEGABYTES = 5.0, 600
"""The bounds of a page of any file of 25 MB."""

GIVEN_UP = 600
"""Seconds by the clock after which an attack has won. Many, since the machine may be busy."""

ADDRESSES = 6 << 30
"""Bytes of addresses that an attacked process may take; one that is brought down must not take the machine with it."""

PICTURE = ROOT / "examples" / "3-plain.png"


@dataclass(frozen=True)
class Attack:
    """A hostile file and how inkread is asked for it.

    write: writes the file, whose name is given.
    words: the arguments of inkread; `{}` is the name of the file.
    seconds, megabytes: the bounds.
    """

    write: Callable[[Path], object]
    words: tuple[str, ...] = ("read", "{}")
    seconds: float = SECONDS
    megabytes: int = MEGABYTES


def content(make: Callable[[], bytes]) -> Callable[[Path], object]:
    """Return a function that writes what `make` returns."""
    return lambda path: path.write_bytes(make())


def saved(mode: str, side: int, **options: object) -> Callable[[Path], object]:
    """Return a function that writes an empty picture."""
    return lambda path: attacks.blank(side, mode).save(path, **options)  # type: ignore[arg-type]


def teach_many(path: Path) -> None:
    """Write a store with 70 000 lessons."""
    import numpy as np

    from inkread.teaching import Lesson, Profile

    rng = np.random.default_rng(0)
    glyphs = rng.integers(0, 255, (70_000, 28, 28), np.uint8)
    Profile(path=path / "taught.sqlite").add([Lesson(number % 10, glyph) for number, glyph in enumerate(glyphs)])


BATCH = ("batch", "{}", "{}.jsonl", "--processes", "2")
MODEL = ("read", str(PICTURE), "--profile", "none", "--model", "{}")

ATTACKS = {
    "scans.jpg": Attack(content(lambda: attacks.progressive_jpeg(scans=260_000))),
    "scans-allowed.jpg": Attack(content(lambda: attacks.progressive_jpeg(scans=99))),
    "segments.jpg": Attack(content(lambda: attacks.many_segments(count=6_200_000))),
    "junk.jpg": Attack(content(lambda: attacks.junk_in_jpeg(count=25_000_000))),
    "progressive.jpg": Attack(saved("RGB", 10_000, progressive=True)),
    "chunks.png": Attack(content(lambda: attacks.many_chunks(count=2_000_000))),
    "colour.png": Attack(saved("RGB", 10_000)),
    "opacity.png": Attack(saved("RGBA", 7200)),
    "palette.png": Attack(saved("P", 9100)),
    "16-bits.png": Attack(saved("I;16", 10_000)),
    "float.tif": Attack(saved("F", 8300, compression="tiff_deflate")),
    "fax.tif": Attack(saved("1", 10_000, compression="group4")),
    "tags.tif": Attack(content(lambda: attacks.overlapping_tags(pages=10_000, size=24_000_000))),
    "strips.tif": Attack(content(lambda: attacks.many_strips(count=6_000_000))),
    "canvas.webp": Attack(saved("RGB", 5000, lossless=True)),
    "blocks.gif": Attack(content(lambda: attacks.many_blocks(count=12_000_000))),
    "frames.gif": Attack(content(lambda: attacks.many_frames(count=500_000))),
    "run-length.bmp": Attack(content(lambda: attacks.run_length_bmp(side=10_000))),
    "megapixels.jp2": Attack(saved("RGB", 10_000)),
    "dots.png": Attack(lambda path: attacks.dots(100, pitch=10).save(path)),
    "dots-close.png": Attack(lambda path: attacks.dots(330, pitch=8).save(path)),
    "salt.png": Attack(lambda path: attacks.salt(1000).save(path)),
    "salt-wide.png": Attack(lambda path: attacks.salt(2000).save(path)),
    "print.png": Attack(lambda path: attacks.printed_page().save(path)),
    "lists.zip": Attack(lambda path: attacks.zip_of_lists(path, count=33_000_000), ("teach", "--import", "{}")),
    "lessons": Attack(teach_many, ("read", str(PICTURE))),
    "shape.onnx": Attack(attacks.shape_from_data, MODEL),
    # It is ended after `inkread.models.session.LONGEST_RUN`.
    "products.onnx": Attack(lambda path: attacks.shape_from_data(path, elements=4000, products=500), MODEL, seconds=30),
    "sparse.tar": Attack(attacks.sparse_tar, BATCH),
    "zeros.tar.gz": Attack(lambda path: attacks.zeros_tar(path, size=900_000_000), BATCH, seconds=15),
    "name.tar.gz": Attack(lambda path: attacks.long_header_tar(path, size=900_000_000), BATCH, seconds=15),
}


def written(name: str, folder: Path) -> Path:
    """Write the file of an attack in a process of its own, whose memory is then free again, and return its path."""
    path = folder / name
    if name == "lessons":
        path.mkdir()
    if not (child := os.fork()):
        ATTACKS[name].write(path)
        os._exit(0)
    os.waitpid(child, 0)
    return path


def attacked(name: str, path: Path) -> tuple[float, float, str]:
    """Return the seconds of processor time that inkread takes, the megabytes at its peak, and how it ends."""
    words = [word.replace("{}", str(path)) for word in ATTACKS[name].words]
    home = path if path.is_dir() else path.with_suffix(".home")

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (ADDRESSES, ADDRESSES))

    process = subprocess.Popen(
        [INKREAD, *words],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "INKREAD_HOME": str(home)},
        preexec_fn=limit,  # noqa: PLW1509 - there are no threads
    )
    signal.signal(signal.SIGALRM, lambda *_: process.kill())
    signal.alarm(GIVEN_UP)
    assert process.stderr  # noqa: S101 - for the types
    with process.stderr as stderr:
        said = " ".join(stderr.read().split()).replace(f"{path}: ", "").replace(str(path), name)
    _, status, used = os.wait4(process.pid, 0)
    signal.alarm(0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1000, f"{process.returncode} {said[:90]}"


def main() -> int:
    """Run the attacks whose names were asked for, print a row for each, and return 1 if one has won."""
    names = [name for name in ATTACKS if not sys.argv[1:] or any(word in name for word in sys.argv[1:])]
    won = 0
    print(f"{'file':20}{'MB':>7}{'seconds':>9}{'peak MB':>9}  within  ends with")
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            path = written(name, Path(folder))
            size = sum(file.stat().st_size for file in ([path] if path.is_file() else path.iterdir())) / 1e6
            seconds, peak, ending = attacked(name, path)
        given_up = ending.startswith("-")
        within = not given_up and seconds <= ATTACKS[name].seconds and peak <= ATTACKS[name].megabytes
        won += not within
        print(f"{name:20}{size:7.2f}{seconds:9.2f}{peak:9.0f}  {'yes' if within else 'NO':6}  {ending}", flush=True)
    return 1 if won else 0


if __name__ == "__main__":
    sys.exit(main())
