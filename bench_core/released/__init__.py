"""Released models that were never plugins: declared in a file, and run as methods."""
