"""Checking a copy of a dataset: whether it is complete, undamaged and in its place."""
