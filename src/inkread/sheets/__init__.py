"""Sheets: forms that are printed, filled in by hand and photographed."""
