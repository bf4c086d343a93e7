"""The registry of published numbers: what papers and repositories print, with its source."""
