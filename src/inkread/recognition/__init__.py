"""Candidates -> digits, or a refusal."""
