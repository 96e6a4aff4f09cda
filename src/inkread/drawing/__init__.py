"""Draws pictures of handwritten digits and pages, whose labels are known, for training and tests."""

from inkread.drawing.paper import GROUNDS, Ground, lay_ground
from inkread.drawing.pen import PENS, Pen, draw_ink
from inkread.drawing.pictures import digit_ink, draw_digit, draw_sheet, ink_colour, photograph, show
from inkread.drawing.shapes import SHAPES
from inkread.drawing.strokes import Hand, digit_strokes

__all__ = [
    "GROUNDS",
    "PENS",
    "SHAPES",
    "Ground",
    "Hand",
    "Pen",
    "digit_ink",
    "digit_strokes",
    "draw_digit",
    "draw_ink",
    "draw_sheet",
    "ink_colour",
    "lay_ground",
    "photograph",
    "show",
]
