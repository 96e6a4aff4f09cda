"""The optimizers of the recipes. Import this module only after `inkread.training.backend.load_keras`."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


def adam(learning_rate: float, steps: int) -> keras.optimizers.Optimizer:  # noqa: ARG001 - one signature for all
    """Return Adam at a constant rate, as the tutorial has it."""
    return keras.optimizers.Adam(learning_rate)


def one_cycle(learning_rate: float, steps: int) -> keras.optimizers.Optimizer:
    """Return AdamW that follows one cycle over `steps` steps, with its peak at `learning_rate`.

    Over so few steps the usual averages of squared gradients (0.999, a memory of 1000 steps) never settle;
    0.98 is worth a tenth of a point.
    """
    return _adamw(learning_rate, steps, weight_decay=1e-4)


def averaged_cycle(learning_rate: float, steps: int) -> keras.optimizers.Optimizer:
    """Return `one_cycle` that ends with the average of the weights over about the last 500 steps.

    An exponential moving average (Polyak and Juditsky 1992); Keras puts it in the place of the weights when `fit` ends.
    Over so many steps weights can grow to learn by heart; a decay of 0.03 keeps them from it.
    """
    return _adamw(learning_rate, steps, weight_decay=0.03, use_ema=True, ema_momentum=0.998)


def _adamw(learning_rate: float, steps: int, **settings: Any) -> keras.optimizers.Optimizer:
    return keras.optimizers.AdamW(OneCycle(learning_rate, steps), beta_2=0.98, **settings)


@keras.saving.register_keras_serializable("inkread")
class OneCycle(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]
    """A rate that rises in a straight line to `peak`, then falls in a straight line to nearly nothing.

    After Smith and Topin 2018, "Super-convergence: very fast training of neural networks using large learning
    rates", whose two lines this keeps without its last annihilation phase.
    """

    warm_up = 0.2  # share of the steps until the peak
    start, end = 0.05, 0.001  # rate at the first and the last step, as a share of the peak

    def __init__(self, peak: float, steps: int) -> None:
        self.peak = peak
        self.steps = steps

    def __call__(self, step: Any) -> Any:
        """Return the rate at `step`, a tensor of any number type."""
        done = ops.cast(step, "float32") / self.steps
        rise = self.start + (1 - self.start) * done / self.warm_up
        fall = ops.maximum((1 - done) / (1 - self.warm_up), 0.0) + self.end
        return self.peak * ops.where(done < self.warm_up, rise, fall)

    def get_config(self) -> dict[str, float]:
        """Return what `__init__` takes, for Keras to save."""
        return {"peak": self.peak, "steps": self.steps}
