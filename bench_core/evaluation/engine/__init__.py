"""The compiled counting of ranks."""
