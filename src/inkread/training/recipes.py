"""Recipes: how a network is trained. Plain settings; nothing here imports a training framework."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, TypeVar

from inkread.errors import OptionError
from inkread.keras_backend import has_bfloat16


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """The settings of a training run.

    name: how the command line calls it.
    about: one sentence for people.
    network: name of a function of `inkread.training.networks`; None for that of the model it goes on from.
    optimizer: name of a function of `inkread.training.optimizers`.
    learning_rate: the constant one, or the peak of the one-cycle schedule.
    epochs: rounds over the training images; after the first, over the hardest of them.
    batch: images a step.
    hardest: share of the training images that is seen after the first epoch: those with the largest loss by then.
    smoothing: label smoothing, 0 to 1.
    sample: how many of the training images it learns from, chosen at random; None for all.
    training_glyphs: whether it learns from `inkread.training.training_glyphs`, MNIST's digits and many more, and so of
        non-digits too, rather than from MNIST's images as they are.
    precision: what activations are computed in; `train` takes "float32" on processors without bfloat16.
    steps_per_call: steps between two returns to Python.
    watches_test: whether test loss and accuracy are shown after each epoch, as the tutorial does, and never chosen
        by; otherwise the test set is looked at once, at the end.
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
        """Return how many of `of` training images epoch number `epoch`, counted from 0, goes through."""
        return of if epoch == 0 else max(1, round(of * self.hardest))

    def steps(self, of: int, epoch: int) -> int:
        """Return the number of steps of an epoch over `of` training images."""
        return -(-self.images(of, epoch) // self.batch)

    def to_dict(self) -> dict[str, Any]:
        """Return the settings by name, as the card keeps them."""
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
        # Two epochs' worth of steps are enough once the network is small, goes to low resolution early, learns at a
        # rate 50 times the tutorial's and spends the second half on what it has not understood yet.
        # docs/decisions/training.md has the measurements behind each value.
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
        # Any hand, any pen, and non-digits: the network is three times as large and sees digits in many forms.
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

# A low rate, and the average with the weights it began with, keep what the network knew of other hands and of what is
# no digit; a third of MNIST is enough to be reminded of them.
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
    widths: maps of the network at a half, a quarter, an eighth and a sixteenth of the page's resolution.
    blocks: residual blocks at a quarter, an eighth and a sixteenth.
    learning_rate: the peak of the schedule.
    epochs: rounds; after each there is a checkpoint.
    steps_per_epoch: batches to a round: there is no end of patches that it could go through.
    batch: patches to a step.
    again: how many of them are patches of the steps before, seen again.
    kept: of how many steps before.
    precision: what activations are computed in; "float32" on processors without bfloat16.
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
        """Return how many patches an epoch goes through."""
        return self.steps_per_epoch * self.batch

    def steps(self, of: int, epoch: int) -> int:  # noqa: ARG002 - as for `Recipe`
        """Return the number of steps of an epoch."""
        return self.steps_per_epoch

    def to_dict(self) -> dict[str, Any]:
        """Return the settings by name, as the card keeps them."""
        return {**asdict(self), "widths": list(self.widths), "blocks": list(self.blocks)}


# Two patches in five are seen again: drawing them costs a twentieth of a new one, and the network does not learn 1 150
# patches by heart in the few times that it sees them.
DETECTOR = DetectorRecipe(
    name="detector",
    about="Finds digits, signs, words and other ink on pages; an hour and a half on two cores. Needs `make material`.",
    widths=(24, 56, 96, 128),
    blocks=(2, 3, 1),
    learning_rate=3e-3,
    epochs=56,
    steps_per_epoch=250,
    batch=16,
    again=6,
    kept=115,
    precision="bfloat16",
)
"""What finds the marks that the other networks name."""

AnyRecipe = TypeVar("AnyRecipe", Recipe, DetectorRecipe)


def fit_to_machine(recipe: AnyRecipe, epochs: int | None) -> AnyRecipe:
    """Return a recipe as it will be run: with these epochs, and a precision that the processor has.

    epochs: None for those of the recipe. Raises `OptionError` for less than one epoch.
    """
    if epochs is not None and epochs < 1:
        raise OptionError(f"{epochs} epochs: a training run has at least one")
    precision = recipe.precision if has_bfloat16() else "float32"
    return replace(recipe, epochs=epochs or recipe.epochs, precision=precision)
