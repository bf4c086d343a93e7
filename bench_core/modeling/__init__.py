"""Backbones, necks and losses that two or more methods use."""
