"""Results on their way into a leaderboard: checked, described, and what they change."""
