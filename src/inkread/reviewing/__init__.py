"""Reviewing: a person looks at the values that may be wrong, one at a time."""
