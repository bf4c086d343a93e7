"""Reports on a result or a trained run: tables and pictures in one page."""
