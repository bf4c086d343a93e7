"""Re-ranking by k-reciprocal neighbours."""
