"""Features of images: the table, its files, and their extraction."""
