"""The optimizers of the recipes. Import this module only after `inkread.keras_backend.load_keras`."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

_DECAY = 0.03


def adam(learning_rate: float, steps: int) -> keras.optimizers.Optimizer:  # noqa: ARG001 - one signature for all
    """Return Adam with a constant learning rate, as in the tutorial."""
    return keras.optimizers.Adam(learning_rate)


def one_cycle(learning_rate: float, steps: int) -> keras.optimizers.Optimizer:
    """Return AdamW that follows one cycle over `steps` steps, with its peak at `learning_rate`.

    The usual average of squared gradients (0.999, a memory of 1000 steps) does not settle in this few steps. With 0.98,
    the accuracy is a tenth of a point higher.
    """
    return _adamw(learning_rate, steps, weight_decay=1e-4)


def averaged_cycle(learning_rate: float, steps: int) -> keras.optimizers.Optimizer:
    """Return `one_cycle` that ends with the average of the weights over about the last 500 steps.

    This is an exponential moving average (Polyak and Juditsky 1992). Keras replaces the weights by it when `fit` ends.
    In this many steps, the weights can grow and the network can overfit. A weight decay of 0.03 prevents this.
    """
    return _adamw(learning_rate, steps, weight_decay=_DECAY, use_ema=True, ema_momentum=0.998)


def muon_cycle(learning_rate: float, steps: int) -> keras.optimizers.Optimizer:
    """Return Muon for the kernels of convolutions and AdamW for the rest. It ends with the average of the last weights.

    Ten epochs reach the loss of twenty epochs of AdamW. The rate falls only to a fifth of its peak. The weights then
    keep moving, and their average over about an eighth of the steps reads better than weights that have settled
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
    """Return Muon for the detector, with a short warm-up, a decay to nearly 0, and gradients clipped to a norm of 5.

    A batch has few pages, and a printed page has a hundred times as many marks as an empty one.
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
    """Muon for the kernels of convolutions, as matrices of (side x side x maps in, maps out), and AdamW for the rest.

    Muon (Jordan et al. 2024, https://kellerjordan.github.io/posts/muon) takes a step of the same size in all directions
    of a matrix: the nearest orthogonal matrix to the momentum. So weak directions learn as fast as strong ones. Keras's
    Muon is only for matrices and uses AdamW for kernels. As in Keras, a step is as large as one of AdamW (`rms_rate`,
    Liu et al. 2025, arXiv:2502.16982), so the same learning rate and weight decay suit both.
    """

    def _should_use_adamw(self, variable: Any) -> bool:
        return len(variable.shape) != 4

    def zeropower_via_newtonschulz5(self, x: Any, steps: int) -> Any:
        """Return approximately the nearest orthogonal matrix, in the shape of the kernel `x`."""
        return ops.reshape(super().zeropower_via_newtonschulz5(_matrix(x), steps), x.shape)

    def lr_adjust(self, x: Any) -> Any:
        """Return a step in the shape of a kernel, as large as a step of AdamW."""
        return ops.reshape(super().lr_adjust(_matrix(x)), x.shape)


def _matrix(kernel: Any) -> Any:
    return ops.reshape(kernel, (-1, kernel.shape[-1]))


@keras.saving.register_keras_serializable("inkread")
class OneCycle(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]
    """A learning rate that rises linearly to `peak`, then falls linearly to the share `end` of the peak.

    `warm_up` is the share of the steps until the peak.

    This is the schedule of Smith and Topin 2018, "Super-convergence: very fast training of neural networks using large
    learning rates", without its last annihilation phase.
    """

    start = 0.05
    """The rate at the first step, as a share of the peak."""

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
        """Return the arguments of `__init__` for Keras to save."""
        return {"peak": self.peak, "steps": self.steps, "end": self.end, "warm_up": self.warm_up}
