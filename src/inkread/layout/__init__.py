"""Page -> lines of marks: which ink may be a digit."""
