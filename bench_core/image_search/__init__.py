"""Search in somebody's own images: folders of any layout, searched by a trained model."""
