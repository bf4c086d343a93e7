"""A feature table under a protocol becomes scores."""
