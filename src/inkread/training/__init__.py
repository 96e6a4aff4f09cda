"""Trains a network on MNIST and writes its model folder. Needs the extra 'train'.

    from inkread.training import train
    card = train("fast", data="mnist/", out="model/")

Importing this package does not import a training framework. `train` imports it.
"""

from __future__ import annotations

from inkread.training.detector_run import train_detector
from inkread.training.recipes import DETECTOR, RECIPES, DetectorRecipe, Recipe
from inkread.training.run import fine_tune, train

__all__ = ["DETECTOR", "RECIPES", "DetectorRecipe", "Recipe", "fine_tune", "train", "train_detector"]
