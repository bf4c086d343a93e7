"""Names of files beside a trained model."""

FEATURES_FILE = "features.npz"
EXTRACTION_FILE = "extraction.json"
"""What tells how those features were extracted, with their digest."""
