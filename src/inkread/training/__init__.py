"""Training: from MNIST to a model folder. Needs the extra 'train'.

    from inkread.training import train
    card = train("fast", data="mnist/", out="model/")

Importing this package does not import a training framework yet; `train` does.
"""

from __future__ import annotations

from inkread.training.recipes import RECIPES, Recipe
from inkread.training.run import fine_tune, train

__all__ = ["RECIPES", "Recipe", "fine_tune", "train"]
