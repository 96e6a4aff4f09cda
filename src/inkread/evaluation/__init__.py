"""Measures how good a model is on labelled data, compares two models, and writes a report."""
