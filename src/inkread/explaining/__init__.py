"""Explains an answer: what the network sees in a glyph, which pixels decide, and what would change the answer."""

from inkread.explaining.evidence import Change, Evidence
from inkread.explaining.explanation import Explanation, class_name, explain
from inkread.explaining.layers import Layer

__all__ = ["Change", "Evidence", "Explanation", "Layer", "class_name", "explain"]
