"""Backbones, necks, GAN blocks and losses that two or more methods use."""
