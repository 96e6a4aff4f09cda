"""Page -> ink: which pixels of a page are ink, and how its ink is connected."""
