"""Checkpoints: the state of a long run in the user's cache, so that an interrupted run can continue."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import keras
import numpy as np

from inkread.datasets.download import cache_folder
from inkread.files import whole_file
from inkread.training.history import History, Watcher


class Checkpoint:
    """The state of one run after its last complete epoch: weights, the optimizer's state and the history.

    about: everything that determines the run, as JSON. A run that differs in any of it has another checkpoint.
    """

    def __init__(self, about: Mapping[str, Any]) -> None:
        key = hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:16]
        self.path: Path = cache_folder("checkpoints") / f"{key}.npz"

    def save(self, model: keras.Model, history: History) -> None:
        """Write the state of a compiled model, completely or not at all."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        arrays = [keras.ops.convert_to_numpy(variable) for variable in _state(model)]
        with whole_file(self.path) as path:
            np.savez(path, *arrays, history=np.array(json.dumps(asdict(history))))

    def restore(self, model: keras.Model, history: History) -> int:
        """Restore the saved state of a compiled model and an empty history, and return the number of epochs done.

        Returns 0 if nothing was saved, or if it cannot be read.
        """
        model.optimizer.build(model.trainable_variables)
        state = _state(model)
        try:
            with np.load(self.path) as saved:
                kept = json.loads(str(saved["history"]))
                arrays = [saved[f"arr_{index}"] for index in range(len(state))]
        except (OSError, ValueError, KeyError):
            return 0
        for variable, array in zip(state, arrays, strict=True):
            variable.assign(array)
        history.points[:], history.epochs[:] = kept["points"], kept["epochs"]
        return len(history.epochs)

    def continue_run(self, model: keras.Model, history: History, watcher: Watcher) -> int:
        """Restore the saved state as `restore` does, and tell the watcher."""
        done = self.restore(model, history)
        if done:
            watcher.says(f"continuing after epoch {done} of the interrupted run")
        return done

    def forget(self) -> None:
        """Delete the saved state, since the run is complete."""
        with contextlib.suppress(OSError):
            self.path.unlink()


def _state(model: keras.Model) -> list[Any]:
    """Return all variables that a training step reads and writes."""
    return [*model.variables, *model.optimizer.variables]


class SaveEachEpoch(keras.callbacks.Callback):  # type: ignore[misc]
    """Saves a checkpoint after each epoch. It must come after the callback that fills the history."""

    def __init__(self, checkpoint: Checkpoint, history: History) -> None:
        super().__init__()
        self.checkpoint, self.history = checkpoint, history

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:  # noqa: ARG002 - Keras's signature
        self.checkpoint.save(self.model, self.history)
