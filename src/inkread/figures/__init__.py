"""Figures: drawn with matplotlib, which is imported only when a figure is asked for."""
