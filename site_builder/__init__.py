"""Builds the documentation site: pages of the repository, and a reference made from the code.

Every page is Markdown before the site is built, in a folder of its own: the pages of `docs/`, with
their links as the site needs them, and those that are generated. What builds HTML of them could be
another program.
"""
