"""Taking models along: from one file format to another, and out of files that nobody vouches for.

    from inkread.converting import convert
    result = convert("mnist.h5", "mnist.onnx")

A file of Keras is read as data, by code of our own: its settings through an allow-list of layers, its weights as plain
arrays. Keras itself never opens it, so there is nothing in it that could be run. Importing this package does not import
a training framework.
"""

from __future__ import annotations

from inkread.converting.convert import Conversion, convert

__all__ = ["Conversion", "convert"]
