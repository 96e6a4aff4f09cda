"""Recipes: how a network is trained. They are plain settings; this module does not import a training framework."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, TypeVar

from inkread.errors import OptionError
from inkread.keras_backend import has_bfloat16


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """The settings of a training run.

    name: its name on the command line.
    about: a short description for users.
    network: the name of a function of `inkread.training.networks`; None for the network of the model it continues from.
    optimizer: the name of a function of `inkread.training.optimizers`.
    learning_rate: the constant rate, or the peak of the one-cycle schedule.
    epochs: passes over the training images; after the first, only over the hardest of them.
    batch: images per step.
    hardest: the share of the training images that is used after the first epoch: those with the largest loss.
    smoothing: label smoothing, 0 to 1.
    sample: the number of training images to use, chosen at random; None for all.
    training_glyphs: whether to train on `inkread.training.training_glyphs`, which has MNIST's digits, many others and
        non-digits, instead of MNIST's images.
    precision: the type of the activations. `train` uses "float32" on processors without bfloat16.
    steps_per_call: steps between two returns to Python.
    watches_test: whether test loss and accuracy are shown after each epoch, as in the tutorial. They never select
        anything. Otherwise the test set is used once, at the end.
    writes_h5: whether the tutorial's `mnist.h5` is written too.
    """

    name: str
    about: str
    network: Literal["classic", "fast", "best"] | None
    optimizer: Literal["adam", "one_cycle", "averaged_cycle", "muon_cycle"]
    learning_rate: float
    epochs: int
    batch: int
    hardest: float = 1.0
    smoothing: float = 0.0
    sample: int | None = None
    training_glyphs: bool = False
    precision: Literal["float32", "bfloat16"] = "float32"
    steps_per_call: int = 1
    watches_test: bool = False
    writes_h5: bool = False

    def images(self, of: int, epoch: int) -> int:
        """Return how many of `of` training images are used in epoch number `epoch`, counted from 0."""
        return of if epoch == 0 else max(1, round(of * self.hardest))

    def steps(self, of: int, epoch: int) -> int:
        """Return the number of steps of an epoch over `of` training images."""
        return -(-self.images(of, epoch) // self.batch)

    def to_dict(self) -> dict[str, Any]:
        """Return the settings by name, as on the card."""
        return asdict(self)


RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe(
            name="classic",
            about="The tutorial's network and settings to the letter; about 6 minutes on two cores.",
            network="classic",
            optimizer="adam",
            learning_rate=1e-4,
            epochs=10,
            batch=64,
            watches_test=True,
            writes_h5=True,
        ),
        # The steps of two epochs are enough, since the network is small, reduces the resolution early, has 50 times the
        # tutorial's learning rate and spends the second half on the images that it does not know yet.
        # docs/decisions/training.md has the measurements for each value.
        Recipe(
            name="fast",
            about="The same accuracy in about a twentieth of the time; under 20 seconds on two cores.",
            network="fast",
            optimizer="one_cycle",
            learning_rate=5e-3,
            epochs=3,
            batch=128,
            hardest=0.5,
            smoothing=0.1,
            precision="bfloat16",
            steps_per_call=67,
        ),
        # This is for any hand and any pen, and for non-digits. The network is three times as large as that of `fast`
        # and sees digits of many shapes.
        Recipe(
            name="best",
            about="Finds and reads numbers on any page: a detector, and a network that also learns from glyphs made as "
            "in reading; under two hours on two cores. Needs `make material`.",
            network="best",
            optimizer="muon_cycle",
            learning_rate=8e-3,
            epochs=36,
            batch=256,
            smoothing=0.1,
            training_glyphs=True,
        ),
    )
}

# The low learning rate, and the average with the first weights, preserve what the network knows of other hands and of
# non-digits. A third of MNIST is enough for that.
FINE_TUNE = replace(
    RECIPES["best"],
    name="fine-tune",
    about="Fine-tunes a trained model with your digits among its training data; a minute or two.",
    network=None,
    optimizer="averaged_cycle",
    learning_rate=1e-3,
    epochs=5,
    sample=20_000,
)
"""What `train --own` does without a recipe."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectorRecipe:
    """The settings of a training run of the detector, which finds marks on pages.

    name, about: as for `Recipe`.
    widths: the number of maps at a half, a quarter, an eighth and a sixteenth of the page's resolution.
    blocks: the number of residual blocks at a quarter, an eighth and a sixteenth.
    learning_rate: the peak of the schedule.
    epochs: the number of epochs. A checkpoint is saved after each.
    steps_per_epoch: batches per epoch. This fixes the length of an epoch, since new patches never run out.
    batch: patches per step.
    again: how many of them are repeated from earlier steps.
    kept: the number of earlier steps that they are taken from.
    precision: the type of the activations; "float32" on processors without bfloat16.
    """

    name: str
    about: str
    widths: tuple[int, int, int, int]
    blocks: tuple[int, int, int]
    learning_rate: float
    epochs: int
    steps_per_epoch: int
    batch: int
    again: int
    kept: int
    precision: Literal["float32", "bfloat16"] = "float32"

    def images(self, of: int, epoch: int) -> int:  # noqa: ARG002 - as for `Recipe`
        """Return the number of patches in an epoch."""
        return self.steps_per_epoch * self.batch

    def steps(self, of: int, epoch: int) -> int:  # noqa: ARG002 - as for `Recipe`
        """Return the number of steps of an epoch."""
        return self.steps_per_epoch

    def to_dict(self) -> dict[str, Any]:
        """Return the settings by name, as on the card."""
        return {**asdict(self), "widths": list(self.widths), "blocks": list(self.blocks)}


# Two patches in five are repeated. A repeated patch takes a twentieth of the time of a new one, and the network does
# not overfit to 1 150 patches, since it sees each only a few times.
DETECTOR = DetectorRecipe(
    name="detector",
    about="Finds digits, signs, words and other ink on pages; over an hour on two cores. Needs `make material`.",
    widths=(24, 56, 96, 128),
    blocks=(2, 3, 1),
    learning_rate=3e-3,
    epochs=64,
    steps_per_epoch=250,
    batch=16,
    again=6,
    kept=115,
    precision="bfloat16",
)
"""The recipe of the detector, which finds the marks that the other networks classify."""

BEST_AGAIN = replace(RECIPES["best"], network=None, learning_rate=2.5e-3, epochs=8)
DETECTOR_AGAIN = replace(DETECTOR, learning_rate=1e-3, epochs=16)
"""The settings of `best` for a model that it has trained before. After new shapes of digits have been drawn, this takes
a quarter of the time of a training from the start, with a third of its learning rates."""

AnyRecipe = TypeVar("AnyRecipe", Recipe, DetectorRecipe)


def fit_to_machine(recipe: AnyRecipe, epochs: int | None) -> AnyRecipe:
    """Return a recipe as it will be run: with this number of epochs, and a precision that the processor supports.

    epochs: None for the recipe's number. Raises `OptionError` for less than one epoch.
    """
    if epochs is not None and epochs < 1:
        raise OptionError(f"{epochs} epochs: a training run has at least one")
    precision = recipe.precision if has_bfloat16() else "float32"
    return replace(recipe, epochs=epochs or recipe.epochs, precision=precision)
