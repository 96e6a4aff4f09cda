"""The detector's network and loss. Import this module only after `inkread.keras_backend.load_keras`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers, ops

from inkread.marks import CENTRE, CHANNELS, CLASSES_FROM, CLASSES_TO, PRINTED, SIDE_UNIT, SIDES_FROM, SIDES_TO
from inkread.training import detector_targets as target

_SIDES_SHARE, _PRINTED_SHARE = 0.5, 0.3
"""The weights of the sides and of print in the loss. Centre and class have the weight 1."""

_FIRST_SCALE = 0.1
"""The initial scale of the output of a residual block, so that each block changes little at first."""


def detector(
    widths: Sequence[int] = (24, 56, 96, 128), blocks: Sequence[int] = (2, 3, 1), precision: str = "float32"
) -> keras.Model:
    """Return the detector: from pages, (N, H, W, 1), to answers, (N, H/4, W/4, 26) float32. `inkread.marks` names them.

    The network is fully convolutional and takes any H and W that are multiples of 16. Residual blocks at a quarter, an
    eighth and a sixteenth of the page's resolution have a receptive field of about 250 pixels. The coarse maps are
    enlarged and added to the finer ones. `precision` is a Keras dtype policy. Weights and answers are float32.
    """
    page = keras.Input((None, None, 1))
    half, quarter, eighth, sixteenth = widths
    maps = _convolution(page, half, precision, size=5, strides=2)
    fine = _stage(maps, quarter, blocks[0], precision)
    middle = _stage(fine, eighth, blocks[1], precision)
    coarse = _stage(middle, sixteenth, blocks[2], precision)
    maps = _add_enlarged(coarse, middle, eighth, precision)
    maps = _add_enlarged(maps, fine, eighth, precision, of=quarter)
    answers = layers.Conv2D(CHANNELS, 1, dtype="float32", name="answers")(maps)
    return keras.Model(page, answers, name="detector")


def _convolution(
    maps: Any, count: int, precision: str, *, size: int = 3, strides: int = 1, activation: str | None = "relu"
) -> Any:
    return layers.Conv2D(
        count,
        size,
        strides=strides,
        padding="same",
        activation=activation,
        kernel_initializer="he_normal",
        dtype=precision,
    )(maps)


def _stage(maps: Any, count: int, blocks: int, precision: str) -> Any:
    """Halve the resolution and add residual blocks."""
    maps = _convolution(maps, count, precision, strides=2)
    for _ in range(blocks):
        change = _convolution(maps, count, precision)
        change = Scale(dtype=precision)(_convolution(change, count, precision, activation=None))
        maps = layers.ReLU(dtype=precision)(layers.Add(dtype=precision)([maps, change]))
    return maps


def _add_enlarged(coarse: Any, fine: Any, count: int, precision: str, *, of: int | None = None) -> Any:
    """Enlarge coarse maps to twice their size, add them to the `of` finer maps, and return `count` maps of both."""
    narrowed = layers.Conv2D(of or count, 1, dtype=precision)(coarse)
    enlarged = layers.UpSampling2D(2, dtype=precision)(narrowed)
    both = layers.ReLU(dtype=precision)(layers.Add(dtype=precision)([enlarged, fine]))
    return _convolution(both, count, precision)


@keras.saving.register_keras_serializable("inkread")
class Scale(layers.Layer):  # type: ignore[misc]
    """Multiplies each map by a learnt number. It replaces normalisation, which is slow here.

    See Zhang et al. 2019, "Fixup initialization: residual learning without normalization".
    """

    def build(self, shape: tuple[int | None, ...]) -> None:
        initializer = keras.initializers.Constant(_FIRST_SCALE)
        self.scale = self.add_weight(shape=(shape[-1],), initializer=initializer, name="scale")

    def call(self, maps: Any) -> Any:
        """Return the maps, scaled."""
        return maps * ops.cast(self.scale, maps.dtype)


def detection_loss(targets: Any, answers: Any) -> Any:
    """Return the loss of a batch of answers, a number.

    targets: the result of `detector_targets`, (N, H/4, W/4, 9).
    answers: (N, H/4, W/4, 26).

    The loss of the centres is the focal loss of heat maps (Zhou et al. 2019, "Objects as points", equation 1), divided
    by the number of marks. The losses of class, sides and print are means over the places near centres.
    """
    weight = targets[..., target.WEIGHT]
    total = ops.sum(weight) + 1e-3
    classes = ops.cast(targets[..., target.CLASS], "int32")
    named = ops.sparse_categorical_crossentropy(classes, answers[..., CLASSES_FROM:CLASSES_TO], from_logits=True)
    printed = ops.binary_crossentropy(targets[..., target.IS_PRINTED], answers[..., PRINTED], from_logits=True)
    sides = answers[..., SIDES_FROM:SIDES_TO] - targets[..., target.SIDES_FROM : target.SIDES_TO] / SIDE_UNIT
    off = ops.sum(ops.abs(sides), axis=-1)
    near = ops.sum(weight * (named + _SIDES_SHARE * off + _PRINTED_SHARE * printed)) / total
    return _centre_loss(targets, answers[..., CENTRE]) + near


def _centre_loss(targets: Any, logits: Any) -> Any:
    heat, sure = targets[..., target.HEAT], ops.sigmoid(logits)
    centre = _centres(targets)
    missed = centre * ops.square(1 - sure) * ops.log_sigmoid(logits)
    beside = (1 - centre) * targets[..., target.COUNTED] * ops.power(1 - heat, 4)
    invented = beside * ops.square(sure) * ops.log_sigmoid(-logits)
    return -ops.sum(missed + invented) / ops.maximum(ops.sum(centre), 1.0)


def class_accuracy(targets: Any, answers: Any) -> Any:
    """Return the share of the marks of a batch whose class has the largest probability at their centre."""
    centre = _centres(targets)
    likeliest = ops.cast(ops.argmax(answers[..., CLASSES_FROM:CLASSES_TO], axis=-1), "float32")
    right = ops.cast(ops.equal(likeliest, targets[..., target.CLASS]), "float32")
    return ops.sum(centre * right) / ops.maximum(ops.sum(centre), 1.0)


def _centres(targets: Any) -> Any:
    """Return 1 at the centres of marks, and 0 elsewhere."""
    return ops.cast(targets[..., target.HEAT] >= 1, "float32")
