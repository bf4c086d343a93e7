"""Images from files to batches: decode, resize, cache, sample by identity, augment."""
