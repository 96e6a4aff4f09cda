"""Trained networks at reading time: the classifier and its card."""
