"""Result records: where they are kept, and what is written down about a run's origin."""
