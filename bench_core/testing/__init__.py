"""What the tests of a plugin use: the conformance suite and its fixtures."""
