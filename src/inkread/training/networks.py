"""The networks: from glyphs of shape (N, 28, 28, 1) in 0..1 to probabilities, (N, 10), or (N, 11) with non-digits.

Every function takes `precision`, a Keras dtype policy such as "float32" or "mixed_bfloat16". Weights and
probabilities are float32 in both cases. Import this module only after `inkread.keras_backend.load_keras`.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import layers


def classic(precision: str = "float32") -> keras.Sequential:
    """Return the tutorial's network, 3 274 634 parameters.

    28x28x1 -> 32 maps of 28x28 -> pooled to 14x14 -> 64 maps -> pooled to 7x7 -> 3136 numbers -> 1024 -> 10.
    """
    return keras.Sequential(
        [
            layers.Input((28, 28, 1)),
            layers.Conv2D(32, 5, padding="same", activation="relu", dtype=precision),
            layers.MaxPooling2D(2, strides=2, padding="same", dtype=precision),
            layers.Conv2D(64, 5, padding="same", activation="relu", dtype=precision),
            layers.MaxPooling2D(2, strides=2, padding="same", dtype=precision),
            layers.Flatten(dtype=precision),
            layers.Dense(1024, activation="relu", dtype=precision),
            layers.Dropout(0.5, dtype=precision),
            *_answer(),
        ],
        name="classic",
    )


def fast(precision: str = "float32") -> keras.Sequential:
    """Return the network of the recipe `fast`, 70 730 parameters.

    28x28x1 -> 16 maps of 14x14 -> 32 maps -> pooled to 7x7 -> 64 maps -> 64 maps of 4x4 -> 1024 numbers -> 10.
    The first layer already halves the resolution, and the only dense layer is the last one. There is no batch
    normalisation, since it doubles the time of a step on a CPU (docs/decisions/network.md).
    """

    def convolution(maps: int, size: int, strides: int = 1) -> keras.layers.Layer:
        return layers.Conv2D(
            maps,
            size,
            strides=strides,
            padding="same",
            activation="relu",
            kernel_initializer="he_normal",
            dtype=precision,
        )

    return keras.Sequential(
        [
            layers.Input((28, 28, 1)),
            convolution(16, 5, strides=2),
            convolution(32, 3),
            layers.MaxPooling2D(2, dtype=precision),
            convolution(64, 3),
            convolution(64, 3, strides=2),
            layers.Flatten(dtype=precision),
            *_answer(),
        ],
        name="fast",
    )


def best(precision: str = "float32") -> keras.Sequential:
    """Return the network of the recipe `best`, 249 179 parameters, with an eleventh class for non-digits.

    28x28x1 -> 16 maps -> 48 maps of 14x14, twice -> 64 maps of 7x7, twice -> 96 maps of 4x4, twice -> 1536 numbers
    -> 11. Batch normalisation takes no time in reading, since it is then merged into the convolution before it. With a
    first layer that halves the resolution, the network takes five eighths of the time but reads MNIST worse. Averages
    of more maps instead of the 1536 numbers, and shortcuts around the layers, read no better (docs/decisions/tried.md).
    """

    def convolution(maps: int, size: int, strides: int = 1) -> list[Any]:
        return [
            layers.Conv2D(
                maps,
                size,
                strides=strides,
                padding="same",
                use_bias=False,
                kernel_initializer="he_normal",
                dtype=precision,
            ),
            layers.BatchNormalization(momentum=0.98, dtype=precision),
            layers.ReLU(dtype=precision),
        ]

    return keras.Sequential(
        [
            layers.Input((28, 28, 1)),
            *convolution(16, 3),
            *convolution(48, 3, strides=2),
            *convolution(48, 3),
            *convolution(64, 3, strides=2),
            *convolution(64, 3),
            *convolution(96, 3, strides=2),
            *convolution(96, 3),
            layers.Flatten(dtype=precision),
            *_answer(11),
        ],
        name="best",
    )


def in_float32(model: keras.Model, network: str | None) -> keras.Model:
    """Return a float32 copy of a trained network.

    network: the name of its function in this module; None if it has none.
    """
    plain: keras.Model = globals()[network]() if network else keras.models.clone_model(model)
    plain.set_weights(model.get_weights())
    return plain


def _answer(classes: int = 10) -> list[Any]:
    """Return the layers from features to probabilities. They use float32, since a softmax in bfloat16 has 2 digits."""
    return [layers.Dense(classes, dtype="float32"), layers.Activation("softmax", dtype="float32")]
