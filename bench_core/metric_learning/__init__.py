"""Metrics that are learned in closed form from labelled features of two modalities."""
