"""The data sets that networks are trained and measured on."""

from inkread.datasets.mnist import Mnist, load_mnist

__all__ = ["Mnist", "load_mnist"]
