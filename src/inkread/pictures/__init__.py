"""Bytes -> Page: a picture, opened and upright. Each module has one main function."""
