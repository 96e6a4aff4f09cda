"""The optimizers of the recipes. Import this module only after `inkread.keras_backend.load_keras`."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

_DECAY = 0.03


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
    return _adamw(learning_rate, steps, weight_decay=_DECAY, use_ema=True, ema_momentum=0.998)


def muon_cycle(learning_rate: float, steps: int) -> keras.optimizers.Optimizer:
    """Return Muon for the kernels of convolutions, AdamW for the rest; it ends with the average of the last weights.

    Ten epochs of it reach the loss of twenty of AdamW. The rate falls to a fifth of its peak only: weights that wander
    on give an average, over about an eighth of the steps, that reads better than weights that come to rest
    (docs/decisions/training.md).
    """
    return KernelMuon(
        OneCycle(learning_rate, steps, end=0.2),
        adam_beta_2=0.98,
        adam_lr_ratio=1,
        weight_decay=_DECAY,
        adam_weight_decay=_DECAY,
        rms_rate=0.2,
        use_ema=True,
        ema_momentum=1 - 8 / max(steps, 16),
    )


def clipped_muon_cycle(learning_rate: float, steps: int) -> keras.optimizers.Optimizer:
    """Return Muon for the detector: a short rise, a fall nearly to nothing, and gradients of a norm of at most 5.

    A batch holds few pages, and one of print has a hundred times the marks of an empty one.
    """
    return KernelMuon(
        OneCycle(learning_rate, steps, end=0.03, warm_up=0.04),
        adam_beta_2=0.98,
        adam_lr_ratio=1,
        weight_decay=0.01,
        adam_weight_decay=0.01,
        rms_rate=0.2,
        global_clipnorm=5.0,
        use_ema=True,
        ema_momentum=min(0.998, 1 - 8 / max(steps, 16)),
    )


def _adamw(learning_rate: float, steps: int, **settings: Any) -> keras.optimizers.Optimizer:
    return keras.optimizers.AdamW(OneCycle(learning_rate, steps), beta_2=0.98, **settings)


@keras.saving.register_keras_serializable("inkread")
class KernelMuon(keras.optimizers.Muon):  # type: ignore[misc]
    """Muon for the kernels of convolutions, seen as matrices of (side x side x maps in, maps out); AdamW for the rest.

    Muon (Jordan et al. 2024, https://kellerjordan.github.io/posts/muon) takes a step of the same size in all directions
    of a matrix, the nearest orthogonal matrix to the momentum, so that weak directions learn as fast as strong ones.
    Keras's own is for matrices alone and leaves kernels to AdamW. As there, a step is as large as one of AdamW
    (`rms_rate`, Liu et al. 2025, arXiv:2502.16982), so rates and decay that suit the one suit the other.
    """

    def _should_use_adamw(self, variable: Any) -> bool:
        return len(variable.shape) != 4

    def zeropower_via_newtonschulz5(self, x: Any, steps: int) -> Any:
        """Return the nearest orthogonal matrix, nearly, in the shape of the kernel `x`."""
        return ops.reshape(super().zeropower_via_newtonschulz5(_matrix(x), steps), x.shape)

    def lr_adjust(self, x: Any) -> Any:
        """Return a step, in the shape of a kernel, as large as AdamW would take it."""
        return ops.reshape(super().lr_adjust(_matrix(x)), x.shape)


def _matrix(kernel: Any) -> Any:
    return ops.reshape(kernel, (-1, kernel.shape[-1]))


@keras.saving.register_keras_serializable("inkread")
class OneCycle(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]
    """A rate that rises in a straight line to `peak`, then falls in a straight line to a share of it, `end`.

    `warm_up` is the share of the steps until the peak.

    After Smith and Topin 2018, "Super-convergence: very fast training of neural networks using large learning
    rates", whose two lines this keeps without its last annihilation phase.
    """

    start = 0.05  # rate at the first step, as a share of the peak

    def __init__(self, peak: float, steps: int, end: float = 0.001, warm_up: float = 0.2) -> None:
        self.peak = peak
        self.steps = steps
        self.end = end
        self.warm_up = warm_up

    def __call__(self, step: Any) -> Any:
        """Return the rate at `step`, a tensor of any number type."""
        done = ops.cast(step, "float32") / self.steps
        rise = self.start + (1 - self.start) * done / self.warm_up
        fall = (1 - self.end) * ops.maximum((1 - done) / (1 - self.warm_up), 0.0) + self.end
        return self.peak * ops.where(done < self.warm_up, rise, fall)

    def get_config(self) -> dict[str, float]:
        """Return what `__init__` takes, for Keras to save."""
        return {"peak": self.peak, "steps": self.steps, "end": self.end, "warm_up": self.warm_up}
