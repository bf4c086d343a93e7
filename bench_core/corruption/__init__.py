"""The pixels of the 20 published corruptions, the same bits on every machine."""
