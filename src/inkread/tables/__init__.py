"""Tables: the cells of ruled and printed tables with the numbers in them, and tables that only columns show."""
