"""Data sets for training and measuring networks."""

from inkread.datasets.mnist import Mnist, load_mnist

__all__ = ["Mnist", "load_mnist"]
