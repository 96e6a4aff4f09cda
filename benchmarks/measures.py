"""What is measured, one function a table. Each returns plain numbers that `run.py` saves and writes up."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from inkread.datasets import load_mnist
from inkread.drawing import draw_sheet
from inkread.loading import load_classifier

ROOT = Path(__file__).parents[1]
INKREAD = str(Path(sys.executable).with_name("inkread"))
EXAMPLE = ROOT / "examples" / "6-sideways.jpg"

Result = dict[str, Any]


def time_run(command: Sequence[str | Path]) -> tuple[float, str]:
    """Return the seconds a process took from launch to end, and what it printed. Raises where it failed."""
    # As on a user's machine, where Python keeps the bytecode of what it has imported once.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    started = time.perf_counter()
    run = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False, env=environment)
    seconds = time.perf_counter() - started
    if run.returncode:
        sys.exit(f"{' '.join(map(str, command))} failed: {run.stderr[-2000:]}")
    return seconds, run.stdout


def photo_of_digits(rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return a photo of five lines of ten digits, (3000, 4000, 3) uint8."""
    lines = ["".join(map(str, rng.integers(0, 10, 10))) for _ in range(5)]
    return np.asarray(cv2.resize(draw_sheet(lines, rng=rng, ground="paper", height=220), (4000, 3000)), np.uint8)


def training(folder: Path, *, done: set[str]) -> Iterator[tuple[str, Result]]:
    """Train `classic` with 3 seeds and `fast` with 5, in turns; yield name and result of each run not `done` yet.

    The models stay in `folder`: later measures use the first ones.
    """
    for seed in range(5):
        for recipe, seeds in (("fast", 5), ("classic", 3)):
            if seed < seeds and f"{recipe}-{seed}" not in done:
                out = folder / f"{recipe}-{seed}"
                words = ("--recipe", recipe, "--seed", str(seed), "--out", out, "--force", "--format", "json")
                seconds, printed = time_run((INKREAD, "train", *words))
                card = json.loads(printed)
                result = {"recipe": recipe, "seconds": seconds, "accuracy": card["test"]["accuracy"]}
                yield f"{recipe}-{seed}", {**result, "weights": card["weights_sha256"], "parts": card["seconds"]}


def repeats(folder: Path) -> Result:
    """Train `fast` with seed 0 once more and compare its weights with those of the first run."""
    _, printed = time_run((INKREAD, "train", "--seed", "0", "--out", folder / "again", "--force", "--format", "json"))
    first = json.loads((folder / "fast-0" / "card.json").read_text(encoding="utf-8"))
    return {"same": json.loads(printed)["weights_sha256"] == first["weights_sha256"]}


def one_picture(folder: Path) -> Result:
    """Time the whole process of reading one picture, ours and the tutorial's, in turns; medians of 10."""
    tutorial = (sys.executable, ROOT / "benchmarks" / "tutorial_read.py", folder / "classic-0" / "mnist.h5")
    commands: dict[str, Sequence[str | Path]] = {
        "read": (INKREAD, "read", EXAMPLE),
        "read with figure": (INKREAD, "read", EXAMPLE, "--figure", folder / "steps.png", "--force"),
        "tutorial": (*tutorial, EXAMPLE, folder / "tutorial.png"),
    }
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    for turn in range(11):
        for name, command in commands.items():
            took, _ = time_run(command)
            # The first turn warms the disk cache.
            if turn:
                seconds[name].append(took)
    return {name: statistics.median(took) for name, took in seconds.items()}


def glyphs_a_second(folder: Path) -> Result:
    """Classify MNIST's 10 000 test images, batched on all cores: the shipped models against `classic` in Keras."""
    from inkread.keras_backend import load_keras

    images = np.asarray(load_mnist().test_images / np.float32(255), np.float32)
    shipped, tiny = (load_classifier(model, threads=os.cpu_count() or 1) for model in (None, "tiny"))
    classic = load_keras("the comparison").saving.load_model(folder / "classic-0" / "model.keras")
    ways: dict[str, Callable[[], Any]] = {
        "shipped": lambda: shipped.classify(images),
        "tiny": lambda: tiny.classify(images),
        "classic": lambda: classic.predict(images[..., None], verbose=0),
        "classic in batches of 1000": lambda: classic.predict(images[..., None], batch_size=1000, verbose=0),
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(6):
        for name, way in ways.items():
            started = time.perf_counter()
            way()
            if turn:
                seconds[name].append(time.perf_counter() - started)
    return {name: len(images) / statistics.median(took) for name, took in seconds.items()}


def pictures(data: Path) -> Result:
    """Score the shipped model on real pictures with the yardstick of `../shared/data`."""
    score = (sys.executable, data / "score.py", "--format", "json", "--command", f"{INKREAD} read --format json")
    _, singles = time_run((*score, "--index", data / "pictures" / "index.csv", "--kinds", "single"))
    _, nondigits = time_run((*score, "--index", data / "nondigits" / "index.csv", "--nondigits"))
    found = json.loads(singles)
    _, drawn = time_run((INKREAD, "evaluate", "--data", data / "drawn" / "eval", "--format", "json"))
    return {
        "score": found["score"],
        "ece": found["ece"],
        "misses": [miss[:3] for miss in found["misses"]],
        "refused": json.loads(nondigits)["score"]["all"],
        "drawn": {key: json.loads(drawn)[key] for key in ("right", "of")},
    }


def base_install() -> Result:
    """Install inkread without extras into a new environment; return its size and what it lacks."""
    with tempfile.TemporaryDirectory() as folder:
        environment = Path(folder) / "venv"
        subprocess.run([sys.executable, "-m", "venv", environment], check=True)
        python = environment / "bin" / "python"
        before = [_megabytes(environment, files) for files in FILES]
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", ROOT], check=True)
        has_tensorflow = any(environment.glob("lib/python*/site-packages/tensorflow*"))
        _, text = time_run((python.with_name("inkread"), "read", EXAMPLE))
        whole, bytecode = (_megabytes(environment, files) - size for files, size in zip(FILES, before, strict=True))
        return {"megabytes": whole, "bytecode": bytecode, "tensorflow": has_tensorflow, "reads": text.strip()}


FILES = ("*", "*.pyc")


def _megabytes(folder: Path, files: str) -> float:
    """Return the size of all files whose names fit, in 2**20 bytes, as `du -m` counts."""
    return sum(path.lstat().st_size for path in folder.rglob(files) if not path.is_dir()) / 2**20
