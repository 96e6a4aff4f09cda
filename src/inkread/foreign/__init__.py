"""Model files of other programs: read as data, without running code in them, and written."""
