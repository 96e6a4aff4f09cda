"""From a picture to glyphs: opening, ink, layout, glyphs. Each module has one main function."""
