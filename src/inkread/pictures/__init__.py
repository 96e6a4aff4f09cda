"""Bytes -> page: opening a picture and turning it upright. Each module has one main function."""
