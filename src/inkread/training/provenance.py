"""Provenance: the hardware, versions, checksums and times of a run, for the card."""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import platform
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import inkread
from inkread.files import file_sha256
from inkread.models.files import MODEL_NAME
from inkread.training.history import History
from inkread.training.recipes import DetectorRecipe, Recipe

_LIBRARIES = ("keras", "tensorflow-cpu", "tensorflow", "numpy", "onnxruntime", "tf2onnx")


class Clock:
    """Measures the time of the parts of a run, and the total time since the clock was created."""

    def __init__(self) -> None:
        self._started = time.perf_counter()
        self._parts: dict[str, float] = {}

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Measure the time of the `with` block as the part `name`."""
        started = time.perf_counter()
        yield
        self._parts[name] = time.perf_counter() - started

    def seconds(self) -> dict[str, float]:
        """Return the seconds of each part, and as "total" the seconds since the clock was created."""
        parts = {**self._parts, "total": time.perf_counter() - self._started}
        return {name: round(seconds, 2) for name, seconds in parts.items()}


def versions() -> dict[str, str]:
    """Return the versions of Python, the system and the libraries that train the model."""
    found = {"python": platform.python_version(), "system": f"{platform.system()} {platform.machine()}"}
    for library in _LIBRARIES:
        try:
            found[library] = importlib.metadata.version(library)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def hardware() -> dict[str, Any]:
    """Return the processor's name, the number of cores and the memory in GiB (None if unknown)."""
    return {"processor": _processor(), "cores": os.cpu_count(), "memory_gib": _memory()}


def describe_run(
    recipe: Recipe | DetectorRecipe, seed: int, model: Any, folder: Path, history: History, clock: Clock
) -> dict[str, Any]:
    """Return the fields that the card of every run has: how the network in a model folder was made.

    model: the Keras network whose weights are in `model.onnx` in `folder`.
    """
    return {
        "recipe": recipe.name,
        "settings": recipe.to_dict(),
        "seed": seed,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "inkread": inkread.__version__,
        "versions": versions(),
        "hardware": hardware(),
        "parameters": model.count_params(),
        "weights_sha256": weights_sha256(model.get_weights()),
        "model_sha256": file_sha256(folder / MODEL_NAME),
        "seconds": clock.seconds(),
        "epochs": history.epochs,
    }


def weights_sha256(weights: Iterable[NDArray[np.float32]]) -> str:
    """Return the SHA-256 of all weights, one array after the other, in hexadecimal.

    Model files also contain names and times, so they differ from run to run. This checksum does not.
    """
    digest = hashlib.sha256()
    for array in weights:
        digest.update(np.ascontiguousarray(array, "<f4").tobytes())
    return digest.hexdigest()


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="ignore").splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def _memory() -> float | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    except (AttributeError, ValueError, OSError):
        return None
