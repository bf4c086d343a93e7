"""Results held to their features: scored again, and compared with their records."""
