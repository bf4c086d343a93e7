"""Holds a results table, in LaTeX, Markdown or CSV, against the published numbers."""
