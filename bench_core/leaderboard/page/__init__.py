"""The leaderboard as one page that works from disk: its data, and the page around them."""
