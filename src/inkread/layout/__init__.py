"""Handwriting -> rows of candidates: which ink may be a digit."""
