"""Page -> Handwriting: the ink of a page, and of it what a hand wrote."""
